"""Inner loops on words of 512 replicas, written in vectors of eight times 64 bits.

Compilers keep short arrays of words in memory; here they stay in registers. Where a processor's are narrower, LLVM
splits the vectors. Planes of random bits are Philox4x32-10 (:mod:`graphar.kernels.random_bits`) by the counter (lane,
site, group, step): with words a, b, c, d of 16 lanes, word w of the four planes is a·2^32 + b of lanes w and 8 + w, and
c·2^32 + d of the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from graphar.kernels.random_bits import KEY_STEPS, MULTIPLIERS, ROUNDS

__all__ = ["DIGITS", "PROPOSED", "SUM_DIGITS", "WORDS", "add_to_counts", "decide_flips", "sum_unsatisfied"]

WORDS = 8
"""Words of 64 replicas in a vector."""
SUM_DIGITS = 5
"""Binary digits of the sum of |J| and |h| around a site."""
DIGITS = 32
"""Binary digits of random numbers and thresholds."""
PROPOSED = 3
"""Digits of 7/8 = 1/2 + 1/4 + 1/8, the share of flips proposed."""

_INT, _INT32 = ir.IntType(64), ir.IntType(32)
_VECTOR = ir.VectorType(_INT, WORDS)
_NONE = ir.Constant(_VECTOR, [0] * WORDS)
_ALL = ir.Constant(_VECTOR, [2**64 - 1] * WORDS)
_LOW = ir.Constant(_VECTOR, [2**32 - 1] * WORDS)
_HALF = ir.Constant(_VECTOR, [32] * WORDS)


class _Words:
    """A contiguous array of uint64, read and written eight words at a time, and others a number at a time."""

    def __init__(self, context: Any, builder: Any, kind: Any, value: Any) -> None:
        self.builder = builder
        self.data = context.make_array(kind)(context, builder, value).data

    def number(self, index: Any) -> Any:
        return self.builder.load(self.builder.gep(self.data, [index]))

    def _row(self, index: Any) -> Any:
        start = self.builder.gep(self.data, [self.builder.mul(index, _INT(WORDS))])
        return self.builder.bitcast(start, _VECTOR.as_pointer())

    def row(self, index: Any) -> Any:
        return self.builder.load(self._row(index), align=8)

    def put(self, index: Any, vector: Any) -> None:
        self.builder.store(vector, self._row(index), align=8)


def _filled(builder: Any, number: Any) -> Any:
    """A vector of the same number in each lane."""
    single = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), number, _INT32(0))
    zeros = ir.Constant(ir.VectorType(_INT32, WORDS), [0] * WORDS)
    return builder.shuffle_vector(single, ir.Constant(_VECTOR, ir.Undefined), zeros)


def _any(builder: Any, vector: Any) -> Any:
    """Whether a bit is set anywhere."""
    lanes = builder.icmp_unsigned("!=", vector, _NONE)
    return builder.icmp_unsigned("!=", builder.bitcast(lanes, ir.IntType(WORDS)), ir.IntType(WORDS)(0))


def _between(builder: Any, start: Any, stop: Any) -> Any:
    return cgutils.for_range_slice(builder, start, stop, _INT(1), _INT)


def _variable(builder: Any, value: Any) -> Any:
    return cgutils.alloca_once_value(builder, value)


def _arrays(context: Any, builder: Any, signature: Any, values: Sequence[Any]) -> list[Any]:
    return [
        _Words(context, builder, kind, value) if isinstance(kind, types.Array) else value
        for kind, value in zip(signature.args, values, strict=True)
    ]


def _ripple(builder: Any, sums: Sequence[Any], carry: Any) -> None:
    """Adds a word to a number whose digits are variables, the lowest first."""
    for digit in sums:
        word = builder.load(digit)
        builder.store(builder.xor(word, carry), digit)
        carry = builder.and_(word, carry)


@intrinsic
def sum_unsatisfied(typingctx, spins, site, other, digits, inverted, start, stop, sums):  # type: ignore[no-untyped-def]
    """Sum of |J| and |h| of the terms from ``start`` to ``stop`` of a site that are not satisfied, in binary.

    Args:
        spins: (N, WORDS).
        other: the other site of each term, −1 for a field.
        digits: |J| or |h|.
        inverted: all bits where J < 0 or h < 0.
        sums: written, (SUM_DIGITS, WORDS).
    """

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        spins, site, other, digits, inverted, start, stop, sums = _arrays(context, builder, signature, values)
        own = spins.row(site)
        found = [_variable(builder, _NONE) for _ in range(SUM_DIGITS)]
        with _between(builder, start, stop) as (t, _):
            j = other.number(t)
            is_field = builder.icmp_signed("<", j, _INT(0))
            aligned = _variable(builder, _ALL)
            with builder.if_then(builder.not_(is_field), likely=True):
                builder.store(spins.row(j), aligned)
            word = builder.xor(builder.xor(own, builder.load(aligned)), _filled(builder, inverted.number(t)))
            number = digits.number(t)
            with builder.if_else(builder.icmp_signed("==", number, _INT(1))) as (one, more):
                with one:
                    _ripple(builder, found, word)
                with more:
                    for k in range(SUM_DIGITS):
                        bit = builder.and_(builder.lshr(number, _INT(k)), _INT(1))
                        mask = _filled(builder, builder.neg(bit))
                        _ripple(builder, found[k:], builder.and_(word, mask))
        for k, digit in enumerate(found):
            sums.put(_INT(k), builder.load(digit))
        return context.get_dummy_value()

    whole = types.int64
    return types.void(spins, whole, other, digits, inverted, whole, whole, sums), codegen


@intrinsic
def add_to_counts(typingctx, sums, counts, size):  # type: ignore[no-untyped-def]
    """counts += sums; in binary, counts of ``size`` digits, more than SUM_DIGITS."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        sums, counts, size = _arrays(context, builder, signature, values)
        carry = _NONE
        for k in range(SUM_DIGITS):
            one, other = counts.row(_INT(k)), sums.row(_INT(k))
            half = builder.xor(one, other)
            counts.put(_INT(k), builder.xor(half, carry))
            carry = builder.or_(builder.and_(one, other), builder.and_(half, carry))
        left = _variable(builder, carry)
        with cgutils.for_range(builder, size, start=_INT(SUM_DIGITS), intp=_INT) as loop:
            carry, word = builder.load(left), counts.row(loop.index)
            counts.put(loop.index, builder.xor(word, carry))
            carry = builder.and_(word, carry)
            builder.store(carry, left)
            with builder.if_then(builder.not_(_any(builder, carry))):
                loop.do_break()
        return context.get_dummy_value()

    return types.void(sums, counts, types.int64), codegen


