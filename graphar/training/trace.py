"""What every step of a run said of its batch, as arrays that one can plot."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["COLUMNS", "Trace", "TraceRows"]

COLUMNS = ("energy", "entropy", "flips", "objective", "variance")


@dataclass(frozen=True, eq=False)
class Trace:
    """A number for every step of a run, from the step's own batch; float64, each of shape (steps,).

    Energies are extensive, offset included. Where some sites are exact and the free energy is minimised, energy and
    entropy are of the learned sites: the free energy of the exact ones counts as energy.

    Attributes:
        beta, transverse_field: where in the schedule; Γ = 0 where there is no transverse field.
        energy: mean of H_cl.
        entropy: mean of −log q, in nats.
        quantum_energy: mean of the local energy, ⟨H⟩; that of H_cl where Γ = 0.
        objective: what is minimised, an energy: the mean of E_loc + log q / β, or without entropy of E_loc.
        variance: of the same over the batch; it vanishes at a perfect optimum.
        residual_energy: ``energy`` above the ground energy, or None where that is not known.
    """

    beta: Tensor
    transverse_field: Tensor
    energy: Tensor
    entropy: Tensor
    quantum_energy: Tensor
    objective: Tensor
    variance: Tensor
    residual_energy: Tensor | None

    def __len__(self) -> int:
        return len(self.beta)

    def __repr__(self) -> str:
        return f"Trace({len(self)} steps)"


class TraceRows:
    """Rows of :data:`COLUMNS`, one more at a time."""

    def __init__(self, rows: Tensor | None = None) -> None:
        self._kept = torch.empty(0, len(COLUMNS), dtype=torch.float64) if rows is None else rows.clone()
        self._count = len(self._kept)

    def append(self, *row: float) -> None:
        if self._count == len(self._kept):
            room = torch.empty(max(64, self._count), len(COLUMNS), dtype=torch.float64)
            self._kept = torch.cat([self._kept, room])
        self._kept[self._count] = torch.tensor(row, dtype=torch.float64)
        self._count += 1

    @property
    def table(self) -> Tensor:
        """All rows so far, (steps, columns)."""
        return self._kept[: self._count].clone()
