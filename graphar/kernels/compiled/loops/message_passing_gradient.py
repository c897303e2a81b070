"""Compiled gradient of the message-passing kernel, by walking back; imported where it is used.

The walk is made again for given spins, with a tape of what each message was before it was renewed. Going back, the tape
restores the messages one event at a time, and what an event made of them is worked out anew: memory is one row for each
event, of one block of samples for each thread.
"""

from __future__ import annotations

import numpy as np

from graphar._support.compile import njit
from graphar.kernels.compiled.loops.gates import (
    add_scaled,
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
from graphar.kernels.compiled.loops.linear import _dot
from graphar.kernels.compiled.loops.message_passing import apply_events, collect, neighbours, new_scratch, set_field
from graphar.kernels.compiled.loops.schedule import draw_starts, outward, sweep, undraw_starts
from graphar.kernels.compiled.loops.shares import borrowed, shares

__all__ = ["gradient", "pair_gradient"]


@njit
def _event_back(  # type: ignore[no-untyped-def]
    edge, k, met, plan, start, strength, net, messages, by_message, back_row, by_sent, scratch, more, by_net
):
    """Derivatives by what one answer was made of, from those by the answer."""
    _, _, ptr, _, _, _, _, _, _, _, _ = plan
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
def _events_back(  # type: ignore[no-untyped-def]
    count,
    edges,
    keys,
    beta,
    plan,
    start,
    numbers,
    net,
    messages,
    by_message,
    local,
    scratch,
    more,
    kept,
    tape,
    at,
    by_net,
):
    """Undo events, the last first; returns ``kept``, which may have grown, and where the tape stands."""
    _, _, ptr, _, receiver, back, _, _, _, _, _ = plan
    strength, _, field, _, _ = numbers
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
                collect(k, beta, field, ptr, start, messages, local, scratch[0])
                collected, met = k, neighbours(k, ptr, start, strength)
            _event_back(
                edge, k, met, plan, start, strength, net, messages, by_message, back[edge], kept[event - first],
                scratch, more, by_net,
            )  # fmt: skip
        last = first
    return kept, at


@njit
def _logit_back(  # type: ignore[no-untyped-def]
    p, met, net, beta, plan, start, numbers, messages, by_message, local, slope, scratch, more, by_net
):
    """From the derivative by a logit to those by the messages behind it and the weights of the gates."""
    _, _, ptr, _, _, _, _, _, _, _, _ = plan
    total, f, y, g, s = scratch
    by_g, by_f, by_z, by_total, U = more
    field = numbers[2]
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
    work: tuple[np.ndarray, int],
    plan: tuple[np.ndarray, ...],
    schedule: tuple[int, int, bool, bool],
    numbers: tuple[np.ndarray, ...],
    message_net: tuple[np.ndarray, ...],
    logit_net: tuple[np.ndarray, ...],
    beta: float,
    gradient_decay: float,
    spins: np.ndarray,
    dlogq_dlogit: np.ndarray,
    rows: np.ndarray,
    local: np.ndarray,
    tapes: np.ndarray,
    by_message_net: tuple[np.ndarray, ...],
    by_logit_net: tuple[np.ndarray, ...],
) -> None:
    """Σ slope × d logit/d weight, the weights being those of the gates, for each block of samples.

    Derivatives by messages are multiplied by ``gradient_decay`` from each spin to the one before.

    ``dlogq_dlogit`` is (blocks, N, width); ``rows`` (threads, 2, 2E, width), ``local`` (threads, N, width) and
    ``tapes`` (threads, events, width) are scratch; the last two hold a row of zeros for each block.
    """
    plan, numbers, message_net, logit_net, spins = borrowed((plan, numbers, message_net, logit_net, spins))
    dlogq_dlogit, rows, local, tapes = borrowed((dlogq_dlogit, rows, local, tapes))
    by_message_net, by_logit_net = borrowed((by_message_net, by_logit_net))
    _, turns, ptr, sender, _, _, stop, depth, is_root, _, _ = plan
    radius, rounds, full, returns = schedule
    _, coupling, _, _, _ = numbers
    blocks, num_spins, width = spins.shape
    for block in shares(work, blocks):
        thread = work[1]
        u, by_u, xi, x, tape = rows[thread, 0], rows[thread, 1], local[thread], spins[block], tapes[thread]
        u[:] = 0
        by_u[:] = 0
        xi[:] = 0
        b = x.dtype.type(beta)
        start = ptr[:-1].copy()
        distance, queue = np.zeros(num_spins, np.int64), np.empty(num_spins, np.int64)
        edges, keys = np.empty(2 * sender.size, np.int64), np.empty(2 * sender.size, np.int64)
        waiting = np.empty((8, width), x.dtype)
        scratch = new_scratch(width, True, x)
        more = (
            np.zeros((2, width), x.dtype),
            np.zeros((4, width), x.dtype),
            np.zeros(width, x.dtype),
            np.zeros(width, x.dtype),
            np.zeros(width, x.dtype),
        )
        one, two, three, four = by_message_net
        by_messages = one[block], two[block], three[block], four[block]
        one, two, three, four = by_logit_net
        by_logits = one[block], two[block], three[block], four[block]
        at = 0
        for p in turns:
            if is_root[p]:
                for number in range(rounds):
                    count = sweep(p, stop[p], number % 2 == 1, depth, ptr, start, edges, keys)
                    waiting, at = apply_events(
                        count, edges, keys, True, b, plan, start, numbers, message_net, u, xi, scratch, waiting, tape,
                        at,
                    )  # fmt: skip
            for edge in range(start[p], ptr[p + 1]):
                add_scaled(coupling[edge], x[p], xi[sender[edge]])
            draw_starts(p, sender, ptr, start)
            for number in range(rounds if full else 1):
                if full:
                    count = sweep(p + 1, stop[p], number % 2 == 1, depth, ptr, start, edges, keys)
                else:
                    count = outward(p, radius, returns, sender, ptr, start, distance, queue, edges, keys)
                waiting, at = apply_events(
                    count, edges, keys, full, b, plan, start, numbers, message_net, u, xi, scratch, waiting, tape, at
                )
        for p in turns[::-1]:
            for again in range(rounds if full else 1):
                if full:
                    backwards = (rounds - 1 - again) % 2 == 1
                    count = sweep(p + 1, stop[p], backwards, depth, ptr, start, edges, keys)
                else:
                    count = outward(p, radius, returns, sender, ptr, start, distance, queue, edges, keys)
                waiting, at = _events_back(
                    count, edges, keys, b, plan, start, numbers, message_net, u, by_u, xi, scratch, more, waiting,
                    tape, at, by_messages,
                )  # fmt: skip
            if gradient_decay != 1:
                by_u[ptr[p] : ptr[stop[p]]] *= by_u.dtype.type(gradient_decay)  # those between the spins of C(p)
            undraw_starts(p, sender, ptr, start)
            for edge in range(start[p], ptr[p + 1]):
                add_scaled(-coupling[edge], x[p], xi[sender[edge]])
            collect(p, b, numbers[2], ptr, start, u, xi, scratch[0])
            met = neighbours(p, ptr, start, numbers[0])
            _logit_back(
                p,
                met,
                logit_net,
                b,
                plan,
                start,
                numbers,
                u,
                by_u,
                xi,
                dlogq_dlogit[block, p],
                scratch,
                more,
                by_logits,
            )
            if is_root[p]:
                for again in range(rounds):
                    backwards = (rounds - 1 - again) % 2 == 1
                    count = sweep(p, stop[p], backwards, depth, ptr, start, edges, keys)
                    waiting, at = _events_back(
                        count, edges, keys, b, plan, start, numbers, message_net, u, by_u, xi, scratch, more, waiting,
                        tape, at, by_messages,
                    )  # fmt: skip


