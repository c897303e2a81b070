"""Whether fused kernels can run; imports no Triton."""

from __future__ import annotations

import os
from functools import cache
from importlib.metadata import PackageNotFoundError, version

import torch

__all__ = ["check_device", "check_runs", "installed", "interpreted"]

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


def check_runs() -> None:
    """Nothing where fused kernels can run on this machine, on some device.

    Raises:
        ImportError: Triton is not installed, or too old.
        ValueError: there is no GPU, and Triton's interpreter has not been asked for.
    """
    if not installed():
        raise ImportError('kernel="triton" needs triton of 3.7 or newer: pip install "graphar-arnn[triton]"')
    if not torch.cuda.is_available() and not interpreted():
        raise ValueError(
            'kernel must be "auto", "reference" or "numba" on a machine without a GPU, got "triton" (which runs there '
            "by its interpreter alone, for tests: TRITON_INTERPRET=1 in the environment)"
        )


def check_device(device: torch.device) -> None:
    """Nothing where fused kernels can run on a device.

    Raises:
        ValueError: it is no GPU, and Triton's interpreter has not been asked for.
    """
    if device.type != "cuda" and not interpreted():
        raise ValueError(f'kernel="triton" must be used on a GPU, by model.to("cuda"), got a model on {device}')
