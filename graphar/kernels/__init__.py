"""Kernels: how samples, log-probabilities and gradients are computed."""

from graphar.kernels.base import Kernel, Sampled
from graphar.kernels.numba_cpu import NumbaKernel
from graphar.kernels.numba_levels import NumbaLevelsKernel
from graphar.kernels.recorded import RecordedKernel
from graphar.kernels.reference import ReferenceKernel

__all__ = ["Kernel", "NumbaKernel", "NumbaLevelsKernel", "RecordedKernel", "ReferenceKernel", "Sampled"]
