"""Compiled sweep of the message-passing head; imported where it is used, so that numba loads on first use.

A sweep draws the spins of a block of samples, whose messages and fields are (rows, width). The schedule, the same for
all samples, is found along the way (:mod:`graphar.kernels.compiled.loops.schedule`): all its events together would be
as long as the sweep. The messages that k receives from undrawn spins are rows ``start[k]`` to ``ptr[k + 1]``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from graphar._support.compile import njit
from graphar.kernels.compiled.batch_layout import Batch
from graphar.kernels.compiled.loops.gates import (
    Gates,
    apply_gates,
    belief_message,
    logit_features,
    message_features,
)
from graphar.kernels.compiled.loops.schedule import Events, draw_starts, find_events, new_events
from graphar.kernels.compiled.loops.shares import Work, borrowed, hold, shares
from graphar.kernels.compiled.loops.spin import add_energy, add_scaled, finish_spin, new_drawing
from graphar.kernels.depth_first import DepthFirst

__all__ = [
    "Block",
    "Gates",
    "Numbers",
    "Scratch",
    "collect",
    "neighbours",
    "new_block",
    "renew",
    "set_field",
    "sweep",
    "tell_neighbours",
]


class Numbers(NamedTuple):
    """What the sweep computes with.

    Attributes:
        beta, strength, coupling, field: β; βJ and J of directed edges; h by place.
        pairs, constant: the linear part by pair and by place, or empty.
        message_gates, logit_gates: weights of both gates.
    """

    beta: float
    strength: np.ndarray
    coupling: np.ndarray
    field: np.ndarray
    pairs: np.ndarray
    constant: np.ndarray
    message_gates: Gates
    logit_gates: Gates


class Scratch(NamedTuple):
    """Sums at a spin, features, hidden units, gates, and v or the field on a spin, of a block of samples."""

    total: np.ndarray
    features: np.ndarray
    hidden: np.ndarray
    gates: np.ndarray
    v: np.ndarray


class Block(NamedTuple):
    """Messages, (2E, width), and fields ξ, (N, width), of a block as its spins are drawn, and scratch."""

    messages: np.ndarray
    local: np.ndarray
    events: Events
    scratch: Scratch


# Each of these loops is one that compilers vectorise: few arrays and no branch.


@njit(fastmath={"contract"})
def set_field(beta: float, field: float, local: np.ndarray, s: np.ndarray) -> None:
    """s = β(h + ξ)."""
    for b in range(s.size):
        s[b] = beta * (field + local[b])


@njit(fastmath={"contract"})
def _add(received: np.ndarray, total: np.ndarray) -> None:
    for s in range(total.size):
        total[s] += received[s]


@njit(fastmath={"contract"})
def _add_size(received: np.ndarray, sizes: np.ndarray) -> None:
    for s in range(sizes.size):
        sizes[s] += abs(received[s])


@njit(fastmath={"contract"})
def _correct_message(v: np.ndarray, back: np.ndarray, first: np.ndarray, second: np.ndarray, sent: np.ndarray) -> None:
    for s in range(v.size):
        sent[s] = v[s] + v[s] * first[s] + (back[s] - v[s]) * second[s]


@njit(fastmath={"contract"})
def _correct_logit(s: np.ndarray, total: np.ndarray, first: np.ndarray, second: np.ndarray, logit: np.ndarray) -> None:
    for b in range(s.size):
        logit[b] = 2 * (total[b] + s[b] * first[b] + (total[b] - s[b]) * second[b])


@njit
def new_block(plan, messages, local, learned):  # type: ignore[no-untyped-def]
    """A block before any spin is drawn."""
    messages[:] = 0
    local[:] = 0
    width, kind = local.shape[1], local.dtype
    scratch = Scratch(
        np.zeros((2 if learned else 1, width), kind),
        np.zeros((4, width), kind),
        np.zeros(width, kind),
        np.zeros((2, width), kind),
        np.zeros(width, kind),
    )
    return Block(messages, local, new_events(plan), scratch)


@njit
def neighbours(k, ptr, start, strength):  # type: ignore[no-untyped-def]
    """Undrawn neighbours of k, and Σ|a| over them."""
    reach = strength.dtype.type(0)
    for edge in range(start[k], ptr[k + 1]):
        reach += abs(strength[edge])
    return strength.dtype.type(ptr[k + 1] - start[k]), reach


@njit
def collect(k, beta, field, ptr, start, messages, local, total):  # type: ignore[no-untyped-def]
    """Rows of ``total``: s + Σu and, where there is a second one, Σ|u|, over all that k receives."""
    set_field(beta, field[k], local[k], total[0])
    for edge in range(start[k], ptr[k + 1]):
        _add(messages[edge], total[0])
    if len(total) > 1:
        total[1] = 0
        for edge in range(start[k], ptr[k + 1]):
            _add_size(messages[edge], total[1])


@njit
def _answer(edge, met, strength, net, received, back, sent, scratch):  # type: ignore[no-untyped-def]
    """The answer along an edge to what was ``received``; ``met`` counts neighbours and their |a|."""
    total, f, y, g, v = scratch
    a = strength[edge]
    if not net.bias.size:
        belief_message(a, total[0], received, sent)
        return
    belief_message(a, total[0], received, v)
    message_features(total, received, back, v, f)
    apply_gates(net, (abs(a), met[0] - strength.dtype.type(1), met[1] - abs(a)), f, y, g)
    _correct_message(v, back, g[0], g[1], sent)


@njit
def _read_out(k, met, net, beta, field, local, scratch, logit):  # type: ignore[no-untyped-def]
    """2[(1 + γ') s + (1 + δ') U] from the sums at k."""
    total, f, y, g, s = scratch
    if not net.bias.size:
        for b in range(logit.size):
            logit[b] = 2 * total[0, b]
        return
    set_field(beta, field[k], local[k], s)
    logit_features(s, total, f)
    apply_gates(net, met, f, y, g)
    _correct_logit(s, total[0], g[0], g[1], logit)


@njit
def _grown(rows):  # type: ignore[no-untyped-def]
    more = np.empty((2 * rows.shape[0], rows.shape[1]), rows.dtype)
    more[: rows.shape[0]] = rows
    return more


@njit
def _apply(  # type: ignore[no-untyped-def]
    count, ordered, plan, numbers, block, waiting, tape, at
):
    """Renew messages event by event; returns ``waiting``, which may have grown, and where the tape stands.

    Those with one key depend on the messages before alone: they are kept aside until all are done, unless ``ordered``
    tells that none of them reads what another writes, as with odd keys. With a tape, what a message was is written
    down.
    """
    ptr, receiver, back = plan.ptr, plan.receiver, plan.back
    strength, net, beta = numbers.strength, numbers.message_gates, numbers.strength.dtype.type(numbers.beta)
    messages, local, events, scratch = block
    edges, keys, start = events.edges, events.keys, events.start
    first = 0
    while first < count:
        last = first
        while last < count and keys[last] == keys[first]:
            last += 1
        aside = not ordered and keys[first] % 2 == 0
        collected, met = -1, neighbours(0, ptr, ptr[1:], strength)
        for event in range(first, last):
            edge = edges[event]
            k, row = receiver[edge], back[edge]
            if k != collected:
                collect(k, beta, numbers.field, ptr, start, messages, local, scratch.total)
                collected, met = k, neighbours(k, ptr, start, strength)
            if len(tape):
                tape[at] = messages[row]
                at += 1
            if aside:
                if event - first == len(waiting):
                    waiting = _grown(waiting)
                _answer(edge, met, strength, net, messages[edge], messages[row], waiting[event - first], scratch)
            else:
                _answer(edge, met, strength, net, messages[edge], messages[row], messages[row], scratch)
        if aside:
            for event in range(first, last):
                messages[back[edges[event]]] = waiting[event - first]
        first = last
    return waiting, at


@njit
def renew(plan, p, before, numbers, block, waiting, tape, at):  # type: ignore[no-untyped-def]
    """All passes after p was drawn, or ``before`` that of its component's first spin; returns as :func:`_apply`."""
    ordered = before or plan.full
    for number in range(plan.rounds if ordered else 1):
        count = find_events(plan, p, before, number, block.events)
        waiting, at = _apply(count, ordered, plan, numbers, block, waiting, tape, at)
    return waiting, at


