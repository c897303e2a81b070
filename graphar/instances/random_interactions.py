"""Random sets of p sites, all different: so many in all, or so many of each site."""

from __future__ import annotations

import itertools
import math

import numpy as np

__all__ = ["random_sets", "regular_sets"]

_TRIALS = 200  # rounds of dealing again; a few are enough unless nearly all sets are taken


def random_sets(n: int, order: int, probability: float, generator: np.random.Generator) -> np.ndarray:
    """Every set of ``order`` sites with equal probability, independently; rising sites, shape (A, order)."""
    total = math.comb(n, order)
    if total < 2**62:
        count = int(generator.binomial(total, probability))
    else:
        count = int(generator.poisson(total * probability))
    if 2 * count > total:  # few are left out, so that all may be listed
        every = np.array(list(itertools.combinations(range(n), order)), dtype=np.int64)
        return every[np.sort(generator.choice(total, count, replace=False))]
    sets = np.zeros((0, order), np.int64)
    while len(sets) < count:
        both = np.concatenate([sets, _candidates(n, order, count - len(sets), generator)])
        sets = both[np.sort(np.unique(both, axis=0, return_index=True)[1])][:count]
    return sets


def _candidates(n: int, order: int, wanted: int, generator: np.random.Generator) -> np.ndarray:
    """Some sets at random, perhaps repeated."""
    if order * order > 2 * n:  # sites drawn one by one would hardly ever differ
        rows = generator.random((min(wanted, max(1, 2**22 // n)), n))
        return np.sort(np.argpartition(rows, order - 1, axis=1)[:, :order], axis=1).astype(np.int64)
    rows = np.sort(generator.integers(0, n, (2 * wanted + 16, order)), axis=1)
    return rows[(rows[:, 1:] != rows[:, :-1]).all(axis=1)]


def regular_sets(n: int, order: int, degree: int, generator: np.random.Generator) -> np.ndarray:
    """Different sets with every site in ``degree`` of them, rising sites, shape (n · degree / order, order).

    Raises:
        ValueError: none was found, as there are hardly any or none at all.
    """
    for _ in range(20):
        places = np.repeat(np.arange(n, dtype=np.int64), degree)
        sets = generator.permutation(places).reshape(-1, order)
        for _ in range(_TRIALS):
            bad = _bad(sets)
            if not bad.any():
                return np.sort(sets, axis=1)
            # the bad ones and as many others at random are dealt again
            some = bad | (generator.random(len(sets)) < 2 * bad.mean() + 2 / len(sets))
            sets[some] = generator.permutation(sets[some].ravel()).reshape(-1, order)
    raise ValueError(f"degree must leave different sets of {order} of {n} sites to draw, got {degree}: none were found")


def _bad(sets: np.ndarray) -> np.ndarray:
    """Whether each holds a site twice, or the sites of an earlier one."""
    rows = np.sort(sets, axis=1)
    bad = (rows[:, 1:] == rows[:, :-1]).any(axis=1)
    first = np.unique(rows, axis=0, return_index=True)[1]
    again = np.ones(len(rows), np.bool_)
    again[first] = False
    return bad | again
