"""Compiled loops of the fused kernel; imported where it is used, so that numba loads on first use.

Samples come in blocks of ``width``, stored as (blocks, rows, width): a row of a block is contiguous, and the rows
that matter at any time stay in cache. Every sample's numbers are computed alike in any block and by any thread,
and sums over samples run in an order that the batch alone fixes.
"""

from __future__ import annotations

import numpy as np

from graphar._support.compile import njit
from graphar.kernels.compiled.loops.arithmetic import exp_of_negative, random_words
from graphar.kernels.compiled.loops.shares import borrowed, shares
from graphar.kernels.compiled.loops.simd import add_rows, add_rows_twice, dot_rows, dot_rows_twice

__all__ = [
    "LOG_EVERY",
    "finish_spin",
    "gradient",
    "new_stream",
    "sum_rows",
    "sum_rows_gradient",
    "sweep",
    "to_blocks",
    "to_sites",
]

LOG_EVERY = 512  # factors 1 + e ≤ 2 whose product is finite in float64


# Each of these loops is one that compilers vectorise: few arrays, no branch, no mixture of types beyond need. A
# check for division by zero (the other error model) would undo that.


@njit(fastmath={"contract"}, error_model="numpy")
def _decay(logit: np.ndarray, decay: np.ndarray) -> None:
    """e^{−|logit|}."""
    for b in range(logit.size):
        decay[b] = exp_of_negative(logit[b])


@njit(fastmath={"contract"}, error_model="numpy")
def _draw(words: np.ndarray, logit: np.ndarray, decay: np.ndarray, x: np.ndarray) -> None:
    """Spins from 32 random bits each: :func:`graphar.kernels.reference.levels.decide`."""
    one, half, scale = logit.dtype.type(1), logit.dtype.type(0.5), logit.dtype.type(2.0**-32)
    none, all_bits = np.uint32(0), np.uint32(0xFFFFFFFF)
    for b in range(logit.size):
        e = exp_of_negative(logit[b])
        sign = -one if logit[b] < 0 else one
        word = np.uint32(words[b] ^ (none if logit[b] < 0 else all_bits))
        x[b] = -sign if (logit.dtype.type(word) + half) * scale < e * (one / (one + e)) else sign
        decay[b] = e


@njit(fastmath={"contract"}, error_model="numpy")
def _slope(logit: np.ndarray, decay: np.ndarray, x: np.ndarray, slope: np.ndarray) -> None:
    """d log σ(x logit)/d logit = x σ(−x logit)."""
    one = logit.dtype.type(1)
    for b in range(logit.size):
        likely = one / (one + decay[b])
        slope[b] = x[b] * (likely if x[b] * logit[b] < 0 else decay[b] * likely)


@njit(fastmath={"contract"}, error_model="numpy")
def add_log_prob(
    logit: np.ndarray, decay: np.ndarray, x: np.ndarray, log_q: np.ndarray, product: np.ndarray, take_log: bool
) -> None:
    """Σ log σ(x logit) = Σ min(x logit, 0) − log Π (1 + e^{−|logit|}) in float64; the log of the product when told."""
    zero = logit.dtype.type(0)
    for b in range(logit.size):
        product[b] *= 1.0 + np.float64(decay[b])
        log_q[b] += np.float64(min(x[b] * logit[b], zero))
    if take_log:
        log_q -= np.log(product)
        product[:] = 1


@njit(fastmath={"contract"})
def _add_energy(here: np.ndarray, field: float, x: np.ndarray, energy: np.ndarray) -> None:
    for b in range(here.size):
        energy[b] -= np.float64((here[b] + field) * x[b])


@njit(fastmath={"contract"})
def _send(received: np.ndarray, strength: float, x: np.ndarray, sent: np.ndarray) -> None:
    for b in range(sent.size):
        sent[b] = received[b] + strength * x[b]


@njit
def new_stream(key: np.uint64, first: int, width: int) -> tuple[np.uint64, int, np.ndarray, np.ndarray]:
    """What spins of samples from ``first`` on are drawn with: key, first of 64 words, words, and those of the block."""
    aligned = first // 64 * 64
    words = np.zeros(max(width, 64), np.uint32)
    return key, aligned, words, words[first - aligned :]


