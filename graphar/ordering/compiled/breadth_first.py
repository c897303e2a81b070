"""Compiled breadth-first search."""

from __future__ import annotations

import numpy as np

from graphar._support.compile import njit
from graphar.ordering.adjacency import Ints

__all__ = ["breadth_first"]


@njit(cache=True)
def _shells(
    indptr: Ints, indices: Ints, root: int, seen: Ints, stamp: int, queue: Ints, begin: int
) -> tuple[int, int, int]:
    """Writes the component of ``root`` into ``queue[begin:end]``; (end, where the last shell begins, shells)."""
    queue[begin] = root
    seen[root] = stamp
    at, end, shell, last, shells = begin, begin + 1, begin + 1, begin, 1
    while at < end:
        if at == shell:
            last, shell, shells = at, end, shells + 1
        site = queue[at]
        at += 1
        for k in range(indptr[site], indptr[site + 1]):
            neighbour = indices[k]
            if seen[neighbour] != stamp:
                seen[neighbour] = stamp
                queue[end] = neighbour
                end += 1
    return end, last, shells


@njit(cache=True)
def breadth_first(indptr: Ints, indices: Ints, start: int) -> Ints:
    """Sites by distance from ``start`` (if not −1) or a pseudo-peripheral site, component after component."""
    n = len(indptr) - 1
    queue = np.empty(n, np.int64)
    seen = np.full(n, -1, np.int64)
    done, stamp = 0, 0
    for a in range(-1 if start >= 0 else 0, n):
        root, deepest = a, 0
        if a < 0:
            root, deepest = start, n  # no shells beyond: stays where it is told
        elif seen[a] >= 0:
            continue
        while True:
            stamp += 1
            end, last, shells = _shells(indptr, indices, root, seen, stamp, queue, done)
            if shells <= deepest:
                break
            deepest = shells
            best = queue[last]
            for k in range(last, end):
                site = queue[k]
                degree, least = indptr[site + 1] - indptr[site], indptr[best + 1] - indptr[best]
                if degree < least or (degree == least and site < best):
                    best = site
            root = best
        done = end
    return queue
