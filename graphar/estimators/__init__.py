"""Estimators: numbers with their standard errors."""

from graphar.estimators.partition import Estimate, FreeEnergy, estimate_from_samples, free_energy

__all__ = ["Estimate", "FreeEnergy", "estimate_from_samples", "free_energy"]
