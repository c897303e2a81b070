"""Compiled loops of the frontier of pairs cut at a radius; imported where it is used, so that numba loads on first use.

Every reader i walks through its own ball: breadth first along ranks ≥ i, at most ``radius`` steps. Readers do not
depend on each other and are shared out among threads; the result is the same for any number of them. Arrays are as in
:mod:`graphar.ordering.compiled.elimination_tree`.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from graphar._support.compile import njit

__all__ = ["BLOCK", "count_within", "fill_within", "share", "walk_ball"]

BLOCK = 1024  # consecutive readers of a thread: near each other in memory, few enough that threads end together


@njit(cache=True)
def walk_ball(i: int, radius: int, ptr: np.ndarray, nbr: np.ndarray, mark: np.ndarray, ball: np.ndarray) -> int:
    """Writes all ranks ≥ i within the radius of i to the start of ``ball``, marks them by i, returns their number."""
    mark[i] = i
    ball[0] = i
    at, size = 0, 1
    for _ in range(radius):
        shell = size
        while at < shell:
            spin = ball[at]
            at += 1
            for k in range(ptr[spin + 1] - 1, ptr[spin] - 1, -1):
                neighbour = nbr[k]
                if neighbour < i:  # neighbours rise: so are the others
                    break
                if mark[neighbour] != i:
                    mark[neighbour] = i
                    ball[size] = neighbour
                    size += 1
        if size == shell:
            break
    return size


@njit(cache=True)
def _frontier(i: int, radius: int, ptr: np.ndarray, nbr: np.ndarray, mark: np.ndarray, ball: np.ndarray) -> int:
    """Writes F_r(i) to the start of ``ball`` and returns its size; ``mark`` becomes i on all of the ball."""
    kept = 0
    for at in range(walk_ball(i, radius, ptr, nbr, mark, ball)):
        spin = ball[at]
        if ptr[spin] < ptr[spin + 1] and nbr[ptr[spin]] < i:
            ball[kept] = spin
            kept += 1
    return kept


@njit(cache=True)
def _parents(i: int, spins: np.ndarray, ptr: np.ndarray, nbr: np.ndarray, mark: np.ndarray, earlier: np.ndarray) -> int:
    """Writes all j < i adjacent to one of ``spins`` to the start of ``earlier`` and returns how many there are."""
    count = 0
    for spin in spins:
        for k in range(ptr[spin], ptr[spin + 1]):
            j = nbr[k]
            if j >= i:
                break
            if mark[j] != i:
                mark[j] = i
                earlier[count] = j
                count += 1
    return count


@njit(cache=True)
def _num_below(i: int, spin: int, ptr: np.ndarray, nbr: np.ndarray) -> int:
    """Number of neighbours of ``spin`` of rank < i, by bisection."""
    low, high = ptr[spin], ptr[spin + 1]
    while low < high:
        middle = (low + high) // 2
        if nbr[middle] < i:
            low = middle + 1
        else:
            high = middle
    return low - ptr[spin]


@njit(cache=True, nogil=True)
def _count(
    start: int, step: int, radius: int, ptr: np.ndarray, nbr: np.ndarray, num_pairs: np.ndarray, num_parents: np.ndarray
) -> None:
    n = ptr.size - 1
    mark, ball, earlier = np.full(n, -1, np.int32), np.empty(n, np.int32), np.empty(n, np.int32)
    for block in range(start, n, step):
        for i in range(block, min(block + BLOCK, n)):
            size = _frontier(i, radius, ptr, nbr, mark, ball)
            num_pairs[i] = size
            num_parents[i] = _parents(i, ball[:size], ptr, nbr, mark, earlier)


@njit(cache=True, nogil=True)
def _fill(
    start: int,
    step: int,
    radius: int,
    ptr: np.ndarray,
    nbr: np.ndarray,
    pair_ptr: np.ndarray,
    parents_ptr: np.ndarray,
    arrival_ptr: np.ndarray,
    spins: np.ndarray,
    arrivals: np.ndarray,
    parents: np.ndarray,
) -> None:
    n = ptr.size - 1
    mark, ball, earlier = np.full(n, -1, np.int32), np.empty(n, np.int32), np.empty(n, np.int32)
    for block in range(start, n, step):
        for i in range(block, min(block + BLOCK, n)):
            found = ball[: _frontier(i, radius, ptr, nbr, mark, ball)]
            read = earlier[: _parents(i, found, ptr, nbr, mark, earlier)]
            found.sort()
            read.sort()
            parents[parents_ptr[i] : parents_ptr[i + 1]] = read
            pair = pair_ptr[i]
            for spin in found:
                spins[pair] = spin
                arrivals[pair] = arrival_ptr[spin] + _num_below(i, spin, ptr, nbr) - 1
                pair += 1


def count_within(radius: int, ptr: np.ndarray, nbr: np.ndarray, threads: int) -> tuple[np.ndarray, np.ndarray]:
    """|F_r(i)| and |P_r(i)| of every rank."""
    n = ptr.size - 1
    counts = np.empty(n, np.int64), np.empty(n, np.int64)
    share(n, threads, lambda start, step: _count(start, step, radius, ptr, nbr, *counts))
    return counts


def fill_within(
    radius: int,
    ptr: np.ndarray,
    nbr: np.ndarray,
    threads: int,
    pair_ptr: np.ndarray,
    parents_ptr: np.ndarray,
    arrival_ptr: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spins of F_r(i), rising, the arrivals that hold their ξ_il, and the spins of P_r(i), rising."""
    starts = pair_ptr, parents_ptr, arrival_ptr
    lists = np.empty(pair_ptr[-1], np.int32), np.empty(pair_ptr[-1], np.int32), np.empty(parents_ptr[-1], np.int32)
    share(ptr.size - 1, threads, lambda start, step: _fill(start, step, radius, ptr, nbr, *starts, *lists))
    return lists


def share(n: int, threads: int, work: Callable[[int, int], None]) -> None:
    """Blocks of readers dealt out to threads of Python's: the loops hold no lock, and a process can still fork."""
    threads = min(threads, -(-n // BLOCK))
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda start: work(start, threads * BLOCK), range(0, threads * BLOCK, BLOCK)))
