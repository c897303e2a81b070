"""What every fused sweep does with a spin: draw it, sum log q and the energy, send it on.

A program has BLOCK samples and walks all spins with their rows, (rows, BLOCK), in memory that is its own: what it has
written it finds in cache. Rows are read several at a time, so that threads read what others have written: between
writing and reading stands a barrier of the program.
"""

from __future__ import annotations

from graphar.kernels.triton.compile import jit, tl
from graphar.kernels.triton.philox import random_words

__all__ = ["draw", "send_spin", "slope", "sweep"]


@jit
def draw(logit, decay, words):  # type: ignore[no-untyped-def]
    """Spins from 32 random bits each: :func:`graphar.kernels.reference.base.decide`; ``decay`` is e^{−|logit|}."""
    negative = logit < 0
    sign = tl.where(negative, -1.0, 1.0).to(logit.dtype)
    bits = tl.where(negative, words, words ^ 0xFFFFFFFF).to(tl.uint32).to(logit.dtype)
    return tl.where((bits + 0.5) * 2.3283064365386963e-10 < decay * (1 / (1 + decay)), -sign, sign)


@jit
def slope(logit, decay, x):  # type: ignore[no-untyped-def]
    """d log σ(x logit)/d logit = x σ(−x logit)."""
    likely = 1 / (1 + decay)
    return x * tl.where(x * logit < 0, likely, decay * likely)


@jit
def send_spin(  # type: ignore[no-untyped-def]
    i, x, sent, coupling, messages, column, BLOCK: tl.constexpr, MANY: tl.constexpr, SENDS: tl.constexpr
):
    """The messages that spin i sends."""
    start, stop = tl.load(sent.ptr + i), tl.load(sent.ptr + i + 1)
    if MANY:  # interactions of several spins: a message may multiply one that was sent just before
        for k in range(start, stop):
            tl.debug_barrier()
            before = tl.load(messages + tl.load(sent.before + k).to(tl.int64) * BLOCK + column)
            factor = tl.load(sent.factor + k).to(tl.int64)
            has = (column >= 0) & (factor >= 0)
            strength = tl.load(coupling + k) + tl.load(messages + factor * BLOCK + column, mask=has, other=0.0)
            tl.store(messages + tl.load(sent.row + k).to(tl.int64) * BLOCK + column, before + strength * x)
    else:
        for k in range(start, stop, SENDS):
            at = k + tl.arange(0, SENDS)
            inside = at < stop
            mask = inside[:, None] & (column >= 0)[None, :]
            before = tl.load(sent.before + at, mask=inside, other=0).to(tl.int64)
            row = tl.load(sent.row + at, mask=inside, other=0).to(tl.int64)
            strength = tl.load(coupling + at, mask=inside, other=0.0)
            received = tl.load(messages + before[:, None] * BLOCK + column[None, :], mask=mask, other=0.0)
            new = received + strength[:, None] * x[None, :]
            tl.store(messages + row[:, None] * BLOCK + column[None, :], new, mask=mask)


@jit
def sweep(  # type: ignore[no-untyped-def]
    LOGIT: tl.constexpr, sent, reads, numbers, scratch, field, coupling, key: tl.int64, first: tl.int64, blocks,
    num_spins, num_rows, spins, logits, dlogq_dlogit, log_prob, energy, rows,
    GIVEN: tl.constexpr, KEEP: tl.constexpr, KEEP_ROWS: tl.constexpr, WANT_LOGITS: tl.constexpr,
    READS_SPINS: tl.constexpr, CHOICE: tl.constexpr, MANY: tl.constexpr, BLOCK: tl.constexpr, TILE: tl.constexpr,
    LOG_EVERY: tl.constexpr,
):  # fmt: skip
    """Spins, drawn or given, their log q and energy; with KEEP also slopes, with KEEP_ROWS messages.

    ``LOGIT(i, num_spins, numbers, reads, read, local, column, scratch, mine, KEEP, CHOICE, BLOCK, TILE)`` gives the
    logits of spin i, from scratch ``mine``; what it writes there it finds at the next spin. ``rows`` are messages,
    (blocks, num_rows, BLOCK), or (programs, num_rows, BLOCK) where they are not kept; the last row is of zeros.
    """
    column = tl.arange(0, BLOCK)
    program = tl.program_id(0)
    for block in range(program, blocks, tl.num_programs(0)):
        here = tl.cast(block, tl.int64)  # the interpreter counts in Python's own
        mine = here if KEEP_ROWS else program.to(tl.int64)
        messages = rows + mine * num_rows * BLOCK
        of_spins = here * num_spins * BLOCK
        read = spins + of_spins if READS_SPINS else messages
        tl.debug_barrier()  # the block before is done
        tl.store(messages + (num_rows - 1) * BLOCK + column, tl.zeros((BLOCK,), rows.dtype.element_ty))
        total = tl.zeros((BLOCK,), tl.float64)
        cost = tl.zeros((BLOCK,), tl.float64)
        for begin in range(0, num_spins, LOG_EVERY):
            product = tl.full((BLOCK,), 1.0, tl.float64)
            for i in range(begin, tl.minimum(begin + LOG_EVERY, num_spins)):
                tl.debug_barrier()
                local = tl.load(messages + tl.load(sent.local_row + i).to(tl.int64) * BLOCK + column)
                logit = LOGIT(
                    i, num_spins, numbers, reads, read, local, column, scratch, mine, KEEP, CHOICE, BLOCK, TILE
                )
                decay = tl.exp(-tl.abs(logit))
                place = of_spins + i * BLOCK + column
                if GIVEN:
                    x = tl.load(spins + place)
                else:
                    words = random_words(key, tl.load(sent.site + i), first + here * BLOCK + column)
                    x = draw(logit, decay, words)
                    tl.store(spins + place, x)
                if KEEP:
                    tl.store(dlogq_dlogit + place, slope(logit, decay, x))
                if WANT_LOGITS:
                    tl.store(logits + place, logit)
                product *= 1 + decay.to(tl.float64)
                total += tl.minimum(x * logit, 0.0).to(tl.float64)
                cost -= ((local + tl.load(field + i)) * x).to(tl.float64)
                send_spin(i, x, sent, coupling, messages, column, BLOCK, MANY, TILE)
            total -= tl.log(product)
        tl.store(log_prob + here * BLOCK + column, total)
        tl.store(energy + here * BLOCK + column, cost)