def _philox(builder: Any, key: Any, counters: Sequence[Any]) -> list[Any]:
    """Words a, b, c, d for vectors of counters, in the low halves of 64 bits."""
    a, b, c, d = counters
    low = _INT(2**32 - 1)
    keys = [builder.and_(key, low), builder.lshr(key, _INT(32))]
    factors = [ir.Constant(_VECTOR, [m] * WORDS) for m in MULTIPLIERS]
    for _ in range(ROUNDS):
        p0, p1 = builder.mul(factors[0], a), builder.mul(factors[1], c)
        k0, k1 = (_filled(builder, k) for k in keys)
        a = builder.xor(builder.xor(builder.lshr(p1, _HALF), b), k0)
        c = builder.xor(builder.xor(builder.lshr(p0, _HALF), d), k1)
        b, d = builder.and_(p1, _LOW), builder.and_(p0, _LOW)
        keys = [builder.and_(builder.add(k, _INT(w)), low) for k, w in zip(keys, KEY_STEPS, strict=True)]
    return [a, b, c, d]


def _planes(builder: Any, key: Any, block: Any, site: Any, group: Any, step: Any) -> list[Any]:
    """Four planes of random bits."""
    made = []
    for half in range(2):
        lanes = ir.Constant(_VECTOR, [half * WORDS + k for k in range(WORDS)])
        lane = builder.add(_filled(builder, builder.mul(block, _INT(2 * WORDS))), lanes)
        others = [_filled(builder, number) for number in (site, group, step)]
        a, b, c, d = _philox(builder, key, [lane, *others])
        made.append([builder.or_(builder.shl(one, _HALF), other) for one, other in ((a, b), (c, d))])
    return [made[0][0], made[1][0], made[0][1], made[1][1]]


