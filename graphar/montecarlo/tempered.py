"""Result of parallel tempering."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from graphar.estimators.autocorrelation import autocorrelation_time, effective_samples, gelman_rubin

__all__ = ["Tempering"]


@dataclass(frozen=True, eq=False)
class Tempering:
    """What R systems of parallel tempering have seen at T temperatures; made by :func:`parallel_tempering`.

    Counts and energies are those after the burn-in.

    Attributes:
        betas: inverse temperatures β, rising, shape (T,).
        spins: configurations kept at equal distances, ±1, int8, shape (T, R, keep, N).
        energy: their energies, float64, shape (T, R, keep).
        energies: at every β and of all systems at equal distances, float64, shape (T, R, times).
        every: sweeps between two of these.
        swap_rate: share of accepted swaps of each β with the next, shape (T − 1,).
        flow: share of those configurations at each β that came from the hottest, among those that have been at either
            end, shape (T,): from 1 to 0, best in equal steps; NaN where none has been at an end.
        trips: from one end to the other, of all configurations of each system, shape (R,).
        flipped: share of the spins that were flipped in a sweep at each β, shape (T,).
        cluster_size: mean number of sites in the clusters exchanged at each β, shape (T,); None where there were none.
        best_spins: configuration of the lowest energy met, burn-in included, int8, shape (N,).
        best_energy: its energy.
        sweeps: of every configuration that were done, burn-in included.
        burn_in: how many of these came before the first measurement.
        seconds: taken.
        interrupted: whether Ctrl-C or the time limit came before the end.
    """

    betas: Tensor
    spins: Tensor
    energy: Tensor
    energies: Tensor
    every: int
    swap_rate: Tensor
    flow: Tensor
    trips: Tensor
    flipped: Tensor
    cluster_size: Tensor | None
    best_spins: Tensor
    best_energy: float
    sweeps: int
    burn_in: int
    seconds: float
    interrupted: bool

    @property
    def round_trips(self) -> int:
        """From one end to the other and back, of all configurations of all systems."""
        return int(self.trips.sum()) // 2

    @property
    def autocorrelation_time(self) -> Tensor:
        """Integrated autocorrelation time of the energy at each β in sweeps, shape (T,)."""
        return self.every * torch.tensor([autocorrelation_time(at) for at in self.energies], dtype=torch.float64)

    @property
    def effective_samples(self) -> Tensor:
        """Number of independent energies at each β, of all systems, shape (T,)."""
        return torch.tensor([effective_samples(at) for at in self.energies], dtype=torch.float64)

    @property
    def r_hat(self) -> Tensor:
        """R̂ of the energies of all systems at each β, shape (T,); infinite if there are too few."""
        few = self.energies.shape[2] < 4
        values = [float("inf") if few else gelman_rubin(at) for at in self.energies]
        return torch.tensor(values, dtype=torch.float64)

    @property
    def mean_energy(self) -> Tensor:
        """⟨H⟩ at each β, shape (T,)."""
        return self.energies.flatten(1).mean(1)

    @property
    def mean_energy_stderr(self) -> Tensor:
        """Its standard error, by the effective number of samples, shape (T,)."""
        return self.energies.flatten(1).std(1, correction=0) / (self.effective_samples - 1).clamp(min=1).sqrt()

    def __repr__(self) -> str:
        size, replicas, _, n = self.spins.shape
        rate = f"swaps {self.swap_rate.min():.0%} or more, " if size > 1 else ""
        end = ", interrupted" if self.interrupted else ""
        return (
            f"Tempering({replicas} replica{'s' * (replicas != 1)} of {n} spins at {size} temperatures, {self.sweeps} "
            f"sweeps, {rate}{self.round_trips} round trips, lowest energy {self.best_energy:g}{end})"
        )
