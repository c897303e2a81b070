"""Kernels: how samples, log-probabilities and gradients are computed."""

from graphar.kernels.numba_cpu import NumbaKernel
from graphar.kernels.reference import ReferenceKernel, Sampled

__all__ = ["NumbaKernel", "ReferenceKernel", "Sampled"]
