"""Random bits by counter: those of a replica, a step and a site depend on nothing else but the key.

Philox4x32-10 as in :mod:`graphar.kernels.random_bits`, whose fourth counter word, zero there, is the step here.
"""

from __future__ import annotations

import numpy as np

from graphar._support.compile import njit
from graphar.kernels.random_bits import KEY_STEPS, LANES, MULTIPLIERS, ROUNDS, WORDS

__all__ = ["philox", "random_words", "uniform_below"]

_M0, _M1 = (np.uint64(m) for m in MULTIPLIERS)
_W0, _W1 = (np.uint64(w) for w in KEY_STEPS)
_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)


@njit(inline="always")
def philox(key, a, b, c, d):  # type: ignore[no-untyped-def]
    """Four words of 32 bits for a counter of four."""
    k0, k1 = key & _LOW, key >> _HALF
    for _ in range(ROUNDS):
        p0, p1 = _M0 * a, _M1 * c
        a, b, c, d = (p1 >> _HALF) ^ b ^ k0, p1 & _LOW, (p0 >> _HALF) ^ d ^ k1, p0 & _LOW
        k0, k1 = (k0 + _W0) & _LOW, (k1 + _W1) & _LOW
    return a, b, c, d


@njit
def random_words(key: np.uint64, step: int, site: int, first: int, words: np.ndarray) -> None:
    """32 random bits for each of the replicas from ``first`` on, a multiple of 64; as many as there are ``words``."""
    for group in range(words.size // (LANES * WORDS)):
        lane0 = np.uint64(first // WORDS + group * LANES)
        at = words[group * LANES * WORDS :]
        for lane in range(LANES):
            counter = lane0 + np.uint64(lane)
            a, b, c, d = philox(key, counter & _LOW, np.uint64(site), counter >> _HALF, np.uint64(step))
            at[lane] = a
            at[LANES + lane] = b
            at[2 * LANES + lane] = c
            at[3 * LANES + lane] = d


@njit
def uniform_below(word: np.uint32, count: int) -> np.int64:
    """An integer of 0 … count − 1 from 32 random bits; counts beyond 2^20 are a few parts in 10^3 uneven at most."""
    return np.int64((np.uint64(word) * np.uint64(count)) >> _HALF)
