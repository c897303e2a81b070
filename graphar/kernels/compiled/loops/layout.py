"""The order in which a compiled sweep visits spins, which rows two readers in succession share, and blocks of spins.

Imported only where it is used, so that numba loads on first use.
"""

from __future__ import annotations

import numpy as np

from graphar._support.compile import njit
from graphar.kernels.compiled.loops.shares import Work, borrowed, shares

__all__ = ["preorder", "reuse_slots", "share_rows", "subtree_stops", "to_blocks", "to_sites"]


@njit(cache=True)
def preorder(parent: np.ndarray) -> np.ndarray:
    """Ranks in depth-first order of a forest whose parents have smaller ranks, children by rank.

    A subtree is drawn in one go, so that what it reads stays in cache, and chains of the tree are runs.
    """
    n = parent.size
    child, sibling = np.full(n, -1, np.int64), np.full(n, -1, np.int64)
    roots = -1
    for i in range(n - 1, -1, -1):
        if parent[i] < 0:
            sibling[i], roots = roots, i
        else:
            sibling[i], child[parent[i]] = child[parent[i]], i
    order = np.empty(n, np.int64)
    stack = np.empty(n + 1, np.int64)
    stack[0] = roots
    top = 0 if roots >= 0 else -1
    done = 0
    while top >= 0:
        i = stack[top]
        top -= 1
        order[done] = i
        done += 1
        if sibling[i] >= 0:
            top += 1
            stack[top] = sibling[i]
        if child[i] >= 0:
            top += 1
            stack[top] = child[i]
    return order


@njit(cache=True)
def subtree_stops(depth: np.ndarray) -> np.ndarray:
    """One past the last place of each subtree, from depths in depth-first order."""
    n = depth.size
    stop = np.empty(n, np.int64)
    open_at = np.empty(n + 1, np.int64)  # the spin of each depth whose subtree is not closed
    top = -1
    for p in range(n):
        while top >= depth[p]:
            stop[open_at[top]] = p
            top -= 1
        top += 1
        open_at[top] = p
    for d in range(top + 1):
        stop[open_at[d]] = n
    return stop


