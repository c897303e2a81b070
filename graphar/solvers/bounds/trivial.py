"""The bound that every graph has at once."""

from __future__ import annotations

from graphar.exact.scale import scale
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.solvers.bounds.rounding import sum_down

__all__ = ["trivial_bound"]

_UNIT, _LARGEST = 2.0**10, 2.0**42  # sums of multiples of 1/1024 up to it are not rounded


def trivial_bound(graph: IsingGraph | SpinHypergraph) -> float:
    """−Σ|J| − Σ|h| + offset, rounded down; exact where couplings and fields are multiples of 1/1024."""
    total = scale(graph)
    couplings = graph.edge_weight if isinstance(graph, IsingGraph) else graph.hyperedge_weight
    values = (_UNIT * each.detach() for each in (couplings, graph.h))
    exact = total < _LARGEST and all(bool((each == each.round()).all()) for each in values)
    return sum_down([-total if exact else -total * (1 + 1e-12), float(graph.offset.item())])
