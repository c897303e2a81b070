"""Walsh coefficients of tables over spins."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["remove_low_orders"]


def remove_low_orders(tables: Tensor, masks: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """Tables (m, 2^w) without some of their Walsh terms, and the coefficients of these.

    Args:
        tables: log-sums by code.
        masks: bits of the spins of each term to remove, two bits or more, (t,), by default all of two;
            those of one bit go too.

    Returns:
        The rest, and coefficients (m, t) of the terms and (m, w) of single spins.

    By the fast Walsh–Hadamard transform, there and back: w · 2^w additions and no more memory than a second table.
    """
    bits = tables.shape[1].bit_length() - 1
    walsh = _butterflies(tables, bits, back=False) / 2**bits
    if masks is None:
        low, high = torch.triu_indices(bits, bits, offset=1)
        masks = (1 << low) | (1 << high)
    single = 1 << torch.arange(bits)
    by_spin, by_term = walsh[:, single], walsh[:, masks]
    walsh[:, single] = 0
    walsh[:, masks] = 0
    return _butterflies(walsh, bits, back=True), by_term, by_spin


def _butterflies(tables: Tensor, bits: int, back: bool) -> Tensor:
    """Σ_code table[code] Π_{bits of mask} s for every mask, s = ±1 for a bit set or not; or back, Σ_mask."""
    work = tables.clone()
    for bit in range(bits):
        pairs = work.view(tables.shape[0], -1, 2, 2**bit)
        unset, as_set = pairs[:, :, 0].clone(), pairs[:, :, 1]
        difference = unset - as_set if back else as_set - unset
        total = unset + as_set
        pairs[:, :, 0] = difference if back else total
        pairs[:, :, 1] = total if back else difference
    return work
