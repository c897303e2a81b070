"""Compiled parts of the multilevel search for small vertex separators.

A separator splits the sites into sides 0 and 1 without an edge between them, and the separator itself, side 2.
Graphs here are weighted (`weight` of sites, `strength` of edges), since coarse sites stand for several fine ones.
The scheme is that of `Karypis and Kumar 1998 <https://doi.org/10.1137/S1064827595287997>`_: heavy-edge matching,
growth from a seed on the coarsest graph, and refinement of the separator on every level.
"""

from __future__ import annotations

import numpy as np

from graphar._support.compile import njit
from graphar.ordering.adjacency import Ints
from graphar.ordering.compiled.heap import heap_drop, heap_fix, heap_push

__all__ = ["SEPARATOR", "coarsen", "grow", "refine"]

SEPARATOR = 2


@njit(cache=True)
def coarsen(indptr: Ints, indices: Ints, strength: Ints, weight: Ints, visit: Ints, heaviest: int) -> tuple[Ints, ...]:
    """Merges each site with its unmatched neighbour of strongest edge (lightest on ties), visited in a given order.

    Returns the coarse site of every fine one, and the coarse ``indptr``, ``indices``, ``strength``, ``weight``.
    """
    n = len(weight)
    mate = np.full(n, -1, np.int64)
    for a in range(n):
        site = visit[a]
        if mate[site] >= 0:
            continue
        best = site
        strongest, lightest = -1, 0
        for k in range(indptr[site], indptr[site + 1]):
            other = indices[k]
            if mate[other] >= 0 or weight[site] + weight[other] > heaviest:
                continue
            if strength[k] > strongest or (strength[k] == strongest and weight[other] < lightest):
                best, strongest, lightest = other, strength[k], weight[other]
        mate[site], mate[best] = best, site
    coarse = np.full(n, -1, np.int64)
    pairs = np.empty((n, 2), np.int64)
    count = 0
    for site in range(n):
        if coarse[site] < 0:
            coarse[site] = coarse[mate[site]] = count
            pairs[count, 0], pairs[count, 1] = site, mate[site]
            count += 1
    coarse_indptr = np.zeros(count + 1, np.int64)
    coarse_indices, coarse_strength = np.empty(len(indices), np.int64), np.empty(len(indices), np.int64)
    coarse_weight = np.zeros(count, np.int64)
    slot = np.full(count, -1, np.int64)
    at = 0
    for c in range(count):
        begin = at
        for half in range(2):
            site = pairs[c, half]
            if half == 1 and site == pairs[c, 0]:
                break
            coarse_weight[c] += weight[site]
            for k in range(indptr[site], indptr[site + 1]):
                other = coarse[indices[k]]
                if other == c:
                    continue
                if slot[other] < begin:
                    slot[other] = at
                    coarse_indices[at], coarse_strength[at] = other, strength[k]
                    at += 1
                else:
                    coarse_strength[slot[other]] += strength[k]
        coarse_indptr[c + 1] = at
    return coarse, coarse_indptr, coarse_indices[:at].copy(), coarse_strength[:at].copy(), coarse_weight


@njit(cache=True)
def grow(indptr: Ints, indices: Ints, weight: Ints, seed: int) -> Ints:
    """Sides: breadth-first from ``seed`` up to half the weight; the grown sites next to the rest separate."""
    n = len(weight)
    side = np.ones(n, np.int64)
    half = weight.sum() // 2
    queue = np.empty(n, np.int64)
    queue[0] = seed
    side[seed] = 0
    at, end, grown = 0, 1, weight[seed]
    while at < end and grown < half:
        site = queue[at]
        at += 1
        for k in range(indptr[site], indptr[site + 1]):
            other = indices[k]
            if side[other] == 1 and grown < half:
                side[other] = 0
                grown += weight[other]
                queue[end] = other
                end += 1
    for a in range(end):
        site = queue[a]
        for k in range(indptr[site], indptr[site + 1]):
            if side[indices[k]] == 1:
                side[site] = SEPARATOR
                break
    return side


