"""Smaller graphs with the same ground energy."""

from graphar.solvers.reductions.components import Components, components
from graphar.solvers.reductions.reduction import Reduction, reduce

__all__ = ["Components", "Reduction", "components", "reduce"]
