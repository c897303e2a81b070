"""Replicas side by side: spins (R, N) as rows (blocks, N, width), a site's replicas in one piece."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

__all__ = ["lanes", "spread", "to_rows", "to_spins", "width_for"]

WIDTH = 64
"""Replicas of a block: as many as one call of the random generator has words for."""


def width_for(replicas: int) -> int:
    """Replicas of a block: 64, or 32 where there are no more."""
    return WIDTH // 2 if replicas <= WIDTH // 2 else WIDTH


def to_rows(spins: Tensor) -> np.ndarray:
    """Rows of ±1, float32; lanes beyond the last replica hold further copies of it."""
    count, n = spins.shape
    width = width_for(count)
    blocks = -(-count // width)
    given = spins.numpy()
    rows = np.empty((blocks, n, width), np.float32)
    for block in range(blocks):
        part = given[block * width : (block + 1) * width]
        rows[block, :, : len(part)] = part.T
        rows[block, :, len(part) :] = part[-1][:, None]
    return rows


def to_spins(rows: np.ndarray, count: int) -> Tensor:
    """The first ``count`` replicas of rows, int8, (count, N)."""
    blocks, n, width = rows.shape
    spins = np.empty((blocks * width, n), np.int8)
    for block in range(blocks):
        spins[block * width : (block + 1) * width] = rows[block].T
    return torch.from_numpy(spins[:count])


def lanes(rows: np.ndarray, times: int) -> tuple[np.ndarray, int]:
    """Room for energies of every lane, (times, lanes), and the number of lanes."""
    count = rows.shape[0] * rows.shape[2]
    return np.zeros((times, count)), count


def spread(betas: np.ndarray, width: int) -> np.ndarray:
    """β (rows, 1 or R) on all lanes, (rows, lanes)."""
    rows, columns = betas.shape
    if columns == 1:
        return np.broadcast_to(betas, (rows, width))
    return np.concatenate([betas, np.repeat(betas[:, -1:], width - columns, axis=1)], axis=1)
