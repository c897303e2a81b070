"""Compiled look-ups of tables of spins."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

__all__ = ["add_tables"]


@njit(parallel=True, cache=True)
def add_tables(rows: np.ndarray, members: np.ndarray, tables: np.ndarray, total: np.ndarray) -> None:
    """total[block, b] += Σ_m tables[m, code], bit k of the code set where member k of table m is up.

    ``rows`` is (blocks, n, width), ``members`` (m, bits), ``tables`` (m, 2^bits), ``total`` (blocks, width).
    """
    for index in prange(rows.shape[0]):
        block = np.int64(index)
        code = np.empty(rows.shape[2], np.int32)
        for m in range(members.shape[0]):
            code[:] = 0
            for bit in range(members.shape[1]):
                row = rows[block, members[m, bit]]
                for b in range(code.size):
                    code[b] |= np.int32(row[b] > 0) << np.int32(bit)
            table = tables[m]
            for b in range(code.size):
                total[block, b] += table[code[b]]
