"""Boltzmann samples by Markov chains at fixed β: the run that is the same for all samplers, and its result."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from graphar._support.checks import check_count
from graphar.estimators.autocorrelation import autocorrelation_time, effective_samples, gelman_rubin
from graphar.montecarlo.base import Sampler, check_betas
from graphar.montecarlo.shares import advance, joined_by, own_share
from graphar.montecarlo.watch import CHUNK, watched

__all__ = ["Chains", "run_chains"]

TIMES = 1000  # energies of a replica that are kept, if there are more sweeps


@dataclass(frozen=True, eq=False)
class Chains:
    """What R replicas of a Markov chain have seen after their burn-in.

    Attributes:
        beta: inverse temperature β of each replica, shape (R,).
        spins: configurations kept at equal distances, ±1, int8, shape (R, keep, N): chains first, as
            :func:`graphar.bennett` and :func:`graphar.observables` take them.
        energy: their energies, float64, shape (R, keep).
        energies: of all replicas at equal distances, float64, shape (R, times).
        every: sweeps between two of these.
        flipped: share of the spins that were flipped in a sweep, shape (R,).
        sweeps: how many were done, burn-in included.
        burn_in: how many of these came before the first measurement.
        seconds: taken.
        interrupted: whether Ctrl-C or the time limit came before the end. Spins are then those that had been kept, or
            the last ones if there were none.
        accepted: share of the proposals that were accepted, of samplers that propose many spins at once, shape (R,);
            None of others.
    """

    beta: Tensor
    spins: Tensor
    energy: Tensor
    energies: Tensor
    every: int
    flipped: Tensor
    sweeps: int
    burn_in: int
    seconds: float
    interrupted: bool
    accepted: Tensor | None = None

    @cached_property
    def autocorrelation_time(self) -> float:
        """Integrated autocorrelation time of the energy in sweeps, :func:`graphar.autocorrelation_time`.

        Meant for replicas of one β. A run of less than some 50 times it has told nothing yet.
        """
        return self.every * autocorrelation_time(self.energies)

    @property
    def effective_samples(self) -> float:
        """Number of independent energies among those of all replicas."""
        return effective_samples(self.energies)

    @property
    def r_hat(self) -> float:
        """R̂ of the energies of all replicas, :func:`graphar.gelman_rubin`; infinite if there are too few."""
        return gelman_rubin(self.energies) if self.energies.shape[1] > 3 else float("inf")

    @property
    def mean_energy(self) -> float:
        """⟨H⟩ over times and replicas."""
        return float(self.energies.mean())

    @property
    def mean_energy_stderr(self) -> float:
        """Its standard error, by the effective number of samples."""
        return float(self.energies.std(correction=0)) / max(1.0, self.effective_samples - 1) ** 0.5

    @property
    def best_energy(self) -> float:
        """Lowest energy among the configurations kept."""
        return float(self.energy.min())

    @property
    def best_spins(self) -> Tensor:
        """Configuration of it, shape (N,)."""
        return self.spins.flatten(0, 1)[int(self.energy.argmin())]

    def __repr__(self) -> str:
        replicas, keep, n = self.spins.shape
        end = ", interrupted" if self.interrupted else ""
        return (
            f"Chains({replicas} replica{'s' * (replicas != 1)} of {n} spins, {self.sweeps} sweeps, "
            f"{keep} kept of each, lowest energy {self.best_energy:g}{end})"
        )


def run_chains(
    sampler: Sampler,
    beta: Any,
    sweeps: int,
    replicas: int,
    seed: int,
    *,
    burn_in: int | None,
    keep: int,
    spins: Any,
    time_limit: float | None,
    progress: bool,
) -> Chains:
    """Sweeps at fixed β, see :func:`graphar.montecarlo.heat_bath` for the arguments."""
    sweeps, keep = check_count(sweeps, "sweeps"), check_count(keep, "keep")
    burn_in = sweeps // 2 if burn_in is None else check_count(burn_in, "burn_in", 0)
    if sweeps - burn_in < keep:
        raise ValueError(f"keep must be at most sweeps - burn_in, {sweeps - burn_in}, got {keep}")
    whole = sampler.init(replicas, seed=seed, spins=spins)
    betas, unit = check_betas(beta, 1, replicas), sampler.unit(replicas)
    group = joined_by(sampler, beta=betas, sweeps=[sweeps, burn_in, keep], seed=seed, spins=whole.spins)
    state = own_share(group, sampler, whole)
    every = max(1, min((sweeps - burn_in) // TIMES, (sweeps - burn_in) // keep))
    interval = (sweeps - burn_in) // keep // every * every
    burn_in = sweeps - keep * interval
    chunk = max(1, CHUNK // (replicas * sampler.num_spins * sampler.cost) // every) * every
    kept, energies, accepted = [], [], None
    flipped = torch.zeros(state.replicas, dtype=torch.float64)
    with watched(sweeps, time_limit, progress, type(sampler).__name__, group) as watch:
        for first, stop in [(0, burn_in)] + [
            (burn_in + k * interval, burn_in + (k + 1) * interval) for k in range(keep)
        ]:
            while watch.done < stop and watch.goes_on():
                count = min(chunk, stop - watch.done)
                measure = count // every if first >= burn_in and stop > burn_in else 0
                state, info = advance(sampler, state, betas, count, measure)
                energies.append(info.energies)
                flipped += count * info.flipped
                if info.accepted is not None:
                    accepted = count * info.accepted + (0 if accepted is None else accepted)
                watch.add(count)
            if watch.done == stop and stop > burn_in:
                kept.append(state.spins.cpu())
    if not kept:
        kept.append(state.spins.cpu())
    own = torch.stack(kept, dim=1)
    measured = torch.cat([*energies, torch.zeros(0, state.replicas, dtype=torch.float64)])
    (spins, energy, seen, flipped), _ = group.gather_samples(
        [own, sampler.graph.energy(own), measured.T, flipped], replicas, unit=unit
    )
    return Chains(
        beta=betas[0].expand(replicas).clone(),
        spins=spins,
        energy=energy,
        energies=seen if seen.numel() else energy,
        every=every,
        flipped=flipped / max(1, watch.done),
        sweeps=watch.done,
        burn_in=min(burn_in, watch.done),
        seconds=watch.seconds,
        interrupted=watch.stopped,
        accepted=None if accepted is None else accepted / max(1, watch.done),
    )
