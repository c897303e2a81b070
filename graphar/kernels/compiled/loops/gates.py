"""Compiled arithmetic of :mod:`graphar.heads.message_passing.rule`: loops over the samples of a block that vectorise.

Gates read four magnitudes that differ from sample to sample, the rows of f, and then some that do not.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from graphar._support.compile import njit
from graphar.kernels.compiled.loops.arithmetic import atanh_of_third, exp_of_negative

__all__ = [
    "PER_SAMPLE",
    "Gates",
    "apply_gates",
    "belief_message",
    "constant_part",
    "hidden_layer",
    "logit_features",
    "message_features",
]

PER_SAMPLE = 4


class Gates(NamedTuple):
    """Weights of two gates, or derivatives by them; no hidden units where nothing is learned.

    Attributes:
        weight, bias: of the hidden units, (hidden, features) and (hidden,).
        out, constant: (2, hidden) and (2,).
    """

    weight: np.ndarray
    bias: np.ndarray
    out: np.ndarray
    constant: np.ndarray


# Each of these loops is one that compilers vectorise: few arrays and no branch.


@njit(fastmath={"contract"}, error_model="numpy")
def belief_message(a: float, total: np.ndarray, received: np.ndarray, v: np.ndarray) -> None:
    """v = ½ [log cosh(a + b) − log cosh(a − b)] for b = total − received."""
    one, two = total.dtype.type(1), total.dtype.type(2)
    half = total.dtype.type(0.5)
    for s in range(total.size):
        b = total[s] - received[s]
        plus, minus = abs(a + b), abs(a - b)
        e, f = exp_of_negative(two * plus), exp_of_negative(two * minus)
        # log (1 + e)/(1 + f) = 2 atanh((e − f)/(2 + e + f))
        v[s] = half * (plus - minus) + atanh_of_third((e - f) * (one / (two + (e + f))))


@njit(fastmath={"contract"}, error_model="numpy")
def _squash(x: np.ndarray, f: np.ndarray) -> None:
    one = x.dtype.type(1)
    for s in range(x.size):
        f[s] = abs(x[s]) / (one + abs(x[s]))


@njit(fastmath={"contract"}, error_model="numpy")
def _squash_difference(x: np.ndarray, y: np.ndarray, f: np.ndarray) -> None:
    one = x.dtype.type(1)
    for s in range(x.size):
        size = abs(x[s] - y[s])
        f[s] = size / (one + size)


@njit(fastmath={"contract"}, error_model="numpy")
def _squash_rest(sizes: np.ndarray, received: np.ndarray, f: np.ndarray) -> None:
    """Of Σ|u| without one of its terms, which rounding may leave below zero."""
    one, zero = sizes.dtype.type(1), sizes.dtype.type(0)
    for s in range(sizes.size):
        size = max(sizes[s] - abs(received[s]), zero)
        f[s] = size / (one + size)


@njit
def message_features(total, received, back, v, f):  # type: ignore[no-untyped-def]
    """Rows of f: |b|, Σ|u|, |w|, |w − v|, squashed."""
    _squash_difference(total[0], received, f[0])
    _squash_rest(total[1], received, f[1])
    _squash(back, f[2])
    _squash_difference(back, v, f[3])


@njit
def logit_features(field, total, f):  # type: ignore[no-untyped-def]
    """Rows of f: |s|, |U|, |s + U|, Σ|u|, squashed; ``total`` has s + U and Σ|u|."""
    _squash(field, f[0])
    _squash_difference(total[0], field, f[1])
    _squash(total[0], f[2])
    _squash(total[1], f[3])


@njit
def constant_part(weight, bias, numbers):  # type: ignore[no-untyped-def]
    """The part of z that all samples share, from the magnitudes that they do."""
    one, total = weight.dtype.type(1), bias
    for j in range(len(numbers)):
        total += weight[PER_SAMPLE + j] * (numbers[j] / (one + numbers[j]))
    return total


@njit(fastmath={"contract"}, error_model="numpy")
def hidden_layer(weight: np.ndarray, constant: float, f: np.ndarray, y: np.ndarray) -> None:
    """y = z/(1 + |z|) for z = w · f + constant."""
    one = y.dtype.type(1)
    f0, f1, f2, f3 = f[0], f[1], f[2], f[3]
    for s in range(y.size):
        z = constant + weight[0] * f0[s] + weight[1] * f1[s] + weight[2] * f2[s] + weight[3] * f3[s]
        y[s] = z / (one + abs(z))


@njit(fastmath={"contract"})
def _add_twice(first: float, second: float, y: np.ndarray, to_first: np.ndarray, to_second: np.ndarray) -> None:
    for s in range(y.size):
        to_first[s] += first * y[s]
        to_second[s] += second * y[s]


@njit
def apply_gates(net, numbers, f, y, g):  # type: ignore[no-untyped-def]
    """Both gates into the rows of g; y is scratch."""
    weight, bias, out, constant = net
    for o in range(2):
        g[o] = constant[o]
    for h in range(bias.size):
        hidden_layer(weight[h], constant_part(weight[h], bias[h], numbers), f, y)
        _add_twice(out[0, h], out[1, h], y, g[0], g[1])
