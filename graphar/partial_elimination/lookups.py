"""Compiled look-ups of tables of spins, for the exact sites of a model."""

from __future__ import annotations

import numpy as np

from graphar._support.compile import njit
from graphar.kernels.compiled.loops.arithmetic import random_words
from graphar.kernels.compiled.loops.shares import borrowed, shares
from graphar.kernels.compiled.loops.spin import LOG_EVERY, add_log_prob, decay_of, draw

__all__ = ["add_tables", "walk_exact"]


@njit(inline="always")
def _codes(rows: np.ndarray, members: np.ndarray, code: np.ndarray) -> None:
    """Integers with bit k set where member k is up, for each column."""
    code[:] = 0
    for bit in range(members.size):
        row = rows[members[bit]]
        for b in range(code.size):
            code[b] |= np.int32(row[b] > 0) << np.int32(bit)


@njit(nogil=True, cache=True)
def add_tables(
    work: tuple[np.ndarray, int], rows: np.ndarray, members: np.ndarray, tables: np.ndarray, total: np.ndarray
) -> None:
    """total[block, b] += Σ_m tables[m, code], bit k of the code set where member k of table m is up.

    ``rows`` is (blocks, n, width), ``members`` (m, bits), ``tables`` (m, 2^bits), ``total`` (blocks, width).
    """
    rows, members, tables, total = borrowed((rows, members, tables, total))
    for block in shares(work, rows.shape[0]):
        code = np.empty(rows.shape[2], np.int32)
        for m in range(members.shape[0]):
            _codes(rows[block], members[m], code)
            table = tables[m]
            for b in range(code.size):
                total[block, b] += table[code[b]]


@njit(nogil=True, cache=True)
def walk_exact(
    work: tuple[np.ndarray, int],
    ranks: np.ndarray,
    ptr: np.ndarray,
    parents: np.ndarray,
    offset: np.ndarray,
    odds: np.ndarray,
    given: bool,
    key: np.uint64,
    streams: np.ndarray,
    first: int,
    rows: np.ndarray,
    logits: np.ndarray,
    log_prob: np.ndarray,
) -> None:
    """Draws the exact ranks into ``rows``, or takes those given; their log-probability and, if wanted, logits.

    ``rows`` is (blocks, N, width) by rank, ±1, with earlier spins in place; ``logits`` the same shape or empty;
    ``log_prob`` (blocks, width). Random bits are those of ``streams``, by place in ``ranks``, from sample ``first`` on;
    a block lies within 64 samples from a multiple of 64 on.
    """
    ranks, ptr, parents, offset, odds, streams, rows = borrowed((ranks, ptr, parents, offset, odds, streams, rows))
    logits, log_prob = borrowed((logits, log_prob))
    for block in shares(work, rows.shape[0]):
        x = rows[block]
        width = x.shape[1]
        code, words = np.empty(width, np.int32), np.empty(64, np.uint32)
        aligned = (first + block * width) // 64 * 64
        mine = words[first + block * width - aligned :]
        logit, decay = np.empty(width, np.float64), np.empty(width, np.float64)
        product = np.ones(width, np.float64)
        for k in range(ranks.size):
            i = ranks[k]
            _codes(x, parents[ptr[i] : ptr[i + 1]], code)
            for b in range(width):
                logit[b] = odds[offset[i] + code[b]]
            if given:
                decay_of(logit, decay)
            else:
                random_words(key, streams[k], aligned, words)
                draw(mine, logit, decay, x[i])
            if logits.size:
                logits[block, i] = logit
            take_log = k % LOG_EVERY == LOG_EVERY - 1 or k == ranks.size - 1
            add_log_prob(logit, decay, x[i], log_prob[block], product, take_log)
