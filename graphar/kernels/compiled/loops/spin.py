"""What all compiled sweeps do with a spin: draw it, sum log q and the energy, send it on.

Imported where it is used, so that numba loads on first use. Samples come in blocks of ``width``, stored as (blocks,
rows, width): a row of a block is contiguous, and the rows that matter at any time stay in cache. Every sample's numbers
are computed alike in any block and by any thread, and sums over samples run in an order that the batch alone fixes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from graphar._support.compile import njit
from graphar.kernels.compiled.batch_layout import Batch
from graphar.kernels.compiled.loops.arithmetic import exp_of_negative, random_words
from graphar.kernels.compiled.loops.simd import add_rows

__all__ = [
    "LOG_EVERY",
    "Drawing",
    "add_energy",
    "add_log_prob",
    "add_scaled",
    "decay_of",
    "dot",
    "draw",
    "field_of_earlier",
    "finish_spin",
    "line",
    "new_drawing",
    "send",
    "send_product",
    "weighted_slope",
]

LOG_EVERY = 512  # factors 1 + e ≤ 2 whose product is finite in float64


# Each of these loops is one that compilers vectorise: few arrays, no branch, no mixture of types beyond need. A
# check for division by zero (the other error model) would undo that.


@njit(fastmath={"contract"}, error_model="numpy")
def decay_of(logit: np.ndarray, decay: np.ndarray) -> None:
    """e^{−|logit|}."""
    for b in range(logit.size):
        decay[b] = exp_of_negative(logit[b])


@njit(fastmath={"contract"}, error_model="numpy")
def draw(words: np.ndarray, logit: np.ndarray, decay: np.ndarray, x: np.ndarray) -> None:
    """Spins from 32 random bits each: :func:`graphar.kernels.reference.base.decide`."""
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
def add_energy(local: np.ndarray, field: float, x: np.ndarray, energy: np.ndarray) -> None:
    for b in range(local.size):
        energy[b] -= np.float64((local[b] + field) * x[b])


@njit(fastmath={"contract"})
def send(received: np.ndarray, strength: float, x: np.ndarray, sent: np.ndarray) -> None:
    for b in range(sent.size):
        sent[b] = received[b] + strength * x[b]


@njit(fastmath={"contract"})
def send_product(received: np.ndarray, strength: float, factor: np.ndarray, x: np.ndarray, sent: np.ndarray) -> None:
    for b in range(sent.size):
        sent[b] = received[b] + (strength + factor[b]) * x[b]


@njit(fastmath={"contract"})
def add_scaled(weight: float, row: np.ndarray, total: np.ndarray) -> None:
    for b in range(total.size):
        total[b] += weight * row[b]


@njit(fastmath={"contract"})
def line(constant: float, slope: float, row: np.ndarray, total: np.ndarray) -> None:
    for b in range(total.size):
        total[b] = constant + slope * row[b]


@njit(fastmath={"contract", "reassoc", "nsz"})
def dot(a: np.ndarray, b: np.ndarray) -> float:
    total = a.dtype.type(0)
    for k in range(a.size):
        total += a[k] * b[k]
    return total


@njit(inline="always")
def field_of_earlier(ranks, x, i, coupling, product, total):  # type: ignore[no-untyped-def]
    """ξ_ii from the spins before i, which a plan by ranks lists; ``product`` is scratch."""
    total[:] = 0
    add_rows(x, ranks.source, ranks.arrival, coupling, ranks.ptr[i], ranks.ptr[i + 1], total)
    for k in range(ranks.many_ptr[i], ranks.many_ptr[i + 1]):
        product[:] = coupling[ranks.many_arrival[k]]
        for other in range(ranks.others_ptr[k], ranks.others_ptr[k + 1]):
            product *= x[ranks.others[other]]
        total += product


class Drawing(NamedTuple):
    """What the spins of a block are drawn with.

    Attributes:
        decay: e^{−|logit|} of the last, (width,).
        product: of 1 + e^{−|logit|} since the last log was taken, (width,).
        aligned, words, mine: first of the samples of 64 random words, these words, and those of the block.
    """

    decay: np.ndarray
    product: np.ndarray
    aligned: int
    words: np.ndarray
    mine: np.ndarray


@njit
def new_drawing(batch: Batch, block: int) -> Drawing:
    """Before the first spin of a block."""
    width = batch.spins.shape[2]
    first = batch.first + block * width
    aligned = first // 64 * 64
    words = np.zeros(max(width, 64), np.uint32)
    decay, product = np.zeros(width, batch.spins.dtype), np.ones(width, np.float64)
    return Drawing(decay, product, aligned, words, words[first - aligned :])


@njit(inline="always")  # a call would count references to all of these arrays: half as much time again
def finish_spin(i, turn, site, logit, block, batch, drawing):  # type: ignore[no-untyped-def]
    """Spin i of a block, drawn or given, once its logit is known, and its log q; ``turn`` counts the spins done."""
    x, part = batch.spins[block, i], batch.part[i]
    done = turn - batch.part_ptr[part]  # of its part, whose numbers are those that it has by itself
    if batch.given:
        decay_of(logit, drawing.decay)
    else:
        random_words(batch.keys[part], site - batch.part_ptr[part], drawing.aligned, drawing.words)
        draw(drawing.mine, logit, drawing.decay, x)
    if batch.keep:
        _slope(logit, drawing.decay, x, batch.dlogq_dlogit[block, i])
    if batch.logits.size:
        batch.logits[block, i] = logit
    take_log = done % LOG_EVERY == LOG_EVERY - 1 or turn == batch.part_ptr[part + 1] - 1
    add_log_prob(logit, drawing.decay, x, batch.log_prob[block, part], drawing.product, take_log)


@njit(inline="always")
def weighted_slope(drawn, block, i, slope):  # type: ignore[no-untyped-def]
    """Derivatives of Σ_b factor_b log q_b by the logits of spin i of a block."""
    part = drawn.part[i]
    for b in range(slope.size):
        slope[b] = drawn.dlogq_dlogit[block, i, b] * drawn.factor[block, part, b]
