"""Lower bounds on energies, valid with all rounding counted."""

from graphar.solvers.bounds.lower_bound import LowerBound, lower_bound

__all__ = ["LowerBound", "lower_bound"]
