"""Estimators: numbers with their standard errors."""

from graphar.estimators.bounds import TwoSidedBound, two_sided_bound
from graphar.estimators.partition import Estimate, FreeEnergy, estimate_from_samples, free_energy

__all__ = ["Estimate", "FreeEnergy", "TwoSidedBound", "estimate_from_samples", "free_energy", "two_sided_bound"]