@njit
def tell_neighbours(plan, p, sign, coupling, x, local, start):  # type: ignore[no-untyped-def]
    """Add the field of p to those on its undrawn neighbours, or take it away."""
    for edge in range(start[p], plan.ptr[p + 1]):
        add_scaled(sign * coupling[edge], x, local[plan.sender[edge]])


@njit(nogil=True, cache=True, fastmath={"contract"})
def sweep(work: Work, plan: DepthFirst, numbers: Numbers, batch: Batch, rows: Any) -> None:
    """Spins, drawn or given, their log q and energy; ``rows`` are messages and fields ξ, for each thread."""
    plan, numbers, batch, (messages, local) = borrowed((plan, numbers, batch, rows))
    beta, one = batch.spins.dtype.type(batch.beta), batch.spins.dtype.type(1)
    blocks, num_spins, width = batch.spins.shape
    for block in shares(work, blocks):
        x = batch.spins[block]
        mine = new_block(plan, messages[work[1]], local[work[1]], numbers.message_gates.bias.size > 0)
        u, xi, scratch, start = mine.messages, mine.local, mine.scratch, mine.events.start
        waiting, tape = np.empty((8, width), x.dtype), np.empty((0, width), x.dtype)
        held = np.zeros(width, x.dtype), new_drawing(batch, block)
        logit, drawing = borrowed(held)
        for turn in range(num_spins):
            p = plan.turns[turn]
            if plan.is_root[p]:
                waiting, _ = renew(plan, p, True, numbers, mine, waiting, tape, 0)
            collect(p, beta, numbers.field, plan.ptr, start, u, xi, scratch.total)
            met = neighbours(p, plan.ptr, start, numbers.strength)
            _read_out(p, met, numbers.logit_gates, beta, numbers.field, xi, scratch, logit)
            if numbers.constant.size:
                logit += numbers.constant[p]
                for pair in range(plan.pair_ptr[p], plan.pair_ptr[p + 1]):
                    add_scaled(numbers.pairs[pair], xi[plan.pair_spin[pair]], logit)
            finish_spin(p, turn, plan.site[p], logit, block, batch, drawing)
            add_energy(xi[p], numbers.field[p], x[p], batch.energy[block, batch.part[p]])
            tell_neighbours(plan, p, one, numbers.coupling, x[p], xi, start)
            draw_starts(plan, p, start)
            waiting, _ = renew(plan, p, False, numbers, mine, waiting, tape, 0)
        hold(held)