@njit(cache=True)
def _gain(indptr: Ints, indices: Ints, weight: Ints, side: Ints, site: int, to: int) -> int:
    """Weight that the separator loses when ``site`` leaves it and its neighbours on the other side enter."""
    gain = weight[site]
    for k in range(indptr[site], indptr[site + 1]):
        if side[indices[k]] == 1 - to:
            gain -= weight[indices[k]]
    return gain


@njit(cache=True)
def refine(indptr: Ints, indices: Ints, weight: Ints, side: Ints, limit: int, passes: int, patience: int) -> None:
    """Fiduccia-Mattheyses passes on the separator, in place; neither side may grow beyond ``limit``.

    A move takes a site out of the separator to one side and pulls its neighbours on the other side in. Every
    site moves once a pass; the pass goes on for ``patience`` moves past its best and returns to it.
    """
    n = len(weight)
    gain = np.zeros((2, n), np.int64)
    heap, place = np.empty((2, n), np.int64), np.full((2, n), -1, np.int64)
    log, log_side = np.empty(3 * n, np.int64), np.empty(3 * n, np.int64)
    for _ in range(passes):
        total = np.zeros(3, np.int64)
        moved = np.zeros(n, np.bool_)
        count = np.zeros(2, np.int64)
        place[:] = -1
        for site in range(n):
            total[side[site]] += weight[site]
        for site in range(n):
            if side[site] == SEPARATOR:
                for to in range(2):
                    gain[to, site] = _gain(indptr, indices, weight, side, site, to)
                    heap_push(heap, place, gain, count, to, site)
        best, best_skew, best_log, logged, waited = total[SEPARATOR], abs(total[0] - total[1]), 0, 0, 0
        start_best, start_skew = best, best_skew
        while waited < patience and (count[0] > 0 or count[1] > 0):
            to = -1
            for t in range(2):
                if count[t] > 0 and total[t] + weight[heap[t, 0]] <= limit:
                    if to < 0:
                        to = t
                    else:
                        ahead = gain[1, heap[1, 0]] - gain[0, heap[0, 0]]
                        if ahead > 0 or (ahead == 0 and total[1] < total[0]):
                            to = 1
            if to < 0:
                break
            site = heap[to, 0]
            for t in range(2):
                if place[t, site] >= 0:
                    heap_drop(heap, place, gain, count, t, site)
            moved[site] = True
            side[site] = to
            log[logged], log_side[logged] = site, SEPARATOR
            logged += 1
            total[SEPARATOR] -= weight[site]
            total[to] += weight[site]
            for k in range(indptr[site], indptr[site + 1]):
                other = indices[k]
                if place[1 - to, other] >= 0:  # in the separator, and free to move
                    gain[1 - to, other] -= weight[site]
                    heap_fix(heap, place, gain, count, 1 - to, other)
                elif side[other] == 1 - to:
                    side[other] = SEPARATOR
                    log[logged], log_side[logged] = other, 1 - to
                    logged += 1
                    total[1 - to] -= weight[other]
                    total[SEPARATOR] += weight[other]
                    for m in range(indptr[other], indptr[other + 1]):
                        far = indices[m]
                        if place[to, far] >= 0:
                            gain[to, far] += weight[other]
                            heap_fix(heap, place, gain, count, to, far)
                    if not moved[other]:
                        for t in range(2):
                            gain[t, other] = _gain(indptr, indices, weight, side, other, t)
                            heap_push(heap, place, gain, count, t, other)
            skew = abs(total[0] - total[1])
            if total[SEPARATOR] < best or (total[SEPARATOR] == best and skew < best_skew):
                best, best_skew, best_log, waited = total[SEPARATOR], skew, logged, 0
            else:
                waited += 1
        for a in range(logged - 1, best_log - 1, -1):
            side[log[a]] = log_side[a]
        if best == start_best and best_skew == start_skew:
            break
