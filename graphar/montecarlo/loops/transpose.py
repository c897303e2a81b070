"""Spins of replicas to rows of sites, and back; imported where they are used, so that numba loads on first use."""

from __future__ import annotations

import numpy as np

from graphar._support.compile import njit
from graphar.kernels.compiled.loops.shares import Work, borrowed, shares

__all__ = ["fill_rows", "fill_spins"]

_TILE = 64  # sites, whose rows stay in the first-level cache


@njit(nogil=True, cache=True)
def fill_rows(work: Work, spins: np.ndarray, rows: np.ndarray) -> None:
    """Spins (R, N), int8, into rows (blocks, N, width); lanes beyond the last replica take its spins."""
    spins, rows = borrowed((spins, rows))
    count, n = spins.shape
    width = rows.shape[2]
    for block in shares(work, rows.shape[0]):
        for first in range(0, n, _TILE):
            for w in range(width):
                replica = min(block * width + w, count - 1)
                for i in range(first, min(first + _TILE, n)):
                    rows[block, i, w] = np.float32(spins[replica, i])


@njit(nogil=True, cache=True)
def fill_spins(work: Work, rows: np.ndarray, spins: np.ndarray) -> None:
    """The other way."""
    spins, rows = borrowed((spins, rows))
    count, n = spins.shape
    width = rows.shape[2]
    for block in shares(work, rows.shape[0]):
        for first in range(0, n, _TILE):
            for w in range(min(width, count - block * width)):
                for i in range(first, min(first + _TILE, n)):
                    spins[block * width + w, i] = np.int8(rows[block, i, w])
