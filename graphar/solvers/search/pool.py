"""Elite configurations that differ: what crossovers and restarts of all members begin from."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["Pool"]

_SIZE = 32
_OFFERED = 16  # lowest configurations of a turn that are looked at
_NEAR = 50  # configurations that differ at less than one in so many sites are variants of one


class Pool:
    """Up to 32 low configurations, of which no two are variants of each other.

    A new one takes the place of its variant where it is no higher, else of the highest where it is lower.

    Args:
        num_spins: N.
        symmetric: whether H(−x) = H(x): a configuration is then a variant of itself turned over.

    Attributes:
        rows: lowest first, int8, (M, N).
        energies: (M,).
    """

    def __init__(self, num_spins: int, symmetric: bool) -> None:
        self._symmetric = symmetric
        self.rows = torch.empty(0, num_spins, dtype=torch.int8)
        self.energies = torch.empty(0, dtype=torch.float64)

    def take(self, rows: Tensor, energies: Tensor) -> bool:
        """Look at the lowest of these, (M, N) and (M,); whether one is now among the lower half."""
        low = False
        for place in torch.argsort(energies, stable=True)[:_OFFERED].tolist():
            at = self._put(rows[place], float(energies[place]))
            low |= at is not None and 2 * at < len(self.rows)
        return low

    def _put(self, row: Tensor, energy: float) -> int | None:
        """Where the configuration is now; None where it is not taken."""
        if len(self.rows):
            same = self.rows == row
            differ = row.numel() - same.sum(1)
            if self._symmetric:
                differ = torch.minimum(differ, row.numel() - differ)
            near = int(differ.argmin())
            if int(differ[near]) * _NEAR < row.numel() or not int(differ[near]):
                if not int(differ[near]) or energy > self.energies[near]:
                    return None
                out = near
            elif len(self.rows) < _SIZE:
                out = len(self.rows)
            elif energy < self.energies[-1]:
                out = len(self.rows) - 1
            else:
                return None
            kept = [k for k in range(len(self.rows)) if k != out]
            self.rows, self.energies = self.rows[kept], self.energies[kept]
        at = int((self.energies <= energy).sum())
        new = torch.tensor([energy], dtype=torch.float64)
        self.rows = torch.cat([self.rows[:at], row[None], self.rows[at:]])
        self.energies = torch.cat([self.energies[:at], new, self.energies[at:]])
        return at
