"""Compiled approximate minimum degree on a quotient graph.

Eliminating a site joins its remaining neighbours into a clique. The quotient graph never stores those edges: it
keeps an *element* per clique (the list of its members), so memory stays that of the input. Each remaining site
has a row of neighbouring elements followed by neighbouring sites, which never outgrows its first row.
Sites with equal rows are merged into one *weighted* site; elements contained in a new one are absorbed.
Degrees are the upper bounds of `Amestoy, Davis and Duff 1996 <https://doi.org/10.1137/S0895479894278952>`_.
"""

from __future__ import annotations

import numpy as np

from graphar._support.compile import njit
from graphar.ordering.adjacency import Ints

__all__ = ["minimum_degree", "peel_trees"]


@njit(cache=True)
def peel_trees(indptr: Ints, indices: Ints) -> Ints:
    """Sites in the order in which sites of at most one remaining neighbour can be eliminated; the 2-core is left."""
    n = len(indptr) - 1
    degree = indptr[1:] - indptr[:-1]
    peeled = np.zeros(n, np.bool_)
    queue = np.empty(n, np.int64)
    end = 0
    for site in range(n):
        if degree[site] <= 1:
            peeled[site] = True
            queue[end] = site
            end += 1
    at = 0
    while at < end:
        site = queue[at]
        at += 1
        for k in range(indptr[site], indptr[site + 1]):
            neighbour = indices[k]
            degree[neighbour] -= 1
            if degree[neighbour] <= 1 and not peeled[neighbour]:
                peeled[neighbour] = True
                queue[end] = neighbour
                end += 1
    return queue[:end]


@njit(cache=True)
def _link(site: int, degree: int, head: Ints, after: Ints, before: Ints) -> None:
    first = head[degree]
    after[site], before[site] = first, -1
    if first >= 0:
        before[first] = site
    head[degree] = site


@njit(cache=True)
def _unlink(site: int, degree: int, head: Ints, after: Ints, before: Ints) -> None:
    if before[site] >= 0:
        after[before[site]] = after[site]
    else:
        head[degree] = after[site]
    if after[site] >= 0:
        before[after[site]] = before[site]


