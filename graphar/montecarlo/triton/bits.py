"""Metropolis sweeps on bits in Triton, 64 replicas a word; one program for a block of words.

The words, thresholds and random bits are those of :mod:`graphar.montecarlo.loops.bits`. Everything goes word by word:
a thread never waits for another but to ask whether any replica of the program is undecided still.
"""

from __future__ import annotations

from graphar.kernels.triton.compile import jit, tl

__all__ = ["bit_energies", "bit_sweeps"]


@jit
def _add(s0, s1, s2, s3, s4, carry):  # type: ignore[no-untyped-def]
    """A word added to a number of five binary digits, the lowest first."""
    s0, carry = s0 ^ carry, s0 & carry
    s1, carry = s1 ^ carry, s1 & carry
    s2, carry = s2 ^ carry, s2 & carry
    s3, carry = s3 ^ carry, s3 & carry
    return s0, s1, s2, s3, s4 ^ carry


@jit
def _unsatisfied(own, spins, words, at, other, digits, inverted, start, stop, UNITS: tl.constexpr):  # type: ignore[no-untyped-def]
    """Sum of |J| and |h| of the terms of a site that are not satisfied, in binary."""
    s0 = tl.zeros_like(own)
    s1, s2, s3, s4, none = s0, s0, s0, s0, s0
    for t in range(start, stop):
        j = tl.load(other + t)
        aligned = tl.load(spins + tl.maximum(j, 0) * words + at)
        word = own ^ tl.where(j < 0, tl.zeros_like(own) - 1, aligned) ^ tl.load(inverted + t)
        if UNITS:
            s0, s1, s2, s3, s4 = _add(s0, s1, s2, s3, s4, word)
        else:
            number = tl.load(digits + t)
            s0, s1, s2, s3, s4 = _add(s0, s1, s2, s3, s4, word & -(number & 1))
            s1, s2, s3, s4, _ = _add(s1, s2, s3, s4, none, word & -((number >> 1) & 1))
            s2, s3, s4, _, _ = _add(s2, s3, s4, none, none, word & -((number >> 2) & 1))
            s3, s4, _, _, _ = _add(s3, s4, none, none, none, word & -((number >> 3) & 1))
            s4 = s4 ^ (word & -((number >> 4) & 1))
    return s0, s1, s2, s3, s4


@jit
def _level(c, s0, s1, s2, s3, s4):  # type: ignore[no-untyped-def]
    """Where the sum is c."""
    bits = tl.cast(c, tl.int64)  # all bits of a digit where it is to be 0
    word = s0 ^ ((bits & 1) - 1)
    word &= s1 ^ (((bits >> 1) & 1) - 1)
    word &= s2 ^ (((bits >> 2) & 1) - 1)
    word &= s3 ^ (((bits >> 3) & 1) - 1)
    return word & (s4 ^ (((bits >> 4) & 1) - 1))


@jit
def _digit(table, row, m, k, words, at, SHARED: tl.constexpr):  # type: ignore[no-untyped-def]
    """Binary digit k of the thresholds for m + 1, all bits or none of them, or each replica's own."""
    if SHARED:
        return tl.zeros(at.shape, tl.int64) - ((tl.load(table + row + m) >> (31 - k)) & 1)
    else:
        return tl.load(table + row + (m * 32 + k).to(tl.int64) * words + at)


@jit
def _compare(number, threshold, below, left):  # type: ignore[no-untyped-def]
    """One more digit: which random numbers are below their threshold, and which are neither above nor below."""
    here = left & (threshold ^ number)
    return below | (here & threshold), left & ~here


@jit
def _plane(high, low):  # type: ignore[no-untyped-def]
    return ((high.to(tl.uint64) << 32) | low.to(tl.uint64)).to(tl.int64, bitcast=True)


