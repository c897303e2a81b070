"""Kernels: how samples, log-probabilities and gradients are computed."""

from graphar.kernels.base import Kernel, Samples
from graphar.kernels.compiled.levels import LevelsKernel
from graphar.kernels.compiled.linear import LinearKernel
from graphar.kernels.reference.cuda_graph import CudaGraphKernel
from graphar.kernels.reference.levels import ReferenceKernel

__all__ = ["CudaGraphKernel", "Kernel", "LevelsKernel", "LinearKernel", "ReferenceKernel", "Samples"]
