"""Whether fused kernels can run; imports no Triton."""

from __future__ import annotations

import os
from functools import cache
from importlib.metadata import PackageNotFoundError, version

import torch

__all__ = ["check_runs", "installed", "interpreted"]

OLDEST = (3, 7)  # that kernels are tested with


@cache
def installed() -> bool:
    """Whether Triton is, and new enough."""
    try:
        major, minor = version("triton").split(".")[:2]
    except PackageNotFoundError:
        return False
    return (int(major), int(minor)) >= OLDEST


def interpreted() -> bool:
    """Whether Triton's interpreter is to run kernels, which it then does on any device."""
    return os.environ.get("TRITON_INTERPRET", "").lower() in ("1", "true", "yes", "on", "y")


def check_runs(device: torch.device) -> None:
    """Nothing where a model on a device can be given fused kernels.

    Raises:
        ImportError: Triton is not installed, or too old.
        ValueError: the device is no GPU, and Triton's interpreter has not been asked for.
    """
    if not installed():
        raise ImportError('kernel="triton" needs triton of 3.7 or newer: pip install "graphar-arnn[triton]"')
    if device.type != "cuda" and not interpreted():
        raise ValueError(
            f'kernel must be "auto", "reference" or "numba" for a model on {device}, got "triton" (which runs there '
            "by its interpreter alone, for tests: TRITON_INTERPRET=1 in the environment)"
        )
