"""Which messages are renewed when: the schedule of :mod:`graphar.heads.message_passing.head`, compiled.

Spins are places in drawing order. A directed edge is a row of those into a place, ``ptr[k]`` to ``ptr[k + 1]``, sorted
by ``sender``; those from undrawn spins begin at ``start[k]``. Naming row (l → k) as an event stands for k renewing the
message that it sends back to l. Events come in order of their keys; those with the same key happen at once.
"""

from __future__ import annotations

import numpy as np

from graphar._support.compile import njit

__all__ = ["count_events", "draw_starts", "outward", "subtree_stops", "sweep", "undraw_starts"]


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
def draw_starts(p: int, sender: np.ndarray, ptr: np.ndarray, start: np.ndarray) -> None:
    """Drop p, which has been drawn, from the undrawn neighbours of its own."""
    for edge in range(start[p], ptr[p + 1]):
        start[sender[edge]] += 1


@njit(cache=True)
def undraw_starts(p: int, sender: np.ndarray, ptr: np.ndarray, start: np.ndarray) -> None:
    """Undo :func:`draw_starts`."""
    for edge in range(start[p], ptr[p + 1]):
        start[sender[edge]] -= 1


@njit(cache=True)
def sweep(
    first: int,
    stop: int,
    backwards: bool,
    depth: np.ndarray,
    ptr: np.ndarray,
    start: np.ndarray,
    edges: np.ndarray,
    keys: np.ndarray,
) -> int:
    """All messages between undrawn spins of a run of places, by sender, in the order of the run or against it.

    Neighbours have different depths, so that the senders of one depth may send at once.
    """
    count = 0
    for step in range(stop - first):
        k = stop - 1 - step if backwards else first + step
        for edge in range(start[k], ptr[k + 1]):
            edges[count] = edge
            keys[count] = -depth[k] if backwards else depth[k]
            count += 1
    return count


@njit(cache=True)
def outward(
    p: int,
    radius: int,
    returns: bool,
    sender: np.ndarray,
    ptr: np.ndarray,
    start: np.ndarray,
    distance: np.ndarray,
    queue: np.ndarray,
    edges: np.ndarray,
    keys: np.ndarray,
) -> int:
    """One pass away from p, drawn last: keys 2d for messages within the shell at distance d, 2d + 1 to the next.

    One that ``returns`` goes on with a pass towards p, from the last shell to the first, with keys that rise on.
    ``distance`` is zero for spins not reached, before and after; ``queue`` has room for all spins.
    """
    reached = 0
    for edge in range(start[p], ptr[p + 1]):
        queue[reached] = sender[edge]
        distance[sender[edge]] = 1
        reached += 1
    here, d, count = 0, 1, 0
    while d <= radius and here < reached:
        shell_stop = reached
        for at in range(here, shell_stop):
            k = queue[at]
            for edge in range(start[k], ptr[k + 1]):
                other = sender[edge]
                if distance[other] == 0:
                    distance[other] = d + 1
                    queue[reached] = other
                    reached += 1
                elif distance[other] == d:
                    edges[count], keys[count] = edge, 2 * d
                    count += 1
        for at in range(here, shell_stop):
            k = queue[at]
            for edge in range(start[k], ptr[k + 1]):
                if distance[sender[edge]] > d:
                    edges[count], keys[count] = edge, 2 * d + 1
                    count += 1
        here, d = shell_stop, d + 1
    if returns:
        key, at = 2 * d, here - 1
        while at >= 0:
            d, last = distance[queue[at]], at
            while at >= 0 and distance[queue[at]] == d:
                at -= 1
            for inward in range(2):
                for member in range(at + 1, last + 1):
                    k = queue[member]
                    for edge in range(start[k], ptr[k + 1]):
                        if distance[sender[edge]] == d - inward:
                            edges[count], keys[count] = edge, key + inward
                            count += 1
            key += 2
    for at in range(reached):
        distance[queue[at]] = 0
    return count


@njit(cache=True)
def count_events(
    radius: int,
    rounds: int,
    full: bool,
    returns: bool,
    sender: np.ndarray,
    ptr: np.ndarray,
    stop: np.ndarray,
    is_root: np.ndarray,
) -> int:
    """Messages renewed in a whole walk."""
    n = stop.size
    start = ptr[:-1].copy()
    distance, queue = np.zeros(n, np.int64), np.empty(n, np.int64)
    edges, keys = np.empty(2 * sender.size, np.int64), np.empty(2 * sender.size, np.int64)
    total = 0
    for p in range(n):
        for first in range(p, p + 1 + full):
            if first > p or is_root[p]:
                for k in range(first, stop[p]):
                    total += rounds * (ptr[k + 1] - start[k])
            if first == p:
                draw_starts(p, sender, ptr, start)
        if not full:
            total += outward(p, radius, returns, sender, ptr, start, distance, queue, edges, keys)
    return total
