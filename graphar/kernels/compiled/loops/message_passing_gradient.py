"""Compiled gradient of the message-passing kernel, by walking back; imported where it is used.

The walk is made again for given spins, with a tape of what each message was before it was renewed. Going back, the tape
restores the messages one event at a time, and what an event made of them is worked out anew: memory is one row for each
event, of one block of samples for each thread.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from graphar._support.compile import njit
from graphar.kernels.compiled.batch_layout import Drawn
from graphar.kernels.compiled.loops.gates import (
    Gates,
    apply_gates,
    belief_message,
    logit_features,
    message_features,
)
from graphar.kernels.compiled.loops.gates_gradient import (
    add_signed,
    belief_slope,
    by_magnitude,
    gates_back,
    sum_of,
)
from graphar.kernels.compiled.loops.message_passing import (
    Numbers,
    collect,
    neighbours,
    new_block,
    renew,
    set_field,
    tell_neighbours,
)
from graphar.kernels.compiled.loops.schedule import draw_starts, find_events, new_events, undraw_starts
from graphar.kernels.compiled.loops.shares import Work, borrowed, shares
from graphar.kernels.compiled.loops.spin import add_scaled, dot, weighted_slope
from graphar.kernels.depth_first import DepthFirst

__all__ = ["gradient", "pair_gradient"]


class Derivatives(NamedTuple):
    """Scratch of a block: derivatives by gates, features, hidden units or v, and b, and b itself."""

    by_g: np.ndarray
    by_f: np.ndarray
    by_z: np.ndarray
    by_b: np.ndarray
    b: np.ndarray


@njit
def _event_back(  # type: ignore[no-untyped-def]
    edge, k, met, ptr, start, strength, net, messages, by_message, back_row, by_sent, scratch, more, by_net
):
    """Derivatives by what one answer was made of, from those by the answer."""
    total, f, y, g, v = scratch
    by_g, by_f, by_z, by_b, b = more
    one = strength.dtype.type(1)
    a, received, back = strength[edge], messages[edge], messages[back_row]
    numbers = abs(a), met[0] - one, met[1] - abs(a)
    belief_message(a, total[0], received, v)
    message_features(total, received, back, v, f)
    apply_gates(net, numbers, f, y, g)
    for s in range(v.size):
        by_g[0, s] = by_sent[s] * v[s]
        by_g[1, s] = by_sent[s] * (back[s] - v[s])
        b[s] = total[0, s] - received[s]
    gates_back(net, numbers, f, y, by_g, by_net, by_f, by_z)
    for j in range(4):
        by_magnitude(f[j], by_f[j], by_f[j])
    # by v, in the place of by_z; by w
    for s in range(v.size):
        by_z[s] = by_sent[s] * (one + g[0, s] - g[1, s])
        by_message[back_row, s] += by_sent[s] * g[1, s]
        y[s] = back[s] - v[s]
    add_signed(by_f[2], back, by_message[back_row])
    add_signed(by_f[3], y, by_message[back_row])
    by_f[3] *= -1
    add_signed(by_f[3], y, by_z)
    belief_slope(a, b, by_b)
    by_b *= by_z
    add_signed(by_f[0], b, by_b)
    for other in range(start[k], ptr[k + 1]):
        if other != edge:
            add_scaled(one, by_b, by_message[other])
            add_signed(by_f[1], messages[other], by_message[other])


@njit
def _undo(  # type: ignore[no-untyped-def]
    count, plan, numbers, block, by_message, more, kept, tape, at, by_net
):
    """Undo events, the last first; returns ``kept``, which may have grown, and where the tape stands."""
    ptr, receiver, back = plan.ptr, plan.receiver, plan.back
    strength, net, beta = numbers.strength, numbers.message_gates, numbers.strength.dtype.type(numbers.beta)
    messages, local, events, scratch = block
    edges, keys, start = events.edges, events.keys, events.start
    last = count
    while last > 0:
        first = last - 1
        while first > 0 and keys[first - 1] == keys[last - 1]:
            first -= 1
        at -= last - first
        while len(kept) < last - first:
            kept = np.empty((2 * kept.shape[0], kept.shape[1]), kept.dtype)
        for event in range(first, last):
            row = back[edges[event]]
            kept[event - first] = by_message[row]
            by_message[row] = 0
            messages[row] = tape[at + event - first]
        collected, met = -1, neighbours(0, ptr, ptr[1:], strength)
        for event in range(first, last):
            edge = edges[event]
            k = receiver[edge]
            if k != collected:
                collect(k, beta, numbers.field, ptr, start, messages, local, scratch.total)
                collected, met = k, neighbours(k, ptr, start, strength)
            _event_back(
                edge, k, met, ptr, start, strength, net, messages, by_message, back[edge], kept[event - first],
                scratch, more, by_net,
            )  # fmt: skip
        last = first
    return kept, at


@njit
def _renew_back(  # type: ignore[no-untyped-def]
    plan, p, before, numbers, block, by_message, more, kept, tape, at, by_net
):
    """Undo all passes of :func:`~graphar.kernels.compiled.loops.message_passing.renew`; returns as :func:`_undo`."""
    rounds = plan.rounds if before or plan.full else 1
    for again in range(rounds):
        count = find_events(plan, p, before, rounds - 1 - again, block.events)
        kept, at = _undo(count, plan, numbers, block, by_message, more, kept, tape, at, by_net)
    return kept, at


@njit
def _logit_back(  # type: ignore[no-untyped-def]
    plan, p, numbers, block, by_message, slope, more, by_net
):
    """From the derivative by a logit to those by the messages behind it and the weights of the gates."""
    ptr, start, net, field = plan.ptr, block.events.start, numbers.logit_gates, numbers.field
    beta, messages, local = numbers.strength.dtype.type(numbers.beta), block.messages, block.local
    total, f, y, g, s = block.scratch
    collect(p, beta, field, ptr, start, messages, local, total)
    met = neighbours(p, ptr, start, numbers.strength)
    by_g, by_f, by_z, by_total, U = more
    set_field(beta, field[p], local[p], s)
    logit_features(s, total, f)
    apply_gates(net, met, f, y, g)
    for b in range(slope.size):
        U[b] = total[0, b] - s[b]
        by_g[0, b] = 2 * slope[b] * s[b]
        by_g[1, b] = 2 * slope[b] * U[b]
        by_total[b] = 2 * slope[b] * (1 + g[1, b])
    gates_back(net, met, f, y, by_g, by_net, by_f, by_z)
    for j in range(4):
        by_magnitude(f[j], by_f[j], by_f[j])
    add_signed(by_f[1], U, by_total)
    add_signed(by_f[2], total[0], by_total)
    for edge in range(start[p], ptr[p + 1]):
        add_scaled(by_total.dtype.type(1), by_total, by_message[edge])
        add_signed(by_f[3], messages[edge], by_message[edge])


@njit(nogil=True, cache=True, fastmath={"contract"})
def gradient(
    work: Work,
    plan: DepthFirst,
    numbers: Numbers,
    drawn: Drawn,
    gradient_decay: float,
    rows: Any,
    by_message_gates: Gates,
    by_logit_gates: Gates,
) -> None:
    """Derivatives of each block by the weights of the gates, added to the last two, a row for each block.

    Derivatives by messages are multiplied by ``gradient_decay`` from each spin to the one before. ``rows`` are scratch
    of each thread: messages, derivatives by them, fields ξ, and a row for each event.
    """
    plan, numbers, drawn, rows = borrowed((plan, numbers, drawn, rows))
    by_message_gates, by_logit_gates = borrowed((by_message_gates, by_logit_gates))
    blocks, _, width = drawn.spins.shape
    for block in shares(work, blocks):
        x, one = drawn.spins[block], drawn.spins.dtype.type(1)
        u, by_u, xi, tape = rows[0][work[1]], rows[1][work[1]], rows[2][work[1]], rows[3][work[1]]
        mine = new_block(plan, u, xi, True)
        by_u[:] = 0
        start, waiting, slope = mine.events.start, np.empty((8, width), x.dtype), np.zeros(width, x.dtype)
        more = Derivatives(
            np.zeros((2, width), x.dtype),
            np.zeros((4, width), x.dtype),
            np.zeros(width, x.dtype),
            np.zeros(width, x.dtype),
            np.zeros(width, x.dtype),
        )
        weight, bias, out, constant = by_message_gates
        by_messages = Gates(weight[block], bias[block], out[block], constant[block])
        weight, bias, out, constant = by_logit_gates
        by_logits = Gates(weight[block], bias[block], out[block], constant[block])
        at = 0
        for p in plan.turns:
            if plan.is_root[p]:
                waiting, at = renew(plan, p, True, numbers, mine, waiting, tape, at)
            tell_neighbours(plan, p, one, numbers.coupling, x[p], xi, start)
            draw_starts(plan, p, start)
            waiting, at = renew(plan, p, False, numbers, mine, waiting, tape, at)
        for p in plan.turns[::-1]:
            waiting, at = _renew_back(plan, p, False, numbers, mine, by_u, more, waiting, tape, at, by_messages)
            if gradient_decay != 1:
                # those between the spins of C(p)
                by_u[plan.ptr[p] : plan.ptr[plan.stop[p]]] *= by_u.dtype.type(gradient_decay)
            undraw_starts(plan, p, start)
            tell_neighbours(plan, p, -one, numbers.coupling, x[p], xi, start)
            weighted_slope(drawn, block, p, slope)
            _logit_back(plan, p, numbers, mine, by_u, slope, more, by_logits)
            if plan.is_root[p]:
                waiting, at = _renew_back(plan, p, True, numbers, mine, by_u, more, waiting, tape, at, by_messages)


@njit(nogil=True, cache=True, fastmath={"contract"})
def pair_gradient(
    work: Work,
    plan: DepthFirst,
    numbers: Numbers,
    drawn: Drawn,
    local: np.ndarray,
    by_pair: np.ndarray,
    by_constant: np.ndarray,
) -> None:
    """Derivatives of each block by the linear part, a row for each block; ``local`` is scratch."""
    plan, numbers, drawn, local, by_pair, by_constant = borrowed((plan, numbers, drawn, local, by_pair, by_constant))
    for block in shares(work, len(drawn.spins)):
        xi, x, slope = local[work[1]], drawn.spins[block], np.zeros(local.shape[2], local.dtype)
        xi[:] = 0
        start = new_events(plan).start
        for p in plan.turns:
            weighted_slope(drawn, block, p, slope)
            by_constant[block, p] = sum_of(slope)
            for pair in range(plan.pair_ptr[p], plan.pair_ptr[p + 1]):
                by_pair[block, pair] = dot(slope, xi[plan.pair_spin[pair]])
            tell_neighbours(plan, p, x.dtype.type(1), numbers.coupling, x[p], xi, start)
            draw_starts(plan, p, start)