@intrinsic
def decide_flips(typingctx, sums, total, table, levels, key, block, site, step, less):  # type: ignore[no-untyped-def]
    """Bits of the replicas whose random number is below their threshold, into ``less``.

    Args:
        sums: terms that are not satisfied, (SUM_DIGITS, WORDS).
        total: sum of all terms around the site, M; flipping it changes the energy by 2(M − 2 sum).
        table: digits of 7/8 exp(−2βm), m = 1, 2, …, (M, DIGITS, WORDS); the threshold is 7/8 where m is not above 0.
        levels: room for (M + 1) / 2 rows.
        key, block, site, step: of the random bits.
    """

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        sums, total, table, levels, key, block, site, step, less = _arrays(context, builder, signature, values)
        count = builder.lshr(builder.add(total, _INT(1)), _INT(1))
        digits = [sums.row(_INT(k)) for k in range(SUM_DIGITS)]
        free = _variable(builder, _ALL)
        with _between(builder, _INT(0), count) as (c, _):
            word = _ALL
            for k, digit in enumerate(digits):
                bit = builder.and_(builder.lshr(c, _INT(k)), _INT(1))
                differs = _filled(builder, builder.sub(bit, _INT(1)))  # all bits where the digit is to be 0
                word = builder.and_(word, builder.xor(digit, differs))
            levels.put(c, word)
            builder.store(builder.and_(builder.load(free), builder.not_(word)), free)
        rest = builder.load(free)
        below, undecided = _variable(builder, _NONE), _variable(builder, _ALL)
        last = builder.sub(total, _INT(1))
        with cgutils.for_range(builder, _INT(DIGITS // 4), intp=_INT) as loop:
            group = loop.index
            planes = _planes(builder, key, block, site, group, step)
            first = builder.icmp_unsigned("==", group, _INT(0))
            proposed = builder.select(first, rest, _NONE)
            thresholds = [_variable(builder, proposed if p < PROPOSED else _NONE) for p in range(len(planes))]
            with _between(builder, _INT(0), count) as (c, _):
                level = levels.row(c)
                m = builder.sub(last, builder.shl(c, _INT(1)))
                at = builder.add(builder.mul(m, _INT(DIGITS)), builder.mul(group, _INT(4)))
                for p, threshold in enumerate(thresholds):
                    part = builder.and_(level, table.row(builder.add(at, _INT(p))))
                    builder.store(builder.or_(builder.load(threshold), part), threshold)
            found, left = builder.load(below), builder.load(undecided)
            for number, threshold in zip(planes, thresholds, strict=True):
                digit = builder.load(threshold)
                here = builder.and_(left, builder.xor(digit, number))
                found = builder.or_(found, builder.and_(here, digit))
                left = builder.and_(left, builder.not_(here))
            builder.store(found, below)
            left = builder.and_(left, builder.not_(proposed))
            builder.store(left, undecided)
            with builder.if_then(builder.not_(_any(builder, left))):
                loop.do_break()
        less.put(_INT(0), builder.load(below))
        return context.get_dummy_value()

    whole = types.int64
    signature = types.void(sums, whole, table, levels, types.uint64, whole, whole, whole, less)
    return signature, codegen
