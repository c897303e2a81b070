"""Replicas side by side: spins (R, N) as rows (blocks, N, width), a site's replicas in one piece."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from graphar.kernels.compiled.threads import share_out

__all__ = ["WIDTH", "spread", "to_rows", "to_spins"]

WIDTH = 64
"""Replicas of a block, as one call of the random generator has words for; half of it where there are no more."""


def to_rows(spins: Tensor) -> np.ndarray:
    """Rows of ±1, float32; lanes beyond the last replica hold further copies of it."""
    from graphar.montecarlo.loops.transpose import fill_rows

    count, n = spins.shape
    width = WIDTH // 2 if count <= WIDTH // 2 else WIDTH
    rows = np.empty((-(-count // width), n, width), np.float32)
    share_out(len(rows), fill_rows, np.ascontiguousarray(spins.numpy()), rows)
    return rows


def to_spins(rows: np.ndarray, count: int) -> Tensor:
    """The first ``count`` replicas of rows, int8, (count, N)."""
    from graphar.montecarlo.loops.transpose import fill_spins

    spins = np.empty((count, rows.shape[1]), np.int8)
    share_out(len(rows), fill_spins, rows, spins)
    return torch.from_numpy(spins)


def spread(betas: np.ndarray, width: int) -> np.ndarray:
    """β (rows, 1 or R) on all lanes, (rows, lanes)."""
    rows, columns = betas.shape
    if columns == 1:
        return np.broadcast_to(betas, (rows, width))
    return np.concatenate([betas, np.repeat(betas[:, -1:], width - columns, axis=1)], axis=1)
