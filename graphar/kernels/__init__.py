"""Kernels: how samples, log-probabilities and gradients are computed."""

from graphar.kernels.base import Kernel, Samples
from graphar.kernels.select import select_kernel

__all__ = ["Kernel", "Samples", "select_kernel"]
