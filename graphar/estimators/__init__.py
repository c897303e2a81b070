"""Estimators: numbers with their standard errors."""

from graphar.estimators.bounds import TwoSidedBound, two_sided_bound
from graphar.estimators.lost_modes import LostModes, lost_modes
from graphar.estimators.partition import Estimate, FreeEnergy, estimate_from_samples, free_energy

__all__ = [
    "Estimate",
    "FreeEnergy",
    "LostModes",
    "TwoSidedBound",
    "estimate_from_samples",
    "free_energy",
    "lost_modes",
    "two_sided_bound",
]
