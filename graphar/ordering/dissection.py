"""Nested dissection: a small separator first, then each side on its own."""

from __future__ import annotations

import numpy as np
from torch_geometric.data import Data

from graphar._support.checks import check_count
from graphar._support.seeds import hash_key
from graphar.ordering.adjacency import Ints, adjacency
from graphar.ordering.base import Ordering
from graphar.ordering.structure import Structure

__all__ = ["nested_dissection"]

BALANCES = (0.6, 0.575, 0.55, 0.625)  # largest share of a region that one side may take, one for each dissection
MAX_SITES_EVERY_BALANCE = 5_000  # sites up to which every balance is tried and the dissection of fewest pairs kept
TRIALS = (4, 16)  # fewest and most separators compared in one region
WORK = 131_072  # trials × sites aimed at between the two


def nested_dissection(graph: Data, seed: int = 0, method: str = "builtin", leaf_size: int = 64) -> Ordering:
    """Separators from the top down: short elimination trees, hence few sequential steps.

    A small set of sites that splits the graph is sampled first, then each side alike; regions of at most
    ``leaf_size`` sites are ordered by minimum degree, their sampled neighbours counted in. Within a separator
    the next site is the one that touches the fewest new sites, which keeps frontiers small
    (`George 1973 <https://doi.org/10.1137/0710032>`_; `King 1970 <https://doi.org/10.1002/nme.1620020406>`_).

    Up to 5,000 sites the best of four dissections by number of frontier pairs is taken. Half a second for 10^3
    sites of a sparse graph, four for 10^5; time and memory near-linear.

    Args:
        graph: graph of N sites.
        seed: of the search; equal seeds give equal orderings.
        method: ``"builtin"``, or ``"metis"`` for METIS through ``pymetis`` (extra ``metis``): ten to a hundred
            times faster, for a few to 30 percent more pairs.
        leaf_size: sites of a region that is no longer cut; of the built-in method alone.

    Raises:
        ValueError: unknown ``method``, ``leaf_size`` < 1, ``seed`` < 0.
        ImportError: ``method="metis"`` without ``pymetis``.

    >>> from graphar import IsingGraph
    >>> path = IsingGraph.from_edges([[0, 1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6]])
    >>> nested_dissection(path, leaf_size=1).sites[0].item() in (2, 3, 4)
    True
    """
    check_count(seed, "seed", minimum=0)
    check_count(leaf_size, "leaf_size")
    if method not in ("builtin", "metis"):
        raise ValueError(f'method must be "builtin" or "metis", got {method!r}')
    indptr, indices = adjacency(graph)
    if method == "metis":
        return Ordering(graph, _metis(indptr, indices, seed), f"nested dissection by METIS, seed {seed}")
    rng = np.random.default_rng(seed)
    n = len(indptr) - 1
    trials = int(np.clip(WORK // n, *TRIALS))
    balances = BALANCES if leaf_size < n <= MAX_SITES_EVERY_BALANCE else BALANCES[:1]
    name = f"nested dissection, seed {seed}"
    tried = [Ordering(graph, _dissect(indptr, indices, rng, leaf_size, trials, b), name) for b in balances]
    if len(tried) == 1:
        return tried[0]
    return min(tried, key=lambda ordering: Structure(graph, ordering.ranks).num_pairs)


def _dissect(
    indptr: Ints, indices: Ints, rng: np.random.Generator, leaf_size: int, trials: int, balance: float
) -> Ints:
    from graphar.ordering.compiled.min_degree import minimum_degree
    from graphar.ordering.compiled.regions import boundary, components, induced, sweep
    from graphar.ordering.separators import SEPARATOR, smallest_separator

    n = len(indptr) - 1
    order, local = np.empty(n, np.int64), np.full(n, -1, np.int64)
    touched, unsampled = np.zeros(n, np.bool_), np.ones(n, np.bool_)

    def by_degree(sites: Ints) -> Ints:
        halo = boundary(indptr, indices, sites, local, unsampled)
        kept = np.arange(len(sites) + len(halo)) >= len(sites)
        eliminated: Ints = minimum_degree(*induced(indptr, indices, sites, halo, local), kept)
        return sites[eliminated[::-1]]

    regions = [(np.arange(n), 0)]  # sites, and the rank of the first to be sampled
    while regions:
        sites, rank = regions.pop()
        first, rest = sites[:0], [sites]
        if len(sites) > leaf_size:
            inner_indptr, inner_indices = induced(indptr, indices, sites, sites[:0], local)
            label, count = components(inner_indptr, inner_indices)
            if count > 1:
                rest = _pack(sites, label, leaf_size)
            else:
                side = smallest_separator(inner_indptr, inner_indices, rng, trials, balance)
                if side is not None:
                    first = sweep(indptr, indices, sites[side == SEPARATOR], local, touched, unsampled)
                    rest = [sites[side == 0], sites[side == 1]]
        if len(rest) == 1:  # small, or too dense to be cut
            first, rest = by_degree(sites), []
        order[rank : rank + len(first)] = first
        rank += len(first)
        for region in rest:
            regions.append((region, rank))
            rank += len(region)
    return order


def _pack(sites: Ints, label: Ints, leaf_size: int) -> list[Ints]:
    """Sites by component; components share a part as long as it holds at most ``leaf_size`` sites."""
    cuts, filled, end = [], 0, 0
    for size in np.bincount(label).tolist():
        if filled + size > leaf_size and end:
            cuts.append(end)
            filled = 0
        filled, end = filled + size, end + size
    return np.split(sites[np.argsort(label, kind="stable")], cuts)


def _metis(indptr: Ints, indices: Ints, seed: int) -> Ints:
    try:
        import pymetis
    except ImportError as error:
        raise ImportError('method="metis" needs pymetis: pip install "graphar-arnn[metis]"') from error
    if not len(indices):
        return np.arange(len(indptr) - 1)
    # Its generator does not tell seed 0 from 1, and has room for 31 bits: of a hash where the seed has more.
    number = seed + 1 if seed < 2**31 - 1 else hash_key(seed, "METIS") % 2**31
    neighbours = pymetis.CSRAdjacency(indptr, indices)
    eliminated, _ = pymetis.nested_dissection(neighbours, options=pymetis.Options(seed=number))
    return np.array(eliminated, np.int64)[::-1]
