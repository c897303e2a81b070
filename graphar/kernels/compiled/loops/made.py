"""Compiled loops of MADE; imported where they are used, so that numba loads on first use.

Blocks of samples are those of :mod:`graphar.kernels.compiled.loops.linear`. A block has a row for each hidden unit,
that of channel o at spin i in layer k at ((k copies + copy) N + i) channels + o: with two ``copies`` the network is
that of x and of −x, mixed. What layers have at the spins drawn already is kept, so a batch takes the work of one
density.

``weight`` holds the layers one after the other from ``starts`` on, each by output channel, then by pair of spins in
the order of the later one, then by input channel. ``bias`` and ``slope`` are (layers, N, channels), those of PReLU
for all layers but the last.
"""

from __future__ import annotations

import math

import numpy as np

from graphar._support.compile import njit
from graphar.kernels.compiled.loops.arithmetic import random_words
from graphar.kernels.compiled.loops.linear import (
    LOG_EVERY,
    _add_energy,
    _decay,
    _dot,
    _draw,
    _slope,
    add_log_prob,
    new_stream,
)
from graphar.kernels.compiled.loops.shares import borrowed, shares
from graphar.kernels.compiled.loops.simd import add_rows, dot_rows

__all__ = ["gradient", "units_gradient", "walk"]


@njit(fastmath={"contract"}, error_model="numpy")
def _prelu(sign: float, slope: float, z: np.ndarray, value: np.ndarray) -> None:
    """PReLU(sign × z), where z is turned to sign × z."""
    for b in range(z.size):
        z[b] *= sign
        value[b] = z[b] if z[b] > 0 else slope * z[b]


@njit(fastmath={"contract"}, error_model="numpy")
def _through_prelu(slope: float, z: np.ndarray, by: np.ndarray) -> None:
    """Derivatives by PReLU(z) turned to those by z, and z to those by the slope."""
    zero = z.dtype.type(0)
    for b in range(z.size):
        by_slope = zero if z[b] > 0 else by[b] * z[b]
        by[b] = by[b] if z[b] > 0 else slope * by[b]
        z[b] = by_slope


@njit
def _log_sigmoid(x: float) -> float:
    return min(x, 0.0) - math.log1p(math.exp(-abs(x)))


@njit
def _sigmoid(x: float) -> float:
    e = math.exp(-abs(x))
    return (1.0 if x > 0 else e) / (1.0 + e)


@njit
def _log_sum(a: float, b: float) -> float:
    return max(a, b) + math.log1p(math.exp(-abs(a - b)))


@njit
def _mix(log_q: np.ndarray, up: np.ndarray, logit: np.ndarray) -> None:
    """The logit of ½ [q(x) + q(−x)] from log q of the spins before and the logits, each of x and of −x."""
    for b in range(logit.size):
        likely = _log_sum(log_q[0, b] + _log_sigmoid(up[0, b]), log_q[1, b] + _log_sigmoid(-up[1, b]))
        other = _log_sum(log_q[0, b] + _log_sigmoid(-up[0, b]), log_q[1, b] + _log_sigmoid(up[1, b]))
        logit[b] = likely - other


@njit
def _add_log_prob(x: np.ndarray, up: np.ndarray, log_q: np.ndarray) -> None:
    for b in range(x.size):
        log_q[0, b] += _log_sigmoid(x[b] * up[0, b])
        log_q[1, b] += _log_sigmoid(-x[b] * up[1, b])


@njit
def _through_mixture(x: np.ndarray, up: np.ndarray, log_q: np.ndarray, slope: np.ndarray) -> None:
    """Derivatives by the logits of the mixture, (N, width), turned to those by the logits ``up`` of x and −x."""
    num_spins, width = x.shape
    for b in range(width):
        first, second = 0.0, 0.0
        for i in range(num_spins):  # log q of the spins before
            log_q[0, i, b], log_q[1, i, b] = first, second
            first += _log_sigmoid(x[i, b] * up[i, b])
            second += _log_sigmoid(-x[i, b] * up[num_spins + i, b])
        later = 0.0  # by log q of x, and minus that by log q of −x
        for i in range(num_spins - 1, -1, -1):
            u, v, ahead = up[i, b], up[num_spins + i, b], log_q[0, i, b] - log_q[1, i, b]
            likely = _sigmoid(ahead + _log_sigmoid(u) - _log_sigmoid(-v))
            other = _sigmoid(ahead + _log_sigmoid(-u) - _log_sigmoid(v))
            by = np.float64(slope[i, b])
            by_first = by * (likely * _sigmoid(-u) + other * _sigmoid(u))
            by_second = -by * ((1 - likely) * _sigmoid(v) + (1 - other) * _sigmoid(-v))
            slope[i, b] = by_first + later * x[i, b] * _sigmoid(-x[i, b] * u)
            slope[num_spins + i, b] = by_second + later * x[i, b] * _sigmoid(x[i, b] * v)
            later += by * (likely - other)


