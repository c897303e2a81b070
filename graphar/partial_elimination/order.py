"""Which sites are exact at a width, what their tables take, and the order that makes most of it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from graphar._support.checks import check_count
from graphar.elimination.cost import predict
from graphar.frontier import Frontier, build_frontier
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.hamiltonians.interactions import clique_ends
from graphar.hamiltonians.kinds import check_hamiltonian
from graphar.ordering import Ordering, min_degree, rcm

__all__ = [
    "MAX_WIDTH",
    "auto_core_first",
    "choose_width",
    "core_edges",
    "core_first",
    "exact_ranks",
    "outgoing_tables",
    "own_pairs",
    "predict_tables",
    "whole_interactions",
]

MAX_WIDTH = 30  # codes of a table are 32-bit integers


def exact_ranks(frontier: Frontier, width: int) -> Tensor:
    """Mask of the ranks that are exact at this width, with all their descendants, shape (N,)."""
    from graphar.ordering.compiled import elimination_tree as tree

    return torch.from_numpy(tree.closed_below(frontier.parent.numpy(), (frontier.num_parents <= width).numpy()))


def predict_tables(frontier: Frontier, exact: Tensor) -> tuple[float, float]:
    """Bytes and seconds that the tables of exact ranks, a mask (N,), will take at each β."""
    held, seconds = predict(frontier, exact)
    above = frontier.parent.clamp(min=0)
    left = frontier.num_parents[exact & (frontier.parent >= 0) & ~exact[above]].double()
    return held + 8 * 8 * float(torch.exp2(left.clamp(max=1000)).sum()), seconds  # transforms of those left to the core


def choose_width(frontier: Frontier, memory: float) -> int:
    """Least ``exact_width`` of those with most exact sites whose tables are predicted to fit in so many bytes."""
    best, most = 0, 0
    for width in range(1, min(max(1, frontier.width), MAX_WIDTH) + 1):
        exact = exact_ranks(frontier, width)
        if predict_tables(frontier, exact)[0] > memory:
            break
        if int(exact.sum()) > most:
            best, most = width, int(exact.sum())
    return best


def auto_core_first(graph: IsingGraph | SpinHypergraph, memory: float) -> tuple[Frontier | None, int]:
    """Frontier of :func:`core_first` at the largest width whose tables fit in so many bytes; none at width 0."""
    general = build_frontier(min_degree(graph))
    width = choose_width(general, memory)
    while width:
        # reordering the core can make more of its sites exact than minimum degree had
        frontier = build_frontier(_core_first(general, width))
        if predict_tables(frontier, exact_ranks(frontier, width))[0] <= memory:
            return frontier, width
        width -= 1
    return None, 0


def core_first(graph: IsingGraph | SpinHypergraph, width: int) -> Ordering:
    """The core, in reverse Cuthill–McKee order of its own graph, then the exact sites of minimum degree in reverse.

    Args:
        graph: couplings and fields.
        width: largest separator of an exact site, the ``exact_width`` of a model; 0 makes isolated sites exact.

    >>> import graphar as ga
    >>> len(core_first(ga.grid((3, 3)), width=2))
    9
    """
    check_hamiltonian(graph, alone=True)
    width = check_count(width, "width", 0)
    return _core_first(build_frontier(min_degree(graph)), width)


def _core_first(general: Frontier, width: int) -> Ordering:
    """:func:`core_first` from the frontier of minimum degree."""
    exact = exact_ranks(general, width)
    edges, _ = core_edges(general, exact)
    kept = (~exact).nonzero()[:, 0]
    members, orders, _ = whole_interactions(general, ~exact)
    ends = clique_ends((torch.cumsum(~exact, 0) - 1)[members], orders, len(kept))
    edges = torch.cat([edges, ends], dim=1)
    ones = torch.ones(edges.shape[1])
    skeleton = IsingGraph.from_edges(edges, ones, num_nodes=len(kept), duplicates="sum") if len(kept) else None
    first = kept[rcm(skeleton).sites] if skeleton is not None else kept
    sites = general.ordering.sites[torch.cat([first, exact.nonzero()[:, 0]])]
    return Ordering(general.graph, sites, f"core of width {width}")


def whole_interactions(frontier: Frontier, ends: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Interactions of more than two spins whose last rank is of a mask (N,): if it is of the core, so are the others.

    Returns:
        Ranks of their members, one interaction after the other, how many each has, and the arrivals of their couplings.
    """
    ptr, arrivals, others_ptr, others = frontier.many
    last = torch.repeat_interleave(torch.arange(frontier.num_spins), ptr.diff())
    member = torch.cat([others, last])
    of = torch.cat([torch.repeat_interleave(others_ptr.diff()), torch.arange(len(last))])
    member = member[(of * frontier.num_spins + member).argsort()]
    chosen, orders = ends[last], others_ptr.diff() + 1
    return member[torch.repeat_interleave(chosen, orders)], orders[chosen], arrivals[chosen]


def core_edges(frontier: Frontier, exact: Tensor) -> tuple[Tensor, np.ndarray]:
    """Edges between ranks kept, in their own numbering and sorted by (later, earlier), and the keys they sort by.

    They are the graph's own and those that join the separators of the tables left by exact ranks.
    """
    number = torch.cumsum(~exact, 0) - 1
    size = int((~exact).sum())
    _, source, target = own_pairs(frontier, exact)
    keys = [(number[target] * size + number[source]).numpy()]
    for _, parents in outgoing_tables(frontier, exact):
        members = number[parents]
        low, high = torch.triu_indices(parents.shape[1], parents.shape[1], offset=1)
        keys.append((members[:, high] * size + members[:, low]).flatten().numpy())
    key = np.unique(np.concatenate(keys))
    return torch.from_numpy(np.stack([key % max(1, size), key // max(1, size)])), key


def own_pairs(frontier: Frontier, exact: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Couplings of pairs between ranks kept: their arrivals, and the ranks j < l of each."""
    arrival, source, target = frontier.edges
    own = ~exact[target]  # a neighbour drawn before one kept is kept
    if frontier.residual is not None:  # what is left of larger interactions is no coupling
        own = own & torch.from_numpy(frontier.residual.interaction)[arrival].ge(0)
    return arrival[own], source[own], target[own]


def outgoing_tables(frontier: Frontier, exact: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Exact ranks whose tree parent is kept, and their parents, (m, width), for each width from 1 on."""
    parent = frontier.parent
    leaves = exact & (parent >= 0) & ~exact[parent.clamp(min=0)]
    groups = []
    for width in frontier.num_parents[leaves].unique().tolist():
        ranks = (leaves & (frontier.num_parents == width)).nonzero()[:, 0]
        at = frontier.parents_ptr[ranks][:, None] + torch.arange(width)
        groups.append((ranks, frontier.parents_spin[at].long()))
    return groups
