r"""Population annealing: many replicas that are cooled together, and copied or dropped by their Boltzmann weights.

From β to β′ a replica of energy E gets e^{−(β′−β)E} / ⟨e^{−(β′−β)E}⟩ copies on average; the denominators multiply to

.. math:: \log Z(\beta_k) = N \log 2 + \sum_{l \le k} \log \langle e^{-(\beta_l - \beta_{l-1}) E} \rangle_{l-1},

from β = 0. Replicas of one first ancestor are a family: with fractions f of the families, ρ_t = R Σ f² and ρ_s = R
exp(Σ f log f) say how many of the R replicas stand for one independent sample.

K. Hukushima and Y. Iba, `AIP Conf. Proc. 690, 200 (2003) <https://doi.org/10.1063/1.1632130>`_; J. Machta, `Phys. Rev.
E 82, 026704 (2010) <https://arxiv.org/abs/1005.3770>`_; W. Wang, J. Machta and H. G. Katzgraber, `Phys. Rev. E 92,
063307 (2015) <https://arxiv.org/abs/1508.05647>`_.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from graphar._support.checks import check_count
from graphar._support.seeds import hash_key
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.montecarlo.annealing import interpolate, read_schedule, sampler_of
from graphar.montecarlo.base import Replicas, Sampler, State
from graphar.montecarlo.metropolis_sampler import Metropolis
from graphar.montecarlo.shares import joined_by, shared_step
from graphar.montecarlo.watch import watched

__all__ = ["Population", "population_annealing"]

FAMILIES = 100
"""Effective number of families below which a population is not trusted."""


@dataclass(frozen=True, eq=False)
class Population(Replicas):
    """What a population of R replicas has seen; made by :func:`population_annealing`.

    Attributes:
        spins: at the last β, ±1, int8, shape (R, N); families stand together.
        energy: their energies, float64, shape (R,).
        family: first ancestor of each, shape (R,).
        betas: inverse temperature β of each step, shape (steps,).
        log_partition: log Z at each of them, shape (steps,).
        mean_energy: ⟨H⟩ over the population, shape (steps,).
        rho_t: mean square size of the families R Σ f², shape (steps,).
        rho_s: R exp(Σ f log f), shape (steps,).
        survivors: share of the replicas that have offspring in each resampling, shape (steps,).
        kept: spins of some replicas at each step, as far apart among the families as can be, shape (steps, keep, N).
        sweeps: how many were done.
        seconds: taken.
        interrupted: whether Ctrl-C or the time limit came before the end; all numbers are those up to there.
    """

    spins: Tensor
    energy: Tensor
    family: Tensor
    betas: Tensor
    log_partition: Tensor
    mean_energy: Tensor
    rho_t: Tensor
    rho_s: Tensor
    survivors: Tensor
    kept: Tensor
    sweeps: int
    seconds: float
    interrupted: bool

    @property
    def beta(self) -> float:
        """The last β."""
        return float(self.betas[-1]) if len(self.betas) else 0.0

    @property
    def log_partition_stderr(self) -> Tensor:
        """Standard error of log Z, √(ρ_t/R), shape (steps,)."""
        return (self.rho_t / len(self.spins)).sqrt()

    @property
    def families(self) -> float:
        """Effective number of families at the end, R/ρ_t."""
        return len(self.spins) / float(self.rho_t[-1]) if len(self.rho_t) else float(len(self.spins))

    @property
    def trusted(self) -> bool:
        """Whether R/ρ_t and R/ρ_s are both at least 100 at the end."""
        enough = len(self.spins) / FAMILIES
        return not len(self.rho_t) or (float(self.rho_t[-1]) <= enough and float(self.rho_s[-1]) <= enough)

    def __repr__(self) -> str:
        replicas, n = self.spins.shape
        end = ", interrupted" if self.interrupted else ""
        log_z = f"log Z {float(self.log_partition[-1]):.6g}, " if len(self.betas) else ""
        return (
            f"Population({replicas} replicas of {n} spins to beta={self.beta:g}, {log_z}{self.families:.0f} families, "
            f"lowest energy {self.best_energy:g}{end})"
        )


def population_annealing(
    graph: IsingGraph | SpinHypergraph,
    betas: Any,
    sweeps: int = 1000,
    replicas: int = 4096,
    seed: int = 0,
    *,
    sampler: type[Sampler] | Sampler = Metropolis,
    sweeps_per_step: int = 10,
    keep: int = 0,
    time_limit: float | None = None,
    progress: bool = True,
) -> Population:
    r"""Boltzmann samples and log Z at rising β, by replicas that are copied and dropped as they cool.

    .. math:: \log Z(\beta_k) = N \log 2 + \sum_{l \le k} \log \langle e^{-(\beta_l - \beta_{l-1}) E} \rangle_{l-1}

    References: `arXiv:1005.3770 <https://arxiv.org/abs/1005.3770>`_, `arXiv:1508.05647
    <https://arxiv.org/abs/1508.05647>`_.

    Args:
        graph: couplings, or interactions of any numbers of spins, and fields.
        betas: inverse temperatures β ≥ 0, rising, at equal distances of the steps; between them β is interpolated.
        sweeps: in all.
        replicas: size of the population R.
        seed: of all random bits.
        sampler: what sweeps, such as ``ga.montecarlo.HeatBath``, or one already made of the graph.
        sweeps_per_step: after each resampling.
        keep: replicas whose spins are kept at each step; none by default.
        time_limit: seconds after which to stop with what there is; none by default. Ctrl-C does the same.
        progress: whether to show a progress bar once a second has passed.

    Raises:
        ValueError: an argument breaks its rule.

    Warns:
        UserWarning: fewer than 100 families are left in effect, so that numbers at the last β are not to be trusted.

    >>> import graphar as ga
    >>> graph = ga.grid((6, 6), couplings="pm1", seed=1)
    >>> result = population_annealing(graph, (0.0, 2.0), sweeps=500, seed=0)
    >>> error = result.log_partition[-1] - ga.exact.eliminate(graph, beta=2.0).log_partition
    >>> bool(error.abs() < 5 * result.log_partition_stderr[-1])
    True
    """
    chain = sampler_of(sampler, graph)
    schedule = list(read_schedule(betas, "betas"))
    if sorted(schedule) != schedule:
        raise ValueError(f"betas must not fall, got {schedule}")
    sweeps, each = check_count(sweeps, "sweeps"), check_count(sweeps_per_step, "sweeps_per_step")
    if each > sweeps:
        raise ValueError(f"sweeps_per_step must be at most the number of sweeps, {sweeps}, got {sweeps_per_step}")
    keep = check_count(keep, "keep", 0)
    if keep > check_count(replicas, "replicas"):
        raise ValueError(f"keep must be at most the number of replicas, {replicas}, got {keep}")
    steps = interpolate(schedule, sweeps // each)
    state = chain.init(replicas, seed=seed)
    group = joined_by(chain, betas=schedule, sweeps=[sweeps, each], replicas=replicas, seed=seed, keep=keep)
    energy, family = chain.graph.energy(state.spins.cpu()).numpy(), np.arange(replicas)
    log_z, before = chain.num_spins * math.log(2), 0.0
    records: list[tuple[float, ...]] = []
    at = torch.linspace(0, replicas - 1, keep + 2, dtype=torch.float64)[1:-1].round().long()
    kept: list[Tensor] = []
    with watched(len(steps) * each, time_limit, progress, "population annealing", group) as watch:
        while watch.goes_on():
            beta = float(steps[len(records)])
            copies, log_mean = _resample(-(beta - before) * energy, hash_key(seed, "resampling", len(records)))
            log_z, before = log_z + log_mean, beta
            chosen = np.repeat(np.arange(replicas), copies)
            family = family[chosen]
            rows = torch.from_numpy(chosen).to(state.spins.device)
            state = State(state.spins[rows], state.seed, state.sweeps)
            state, now = shared_step(group, chain, state, beta, each)
            energy = now.numpy()
            share = np.unique(family, return_counts=True)[1] / replicas
            rho = replicas * float((share**2).sum()), replicas * float(np.exp((share * np.log(share)).sum()))
            records.append((beta, log_z, float(energy.mean()), *rho, float((copies > 0).mean())))
            kept.append(state.spins.cpu()[at])
            watch.add(each, f"β {beta:.3g}  log Z {log_z:.6g}  families {replicas / rho[0]:.0f}")
    last = state.spins.cpu()
    found = torch.tensor(records, dtype=torch.float64).reshape(-1, 6)
    result = Population(
        spins=last,
        energy=chain.graph.energy(last),
        family=torch.from_numpy(family),
        betas=found[:, 0],
        log_partition=found[:, 1],
        mean_energy=found[:, 2],
        rho_t=found[:, 3],
        rho_s=found[:, 4],
        survivors=found[:, 5],
        kept=torch.stack(kept) if kept else torch.zeros((0, keep, chain.num_spins), dtype=torch.int8),
        sweeps=watch.done,
        seconds=watch.seconds,
        interrupted=watch.stopped,
    )
    if not result.trusted:
        warnings.warn(
            f"{result.families:.0f} of {replicas} families are left in effect at beta = {result.beta:g}, fewer than "
            f"{FAMILIES}: take more replicas or more sweeps",
            stacklevel=2,
        )
    return result


def _resample(log_weight: np.ndarray, key: int) -> tuple[np.ndarray, float]:
    """How many copies each replica gets, R in all, ⌊·⌋ or ⌈·⌉ of its share; and the log of the mean weight."""
    highest = float(log_weight.max())
    weight = np.exp(log_weight - highest)
    ends = np.cumsum(weight)
    total, count = float(ends[-1]), len(weight)
    places = ends * (count / total) + key / 2.0**64  # one random number for all: systematic resampling
    places[-1] = count + key / 2.0**64
    whole = np.floor(np.concatenate([[key / 2.0**64], places])).astype(np.int64)
    return np.diff(whole), highest + math.log(total / count)
