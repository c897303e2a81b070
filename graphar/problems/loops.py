"""Compiled repairs: independent sets, colourings, formulas. Each takes linear time, or as many steps as it is given."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphar._support.compile import njit

__all__ = ["improve_colouring", "improve_independent", "walk_to_satisfied"]

TOLERANCE = 1e-12  # by which an exchange must gain, or rounding could go around in circles


@njit(nogil=True, cache=True)
def improve_independent(
    start: Any, neighbours: Any, weight: Any, chosen: Any, lightest_first: Any, best_first: Any, work: int
) -> None:
    """Make a chosen set independent and maximal, then exchange one vertex for one or two others while that gains.

    Args:
        start, neighbours: of each vertex, (N + 1,) and (2E,).
        weight: of the vertices, (N,), positive.
        chosen: changed in place, (N,), bool.
        lightest_first, best_first: orders in which vertices are left out and added, (N,).
        work: steps that exchanges may take.
    """
    n = len(weight)
    for v in lightest_first:
        if chosen[v]:
            for e in range(start[v], start[v + 1]):
                if chosen[neighbours[e]]:
                    chosen[v] = False
                    break
    tight = np.zeros(n, np.int64)  # chosen neighbours
    for v in range(n):
        if chosen[v]:
            for e in range(start[v], start[v + 1]):
                tight[neighbours[e]] += 1
    for v in best_first:
        if not chosen[v] and tight[v] == 0:
            chosen[v] = True
            for e in range(start[v], start[v + 1]):
                tight[neighbours[e]] += 1
    seen = np.full(n, -1, np.int64)
    free = np.empty(n, np.int64)
    changed = True
    while changed and work > 0:
        changed = False
        for v in range(n):
            if work <= 0:
                break
            work -= 1 + start[v + 1] - start[v]
            if not chosen[v]:
                continue
            count = 0
            for e in range(start[v], start[v + 1]):
                u = neighbours[e]
                if tight[u] == 1:
                    free[count] = u
                    count += 1
            best_gain, one, two = TOLERANCE * weight[v], -1, -1
            for a in range(count):
                u = free[a]
                for e in range(start[u], start[u + 1]):
                    seen[neighbours[e]] = u
                partner = -1
                for b in range(count):
                    other = free[b]
                    if other != u and seen[other] != u and (partner < 0 or weight[other] > weight[partner]):
                        partner = other
                gain = weight[u] - weight[v]
                if partner >= 0:
                    gain += weight[partner]
                if gain > best_gain:
                    best_gain, one, two = gain, u, partner
                work -= count + start[u + 1] - start[u]
                if work <= 0:
                    break
            if one < 0:
                continue
            changed = True
            chosen[v] = False
            for e in range(start[v], start[v + 1]):
                tight[neighbours[e]] -= 1
            for k in range(count + 2):  # the two first, then what they leave free
                u = one if k == 0 else two if k == 1 else free[k - 2]
                if u >= 0 and not chosen[u] and tight[u] == 0:
                    chosen[u] = True
                    for e in range(start[u], start[u + 1]):
                        tight[neighbours[e]] += 1


@njit(nogil=True, cache=True)
def improve_colouring(
    start: Any, neighbours: Any, weight: Any, colours: Any, order: Any, num_colours: int, sweeps: int
) -> None:
    """Give every vertex the colour of least conflict with its neighbours, in turn, while that gains.

    Args:
        start, neighbours, weight: of each vertex, (N + 1,) and (2E,).
        colours: changed in place, (N,), −1 for none yet.
        order: of the vertices.
        num_colours: k.
        sweeps: at most so many.
    """
    cost = np.zeros(num_colours)
    for _ in range(sweeps):
        changed = False
        for v in order:
            cost[:] = 0.0
            total = 0.0
            for e in range(start[v], start[v + 1]):
                colour = colours[neighbours[e]]
                total += weight[e]
                if colour >= 0:
                    cost[colour] += weight[e]
            best = np.argmin(cost)
            if colours[v] < 0 or cost[best] < cost[colours[v]] - TOLERANCE * total:
                colours[v] = best
                changed = True
        if not changed:
            break


@njit(nogil=True, cache=True)
def walk_to_satisfied(
    starts: Any,
    variables: Any,
    signs: Any,
    of_start: Any,
    of_clause: Any,
    of_sign: Any,
    values: Any,
    steps: int,
    seed: int,
) -> bool:
    """WalkSAT: flip variables of false clauses until none is false, or the steps are used up; whether none is.

    The variable is one that breaks no other clause, else with probability 1/2 a random one, else the one that breaks
    fewest. Reference: B. Selman, H. Kautz and B. Cohen, AAAI 1994.

    Args:
        starts: where each clause starts, (m + 1,).
        variables, signs: of its literals, (L,).
        of_start, of_clause, of_sign: the same by variable, (n + 1,) and (L,).
        values: changed in place, (n,), bool.
        steps: flips at most.
        seed: of the random numbers.
    """
    m = len(starts) - 1
    true = np.zeros(m, np.int64)
    wrong = np.empty(m, np.int64)  # clauses that are false, and where each stands among them
    place = np.full(m, -1, np.int64)
    count = 0
    for c in range(m):
        for k in range(starts[c], starts[c + 1]):
            true[c] += values[variables[k]] == (signs[k] > 0)
        if true[c] == 0:
            wrong[count], place[c] = c, count
            count += 1
    state = np.uint64(seed)
    for _ in range(steps):
        if count == 0:
            return True
        state = state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
        c = wrong[np.int64((state >> np.uint64(33)) % np.uint64(count))]
        length = starts[c + 1] - starts[c]
        if length == 0:
            return False
        best, fewest = -1, m + 1
        for k in range(starts[c], starts[c + 1]):
            v, broken = variables[k], 0
            for e in range(of_start[v], of_start[v + 1]):
                other = of_clause[e]
                broken += true[other] == 1 and values[v] == (of_sign[e] > 0)
            if broken < fewest:
                best, fewest = v, broken
        state = state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
        if fewest > 0 and (state >> np.uint64(40)) & np.uint64(1):
            best = variables[starts[c] + np.int64((state >> np.uint64(41)) % np.uint64(length))]
        values[best] = not values[best]
        for e in range(of_start[best], of_start[best + 1]):
            other = of_clause[e]
            if values[best] == (of_sign[e] > 0):
                true[other] += 1
                if true[other] == 1:
                    count -= 1
                    last = wrong[count]
                    wrong[place[other]], place[last] = last, place[other]
                    place[other] = -1
            else:
                true[other] -= 1
                if true[other] == 0:
                    wrong[count], place[other] = other, count
                    count += 1
    return count == 0
