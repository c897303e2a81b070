"""Messages of belief propagation and the gates that correct them, for tiles (T, BLOCK) of messages and samples.

The arithmetic is that of :mod:`graphar.kernels.compiled.loops.gates`. Features of a gate are (T, FEATURES, BLOCK): four
that differ from sample to sample, three that do not, and a one that the bias is the weight of.
"""

from __future__ import annotations

from graphar.kernels.triton.compile import jit, tl
from graphar.kernels.triton.launching import FEATURES

__all__ = ["apply_gates", "belief_message", "belief_slope", "features", "gates_back", "sign"]

_FEATURES = FEATURES if tl is None else tl.constexpr(FEATURES)


@jit
def sign(x):  # type: ignore[no-untyped-def]
    """−1, 0 or 1."""
    return (x > 0).to(x.dtype) - (x < 0).to(x.dtype)


@jit
def _atanh_of_third(s):  # type: ignore[no-untyped-def]
    """atanh(s) for |s| ≤ 1/3 to the last bits: its series."""
    TERMS: tl.constexpr = 17 if s.dtype == tl.float64 else 8
    z = s * s
    p = tl.zeros_like(z)
    for k in tl.static_range(TERMS - 1):
        p = p * z + 1 / (2 * (TERMS - k) - 1)
    return s + s * (p * z)


@jit
def belief_message(a, b):  # type: ignore[no-untyped-def]
    """v = ½ [log cosh(a + b) − log cosh(a − b)]."""
    plus, minus = tl.abs(a + b), tl.abs(a - b)
    e, f = tl.exp(-2 * plus), tl.exp(-2 * minus)
    return 0.5 * (plus - minus) + _atanh_of_third((e - f) / (2 + (e + f)))


@jit
def belief_slope(a, b):  # type: ignore[no-untyped-def]
    """dv/db = ½ [tanh(a + b) + tanh(a − b)]."""
    plus, minus = a + b, a - b
    e, f = tl.exp(-2 * tl.abs(plus)), tl.exp(-2 * tl.abs(minus))
    first, second = (1 - e) / (1 + e), (1 - f) / (1 + f)
    return 0.5 * (tl.where(plus > 0, first, -first) + tl.where(minus > 0, second, -second))


@jit
def _squashed(x):  # type: ignore[no-untyped-def]
    size = tl.abs(x)
    return size / (1 + size)


@jit
def features(x0, x1, x2, x3, c0, c1, c2):  # type: ignore[no-untyped-def]
    """Magnitudes (T, BLOCK) and (T,), squashed."""
    j = tl.arange(0, _FEATURES)[None, :, None]
    x0, x1, x2, x3 = _squashed(x0), _squashed(x1), _squashed(x2), _squashed(x3)
    c0, c1, c2 = _squashed(c0), _squashed(c1), _squashed(c2)
    low = tl.where(j == 0, x0[:, None, :], x1[:, None, :])
    high = tl.where(j == 2, x2[:, None, :], x3[:, None, :])
    shared = tl.where(j == 4, c0[:, None, None], tl.where(j == 5, c1[:, None, None], c2[:, None, None]))
    return tl.where(j < 4, tl.where(j < 2, low, high), tl.where(j < 7, shared, 1.0))


@jit
def _unit(net, h, f):  # type: ignore[no-untyped-def]
    """Weights of a hidden unit, (FEATURES,), and the unit, (T, BLOCK)."""
    weight = tl.load(net.weight + h * _FEATURES + tl.arange(0, _FEATURES))
    z = tl.sum(weight[None, :, None] * f, 1)
    return weight, z / (1 + tl.abs(z))


@jit
def apply_gates(net, f, HIDDEN: tl.constexpr):  # type: ignore[no-untyped-def]
    """Both gates, (T, BLOCK)."""
    first = tl.zeros((f.shape[0], f.shape[2]), f.dtype) + tl.load(net.constant)
    second = tl.zeros((f.shape[0], f.shape[2]), f.dtype) + tl.load(net.constant + 1)
    for h in range(HIDDEN):
        _, y = _unit(net, h, f)
        first += tl.load(net.out + h) * y
        second += tl.load(net.out + HIDDEN + h) * y
    return first, second


@jit
def gates_back(net, f, by_first, by_second, sums, HIDDEN: tl.constexpr):  # type: ignore[no-untyped-def]
    """From derivatives by both gates to those by magnitudes, (T, BLOCK), and by weights, added to ``sums``.

    ``sums`` are by weights, (units, FEATURES), by both rows of ``out``, (units,), and by both constants.
    """
    by_weight, by_out0, by_out1, by_constant0, by_constant1 = sums
    unit = tl.arange(0, by_weight.shape[0])
    by_f = tl.zeros_like(f)
    for h in range(HIDDEN):
        weight, y = _unit(net, h, f)
        slope = 1 - tl.abs(y)
        by_z = (tl.load(net.out + h) * by_first + tl.load(net.out + HIDDEN + h) * by_second) * (slope * slope)
        here = unit == h
        by_out0 += tl.where(here, tl.sum(by_first * y), 0.0)
        by_out1 += tl.where(here, tl.sum(by_second * y), 0.0)
        found = tl.sum(tl.sum(by_z[:, None, :] * f, 2), 0)
        by_weight += tl.where(here[:, None], found[None, :], 0.0)
        by_f += weight[None, :, None] * by_z[:, None, :]
    by_f *= (1 - f) * (1 - f)
    sums = by_weight, by_out0, by_out1, by_constant0 + tl.sum(by_first), by_constant1 + tl.sum(by_second)
    j = tl.arange(0, _FEATURES)[None, :, None]
    by0, by1 = tl.sum(tl.where(j == 0, by_f, 0.0), 1), tl.sum(tl.where(j == 1, by_f, 0.0), 1)
    by2, by3 = tl.sum(tl.where(j == 2, by_f, 0.0), 1), tl.sum(tl.where(j == 3, by_f, 0.0), 1)
    return by0, by1, by2, by3, sums
