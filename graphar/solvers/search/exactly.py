"""Exact methods on a part, the cheapest that fits in the time: elimination, matching, linear algebra over GF(2)."""

from __future__ import annotations

from graphar.elimination.cost import within
from graphar.exact.eliminate import eliminate
from graphar.exact.ground_state import GroundState, matched_ground_state
from graphar.exact.parities import satisfiable_parities
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.ordering import rcm
from graphar.ordering.adjacency import edges_of

__all__ = ["by_elimination", "by_matching", "by_parities"]

_MEMORY = 1e9  # bytes that tables may take
_ORDERED_PER_SECOND = 2_000  # spins of wide graphs, by the orders that find the smallest widths
_WIDTH_TOO_LARGE = 25  # a graph of width w has at most wN edges
_MATCHED_PER_SECOND = 2_000  # spins; ±1 couplings have taken that long at worst


def by_elimination(graph: IsingGraph | SpinHypergraph, seconds: float) -> GroundState | None:
    """Ground state of a graph that is narrow enough; None where it would take longer."""
    n = graph.num_spins
    edges = graph.num_couplings if isinstance(graph, IsingGraph) else edges_of(graph).shape[1] // 2
    if n > _WIDTH_TOO_LARGE and edges > _WIDTH_TOO_LARGE * n:
        return None
    pairs = graph if isinstance(graph, IsingGraph) else graph.skeleton()
    slow = n > _ORDERED_PER_SECOND * seconds
    frontier = within(pairs, seconds, _MEMORY, rcm if slow else None)
    if frontier is None:
        return None
    exact = eliminate(graph, 1.0, frontier.ordering, memory=_MEMORY)
    return GroundState(exact.ground_state, exact.ground_energy.item(), 0.0, "elimination")


def by_matching(graph: IsingGraph | SpinHypergraph, seconds: float) -> GroundState | None:
    """Ground state of a graph on a plane or a torus without fields; None of others, or where matching proves none."""
    if graph.num_spins > _MATCHED_PER_SECOND * seconds:
        return None
    try:
        return matched_ground_state(graph)
    except ValueError:
        return None  # energies leave float64


def by_parities(graph: IsingGraph | SpinHypergraph) -> GroundState | None:
    """Ground state where all interactions can be satisfied at once; None elsewhere."""
    equations = satisfiable_parities(graph)
    if equations is None:
        return None
    spins = equations.ground_state
    return GroundState(spins, float(graph.energy(spins)), 0.0, "parities")
