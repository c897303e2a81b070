"""Compiled loops of the MLP head; imported where they are used, so that numba loads on first use.

Row 0 of the units of a spin is its logit: the linear skip reads what the network does.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphar._support.compile import njit
from graphar.kernels.compiled.batch_layout import Batch, Drawn
from graphar.kernels.compiled.loops.arithmetic import exp_of_negative
from graphar.kernels.compiled.loops.pairs import blocks_in_cache, rows_read, send_spin
from graphar.kernels.compiled.loops.shares import Work, borrowed, hold, shares
from graphar.kernels.compiled.loops.simd import add_rows, add_rows_twice, dot_rows, dot_rows_twice
from graphar.kernels.compiled.loops.spin import dot, finish_spin, line, new_drawing, weighted_slope
from graphar.kernels.compiled.plans import SweepPlan

__all__ = ["gradient", "sweep"]


@njit(fastmath={"contract"}, error_model="numpy")
def _silu(z: np.ndarray, s: np.ndarray) -> None:
    """z turned to φ(z), and s = φ'(z)."""
    one = z.dtype.type(1)
    for b in range(z.size):
        x = z[b]
        e = exp_of_negative(x)
        likely = one / (one + e)
        likely = e * likely if x < 0 else likely  # chosen before the division, it would not be vectorised
        s[b] = likely * (one + x * (one - likely))
        z[b] = x * likely


@njit(fastmath={"contract"}, error_model="numpy")
def _tanh(z: np.ndarray, s: np.ndarray) -> None:
    one = z.dtype.type(1)
    for b in range(z.size):
        e = exp_of_negative(z[b] + z[b])
        size = (one - e) * (one / (one + e))
        s[b] = one - size * size
        z[b] = -size if z[b] < 0 else size


@njit(fastmath={"contract"}, error_model="numpy")
def _gelu(z: np.ndarray, s: np.ndarray) -> None:
    one, half = z.dtype.type(1), z.dtype.type(0.5)
    root, density = z.dtype.type(math.sqrt(0.5)), z.dtype.type(1 / math.sqrt(2 * math.pi))
    for b in range(z.size):
        below = half * (one + math.erf(root * z[b]))
        s[b] = below + z[b] * density * exp_of_negative(half * z[b] * z[b])
        z[b] *= below


@njit
def _activate(kind: int, z: np.ndarray, s: np.ndarray) -> None:
    """By place in :data:`graphar.heads.mlp.ACTIVATIONS`."""
    if kind == 0:
        _silu(z, s)
    elif kind == 1:
        _gelu(z, s)
    else:
        _tanh(z, s)


@njit
def _sum_rows(  # type: ignore[no-untyped-def]
    rows, row, pair, other, stride, weight, start, stop, first, total
):
    """total[h] += Σ_k weight[h × stride + pair[k]] × rows[row[k]] for units h ≥ first; other is pair + stride."""
    units = total.shape[0]
    for h in range(first, units - 1, 2):
        add_rows_twice(rows, row, pair, other, weight[h * stride :], start, stop, total[h], total[h + 1])
    if (units - first) % 2:
        add_rows(rows, row, pair, weight[(units - 1) * stride :], start, stop, total[units - 1])


@njit
def _dot_rows(  # type: ignore[no-untyped-def]
    rows, num_rows, row, pair, other, stride, start, stop, blocks, slope, by_weight
):
    """by_weight[h × stride + pair[k]] += slope[h] · rows[row[k]], a row of each of the blocks, for units h."""
    first, last = blocks
    units = slope.shape[0]
    for h in range(0, units - 1, 2):
        mine = by_weight[h * stride :]
        dot_rows_twice(rows, num_rows, first, last, row, pair, other, start, stop, slope[h], slope[h + 1], mine)
    if units % 2:
        mine = by_weight[(units - 1) * stride :]
        dot_rows(rows, num_rows, first, last, row, pair, start, stop, slope[units - 1], mine)


