"""Small vertex separators by a multilevel search.

The graph is coarsened by merging matched neighbours, split by growing one side from a seed, and the separator
is refined on every level on the way back. See `Karypis and Kumar 1998 <https://doi.org/10.1137/S1064827595287997>`_
and, for the refinement, `Hendrickson and Rothberg 1998 <https://doi.org/10.1137/S1064827596300656>`_.
"""

from __future__ import annotations

import numpy as np

from graphar.ordering.adjacency import Ints
from graphar.ordering.compiled.separators import SEPARATOR, coarsen, grow, refine

__all__ = ["SEPARATOR", "smallest_separator"]

COARSEST = 60  # sites of the coarsest graph
STALLED = 0.95  # coarsening that shrinks a graph by less has nothing left to match (a star)
DENSE = 4  # coarsening stops where sites have more than 1/DENSE of the others as neighbours
SEEDS = 6  # growths from different sites of the coarsest graph
PASSES = 4  # refinements of one separator on one level
PATIENCE = 200  # moves past the best separator before a refinement gives up


def smallest_separator(
    indptr: Ints, indices: Ints, rng: np.random.Generator, trials: int, balance: float
) -> Ints | None:
    """Side of every site, 0 or 1 without edges between them, or ``SEPARATOR``; the smallest of several trials.

    Neither side takes more than the share ``balance`` of the sites. None where no trial left two sides.
    """
    best = None
    for _ in range(trials):
        side = _search(indptr, indices, rng, balance)
        if side is not None and (best is None or _size(side) < _size(best)):
            best = side
    return best


def _search(indptr: Ints, indices: Ints, rng: np.random.Generator, balance: float) -> Ints | None:
    n = len(indptr) - 1
    limit, heaviest = max(int(balance * n), 1), max(2, 3 * n // (2 * COARSEST))
    finer = []
    strength, weight = np.ones(len(indices), np.int64), np.ones(n, np.int64)
    while len(weight) > COARSEST and DENSE * len(indices) < len(weight) ** 2:
        merged, *coarser = coarsen(indptr, indices, strength, weight, rng.permutation(len(weight)), heaviest)
        if len(coarser[-1]) > STALLED * len(weight):
            break
        finer.append((indptr, indices, weight, merged))
        indptr, indices, strength, weight = coarser
    best = _split(indptr, indices, weight, rng, limit)
    while best is None and finer:  # coarse graphs of expanders are too dense to be split
        indptr, indices, weight, _ = finer.pop()
        best = _split(indptr, indices, weight, rng, limit)
    if best is None:
        return None
    for fine_indptr, fine_indices, fine_weight, merged in reversed(finer):
        best = best[merged]
        refine(fine_indptr, fine_indices, fine_weight, best, limit, PASSES, PATIENCE)
    return best if (best == 0).any() and (best == 1).any() else None


def _split(indptr: Ints, indices: Ints, weight: Ints, rng: np.random.Generator, limit: int) -> Ints | None:
    """The smallest of a few refined separators of the coarsest graph."""
    best, least = None, int(weight.sum())
    for seed in rng.integers(len(weight), size=SEEDS):
        side = grow(indptr, indices, weight, seed)
        refine(indptr, indices, weight, side, limit, PASSES, PATIENCE)
        sides = np.bincount(side, weights=weight, minlength=3)
        if sides[SEPARATOR] < least and sides[0] > 0 and sides[1] > 0:
            best, least = side, int(sides[SEPARATOR])
    return best


def _size(side: Ints) -> int:
    return int((side == SEPARATOR).sum())
