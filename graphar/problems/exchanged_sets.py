r"""Iterated local search of independent sets: vertices are forced in, exchanges follow around them, losses are undone.

An exchange takes a vertex of the set out for two or one of those that it alone keeps out, or takes a vertex in for all
its neighbours in the set, where that gains weight. What is tried looks at a few vertices around the forced ones,
whatever the size of the graph. Sets of equal weight are taken, lighter ones with probability
:math:`1 / (1 + \Delta w\, \Delta_* w)`, of what is lost and what the set is lighter than the best. References:
D. V. Andrade, M. G. C. Resende and R. F. Werneck, `J. Heuristics 18, 525 (2012)
<https://doi.org/10.1007/s10732-012-9196-4>`_; of weights, B. Nogueira, R. G. S. Pinheiro and A. Subramanian,
`Optim. Lett. 12, 567 (2018) <https://doi.org/10.1007/s11590-017-1128-7>`_.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from graphar._support.compile import njit
from graphar._support.seeds import hash_key
from graphar.problems.annealed_sets import neighbours_inside

__all__ = ["exchange_sets"]

CHUNK = 2**23  # looks at vertices between two questions whether to stop
FORCED = 4  # vertices at a time
GAIN = 1e-12  # of the mean weight, by which an exchange must gain: rounding could go around in circles


class Search(NamedTuple):
    """What the loops read, and change in place.

    Attributes:
        start, neighbours: of each vertex, (N + 1,) and (2E,).
        weight: of the vertices, (N,).
        chosen: an independent set, (N,), bool.
        tight: how many neighbours in the set each vertex has, (N,).
        log: vertices taken in or out since the last insertion, in their order.
        count: of the log, (1,).
        total: weight of the set, and of the heaviest that was kept, (2,).
    """

    start: Any
    neighbours: Any
    weight: Any
    chosen: Any
    tight: Any
    log: Any
    count: Any
    total: Any


def exchange_sets(
    start: np.ndarray,
    neighbours: np.ndarray,
    weight: np.ndarray,
    chosen: np.ndarray,
    seed: int,
    work: int,
    stop: Callable[[], bool],
    tell: Callable[[np.ndarray], None],
) -> np.ndarray:
    """The heaviest independent set that the search meets, or the given one.

    Args:
        start, neighbours: of each vertex, (N + 1,) and (2E,).
        weight: of the vertices, (N,), positive.
        chosen: an independent set, (N,), bool, from which it starts.
        seed: of the random numbers.
        work: looks at vertices.
        stop: asks whether to end before.
        tell: gets sets that are heavier than those before, while it runs.
    """
    n = len(weight)
    scaled = weight / weight.mean()
    inside, best = chosen.copy(), chosen.copy()
    total = np.array([scaled[inside].sum(), scaled[inside].sum()])
    tight = neighbours_inside(start, neighbours, inside)
    log, state = np.empty(max(64, 4 * n), np.int64), np.array([hash_key(seed, "exchanges")], np.uint64)
    search = Search(start, neighbours, scaled, inside, tight, log, np.zeros(1, np.int64), total)
    told = first = float(weight[chosen].sum())
    while work > 0 and not stop():
        work -= iterate_exchanges(search, best, min(work, CHUNK), FORCED, state)
        now = float(weight[best].sum())
        if now > told:
            told = now
            tell(best.copy())
    return best if told > first else chosen


@njit(nogil=True, cache=True)
def turn(v: int, s: Any) -> int:
    """Take a vertex in or out and note it; how many neighbours it has."""
    sign = -1 if s.chosen[v] else 1
    s.chosen[v] = sign > 0
    s.total[0] += sign * s.weight[v]
    s.log[s.count[0]] = v
    s.count[0] += 1
    for e in range(s.start[v], s.start[v + 1]):
        s.tight[s.neighbours[e]] += sign
    return s.start[v + 1] - s.start[v]


@njit(nogil=True, cache=True)
def adjacent(u: int, v: int, s: Any) -> bool:
    """Whether there is an edge."""
    for e in range(s.start[u], s.start[u + 1]):  # noqa: SIM110 - loops that are compiled have no any() of generators
        if s.neighbours[e] == v:
            return True
    return False


@njit(nogil=True, cache=True)
def take_out(x: int, s: Any) -> int:
    """A vertex of the set for two, or one, of those that it alone keeps out, where that gains; what it looked at."""
    looks = s.start[x + 1] - s.start[x]
    for a in range(s.start[x], s.start[x + 1]):
        u = s.neighbours[a]
        if s.tight[u] != 1:
            continue
        gain = s.weight[u] - s.weight[x]
        if gain > GAIN:
            return looks + turn(x, s) + turn(u, s)
        for b in range(a + 1, s.start[x + 1]):
            v = s.neighbours[b]
            if s.tight[v] == 1 and gain + s.weight[v] > GAIN:
                looks += s.start[u + 1] - s.start[u]
                if not adjacent(u, v, s):
                    return looks + turn(x, s) + turn(u, s) + turn(v, s)
    return looks


@njit(nogil=True, cache=True)
def take_in(u: int, s: Any) -> int:
    """A vertex for all its neighbours in the set, where that gains; what it looked at."""
    looks, gain = s.start[u + 1] - s.start[u], s.weight[u]
    for e in range(s.start[u], s.start[u + 1]):
        if s.chosen[s.neighbours[e]]:
            gain -= s.weight[s.neighbours[e]]
            if gain <= GAIN:
                return looks
    return looks + force_in(u, s)


@njit(nogil=True, cache=True)
def force_in(u: int, s: Any) -> int:
    """A vertex for all its neighbours in the set."""
    looks = 0
    for e in range(s.start[u], s.start[u + 1]):
        if s.tight[u] == 0:
            break
        if s.chosen[s.neighbours[e]]:
            looks += turn(s.neighbours[e], s)
    return looks + turn(u, s)


@njit(nogil=True, cache=True)
def settle(s: Any) -> int:
    """Exchanges around all that has changed, until none gains or the log is full; what they looked at."""
    seen, looks = 0, 0
    while seen < s.count[0] < len(s.log) // 2:
        v = s.log[seen]
        seen += 1
        if s.chosen[v]:
            looks += take_out(v, s)
            continue
        looks += take_in(v, s)
        for e in range(s.start[v], s.start[v + 1]):
            u = s.neighbours[e]
            looks += 1
            if s.chosen[u]:
                continue
            if s.tight[u] == 1:
                for f in range(s.start[u], s.start[u + 1]):
                    if s.chosen[s.neighbours[f]]:
                        looks += take_out(s.neighbours[f], s)
                        break
            else:
                looks += take_in(u, s)
    return looks


@njit(nogil=True, cache=True)
def undo(s: Any) -> None:
    """All changes since the last insertion, backwards."""
    last = s.count[0]
    for k in range(last - 1, -1, -1):
        turn(s.log[k], s)
        s.count[0] -= 1
    s.count[0] = 0


@njit(nogil=True, cache=True)
def iterate_exchanges(s: Any, best: Any, work: int, forced: int, random: Any) -> int:
    """Insertions and what follows from them; how much they looked at. The heaviest set is in ``best``."""
    n, state, looks = np.uint64(len(best)), random[0], 0
    while looks < work:
        looks += 1
        before, s.count[0] = s.total[0], 0
        for _ in range(forced):
            state = state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
            v = np.int64(((state >> np.uint64(32)) * n) >> np.uint64(32))
            if not s.chosen[v]:
                looks += force_in(v, s)
        looks += settle(s)
        lost = before - s.total[0]
        if lost > GAIN:
            state = state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
            u = np.float64(state >> np.uint64(11)) * 2.0**-53
            kept = u * (1 + lost * (max(before, s.total[1]) - s.total[0])) < 1
            new = before > s.total[1] + GAIN
            if new or not kept:  # the heaviest set is kept before it is left
                undo(s)
                s.total[0] = before
            if new:
                best[:] = s.chosen
                s.total[1] = before
    if s.total[0] > s.total[1] + GAIN:
        best[:] = s.chosen
        s.total[1] = s.total[0]
    random[0] = state
    return looks
