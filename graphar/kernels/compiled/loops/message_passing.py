"""Compiled walks of the message-passing kernel; imported where they are used, so that numba loads on first use.

A walk draws the spins of a block of samples, whose messages and fields are (rows, width). The schedule, the same for
all samples, is found along the way (:mod:`graphar.kernels.compiled.loops.schedule`): all its events together would be
as long as the walk. Spins are places in drawing order; the messages that k receives from undrawn spins are rows
``start[k]`` to ``ptr[k + 1]``.
"""

from __future__ import annotations

import numpy as np

from graphar._support.compile import njit
from graphar.kernels.compiled.loops.arithmetic import random_words
from graphar.kernels.compiled.loops.gates import (
    add_scaled,
    apply_gates,
    belief_message,
    logit_features,
    message_features,
)
from graphar.kernels.compiled.loops.linear import LOG_EVERY, _add_energy, _decay, _draw, _send, add_log_prob, new_stream
from graphar.kernels.compiled.loops.schedule import draw_starts, outward, sweep
from graphar.kernels.compiled.loops.shares import borrowed, shares

__all__ = ["apply_events", "collect", "neighbours", "new_scratch", "walk"]


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
def new_scratch(width, learned, like):  # type: ignore[no-untyped-def]
    """Sums at a spin, features, hidden units, gates and v of a block of samples."""
    return (
        np.zeros((2 if learned else 1, width), like.dtype),
        np.zeros((4, width), like.dtype),
        np.zeros(width, like.dtype),
        np.zeros((2, width), like.dtype),
        np.zeros(width, like.dtype),
    )


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
def _renew(edge, met, strength, net, received, back, sent, scratch):  # type: ignore[no-untyped-def]
    """The answer along an edge to what was ``received``; ``met`` counts neighbours and their |a|."""
    total, f, y, g, v = scratch
    a = strength[edge]
    if not net[1].size:
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
    if not net[1].size:
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
def apply_events(  # type: ignore[no-untyped-def]
    count, edges, keys, ordered, beta, plan, start, numbers, net, messages, local, scratch, waiting, tape, at
):
    """Renew messages event by event; returns ``waiting``, which may have grown, and where the tape stands.

    Those with one key depend on the messages before alone: they are kept aside until all are done, unless ``ordered``
    tells that none of them reads what another writes, as with odd keys. With a tape, what a message was is written
    down.
    """
    _, _, ptr, _, receiver, back, _, _, _, _, _ = plan
    strength, _, field, _, _ = numbers
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
                collect(k, beta, field, ptr, start, messages, local, scratch[0])
                collected, met = k, neighbours(k, ptr, start, strength)
            if len(tape):
                tape[at] = messages[row]
                at += 1
            if aside:
                if event - first == len(waiting):
                    waiting = _grown(waiting)
                _renew(edge, met, strength, net, messages[edge], messages[row], waiting[event - first], scratch)
            else:
                _renew(edge, met, strength, net, messages[edge], messages[row], messages[row], scratch)
        if aside:
            for event in range(first, last):
                messages[back[edges[event]]] = waiting[event - first]
        first = last
    return waiting, at


@njit(nogil=True, cache=True, fastmath={"contract"})
def walk(
    work: tuple[np.ndarray, int],
    plan: tuple[np.ndarray, ...],
    schedule: tuple[int, int, bool, bool],
    numbers: tuple[np.ndarray, ...],
    message_net: tuple[np.ndarray, ...],
    logit_net: tuple[np.ndarray, ...],
    beta: float,
    given: bool,
    key: np.uint64,
    first: int,
    spins: np.ndarray,
    messages: np.ndarray,
    local: np.ndarray,
    logits: np.ndarray,
    log_prob: np.ndarray,
    energy: np.ndarray,
) -> None:
    """Spins, drawn or ``given``, their logits, log q and energy.

    ``spins`` is (blocks, N, width), ``logits`` too or empty; ``messages`` (threads, 2E, width) and ``local``
    (threads, N, width) are scratch; ``log_prob`` and ``energy`` are (blocks, width).
    """
    plan, numbers, message_net, logit_net, spins = borrowed((plan, numbers, message_net, logit_net, spins))
    messages, local, logits, log_prob, energy = borrowed((messages, local, logits, log_prob, energy))
    sites, turns, ptr, sender, _, _, stop, depth, is_root, pair_ptr, pair_spin = plan
    radius, rounds, full, returns = schedule
    _, coupling, field, pair_weight, bias = numbers
    blocks, num_spins, width = spins.shape
    for block in shares(work, blocks):
        thread = work[1]
        u, xi, x = messages[thread], local[thread], spins[block]
        u[:] = 0
        xi[:] = 0
        b = x.dtype.type(beta)
        start = ptr[:-1].copy()
        distance, queue = np.zeros(num_spins, np.int64), np.empty(num_spins, np.int64)
        edges, keys = np.empty(2 * sender.size, np.int64), np.empty(2 * sender.size, np.int64)
        waiting, tape = np.empty((8, width), x.dtype), np.empty((0, width), x.dtype)
        scratch = new_scratch(width, message_net[1].size > 0, x)
        logit, decay = np.zeros(width, x.dtype), np.zeros(width, x.dtype)
        product = np.ones(width, np.float64)
        _, aligned, words, mine = new_stream(key, first + block * width, width)
        log_q = log_prob[block]
        for turn in range(num_spins):
            p = turns[turn]
            if is_root[p]:
                for number in range(rounds):
                    count = sweep(p, stop[p], number % 2 == 1, depth, ptr, start, edges, keys)
                    waiting, _ = apply_events(
                        count, edges, keys, True, b, plan, start, numbers, message_net, u, xi, scratch, waiting, tape, 0
                    )
            collect(p, b, field, ptr, start, u, xi, scratch[0])
            _read_out(p, neighbours(p, ptr, start, numbers[0]), logit_net, b, field, xi, scratch, logit)
            if bias.size:
                logit += bias[p]
                for pair in range(pair_ptr[p], pair_ptr[p + 1]):
                    add_scaled(pair_weight[pair], xi[pair_spin[pair]], logit)
            if given:
                _decay(logit, decay)
            else:
                random_words(key, sites[p], aligned, words)
                _draw(mine, logit, decay, x[p])
            if logits.size:
                logits[block, p] = logit
            add_log_prob(logit, decay, x[p], log_q, product, turn % LOG_EVERY == LOG_EVERY - 1 or turn == num_spins - 1)
            _add_energy(xi[p], field[p], x[p], energy[block])
            for edge in range(start[p], ptr[p + 1]):
                _send(xi[sender[edge]], coupling[edge], x[p], xi[sender[edge]])
            draw_starts(p, sender, ptr, start)
            for number in range(rounds if full else 1):
                if full:
                    count = sweep(p + 1, stop[p], number % 2 == 1, depth, ptr, start, edges, keys)
                else:
                    count = outward(p, radius, returns, sender, ptr, start, distance, queue, edges, keys)
                waiting, _ = apply_events(
                    count, edges, keys, full, b, plan, start, numbers, message_net, u, xi, scratch, waiting, tape, 0
                )
