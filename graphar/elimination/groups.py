"""Sites that are summed out together, and where the tables of their children go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from graphar.elimination.terms import MAX_GROUP, GroupTerms
from graphar.frontier import Frontier

__all__ = ["MAX_GROUP", "Group", "heights", "make_groups"]


@dataclass(frozen=True)
class Group:
    """Sites of equal height and width, n of them with w parents, and their c children.

    Attributes:
        ranks: of the sites, shape (n,).
        parents: their parents by rising rank, shape (n, w).
        tables: their part of a buffer of tables, n · 2^w entries.
        couplings: their part of the dense couplings, n · w entries.
        rows: site, 0…n−1, of each child, shape (c,).
        low, high: low[c, a] + high[c, b] is where the entry of child c is for x_i = −1 and the parents' code
            a + 2^(w//2) b; shapes (c, 2^(w//2)) and (c, 2^(w − w//2)).
        half: entries further on for x_i = +1, shape (c, 1).
        terms: interactions of more than two whose latest spins these are, or None.
    """

    ranks: Tensor
    parents: Tensor
    tables: slice
    couplings: slice
    rows: Tensor
    low: Tensor
    high: Tensor
    half: Tensor
    terms: GroupTerms | None = None

    @property
    def num_sites(self) -> int:
        return self.ranks.shape[0]

    @property
    def width(self) -> int:
        return self.parents.shape[1]

    def of(self, buffer: Tensor) -> Tensor:
        """The group's tables in a buffer (..., total), as a view of shape (..., n, 2^w)."""
        return buffer[..., self.tables].unflatten(-1, (self.num_sites, -1))

    def fields(self, dense: Tensor, field: Tensor, many: Tensor | None = None) -> Tensor:
        """θ_i of every parents' code, shape (..., n, 2^w), from couplings of pairs, fields, and of interactions."""
        split = self.width // 2
        K = dense[..., self.couplings].unflatten(-1, (self.num_sites, self.width))
        low = K[..., :split] @ _signs(split, K.device)
        high = K[..., split:] @ _signs(self.width - split, K.device) + field[..., self.ranks, None]
        fields = (high[..., :, None] + low[..., None, :]).flatten(-2)
        if self.terms is not None and many is not None:
            self.terms.add_to(fields, many)
        return fields

    def children(self, batch: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Rows of some children, and where their entries are for x_i = −1 and x_i = +1, (c', 2^w) each."""
        step = max(1, (MAX_GROUP // batch) >> self.width)
        for first in range(0, len(self.rows), step):
            some = slice(first, first + step)
            below = (self.high[some, :, None] + self.low[some, None, :]).flatten(-2)
            yield self.rows[some], below, below + self.half[some]

    def moments(self, table: Tensor) -> tuple[Tensor, Tensor]:
        """Σ_code of a table (..., n, 2^w), shape (..., n), and of it times each parent's spin, (..., n, w)."""
        split = self.width // 2
        halves = table.unflatten(-1, (-1, 2**split))
        low, high = halves.sum(-2), halves.sum(-1)
        by_spin = [low @ _signs(split, table.device).T, high @ _signs(self.width - split, table.device).T]
        return low.sum(-1), torch.cat(by_spin, dim=-1)


def make_groups(
    frontier: Frontier, ranks: np.ndarray, height: np.ndarray, offset: np.ndarray, device: torch.device
) -> Iterator[Group]:
    """Groups of the ranks to sum out, which are sorted by height and width.

    Args:
        frontier: the structure.
        ranks: those to sum out, in the order of their tables.
        height: of every rank in the tree.
        offset: start of every rank's table.
        device: of the groups.
    """

    def tensor(array: np.ndarray) -> Tensor:
        return torch.from_numpy(array).to(device)

    n = frontier.num_spins
    parent, width = frontier.parent.numpy(), frontier.num_parents.numpy()
    ptr, spin = frontier.parents_ptr.numpy(), frontier.parents_spin.numpy()
    place = np.full(n, -1)
    place[ranks] = np.arange(len(ranks))
    # children by the place of their parent; the bit at which each of their other parents stands in P(parent)
    child = ranks[(parent[ranks] >= 0) & (place[parent[ranks]] >= 0)]
    child = child[np.argsort(place[parent[child]], kind="stable")]
    child_ptr = np.searchsorted(place[parent[child]], np.arange(len(ranks) + 1))
    member, bit_of_child = _ragged(width[child] - 1)
    entry_ptr = np.searchsorted(member, np.arange(len(child) + 1))
    keys = np.repeat(np.arange(n), np.diff(ptr)) * n + spin
    above = parent[child[member]]
    bit = np.searchsorted(keys, above * n + spin[ptr[child[member]] + bit_of_child]) - ptr[above]
    weight = np.left_shift(1, bit_of_child)

    cut = (np.diff(height[ranks]) != 0) | (np.diff(width[ranks]) != 0)
    starts = [0, *(np.flatnonzero(cut) + 1).tolist(), len(ranks)] if len(ranks) else [0]
    first_table = first_coupling = 0
    for start, stop in pairwise(starts):
        w = int(width[ranks[start]])
        step = max(1, MAX_GROUP >> w)
        for first in range(start, stop, step):
            last = min(first + step, stop)
            sites, children = ranks[first:last], slice(child_ptr[first], child_ptr[last])
            entries = slice(entry_ptr[children.start], entry_ptr[children.stop])
            weights = np.zeros((children.stop - children.start, w), np.int64)
            weights[member[entries] - children.start, bit[entries]] = weight[entries]
            split = w // 2
            low = weights[:, :split] @ _bits(split) + offset[child[children], None]
            high = weights[:, split:] @ _bits(w - split)
            half = np.left_shift(1, width[child[children]] - 1)[:, None]
            rows = place[parent[child[children]]] - first
            parents = spin[ptr[sites][:, None] + np.arange(w)]
            size = last - first
            yield Group(
                ranks=tensor(sites),
                parents=tensor(parents),
                tables=slice(first_table, first_table + (size << w)),
                couplings=slice(first_coupling, first_coupling + size * w),
                rows=tensor(rows),
                low=tensor(low),
                high=tensor(high),
                half=tensor(half),
            )
            first_table += size << w
            first_coupling += size * w


def heights(parent: np.ndarray) -> np.ndarray:
    """Longest way down to a leaf of the tree from each rank; children have larger ranks than their parents."""
    height = [0] * len(parent)
    for rank, above in zip(range(len(parent) - 1, -1, -1), reversed(parent.tolist()), strict=True):
        if above >= 0 and height[above] <= height[rank]:
            height[above] = height[rank] + 1
    return np.array(height, np.int64)


@cache
def _signs(width: int, device: torch.device) -> Tensor:
    """Spin of each bit in each code, shape (w, 2^w)."""
    return torch.from_numpy(2.0 * _bits(width) - 1.0).to(device)


def _bits(width: int) -> np.ndarray:
    return np.arange(2**width) >> np.arange(width)[:, None] & 1


def _ragged(count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For groups of ``count`` entries: the group of each entry and its place in it."""
    group = np.repeat(np.arange(len(count)), count)
    return group, np.arange(len(group)) - np.repeat(np.cumsum(count) - count, count)
