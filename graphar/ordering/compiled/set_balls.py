"""Compiled loops of the frontier of residual sets cut at a radius; imported where it is used, as it loads numba.

Reader i reads the sets R whose members all lie in its ball and that some rank < i has sent to. What ξ_R holds then was
drawn at the senders to R, at those to its factors, and so on.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from graphar._support.compile import njit
from graphar.ordering.compiled.balls import BLOCK, share, walk_ball

__all__ = ["SetsOfAnchors", "count_sets_within", "fill_sets_within"]


class SetsOfAnchors(NamedTuple):
    """As :class:`graphar.ordering.residual_sets.ResidualSets` has them."""

    ptr: np.ndarray
    further_ptr: np.ndarray
    further: np.ndarray
    arrival_ptr: np.ndarray
    source: np.ndarray
    factor: np.ndarray


@njit(cache=True)
def _lies_within(target: int, i: int, sets: SetsOfAnchors, mark: np.ndarray) -> bool:
    """Whether some rank < i sends to a set of an anchor in the ball, and its other ranks are in the ball too."""
    start = sets.arrival_ptr[target]
    if start == sets.arrival_ptr[target + 1] or sets.source[start] >= i:
        return False
    for k in range(sets.further_ptr[target], sets.further_ptr[target + 1]):  # noqa: SIM110 — compiled to less
        if mark[sets.further[k]] != i:
            return False
    return True


@njit(cache=True)
def _last_before(i: int, target: int, sets: SetsOfAnchors) -> int:
    """The last arrival at a set from a rank < i, by bisection."""
    low, high = sets.arrival_ptr[target], sets.arrival_ptr[target + 1]
    while low < high:
        middle = (low + high) // 2
        if sets.source[middle] < i:
            low = middle + 1
        else:
            high = middle
    return low - 1


@njit(cache=True)
def _add_senders(
    i: int, target: int, sets: SetsOfAnchors, mark: np.ndarray, stack: np.ndarray, earlier: np.ndarray, count: int
) -> int:
    """Adds all ranks < i that ξ_R holds to the ``count`` first of ``earlier``; ``mark`` becomes i on them."""
    stack[0], top = target, 0
    while top >= 0:
        at = stack[top]
        top -= 1
        for k in range(sets.arrival_ptr[at], sets.arrival_ptr[at + 1]):
            j = sets.source[k]
            if j >= i:
                break
            if mark[j] != i:
                mark[j] = i
                earlier[count] = j
                count += 1
            if sets.factor[k] >= 0:  # which is a set of one reader alone: none is met twice
                top += 1
                stack[top] = sets.factor[k]
    return count


@njit(cache=True, nogil=True)
def _count(
    start: int, step: int, radius: int, ptr: np.ndarray, nbr: np.ndarray, sets: SetsOfAnchors,
    num_pairs: np.ndarray, num_parents: np.ndarray,
) -> None:  # fmt: skip
    n = ptr.size - 1
    mark, ball, earlier = np.full(n, -1, np.int32), np.empty(n, np.int32), np.empty(n, np.int32)
    stack = np.empty(sets.arrival_ptr.size, np.int64)
    for block in range(start, n, step):
        for i in range(block, min(block + BLOCK, n)):
            pairs, parents = 0, 0
            for at in range(walk_ball(i, radius, ptr, nbr, mark, ball)):
                for target in range(sets.ptr[ball[at]], sets.ptr[ball[at] + 1]):
                    if _lies_within(target, i, sets, mark):
                        pairs += 1
                        parents = _add_senders(i, target, sets, mark, stack, earlier, parents)
            num_pairs[i], num_parents[i] = pairs, parents


@njit(cache=True, nogil=True)
def _fill(
    start: int, step: int, radius: int, ptr: np.ndarray, nbr: np.ndarray, sets: SetsOfAnchors,
    pair_ptr: np.ndarray, parents_ptr: np.ndarray, targets: np.ndarray, arrivals: np.ndarray, parents: np.ndarray,
) -> None:  # fmt: skip
    n = ptr.size - 1
    mark, ball, earlier = np.full(n, -1, np.int32), np.empty(n, np.int32), np.empty(n, np.int32)
    stack = np.empty(sets.arrival_ptr.size, np.int64)
    for block in range(start, n, step):
        for i in range(block, min(block + BLOCK, n)):
            near = ball[: walk_ball(i, radius, ptr, nbr, mark, ball)]
            near.sort()
            pair, count = pair_ptr[i], 0
            for spin in near:
                for target in range(sets.ptr[spin], sets.ptr[spin + 1]):
                    if _lies_within(target, i, sets, mark):
                        count = _add_senders(i, target, sets, mark, stack, earlier, count)
                        targets[pair], arrivals[pair] = target, _last_before(i, target, sets)
                        pair += 1
            read = earlier[:count]
            read.sort()
            parents[parents_ptr[i] : parents_ptr[i + 1]] = read


def count_sets_within(
    radius: int, ptr: np.ndarray, nbr: np.ndarray, threads: int, sets: SetsOfAnchors
) -> tuple[np.ndarray, np.ndarray]:
    """|F_r(i)| and |P_r(i)| of every rank."""
    n = ptr.size - 1
    counts = np.empty(n, np.int64), np.empty(n, np.int64)
    share(n, threads, lambda start, step: _count(start, step, radius, ptr, nbr, sets, *counts))
    return counts


def fill_sets_within(
    radius: int, ptr: np.ndarray, nbr: np.ndarray, threads: int, sets: SetsOfAnchors,
    pair_ptr: np.ndarray, parents_ptr: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """Sets of F_r(i), rising, the arrivals that hold their ξ_iR, and the spins of P_r(i), rising."""
    lists = np.empty(pair_ptr[-1], np.int32), np.empty(pair_ptr[-1], np.int32), np.empty(parents_ptr[-1], np.int32)
    starts = pair_ptr, parents_ptr
    share(ptr.size - 1, threads, lambda start, step: _fill(start, step, radius, ptr, nbr, sets, *starts, *lists))
    return lists
