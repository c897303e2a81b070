"""Compiled derivatives of :mod:`graphar.kernels.compiled.loops.gates`."""

from __future__ import annotations

import numpy as np

from graphar._support.compile import njit
from graphar.kernels.compiled.loops.arithmetic import exp_of_negative
from graphar.kernels.compiled.loops.gates import PER_SAMPLE, constant_part, hidden_layer
from graphar.kernels.compiled.loops.spin import add_scaled, dot

__all__ = ["add_signed", "belief_slope", "by_magnitude", "gates_back", "sum_of"]


# Each of these loops is one that compilers vectorise: few arrays and no branch.


@njit(fastmath={"contract", "reassoc", "nsz"})
def sum_of(a: np.ndarray) -> float:
    total = a.dtype.type(0)
    for k in range(a.size):
        total += a[k]
    return total


@njit(fastmath={"contract"})
def _by_hidden(first: float, second: float, by_g: np.ndarray, y: np.ndarray, by_z: np.ndarray) -> None:
    one = y.dtype.type(1)
    g0, g1 = by_g[0], by_g[1]
    for s in range(y.size):
        slope = one - abs(y[s])
        by_z[s] = (first * g0[s] + second * g1[s]) * (slope * slope)


@njit(fastmath={"contract"})
def by_magnitude(f: np.ndarray, by_f: np.ndarray, out: np.ndarray) -> None:
    """d/d|x| from d/df, f = |x|/(1 + |x|)."""
    one = f.dtype.type(1)
    for s in range(f.size):
        slope = one - f[s]
        out[s] = by_f[s] * (slope * slope)


@njit(fastmath={"contract"})
def add_signed(by_size: np.ndarray, x: np.ndarray, total: np.ndarray) -> None:
    """total += by_size × sgn x."""
    one, zero = x.dtype.type(1), x.dtype.type(0)
    for s in range(x.size):
        sign = (one if x[s] > 0 else zero) - (one if x[s] < 0 else zero)
        total[s] += by_size[s] * sign


@njit(fastmath={"contract"}, error_model="numpy")
def belief_slope(a: float, b: np.ndarray, out: np.ndarray) -> None:
    """dv/db = ½ [tanh(a + b) + tanh(a − b)]."""
    one, two, half = b.dtype.type(1), b.dtype.type(2), b.dtype.type(0.5)
    for s in range(b.size):
        plus, minus = a + b[s], a - b[s]
        e, f = exp_of_negative(two * plus), exp_of_negative(two * minus)
        first, second = (one - e) / (one + e), (one - f) / (one + f)
        out[s] = half * ((first if plus > 0 else -first) + (second if minus > 0 else -second))


@njit
def gates_back(net, numbers, f, y, by_g, by_net, by_f, by_z):  # type: ignore[no-untyped-def]
    """From derivatives by both gates to those by their weights, added, and by the features of each sample."""
    weight, bias, out, _ = net
    by_weight, by_bias, by_out, by_constant = by_net
    by_f[:] = 0
    for o in range(2):
        by_constant[o] += sum_of(by_g[o])
    for h in range(bias.size):
        hidden_layer(weight[h], constant_part(weight[h], bias[h], numbers), f, y)
        for o in range(2):
            by_out[o, h] += dot(by_g[o], y)
        _by_hidden(out[0, h], out[1, h], by_g, y, by_z)
        shared = sum_of(by_z)
        by_bias[h] += shared
        for j in range(len(numbers)):
            by_weight[h, PER_SAMPLE + j] += shared * (numbers[j] / (1 + numbers[j]))
        for j in range(PER_SAMPLE):
            by_weight[h, j] += dot(by_z, f[j])
            add_scaled(weight[h, j], by_z, by_f[j])
