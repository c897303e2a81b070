"""Sweeps of single-spin updates in Triton, heat bath or Metropolis; one program for a block of replicas.

The arithmetic and the random bits are those of :mod:`graphar.montecarlo.loops.sweep`, operation by operation. Spins are
int8, (N, columns), so that the threads of a warp read neighbouring bytes. Columns are replicas in such an order that a
thread keeps the four words that one call of the random generator makes: column 4l + w of 64 is replica 16w + l.
"""

from __future__ import annotations

from typing import Any

from graphar.kernels.compiled.loops.arithmetic import EXP32
from graphar.kernels.triton.compile import jit, tl
from graphar.montecarlo.loops.sweep import PROPOSED

__all__ = ["row_energies", "row_sweeps"]


def _constant(value: float) -> Any:
    """A number that is known when kernels are compiled; as it is where there is no Triton."""
    return value if tl is None else tl.constexpr(value)


_LOG2E, _MAGIC, _HIGH, _LOW, *_SERIES = map(_constant, EXP32)
_C0, _C1, _C2, _C3, _C4, _C5, _C6, _C7 = _SERIES
_PROPOSED = _constant(float(PROPOSED))


@jit
def random_words(key, step, site, lanes):  # type: ignore[no-untyped-def]
    """32 random bits for the four replicas of each lane of Philox, one after the other."""
    a, b, c, d = tl.philox(key, lanes, site.to(tl.uint32), 0, step)
    return tl.interleave(tl.interleave(a, c), tl.interleave(b, d))


@jit
def exp_of_negative(z):  # type: ignore[no-untyped-def]
    """exp(−|z|) as the compiled loops have it: 2^n times a Taylor sum, each step a fused one."""
    y = tl.maximum(-tl.abs(z), -86.0)
    shifted = tl.fma(y, tl.full(y.shape, _LOG2E, tl.float32), tl.full(y.shape, _MAGIC, tl.float32))
    n = shifted - _MAGIC
    r = tl.fma(-n, tl.full(y.shape, _HIGH, tl.float32), y)
    r = tl.fma(-n, tl.full(y.shape, _LOW, tl.float32), r)
    p = tl.fma(tl.full(y.shape, _C7, tl.float32), r, tl.full(y.shape, _C6, tl.float32))
    p = tl.fma(p, r, tl.full(y.shape, _C5, tl.float32))
    p = tl.fma(p, r, tl.full(y.shape, _C4, tl.float32))
    p = tl.fma(p, r, tl.full(y.shape, _C3, tl.float32))
    p = tl.fma(p, r, tl.full(y.shape, _C2, tl.float32))
    p = tl.fma(p, r, tl.full(y.shape, _C1, tl.float32))
    p = tl.fma(p, r, tl.full(y.shape, _C0, tl.float32))
    bits = p.to(tl.int32, bitcast=True) + (shifted.to(tl.int32, bitcast=True) << 23)
    return bits.to(tl.float32, bitcast=True)


@jit
def _spin(spins, site, columns, at):  # type: ignore[no-untyped-def]
    return tl.load(spins + site.to(tl.int64) * columns + at).to(tl.float32)


@jit
def _product(spins, columns, at, many_weight, other_ptr, other, k):  # type: ignore[no-untyped-def]
    """J Π x of the other sites of incidence k."""
    product = tl.zeros(at.shape, tl.float32) + tl.load(many_weight + k)
    for o in range(tl.load(other_ptr + k), tl.load(other_ptr + k + 1)):
        product *= _spin(spins, tl.load(other + o), columns, at)
    return product


