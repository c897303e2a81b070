"""Metropolis sweeps on bits, 512 replicas at once; imported where they are used, so that numba loads on first use.

Spins of a block are (N, 8) words of 64 bits, bit 1 where a spin is +1. Terms of a site that are not satisfied are added
up in binary, a word for each digit. Flips are made where a random number is below a threshold, both in binary, the
most significant digit first: each replica compares 32 random bits of its own, with a threshold of its own, as far as it
takes until all are decided.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from graphar._support.compile import njit
from graphar.kernels.compiled.loops.shares import Work, borrowed, hold, shares
from graphar.montecarlo.loops.random import random_words, uniform_below
from graphar.montecarlo.loops.words import DIGITS, SUM_DIGITS, WORDS, add_to_counts, decide_flips, sum_unsatisfied

__all__ = ["BitTerms", "bit_sweeps"]

_COUNT = 48  # binary digits of counts over all sites
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_ONE, _BITS = np.uint64(1), np.uint64(64)


class BitTerms(NamedTuple):
    """Couplings and fields as integers, site by site, those with earlier sites first.

    Attributes:
        ptr: where the terms of each site start, (N + 1,).
        later: where those start that are with later sites or fields, (N,).
        other: the other site of each, −1 for a field.
        digits: |J| or |h| in units.
        inverted: all bits where J < 0 or h < 0, else none, uint64.
        total: of |J| and |h| around each site, (N,).
    """

    ptr: np.ndarray
    later: np.ndarray
    other: np.ndarray
    digits: np.ndarray
    inverted: np.ndarray
    total: np.ndarray


@njit(error_model="numpy")
def _fill_thresholds(twice_beta: np.ndarray, table: np.ndarray) -> None:
    """Digits of 7/8 exp(−2β m) for m = 1, 2, …, (largest, DIGITS, WORDS)."""
    same = True
    for r in range(1, twice_beta.size):
        same = same and twice_beta[r] == twice_beta[0]
    for m in range(table.shape[0]):
        table[m] = np.uint64(0)
        for r in range(1 if same else twice_beta.size):
            number = np.uint64(0.875 * np.exp(-np.float64(twice_beta[r]) * (m + 1)) * 2.0**DIGITS + 0.5)
            for k in range(DIGITS):
                digit = (number >> np.uint64(DIGITS - 1 - k)) & _ONE
                if same:
                    table[m, k] = _ALL if digit else np.uint64(0)
                else:
                    table[m, k, r // 64] |= digit << np.uint64(r % 64)


@njit
def _read(counts: np.ndarray, factor: float, constant: float, out: np.ndarray) -> None:
    """constant + factor × count of each replica."""
    for r in range(out.size):
        total = np.uint64(0)
        for k in range(counts.shape[0]):
            total |= ((counts[k, r // 64] >> np.uint64(r % 64)) & _ONE) << np.uint64(k)
        out[r] = constant + factor * np.float64(total)


@njit(nogil=True, cache=True)
def bit_sweeps(
    work: Work,
    terms: BitTerms,
    order: np.ndarray,
    at_random: bool,
    keys: np.ndarray,
    step: int,
    count: int,
    spins: np.ndarray,
    twice_beta: np.ndarray,
    unit: float,
    lowest: float,
    flips: np.ndarray,
    energy: np.ndarray,
) -> None:
    """``count`` sweeps of every block, as :func:`graphar.montecarlo.loops.sweep.sweeps`.

    Args:
        spins: (blocks, N, WORDS), uint64.
        twice_beta: 2β × unit, (1 or count, replicas of all blocks), float32.
        unit: of the integers.
        lowest: energy with all terms satisfied.
        flips: flips made in the last sweep, (replicas of all blocks,), float64.
        energy: written as there.
    """
    n, lanes = spins.shape[1], 64 * WORDS
    largest = max(1, terms.total.max())
    scratch = (
        np.zeros((largest, DIGITS, WORDS), np.uint64),
        np.zeros((largest, WORDS), np.uint64),
        np.zeros((SUM_DIGITS, WORDS), np.uint64),
        np.zeros((SUM_DIGITS, WORDS), np.uint64),
        np.zeros((_COUNT, WORDS), np.uint64),
        np.zeros(64, np.uint32),
        order.copy(),
    )
    table, levels, sums, less, counts, words, mine = borrowed(scratch)
    terms, spins, twice_beta, flips, energy, keys = borrowed((terms, spins, twice_beta, flips, energy, keys))
    stride = count // max(1, energy.shape[0])
    for block in shares(work, spins.shape[0]):
        x, first = spins[block], block * lanes
        number = block + np.int64(keys[2]) // lanes
        for s in range(count):
            if s < twice_beta.shape[0]:
                _fill_thresholds(twice_beta[s, first : first + lanes], table)
            left = count - 1 - s
            counts[:] = np.uint64(0)
            for t in range(n):
                if at_random and t % 64 == 0:
                    random_words(keys[1], step + s, t, 0, words)
                    for k in range(min(64, n - t)):
                        mine[t + k] = uniform_below(words[k], n)
                site = mine[t]
                start, stop = terms.ptr[site], terms.ptr[site + 1]
                sum_unsatisfied(x, site, terms.other, terms.digits, terms.inverted, start, stop, sums)
                place = t if at_random else site
                decide_flips(sums, terms.total[site], table, levels, keys[0], number, place, step + s, less)
                for w in range(WORDS):
                    x[site, w] ^= less[0, w]
                if left == 0:
                    add_to_counts(less, counts, _COUNT)
            if left == 0:
                _read(counts, 1.0, 0.0, flips[first : first + lanes])
            if energy.shape[0] and left % stride == 0 and left < stride * energy.shape[0]:
                counts[:] = np.uint64(0)
                for i in range(n):
                    start, stop = terms.later[i], terms.ptr[i + 1]
                    sum_unsatisfied(x, i, terms.other, terms.digits, terms.inverted, start, stop, sums)
                    add_to_counts(sums, counts, _COUNT)
                at = energy.shape[0] - 1 - left // stride
                _read(counts, 2 * unit, lowest, energy[at, first : first + lanes])
    hold(scratch)
