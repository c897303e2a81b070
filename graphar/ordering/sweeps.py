"""Orderings that sweep through the graph, and those that ignore it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch_geometric.data import Data

from graphar._support.checks import check_count
from graphar.ordering.adjacency import adjacency
from graphar.ordering.base import Ordering
from graphar.ordering.lattice import lattice

__all__ = ["bfs", "given_order", "natural", "random_order", "rcm", "zigzag"]


def natural(graph: Data) -> Ordering:
    """Sites as they are numbered: 0, 1, …, N−1 (row by row on a grid).

    >>> from graphar import IsingGraph
    >>> natural(IsingGraph.from_edges([[0, 1], [1, 2]]))
    Ordering(3 sites, natural: 0 1 2)
    """
    return Ordering(graph, torch.arange(int(graph.num_nodes or 0)), "natural")


def zigzag(graph: Data) -> Ordering:
    """A lattice row by row, every other one backwards, so that each site but the first is next to the one before.

    In three dimensions planes follow one another in the same way, the rows of every other one backwards.

    Args:
        graph: graph whose ``pos`` holds the integer coordinates of a lattice, (N, d); sites may be missing.

    Raises:
        ValueError: there are no such coordinates, or two sites are at the same place.

    >>> import graphar as ga
    >>> zigzag(ga.grid((2, 3)))
    Ordering(6 sites, zigzag: 0 1 2 5 4 3)
    """
    place = lattice(graph)
    place = place - place.min(0, keepdims=True)
    lengths = place.max(0) + 1
    row = np.zeros(len(place), np.int64)  # how many rows were finished before, of all coordinates so far
    for axis, length in enumerate(lengths):
        along = place[:, axis]
        row = row * length + np.where(row % 2 == 1, length - 1 - along, along)
    return Ordering(graph, np.argsort(row, kind="stable"), "zigzag")


def given_order(graph: Data, sites: Any) -> Ordering:
    """The user's own order.

    Args:
        graph: graph of N sites.
        sites: sites in sampling order, a permutation of 0…N−1, shape (N,).

    Raises:
        ValueError: ``sites`` is no permutation of 0…N−1.

    >>> from graphar import IsingGraph
    >>> given_order(IsingGraph.from_edges([[0, 1], [1, 2]]), [2, 0, 1])
    Ordering(3 sites, given: 2 0 1)
    """
    return Ordering(graph, sites)


def random_order(graph: Data, seed: int) -> Ordering:
    """A uniformly random permutation, drawn from ``seed``.

    >>> from graphar import IsingGraph
    >>> path = IsingGraph.from_edges([[0, 1], [1, 2]])
    >>> random_order(path, seed=3) == random_order(path, seed=3)
    True
    """
    rng = np.random.default_rng(check_count(seed, "seed", minimum=0))
    return Ordering(graph, rng.permutation(int(graph.num_nodes or 0)), f"random, seed {seed}")


def bfs(graph: Data, start: int | None = None) -> Ordering:
    """Breadth-first search: sites by graph distance from a start, in O(N + E).

    Each component begins at a pseudo-peripheral site: from its lowest-numbered site, jump to the site of fewest
    neighbours (the lowest-numbered of those) in the farthest shell, for as long as the shells grow in number
    (`George and Liu 1979 <https://doi.org/10.1145/355841.355845>`_). Components follow their lowest-numbered
    sites. Within a shell, sites follow their earliest neighbours in the shell before; the neighbours of one site
    follow their numbers.

    Args:
        graph: graph of N sites.
        start: the site sampled first; its component then comes first.

    Raises:
        ValueError: ``start`` is no site of the graph.

    >>> from graphar import IsingGraph
    >>> path = IsingGraph.from_edges([[0, 1, 2], [1, 2, 3]])
    >>> bfs(path, start=1)
    Ordering(4 sites, bfs from site 1: 1 0 2 3)
    """
    from graphar.ordering.compiled.breadth_first import breadth_first

    indptr, indices = adjacency(graph)
    if start is None:
        return Ordering(graph, breadth_first(indptr, indices, -1), "bfs")
    if check_count(start, "start", minimum=0) >= len(indptr) - 1:
        raise ValueError(f"start must be a site 0…{len(indptr) - 2}, got {start}")
    return Ordering(graph, breadth_first(indptr, indices, start), f"bfs from site {start}")


def rcm(graph: Data) -> Ordering:
    """Reverse Cuthill-McKee (SciPy's): a narrow band, for long thin graphs.

    As an elimination order it is reversed into the order of sampling, which therefore is Cuthill and McKee's own:
    breadth-first with neighbours by degree, so that trees are eliminated from their leaves without fill
    (`George and Liu 1981 <https://dl.acm.org/doi/10.5555/578296>`_).

    >>> from graphar import IsingGraph
    >>> star = IsingGraph.from_edges([[0, 0, 0], [1, 2, 3]])
    >>> rcm(star)
    Ordering(4 sites, rcm: 1 0 2 3)
    """
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import reverse_cuthill_mckee

    indptr, indices = adjacency(graph)
    num_sites = len(indptr) - 1
    pattern = csr_matrix((np.ones(len(indices), dtype=np.int8), indices, indptr), shape=(num_sites, num_sites))
    eliminated = reverse_cuthill_mckee(pattern, symmetric_mode=True)
    return Ordering(graph, eliminated[::-1].astype(np.int64), "rcm")
