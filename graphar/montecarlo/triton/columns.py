"""Replicas as columns of a device: spins (R, N) as int8 (N, columns), in the order of the kernels' random bits."""

from __future__ import annotations

import torch
from torch import Tensor

from graphar.kernels.random_bits import LANES, WORDS, block

__all__ = ["GROUP", "column_of", "gathered", "site_orders", "spread", "to_columns", "to_spins"]

GROUP = LANES * WORDS
"""Replicas that share a call of the random generator in each of their lanes."""


def column_of(replicas: Tensor) -> Tensor:
    """Where replicas lie: 16w + l of each 64 at 4l + w."""
    inside = replicas % GROUP
    return replicas - inside + inside % LANES * WORDS + inside // LANES


def _shuffled(rows: Tensor, first: int, second: int) -> Tensor:
    return rows.unflatten(-1, (-1, first, second)).transpose(-1, -2).flatten(-3)


def spread(values: Tensor, columns: int) -> Tensor:
    """Numbers of replicas (..., R) in their columns, (..., columns); those beyond the last are copies of it."""
    missing = columns - values.shape[-1]
    padded = torch.cat([values, values[..., -1:].expand(*values.shape[:-1], missing)], dim=-1)
    return _shuffled(padded, WORDS, LANES).contiguous()


def gathered(values: Tensor, count: int) -> Tensor:
    """The other way: of the first ``count`` replicas."""
    return _shuffled(values, LANES, WORDS)[..., :count]


def to_columns(spins: Tensor, columns: int) -> Tensor:
    """Spins (R, N) as (N, columns)."""
    return spread(spins.T, columns)


def to_spins(rows: Tensor, count: int) -> Tensor:
    """The first ``count`` replicas of columns, (count, N)."""
    return gathered(rows, count).T.contiguous()


def site_orders(key: int, step: int, count: int, num_sites: int, device: torch.device) -> Tensor:
    """Sites drawn at random for each of ``count`` sweeps, the same for all replicas, int32, (count, N)."""
    lanes = torch.arange(LANES, device=device)
    first = torch.arange(0, num_sites, GROUP, device=device)[:, None]
    steps = torch.arange(step, step + count, device=device)[:, None, None]
    made = block(key, (lanes, first, torch.zeros_like(lanes), steps))
    words = torch.cat(torch.broadcast_tensors(*made), dim=-1).flatten(1)[:, :num_sites]
    return ((words * num_sites) >> 32).to(torch.int32)
