"""Which order and width a model was asked for, resolved once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import torch

from graphar._support.checks import check_count
from graphar.elimination.cost import choose
from graphar.frontier import Frontier, build_frontier
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.heads import Head
from graphar.ordering import Ordering
from graphar.ordering.adjacency import edges_of
from graphar.partial_elimination.order import auto_core_first, choose_width, core_first

__all__ = ["Arrangement", "arrange", "arrange_exact"]

OrderingLike = Ordering | Callable[[Any], Ordering] | None


class Arrangement(NamedTuple):
    """An order of a graph's sites and a width of the dial.

    Attributes:
        ordering: on this very graph.
        exact_width: a number.
        frontier: of the ordering, within components and without radius, where choosing has made it already.
    """

    ordering: Ordering
    exact_width: int
    frontier: Frontier | None = None


def arrange(
    graph: IsingGraph | SpinHypergraph,
    head: Head,
    ordering: OrderingLike,
    exact_width: int | Literal["auto"],
    memory: float,
) -> Arrangement:
    """The order and width that the arguments of a model mean.

    Args:
        graph: the model's own.
        head: whose default order it is, where all sites are learned and none is given.
        ordering: an order, a function that makes one, or None for the default of head and width.
        exact_width: the dial, or ``"auto"`` for the largest width whose tables fit.
        memory: bytes that tables may take.

    Raises:
        ValueError: no such order, or one of another graph; a width that is no count.
    """
    if exact_width != "auto":
        width = check_count(exact_width, "exact_width", 0)
        if ordering is None:
            return Arrangement(core_first(graph, width) if width else head.default_ordering(graph), width)
        return Arrangement(_on(graph, ordering), width)
    if ordering is None:
        whole, width = auto_core_first(graph, memory)
        return (
            Arrangement(head.default_ordering(graph), 0) if whole is None else Arrangement(whole.ordering, width, whole)
        )
    frontier = build_frontier(_on(graph, ordering))
    return Arrangement(frontier.ordering, choose_width(frontier, memory), frontier)


def arrange_exact(graph: IsingGraph | SpinHypergraph, ordering: OrderingLike, memory: float) -> Arrangement:
    """The order of a model whose sites are all exact: the one given, or the cheapest to eliminate."""
    width = max(1, graph.num_spins)
    if isinstance(ordering, Ordering):
        return Arrangement(_on(graph, ordering), width)
    frontier = choose(graph, ordering, memory)
    return Arrangement(frontier.ordering, width, frontier)


def _on(graph: IsingGraph | SpinHypergraph, ordering: Ordering | Callable[[Any], Ordering]) -> Ordering:
    """The ordering on this very graph: it serves any couplings and fields on its edges, or cliques of them."""
    if not isinstance(ordering, Ordering):
        if not callable(ordering):
            raise ValueError(f"ordering must be an Ordering or a function that makes one, got {ordering!r}")
        return ordering(graph)
    if ordering.graph is graph:
        return ordering
    if ordering.graph.num_nodes != graph.num_nodes or not torch.equal(edges_of(ordering.graph), edges_of(graph)):
        raise ValueError(f"ordering must be of this graph, got one of {ordering.graph!r}")
    return Ordering(graph, ordering.sites, ordering.name)
