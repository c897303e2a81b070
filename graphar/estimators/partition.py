"""Free energy from samples of an autoregressive model, by bound and by importance sampling.

With L = log q(x) + βE(x) for x ~ q,

    β F_q = ⟨L⟩ ≥ β F        the variational bound; the gap is KL(q‖p), zero where L is constant
    log Z = log ⟨e^{−L}⟩      the importance-sampling estimate, right for any q as samples grow
    ESS   = (Σ w)² / Σ w²     effective number of samples, w = e^{−L}

n independent samples of p miss a set of states of weight P with probability (1 − P)^n ≈ e^{−nP}: at P = 3/n once in
twenty times. So log Z by n effective samples may be short by 3/n whatever its error says, as that knows of the samples
alone. This is for states that the model draws as often as it should; of those that it draws more seldom, more may lack.

Importance sampling with neural networks: K. A. Nicoli et al.,
`Phys. Rev. E 101, 023304 (2020) <https://arxiv.org/abs/1910.13496>`_.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, overload

import torch
from torch import Tensor

from graphar._support.checks import check_count
from graphar._support.files import naming
from graphar._support.group import LONE, Group
from graphar._support.processes import joined
from graphar._support.seeds import Source, choose_first_seed, choose_key, hash_key
from graphar.estimators.bridge import bridge, warn_of
from graphar.estimators.estimate import Estimate, is_low
from graphar.estimators.free_energy_result import FreeEnergy
from graphar.estimators.losses import check_beta_of, check_reference, losses_of_spins
from graphar.estimators.tail import tail_of_weights
from graphar.kernels.compiled.threads import torch_alone
from graphar.models.agreement import agree_on_model
from graphar.models.distribution import Distribution, check_distribution
from graphar.models.union import Union, unions

__all__ = ["FreeEnergy", "estimate_from_samples", "evaluate", "evaluate_union", "free_energy"]

MISSED = 3.0
"""n P at which a set of weight P is missed by n samples in e⁻³ of cases, 5 %."""


@overload
def free_energy(
    q: Distribution,
    num_samples: int = ...,
    *,
    reference: Any = ...,
    seed: int | None = ...,
    generator: torch.Generator | None = ...,
) -> FreeEnergy: ...
@overload
def free_energy(
    q: Sequence[Distribution],
    num_samples: int = ...,
    *,
    reference: None = ...,
    seed: int | None = ...,
    generator: torch.Generator | None = ...,
) -> tuple[FreeEnergy, ...]: ...
def free_energy(
    q: Any,
    num_samples: int = 10_000,
    *,
    reference: Any = None,
    seed: int | None = None,
    generator: torch.Generator | None = None,
) -> Any:
    r"""Free energy with honest error bars, from independent samples of a model.

    .. math:: \beta F \le \langle L \rangle_q, \quad \log Z = \log \langle e^{-L} \rangle_q, \quad L = \log q + \beta E

    Standard errors are those of the mean; of log Z and reweighted averages by the delta method. They know nothing
    of rounding: a float32 model has log q to about 1e-7 relative, which shows where a model is all but exact. Nor do
    they, or the ESS, know of states that the model never draws: a model that has lost a mode finds all its samples of
    equal weight, and log Z too low by many of its errors. ``reference``, :func:`two_sided_bound` and
    :mod:`graphar.exact` tell.

    Two numbers say how far errors go. ``pareto_k``, the shape of the tail of the weights: above 0.7 they are too small
    (`arXiv:1507.02646 <https://arxiv.org/abs/1507.02646>`_). ``unseen`` = 3/ESS: a set of states of that Boltzmann
    weight is missed by as many samples once in twenty times, if the model draws it as often as the Boltzmann
    distribution does, and log Z then is short by as much.

    Reference: `arXiv:1910.13496 <https://arxiv.org/abs/1910.13496>`_.

    Args:
        q: a model at its inverse temperature, ``model.at(beta)``, β > 0; or a list of them. Number k of a list has the
            samples of seed + k, and its result is that of its model alone; small ones are drawn together.
        num_samples: how many samples, at least 2.
        reference: spins of the Boltzmann distribution at that β, shape (time, N) or (chains, time, N), from a Markov
            chain or perfect; with them ``.bridge`` holds what :func:`bennett` makes of both kinds of samples.
        seed: of the samples, 0 if neither it nor ``generator`` is given.
        generator: a generator that goes on where it stands; for a list, it draws the seed of the first.

    Returns:
        The numbers; of a list, a tuple of them, in its order.

    Warns:
        UserWarning: the ESS is below 100 and half the samples: reweighted numbers and their errors are unreliable; or
            the model was trained at another β; or the bridge to ``reference`` is doubtful, as in :func:`bennett`.

    Raises:
        ValueError: q is no model at its β, β = 0, fewer than 2 samples, weights that are not finite, or a
            ``reference`` that is none.

    >>> import graphar as ga
    >>> graph = ga.chain(6, couplings="ferromagnet")
    >>> result = free_energy(ga.Autoregressive(graph).at(0.5), 2000, seed=0)
    >>> abs(result.log_partition.value - ga.exact.enumerate(graph, 0.5).log_partition) < 0.1
    True
    """
    check_count(num_samples, "num_samples", 2)
    if isinstance(q, (list, tuple)):
        return _of_many(list(q), num_samples, reference, seed, generator)
    check_beta_of(check_distribution(q))
    given = None if reference is None else check_reference(q, reference, "reference")
    key = choose_key(0 if seed is None and generator is None else seed, generator, "free energy")
    group = joined()
    agree_on_model(group, q.model, beta=q.beta, num_samples=num_samples, seed=key, reference=given)
    result, loss, energy = _evaluated(q, num_samples, key, group)
    if given is not None:
        result = replace(result, bridge=bridge(q.beta, q.graph.num_spins, loss, energy, *losses_of_spins(q, given)))
    if result.elsewhere:
        warnings.warn(
            f"the model was trained at beta = {result.trained_beta:.10g}, not {q.beta:.10g}: it may lack states that "
            "matter there, which neither errors nor ESS show; anneal it to this beta",
            stacklevel=2,
        )
    if is_low(result.ess, num_samples):
        warnings.warn(
            f"effective sample size is {result.ess:.3g} of {num_samples} samples at beta = {q.beta:g}: log Z and "
            "reweighted averages are unreliable (biased low and with errors too small); the bound still holds",
            stacklevel=2,
        )
    if result.bridge is not None:
        warn_of(result.bridge)
    return result


def _of_many(
    each: list[Distribution], num_samples: int, reference: Any, seed: int | None, generator: torch.Generator | None
) -> tuple[FreeEnergy, ...]:
    """Number k by seed + k; those that one sweep can draw together so."""
    if reference is not None:
        raise ValueError("reference must be None for a list of models, each of which needs its own: take them in turn")
    first = choose_first_seed(seed, generator, "free energy", len(each))
    for member, q in enumerate(each):
        with naming(f"q[{member}]"):
            check_beta_of(check_distribution(q))
    found: dict[int, FreeEnergy] = {}
    models: list[Any] = [q.model for q in each]
    for members in unions(models, num_samples, lambda member: each[member].beta):
        keys = [hash_key(first + member, "free energy") for member in members]
        if len(members) == 1:
            results = [evaluate(each[members[0]], num_samples, keys[0])]
        else:
            results = evaluate_union(
                Union([models[member] for member in members]), each[members[0]].beta, num_samples, keys
            )
        found |= zip(members, results, strict=True)
    _warn_of_many([found[member] for member in range(len(each))])
    return tuple(found[member] for member in range(len(each)))


def _warn_of_many(found: list[FreeEnergy]) -> None:
    """One warning for each kind of trouble, however many models are in it."""
    for trouble, text in (
        ([each.elsewhere for each in found], "trained at another beta: they may lack states that matter there"),
        (
            [is_low(each.ess, each.num_samples) for each in found],
            "of low effective sample size: log Z and reweighted averages are unreliable; the bounds still hold",
        ),
    ):
        if any(trouble):
            count, first = sum(trouble), trouble.index(True)
            warnings.warn(f"{count} of {len(found)} models, the first of them number {first}, are {text}", stacklevel=4)


@torch.no_grad()
def evaluate_union(union: Union, beta: float, num_samples: int, keys: Sequence[int]) -> list[FreeEnergy]:
    """:func:`evaluate` of every member, from a key of each."""
    parts: list[list[tuple[Tensor, Tensor, Tensor, Tensor]]] = [[] for _ in union.models]
    for drawn in union.draw(beta, keys, num_samples):
        energy, magnetisation = union.measure(drawn.rows, drawn.log_prob.shape[1])
        for member, lowest in enumerate(energy.argmin(1).tolist()):
            spins = union.configuration(drawn.rows, member, lowest)
            parts[member].append((drawn.log_prob[member], energy[member], magnetisation[member], spins))
    results = []
    for model, chunks in zip(union.models, parts, strict=True):
        log_q, energy, magnetisation = (torch.cat([chunk[k] for chunk in chunks]) for k in range(3))
        best = min(chunks, key=lambda chunk: float(chunk[1].min()))
        best_energy, best_spins = float(model.graph.energy(best[3])), best[3]  # as it is beside no other
        result = estimate_from_samples(beta, model.num_spins, log_q, energy, magnetisation, best_energy, best_spins)
        results.append(replace(result, trained_beta=model.trained_beta))
    return results


def evaluate(q: Distribution, num_samples: int, source: Source, group: Group = LONE) -> FreeEnergy:
    """:func:`free_energy` without a word of warning, by a key or a generator, for records made in passing."""
    return _evaluated(check_distribution(q), num_samples, source, group)[0]


def _evaluated(
    q: Distribution, num_samples: int, source: Source, group: Group = LONE
) -> tuple[FreeEnergy, Tensor, Tensor]:
    """The numbers, and L and E of the samples, shape (n,); of several processes, each draws its share of these."""
    nothing = torch.zeros(0, dtype=torch.float64)
    log_q, energy, magnetisation, own = [nothing], [nothing], [nothing], group.share(num_samples)
    best_energy, best_spins = math.inf, torch.zeros(q.graph.num_spins, dtype=torch.int8)
    for drawn in q.draw(len(own), source, first=own.start) if own else ():
        energies = q.graph.energy(drawn.spins).to("cpu", torch.float64)
        lowest = int(energies.argmin())
        if energies[lowest] < best_energy:
            best_energy, best_spins = float(energies[lowest]), drawn.spins[lowest].to("cpu", torch.int8)
        log_q.append(drawn.full_log_prob.cpu())
        energy.append(energies)
        magnetisation.append(drawn.spins.sum(1, dtype=torch.float64).cpu())
    columns = [torch.cat(part) for part in (log_q, energy, magnetisation)]
    (all_log_q, all_energy, all_of_m), _ = group.gather_samples(columns, num_samples)
    best = group.lowest(best_energy, best_spins)
    result = estimate_from_samples(q.beta, q.graph.num_spins, all_log_q, all_energy, all_of_m, *best)
    if q.learned:
        result = replace(result, trained_beta=q.model.trained_beta)
    else:
        result = replace(result, exact=True, unseen=0.0)
    return result, (all_log_q + q.beta * all_energy).detach(), all_energy


@torch_alone()  # or the order of long sums, and with it their last digits, would depend on the number of threads
def estimate_from_samples(
    beta: float,
    num_spins: int,
    log_q: Tensor,
    energy: Tensor,
    magnetisation: Tensor,
    best_energy: float,
    best_spins: Tensor,
) -> FreeEnergy:
    """The numbers of :func:`free_energy` from log q, E and M of samples of q, float64, each of shape (n,)."""
    count = log_q.numel()
    loss = log_q + beta * energy
    if not bool(torch.isfinite(loss).all()):
        raise ValueError("log q and energies must be finite, got NaN or inf: the model's weights or couplings are not")
    log_w = -loss
    share = torch.softmax(log_w, 0)
    ess = 1.0 / float((share**2).sum())
    log_z = float(torch.logsumexp(log_w, 0)) - math.log(count)
    # relative error of the mean weight: var(w)/(n ⟨w⟩²) with var unbiased
    log_z_error = math.sqrt(max(0.0, count / ess - 1) / (count - 1))

    def plain(values: Tensor) -> Estimate:
        return Estimate(float(values.mean()), float(values.std()) / math.sqrt(count))

    def reweighted(values: Tensor) -> Estimate:
        mean = float(share @ values)
        variance = float((share**2) @ (values - mean) ** 2) * count / (count - 1)
        return Estimate(mean, math.sqrt(variance))

    # S = β⟨E⟩ + log Z over the Boltzmann distribution; errors of the two are correlated, so propagate the
    # influence of every sample on both.
    boltzmann_energy = reweighted(energy)
    influence = share * (beta * (energy - boltzmann_energy.value) + 1.0) - 1.0 / count
    entropy_error = math.sqrt(float((influence**2).sum()) * count / (count - 1))
    return FreeEnergy(
        beta=beta,
        num_spins=num_spins,
        num_samples=count,
        bound=plain(loss) * (1 / beta),
        log_partition=Estimate(log_z, log_z_error),
        free_energy=Estimate(log_z, log_z_error) * (-1 / beta),
        energy=plain(energy),
        entropy=plain(-log_q),
        magnetisation=plain(magnetisation),
        abs_magnetisation=plain(magnetisation.abs()),
        boltzmann_energy=boltzmann_energy,
        boltzmann_entropy=Estimate(beta * boltzmann_energy.value + log_z, entropy_error),
        boltzmann_magnetisation=reweighted(magnetisation),
        boltzmann_abs_magnetisation=reweighted(magnetisation.abs()),
        ess=ess,
        spread=float(loss.std()),
        best_energy=best_energy,
        best_spins=best_spins,
        pareto_k=tail_of_weights(log_w.detach().numpy()),
        unseen=min(1.0, MISSED / ess),
    )
