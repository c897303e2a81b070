"""Compiled handling of the regions that a dissection cuts a graph into.

``local`` is scratch of −1, as long as the graph, and left as it was found.
"""

from __future__ import annotations

import numpy as np

from graphar._support.compile import njit
from graphar.ordering.adjacency import Ints
from graphar.ordering.compiled.heap import heap_drop, heap_fix, heap_push

__all__ = ["boundary", "components", "induced", "sweep"]


@njit(cache=True)
def components(indptr: Ints, indices: Ints) -> tuple[Ints, int]:
    """Label of the component of every site, and the number of components."""
    n = len(indptr) - 1
    label = np.full(n, -1, np.int64)
    queue = np.empty(n, np.int64)
    count = 0
    for root in range(n):
        if label[root] >= 0:
            continue
        label[root] = count
        queue[0] = root
        at, end = 0, 1
        while at < end:
            site = queue[at]
            at += 1
            for k in range(indptr[site], indptr[site + 1]):
                if label[indices[k]] < 0:
                    label[indices[k]] = count
                    queue[end] = indices[k]
                    end += 1
        count += 1
    return label, count


@njit(cache=True)
def induced(indptr: Ints, indices: Ints, sites: Ints, halo: Ints, local: Ints) -> tuple[Ints, Ints]:
    """Subgraph on ``sites`` and, numbered after them, their ``halo``, without the edges inside the halo."""
    n = len(sites)
    for a in range(n):
        local[sites[a]] = a
    for a in range(len(halo)):
        local[halo[a]] = n + a
    # Only rows of `sites` are read: those of the halo may be long, and follow by symmetry.
    sub_indptr = np.zeros(n + len(halo) + 1, np.int64)
    for a in range(n):
        for k in range(indptr[sites[a]], indptr[sites[a] + 1]):
            b = local[indices[k]]
            if b >= 0:
                sub_indptr[a + 1] += 1
            if b >= n:
                sub_indptr[b + 1] += 1
    for a in range(n + len(halo)):
        sub_indptr[a + 1] += sub_indptr[a]
    place = sub_indptr.copy()
    sub_indices = np.empty(sub_indptr[-1], np.int64)
    for a in range(n):
        for k in range(indptr[sites[a]], indptr[sites[a] + 1]):
            b = local[indices[k]]
            if b >= 0:
                sub_indices[place[a]] = b
                place[a] += 1
            if b >= n:
                sub_indices[place[b]] = a
                place[b] += 1
    for a in range(n):
        local[sites[a]] = -1
    for a in range(len(halo)):
        local[halo[a]] = -1
    return sub_indptr, sub_indices


@njit(cache=True)
def boundary(indptr: Ints, indices: Ints, sites: Ints, local: Ints, inside: np.ndarray) -> Ints:
    """Neighbours of ``sites`` that are not ``inside``."""
    size = 0
    for a in range(len(sites)):
        size += indptr[sites[a] + 1] - indptr[sites[a]]
    found = np.empty(size, np.int64)
    count = 0
    for a in range(len(sites)):
        for k in range(indptr[sites[a]], indptr[sites[a] + 1]):
            other = indices[k]
            if not inside[other] and local[other] < 0:
                local[other] = 0
                found[count] = other
                count += 1
    for a in range(count):
        local[found[a]] = -1
    return found[:count].copy()


@njit(cache=True)
def sweep(indptr: Ints, indices: Ints, sites: Ints, local: Ints, touched: np.ndarray, inside: np.ndarray) -> Ints:
    """The separator's ``sites`` in the order in which each touches the fewest new sites still to be sampled.

    ``touched`` marks sites that have a sampled neighbour and is kept up to date; ``inside`` marks sites that are
    not sampled yet, from which these are removed.
    """
    n = len(sites)
    heap, place, key = np.empty((1, n), np.int64), np.full((1, n), -1, np.int64), np.empty((1, n), np.int64)
    count = np.zeros(1, np.int64)
    order = np.empty(n, np.int64)
    for a in range(n):
        local[sites[a]] = a
    for a in range(n):
        new = 0
        for k in range(indptr[sites[a]], indptr[sites[a] + 1]):
            other = indices[k]
            if inside[other] and not touched[other]:
                new += 1
        key[0, a] = (1 if touched[sites[a]] else 0) - new
        heap_push(heap, place, key, count, 0, a)
    for rank in range(n):
        a = heap[0, 0]
        heap_drop(heap, place, key, count, 0, a)
        site = sites[a]
        order[rank] = site
        inside[site] = False
        for k in range(indptr[site], indptr[site + 1]):
            other = indices[k]
            if inside[other] and not touched[other]:
                touched[other] = True
                for m in range(indptr[other], indptr[other + 1]):
                    b = local[indices[m]]
                    if b >= 0 and place[0, b] >= 0:
                        key[0, b] += 1
                        heap_fix(heap, place, key, count, 0, b)
                b = local[other]
                if b >= 0 and place[0, b] >= 0:
                    key[0, b] += 1
                    heap_fix(heap, place, key, count, 0, b)
    for a in range(n):
        local[sites[a]] = -1
    return order