@njit(cache=True)
def share_rows(
    order: np.ndarray, ptr: np.ndarray, row: np.ndarray, num_rows: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of two readers in succession that point to the same row, and the rest, by reader in drawing order.

    Returns:
        Where each two start, row, and the pair of each of the two; where each reader's rest starts, row, pair.
    """
    n = order.size
    twos = (n + 1) // 2
    both_ptr, rest_ptr = np.zeros(twos + 1, np.int64), np.zeros(n + 1, np.int64)
    pair_of_row = np.full(num_rows, -1, np.int32)
    for duo in range(n // 2):
        a, b = order[2 * duo], order[2 * duo + 1]
        for p in range(ptr[a], ptr[a + 1]):
            pair_of_row[row[p]] = p
        for p in range(ptr[b], ptr[b + 1]):
            both_ptr[duo + 1] += pair_of_row[row[p]] >= 0
        for p in range(ptr[a], ptr[a + 1]):
            pair_of_row[row[p]] = -1
    both_ptr[:] = np.cumsum(both_ptr)
    for i in range(n):
        shared = both_ptr[i // 2 + 1] - both_ptr[i // 2]
        rest_ptr[i + 1] = rest_ptr[i] + ptr[order[i] + 1] - ptr[order[i]] - shared
    both_row = np.empty(both_ptr[-1], np.int32)
    both_a, both_b = np.empty(both_ptr[-1], np.int32), np.empty(both_ptr[-1], np.int32)
    rest_row, rest_pair = np.empty(rest_ptr[-1], np.int32), np.empty(rest_ptr[-1], np.int32)
    for duo in range(twos):
        a = order[2 * duo]
        b = order[2 * duo + 1] if 2 * duo + 1 < n else -1
        for p in range(ptr[a], ptr[a + 1]):
            pair_of_row[row[p]] = p
        at, rest = both_ptr[duo], rest_ptr[2 * duo + 1]
        if b >= 0:
            for p in range(ptr[b], ptr[b + 1]):
                if pair_of_row[row[p]] >= 0:
                    both_row[at], both_a[at], both_b[at] = row[p], pair_of_row[row[p]], p
                    pair_of_row[row[p]] = -1
                    at += 1
                else:
                    rest_row[rest], rest_pair[rest] = row[p], p
                    rest += 1
        rest = rest_ptr[2 * duo]
        for p in range(ptr[a], ptr[a + 1]):
            if pair_of_row[row[p]] >= 0:
                rest_row[rest], rest_pair[rest] = row[p], p
                rest += 1
                pair_of_row[row[p]] = -1
    return both_ptr, both_row, both_a, both_b, rest_ptr, rest_row, rest_pair


@njit(cache=True)
def reuse_slots(
    order: np.ndarray, ptr: np.ndarray, row: np.ndarray, local_row: np.ndarray, send_ptr: np.ndarray,
    before: np.ndarray, factor: np.ndarray,
) -> tuple[np.ndarray, int]:  # fmt: skip
    """A slot for every arrival such that none is overwritten while it may be read, and the number of slots.

    Only arrivals at undrawn spins are ever read: their slots stay in cache where all arrivals would not.

    Args:
        ptr, row: which arrivals each rank reads through its pairs; empty where it reads none.
        local_row, send_ptr, before, factor: the sweep's own, by drawing order; the row past the last stays zero.
    """
    n, num_arrivals = order.size, before.size
    last_use = np.zeros(num_arrivals + 1, np.int64)
    for i in range(n):
        for send in range(send_ptr[i], send_ptr[i + 1]):
            last_use[send] = i
            last_use[before[send]] = i
            if factor.size and factor[send] >= 0:
                last_use[factor[send]] = i
        for p in range(ptr[order[i]], ptr[order[i] + 1]):
            last_use[row[p]] = i
        last_use[local_row[i]] = i
    ends_ptr = np.zeros(n + 2, np.int64)
    for arrival in range(num_arrivals):
        ends_ptr[last_use[arrival] + 1] += 1
    ends_ptr = np.cumsum(ends_ptr)
    ends = np.empty(num_arrivals, np.int64)
    place = ends_ptr.copy()
    for arrival in range(num_arrivals):
        ends[place[last_use[arrival]]] = arrival
        place[last_use[arrival]] += 1
    slot = np.empty(num_arrivals + 1, np.int32)
    free = np.empty(num_arrivals, np.int32)
    num_free, num_slots = 0, 0
    for i in range(n):
        for send in range(send_ptr[i], send_ptr[i + 1]):
            if num_free:
                num_free -= 1
                slot[send] = free[num_free]
            else:
                slot[send] = num_slots
                num_slots += 1
        for k in range(ends_ptr[i], ends_ptr[i + 1]):
            free[num_free] = slot[ends[k]]
            num_free += 1
    slot[num_arrivals] = num_slots
    return slot, num_slots


@njit(nogil=True, cache=True)
def to_blocks(work: Work, spins: np.ndarray, blocks: np.ndarray) -> None:
    """Spins (batch, N) to (blocks, N, width), the last block filled up with ones."""
    spins, blocks = borrowed((spins, blocks))
    num_blocks, num_spins, width = blocks.shape
    for block in shares(work, num_blocks):
        for first in range(0, num_spins, 16):  # a cache line of spins at a time
            for b in range(width):
                sample = block * width + b
                for i in range(first, min(first + 16, num_spins)):
                    blocks[block, i, b] = spins[sample, i] if sample < spins.shape[0] else 1


@njit(nogil=True, cache=True)
def to_sites(work: Work, blocks: np.ndarray, row_of_site: np.ndarray, spins: np.ndarray) -> None:
    """Spins (blocks, N, width) to (batch, N) in site order, site i being row ``row_of_site[i]``."""
    blocks, row_of_site, spins = borrowed((blocks, row_of_site, spins))
    num_blocks, num_spins, width = blocks.shape
    for block in shares(work, num_blocks):
        for first in range(0, num_spins, 16):  # a cache line of spins at a time
            last = min(first + 16, num_spins)
            for b in range(min(width, spins.shape[0] - block * width)):
                row = spins[block * width + b]
                for i in range(first, last):
                    row[i] = blocks[block, row_of_site[i], b]
