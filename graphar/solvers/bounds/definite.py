r"""Dual bounds from a matrix that is proven to be positive semidefinite.

For any u, with S = diag(u) − J/2 and x_i² = 1,

.. math:: -\sum_{(i,j)} J_{ij} x_i x_j = x^T S x - \sum_i u_i \ge N λ_{\min}(S) - \sum_i u_i .

**Why the bound holds in floating point.** If Cholesky's factorisation of S, rounded as it is, reaches its end, then
L Lᵀ = S + Δ with |Δ| ≤ γ |L||L|ᵀ, γ = γ_{N+1}, whatever the order of its sums
(`Higham 2002 <https://doi.org/10.1137/1.9780898718027>`_, theorem 10.3). The rows of L have
‖l_i‖² ≤ S_ii / (1 − γ), hence ‖Δ‖ ≤ γ tr S / (1 − γ), and λ_min(S) ≥ −γ tr S / (1 − γ), as L Lᵀ has no negative
eigenvalue (`Rump 2006 <https://doi.org/10.1007/s10543-006-0056-1>`_). S itself is held without rounding: halves of
couplings are exact, and u is whatever number stands on the diagonal.
"""

from __future__ import annotations

import time

import numpy as np

from graphar.solvers.bounds.pairs import Floats, Pairs
from graphar.solvers.bounds.rounding import gamma, sum_down

__all__ = ["MAX_DENSE", "dual_bound"]

MAX_DENSE = 6_000  # sites: 300 MB and three seconds a factorisation


def dual_bound(pairs: Pairs, diagonal: Floats, deadline: float, precision: float = 1e-5) -> float:
    """The bound of u plus the least shift, about, with which S is proven positive semidefinite.

    Args:
        pairs: the couplings.
        diagonal: u.
        deadline: of ``time.monotonic``.
        precision: part of the bound that the shift may cost too much.

    Returns:
        −∞ where no factorisation ended before the deadline.
    """
    dense = pairs.matrix(diagonal)
    scale = float(np.abs(diagonal).max(initial=0)) + float(np.abs(pairs.couplings).max(initial=0))
    low, high, best = 0.0, 1e-9 * scale, -np.inf
    for _ in range(60):  # to the first shift that is enough
        bound = _proven(dense, diagonal + high)
        if bound is not None:
            best = bound
            break
        if time.monotonic() > deadline:
            return best
        low, high = high, 8 * high
    while low > 0 and len(diagonal) * (high - low) > precision * abs(best) and time.monotonic() < deadline:
        middle = 0.5 * (low + high) if high < 2 * low else (low * high) ** 0.5
        bound = _proven(dense, diagonal + middle)
        if bound is None:
            low = middle
        else:
            high, best = middle, max(best, bound)
    return best


def _proven(dense: Floats, diagonal: Floats) -> float | None:
    from scipy.linalg import lapack

    n = len(diagonal)
    np.fill_diagonal(dense, diagonal)
    _, info = lapack.dpotrf(dense, lower=True, clean=False, overwrite_a=False)
    if info != 0:
        return None
    margin = gamma(n + 1)
    error = margin / (1 - margin) * float(np.abs(diagonal).sum()) * (1 + gamma(n)) * (1 + 1e-12)
    return sum_down(-diagonal, [-n * error * (1 + 1e-15)])