@jit
def _flips(  # type: ignore[no-untyped-def]
    s0, s1, s2, s3, s4, total, table, row, words, at, lanes, key, step, place, SHARED: tl.constexpr
):
    """Bits of the replicas whose random number is below their threshold."""
    none = tl.zeros_like(s0)
    count = (total + 1) >> 1
    rest = none - 1
    for c in range(count):
        rest &= ~_level(c, s0, s1, s2, s3, s4)
    below, left = none, none - 1
    site = tl.cast(place, tl.uint32)
    group, going = tl.cast(0, tl.int32), tl.cast(1, tl.int32)
    while going > 0:
        a, b, c0, d = tl.philox(key, lanes, site, group, step)
        e, f, g, h = tl.philox(key, lanes + 8, site, group, step)
        proposed = tl.where(group == 0, rest, none)
        t0, t1, t2, t3 = proposed, proposed, proposed, none
        for c in range(count):
            level = _level(c, s0, s1, s2, s3, s4)
            m = total - 1 - 2 * c
            t0 |= level & _digit(table, row, m, 4 * group, words, at, SHARED)
            t1 |= level & _digit(table, row, m, 4 * group + 1, words, at, SHARED)
            t2 |= level & _digit(table, row, m, 4 * group + 2, words, at, SHARED)
            t3 |= level & _digit(table, row, m, 4 * group + 3, words, at, SHARED)
        below, left = _compare(_plane(a, b), t0, below, left)
        below, left = _compare(_plane(e, f), t1, below, left)
        below, left = _compare(_plane(c0, d), t2, below, left)
        below, left = _compare(_plane(g, h), t3, below, left)
        left &= ~proposed
        group += 1
        going = tl.where(group < 8, tl.max((left != 0).to(tl.int32), 0), 0)
    return below


@jit
def _bits_of(word):  # type: ignore[no-untyped-def]
    """Of each replica, (words, 64)."""
    return ((word[:, None] >> tl.arange(0, 64).to(tl.int64)[None, :]) & 1).to(tl.int32)


@jit
def bit_sweeps(  # type: ignore[no-untyped-def]
    ptr,
    other,
    digits,
    inverted,
    total,
    key: tl.int64,
    step: tl.int64,
    order,
    order_row,
    table,
    table_row,
    spins,
    flips,
    words,
    start,
    stop,
    part,
    count,
    AT_RANDOM: tl.constexpr,
    UNITS: tl.constexpr,
    SHARED: tl.constexpr,
    COUNT: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Sweeps over places ``start`` to ``stop`` of the order, as :func:`graphar.montecarlo.triton.rows.row_sweeps`.

    Args:
        ptr … total: of :class:`graphar.montecarlo.loops.bits.BitTerms`.
        table: thresholds of 7/8 exp(−2βm) in 32 binary digits, m = 1, 2, …: whole numbers where all replicas have the
            same, else a word for each digit; int64, at rows ``table_row`` apart.
        spins: (N, words), int64.
        flips: to which flips made are added where they are to be counted, int64, (parts, 64 words).
        UNITS: whether all |J| and |h| are one.
    """
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    share = tl.program_id(1)
    lanes = ((at >> 3) * 16 + (at & 7)).to(tl.uint32)
    first = start + share * part
    last = tl.minimum(first + part, stop)
    if COUNT:
        flipped = tl.zeros((BLOCK, 64), tl.int32)
    for s in range(count):
        row = tl.cast(s, tl.int64) * table_row
        for t in range(first, last):
            site = tl.load(order + s * order_row + t).to(tl.int64)
            own = tl.load(spins + site * words + at)
            begin, end = tl.load(ptr + site), tl.load(ptr + site + 1)
            s0, s1, s2, s3, s4 = _unsatisfied(own, spins, words, at, other, digits, inverted, begin, end, UNITS)
            place = t if AT_RANDOM else site
            now = (step + s).to(tl.uint32)
            less = _flips(
                s0, s1, s2, s3, s4, tl.load(total + site), table, row, words, at, lanes, key, now, place, SHARED
            )
            if COUNT:
                flipped += _bits_of(less)
            tl.store(spins + site * words + at, own ^ less)
            tl.debug_barrier()
    if COUNT:
        counted = flips + (share.to(tl.int64) * words + at)[:, None] * 64 + tl.arange(0, 64)[None, :]
        tl.store(counted, tl.load(counted) + flipped)


@jit
def bit_energies(  # type: ignore[no-untyped-def]
    ptr, later, other, digits, inverted, scales, spins, energy, words, n, UNITS: tl.constexpr, BLOCK: tl.constexpr
):
    """Energies, float64, (64 words,): ``scales`` are that of all terms satisfied, and twice the unit."""
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    broken = tl.zeros((BLOCK, 64), tl.int32)
    for site in range(n):
        own = tl.load(spins + tl.cast(site, tl.int64) * words + at)
        s0, s1, s2, s3, s4 = _unsatisfied(
            own, spins, words, at, other, digits, inverted, tl.load(later + site), tl.load(ptr + site + 1), UNITS
        )
        broken += _bits_of(s0) + 2 * _bits_of(s1) + 4 * _bits_of(s2) + 8 * _bits_of(s3) + 16 * _bits_of(s4)
    found = broken.to(tl.float64) * tl.load(scales + 1) + tl.load(scales)
    tl.store(energy + at[:, None] * 64 + tl.arange(0, 64)[None, :], found)