@njit(cache=True)
def minimum_degree(indptr: Ints, indices: Ints, kept: np.ndarray) -> Ints:
    """Elimination order of the sites that are not ``kept`` (bool, shape (N,)); kept ones only count as neighbours."""
    n = len(indptr) - 1
    row, start = indices.copy(), indptr[:-1].copy()
    num_elements = np.zeros(n, np.int64)  # a row: elements first, then sites
    length = indptr[1:] - indptr[:-1]
    weight = np.ones(n, np.int64)  # of merged sites; 0 once eliminated or merged into another
    next_member, last_member = np.full(n, -1, np.int64), np.arange(n)
    degree = length.copy()
    # Elements are named after the site whose elimination made them; their members lie in a pool.
    pool = np.empty(2 * len(indices) + n, np.int64)
    pool_end, num_live = 0, 0
    live = np.empty(n, np.int64)
    begin, size, clique = np.zeros(n, np.int64), np.full(n, -1, np.int64), np.zeros(n, np.int64)
    outside, outside_stamp = np.zeros(n, np.int64), np.full(n, -1, np.int64)
    head = np.full(n + 1, -1, np.int64)
    after, before = np.full(n, -1, np.int64), np.full(n, -1, np.int64)
    hash_head, hash_next, hash_of = np.full(n, -1, np.int64), np.full(n, -1, np.int64), np.zeros(n, np.int64)
    mark = np.full(n, -1, np.int64)
    stamp = 0
    order = np.empty(n, np.int64)
    done, total, remaining, least = 0, 0, n, 0
    for site in range(n - 1, -1, -1):  # backwards, so that the lowest site leads its list
        if not kept[site]:
            total += 1
            _link(site, degree[site], head, after, before)
    while done < total:
        while head[least] < 0:
            least += 1
        pivot = head[least]
        _unlink(pivot, least, head, after, before)

        # The new element: sites next to the pivot, directly or through an element, which the new one absorbs.
        room = length[pivot] - num_elements[pivot]
        for k in range(start[pivot], start[pivot] + num_elements[pivot]):
            room += max(size[row[k]], 0)
        if pool_end + min(room, n) > len(pool):
            pool_end, kept_live = 0, 0
            for a in range(num_live):
                element = live[a]
                if size[element] >= 0:
                    for k in range(size[element]):
                        pool[pool_end + k] = pool[begin[element] + k]
                    begin[element] = pool_end
                    pool_end += size[element]
                    live[kept_live] = element
                    kept_live += 1
            num_live = kept_live
        stamp += 1
        mark[pivot] = stamp
        first = pool_end
        front = 0
        for k in range(start[pivot], start[pivot] + length[pivot]):
            neighbour = row[k]
            if k < start[pivot] + num_elements[pivot]:
                if size[neighbour] < 0:
                    continue
                low, high = begin[neighbour], begin[neighbour] + size[neighbour]
                size[neighbour] = -1
            else:
                low, high = -1, 0
            for m in range(low, high):
                site = neighbour if m < 0 else pool[m]
                if weight[site] > 0 and mark[site] != stamp:
                    mark[site] = stamp
                    pool[pool_end] = site
                    pool_end += 1
                    front += weight[site]
                    if not kept[site]:
                        _unlink(site, degree[site], head, after, before)
        site = pivot
        while site >= 0:
            order[done] = site
            done += 1
            site = next_member[site]
        remaining -= weight[pivot]
        weight[pivot] = 0

        # Weight of the other elements outside the new one.
        for m in range(first, pool_end):
            site = pool[m]
            for k in range(start[site], start[site] + num_elements[site]):
                element = row[k]
                if size[element] >= 0:
                    if outside_stamp[element] != stamp:
                        outside_stamp[element] = stamp
                        outside[element] = clique[element]
                    outside[element] -= weight[site]

        # Rows of the members: drop what is gone or covered, bound the degree, eliminate what has nothing else.
        stop = first
        for m in range(first, pool_end):
            site = pool[m]
            at = start[site]
            bound, digest = 0, 0
            sites_from, sites_to = at + num_elements[site], at + length[site]
            for k in range(at, sites_from):
                element = row[k]
                if size[element] >= 0:
                    if outside[element] == 0:
                        size[element] = -1  # contained in the new element
                    else:
                        row[at] = element
                        at += 1
                        bound += outside[element]
                        digest += element
            elements_to = at
            for k in range(sites_from, sites_to):
                other = row[k]
                if weight[other] > 0 and mark[other] != stamp:
                    row[at] = other
                    at += 1
                    bound += weight[other]
                    digest += other
            if at == start[site] and not kept[site]:
                front -= weight[site]
                remaining -= weight[site]
                weight[site] = 0
                other = site
                while other >= 0:
                    order[done] = other
                    done += 1
                    other = next_member[other]
                continue
            # One slot is free: the row has lost the pivot or an element that held it.
            for k in range(at, elements_to, -1):
                row[k] = row[k - 1]
            row[elements_to] = pivot
            num_elements[site] = elements_to - start[site] + 1
            length[site] = at - start[site] + 1
            degree[site] = min(degree[site], bound)  # the new element's own weight is added once it is known
            hash_of[site] = digest % n
            pool[stop] = site
            stop += 1
        begin[pivot], size[pivot], clique[pivot] = first, stop - first, front
        pool_end = stop
        if stop > first:
            live[num_live] = pivot
            num_live += 1
        else:
            size[pivot] = -1

        # Merge members with equal rows.
        for m in range(first, stop):
            site = pool[m]
            if kept[site]:
                continue
            stamp += 1
            marked = False
            other = hash_head[hash_of[site]]
            while other >= 0:
                if length[other] == length[site] and num_elements[other] == num_elements[site]:
                    if not marked:
                        marked = True
                        for k in range(start[site], start[site] + length[site]):
                            mark[row[k]] = stamp
                    same = True
                    for k in range(start[other], start[other] + length[other]):
                        if mark[row[k]] != stamp:
                            same = False
                            break
                    if same:
                        break
                other = hash_next[other]
            if other >= 0:
                weight[other] += weight[site]
                weight[site] = 0
                next_member[last_member[other]] = site
                last_member[other] = last_member[site]
            else:
                hash_next[site] = hash_head[hash_of[site]]
                hash_head[hash_of[site]] = site
        for m in range(first, stop):
            site = pool[m]
            hash_head[hash_of[site]] = -1
            if weight[site] > 0 and not kept[site]:
                degree[site] = min(degree[site] + front, remaining) - weight[site]
                least = min(least, degree[site])
                _link(site, degree[site], head, after, before)
    return order[:done]
