"""The plan that both kernels of the message-passing head follow, made once for a frontier.

Spins are numbered by their place in depth-first order of the elimination tree. What is still undrawn when p is drawn,
of the component C(p), is then a run of places after p, and the undrawn neighbours of a spin of C(p) are those at places
after p. Directed edges are sorted by receiver and then by sender: the messages that a spin receives are consecutive
rows, of which the undrawn senders' are the last. Messages on a subtree depend on its ancestors alone, so that drawing
depth first, one spin after the other, and level by level, whole levels at once, are the same. A linear part that reads
TwoBo's own pairs, beyond the component, is not: what it reads is of all spins of smaller rank and of none else, and
spins are drawn one by one by rank. Ancestors have smaller ranks, which is all that messages ask for.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from graphar.frontier import Frontier
from graphar.heads.message_passing.head import BoundMessagePassing

__all__ = ["DepthFirst", "depth_first"]


class DepthFirst(NamedTuple):
    """Places of spins, directed edges, the tree and the schedule.

    Attributes:
        rank, site: of each place, (N,).
        depth: in the elimination tree, (N,).
        stop: one past the last place of each subtree, (N,).
        is_root: whether a place is the first of its component, (N,).
        turns: places in the order in which they are drawn one by one, (N,).
        level: at which each place may be drawn together with others, (N,).
        sender, receiver, back: places at the ends of each directed edge, and the edge the other way, (2E,).
        arrival: whose coupling each directed edge has, (2E,).
        ptr: where the edges into each place start, (N + 1,).
        pair_ptr, pair_spin, pair: the frontier of each place, as places, and their numbers at the head.
        radius, rounds, full, returns: the schedule, with a radius of at most N.
    """

    rank: np.ndarray
    site: np.ndarray
    depth: np.ndarray
    stop: np.ndarray
    is_root: np.ndarray
    turns: np.ndarray
    level: np.ndarray
    sender: np.ndarray
    receiver: np.ndarray
    back: np.ndarray
    arrival: np.ndarray
    ptr: np.ndarray
    pair_ptr: np.ndarray
    pair_spin: np.ndarray
    pair: np.ndarray
    radius: int
    rounds: int
    full: bool
    returns: bool


def depth_first(frontier: Frontier, head: BoundMessagePassing) -> DepthFirst:
    """The plan of a head over a frontier."""
    from graphar.kernels.compiled.loops.layout import preorder, subtree_stops

    n, num_edges = frontier.num_spins, frontier.num_arrivals
    order = preorder(frontier.parent.numpy())
    place = np.argsort(order)
    depth = frontier.depth.numpy()[order]
    anywhere = head.linear is not None and frontier.kind == "all" and frontier.radius is None
    turns, level = (place, order) if anywhere else (np.arange(n), depth)

    source, target = place[frontier.arrival_source.numpy()], place[frontier.arrival_target.numpy()]
    receiver, sender = np.concatenate([target, source]), np.concatenate([source, target])
    edges = np.lexsort((sender, receiver))
    row = np.argsort(edges)
    back = row[(edges + num_edges) % (2 * num_edges)] if num_edges else row

    count, pair = np.zeros(n, np.int64), np.zeros(0, np.int64)
    if head.linear is not None:
        ptr = frontier.pair_ptr.numpy()
        count = np.diff(ptr)[order]
        first = np.repeat(ptr[:-1][order] - _pointers(count)[:-1], count)
        pair = first + np.arange(first.size)
    radius, rounds, refresh = head.config.schedule
    return DepthFirst(
        rank=order,
        site=frontier.ordering.sites.numpy()[order],
        depth=depth,
        stop=subtree_stops(depth),
        is_root=frontier.parent.numpy()[order] < 0,
        turns=turns,
        level=level,
        sender=sender[edges],
        receiver=receiver[edges],
        back=back,
        arrival=edges % max(1, num_edges),
        ptr=_pointers(np.bincount(receiver, minlength=n)),
        pair_ptr=_pointers(count),
        pair_spin=place[frontier.pair_spin.numpy()[pair]] if pair.size else pair,
        pair=pair,
        radius=min(radius, n),
        rounds=rounds,
        full=refresh == "full",
        returns=refresh == "return",
    )


def _pointers(count: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
