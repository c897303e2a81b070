r"""Semidefinite relaxation by vectors of low rank: spins become unit vectors.

.. math:: \min_{|v_i| = 1} -\sum_{(i,j)} J_{ij}\, v_i \cdot v_j

is, for vectors of more than √(2N) numbers, as low as the semidefinite relaxation of
`Goemans and Williamson 1995 <https://doi.org/10.1145/227683.227684>`_
(`Burer and Monteiro 2003 <https://doi.org/10.1007/s10107-002-0352-8>`_). It is minimised one vector after the other,
v_i ∝ Σ_j J_ij v_j, the mixing method of `Wang, Chang and Kolter 2017 <https://arxiv.org/abs/1706.00476>`_. At the
minimum, u_i = ½ |Σ_j J_ij v_j| is optimal in the dual; before it, u is a point of the dual all the same, whose bound
:mod:`graphar.solvers.bounds.definite` proves.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

import numpy as np

from graphar.solvers.bounds.definite import MAX_DENSE, dual_bound
from graphar.solvers.bounds.pairs import Pairs

__all__ = ["semidefinite", "spectral"]

_FIRST_ROUND, _GROWTH = 100, 3.0  # sweeps before the first bound, and how many more before each next one
_CONVERGED = 1e-6  # relative distance of a bound from the energy of the vectors


def spectral(pairs: Pairs, deadline: float) -> Iterator[float]:
    """The bound of equal u: N times half the largest eigenvalue of J, below zero."""
    if 0 < pairs.num_sites <= MAX_DENSE:
        yield dual_bound(pairs, np.zeros(pairs.num_sites), deadline)


def semidefinite(pairs: Pairs, deadline: float) -> Iterator[float]:
    """Rising bounds, until they have met the energy of the vectors or the deadline."""
    from graphar.solvers.bounds.loops import mix

    n = pairs.num_sites
    if not 0 < n <= MAX_DENSE:
        return
    rank = min(n, math.isqrt(2 * n) + 2)
    vectors = np.random.default_rng(0).standard_normal((n, rank))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    pointers, sites, couplings, _ = pairs.neighbours()
    diagonal, sweeps, best = np.zeros(n), _FIRST_ROUND, -np.inf
    while True:
        for _ in range(max(1, sweeps // 20)):
            mix(pointers, sites, couplings, vectors, diagonal, 20)
            if time.monotonic() > deadline:
                break
        energy = -float(diagonal.sum())
        bound = dual_bound(pairs, diagonal, deadline)
        if bound > best:
            best = bound
            yield bound
        if energy - best <= _CONVERGED * abs(energy) or time.monotonic() > deadline:
            return
        sweeps = int(sweeps * _GROWTH)
