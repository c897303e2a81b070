"""What an elimination will take, and the order that takes least."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor

from graphar.elimination.groups import MAX_GROUP, heights
from graphar.frontier import Frontier, build_frontier
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.ordering import Ordering, min_degree, min_fill, nested_dissection, rcm

__all__ = ["choose", "predict", "within"]

BUFFERS = 3  # tables of all sites held at once: log-odds, and two at work
TEMPORARIES = 8  # tables of one group held at once
SECONDS_PER_ENTRY, SECONDS_PER_GROUP = 2e-8, 2e-4  # measured on one CPU core; a child counts as a table of its parent
SECONDS_PER_TERM_ENTRY = 2e-9  # of an interaction of more than two, for each entry of the table that takes it
MAX_SITES_MIN_FILL = 2_000  # sites up to which minimum fill, slow but often narrower, is tried
SECONDS_WORTH_A_SLOW_ORDER = 1.0  # seconds below which no slow order is tried
WIDTH_PAST_HELP = 64  # nor above this width: no order halves it

OrderingLike = Ordering | Callable[[Any], Ordering]


def predict(frontier: Frontier, sites: Tensor | None = None) -> tuple[float, float]:
    """Bytes and seconds that one elimination (one β) of all ranks, or of those of a mask (N,), will take.

    It asks for the elimination tree, the number of parents and that of larger interactions alone, so any width may be
    predicted.
    """
    parent, width = frontier.parent.numpy(), frontier.num_parents.numpy()
    n = len(parent)
    children = np.bincount(parent[parent >= 0], minlength=n)
    height = heights(parent)
    terms = frontier.many[0].diff().numpy()  # by the last of their spins
    if sites is not None:
        width, children, height, terms = (each[sites.cpu().numpy()] for each in (width, children, height, terms))
    size = np.exp2(np.minimum(width, 1000).astype(np.float64))
    total, largest = size.sum(), max(size.max(initial=1.0), min(size.sum(), MAX_GROUP))
    groups = len(np.unique(height * (n + 1) + width)) + total / MAX_GROUP
    held = 8.0 * (BUFFERS * total + TEMPORARIES * largest + 2 * width.sum() + 4 * n)
    seconds = SECONDS_PER_ENTRY * (size * (1 + children)).sum() + SECONDS_PER_TERM_ENTRY * (size * terms).sum()
    return float(held), float(seconds + SECONDS_PER_GROUP * groups)


def choose(graph: IsingGraph | SpinHypergraph, ordering: OrderingLike | None, memory: float) -> Frontier:
    """Frontier of the given order, or of the cheapest of ours; a ValueError where it needs more memory than this."""
    if ordering is None:
        frontier = _cheapest(graph, memory)
    elif isinstance(ordering, Ordering):
        if len(ordering) != graph.num_spins:
            raise ValueError(f"ordering must be of {graph.num_spins} sites, got {len(ordering)}")
        frontier = build_frontier(Ordering(graph, ordering.sites, ordering.name))
    else:
        frontier = build_frontier(ordering(graph))
    held, seconds = predict(frontier)
    if held > memory:
        tried = "the best of the orders tried" if ordering is None else "the order given"
        raise ValueError(
            f"graph is too wide to be eliminated within memory={memory / 1e9:.3g} GB: under {tried} "
            f"({frontier.ordering.name}) it has width {frontier.width} and needs {held / 1e9:.3g} GB and about "
            f"{seconds:.2g} s for each β; fix more spins, raise memory, or estimate with graphar.free_energy"
        )
    return frontier


def within(
    graph: IsingGraph | SpinHypergraph, seconds: float, memory: float, ordering: OrderingLike | None = None
) -> Frontier | None:
    """:func:`choose`, or None where one elimination would not fit in the memory, or take longer."""
    try:
        frontier = choose(graph, ordering, memory)
    except ValueError:
        return None
    return frontier if predict(frontier)[1] <= seconds else None


def _cheapest(graph: IsingGraph | SpinHypergraph, memory: float) -> Frontier:
    """By predicted time, orders that fit in memory first; slow orders only where they may help."""

    def key(frontier: Frontier) -> tuple[bool, float]:
        held, seconds = predict(frontier)
        return held > memory, seconds

    best = min((build_frontier(order(graph)) for order in (min_degree, rcm)), key=key)
    if key(best) > (False, SECONDS_WORTH_A_SLOW_ORDER) and best.width <= WIDTH_PAST_HELP:
        orders = [nested_dissection, min_fill] if graph.num_spins <= MAX_SITES_MIN_FILL else [nested_dissection]
        best = min((best, *(build_frontier(order(graph)) for order in orders)), key=key)
    return best
