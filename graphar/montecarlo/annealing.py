"""Simulated annealing: sweeps while β rises.

S. Kirkpatrick, C. D. Gelatt and M. P. Vecchi, `Science 220, 671 (1983)
<https://doi.org/10.1126/science.220.4598.671>`_.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from graphar._support.checks import as_float_tensor, check_count
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.montecarlo.base import Replicas, Sampler
from graphar.montecarlo.metropolis_sampler import Metropolis
from graphar.montecarlo.shares import advance, joined_by, own_share
from graphar.montecarlo.watch import CHUNK, watched

__all__ = ["Annealing", "interpolate", "read_schedule", "simulated_annealing"]


@dataclass(frozen=True, eq=False)
class Annealing(Replicas):
    """Where R replicas of simulated annealing ended.

    Attributes:
        spins: ±1, int8, shape (R, N).
        energy: of each, float64, shape (R,).
        beta: inverse temperature β of the last sweep.
        betas: β where energies were measured, shape (times,).
        energies: there, shape (times, R).
        sweeps: how many were done.
        seconds: taken.
        interrupted: whether Ctrl-C or the time limit came before the end.
    """

    spins: Tensor
    energy: Tensor
    beta: float
    betas: Tensor
    energies: Tensor
    sweeps: int
    seconds: float
    interrupted: bool

    def __repr__(self) -> str:
        replicas, n = self.spins.shape
        end = ", interrupted" if self.interrupted else ""
        return (
            f"Annealing({replicas} replica{'s' * (replicas != 1)} of {n} spins, {self.sweeps} sweeps to "
            f"beta={self.beta:g}, lowest energy {self.best_energy:g}{end})"
        )


def simulated_annealing(
    graph: IsingGraph | SpinHypergraph,
    beta: Any,
    sweeps: int = 1000,
    replicas: int = 64,
    seed: int = 0,
    *,
    sampler: type[Sampler] | Sampler = Metropolis,
    measure: int = 100,
    spins: Any = None,
    time_limit: float | None = None,
    progress: bool = True,
) -> Annealing:
    """Configurations of low energy: sweeps from hot to cold, every replica for itself.

    Reference: `Science 220, 671 (1983) <https://doi.org/10.1126/science.220.4598.671>`_.

    Args:
        graph: couplings, or interactions of any numbers of spins, and fields.
        beta: inverse temperatures β ≥ 0 at equal distances of the sweeps, the first and the last included; between
            them β is interpolated. ``(0.1, 3.0)`` is a straight line, ``ga.geometric(0.1, 3.0, 50)`` a geometric one.
        sweeps: in all.
        replicas: R.
        seed: of all random bits.
        sampler: what sweeps, such as ``ga.montecarlo.HeatBath``, or one already made of the graph.
        measure: how many times energies are taken; at most ``sweeps``.
        spins: to start from, ±1, shape (N,) or (R, N); random ones by default.
        time_limit: seconds after which to stop with what there is; none by default. Ctrl-C does the same.
        progress: whether to show a progress bar once a second has passed.

    Raises:
        ValueError: an argument breaks its rule.

    >>> import graphar as ga
    >>> graph = ga.grid((10, 10), couplings="pm1", seed=3)
    >>> simulated_annealing(graph, beta=(0.1, 4.0), sweeps=500, seed=0).best_energy
    -132.0
    >>> ga.exact.eliminate(graph, beta=1.0).ground_energy.item()
    -132.0
    """
    chain = sampler_of(sampler, graph)
    sweeps, schedule = check_count(sweeps, "sweeps"), read_schedule(beta, "beta")
    measure = min(check_count(measure, "measure", 0), sweeps)
    betas = interpolate(schedule, sweeps)
    whole = chain.init(replicas, seed=seed, spins=spins)
    unit = chain.unit(replicas)
    group = joined_by(chain, beta=schedule, sweeps=sweeps, seed=seed, measure=measure, spins=whole.spins)
    state = own_share(group, chain, whole)
    every = sweeps // measure if measure else sweeps
    chunk = max(1, CHUNK // (replicas * graph.num_spins * chain.cost) // every) * every
    seen: list[Tensor] = []
    with watched(sweeps, time_limit, progress, "simulated annealing", group) as watch:
        while watch.goes_on():
            done = watch.done
            count = min(chunk, sweeps - done)
            times = count // every if measure else 0
            state, info = advance(chain, state, betas[done : done + count, None], count, times)
            seen.append(info.energies)
            text = f"β {betas[done + count - 1]:.3g}" + (
                f"  lowest {info.energies[-1].min():g}" if info.energies.numel() else ""
            )
            watch.add(count, text)
    energies = torch.cat([*seen, torch.zeros(0, state.replicas, dtype=torch.float64)])
    last = state.spins.cpu()
    (last, energy, of_replicas), _ = group.gather_samples(
        [last, chain.graph.energy(last), energies.T], replicas, unit=unit
    )
    energies = of_replicas.T.contiguous()
    ends = watch.done - every * torch.arange(len(energies)).flip(0)
    return Annealing(
        spins=last,
        energy=energy,
        beta=float(betas[max(0, watch.done - 1)]),
        betas=torch.from_numpy(betas)[ends - 1],
        energies=energies,
        sweeps=watch.done,
        seconds=watch.seconds,
        interrupted=watch.stopped,
    )


def sampler_of(sampler: Any, graph: Any) -> Sampler:
    """A sampler of a graph, from its class or as it is."""
    if isinstance(sampler, type) and issubclass(sampler, Sampler):
        return sampler(graph)
    if not isinstance(sampler, Sampler):
        raise ValueError(f"sampler must be a sampler or a class of them, got {sampler!r}")
    if sampler.num_spins != graph.num_spins:
        raise ValueError(f"sampler must be of the graph's {graph.num_spins} spins, got one of {sampler.num_spins}")
    return sampler


def read_schedule(betas: Any, name: str, least: int = 1) -> Sequence[float]:
    """One β ≥ 0 or several, as a list."""
    values = as_float_tensor(list(betas) if isinstance(betas, (tuple, list, range)) else betas, name)
    values = values.detach().cpu().double().reshape(-1) if values.dim() < 2 else values
    if values.dim() != 1 or len(values) < least:
        raise ValueError(f"{name} must be at least {least} of them in a row, got shape {tuple(values.shape)}")
    if bool((values < 0).any()):
        raise ValueError(f"{name} must not be negative, got {values.min().item()}")
    return values.tolist()


def interpolate(schedule: Sequence[float], sweeps: int) -> np.ndarray:
    """β of each sweep, the given ones at equal distances, (sweeps,)."""
    places = np.linspace(0, 1, len(schedule)) if len(schedule) > 1 else np.zeros(1)
    return np.interp(np.linspace(0, 1, sweeps) if sweeps > 1 else np.ones(1), places, schedule)
