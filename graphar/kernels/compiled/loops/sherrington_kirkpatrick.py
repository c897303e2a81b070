"""Compiled loops of the Sherrington–Kirkpatrick head; imported where they are used, so that numba loads on first use.

The numbers of a pair and sign are bias and weight of each layer, from the inside out, and the weight of the last one's
output: logit_i gets out × g^(k), g^(r) = log σ(bias_r + weight_r g^(r−1)), g^(−1) = ξ_il.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.extending import overload
from numpy.polynomial import Chebyshev, Polynomial

from graphar._support.compile import njit
from graphar.kernels.compiled.batch_layout import Batch, Drawn
from graphar.kernels.compiled.loops.arithmetic import exp_of_negative
from graphar.kernels.compiled.loops.pairs import send_spin
from graphar.kernels.compiled.loops.shares import Work, borrowed, hold, shares
from graphar.kernels.compiled.loops.spin import dot, finish_spin, line, new_drawing, weighted_slope
from graphar.kernels.compiled.plans import SweepPlan

__all__ = ["gradient", "sweep"]


def log1p_of_decay(e: Any) -> Any:
    """log(1 + e) for 0 ≤ e ≤ 1 to the last bits, without a branch."""
    return np.log1p(e)


_LOG1P = Chebyshev.interpolate(lambda e: np.log1p(e) / e, 9, domain=[0, 1]).convert(kind=Polynomial)
_P = tuple(np.float32(c) for c in _LOG1P.coef)
_ODD = tuple(2.0 / (2 * k + 1) for k in range(17))


def _log1p32(e):  # type: ignore[no-untyped-def]
    p = ((_P[9] * e + _P[8]) * e + _P[7]) * e + _P[6]
    p = ((p * e + _P[5]) * e + _P[4]) * e + _P[3]
    return (((p * e + _P[2]) * e + _P[1]) * e + _P[0]) * e


def _log1p64(e):  # type: ignore[no-untyped-def]
    s = e * (1.0 / (2.0 + e))  # log(1 + e) = 2 atanh s
    z = s * s
    p = ((_ODD[16] * z + _ODD[15]) * z + _ODD[14]) * z + _ODD[13]
    p = (((p * z + _ODD[12]) * z + _ODD[11]) * z + _ODD[10]) * z + _ODD[9]
    p = (((p * z + _ODD[8]) * z + _ODD[7]) * z + _ODD[6]) * z + _ODD[5]
    p = (((p * z + _ODD[4]) * z + _ODD[3]) * z + _ODD[2]) * z + _ODD[1]
    return _ODD[0] * s + s * (p * z)


@overload(log1p_of_decay, jit_options={"fastmath": {"contract"}, "error_model": "numpy"})
def _log1p_of_decay(e):  # type: ignore[no-untyped-def]
    return _log1p32 if e.bitwidth == 32 else _log1p64


# Each of these loops is one that compilers vectorise. log σ(z) = min(z, 0) − log(1 + e^{−|z|}) takes two: a chain of
# both series is longer than what a processor looks ahead, and would wait for each of its steps.


@njit(fastmath={"contract"}, error_model="numpy")
def _layer(bias: float, weight: float, x: np.ndarray, g: np.ndarray) -> None:
    """g = log σ(bias + weight x)."""
    zero = x.dtype.type(0)
    for b in range(x.size):
        g[b] = exp_of_negative(bias + weight * x[b])
    for b in range(x.size):
        g[b] = min(bias + weight * x[b], zero) - log1p_of_decay(g[b])


@njit(fastmath={"contract"}, error_model="numpy")
def _add_layer(bias: float, weight: float, out: float, x: np.ndarray, decay: np.ndarray, total: np.ndarray) -> None:
    """total += out × log σ(bias + weight x)."""
    zero = x.dtype.type(0)
    for b in range(x.size):
        decay[b] = exp_of_negative(bias + weight * x[b])
    for b in range(x.size):
        total[b] += out * (min(bias + weight * x[b], zero) - log1p_of_decay(decay[b]))


@njit(fastmath={"contract"}, error_model="numpy")
def _layer_and_slope(bias: float, weight: float, x: np.ndarray, g: np.ndarray, s: np.ndarray) -> None:
    """g = log σ(z) and s = dg/dz = σ(−z) for z = bias + weight x."""
    zero, one = x.dtype.type(0), x.dtype.type(1)
    for b in range(x.size):
        s[b] = exp_of_negative(bias + weight * x[b])
    for b in range(x.size):
        z, e = bias + weight * x[b], s[b]
        g[b] = min(z, zero) - log1p_of_decay(e)
        s[b] = (one if z < 0 else e) * (one / (one + e))


@njit(fastmath={"contract"})
def _descend(
    slope: np.ndarray, s: np.ndarray, x: np.ndarray, inner: np.ndarray, by_bias: np.ndarray, by_weight: np.ndarray
) -> None:
    """From the slope by g to that by z, and its products with what z is linear in."""
    for b in range(x.size):
        here = slope[b] * s[b]
        inner[b] = here
        by_bias[b] += here
        by_weight[b] += here * x[b]


@njit(fastmath={"contract"}, error_model="numpy")
def _turn(
    bias: float, weight: float, x: np.ndarray, slope: np.ndarray, inner: np.ndarray,
    by_bias: np.ndarray, by_weight: np.ndarray, by_out: np.ndarray,
) -> None:  # fmt: skip
    """The last layer, forward and backward at once."""
    zero, one = x.dtype.type(0), x.dtype.type(1)
    for b in range(x.size):
        inner[b] = exp_of_negative(bias + weight * x[b])
    for b in range(x.size):
        z, e = bias + weight * x[b], inner[b]
        here = slope[b] * ((one if z < 0 else e) * (one / (one + e)))
        inner[b] = here
        by_bias[b] += here
        by_weight[b] += here * x[b]
        by_out[b] += slope[b] * (min(z, zero) - log1p_of_decay(e))


@njit
def _add_pairs(  # type: ignore[no-untyped-def]
    rows, row, pair, numbers, start, stop, g, total
):
    """total += Σ out × g^(k) over the pairs of a reader; ``g`` is scratch."""
    k = (numbers.shape[2] - 3) // 2
    for p in range(start, stop):
        for sign in range(2):
            c = numbers[pair[p], sign]
            x = rows[row[p]]
            for r in range(k):
                _layer(c[2 * r], c[2 * r + 1], x, g[r])
                x = g[r]
            _add_layer(c[2 * k], c[2 * k + 1], c[2 * k + 2], x, g[k], total)


@njit(nogil=True, cache=True, fastmath={"contract"})
def sweep(work: Work, plan: SweepPlan, numbers: Any, batch: Batch, rows: Any) -> None:
    """As the linear sweep, for messages; the numbers of pairs are (pairs, 2, 2k + 3)."""
    plan, numbers, batch, (received,) = borrowed((plan, numbers, batch, rows))
    reads, pairs = plan.reads, numbers.pairs
    blocks, num_spins, width = batch.spins.shape
    for block in shares(work, blocks):
        messages = received[block if batch.keep else work[1]]
        messages[-1] = 0
        kept = np.zeros((pairs.shape[2] // 2, width), messages.dtype), np.zeros(width, messages.dtype)
        scratch = kept, new_drawing(batch, block)
        (g, logit), drawing = borrowed(scratch)
        for i in range(num_spins):
            line(numbers.constant[i], numbers.local[i], messages[plan.sent.local_row[i]], logit)
            _add_pairs(messages, reads.row, reads.pair, pairs, reads.ptr[i], reads.ptr[i + 1], g, logit)
            finish_spin(i, i, plan.sent.site[i], logit, block, batch, drawing)
            send_spin(i, block, plan.sent, batch, messages)
        hold(scratch)


@njit
def _add_slopes(  # type: ignore[no-untyped-def]
    first_row, num_rows, rows, numbers, dlogq_dlogit, g, s, inner, sums
):
    """Slopes by the numbers of a pair and sign but for constant factors, summed over blocks: sums[m, b]."""
    k = (numbers.size - 3) // 2
    for block in range(dlogq_dlogit.shape[0]):
        xi = rows[first_row + block * num_rows]
        x = xi
        for r in range(k):
            _layer_and_slope(numbers[2 * r], numbers[2 * r + 1], x, g[r], s[r])
            x = g[r]
        _turn(
            numbers[2 * k], numbers[2 * k + 1], x, dlogq_dlogit[block], inner[k], sums[2 * k], sums[2 * k + 1], sums[-1]
        )
        for r in range(k - 1, -1, -1):
            _descend(inner[r + 1], s[r], g[r - 1] if r else xi, inner[r], sums[2 * r], sums[2 * r + 1])


@njit(nogil=True, cache=True, fastmath={"contract"})
def gradient(work: Work, plan: SweepPlan, numbers: Any, drawn: Drawn, found: Any) -> None:
    """Derivatives of a batch by the coefficients, added to ``found``; the layers are computed again.

    Readers are shared out among threads in ranges of twos of them.
    """
    plan, numbers, drawn, found = borrowed((plan, numbers, drawn, found))
    reads, arrivals = plan.reads, drawn.rows[0]
    blocks, num_spins, width = drawn.spins.shape
    num_rows = arrivals.shape[1]
    rows = arrivals.reshape(blocks * num_rows, width)
    count = numbers.pairs.shape[2]
    ones = np.ones(width, rows.dtype)
    for share in shares(work, plan.ranges.size - 1):
        layers = np.zeros((3, count // 2, width), rows.dtype)
        sums = np.zeros((count, width), rows.dtype)
        mine = np.zeros((blocks, width), rows.dtype)
        for i in range(2 * plan.ranges[share], min(2 * plan.ranges[share + 1], num_spins)):
            for block in range(blocks):
                weighted_slope(drawn, block, i, mine[block])
                found.constant[i] += dot(mine[block], ones)
                if found.local.size:
                    found.local[i] += dot(mine[block], arrivals[block, plan.sent.local_row[i]])
            for p in range(reads.ptr[i], reads.ptr[i + 1]):
                for sign in range(2):
                    c, by = numbers.pairs[reads.pair[p], sign], found.pairs[reads.pair[p], sign]
                    sums[:] = 0
                    _add_slopes(reads.row[p], num_rows, rows, c, mine, layers[0], layers[1], layers[2], sums)
                    by[count - 1] += dot(sums[count - 1], ones)
                    outer = c[count - 1]
                    for r in range(count // 2 - 1, -1, -1):
                        by[2 * r] += outer * dot(sums[2 * r], ones)
                        by[2 * r + 1] += outer * dot(sums[2 * r + 1], ones)
                        outer *= c[2 * r + 1]
