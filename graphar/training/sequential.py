r"""Sequential tempering with a model: learn a population at one β, propose at the next.

At each β in turn the population moves by rounds of a proposal of the model, whose configurations are independent of the
one before, accepted with

.. math:: \min\Big(1,\; \frac{e^{-\beta H(x')} q(x)}{e^{-\beta H(x)} q(x')}\Big),

and of local sweeps; then the model is taught, by maximum likelihood, what the population has become. The moves leave
the Boltzmann distribution at each β as it is, whatever the model has learned: a poor one is merely refused more often.
What all replicas have lost, the model loses too.

L. M. Del Bono, F. Ricci-Tersenghi, F. Zamponi, `arXiv:2510.19544 <https://arxiv.org/abs/2510.19544>`_; B. McNaughton et
al., `Phys. Rev. E 101, 053312 (2020) <https://arxiv.org/abs/2002.04292>`_.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from graphar._support.checks import check_count, check_spins
from graphar._support.interrupt import finish_step_first
from graphar._support.processes import joined
from graphar._support.seeds import check_seed, hash_key
from graphar.estimators.autocorrelation import autocorrelation_time, gelman_rubin
from graphar.models.autoregressive import Autoregressive, check_model
from graphar.montecarlo.annealing import sampler_of
from graphar.montecarlo.base import Sampler, State
from graphar.montecarlo.neural import IndependenceMetropolis
from graphar.montecarlo.single_spin import HeatBath
from graphar.training.likelihood import fit
from graphar.training.schedules import as_schedule

__all__ = ["SequentialTempering", "sequential_tempering"]


@dataclass(frozen=True, eq=False)
class SequentialTempering:
    """What a population has seen at each β that was reached; made by :func:`sequential_tempering`.

    Attributes:
        betas: inverse temperatures β, in the order taken, shape (T,).
        spins: of all replicas at the end of each, ±1, int8, shape (T, R, N).
        energies: after each round, extensive, float64, shape (T, R, rounds).
        acceptance: share of the model's proposals that were accepted in the first round at each β, and in all of them,
            shape (T, 2); NaN at the first β, where there are none.
        log_likelihood: held-out ⟨log q⟩ in nats of the model taught at each β, shape (T,); NaN where it was not.
        seconds: taken.
        interrupted: whether Ctrl-C came before the end.
    """

    betas: Tensor
    spins: Tensor
    energies: Tensor
    acceptance: Tensor
    log_likelihood: Tensor
    seconds: float
    interrupted: bool

    @property
    def energy(self) -> Tensor:
        """Of the spins, shape (T, R)."""
        return self.energies[..., -1]

    @property
    def best_energy(self) -> float:
        """Lowest energy after any round."""
        return float(self.energies.min())

    @property
    def autocorrelation_time(self) -> Tensor:
        """Integrated autocorrelation time of the energy at each β, in rounds, shape (T,)."""
        return torch.tensor([autocorrelation_time(at) for at in self.energies], dtype=torch.float64)

    @property
    def r_hat(self) -> Tensor:
        """R̂ of the energies of all replicas at each β, shape (T,); infinite where there are too few rounds."""
        few = self.energies.shape[2] < 4
        values = [float("inf") if few else gelman_rubin(at) for at in self.energies]
        return torch.tensor(values, dtype=torch.float64)

    def __repr__(self) -> str:
        size, replicas, n = self.spins.shape
        rate = "" if size < 2 else f"proposals accepted {self.acceptance[1:, 1].min():.0%} or more, "
        end = ", interrupted" if self.interrupted else ""
        return (
            f"SequentialTempering({replicas} replicas of {n} spins at {size} temperatures, {rate}"
            f"lowest energy {self.best_energy:g}{end})"
        )


def sequential_tempering(
    model: Autoregressive,
    betas: float | Iterable[float],
    *,
    replicas: int = 1024,
    rounds: int = 10,
    sweeps: int = 10,
    sampler: type[Sampler] | Sampler = HeatBath,
    fit_steps: int = 200,
    batch_size: int = 1024,
    seed: int = 0,
    optimizer: Callable[[Iterable[nn.Parameter]], Optimizer] | None = None,
    learning_rate: float | None = None,
    spins: Any = None,
    progress: bool = True,
) -> SequentialTempering:
    r"""Boltzmann samples along a schedule of β by a model that learns from them as it goes.

    .. math:: P(\text{accept}) = \min\Big(1,\; \frac{e^{-\beta H(x')} q(x)}{e^{-\beta H(x)} q(x')}\Big)

    At the first β the population comes to equilibrium by local sweeps alone, so let it be small. The model is trained
    in place, and knows the last β in the end. Ctrl-C ends the run after the step under way and returns all there is.

    Reference: `arXiv:2510.19544 <https://arxiv.org/abs/2510.19544>`_.

    Args:
        model: of any head, graph and dial; what it has learned before helps at the first β.
        betas: inverse temperatures β > 0, such as ``ga.linear(0.2, 2.0, 20)``.
        replicas: size of the population R.
        rounds: proposals of the model for each replica at each β.
        sweeps: of ``sampler`` after each proposal.
        sampler: what sweeps, a sampler or a class of them.
        fit_steps: of :func:`graphar.fit` at each β, on the configurations after the later half of the rounds.
        batch_size: of these steps.
        seed: of all random bits. Results do not depend on the number of threads.
        optimizer, learning_rate: as for :func:`graphar.fit`.
        spins: to start from, ±1, shape (N,) or (R, N); random ones by default.
        progress: whether to show a progress bar.

    Returns:
        Population, energies, acceptance and autocorrelation time at each β.

    Raises:
        ValueError: an argument breaks its rule.

    >>> import graphar as ga
    >>> graph = ga.grid((4, 4), couplings="pm1", seed=1)
    >>> model = ga.Autoregressive(graph)
    >>> result = sequential_tempering(model, ga.linear(0.2, 1.0, 5), replicas=256, fit_steps=50, progress=False)
    >>> result.best_energy == ga.exact.ground_state(graph).energy
    True
    """
    check_model(model)
    schedule, chain = as_schedule(betas), sampler_of(sampler, model.graph)
    rounds, sweeps, fit_steps = (
        check_count(value, name) for value, name in ((rounds, "rounds"), (sweeps, "sweeps"), (fit_steps, "fit_steps"))
    )
    if check_count(replicas, "replicas") < 2:
        raise ValueError(f"replicas must be at least 2, so that one is held out, got {replicas}")
    check_seed(seed)
    if spins is not None:
        check_spins(spins, model.num_spins)
    started = time.perf_counter()
    state = chain.init(replicas, seed=seed, spins=spins)
    kept: list[tuple[Tensor, Tensor, list[float], float]] = []
    group = joined()  # all of it sweeps on each process, fits are divided
    cut = False
    with finish_step_first() as stop, _bar(len(schedule), progress and group.first) as bar:
        for k, beta in enumerate(schedule):
            moves = chain if k == 0 else IndependenceMetropolis(model.at(beta), between=chain, sweeps=sweeps)
            length = sweeps if k == 0 else 1
            seen: list[tuple[Tensor, Tensor]] = []
            accepted: list[float] = []
            while len(seen) < rounds and not group.any(stop.requested):
                state, info = moves.step(state, beta, length)
                seen.append((state.spins.cpu(), info.energies[-1]))
                accepted.append(float("nan") if info.accepted is None else float(info.accepted.mean()))
            if len(seen) < rounds:
                break
            later = torch.stack([x for x, _ in seen[rounds // 2 :]], dim=1)
            key = hash_key(seed, "sequential tempering, fit", k) >> 1
            taught = fit(
                model,
                later,
                beta,
                steps=fit_steps,
                batch_size=batch_size,
                seed=key,
                optimizer=optimizer,
                learning_rate=learning_rate,
                progress=False,
            )
            energies = torch.stack([energy for _, energy in seen], dim=1)
            rates = [accepted[0], sum(accepted) / rounds]
            kept.append((state.spins, energies, rates, taught.best.log_likelihood))
            bar.set_postfix_str(f"β {beta:.3g}  accepted {rates[1]:.0%}  lowest {energies.min():g}", refresh=False)
            bar.update()
            cut = taught.interrupted
            if cut:
                break
    return _result(schedule, kept, state, rounds, chain, cut, time.perf_counter() - started)


def _result(
    schedule: tuple[float, ...],
    kept: list[tuple[Tensor, Tensor, list[float], float]],
    state: State,
    rounds: int,
    chain: Sampler,
    cut: bool,
    seconds: float,
) -> SequentialTempering:
    done = len(kept)
    if not done:  # Ctrl-C before the first β was done: the population as it is
        nothing = [float("nan"), float("nan")]
        last = state.spins.cpu()
        kept = [(last, chain.graph.energy(last)[:, None].expand(-1, rounds), nothing, nothing[0])]
    spins, energies, acceptance, likelihood = zip(*kept, strict=True)
    return SequentialTempering(
        betas=torch.tensor(schedule[: len(kept)], dtype=torch.float64),
        spins=torch.stack(spins),
        energies=torch.stack(energies),
        acceptance=torch.tensor(acceptance, dtype=torch.float64),
        log_likelihood=torch.tensor(likelihood, dtype=torch.float64),
        seconds=seconds,
        interrupted=cut or done < len(schedule),
    )


def _bar(total: int, show: bool) -> Any:
    from tqdm.auto import tqdm

    return tqdm(total=total, disable=not show, unit="β", desc="sequential tempering", leave=None, dynamic_ncols=True)
