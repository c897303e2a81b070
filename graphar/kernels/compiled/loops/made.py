"""Compiled loops of MADE; imported where they are used, so that numba loads on first use.

A block of samples has a row for each hidden unit,
that of channel o at spin i in layer k at ((k copies + copy) N + i) channels + o: with two ``copies`` the network is
that of x and of −x, mixed. What layers have at the spins drawn already is kept, so a batch takes the work of one
density.

``weight`` holds the layers one after the other from ``starts`` on, each by output channel, then by pair of spins in
the order of the later one, then by input channel. ``bias`` and ``slope`` are (layers, N, channels), those of PReLU
for all layers but the last.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphar._support.compile import njit
from graphar.kernels.compiled.batch_layout import Batch, Drawn
from graphar.kernels.compiled.loops.pairs import blocks_in_cache
from graphar.kernels.compiled.loops.shares import Work, borrowed, hold, shares
from graphar.kernels.compiled.loops.simd import add_rows, dot_rows
from graphar.kernels.compiled.loops.spin import (
    add_energy,
    dot,
    field_of_earlier,
    finish_spin,
    new_drawing,
    weighted_slope,
)
from graphar.kernels.compiled.plans import MADEPlan

__all__ = ["gradient", "sweep", "units_gradient"]


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
def sweep(work: Work, plan: MADEPlan, numbers: Any, batch: Batch, rows: Any) -> None:
    """Spins, drawn or given, their log q and, where drawn, energy; with ``keep`` also what the gradient needs.

    ``rows`` are units, what they are before PReLU, and logits of the network, (copies N).
    """
    plan, numbers, batch, (units, inner, ups) = borrowed((plan, numbers, batch, rows))
    ranks, starts, copies, (weight, bias, slope) = plan.ranks, plan.starts, plan.copies, numbers
    blocks, num_spins, width = batch.spins.shape
    depth, channels = bias.shape[0], bias.shape[2]
    each = np.arange(num_spins * channels).astype(np.int32)
    constant = batch.spins.dtype.type(2 * batch.beta) * batch.field
    for block in shares(work, blocks):
        place = block if batch.keep else work[1]
        x, value, z, up = batch.spins[block], units[place], inner[place], ups[place]
        one = x.dtype.type(1)
        kept = np.zeros(width, x.dtype), np.zeros(width, x.dtype), np.zeros((2, width), np.float64)
        scratch = kept, new_drawing(batch, block)
        (logit, row, log_q), drawing = borrowed(scratch)
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
            finish_spin(i, i, ranks.site[i], logit, block, batch, drawing)
            if not batch.given:
                field_of_earlier(ranks, x, i, batch.coupling, logit, row)
                add_energy(row, batch.field[i], x[i], batch.energy[block, batch.part[i]])
            if copies > 1:
                _add_log_prob(x[i], up[i::num_spins], log_q)
        hold(scratch)


@njit(nogil=True, cache=True, fastmath={"contract"})
def units_gradient(work: Work, plan: MADEPlan, numbers: Any, drawn: Drawn, by_units: np.ndarray) -> None:
    """Derivatives of a batch by units, (blocks, rows, width), zero before, from the last layer down.

    Of ``drawn.rows``, ``inner`` becomes derivatives by the slopes of PReLU and ``ups`` by the logits of the network.
    """
    plan, numbers, drawn, by_units = borrowed((plan, numbers, drawn, by_units))
    starts, copies, (weight, bias, slope), (_, inner, ups) = plan.starts, plan.copies, numbers, drawn.rows
    blocks, num_spins, width = drawn.spins.shape
    depth, channels = bias.shape[0], bias.shape[2]
    later = np.arange(num_spins)
    for block in shares(work, blocks):
        slope_of = np.zeros((copies * num_spins, width), by_units.dtype)
        for i in range(num_spins):
            weighted_slope(drawn, block, i, slope_of[i])
        if copies > 1:
            _through_mixture(drawn.spins[block], ups[block], np.zeros((2, num_spins, width)), slope_of)
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
def gradient(work: Work, plan: MADEPlan, drawn: Drawn, by_units: np.ndarray, found: Any) -> None:
    """Derivatives by the coefficients, added to ``found``, from what :func:`units_gradient` leaves.

    Spins by themselves take those by their weights, in pairs of an early and a late one, some blocks at a time.
    """
    plan, drawn, by_units, (by_weight, by_bias, by_slope) = borrowed((plan, drawn, by_units, found))
    spins, starts, copies, (units, inner, ups) = drawn.spins, plan.starts, plan.copies, drawn.rows
    blocks, num_spins, width = spins.shape
    depth, channels = by_bias.shape[0], by_bias.shape[2]
    group = blocks_in_cache(width * spins.itemsize * num_spins * channels)
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
                                by_bias[k, reader, o] += dot(own, ones)
                                if k < depth - 1:
                                    by_slope[k, reader, o] += dot(inner[member, here], ones)
                                at = (member - first) * width
                                for b in range(width):
                                    by[at + b] = -own[b] if minus else own[b]
                            dot_rows(rows, rows_of_block, first, last, each, each, 0, count, by, mine)
