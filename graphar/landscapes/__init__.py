"""The objective as a function of the weights: planes through it, and its curvature."""

from graphar.landscapes.hessian import HessianEigenvalues, hessian_eigenvalues
from graphar.landscapes.plane import Landscape, landscape

__all__ = ["HessianEigenvalues", "Landscape", "hessian_eigenvalues", "landscape"]
