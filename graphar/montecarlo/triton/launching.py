"""Where samplers run and how their kernels are launched."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch

from graphar.kernels.triton.availability import installed, interpreted

__all__ = ["KERNELS", "choose_device", "launch", "signed"]

KERNELS = ("auto", "numba", "triton")


def choose_device(kernel: Any, device: torch.device) -> torch.device | None:
    """Where the kernels in Triton run for a graph on a device; None for the compiled loops, which run on the CPU.

    Raises:
        ImportError: ``"triton"`` where it is not installed.
        ValueError: no such kernel, or ``"triton"`` away from GPUs without its interpreter.
    """
    if kernel not in KERNELS:
        raise ValueError(f"kernel must be one of {', '.join(map(repr, KERNELS))}, got {kernel!r}")
    if kernel == "triton":
        if not installed():
            raise ImportError('kernel="triton" needs triton of 3.7 or newer: pip install "graphar-arnn[triton]"')
        if device.type != "cuda" and not interpreted():
            raise ValueError(
                f'kernel must be "auto" or "numba" for a graph on {device}, got "triton", which takes graphs on a GPU '
                "(and others by its interpreter alone, for tests: TRITON_INTERPRET=1 in the environment)"
            )
        return device
    return device if kernel == "auto" and device.type == "cuda" and installed() else None


def launch(function: Any, grid: tuple[int, ...], *arguments: Any, **constants: Any) -> None:
    """Run a jitted function where its last tensors are, one warp a program.

    Products and sums are fused where a kernel says so and nowhere else, so that it rounds as the compiled loops do.
    """
    device = next(part.device for part in arguments if isinstance(part, torch.Tensor))
    with torch.cuda.device(device) if device.type == "cuda" else nullcontext():
        function[grid](*arguments, **constants, num_warps=1, enable_fp_fusion=False)


def signed(key: Any) -> int:
    """A key of 64 bits as torch's int64 has it."""
    return int(key) - 2**64 if int(key) >> 63 else int(key)
