"""Greedy elimination orderings: the site that is cheapest to sum out goes first, and is sampled last."""

from __future__ import annotations

import heapq

import numpy as np
from torch_geometric.data import Data

from graphar.ordering.adjacency import Ints, adjacency
from graphar.ordering.base import Ordering

__all__ = ["min_degree", "min_fill"]


def min_degree(graph: Data) -> Ordering:
    """Approximate minimum degree: sum out the site with the fewest neighbours, join these, repeat.

    Near-linear in time and memory (a grid of 10^5 sites in a fraction of a second). Trees hanging on the graph
    go first and cost no fill. Sites of more than 10√N neighbours in what is left are summed out last, by degree.
    Ties are broken by the algorithm, deterministically. See `Amestoy, Davis and Duff 1996
    <https://doi.org/10.1137/S0895479894278952>`_.

    >>> from graphar import IsingGraph
    >>> star = IsingGraph.from_edges([[0, 0, 0], [1, 2, 3]])
    >>> min_degree(star).sites[0].item() in (0, 3)
    True
    """
    from graphar.ordering.compiled.min_degree import minimum_degree, peel_trees

    indptr, indices = adjacency(graph)
    peeled = peel_trees(indptr, indices)
    core, core_indptr, _ = _without(indptr, indices, peeled)
    degree = np.diff(core_indptr)
    dense = degree > max(16, 10 * np.sqrt(len(core)))
    hubs = np.flatnonzero(dense)
    hubs = core[hubs[np.argsort(degree[hubs], kind="stable")]]
    rest, rest_indptr, rest_indices = _without(indptr, indices, np.concatenate([peeled, hubs]))
    eliminated = rest[minimum_degree(rest_indptr, rest_indices, np.zeros(len(rest), np.bool_))]
    return Ordering(graph, np.concatenate([peeled, eliminated, hubs])[::-1].copy(), "min degree")


def min_fill(graph: Data) -> Ordering:
    """Exact greedy minimum fill: sum out the site whose neighbours lack the fewest edges among them, repeat.

    Ties go to the site of fewest neighbours, then to the lowest-numbered. Fewer fill-in edges than
    :func:`min_degree`, at a far higher price: the filled graph is stored, and each new edge costs a set
    intersection, O(Σ|P| · max|P|) in plain Python. Half a second for 1,000 spins of a 3-regular random graph, half
    a minute for 4,000; two seconds for a grid of 10^4. No fill at all on chordal graphs.

    >>> from graphar import IsingGraph
    >>> square_and_diagonal = IsingGraph.from_edges([[0, 1, 2, 0, 0], [1, 2, 3, 3, 2]])
    >>> min_fill(square_and_diagonal)
    Ordering(4 sites, min fill: 3 2 0 1)
    """
    indptr, indices = adjacency(graph)
    neighbours = [set(indices[indptr[i] : indptr[i + 1]].tolist()) for i in range(len(indptr) - 1)]
    fill = _missing(neighbours)
    heap = [(fill[i], len(neighbours[i]), i) for i in range(len(neighbours))]
    heapq.heapify(heap)
    eliminated: list[int] = []
    while heap:
        cost, degree, site = heapq.heappop(heap)
        clique = neighbours[site]
        if cost != fill[site] or degree != len(clique):
            continue  # an older entry of a site whose cost has changed
        fill[site] = -1
        eliminated.append(site)
        changed = set(clique)
        for i in clique:
            neighbours[i].remove(site)
            inside = len(neighbours[i] & clique) if cost else degree - 1
            fill[i] -= len(neighbours[i]) - inside
        if cost:
            for i in sorted(clique):
                for j in clique - neighbours[i]:
                    if j > i:
                        changed |= _join(neighbours, fill, i, j)
        for i in changed:
            heapq.heappush(heap, (fill[i], len(neighbours[i]), i))
    return Ordering(graph, eliminated[::-1], "min fill")


def _missing(neighbours: list[set[int]]) -> list[int]:
    """For each site, the edges that its neighbours lack to be a clique."""
    triangles = [0] * len(neighbours)  # each counted twice
    for i, around in enumerate(neighbours):
        for j in around:
            if i < j:
                common = len(around & neighbours[j])
                triangles[i] += common
                triangles[j] += common
    return [(len(a) * (len(a) - 1) - twice) // 2 for a, twice in zip(neighbours, triangles, strict=True)]


def _join(neighbours: list[set[int]], fill: list[int], i: int, j: int) -> set[int]:
    """Adds the edge (i, j) and returns the common neighbours, each of which now lacks one edge less."""
    common = neighbours[i] & neighbours[j]
    for k in common:
        fill[k] -= 1
    fill[i] += len(neighbours[i]) - len(common)
    fill[j] += len(neighbours[j]) - len(common)
    neighbours[i].add(j)
    neighbours[j].add(i)
    return common


def _without(indptr: Ints, indices: Ints, removed: Ints) -> tuple[Ints, Ints, Ints]:
    """Sites that remain, and their neighbour lists in their own numbering."""
    keep = np.ones(len(indptr) - 1, np.bool_)
    keep[removed] = False
    number = np.cumsum(keep) - 1
    source = np.repeat(np.arange(len(keep)), np.diff(indptr))
    both = keep[source] & keep[indices]
    rest = np.flatnonzero(keep)
    rest_indptr = np.zeros(len(rest) + 1, np.int64)
    np.cumsum(np.bincount(number[source[both]], minlength=len(rest)), out=rest_indptr[1:])
    return rest, rest_indptr, number[indices[both]]
