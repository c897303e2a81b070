"""Compiled walks of the message-passing kernel; imported where they are used, so that numba loads on first use.

A walk draws the spins of a block of samples, whose messages and fields are (rows, width). The schedule, the same for
all samples, is found along the way: its lists together would be as long as the walk. Spins are places in drawing
order; the messages that k receives from undrawn spins are rows ``start[k]`` to ``ptr[k + 1]``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import get_thread_id, njit, prange
from numba.extending import overload

from graphar.kernels._numba_loops import LOG_EVERY, _account, _add_energy, _decay, _draw, _send
from graphar.kernels._numba_math import exp_of_negative, random_words

__all__ = ["subtree_stops", "walk"]


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


def atanh_of_third(s: Any) -> Any:
    """atanh(s) for |s| ≤ 1/3 to the last bits: its series."""
    return np.arctanh(s)


_ODD64 = tuple(1.0 / (2 * k + 1) for k in range(17))
_ODD32 = tuple(np.float32(c) for c in _ODD64)


def _atanh32(s):  # type: ignore[no-untyped-def]
    z = s * s
    p = ((_ODD32[7] * z + _ODD32[6]) * z + _ODD32[5]) * z + _ODD32[4]
    p = ((p * z + _ODD32[3]) * z + _ODD32[2]) * z + _ODD32[1]
    return s + s * (p * z)


def _atanh64(s):  # type: ignore[no-untyped-def]
    z = s * s
    p = ((_ODD64[16] * z + _ODD64[15]) * z + _ODD64[14]) * z + _ODD64[13]
    p = (((p * z + _ODD64[12]) * z + _ODD64[11]) * z + _ODD64[10]) * z + _ODD64[9]
    p = (((p * z + _ODD64[8]) * z + _ODD64[7]) * z + _ODD64[6]) * z + _ODD64[5]
    p = (((p * z + _ODD64[4]) * z + _ODD64[3]) * z + _ODD64[2]) * z + _ODD64[1]
    return s + s * (p * z)


@overload(atanh_of_third, jit_options={"fastmath": {"contract"}})
def _atanh_of_third(s):  # type: ignore[no-untyped-def]
    return _atanh32 if s.bitwidth == 32 else _atanh64


# Each of these loops is one that compilers vectorise: few arrays and no branch.


@njit(fastmath={"contract"}, error_model="numpy")
def _renew(a: float, total: np.ndarray, received: np.ndarray, sent: np.ndarray) -> None:
    """u = ½ [log cosh(a + b) − log cosh(a − b)] for b = total − received."""
    one, two = total.dtype.type(1), total.dtype.type(2)
    half = total.dtype.type(0.5)
    for s in range(total.size):
        b = total[s] - received[s]
        plus, minus = abs(a + b), abs(a - b)
        e, f = exp_of_negative(two * plus), exp_of_negative(two * minus)
        # log (1 + e)/(1 + f) = 2 atanh((e − f)/(2 + e + f))
        sent[s] = half * (plus - minus) + atanh_of_third((e - f) * (one / (two + (e + f))))


@njit(fastmath={"contract"}, error_model="numpy")
def _start_total(beta: float, field: float, local: np.ndarray, total: np.ndarray) -> None:
    for s in range(total.size):
        total[s] = beta * (field + local[s])


@njit(fastmath={"contract"}, error_model="numpy")
def _add(received: np.ndarray, total: np.ndarray) -> None:
    for s in range(total.size):
        total[s] += received[s]


@njit
def _collect(k, beta, field, ptr, start, messages, local, total):  # type: ignore[no-untyped-def]
    """β(h_k + ξ_k) and all messages that k receives."""
    _start_total(beta, field[k], local[k], total)
    for edge in range(start[k], ptr[k + 1]):
        _add(messages[edge], total)


@njit
def _sweep(first, stop, rounds, beta, numbers, ptr, back, start, messages, local, total):  # type: ignore[no-untyped-def]
    """All messages that each spin of a run sends, in the order of the run, then against it, and so on."""
    strength, _, field = numbers
    for number in range(rounds):
        for step in range(stop - first):
            k = first + step if number % 2 == 0 else stop - 1 - step
            _collect(k, beta, field, ptr, start, messages, local, total)
            for edge in range(start[k], ptr[k + 1]):
                _renew(strength[edge], total, messages[edge], messages[back[edge]])


@njit
def _pass_outward(  # type: ignore[no-untyped-def]
    p, radius, beta, numbers, ptr, sender, back, start, messages, local, total, distance, queue, waiting, waiting_at
):
    """One pass from p, shell by shell; returns ``waiting`` and ``waiting_at``, which may have grown.

    ``distance`` is zero for spins not reached, before and after.
    """
    strength, _, field = numbers
    reached = 0
    for edge in range(start[p], ptr[p + 1]):
        queue[reached] = sender[edge]
        distance[sender[edge]] = 1
        reached += 1
    here, d = 0, 1
    while d <= radius and here < reached:
        shell_stop, count = reached, 0
        for at in range(here, shell_stop):
            k = queue[at]
            collected = False
            for edge in range(start[k], ptr[k + 1]):
                other = sender[edge]
                if distance[other] == 0:
                    distance[other] = d + 1
                    queue[reached] = other
                    reached += 1
                elif distance[other] == d:  # all of these from the values before: kept aside until the shell is done
                    if not collected:
                        _collect(k, beta, field, ptr, start, messages, local, total)
                        collected = True
                    if count == waiting.shape[0]:
                        waiting, waiting_at = _grown(waiting), np.append(waiting_at, np.empty_like(waiting_at))
                    _renew(strength[edge], total, messages[edge], waiting[count])
                    waiting_at[count] = back[edge]
                    count += 1
        for w in range(count):
            messages[waiting_at[w]] = waiting[w]
        for at in range(here, shell_stop):
            k = queue[at]
            collected = False
            for edge in range(start[k], ptr[k + 1]):
                if distance[sender[edge]] > d:
                    if not collected:
                        _collect(k, beta, field, ptr, start, messages, local, total)
                        collected = True
                    _renew(strength[edge], total, messages[edge], messages[back[edge]])
        here, d = shell_stop, d + 1
    for at in range(reached):
        distance[queue[at]] = 0
    return waiting, waiting_at


@njit
def _grown(rows):  # type: ignore[no-untyped-def]
    more = np.empty((2 * rows.shape[0], rows.shape[1]), rows.dtype)
    more[: rows.shape[0]] = rows
    return more


@njit(parallel=True, cache=True, fastmath={"contract"})
def walk(
    plan: tuple[np.ndarray, ...],
    schedule: tuple[int, int, bool],
    numbers: tuple[np.ndarray, np.ndarray, np.ndarray],
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
    sites, ptr, sender, back, stop, is_root = plan
    radius, rounds, full = schedule
    _, coupling, field = numbers
    blocks, num_spins, width = spins.shape
    for index in prange(blocks):
        block = np.int64(index)  # prange counts in uint64, which numba turns to floats beside int64
        thread = np.int64(get_thread_id())
        u, xi, x = messages[thread], local[thread], spins[block]
        u[:] = 0
        xi[:] = 0
        b = x.dtype.type(beta)
        start = ptr[:-1].copy()
        distance, queue = np.zeros(num_spins, np.int64), np.empty(num_spins, np.int64)
        waiting, waiting_at = np.empty((8, width), x.dtype), np.empty(8, np.int64)
        total, logit, decay = np.zeros(width, x.dtype), np.zeros(width, x.dtype), np.zeros(width, x.dtype)
        product = np.ones(width, np.float64)
        words = np.zeros(max(width, 64), np.uint32)
        aligned = (first + block * width) // 64 * 64
        mine = words[first + block * width - aligned :]
        log_q = log_prob[block]
        for p in range(num_spins):
            if is_root[p]:
                _sweep(p, stop[p], rounds, b, numbers, ptr, back, start, u, xi, total)
            _collect(p, b, field, ptr, start, u, xi, logit)
            for s in range(width):
                logit[s] *= 2
            if given:
                _decay(logit, decay)
            else:
                random_words(key, sites[p], aligned, words)
                _draw(mine, logit, decay, x[p])
            if logits.size:
                logits[block, p] = logit
            _account(logit, decay, x[p], log_q, product, p % LOG_EVERY == LOG_EVERY - 1 or p == num_spins - 1)
            _add_energy(xi[p], field[p], x[p], energy[block])
            for edge in range(start[p], ptr[p + 1]):
                _send(xi[sender[edge]], coupling[edge], x[p], xi[sender[edge]])
                start[sender[edge]] += 1
            if full:
                _sweep(p + 1, stop[p], rounds, b, numbers, ptr, back, start, u, xi, total)
            else:
                waiting, waiting_at = _pass_outward(
                    p, radius, b, numbers, ptr, sender, back, start, u, xi, total, distance, queue, waiting, waiting_at
                )
