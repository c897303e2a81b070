"""Compiled loops of the bounds."""

from __future__ import annotations

from heapq import heappop, heappush
from math import sqrt
from typing import Any

import numpy as np

from graphar._support.compile import njit

__all__ = ["mix", "shortest_odd_cycles"]


@njit(cache=True, nogil=True)
def mix(pointers: Any, sites: Any, couplings: Any, vectors: Any, diagonal: Any, sweeps: int) -> None:
    """Every vector in turn along Σ_j J_ij v_j, ``sweeps`` times; half the lengths of these sums in ``diagonal``."""
    n, rank = vectors.shape
    total = np.empty(rank)
    for _ in range(sweeps):
        for i in range(n):
            total[:] = 0.0
            for entry in range(pointers[i], pointers[i + 1]):
                J, v = couplings[entry], vectors[sites[entry]]
                for k in range(rank):
                    total[k] += J * v[k]
            square = 0.0
            for k in range(rank):
                square += total[k] * total[k]
            length = sqrt(square)
            diagonal[i] = 0.5 * length
            if length > 0:
                for k in range(rank):
                    vectors[i, k] = total[k] / length


@njit(cache=True, nogil=True)
def shortest_odd_cycles(
    pointers: Any, sites: Any, edges: Any, cut: Any, sources: Any, hop: float
) -> tuple[Any, Any, Any]:
    """Shortest closed walks that cross an odd number of times, one a source at most, of length below 1.

    An edge crosses for 1 − z and does not for z, z = ``cut``; every edge costs ``hop`` more, so that short cycles are
    preferred. A walk that meets a site twice is cut down to the part that crosses an odd number of times.

    Returns:
        Pointers, edges, and whether each crosses.
    """
    n = len(pointers) - 1
    distance, done = np.empty(2 * n), np.zeros(2 * n, np.bool_)
    from_node, from_edge = np.empty(2 * n, np.int64), np.empty(2 * n, np.int64)
    seen = np.full(2 * n, -1)
    last = np.full(n, -1)
    found_edges, found_crosses = [np.int64(0) for _ in range(0)], [False for _ in range(0)]
    starts = [0]
    for turn in range(len(sources)):
        source = sources[turn]
        goal = source + n
        heap = [(0.0, np.int64(source))]
        distance[source], seen[source], done[source] = 0.0, turn, False
        reached = False
        while len(heap) > 0:
            length, node = heappop(heap)
            if done[node] or length > distance[node]:
                continue
            if node == goal:
                reached = True
                break
            done[node] = True
            side, site = node // n, node % n
            for entry in range(pointers[site], pointers[site + 1]):
                z = cut[edges[entry]]
                for cross in range(2):
                    new = length + hop + (1.0 - z if cross else z)
                    if new >= 1.0:
                        continue
                    other = sites[entry] + n * (side ^ cross)
                    if seen[other] != turn:
                        seen[other], done[other], distance[other] = turn, False, np.inf
                    if new < distance[other]:
                        distance[other], from_node[other], from_edge[other] = new, node, edges[entry]
                        heappush(heap, (new, np.int64(other)))
        if not reached:
            continue
        walk, crosses, stands = [np.int64(0) for _ in range(0)], [False for _ in range(0)], [np.int64(source)]
        node = np.int64(goal)
        while node != source:
            walk.append(from_edge[node])
            crosses.append(node // n != from_node[node] // n)
            node = from_node[node]
            stands.append(node % n)
        low, high = 0, len(walk)
        at = 0
        while at < len(stands) - 1:  # the first return to a site that is no start of the whole
            site = stands[at]
            if last[site] >= 0:
                odd = False
                for k in range(last[site], at):
                    odd ^= crosses[k]
                if odd:
                    low, high = last[site], at
                    break
            else:
                last[site] = at
            at += 1
        for site in stands:
            last[site] = -1
        for k in range(low, high):
            found_edges.append(walk[k])
            found_crosses.append(crosses[k])
        starts.append(len(found_edges))
    return np.array(starts), np.array(found_edges), np.array(found_crosses)