@njit
def _dense(units: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of a layer, and where the weights of one unit of the next are, or with stride 1 of one of the last."""
    each = np.arange(units).astype(np.int32)
    return each, each + np.int32(units), each * np.int32(units)


@njit(nogil=True, cache=True, fastmath={"contract"})
def sweep(work: Work, plan: SweepPlan, numbers: Any, batch: Batch, rows: Any) -> None:
    """As the sweep of :mod:`graphar.kernels.compiled.loops.linear`; ``choice`` is that of the activation."""
    plan, numbers, batch, (received,) = borrowed((plan, numbers, batch, rows))
    reads, units, layers, weight = plan.reads, numbers.units, numbers.layers, numbers.pairs.reshape(-1)
    blocks, num_spins, width = batch.spins.shape
    depth, hidden = units.shape[1] - 1, units.shape[2]
    each, next_each, _ = _dense(hidden)
    for block in shares(work, blocks):
        messages = received[block if batch.keep else work[1]]
        messages[-1] = 0
        read = batch.spins[block] if plan.reads_spins else messages
        kept = np.zeros((depth, hidden + 1, width), messages.dtype), np.zeros(hidden * width, messages.dtype)
        scratch = kept, new_drawing(batch, block)
        (z, s), drawing = borrowed(scratch)
        logit = z[0, 0]
        for i in range(num_spins):
            line(numbers.constant[i], numbers.local[i], messages[plan.sent.local_row[i]], logit)
            for k in range(depth):
                for h in range(hidden):
                    z[k, h + 1, :] = units[i, k, h]
                if k == 0:
                    _sum_rows(
                        read, reads.row, reads.pair, reads.next_pair, reads.pair.size, weight,
                        reads.ptr[i], reads.ptr[i + 1], 0, z[0],
                    )  # fmt: skip
                else:
                    _sum_rows(z[k - 1, 1:], each, each, next_each, hidden, layers[i, k - 1], 0, hidden, 0, z[k, 1:])
                _activate(plan.choice, z[k, 1:].reshape(-1), s)
            add_rows(z[depth - 1, 1:], each, each, units[i, depth], 0, hidden, logit)
            finish_spin(i, i, plan.sent.site[i], logit, block, batch, drawing)
            send_spin(i, block, plan.sent, batch, messages)
        hold(scratch)


@njit
def _scaled(factor: float, a: np.ndarray, b: np.ndarray, product: np.ndarray) -> None:
    for k in range(a.size):
        product[k] = factor * a[k] * b[k]


@njit(nogil=True, cache=True, fastmath={"contract"})
def gradient(work: Work, plan: SweepPlan, numbers: Any, drawn: Drawn, found: Any) -> None:
    """Derivatives of a batch by the coefficients, added to ``found``; the units are computed again.

    Readers are shared out among threads in ranges of twos of them; each takes the samples some blocks at a time, whose
    rows and units stay in cache.
    """
    plan, numbers, drawn, found = borrowed((plan, numbers, drawn, found))
    reads, units, layers, weight = plan.reads, numbers.units, numbers.layers, numbers.pairs.reshape(-1)
    first_weight, by_weight, num_pairs = weight[reads.pair.size :], found.pairs.reshape(-1), reads.pair.size
    blocks, num_spins, width = drawn.spins.shape
    rows, num_rows = rows_read(plan, drawn)
    depth, hidden = units.shape[1] - 1, units.shape[2]
    group = blocks_in_cache(width * drawn.spins.itemsize * (plan.widest + (2 * depth + 1) * hidden))
    each, next_each, across = _dense(hidden)
    scratch = (
        np.zeros((depth, hidden, group * width), rows.dtype),
        np.zeros((depth, hidden, group * width), rows.dtype),
        np.zeros((hidden + 1, group * width), rows.dtype),
        np.zeros((hidden, group * width), rows.dtype),
        np.zeros((hidden, width), rows.dtype),
        np.ones(group * width, rows.dtype),
    )
    z, s, slope, inner, layer, ones = borrowed(scratch)  # slopes are of the logit, then of a layer's units
    for share in shares(work, plan.ranges.size - 1):
        for i in range(2 * plan.ranges[share], min(2 * plan.ranges[share + 1], num_spins)):
            start, stop = reads.ptr[i], reads.ptr[i + 1]
            for first in range(0, blocks, group):
                last = min(first + group, blocks)
                mine = slope[0]
                mine[:] = 0
                for block in range(first, last):
                    at = (block - first) * width
                    weighted_slope(drawn, block, i, mine[at : at + width])
                    if found.local.size:
                        found.local[i] += dot(mine[at : at + width], drawn.rows[0][block, plan.sent.local_row[i]])
                    for h in range(hidden):
                        layer[h, :] = units[i, 0, h]
                    here = rows[block * num_rows : (block + 1) * num_rows]
                    _sum_rows(
                        here, reads.row, reads.pair, reads.next_pair, num_pairs, first_weight, start, stop, 0, layer
                    )
                    for h in range(hidden):
                        z[0, h, at : at + width] = layer[h]
                for k in range(depth):
                    if k:
                        for h in range(hidden):
                            z[k, h, :] = units[i, k, h]
                        _sum_rows(z[k - 1], each, each, next_each, hidden, layers[i, k - 1], 0, hidden, 0, z[k])
                    _activate(plan.choice, z[k].reshape(-1), s[k].reshape(-1))
                found.constant[i] += dot(mine, ones)
                for h in range(hidden):
                    found.units[i, depth, h] += dot(mine, z[depth - 1, h])
                    _scaled(units[i, depth, h], mine, s[depth - 1, h], slope[h + 1])
                for k in range(depth - 1, -1, -1):
                    for h in range(hidden):
                        found.units[i, k, h] += dot(slope[h + 1], ones)
                    if k:
                        own = layers[i, k - 1]
                        _dot_rows(
                            z[k - 1], 0, each, each, next_each, hidden, 0, hidden, (0, 1),
                            slope[1:], found.layers[i, k - 1],
                        )  # fmt: skip
                        inner[:] = 0
                        _sum_rows(slope[1:], each, across, across + np.int32(1), 1, own, 0, hidden, 0, inner)
                        for h in range(hidden):
                            _scaled(own.dtype.type(1), inner[h], s[k - 1, h], slope[h + 1])
                _dot_rows(
                    rows, num_rows, reads.row, reads.pair, reads.next_pair, num_pairs, start, stop, (first, last),
                    slope, by_weight,
                )  # fmt: skip
    hold(scratch)
