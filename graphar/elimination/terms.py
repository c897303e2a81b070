"""Interactions of several spins in the tables of an elimination.

When the latest spin i of an interaction a is summed out, the others are all in its separator, as they are neighbours
of i: the interaction adds K_a Π_{j∈a, j≠i} x_j to θ_i, a product over some bits of the code of P(i). Such a product is
one of the low bits times one of the high bits, each from a table of half the bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["MAX_GROUP", "GroupTerms", "Terms"]

MAX_GROUP = 2**18  # entries of a group of several sites, and of child tables spread out at once


@dataclass(frozen=True)
class Terms:
    """M interactions of two sites and more.

    Attributes:
        sites: those of all interactions, one after the other, shape (Σ_a |a|,).
        orders: number of sites of each, shape (M,).
    """

    sites: Tensor
    orders: Tensor


@dataclass(frozen=True)
class GroupTerms:
    """Interactions whose latest spins are of one group, m of them, of w parents.

    Attributes:
        width: w.
        which: their numbers, shape (m,).
        rows: the site in the group, shape (m,).
        masks: bits of the parents that take part, shape (m,).
    """

    width: int
    which: Tensor
    rows: Tensor
    masks: Tensor

    def add_to(self, fields: Tensor, many: Tensor) -> None:
        """Add K_a Π x_j to fields (B, n, 2^w), for couplings K (B, M)."""
        for some, low, high in self._signs(fields.shape[0]):
            high = many[:, self.which[some], None] * high
            fields.index_add_(1, self.rows[some], (high[..., :, None] * low[..., None, :]).flatten(-2))

    def correlate(self, table: Tensor, out: Tensor) -> None:
        """Write Σ_code of a table (B, n, 2^w) times Π x_j into ``out`` (B, M)."""
        for some, low, high in self._signs(table.shape[0]):
            chosen = table[:, self.rows[some]].unflatten(-1, (high.shape[1], low.shape[1]))
            out[:, self.which[some]] = ((chosen * low[:, None, :]).sum(-1) * high).sum(-1)

    def _signs(self, batch: int) -> Iterator[tuple[slice, Tensor, Tensor]]:
        """Some interactions, and their products over the low and the high bits, (m', 2^(w//2)) and (m', 2^(w−w//2))."""
        split = self.width // 2
        step = max(1, (MAX_GROUP // batch) >> self.width)
        for first in range(0, len(self.rows), step):
            some = slice(first, first + step)
            masks = self.masks[some]
            yield some, _products(masks & (1 << split) - 1, split), _products(masks >> split, self.width - split)


def _products(masks: Tensor, width: int) -> Tensor:
    """Π of the spins ±1 of the bits of each mask, for all codes of ``width`` bits, float64, shape (m, 2^width)."""
    signs = torch.ones(len(masks), 1, dtype=torch.float64, device=masks.device)
    for bit in range(width):
        taken = (masks >> bit & 1).bool()[:, None]
        signs = torch.cat([torch.where(taken, -signs, signs), signs], dim=1)
    return signs
