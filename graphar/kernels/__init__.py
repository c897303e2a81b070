"""Kernels: how samples, log-probabilities and gradients are computed."""

from graphar.kernels.reference import ReferenceKernel, Sampled

__all__ = ["ReferenceKernel", "Sampled"]
