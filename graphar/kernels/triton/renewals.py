"""The schedule of message passing as lists that a fused sweep follows: what is renewed before each spin is drawn.

The compiled loops find it along the way (:mod:`graphar.kernels.compiled.loops.schedule`); threads of a GPU would all
wait for the search, so that it is made here, once for a graph.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from graphar.kernels.compiled.plans import Sent, pointers
from graphar.kernels.depth_first import DepthFirst

__all__ = ["MOST", "Renewals", "Walk", "plan_walk"]

MOST = 2**28  # renewals that are listed: 1 GiB


class Renewals(NamedTuple):
    """What is renewed when; int32, places of spins and rows of directed edges as in the plan.

    A group is of messages that are renewed at once, a collection those that one spin renews of them, an event one.

    Attributes:
        place, start: of the spin that each turn draws, its place and where the edges into it from undrawn spins start.
        ptr, back: of the plan.
        turn_ptr: groups before each turn, (N + 1,).
        group_ptr, aside: collections of each group, (groups + 1,), and whether some read what others write.
        spin, first, event_ptr: of each collection its spin, where the edges into it from undrawn spins start, and its
            events, (collections + 1,).
        edge: that each event answers.
        pair_ptr, pair_spin, stop: of the plan.
        sizes: directed edges, and the most events of a group, (2,).
    """

    place: np.ndarray
    start: np.ndarray
    ptr: np.ndarray
    back: np.ndarray
    turn_ptr: np.ndarray
    group_ptr: np.ndarray
    aside: np.ndarray
    spin: np.ndarray
    first: np.ndarray
    event_ptr: np.ndarray
    edge: np.ndarray
    pair_ptr: np.ndarray
    pair_spin: np.ndarray
    stop: np.ndarray
    sizes: np.ndarray


class _Pass(NamedTuple):
    """Events of a pass: the edge that each answers, when, whether it is kept aside, where those from undrawn start."""

    edge: np.ndarray
    key: np.ndarray
    aside: np.ndarray
    first: np.ndarray


class Walk(NamedTuple):
    """All that a sweep follows.

    Attributes:
        sent: fields that each spin sends to undrawn neighbours, added to what their rows have.
        sends: the directed edge of each.
        renewals: messages.
        turn_events: events before each turn, (N + 1,).
        widest: most events of a group.
    """

    sent: Sent
    sends: np.ndarray
    renewals: Renewals
    turn_events: np.ndarray
    widest: int


def plan_walk(plan: DepthFirst) -> Walk:
    """The walk of a plan.

    Raises:
        ValueError: more renewals than can be listed.
    """
    from graphar.kernels.compiled.loops.schedule import count_events, draw_starts, find_events, new_events

    total = int(count_events(plan))
    if total > MOST:
        raise ValueError(f"radius or refresh must renew at most {MOST:,} messages in a sweep on a GPU, got {total:,}")
    n, events, passes = plan.stop.size, new_events(plan), list[_Pass]()
    start, ends, sends, count = np.empty(n, np.int64), np.zeros(n, np.int64), [], 0

    def find(p: int, before: bool) -> int:
        ordered, found = before or plan.full, 0
        for number in range(plan.rounds if ordered else 1):
            some = find_events(plan, p, before, number, events)
            edge, key = events.edges[:some].copy(), events.keys[:some].copy()
            if ordered:  # what is at one depth of the tree, of all subtrees, reads nothing of what is written there
                order = np.argsort(key, kind="stable")
                edge, key = edge[order], key[order]
            aside = np.zeros(some, bool) if ordered else key % 2 == 0
            passes.append(_Pass(edge, key, aside, events.start[plan.receiver[edge]]))
            found += some
        return found

    for turn, p in enumerate(plan.turns.tolist()):
        if plan.is_root[p]:
            count += find(p, True)
        start[turn], ends[turn] = events.start[p], count
        sends.append(np.arange(start[turn], plan.ptr[p + 1]))
        draw_starts(plan, p, events.start)
        count += find(p, False)
    edge, key, aside, first = (np.concatenate(part) for part in zip(*passes, strict=True))
    number = np.repeat(np.arange(len(passes)), [part.edge.size for part in passes])
    receiver = plan.receiver[edge]
    new_group = _changes(number) | _changes(key)
    event_ptr = _starts(new_group | _changes(receiver))
    of_group = _starts(new_group)
    group_ptr = np.searchsorted(event_ptr, of_group)
    alone = np.diff(group_ptr) == 1
    widest = int(np.diff(of_group).max(initial=0))
    sent = np.concatenate(sends)
    row = plan.sender[sent]
    renewals = Renewals(
        place=plan.turns,
        start=start,
        ptr=plan.ptr,
        back=plan.back,
        turn_ptr=np.searchsorted(of_group, np.concatenate([[0], ends])),
        group_ptr=group_ptr,
        aside=aside[of_group[:-1]] & ~alone,
        spin=receiver[event_ptr[:-1]],
        first=first[event_ptr[:-1]],
        event_ptr=event_ptr,
        edge=edge,
        pair_ptr=plan.pair_ptr,
        pair_spin=plan.pair_spin,
        stop=plan.stop,
        sizes=np.array([plan.sender.size, widest]),
    )
    # rows start from zero: the first spin alone is drawn before that is written
    local_row = np.where(np.arange(n) > 0, plan.turns, n)
    send_ptr = pointers(np.array([part.size for part in sends], np.int64))
    none = np.zeros(0, np.int32)
    return Walk(
        Sent(*(part.astype(np.int32) for part in (plan.site[plan.turns], local_row, send_ptr, row, row, none))),
        sent,
        Renewals(*(part.astype(np.int32) for part in renewals)),
        np.concatenate([[0], ends]),
        widest,
    )


def _changes(values: np.ndarray) -> np.ndarray:
    """Whether each differs from the one before; the first does."""
    return np.concatenate([np.ones(min(1, values.size), bool), values[1:] != values[:-1]])


def _starts(new: np.ndarray) -> np.ndarray:
    """Where runs start, by whether each member starts one, and the end."""
    return np.append(np.flatnonzero(new), new.size)
