"""Compiled loops of the symbolic structure; imported where it is used, so that numba loads on first use.

All arrays are in rank space: the site of rank 0 is sampled first, eliminated last. Neighbour lists are int32, as are
the lists made here of one entry a pair or a parent; everything else is int64.
"""

from __future__ import annotations

import numpy as np

from graphar._support.compile import njit

__all__ = [
    "closed_below",
    "count_pairs",
    "count_parents",
    "elimination_tree",
    "fill_pairs",
    "fill_parents",
    "levels_of_all",
    "longest_path",
    "tree_depth",
]


@njit(cache=True)
def elimination_tree(ptr: np.ndarray, nbr: np.ndarray) -> np.ndarray:
    """Parent of every rank (−1 for roots) when ranks are eliminated from N−1 down to 0 (Liu's algorithm)."""
    n = ptr.size - 1
    parent = np.full(n, -1, np.int64)
    ancestor = np.full(n, -1, np.int64)  # path-compressed shortcut towards the root of the current component
    for i in range(n - 1, -1, -1):
        for k in range(ptr[i], ptr[i + 1]):
            r = nbr[k]
            if r <= i:
                continue
            while ancestor[r] != -1 and ancestor[r] != i:
                following = ancestor[r]
                ancestor[r] = i
                r = following
            if ancestor[r] == -1:
                ancestor[r] = i
                parent[r] = i
    return parent


@njit(cache=True)
def tree_depth(parent: np.ndarray) -> np.ndarray:
    depth = np.zeros(parent.size, np.int64)
    for i in range(parent.size):
        if parent[i] >= 0:
            depth[i] = depth[parent[i]] + 1
    return depth


@njit(cache=True)
def count_pairs(up: np.ndarray, anchor: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Number of frontier sets of every rank: one belongs to i on the way ``up`` from its anchor while i > first."""
    count = np.zeros(up.size, np.int64)
    for target in range(anchor.size):
        i = anchor[target]
        while i > first[target]:
            count[i] += 1
            i = up[i]
    return count


@njit(cache=True)
def fill_pairs(
    up: np.ndarray,
    anchor: np.ndarray,
    first: np.ndarray,
    ptr: np.ndarray,
    arrival_ptr: np.ndarray,
    source: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Frontier set R of every pair, of pairs of spins one spin, and the arrival at it that holds the message ξ_iR."""
    sets = np.empty(ptr[-1], np.int32)
    arrivals = np.empty(ptr[-1], np.int32)
    place = ptr[:-1].copy()
    for target in range(anchor.size):
        i = anchor[target]
        arrival = arrival_ptr[target + 1] - 1
        while i > first[target]:
            while source[arrival] >= i:  # the message before i is drawn: from senders of rank < i
                arrival -= 1
            sets[place[i]] = target
            arrivals[place[i]] = arrival
            place[i] += 1
            i = up[i]
    return sets, arrivals


@njit(cache=True)
def count_parents(parent: np.ndarray, ptr: np.ndarray, nbr: np.ndarray) -> np.ndarray:
    count = np.zeros(parent.size, np.int64)
    mark = np.full(parent.size, -1, np.int64)
    for j in range(parent.size):
        for k in range(ptr[j], ptr[j + 1]):
            i = nbr[k]
            while i > j and mark[i] != j:
                mark[i] = j
                count[i] += 1
                i = parent[i]
    return count


@njit(cache=True)
def fill_parents(parent: np.ndarray, ptr: np.ndarray, nbr: np.ndarray, parent_ptr: np.ndarray) -> np.ndarray:
    """Separator P(i) of every rank, sorted: j < i adjacent to the subtree of i."""
    spins = np.empty(parent_ptr[-1], np.int32)
    place = parent_ptr[:-1].copy()
    mark = np.full(parent.size, -1, np.int64)
    for j in range(parent.size):
        for k in range(ptr[j], ptr[j + 1]):
            i = nbr[k]
            while i > j and mark[i] != j:
                mark[i] = j
                spins[place[i]] = j
                place[i] += 1
                i = parent[i]
    return spins


@njit(cache=True)
def longest_path(ptr: np.ndarray, reads: np.ndarray) -> np.ndarray:
    """Level of every rank: one more than the highest of the earlier ranks that it reads, 0 where it reads none."""
    level = np.zeros(ptr.size - 1, np.int64)
    for i in range(level.size):
        for k in range(ptr[i], ptr[i + 1]):
            level[i] = max(level[i], level[reads[k]] + 1)
    return level


@njit(cache=True)
def levels_of_all(ptr: np.ndarray, nbr: np.ndarray) -> np.ndarray:
    """Levels where every i reads all j < i that have a neighbour of rank ≥ i.

    A spin reads all that are still read, so each that joins them is above them all: they are a stack of rising
    levels, whose top counts once the ones no longer read are off it.
    """
    level = np.zeros(ptr.size - 1, np.int64)
    stack = np.empty(level.size, np.int64)
    size = 0
    for i in range(level.size):
        while size and nbr[ptr[stack[size - 1] + 1] - 1] < i:
            size -= 1
        if size:
            level[i] = level[stack[size - 1]] + 1
        if ptr[i] < ptr[i + 1] and nbr[ptr[i + 1] - 1] > i:
            stack[size] = i
            size += 1
    return level


@njit(cache=True)
def closed_below(parent: np.ndarray, good: np.ndarray) -> np.ndarray:
    """Ranks that are good with all their descendants."""
    closed = good.copy()
    for i in range(parent.size - 1, -1, -1):
        if parent[i] >= 0 and not closed[i]:
            closed[parent[i]] = False
    return closed
