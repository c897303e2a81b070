"""Flips of tabu search, of several configurations at once; imported where they are used.

All gains of a configuration lie side by side: the best flip is found by looking at all of them, up to sixteen an
instruction, and a flip changes those of the neighbours alone.
"""

from __future__ import annotations

import numpy as np

from graphar._support.compile import njit
from graphar.kernels.compiled.loops.shares import Work, borrowed, hold, shares
from graphar.montecarlo.loops.random import philox, uniform_below
from graphar.solvers.search.tabu_terms import TabuTerms

__all__ = ["tabu_flips"]

BLOCK = 256  # sites whose lowest gain is kept, so that few are looked at to find where it is


@njit(inline="always")
def _product(terms, x, k):  # type: ignore[no-untyped-def]
    """J Π x of an interaction, over its unit."""
    product = terms.weight[k]
    for m in range(terms.member_ptr[k], terms.member_ptr[k + 1]):
        product *= x[terms.member[m]]
    return product


@njit
def _fill_gains(terms: TabuTerms, x: np.ndarray, gain: np.ndarray) -> None:
    """Change of the energy by each flip, 2 Σ_a J_a Π_a x + 2 h x."""
    for i in range(x.size):
        total = terms.field[i] * x[i]
        for k in range(terms.ptr[i], terms.ptr[i + 1]):
            total += terms.pair[k] * x[i] * x[terms.neighbour[k]]
        gain[i] = total + total
    for k in range(terms.weight.size):
        twice = 2 * _product(terms, x, k)
        for m in range(terms.member_ptr[k], terms.member_ptr[k + 1]):
            gain[terms.member[m]] += twice


@njit
def _flip(terms: TabuTerms, x: np.ndarray, gain: np.ndarray, i: int) -> None:
    """Turn a spin over: each of its interactions changes sign, and with it what it adds to the gains of its spins."""
    four = -4 * x[i]
    for k in range(terms.ptr[i], terms.ptr[i + 1]):
        j = terms.neighbour[k]
        gain[j] += four * terms.pair[k] * x[j]
    for c in range(terms.incident_ptr[i], terms.incident_ptr[i + 1]):
        k = terms.incident[c]
        change = -4 * _product(terms, x, k)
        for m in range(terms.member_ptr[k], terms.member_ptr[k + 1]):
            j = terms.member[m]
            if j != i:
                gain[j] += change
    x[i] = -x[i]
    gain[i] = -gain[i]


@njit
def _lowest_of(gain, until, now, none):  # type: ignore[no-untyped-def]
    """Lowest gain of all flips, and of those that are not forbidden, ``none`` if all are; compiled to vectors."""
    any_flip, allowed = none, none
    for i in range(gain.size):
        any_flip = min(any_flip, gain[i])
        allowed = min(allowed, gain[i] if until[i] <= now else none)
    return any_flip, allowed


@njit
def _lowest(gain, until, now, none, by_block):  # type: ignore[no-untyped-def]
    """As above, and for each block of sites, (blocks, 2)."""
    any_flip, allowed = none, none
    for block in range(by_block.shape[0]):
        part = slice(block * BLOCK, (block + 1) * BLOCK)
        x, y = _lowest_of(gain[part], until[part], now, none)
        by_block[block, 0], by_block[block, 1] = x, y
        any_flip, allowed = min(any_flip, x), min(allowed, y)
    return any_flip, allowed


@njit
def _find(gain, until, now, value, start, lowest):  # type: ignore[no-untyped-def]
    """A site whose flip has this gain and is not forbidden at ``now``, from near ``start`` on, around the ends."""
    blocks = lowest.size
    first = start // BLOCK
    for b in range(blocks):
        block = first + b if first + b < blocks else first + b - blocks
        if lowest[block] != value:
            continue
        begin, size = block * BLOCK, min(BLOCK, gain.size - block * BLOCK)
        turn = start % size
        for k in range(size):
            i = begin + (k + turn if k + turn < size else k + turn - size)
            if gain[i] == value and until[i] <= now:
                return i
    return start


@njit(nogil=True, cache=True)
def tabu_flips(
    work: Work,
    terms: TabuTerms,
    key: np.uint64,
    first: int,
    count: int,
    tenure: np.ndarray,
    spins: np.ndarray,
    gains: np.ndarray,
    until: np.ndarray,
    energy: np.ndarray,
    best: np.ndarray,
    lowest: np.ndarray,
) -> None:
    """``count`` flips of each configuration: the lowest gain that is not forbidden, at random among equal ones.

    A spin that was flipped stays for a number of flips drawn at random, unless its flip leads below all that its
    configuration has met.

    Args:
        terms: the Hamiltonian.
        key: of the random bits, which are those of configuration and flip.
        first: number of the first of these flips.
        tenure: of each configuration, the fewest flips that a spin stays and how many numbers follow, (R, 2).
        spins: (R, N), ±1 in the type of the gains; where the configurations are.
        gains: of each flip in them, (R, N), made anew here.
        until: number of the first flip at which each may be flipped again, (R, N), int32.
        energy: of ``spins`` over the unit, (R,), int64.
        best, lowest: the best that each has met, (R, N) and (R,).
    """
    n = spins.shape[1]
    scratch = np.empty((-(-n // BLOCK), 2), gains.dtype)
    terms, all_x, all_gain, all_until, energy, all_best, lowest, by_block = borrowed(
        (terms, spins, gains, until, energy, best, lowest, scratch)
    )
    none = terms.none
    for r in shares(work, all_x.shape[0]):
        x, gain, until_r = all_x[r], all_gain[r], all_until[r]
        _fill_gains(terms, x, gain)
        now_energy, least, better = energy[r], lowest[r], False
        for flip in range(first, first + count):
            now = np.int32(flip)
            any_flip, value = _lowest(gain, until_r, now, none, by_block)
            a, b, _, _ = philox(key, np.uint64(r), np.uint64(0), np.uint64(0), np.uint64(flip))
            start = uniform_below(np.uint32(a), n)
            if any_flip < value and now_energy + np.int64(any_flip) < least:
                i = _find(gain, until_r, np.int32(2**31 - 1), any_flip, start, by_block[:, 0])
            elif value < none:
                i = _find(gain, until_r, now, value, start, by_block[:, 1])
            else:
                i = start
            change = np.int64(gain[i])
            if better and change >= 0:
                all_best[r] = x
                better = False
            _flip(terms, x, gain, i)
            now_energy += change
            until_r[i] = np.int32(flip + 1 + tenure[r, 0] + uniform_below(np.uint32(b), tenure[r, 1]))
            if now_energy < least:
                least, better = now_energy, True
        if better:
            all_best[r] = x
        energy[r], lowest[r] = now_energy, least
    hold(scratch)
