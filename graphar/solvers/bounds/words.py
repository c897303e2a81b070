r"""A bound of many-body spins by interactions that cannot all be satisfied.

Interactions and fields whose sites cancel, :math:`\prod_{a \in C} \prod_{i \in a} x_i = 1` for all x, are a word C.
It is frustrated where :math:`\prod_{a \in C} \mathrm{sgn} J_a = -1`: at least one of its interactions is broken then,
at a cost of 2|J_a|. So any numbers :math:`w_C \ge 0` with :math:`\sum_{C \ni a} w_C \le |J_a|` give

.. math:: H(x) \ge -\sum_a |J_a| + 2 \sum_C w_C ,

better than the sum alone wherever not everything can be satisfied. A linear program has the best w of the words at
hand; its prices u_a say which words to look for next, those of :math:`\sum_{a \in C} u_a < 1`: what closes a word
with interactions of low price, by elimination over GF(2). For pairs these are frustrated cycles
(`Barahona and Mahjoub 1986 <https://doi.org/10.1007/BF02592023>`_).
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from graphar.hamiltonians import SpinHypergraph
from graphar.solvers.bounds.pairs import Floats
from graphar.solvers.bounds.rounding import UNIT, gamma, sum_down

__all__ = ["strengths", "words"]

_LARGEST = 4096  # interactions and fields: eliminations take the cube of it
_IDLE = 4  # rounds without a new word, of other orders each, after which there is an end
_VIOLATED = 1e-6


def strengths(graph: SpinHypergraph) -> Floats:
    """J and h but for zeros, as :func:`words` counts them."""
    return _rows(graph)[1]


def _rows(graph: SpinHypergraph) -> tuple[list[int], Floats]:
    """Sites of interactions and fields, each a number with a bit for each site, and their J and h."""
    listed = [*graph.listed(), *(((site,), h) for site, h in enumerate(graph.h.tolist()))]
    kept = [(sum(1 << site for site in sites), J) for sites, J in listed if J != 0]
    return [row for row, _ in kept], np.array([J for _, J in kept], np.float64)


def words(graph: SpinHypergraph, deadline: float) -> Iterator[float]:
    """Rising bounds of the energies without the offset, until no more words are found or the deadline has passed."""
    from scipy.optimize import linprog
    from scipy.sparse import csc_array

    rows, J = _rows(graph)
    if not 0 < len(J) <= _LARGEST:
        return
    frustrates, size, largest = J < 0, np.abs(J), float(np.abs(J).max())
    rng, known, found, price, idle = np.random.default_rng(0), set[int](), list[np.ndarray](), np.zeros(len(J)), 0
    while idle < _IDLE:
        order = np.lexsort((rng.random(len(J)), price.round(6)))
        new = []
        for word in _closed(rows, order.tolist(), deadline):
            members = _bits(word)
            if word not in known and frustrates[members].sum() % 2 and price[members].sum() < 1 - _VIOLATED:
                known.add(word)
                new.append(members)
        idle = 0 if new else idle + 1
        left = deadline - time.monotonic()
        if left <= 0 and found:
            return
        if not new:
            continue
        found += new
        pointers = np.cumsum([0, *map(len, found)])
        matrix = csc_array((np.ones(pointers[-1]), np.concatenate(found), pointers), shape=(len(J), len(found)))
        limit = {"time_limit": max(left, 1e-2)}
        solved = linprog(-np.ones(len(found)), matrix, size / largest, bounds=(0, None), method="highs", options=limit)
        if solved.status != 0:
            return
        yield _proven(size, matrix, np.maximum(0.0, solved.x) * largest)
        price = np.maximum(0.0, -solved.ineqlin.marginals)


def _closed(rows: list[int], order: list[int], deadline: float) -> Iterator[int]:
    """Words, a bit for each member: each row that depends on rows before it in the order, and those."""
    pivots: dict[int, tuple[int, int]] = {}  # highest bit: row, and the members that add up to it
    for count, a in enumerate(order):
        if count % 64 == 63 and time.monotonic() > deadline:
            return
        row, members = rows[a], 1 << a
        while row:
            top = row.bit_length()
            if top not in pivots:
                pivots[top] = row, members
                break
            row, members = row ^ pivots[top][0], members ^ pivots[top][1]
        else:
            yield members


def _bits(word: int) -> np.ndarray:
    packed = np.frombuffer(word.to_bytes((word.bit_length() + 7) // 8, "little"), np.uint8)
    return np.flatnonzero(np.unpackbits(packed, bitorder="little"))


def _proven(size: Floats, matrix: object, weights: Floats) -> float:
    """The bound of weights ≥ 0, made smaller until they fit, rounded down."""
    loads = matrix @ weights  # type: ignore[operator]
    loads = loads * (1 + gamma(len(weights) + 2))
    used = loads > 0
    factor = min(1.0, float((size[used] / loads[used]).min(initial=1.0))) * (1 - 8 * UNIT)
    return sum_down(-size, 2 * weights * factor * (1 - 4 * UNIT))
