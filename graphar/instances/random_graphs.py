"""Random graphs: regular and Erdős–Rényi."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphar._support.checks import as_float_tensor, check_count
from graphar.hamiltonians.ising import IsingGraph
from graphar.instances.couplings import assemble, check_memory, check_size, streams

__all__ = ["erdos_renyi", "random_regular"]

_REJECTION_WORK = 3e7  # half-edges that may be shuffled, a second or two


def random_regular(
    num_spins: int, degree: int = 3, *, couplings: Any = "pm1", field: Any = None, seed: int = 0
) -> IsingGraph:
    """Random simple graph whose sites all have d neighbours, E = Nd/2; not necessarily connected.

    Half-edges are paired at random. A pairing is simple with probability near exp(−(d² − 1)/4); where that is
    affordable (d = 3: N ≤ 10⁶; d = 4: N ≤ 10⁵; d = 5: N ≤ 10⁴) pairings are repeated until one is, so that all
    graphs are equally likely. Elsewhere the few loops and double edges are switched with random edges, which
    is uniform in the limit of large N at fixed d. For d > N/2 the complement is drawn. References: Bollobás,
    `Eur. J. Comb. 1, 311 (1980) <https://doi.org/10.1016/S0195-6698(80)80030-8>`_; McKay and Wormald,
    `J. Algorithms 11, 52 (1990) <https://doi.org/10.1016/0196-6774(90)90029-E>`_.

    Args:
        num_spins: N.
        degree: d, with 0 ≤ d < N and N·d even.
        couplings, field, seed: as for :func:`graphar.grid`.

    Raises:
        ValueError: no such graph exists; others as for :func:`graphar.grid`.

    >>> random_regular(256, degree=3, couplings="gaussian").degree().unique()
    tensor([3])
    """
    n, degree = check_size(num_spins), check_count(degree, "degree", minimum=0)
    if degree >= n:
        raise ValueError(f"degree must be less than num_spins = {n}, got {degree}")
    if n * degree % 2:
        raise ValueError(f"degree must make num_spins * degree even, got {n} * {degree}")
    generator, _, _ = streams(seed)
    sparse = min(degree, n - 1 - degree)
    check_memory(n, n * degree / 2, n**2 if sparse < degree else 0)
    source, target = _regular_edges(n, sparse, generator)
    if sparse < degree:
        keep = np.triu(np.ones((n, n), dtype=bool), k=1)
        keep[np.minimum(source, target), np.maximum(source, target)] = False
        source, target = np.nonzero(keep)
    return assemble(source, target, n, couplings, field, seed)


def erdos_renyi(
    num_spins: int, mean_degree: float, *, couplings: Any = "pm1", field: Any = None, seed: int = 0
) -> IsingGraph:
    """Random graph G(N, p) where every pair is coupled with probability p = c/(N − 1), in O(E) steps.

    Args:
        num_spins: N.
        mean_degree: c, the expected number of neighbours, 0 ≤ c ≤ N − 1.
        couplings, field, seed: as for :func:`graphar.grid`.

    Raises:
        ValueError: ``mean_degree`` out of range; others as for :func:`graphar.grid`.

    >>> erdos_renyi(100, 99, couplings="ferromagnet")
    IsingGraph(100 spins, 4950 couplings = 1, no field)
    """
    n = check_size(num_spins)
    mean = as_float_tensor(mean_degree, "mean_degree")
    if mean.dim() != 0 or not 0 <= float(mean) <= n - 1:
        raise ValueError(f"mean_degree must be a number from 0 to num_spins - 1 = {n - 1}, got {mean_degree!r}")
    generator, _, _ = streams(seed)
    pairs = n * (n - 1) // 2
    check_memory(n, float(mean) * n / 2, 8 * pairs if float(mean) * n / 2 > pairs / 50 else 0)  # numpy lists all pairs
    count = generator.binomial(pairs, float(mean) / max(n - 1, 1))
    pair = generator.choice(pairs, count, replace=False, shuffle=False) if count else np.empty(0, dtype=np.int64)
    # pair (i, j), i < j, has the number j(j − 1)/2 + i; the square root may be off by one
    upper = ((1 + np.sqrt(1 + 8.0 * pair)) / 2).astype(np.int64)
    upper -= upper * (upper - 1) // 2 > pair
    upper += upper * (upper + 1) // 2 <= pair
    return assemble(pair - upper * (upper - 1) // 2, upper, n, couplings, field, seed)


def _regular_edges(n: int, degree: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    halves = np.repeat(np.arange(n, dtype=np.int64), degree)
    reject = math.log(halves.size + 1000) + (degree**2 - 1) / 4 < math.log(_REJECTION_WORK)
    while True:
        source, target = generator.permutation(halves).reshape(2, -1)
        if not reject:
            if _switch(source, target, n, generator):
                return source, target
        elif not (source == target).any():
            key = np.sort(np.minimum(source, target) * n + np.maximum(source, target))
            if not (key[1:] == key[:-1]).any():
                return source, target


def _switch(source: np.ndarray, target: np.ndarray, n: int, generator: np.random.Generator) -> bool:
    """Make a pairing simple in place: a bad edge ab and a random good one cd become ac and bd.

    About (d² − 1)/4 edges are bad, whatever N. Returns False when some edge found no partner.
    """
    key = np.minimum(source, target) * n + np.maximum(source, target)
    good = np.zeros(key.size, dtype=bool)
    good[np.unique(key, return_index=True)[1]] = True  # one of each set of equal edges stays
    good &= source != target
    present = set(key[good].tolist())
    for bad in np.flatnonzero(~good).tolist():
        a, b = int(source[bad]), int(target[bad])
        for _ in range(100 * key.size):
            partner, reverse = divmod(int(generator.integers(2 * key.size)), 2)
            if not good[partner]:
                continue
            c, d = int(source[partner]), int(target[partner])
            if reverse:
                c, d = d, c
            first, second = min(a, c) * n + max(a, c), min(b, d) * n + max(b, d)
            if a != c and b != d and first != second and first not in present and second not in present:
                break
        else:
            return False
        present.remove(min(c, d) * n + max(c, d))
        present.update((first, second))
        target[bad], source[partner], target[partner] = c, b, d
        good[bad] = True
    return True