@jit
def row_sweeps(  # type: ignore[no-untyped-def]
    ptr,
    neighbour,
    weight,
    field,
    many_ptr,
    many_weight,
    other_ptr,
    other,
    key: tl.int64,
    step: tl.int64,
    order,
    order_row,
    twice_beta,
    beta_row,
    beta_column,
    spins,
    flips,
    columns,
    start,
    stop,
    part,
    count,
    METROPOLIS: tl.constexpr,
    AT_RANDOM: tl.constexpr,
    MANY: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Sweeps over places ``start`` to ``stop`` of the order, ``part`` of them a program.

    Programs that share replicas must be of sites that do not interact, and of one sweep.

    Args:
        ptr … other: of :class:`graphar.montecarlo.plan.Terms`.
        key, step: of the spins' random bits, and the first step.
        order: sites of a sweep, int32, at rows ``order_row`` apart, 0 where all sweeps have the same.
        twice_beta: 2β × scale, float32, at rows ``beta_row`` and columns ``beta_column`` apart.
        spins: (N, columns), int8.
        flips: to which flips made are added, int64, (parts, columns).
        count: sweeps.
    """
    block, share = tl.program_id(0), tl.program_id(1)
    at = block * BLOCK + tl.arange(0, BLOCK)
    lanes = (block * (BLOCK // 4) + tl.arange(0, BLOCK // 4)).to(tl.uint32)
    flipped = tl.zeros((BLOCK,), tl.int32)
    first = start + share * part
    last = tl.minimum(first + part, stop)
    for s in range(count):
        beta = tl.load(twice_beta + s * beta_row + at * beta_column)
        for t in range(first, last):
            site = tl.load(order + s * order_row + t)
            total = tl.zeros((BLOCK,), tl.float32) + tl.load(field + site)
            for k in range(tl.load(ptr + site), tl.load(ptr + site + 1)):
                total += tl.load(weight + k) * _spin(spins, tl.load(neighbour + k), columns, at)
            if MANY:
                for k in range(tl.load(many_ptr + site), tl.load(many_ptr + site + 1)):
                    total += _product(spins, columns, at, many_weight, other_ptr, other, k)
            x = _spin(spins, site, columns, at)
            place = t if AT_RANDOM else site
            words = random_words(key, (step + s).to(tl.uint32), place, lanes)
            u = (words.to(tl.float32) + 0.5) * 2.3283064365386963e-10  # 2^−32
            if METROPOLIS:
                z = beta * total * x
                e = tl.where(z > 0, exp_of_negative(z), 1.0)
                new = tl.where(u < e * _PROPOSED, -x, x)
            else:
                z = beta * total
                e = exp_of_negative(z)
                sign = tl.where(z < 0, -1.0, 1.0)
                new = tl.where(u * (1.0 + e) < e, -sign, sign)
            flipped += (new != x).to(tl.int32)
            tl.store(spins + site.to(tl.int64) * columns + at, new.to(tl.int8))
            tl.debug_barrier()  # neighbours are read as they are stored, whichever threads do so
    counted = flips + share.to(tl.int64) * columns + at
    tl.store(counted, tl.load(counted) + flipped)


@jit
def row_energies(  # type: ignore[no-untyped-def]
    ptr,
    later,
    neighbour,
    weight,
    field,
    many_ptr,
    many_first,
    many_weight,
    other_ptr,
    other,
    scales,
    spins,
    energy,
    columns,
    n,
    MANY: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Energies, float64, (columns,): each term at its first site, summed over sites in their order.

    Args:
        ptr … other: of :class:`graphar.montecarlo.plan.Terms`.
        scales: −scale and offset, float64, (2,).
        spins: (N, columns), int8.
    """
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    scale = tl.load(scales)
    total = tl.zeros((BLOCK,), tl.float64) + tl.load(scales + 1)
    for site in range(n):
        f = tl.zeros((BLOCK,), tl.float32) + tl.load(field + site)
        for k in range(tl.load(later + site), tl.load(ptr + site + 1)):
            f += tl.load(weight + k) * _spin(spins, tl.load(neighbour + k), columns, at)
        if MANY:
            for k in range(tl.load(many_ptr + site), tl.load(many_ptr + site + 1)):
                if tl.load(many_first + k) != 0:
                    f += _product(spins, columns, at, many_weight, other_ptr, other, k)
        x = tl.load(spins + tl.cast(site, tl.int64) * columns + at)
        total = tl.fma(f.to(tl.float64) * x.to(tl.float64), tl.zeros((BLOCK,), tl.float64) + scale, total)
    tl.store(energy + at, total)