@njit(inline="always")  # a call would count references to all of these arrays: half as much time again
def finish_spin(  # type: ignore[no-untyped-def]
    i,
    block,
    plan,
    field,
    coupling,
    given,
    keep,
    stream,
    messages,
    scratch,
    spins,
    logits,
    dlogq_dlogit,
    log_prob,
    energy,
):
    """Spin i of a block, drawn or given, once its logit is known: its log q and energy, and the messages it sends."""
    sites, local_row, send_ptr, before, sent = plan
    key, aligned, words, mine = stream
    logit, decay, product = scratch
    x, here = spins[block, i], messages[local_row[i]]
    if given:
        _decay(logit, decay)
    else:
        random_words(key, sites[i], aligned, words)
        _draw(mine, logit, decay, x)
    if keep:
        _slope(logit, decay, x, dlogq_dlogit[block, i])
    if logits.size:
        logits[block, i] = logit
    add_log_prob(logit, decay, x, log_prob[block], product, i % LOG_EVERY == LOG_EVERY - 1 or i == spins.shape[1] - 1)
    _add_energy(here, field[i], x, energy[block])
    for send in range(send_ptr[i], send_ptr[i + 1]):
        _send(messages[before[send]], coupling[send], x, messages[sent[send]])


@njit(nogil=True, cache=True, fastmath={"contract"})
def sweep(
    work: tuple[np.ndarray, int],
    plan: tuple[np.ndarray, ...],
    numbers: tuple[np.ndarray, ...],
    reads_spins: bool,
    given: bool,
    keep: bool,
    key: np.uint64,
    first: int,
    spins: np.ndarray,
    arrivals: np.ndarray,
    logits: np.ndarray,
    dlogq_dlogit: np.ndarray,
    log_prob: np.ndarray,
    energy: np.ndarray,
) -> None:
    """Spins, drawn or ``given``, their log q and energy; with ``keep`` also messages and slopes.

    ``spins`` and ``dlogq_dlogit`` are (blocks, N, width), ``logits`` too or empty; ``arrivals`` is (blocks, E + 1,
    width), or (threads, slots + 1, width) where they are not kept; ``log_prob`` and ``energy`` are (blocks, width).
    """
    plan, numbers, spins, arrivals, logits, dlogq_dlogit = borrowed(
        (plan, numbers, spins, arrivals, logits, dlogq_dlogit)
    )
    log_prob, energy = borrowed((log_prob, energy))
    _, local_row, _, _, _, both_ptr, both_row, both_a, both_b, rest_ptr, rest_row, rest_pair = plan
    constant, local_weight, weight, field, coupling = numbers
    blocks, num_spins, width = spins.shape
    for block in shares(work, blocks):
        messages = arrivals[block if keep else work[1]]
        rows = spins[block] if reads_spins else messages
        total, decay = np.zeros((2, width), spins.dtype), np.zeros(width, spins.dtype)
        product = np.ones(width, np.float64)
        stream = new_stream(key, first + block * width, width)
        for i in range(num_spins):
            logit = total[i % 2]
            if i % 2 == 0:
                total[:] = 0
                start, stop = both_ptr[i // 2], both_ptr[i // 2 + 1]
                if start < stop:
                    add_rows_twice(rows, both_row, both_a, both_b, weight, start, stop, total[0], total[1])
            add_rows(rows, rest_row, rest_pair, weight, rest_ptr[i], rest_ptr[i + 1], logit)
            here = messages[local_row[i]]
            for b in range(width):
                logit[b] += constant[i] + local_weight[i] * here[b]
            scratch = (logit, decay, product)
            finish_spin(
                i, block, plan[:5], field, coupling, given, keep, stream, messages, scratch,
                spins, logits, dlogq_dlogit, log_prob, energy,
            )  # fmt: skip


@njit(fastmath={"contract", "reassoc", "nsz"})
def _dot(a: np.ndarray, b: np.ndarray) -> float:
    total = a.dtype.type(0)
    for k in range(a.size):
        total += a[k] * b[k]
    return total


@njit(nogil=True, cache=True, fastmath={"contract"})
def gradient(
    work: tuple[np.ndarray, int],
    plan: tuple[np.ndarray, ...],
    reads_spins: bool,
    shares_of_work: np.ndarray,
    group: int,
    spins: np.ndarray,
    arrivals: np.ndarray,
    dlogq_dlogit: np.ndarray,
    factor: np.ndarray,
    by_constant: np.ndarray,
    by_local: np.ndarray,
    by_pair: np.ndarray,
) -> None:
    """Derivatives of Σ_b factor_b log q_b by the numbers of the linear form, added to the last three arguments.

    Readers are shared out among threads in ``shares_of_work``, ranges of twos of them; each takes the samples
    ``group`` blocks at a time, whose rows stay in cache.
    """
    plan, shares_of_work, spins, arrivals, dlogq_dlogit = borrowed(
        (plan, shares_of_work, spins, arrivals, dlogq_dlogit)
    )
    factor, by_constant, by_local, by_pair = borrowed((factor, by_constant, by_local, by_pair))
    _, local_row, _, _, _, both_ptr, both_row, both_a, both_b, rest_ptr, rest_row, rest_pair = plan
    blocks, num_spins, width = spins.shape
    num_messages = arrivals.shape[1]
    num_rows = num_spins if reads_spins else num_messages
    rows = (spins if reads_spins else arrivals).reshape(blocks * num_rows, width)
    ones = np.ones(group * width, spins.dtype)
    for share in shares(work, shares_of_work.size - 1):
        slope = np.zeros((2, group * width), spins.dtype)
        for first in range(0, blocks, group):
            last = min(first + group, blocks)
            for duo in range(shares_of_work[share], shares_of_work[share + 1]):
                for i in range(2 * duo, min(2 * duo + 2, num_spins)):
                    mine = slope[i - 2 * duo]
                    for block in range(first, last):
                        at = (block - first) * width
                        for b in range(width):
                            mine[at + b] = dlogq_dlogit[block, i, b] * factor[block, b]
                        if by_local.size:
                            by_local[i] += _dot(mine[at : at + width], arrivals[block, local_row[i]])
                    size = (last - first) * width
                    by_constant[i] += _dot(mine[:size], ones[:size])
                    dot_rows(
                        rows, num_rows, first, last, rest_row, rest_pair, rest_ptr[i], rest_ptr[i + 1], mine, by_pair
                    )
                if both_ptr[duo] < both_ptr[duo + 1]:
                    dot_rows_twice(
                        rows, num_rows, first, last, both_row, both_a, both_b, both_ptr[duo], both_ptr[duo + 1],
                        slope[0], slope[1], by_pair,
                    )  # fmt: skip


@njit(nogil=True, cache=True, fastmath={"contract"})
def sum_rows(
    work: tuple[np.ndarray, int],
    ptr: np.ndarray,
    source: np.ndarray,
    weight: np.ndarray,
    rows: np.ndarray,
    total: np.ndarray,
) -> None:
    """total[i] += Σ weight[p] × rows[source[p]] over the pairs p of each reader i."""
    ptr, source, weight, rows, total = borrowed((ptr, source, weight, rows, total))
    each = np.arange(source.size).astype(np.int32)
    for i in shares(work, total.shape[0]):
        add_rows(rows, source, each, weight, ptr[i], ptr[i + 1], total[i])


@njit(nogil=True, cache=True, fastmath={"contract"})
def sum_rows_gradient(
    work: tuple[np.ndarray, int],
    ptr: np.ndarray,
    source: np.ndarray,
    slope: np.ndarray,
    rows: np.ndarray,
    by_weight: np.ndarray,
) -> None:
    """by_weight[p] += slope[i] · rows[source[p]] over the pairs p of each reader i."""
    ptr, source, slope, rows, by_weight = borrowed((ptr, source, slope, rows, by_weight))
    each = np.arange(source.size).astype(np.int32)
    for i in shares(work, slope.shape[0]):
        dot_rows(rows, 0, 0, 1, source, each, ptr[i], ptr[i + 1], slope[i], by_weight)


@njit(nogil=True, cache=True)
def to_blocks(work: tuple[np.ndarray, int], spins: np.ndarray, blocks: np.ndarray) -> None:
    """Spins (batch, N) to (blocks, N, width), the last block filled up with ones."""
    spins, blocks = borrowed((spins, blocks))
    num_blocks, num_spins, width = blocks.shape
    for block in shares(work, num_blocks):
        for first in range(0, num_spins, 16):  # a cache line of spins at a time
            for b in range(width):
                sample = block * width + b
                for i in range(first, min(first + 16, num_spins)):
                    blocks[block, i, b] = spins[sample, i] if sample < spins.shape[0] else 1


@njit(nogil=True, cache=True)
def to_sites(work: tuple[np.ndarray, int], blocks: np.ndarray, row_of_site: np.ndarray, spins: np.ndarray) -> None:
    """Spins (blocks, N, width) to (batch, N) in site order, site i being row ``row_of_site[i]``."""
    blocks, row_of_site, spins = borrowed((blocks, row_of_site, spins))
    num_blocks, num_spins, width = blocks.shape
    for block in shares(work, num_blocks):
        for first in range(0, num_spins, 16):  # a cache line of spins at a time
            last = min(first + 16, num_spins)
            for b in range(min(width, spins.shape[0] - block * width)):
                row = spins[block * width + b]
                for i in range(first, last):
                    row[i] = blocks[block, row_of_site[i], b]
