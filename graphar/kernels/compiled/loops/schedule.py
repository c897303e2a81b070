"""Which messages are renewed when: the schedule of :mod:`graphar.heads.message_passing.head`, compiled.

Spins are places in drawing order. A directed edge is a row of those into a place, ``ptr[k]`` to ``ptr[k + 1]``, sorted
by ``sender``; those from undrawn spins begin at ``start[k]``. Naming row (l → k) as an event stands for k renewing the
message that it sends back to l. Events come in order of their keys; those with the same key happen at once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from graphar._support.compile import njit
from graphar.kernels.depth_first import DepthFirst

__all__ = ["Events", "count_events", "draw_starts", "find_events", "new_events", "sweep_events", "undraw_starts"]


class Events(NamedTuple):
    """What is renewed next, and what finds it.

    Attributes:
        start: where the edges from undrawn spins into each place start, (N,).
        edges, keys: room for the events of a pass.
        distance, queue: scratch of a search, the first zero before and after.
    """

    start: np.ndarray
    edges: np.ndarray
    keys: np.ndarray
    distance: np.ndarray
    queue: np.ndarray


@njit(cache=True)
def new_events(plan: DepthFirst) -> Events:
    """Before any spin is drawn."""
    n, num_edges = plan.stop.size, plan.sender.size
    edges, keys = np.empty(2 * num_edges, np.int64), np.empty(2 * num_edges, np.int64)
    return Events(plan.ptr[:-1].copy(), edges, keys, np.zeros(n, np.int64), np.empty(n, np.int64))


@njit(cache=True)
def draw_starts(plan: DepthFirst, p: int, start: np.ndarray) -> None:
    """Drop p, which has been drawn, from the undrawn neighbours of its own."""
    for edge in range(start[p], plan.ptr[p + 1]):
        start[plan.sender[edge]] += 1


@njit
def undraw_starts(plan: DepthFirst, p: int, start: np.ndarray) -> None:
    """Undo :func:`draw_starts`."""
    for edge in range(start[p], plan.ptr[p + 1]):
        start[plan.sender[edge]] -= 1


@njit(cache=True)
def sweep_events(plan: DepthFirst, first: int, stop: int, backwards: bool, events: Events) -> int:
    """All messages between undrawn spins of a run of places, by sender, in the order of the run or against it.

    Neighbours have different depths, so that the senders of one depth may send at once.
    """
    ptr, depth, start, edges, keys = plan.ptr, plan.depth, events.start, events.edges, events.keys
    count = 0
    for step in range(stop - first):
        k = stop - 1 - step if backwards else first + step
        for edge in range(start[k], ptr[k + 1]):
            edges[count] = edge
            keys[count] = -depth[k] if backwards else depth[k]
            count += 1
    return count


@njit
def _outward(plan: DepthFirst, p: int, events: Events) -> int:
    """One pass away from p, drawn last: keys 2d for messages within the shell at distance d, 2d + 1 to the next.

    One that ``returns`` goes on with a pass towards p, from the last shell to the first, with keys that rise on.
    """
    ptr, sender = plan.ptr, plan.sender
    start, edges, keys, distance, queue = events
    reached = 0
    for edge in range(start[p], ptr[p + 1]):
        queue[reached] = sender[edge]
        distance[sender[edge]] = 1
        reached += 1
    here, d, count = 0, 1, 0
    while d <= plan.radius and here < reached:
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
    if plan.returns:
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
def find_events(plan: DepthFirst, p: int, before: bool, number: int, events: Events) -> int:
    """One pass of those after p was drawn, or ``before``, of those over its whole component."""
    if before or plan.full:
        return sweep_events(plan, p if before else p + 1, plan.stop[p], number % 2 == 1, events)
    return _outward(plan, p, events)


@njit(cache=True)
def count_events(plan: DepthFirst) -> int:
    """Messages renewed in a whole walk."""
    events, total = new_events(plan), 0
    for p in range(plan.stop.size):
        if plan.is_root[p]:
            total += plan.rounds * find_events(plan, p, True, 0, events)
        draw_starts(plan, p, events.start)
        total += (plan.rounds if plan.full else 1) * find_events(plan, p, False, 0, events)
    return total
