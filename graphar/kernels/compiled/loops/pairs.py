"""What compiled sweeps share whose heads read messages or spins by pairs; imported where it is used."""

from __future__ import annotations

import numpy as np

from graphar._support.compile import njit
from graphar.kernels.compiled.batch_layout import Drawn
from graphar.kernels.compiled.loops.spin import add_energy, send, send_product
from graphar.kernels.compiled.plans import SweepPlan

__all__ = ["blocks_in_cache", "rows_read", "send_spin"]

CACHE = 2**18  # bytes of rows that a group of blocks may touch in a run of readers: about half a second-level cache


@njit(inline="always")  # as finish_spin
def send_spin(i, block, sent, batch, messages):  # type: ignore[no-untyped-def]
    """Energy of spin i of a block, and the messages that it sends."""
    x = batch.spins[block, i]
    add_energy(messages[sent.local_row[i]], batch.field[i], x, batch.energy[block, batch.part[i]])
    for k in range(sent.ptr[i], sent.ptr[i + 1]):
        if sent.factor.size and sent.factor[k] >= 0:
            factor = messages[sent.factor[k]]
            send_product(messages[sent.before[k]], batch.coupling[k], factor, x, messages[sent.row[k]])
        else:
            send(messages[sent.before[k]], batch.coupling[k], x, messages[sent.row[k]])


@njit
def blocks_in_cache(bytes_of_block: int) -> int:
    """How many blocks a gradient takes at a time."""
    return max(1, min(4, CACHE // max(1, bytes_of_block)))


@njit(inline="always")
def rows_read(plan: SweepPlan, drawn: Drawn) -> tuple[np.ndarray, int]:
    """All rows that readers read, one block after the other, and their number in a block."""
    kept = drawn.spins if plan.reads_spins else drawn.rows[0]
    return kept.reshape(kept.shape[0] * kept.shape[1], kept.shape[2]), kept.shape[1]
