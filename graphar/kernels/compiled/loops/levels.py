"""Compiled sums over the pairs of readers; imported where they are used, so that numba loads on first use."""

from __future__ import annotations

import numpy as np

from graphar._support.compile import njit
from graphar.kernels.compiled.loops.shares import Work, borrowed, shares
from graphar.kernels.compiled.loops.simd import add_rows, dot_rows

__all__ = ["sum_rows", "sum_rows_gradient"]


@njit(nogil=True, cache=True, fastmath={"contract"})
def sum_rows(
    work: Work, ptr: np.ndarray, source: np.ndarray, weight: np.ndarray, rows: np.ndarray, total: np.ndarray
) -> None:
    """total[i] += Σ weight[p] × rows[source[p]] over the pairs p of each reader i."""
    ptr, source, weight, rows, total = borrowed((ptr, source, weight, rows, total))
    each = np.arange(source.size).astype(np.int32)
    for i in shares(work, total.shape[0]):
        add_rows(rows, source, each, weight, ptr[i], ptr[i + 1], total[i])


@njit(nogil=True, cache=True, fastmath={"contract"})
def sum_rows_gradient(
    work: Work, ptr: np.ndarray, source: np.ndarray, slope: np.ndarray, rows: np.ndarray, by_weight: np.ndarray
) -> None:
    """by_weight[p] += slope[i] · rows[source[p]] over the pairs p of each reader i."""
    ptr, source, slope, rows, by_weight = borrowed((ptr, source, slope, rows, by_weight))
    each = np.arange(source.size).astype(np.int32)
    for i in shares(work, slope.shape[0]):
        dot_rows(rows, 0, 0, 1, source, each, ptr[i], ptr[i + 1], slope[i], by_weight)