@njit(nogil=True, cache=True, fastmath={"contract"})
def pair_gradient(
    work: tuple[np.ndarray, int],
    plan: tuple[np.ndarray, ...],
    coupling: np.ndarray,
    spins: np.ndarray,
    dlogq_dlogit: np.ndarray,
    local: np.ndarray,
    by_pair: np.ndarray,
    by_bias: np.ndarray,
) -> None:
    """Σ slope × ξ_il for each pair and Σ slope for each site, for each block of samples; ``local`` is scratch."""
    plan, coupling, spins, dlogq_dlogit, local = borrowed((plan, coupling, spins, dlogq_dlogit, local))
    by_pair, by_bias = borrowed((by_pair, by_bias))
    _, turns, ptr, sender, _, _, _, _, _, pair_ptr, pair_spin = plan
    blocks = len(spins)
    for block in shares(work, blocks):
        xi, x = local[work[1]], spins[block]
        xi[:] = 0
        start = ptr[:-1].copy()
        for p in turns:
            slope = dlogq_dlogit[block, p]
            by_bias[block, p] = sum_of(slope)
            for pair in range(pair_ptr[p], pair_ptr[p + 1]):
                by_pair[block, pair] = _dot(slope, xi[pair_spin[pair]])
            for edge in range(start[p], ptr[p + 1]):
                add_scaled(coupling[edge], x[p], xi[sender[edge]])
            draw_starts(p, sender, ptr, start)
