"""Which kind of Hamiltonian a function takes, and what to do with another."""

from __future__ import annotations

from typing import Any

from graphar.hamiltonians.hypergraph import SpinHypergraph
from graphar.hamiltonians.ising import IsingGraph

__all__ = ["check_field_free", "check_hamiltonian", "check_ising", "is_symmetric", "pairs_alone"]


def check_ising(graph: Any, name: str = "graph", alone: bool = False) -> IsingGraph:
    """An :class:`IsingGraph`; a ValueError for anything else, a hypergraph among them, and for batches if ``alone``."""
    if isinstance(graph, SpinHypergraph):
        way = "to_ising() makes one of it" if graph.order <= 2 else "to_pairwise() makes one of it with further spins"
        raise ValueError(f"{name} must be an IsingGraph, with couplings of pairs alone, got {graph!r}; {way}")
    if not isinstance(graph, IsingGraph):
        raise ValueError(f"{name} must be an IsingGraph, got {type(graph).__name__}")
    return _alone(graph, name) if alone else graph


def pairs_alone(graph: IsingGraph | SpinHypergraph, what: str) -> IsingGraph:
    """The graph of a Hamiltonian whose interactions are all pairs; a ValueError with ``what`` asks for that if not."""
    if isinstance(graph, IsingGraph):
        return graph
    if graph.order > 2:
        raise ValueError(
            f"graph must have interactions of pairs alone for {what}, got {graph!r}; to_pairwise() makes pairs of "
            "them with further spins"
        )
    return graph.to_ising()


def check_hamiltonian(graph: Any, name: str = "graph", alone: bool = False) -> IsingGraph | SpinHypergraph:
    """An :class:`IsingGraph` or a :class:`SpinHypergraph`; a ValueError for anything else, and as above."""
    if not isinstance(graph, (IsingGraph, SpinHypergraph)):
        raise ValueError(f"{name} must be an IsingGraph or a SpinHypergraph, got {type(graph).__name__}")
    return _alone(graph, name) if alone else graph


def _alone(graph: Any, name: str) -> Any:
    if getattr(graph, "batch", None) is not None:
        raise ValueError(f"{name} must be one graph, got a batch of {graph.num_graphs}; take its graphs in turn")
    return graph


def check_field_free(graph: IsingGraph) -> None:
    """A ValueError where there are fields, for what sums over even subgraphs."""
    if graph.has_field:
        raise ValueError(
            "graph must have no field (h = 0), got one; graphar.exact.eliminate takes fields, on graphs of small width"
        )


def is_symmetric(graph: IsingGraph | SpinHypergraph) -> bool:
    """Whether H(−x) = H(x)."""
    odd = not isinstance(graph, IsingGraph) and bool((graph.orders % 2 == 1).any())
    return not (odd or graph.has_field)
