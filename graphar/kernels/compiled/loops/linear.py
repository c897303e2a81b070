"""Compiled sweep of heads whose logits are linear in what they read, and its gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphar._support.compile import njit
from graphar.kernels.compiled.batch_layout import Batch, Drawn
from graphar.kernels.compiled.loops.pairs import blocks_in_cache, rows_read, send_spin
from graphar.kernels.compiled.loops.shares import Work, borrowed, hold, shares
from graphar.kernels.compiled.loops.simd import add_rows, add_rows_twice, dot_rows, dot_rows_twice
from graphar.kernels.compiled.loops.spin import dot, finish_spin, new_drawing, weighted_slope
from graphar.kernels.compiled.plans import SweepPlan

__all__ = ["gradient", "sweep"]


@njit(nogil=True, cache=True, fastmath={"contract"})
def sweep(work: Work, plan: SweepPlan, numbers: Any, batch: Batch, rows: Any) -> None:
    """Spins, drawn or given, their log q and energy; with ``keep`` also messages and slopes.

    ``rows`` are messages, (blocks, E + 1, width), or (threads, slots + 1, width) where they are not kept.
    """
    plan, numbers, batch, (received,) = borrowed((plan, numbers, batch, rows))
    reads = plan.reads
    blocks, num_spins, width = batch.spins.shape
    for block in shares(work, blocks):
        messages = received[block if batch.keep else work[1]]
        messages[-1] = 0
        read = batch.spins[block] if plan.reads_spins else messages
        scratch = np.zeros((2, width), messages.dtype), new_drawing(batch, block)
        total, drawing = borrowed(scratch)
        for i in range(num_spins):
            logit = total[i % 2]
            if i % 2 == 0:
                total[:] = 0
                start, stop = reads.both_ptr[i // 2], reads.both_ptr[i // 2 + 1]
                if start < stop:
                    add_rows_twice(
                        read, reads.both_row, reads.both_a, reads.both_b, numbers.pairs, start, stop, total[0], total[1]
                    )
            add_rows(
                read, reads.rest_row, reads.rest_pair, numbers.pairs, reads.rest_ptr[i], reads.rest_ptr[i + 1], logit
            )
            here = messages[plan.sent.local_row[i]]
            for b in range(width):
                logit[b] += numbers.constant[i] + numbers.local[i] * here[b]
            finish_spin(i, i, plan.sent.site[i], logit, block, batch, drawing)
            send_spin(i, block, plan.sent, batch, messages)
        hold(scratch)


@njit(nogil=True, cache=True, fastmath={"contract"})
def gradient(work: Work, plan: SweepPlan, numbers: Any, drawn: Drawn, found: Any) -> None:
    """Derivatives of a batch by the coefficients, added to ``found``.

    Readers are shared out among threads in ranges of twos of them; each takes the samples some blocks at a time, whose
    rows stay in cache.
    """
    plan, drawn, found = borrowed((plan, drawn, found))
    reads = plan.reads
    blocks, num_spins, width = drawn.spins.shape
    group = blocks_in_cache(plan.widest * width * drawn.spins.itemsize)
    rows, num_rows = rows_read(plan, drawn)
    scratch = np.zeros((2, group * width), rows.dtype), np.ones(group * width, rows.dtype)
    slope, ones = borrowed(scratch)
    for share in shares(work, plan.ranges.size - 1):
        for first in range(0, blocks, group):
            last = min(first + group, blocks)
            for duo in range(plan.ranges[share], plan.ranges[share + 1]):
                for i in range(2 * duo, min(2 * duo + 2, num_spins)):
                    mine = slope[i - 2 * duo]
                    for block in range(first, last):
                        here = mine[(block - first) * width : (block - first + 1) * width]
                        weighted_slope(drawn, block, i, here)
                        if found.local.size:
                            found.local[i] += dot(here, drawn.rows[0][block, plan.sent.local_row[i]])
                    size = (last - first) * width
                    found.constant[i] += dot(mine[:size], ones[:size])
                    dot_rows(
                        rows, num_rows, first, last, reads.rest_row, reads.rest_pair,
                        reads.rest_ptr[i], reads.rest_ptr[i + 1], mine, found.pairs,
                    )  # fmt: skip
                if reads.both_ptr[duo] < reads.both_ptr[duo + 1]:
                    dot_rows_twice(
                        rows, num_rows, first, last, reads.both_row, reads.both_a, reads.both_b,
                        reads.both_ptr[duo], reads.both_ptr[duo + 1], slope[0], slope[1], found.pairs,
                    )  # fmt: skip
    hold(scratch)
