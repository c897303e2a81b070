r"""Linear relaxation over odd cycles.

With z_e = (1 − x_i x_j)/2, which is 1 where a bond is cut, E = −Σ J + 2 Σ J_e z_e. Around a cycle C an even number of
bonds is cut, so for every odd set F ⊂ C

.. math:: \sum_{e \in F} (1 - z_e) + \sum_{e \in C \setminus F} z_e \ge 1 .

The least 2 Σ J z over 0 ≤ z ≤ 1 and these is a bound, which is the ground energy on planar graphs, and on all
without a K₅ minor (`Barahona and Mahjoub 1986 <https://doi.org/10.1007/BF02592023>`_). Violated cycles are shortest
paths in a graph of two sheets, between which F crosses; the linear programs are solved by HiGHS, with more cycles
every round.

**Why the bound holds in floating point.** Any multipliers y ≥ 0 of the inequalities Az ≤ b give

.. math:: \sum_e c_e z_e \ge -\sum_k y_k b_k + \sum_e \min(0, c_e + (A^T y)_e),

whatever the solver did to find them; A and b hold small integers, and the sums are rounded down.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from graphar.solvers.bounds.pairs import Floats, Ints, Pairs
from graphar.solvers.bounds.rounding import UNIT, gamma, sum_down

__all__ = ["odd_cycles"]

_HOPS = (1e-2, 1e-4, 1e-6)  # what an edge costs beside its z: short cycles first, then all that are violated
_VIOLATED = 1e-6
_KEPT_ROUNDS = 3  # that an inequality with room to spare stays


class _Inequalities:
    """Rows Σ_F z − Σ_{C∖F} z ≤ |F| − 1, in one matrix."""

    def __init__(self, num_edges: int) -> None:
        self.num_edges = num_edges
        self.starts, self.edges, self.signs = np.zeros(1, np.int64), np.zeros(0, np.int64), np.zeros(0)
        self.idle = np.zeros(0, np.int64)
        self.known: set[bytes] = set()

    def add(self, starts: Ints, edges: Ints, crosses: Any) -> int:
        """Those that are new; how many these are."""
        kept_edges, kept_signs, sizes = [], [], []
        for first, end in pairwise(starts.tolist()):
            order = np.argsort(edges[first:end])
            row, sign = edges[first:end][order], np.where(crosses[first:end][order], 1.0, -1.0)
            key = (row * 2 + (sign > 0)).tobytes()
            if key not in self.known:
                self.known.add(key)
                kept_edges.append(row)
                kept_signs.append(sign)
                sizes.append(len(row))
        if sizes:
            self.edges, self.signs = (
                np.concatenate([self.edges, *kept_edges]),
                np.concatenate([self.signs, *kept_signs]),
            )
            self.starts = np.concatenate([self.starts, self.starts[-1] + np.cumsum(sizes)])
            self.idle = np.concatenate([self.idle, np.zeros(len(sizes), np.int64)])
        return len(sizes)

    def matrix(self) -> Any:
        from scipy.sparse import csr_array

        return csr_array((self.signs, self.edges, self.starts), shape=(len(self.starts) - 1, self.num_edges))

    def right(self) -> Floats:
        """|F| − 1."""
        return np.add.reduceat(self.signs > 0, self.starts[:-1], dtype=np.int64) - 1.0

    def drop_idle(self, slack: Floats) -> None:
        """Without those that have had room to spare for some rounds; they may come back."""
        self.idle = np.where(slack <= _VIOLATED, 0, self.idle + 1)
        keep = self.idle < _KEPT_ROUNDS
        if keep.all():
            return
        sizes = np.diff(self.starts)
        for row in np.flatnonzero(~keep):
            inside = slice(self.starts[row], self.starts[row + 1])
            self.known.discard((self.edges[inside] * 2 + (self.signs[inside] > 0)).tobytes())
        entries = np.repeat(keep, sizes)
        self.edges, self.signs, self.idle = self.edges[entries], self.signs[entries], self.idle[keep]
        self.starts = np.concatenate([[0], np.cumsum(sizes[keep])])


def odd_cycles(pairs: Pairs, deadline: float) -> Iterator[float]:
    """Bounds, one a round, until no cycle is violated or the deadline of ``time.monotonic`` has passed."""
    from scipy.optimize import linprog

    from graphar.solvers.bounds.loops import shortest_odd_cycles

    J = pairs.couplings
    if not len(J):
        return
    cost = 2 * J
    pointers, sites, _, edges = pairs.neighbours()
    rows, cut = _Inequalities(len(J)), (J < 0).astype(np.float64)
    scale = float(np.abs(J).max())
    sources = np.arange(pairs.num_sites)
    while True:
        for hop in _HOPS:
            starts, walks, crosses = shortest_odd_cycles(pointers, sites, edges, cut, sources, hop)
            if rows.add(*_violated(starts, walks, crosses, cut)):
                break
        else:
            return
        left = deadline - time.monotonic()
        if left <= 0:
            return
        matrix, right = rows.matrix(), rows.right()
        solved = linprog(
            cost / scale, matrix, right, bounds=(0, 1), method="highs", options={"time_limit": left, "presolve": True}
        )
        if solved.status != 0:
            return
        multipliers = np.maximum(0.0, -solved.ineqlin.marginals) * scale
        yield _proven(J, matrix, right, multipliers)
        cut = np.clip(solved.x, 0.0, 1.0)
        rows.drop_idle(solved.slack)


def _violated(starts: Ints, edges: Ints, crosses: Any, cut: Floats) -> tuple[Ints, Ints, Any]:
    """Those whose left side is below 1, the hops left out."""
    if len(starts) == 1:
        return starts, edges, crosses
    lengths = np.add.reduceat(np.where(crosses, 1 - cut[edges], cut[edges]), starts[:-1])
    keep, sizes = lengths < 1 - _VIOLATED, np.diff(starts)
    entries = np.repeat(keep, sizes)
    return np.concatenate([[0], np.cumsum(sizes[keep])]), edges[entries], crosses[entries]


def _proven(J: Floats, matrix: Any, right: Floats, multipliers: Floats) -> float:
    """The bound of the multipliers, rounded down."""
    cost, across = 2 * J, matrix.T
    reduced = cost + across @ multipliers
    size = np.abs(cost) + abs(across) @ multipliers
    most = int(np.diff(across.tocsr().indptr).max(initial=0)) + 2
    reduced = reduced - 2 * gamma(most) * size  # not above the exact ones
    return sum_down(-J, -(multipliers * right) * (1 + 4 * UNIT), np.minimum(0.0, reduced))
