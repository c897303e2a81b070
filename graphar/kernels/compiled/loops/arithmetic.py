"""Compiled elementwise arithmetic: random words by counter, and series that vectorise."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.extending import overload

from graphar._support.compile import njit
from graphar.kernels.random_bits import KEY_STEPS, LANES, MULTIPLIERS, ROUNDS, WORDS

__all__ = ["EXP32", "atanh_of_third", "exp_of_negative", "random_words"]

_M0, _M1 = (np.uint64(m) for m in MULTIPLIERS)
_W0, _W1 = (np.uint64(w) for w in KEY_STEPS)
_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)


@njit
def random_words(key: np.uint64, site: int, first: int, words: np.ndarray) -> None:
    """32 random bits for 64 samples from ``first`` on, a multiple of 64: :func:`graphar.kernels.random_bits.words`."""
    lane0 = np.uint64(first // WORDS)
    for lane in range(LANES):
        counter = lane0 + np.uint64(lane)
        a, b, c, d = counter & _LOW, np.uint64(site), counter >> _HALF, np.uint64(0)
        k0, k1 = key & _LOW, key >> _HALF
        for _ in range(ROUNDS):
            p0, p1 = _M0 * a, _M1 * c
            a, b, c, d = (p1 >> _HALF) ^ b ^ k0, p1 & _LOW, (p0 >> _HALF) ^ d ^ k1, p0 & _LOW
            k0, k1 = (k0 + _W0) & _LOW, (k1 + _W1) & _LOW
        words[lane] = a
        words[LANES + lane] = b
        words[2 * LANES + lane] = c
        words[3 * LANES + lane] = d


def exp_of_negative(z: Any) -> Any:
    """exp(−|z|) to the last bits, without a branch: 2^n times a Taylor sum on half an octave around zero."""
    return np.exp(-np.abs(z))


_LOG2E = 1 / np.log(2)


def _split_log2(bits: int) -> tuple[float, float]:
    """log 2 as a sum whose first part has few enough bits for n log 2 to be exact."""
    scale = 2.0**bits
    high = np.floor(np.log(2) * scale) / scale
    return high, float(np.log(np.longdouble(2)) - np.longdouble(high))


_MAGIC32, _MAGIC64 = np.float32(1.5 * 2**23), 1.5 * 2.0**52  # adding it leaves the nearest integer in the low bits
_HIGH32, _LOW32 = (np.float32(part) for part in _split_log2(15))
_HIGH64, _LOW64 = _split_log2(40)
_LOG2E32 = np.float32(_LOG2E)
_C = tuple(1.0 / np.cumprod(np.concatenate([[1.0], np.arange(1.0, 14)])))
_C32 = tuple(np.float32(c) for c in _C)
EXP32 = tuple(float(c) for c in (_LOG2E32, _MAGIC32, _HIGH32, _LOW32, *_C32[:8]))
"""Constants of :func:`exp_of_negative` in float32, for kernels elsewhere: log2 e, the magic number, log 2 in two parts,
and the coefficients of the series."""


@njit
def _scaled32(p, n):  # type: ignore[no-untyped-def]
    """p × 2^n for the integer in the low bits of ``n``."""
    return np.int32(np.float32(p).view(np.int32) + np.int32(np.float32(n).view(np.int32) << 23)).view(np.float32)


@njit
def _scaled64(p, n):  # type: ignore[no-untyped-def]
    return np.int64(np.float64(p).view(np.int64) + (np.float64(n).view(np.int64) << 52)).view(np.float64)


def _exp32(z):  # type: ignore[no-untyped-def]
    y = max(-abs(z), np.float32(-86.0))
    shifted = y * _LOG2E32 + _MAGIC32
    n = shifted - _MAGIC32
    r = (y - n * _HIGH32) - n * _LOW32
    p = (_C32[7] * r + _C32[6]) * r + _C32[5]
    p = ((p * r + _C32[4]) * r + _C32[3]) * r + _C32[2]
    return _scaled32((p * r + _C32[1]) * r + _C32[0], shifted)


def _exp64(z):  # type: ignore[no-untyped-def]
    y = max(-abs(z), -700.0)
    shifted = y * _LOG2E + _MAGIC64
    n = shifted - _MAGIC64
    r = (y - n * _HIGH64) - n * _LOW64
    p = (((_C[13] * r + _C[12]) * r + _C[11]) * r + _C[10]) * r + _C[9]
    p = (((p * r + _C[8]) * r + _C[7]) * r + _C[6]) * r + _C[5]
    p = ((p * r + _C[4]) * r + _C[3]) * r + _C[2]
    return _scaled64((p * r + _C[1]) * r + _C[0], shifted)


@overload(exp_of_negative, jit_options={"fastmath": {"contract"}})
def _exp_of_negative(z):  # type: ignore[no-untyped-def]
    return _exp32 if z.bitwidth == 32 else _exp64


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