@njit
def _layer(k: int, i: int, num_spins: int, depth: int, channels: int) -> tuple[int, int, int, int, int]:
    """Channels in and out, pairs of all spins and of those before i, and rows that spin i reads."""
    ins, outs = channels if k else 1, channels if k < depth - 1 else 1
    if k:  # which reads spin i too
        return ins, outs, num_spins * (num_spins + 1) // 2, i * (i + 1) // 2, (i + 1) * ins
    return ins, outs, num_spins * (num_spins - 1) // 2, i * (i - 1) // 2, i


@njit(nogil=True, cache=True, fastmath={"contract"})
def walk(
    work: tuple[np.ndarray, int],
    plan: tuple[np.ndarray, ...],
    numbers: tuple[np.ndarray, ...],
    starts: np.ndarray,
    copies: int,
    given: bool,
    keep: bool,
    key: np.uint64,
    first: int,
    spins: np.ndarray,
    units: np.ndarray,
    inner: np.ndarray,
    ups: np.ndarray,
    logits: np.ndarray,
    dlogq_dlogit: np.ndarray,
    log_prob: np.ndarray,
    energy: np.ndarray,
) -> None:
    """Spins, drawn or ``given``, their log q and, where drawn, energy; with ``keep`` also what the gradient needs.

    ``spins`` and ``dlogq_dlogit`` are (blocks, N, width), ``logits`` too or empty; ``units`` and ``inner``, before
    PReLU, (blocks, rows, width), ``ups`` (blocks, copies N, width): of as many blocks as there are threads where they
    are not kept. ``log_prob`` and ``energy`` are (blocks, width).
    """
    plan, numbers, starts, spins, units, inner, ups = borrowed((plan, numbers, starts, spins, units, inner, ups))
    logits, dlogq_dlogit, log_prob, energy = borrowed((logits, dlogq_dlogit, log_prob, energy))
    sites, arrival_ptr, source, arrival = plan
    constant, weight, bias, slope, field, coupling = numbers
    blocks, num_spins, width = spins.shape
    depth, channels = bias.shape[0], bias.shape[2]
    each = np.arange(num_spins * channels).astype(np.int32)
    for block in shares(work, blocks):
        place = block if keep else work[1]
        x, value, z, up = spins[block], units[place], inner[place], ups[place]
        one = x.dtype.type(1)
        logit, decay, row = np.zeros(width, x.dtype), np.zeros(width, x.dtype), np.zeros(width, x.dtype)
        log_q, product = np.zeros((2, width), np.float64), np.ones(width, np.float64)
        _, aligned, words, mine = new_stream(key, first + block * width, width)
        for i in range(num_spins):
            for copy in range(copies):
                for k in range(depth):
                    ins, outs, pairs, before, count = _layer(k, i, num_spins, depth, channels)
                    sign = -one if copy and k == 0 else one  # of spins; units above have theirs
                    below = ((k - 1) * copies + copy) * num_spins * channels if k else 0
                    rows = value[below:] if k else x
                    for o in range(outs):
                        here = ((k * copies + copy) * num_spins + i) * channels + o
                        total = z[here] if k < depth - 1 else up[copy * num_spins + i]
                        total[:] = sign * bias[k, i, o]
                        add_rows(rows, each, each, weight[starts[k] + (o * pairs + before) * ins :], 0, count, total)
                        if k < depth - 1:
                            _prelu(sign, slope[k, i, o], total, value[here])
                        elif copy and k == 0:
                            total *= sign
            if copies > 1:
                _mix(log_q, up[i::num_spins], logit)
            else:
                for b in range(width):
                    logit[b] = constant[i] + up[i, b]
            if given:
                _decay(logit, decay)
            else:
                random_words(key, sites[i], aligned, words)
                _draw(mine, logit, decay, x[i])
                row[:] = 0
                add_rows(x, source, arrival, coupling, arrival_ptr[i], arrival_ptr[i + 1], row)
                _add_energy(row, field[i], x[i], energy[block])
            if copies > 1:
                _add_log_prob(x[i], up[i::num_spins], log_q)
            if keep:
                _slope(logit, decay, x[i], dlogq_dlogit[block, i])
            if logits.size:
                logits[block, i] = logit
            last = i % LOG_EVERY == LOG_EVERY - 1 or i == num_spins - 1
            add_log_prob(logit, decay, x[i], log_prob[block], product, last)


