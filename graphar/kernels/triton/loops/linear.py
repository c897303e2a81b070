"""Logits that are linear in what is read, and the gradient of their coefficients."""

from __future__ import annotations

from graphar.kernels.triton.compile import jit, tl

__all__ = ["gradient", "logit"]


@jit
def logit(  # type: ignore[no-untyped-def]
    i, num_spins, numbers, reads, read, local, column, scratch, mine, KEEP: tl.constexpr, CHOICE: tl.constexpr,
    BLOCK: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """constant_i + local_i ξ_ii + Σ pairs × rows, the rows read TILE at a time; pairs in the order of the reads."""
    start, stop = tl.load(reads.ptr + i), tl.load(reads.ptr + i + 1)
    total = tl.zeros((TILE, BLOCK), read.dtype.element_ty)
    for k in range(start, stop, TILE):
        at = k + tl.arange(0, TILE)
        inside = at < stop
        row = tl.load(reads.row + at, mask=inside, other=0).to(tl.int64)
        weight = tl.load(numbers.pairs + at, mask=inside, other=0.0)
        mask = inside[:, None] & (column >= 0)[None, :]
        total += weight[:, None] * tl.load(read + row[:, None] * BLOCK + column[None, :], mask=mask, other=0.0)
    return tl.sum(total, 0) + tl.load(numbers.constant + i) + tl.load(numbers.local + i) * local


@jit
def gradient(  # type: ignore[no-untyped-def]
    sent, reads, rows, read, num_rows, num_read, dlogq_dlogit, factor, blocks, group, num_spins, num_pairs,
    by_constant, by_local, by_pairs, BLOCK: tl.constexpr, TILE: tl.constexpr, WANT_LOCAL: tl.constexpr,
):  # fmt: skip
    """Derivatives by the coefficients of spin i, of ``group`` blocks of the batch, to a row of their own.

    ``read`` are the rows that readers read, (blocks, num_read, BLOCK); ``rows`` are messages.
    """
    i, share = tl.program_id(0), tl.program_id(1)
    column, first = tl.arange(0, BLOCK), tl.program_id(1) * group
    last = tl.minimum(first + group, blocks)
    constant = tl.zeros((BLOCK,), rows.dtype.element_ty)
    skip = tl.zeros((BLOCK,), rows.dtype.element_ty)
    own = tl.load(sent.local_row + i).to(tl.int64)
    for block in range(first, last):
        here = tl.cast(block, tl.int64)
        slope = tl.load(dlogq_dlogit + (here * num_spins + i) * BLOCK + column)
        slope *= tl.load(factor + here * BLOCK + column)
        constant += slope
        if WANT_LOCAL:
            skip += slope * tl.load(rows + (here * num_rows + own) * BLOCK + column)
    to = share.to(tl.int64)
    tl.store(by_constant + to * num_spins + i, tl.sum(constant, 0))
    if WANT_LOCAL:
        tl.store(by_local + to * num_spins + i, tl.sum(skip, 0))
    start, stop = tl.load(reads.ptr + i), tl.load(reads.ptr + i + 1)
    for k in range(start, stop, TILE):
        at = k + tl.arange(0, TILE)
        inside = at < stop
        row = tl.load(reads.row + at, mask=inside, other=0).to(tl.int64)
        mask = inside[:, None] & (column >= 0)[None, :]
        total = tl.zeros((TILE, BLOCK), rows.dtype.element_ty)
        for block in range(first, last):
            here = tl.cast(block, tl.int64)
            slope = tl.load(dlogq_dlogit + (here * num_spins + i) * BLOCK + column)
            slope *= tl.load(factor + here * BLOCK + column)
            place = (here * num_read + row)[:, None] * BLOCK + column[None, :]
            total += slope[None, :] * tl.load(read + place, mask=mask, other=0.0)
        tl.store(by_pairs + to * num_pairs + at, tl.sum(total, 1), mask=inside)
