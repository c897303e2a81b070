"""How fused kernels are launched, and by how many threads."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch

from graphar.kernels.triton.availability import check_device

__all__ = ["BLOCK", "FEATURES", "LOG_EVERY", "OPTIONS", "PROGRAMS", "TILE", "launch", "on_device"]

BLOCK = 64
"""Samples of a program: as many as share their lanes of random bits."""
TILE = 8
"""Rows that a program reads at a time."""
FEATURES = 8
"""What a gate of messages reads, and a one for its bias."""
LOG_EVERY = 512
"""Factors 1 + e ≤ 2 whose product is finite in float64."""
PROGRAMS = 4096
"""Programs that draw at once, with rows of their own."""
OPTIONS: dict[str, Any] = {"num_warps": 2, "enable_fp_fusion": True}  # a thread for each sample


def launch(function: Any, grid: tuple[int, ...], device: torch.device, *arguments: Any, **constants: Any) -> None:
    """Run a jitted function on the device that holds its arguments."""
    check_device(device)
    with torch.cuda.device(device) if device.type == "cuda" else nullcontext():
        function[grid](*arguments, **constants, **OPTIONS)


def on_device(plan: Any, device: torch.device) -> Any:
    """The arrays of a NamedTuple as tensors there."""
    return type(plan)(*(torch.from_numpy(part).to(device) for part in plan))
