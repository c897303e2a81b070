"""Compiled loops of the natural gradient: one small block for each site, by one thread, in a fixed order.

Symmetric blocks and their Cholesky factors are kept as lower triangles, row after row, so that every inner loop
runs along a row. Imported only where it is used, so that numba loads on first use.
"""

from __future__ import annotations

import numpy as np

from graphar._support.compile import njit
from graphar.kernels.compiled.loops.shares import borrowed, shares
from graphar.kernels.compiled.loops.simd import dot_rows

__all__ = ["add_blocks", "factorise", "run_fields", "solve"]


@njit(nogil=True, cache=True, fastmath={"contract"})
def run_fields(
    work: tuple[np.ndarray, int],
    targets: np.ndarray,
    ptr: np.ndarray,
    source: np.ndarray,
    factor: np.ndarray,
    coupling: np.ndarray,
    spins: np.ndarray,
    fields: np.ndarray,
) -> None:
    """Arrivals: fields[a] = Σ coupling × spins[source] over the arrivals of the same target up to a.

    To the coupling comes the arrival ``factor``, where it is 0 or more; factors of the targets must be there.
    """
    arrays = targets, ptr, source, factor, coupling, spins, fields
    targets, ptr, source, factor, coupling, spins, fields = borrowed(arrays)
    for each in shares(work, targets.size):
        target = targets[each]
        for a in range(ptr[target], ptr[target + 1]):
            x, here = spins[source[a]], fields[a]
            if factor.size and factor[a] >= 0:
                many = fields[factor[a]]
                for b in range(here.size):
                    here[b] = (coupling[a] + many[b]) * x[b]
                if a > ptr[target]:
                    here += fields[a - 1]
            elif a > ptr[target]:
                before = fields[a - 1]
                for b in range(here.size):
                    here[b] = before[b] + coupling[a] * x[b]
            else:
                for b in range(here.size):
                    here[b] = coupling[a] * x[b]


@njit(nogil=True, cache=True, fastmath={"contract"})
def add_blocks(
    work: tuple[np.ndarray, int],
    ptr: np.ndarray,
    row: np.ndarray,
    start: np.ndarray,
    table: np.ndarray,
    weight: np.ndarray,
    blocks: np.ndarray,
) -> None:
    """Block i += Σ_b weight[i, b] φ_b φ_bᵀ, the features φ of site i being the rows of the table that it names.

    Args:
        ptr, row: rows of each site.
        start: where each block starts in ``blocks``.
        table: features by sample, (rows, samples); weight: (N, samples).
    """
    ptr, row, start, table, weight, blocks = borrowed((ptr, row, start, table, weight, blocks))
    each = np.arange(np.max(ptr[1:] - ptr[:-1])).astype(np.int32)
    for i in shares(work, ptr.size - 1):
        mine = row[ptr[i] : ptr[i + 1]]
        block = blocks[start[i] : start[i + 1]]
        weighted = np.empty(table.shape[1], table.dtype)
        for a in range(mine.size):
            feature = table[mine[a]]
            for b in range(weighted.size):
                weighted[b] = weight[i, b] * feature[b]
            dot_rows(table, 0, 0, 1, mine, each, 0, a + 1, weighted, block[a * (a + 1) // 2 :])


@njit(fastmath={"contract", "reassoc", "nsz"})
def _dot(a: np.ndarray, b: np.ndarray) -> float:
    total = a.dtype.type(0)
    for k in range(a.size):
        total += a[k] * b[k]
    return total


@njit(nogil=True, cache=True, fastmath={"contract"}, error_model="numpy")
def factorise(
    work: tuple[np.ndarray, int],
    ptr: np.ndarray,
    start: np.ndarray,
    blocks: np.ndarray,
    damping: float,
    factors: np.ndarray,
) -> None:
    """L with L Lᵀ = block + damping, for each site.

    No pivot is below the damping but by rounding, which is undone.
    """
    ptr, start, blocks, factors = borrowed((ptr, start, blocks, factors))
    for i in shares(work, ptr.size - 1):
        block, factor = blocks[start[i] : start[i + 1]], factors[start[i] : start[i + 1]]
        for a in range(ptr[i + 1] - ptr[i]):
            at = a * (a + 1) // 2
            mine = factor[at : at + a + 1]
            for b in range(a):
                its = factor[b * (b + 1) // 2 : b * (b + 1) // 2 + b + 1]
                mine[b] = (block[at + b] - _dot(mine[:b], its[:b])) / its[b]
            mine[a] = np.sqrt(max(block[at + a] + damping - _dot(mine[:a], mine[:a]), damping))


@njit(nogil=True, cache=True, fastmath={"contract"}, error_model="numpy")
def solve(
    work: tuple[np.ndarray, int],
    ptr: np.ndarray,
    start: np.ndarray,
    factors: np.ndarray,
    x: np.ndarray,
    norm: np.ndarray,
) -> None:
    """x ← (L Lᵀ)⁻¹ x for the part of each site; norm[i] = x · (L Lᵀ)⁻¹ x."""
    ptr, start, factors, x, norm = borrowed((ptr, start, factors, x, norm))
    for i in shares(work, ptr.size - 1):
        factor, part = factors[start[i] : start[i + 1]], x[ptr[i] : ptr[i + 1]]
        for a in range(part.size):
            mine = factor[a * (a + 1) // 2 : a * (a + 1) // 2 + a + 1]
            part[a] = (part[a] - _dot(mine[:a], part[:a])) / mine[a]
        norm[i] = _dot(part, part)
        for a in range(part.size - 1, -1, -1):
            mine = factor[a * (a + 1) // 2 : a * (a + 1) // 2 + a + 1]
            part[a] /= mine[a]
            for b in range(a):
                part[b] -= part[a] * mine[b]