@njit(nogil=True, cache=True, fastmath={"contract"})
def units_gradient(
    work: tuple[np.ndarray, int],
    numbers: tuple[np.ndarray, ...],
    starts: np.ndarray,
    shape: tuple[int, int, int],
    spins: np.ndarray,
    inner: np.ndarray,
    ups: np.ndarray,
    dlogq_dlogit: np.ndarray,
    factor: np.ndarray,
    by_units: np.ndarray,
) -> None:
    """Derivatives of Σ_b factor_b Σ_i slope_ib logit_ib by units, (blocks, rows, width), from the last layer down.

    ``shape`` is (layers, copies, channels); ``by_units`` is zero before. ``inner`` becomes derivatives by the slopes of
    PReLU and ``ups`` by the logits of the network.
    """
    numbers, starts, spins, inner, ups, dlogq_dlogit = borrowed((numbers, starts, spins, inner, ups, dlogq_dlogit))
    factor, by_units = borrowed((factor, by_units))
    weight, slope = numbers
    blocks, num_spins, width = spins.shape
    depth, copies, channels = shape
    later = np.arange(num_spins)
    for block in shares(work, blocks):
        slope_of = np.zeros((copies * num_spins, width), spins.dtype)
        for i in range(num_spins):
            for b in range(width):
                slope_of[i, b] = dlogq_dlogit[block, i, b] * factor[block, b]
        if copies > 1:
            _through_mixture(spins[block], ups[block], np.zeros((2, num_spins, width)), slope_of)
        ups[block] = slope_of
        for k in range(depth - 1, 0, -1):
            ins, outs, pairs, _, _ = _layer(k, 0, num_spins, depth, channels)
            for copy in range(copies):
                above = (k * copies + copy) * num_spins * channels
                rows = by_units[block, above:] if k < depth - 1 else ups[block, copy * num_spins :]
                for c in range(ins):
                    entry = (later * (later + 1) // 2 * ins + c).astype(np.int32)
                    for o in range(outs):
                        row = (later * outs + o).astype(np.int32)
                        for j in range(num_spins):
                            here = (((k - 1) * copies + copy) * num_spins + j) * channels + c
                            mine = weight[starts[k] + (o * pairs + j) * ins :]
                            add_rows(rows, row, entry, mine, j, num_spins, by_units[block, here])
                    for j in range(num_spins):
                        here = (((k - 1) * copies + copy) * num_spins + j) * channels + c
                        _through_prelu(slope[k - 1, j, c], inner[block, here], by_units[block, here])


@njit(nogil=True, cache=True, fastmath={"contract"})
def gradient(
    work: tuple[np.ndarray, int],
    starts: np.ndarray,
    shape: tuple[int, int, int],
    group: int,
    spins: np.ndarray,
    units: np.ndarray,
    inner: np.ndarray,
    ups: np.ndarray,
    by_units: np.ndarray,
    by_weight: np.ndarray,
    by_bias: np.ndarray,
    by_slope: np.ndarray,
) -> None:
    """Derivatives by the numbers, added to the last three, from what :func:`units_gradient` leaves.

    Spins by themselves take those by their weights, in pairs of an early and a late one, ``group`` blocks at a time.
    """
    starts, spins, units, inner, ups, by_units = borrowed((starts, spins, units, inner, ups, by_units))
    by_weight, by_bias, by_slope = borrowed((by_weight, by_bias, by_slope))
    blocks, num_spins, width = spins.shape
    depth, copies, channels = shape
    num_rows = inner.shape[1]
    each = np.arange(num_spins * channels).astype(np.int32)
    ones = np.ones(width, spins.dtype)
    flat_spins, flat_units = spins.reshape(blocks * num_spins, width), units.reshape(blocks * num_rows, width)
    for two in shares(work, (num_spins + 1) // 2):
        by = np.zeros(group * width, spins.dtype)
        for late in range(2):
            reader = two
            if late:
                reader = num_spins - 1 - reader
            if late and 2 * reader == num_spins - 1:
                continue  # one in the middle
            for k in range(depth):
                ins, outs, pairs, before, count = _layer(k, reader, num_spins, depth, channels)
                for copy in range(copies):
                    minus = copy == 1 and k == 0
                    below = ((k - 1) * copies + copy) * num_spins * channels if k else 0
                    rows = flat_units[below:] if k else flat_spins
                    rows_of_block = num_rows if k else num_spins
                    for o in range(outs):
                        here = ((k * copies + copy) * num_spins + reader) * channels + o
                        mine = by_weight[starts[k] + (o * pairs + before) * ins :]
                        for first in range(0, blocks, group):
                            last = min(first + group, blocks)
                            for member in range(first, last):
                                own = (
                                    by_units[member, here] if k < depth - 1 else ups[member, copy * num_spins + reader]
                                )
                                by_bias[k, reader, o] += _dot(own, ones)
                                if k < depth - 1:
                                    by_slope[k, reader, o] += _dot(inner[member, here], ones)
                                at = (member - first) * width
                                for b in range(width):
                                    by[at + b] = -own[b] if minus else own[b]
                            dot_rows(rows, rows_of_block, first, last, each, each, 0, count, by, mine)
