r"""Free energy by a bridge between samples of a model and samples of the Boltzmann distribution.

With L = log q(x) + βE(x), n_q samples of the model q, n_p independent samples of p and M = log(n_q/n_p), log Z is the
root of

    Σ_q σ(−(M + L + log Z)) = Σ_p σ(M + L + log Z),

the estimate of least variance from both (C. H. Bennett, `J. Comput. Phys. 22, 245 (1976)
<https://doi.org/10.1016/0021-9991(76)90078-4>`_). All weights are between 0 and 1. A model that has lost states of p
does no harm: samples of p in these states say how much it has lost. Nor do states of p that the samples of p lack,
where both agree on what they share. A mode that both have lost is seen by neither.

Both sums are averages over the overlap, the distribution of density pq/(n_p p + n_q q). Samples of either side tell its
mean energy and mean L, whatever modes one of them lacks: where they differ, the samples are not of p at this β.
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
from graphar._support.seeds import choose_key
from graphar.estimators.autocorrelation import as_chains, autocorrelation_time, error_of_mean, gelman_rubin
from graphar.estimators.bounds import TwoSidedBound, between
from graphar.estimators.estimate import Estimate
from graphar.estimators.losses import check_beta_of, check_reference, losses_of_samples, losses_of_spins, mean_loss
from graphar.estimators.mixture import Mixture, join
from graphar.models.distribution import Distribution, check_distribution

__all__ = ["Bennett", "bennett", "bridge"]

SURE = 5.0
"""Standard errors between the two sides of the overlap beyond which chance is no explanation."""

FEW = 25.0
"""Effective samples of a side in the overlap below which its error is not to be trusted."""


@dataclass(frozen=True)
class Bennett:
    """What samples of a model q and of the Boltzmann distribution p say together; extensive, offset included.

    Attributes:
        beta: inverse temperature β.
        num_spins: N.
        num_samples: samples of q.
        num_reference: samples of p.
        log_partition: log Z.
        free_energy: F = −log Z / β.
        energy: ⟨E⟩ over p, from both kinds of samples.
        entropy: βE + log Z in nats.
        forward: log Z by importance sampling from q alone; low by −log of the part of p that q covers.
        reverse: log Z = −log⟨e^L⟩ from the samples of p alone.
        two_sided: the bounds from either side.
        overlap: ∫ pq / (αp + (1 − α)q), α the share of p among the samples: 1 where q = p, 0 where they never meet.
        ess: effective samples of that side which has fewer of them in the overlap.
        time: autocorrelation time τ of the samples of p, in samples.
        independent: n_p, independent samples of p, ``num_reference`` / τ.
        rhat: R̂ of L over the chains, 1 where they agree; NaN for fewer than 4 samples each.
        agreement: standard errors between the two sides' mean energy or L over the overlap, the larger.
    """

    beta: float
    num_spins: int
    num_samples: int
    num_reference: int
    log_partition: Estimate
    free_energy: Estimate
    energy: Estimate
    entropy: Estimate
    forward: Estimate
    reverse: Estimate
    two_sided: TwoSidedBound
    overlap: float
    ess: float
    time: float
    independent: float
    rhat: float
    agreement: float

    @property
    def coverage(self) -> float:
        """Part of p that the model covers, as its samples show: e^(forward − log Z)."""
        return math.exp(min(0.0, self.forward.value - self.log_partition.value))

    def __repr__(self) -> str:
        rows = [
            ("F", self.free_energy),
            ("log Z", self.log_partition),
            ("log Z, from q alone", self.forward),
            ("log Z, from p alone", self.reverse),
            ("energy", self.energy),
            ("entropy", self.entropy),
        ]
        samples = f"{self.num_samples} samples of q, {self.num_reference} of p"
        head = f"beta = {self.beta:g}, {self.num_spins} spins, {samples} (tau {self.time:.3g}, R̂ {self.rhat:.3g})"
        trust = f"overlap {self.overlap:.3g}, ESS in it {self.ess:.4g}, sides agree to {self.agreement:.2g} s.e."
        covered = f"q covers {100 * self.coverage:.3g} % of p"
        return "\n".join([head, *(f"  {name:<24}{value!r}" for name, value in rows), f"  {trust}, {covered}"])


def bennett(
    q: Distribution,
    spins: Any,
    num_samples: int = 10_000,
    *,
    seed: int | None = None,
    generator: torch.Generator | None = None,
) -> Bennett:
    r"""Free energy by Bennett's acceptance ratio between a model and samples of the Boltzmann distribution.

    .. math:: \sum_q \sigma(-(M + L + \log Z)) = \sum_p \sigma(M + L + \log Z), \quad L = \log q + \beta E

    It stays right where the model has lost modes that the samples have, which neither importance sampling nor its
    error can know, and where chains have not mixed between modes that the model weighs right. Modes that both lack are
    not seen. Errors know the autocorrelation of chains and, of four chains or more, how far apart they are.

    Reference: `Bennett 1976 <https://doi.org/10.1016/0021-9991(76)90078-4>`_.

    Args:
        q: a model at its inverse temperature, ``model.at(beta)``, β > 0.
        spins: samples of the Boltzmann distribution at that β, ±1, shape (time, N) or (chains, time, N): of a Markov
            chain in its order, with what precedes equilibrium left out, or independent ones. More axes in front are
            chains too.
        num_samples: how many samples of q, at least 2.
        seed: of the samples of q, 0 if neither it nor ``generator`` is given.
        generator: a generator that goes on where it stands.

    Returns:
        log Z, averages and how far to trust them; see :class:`Bennett`.

    Warns:
        UserWarning: too few effective samples in the overlap (of q, or of chains that mix slowly); or the two sides
            disagree there, the samples being of another β or out of equilibrium.

    Raises:
        ValueError: q is no model at its β, β = 0, fewer than 2 samples of either kind, spins that are not ±1 of shape
            (..., N), or log q or energies that are no numbers.

    >>> import graphar as ga
    >>> graph = ga.grid((3, 4), couplings="pm1", seed=1)
    >>> exact = ga.exact.enumerate(graph, 0.5)
    >>> result = bennett(ga.Autoregressive(graph).at(0.5), exact.sample(2000, seed=1), 2000)
    >>> abs(result.log_partition.value - exact.log_partition) < 0.1
    True
    """
    count = check_count(num_samples, "num_samples", 2)
    check_beta_of(check_distribution(q))
    reference = check_reference(q, spins)
    key = choose_key(0 if seed is None and generator is None else seed, generator, "bridge")
    loss_q, energy_q = losses_of_samples(q, count, key)
    loss_p, energy_p = losses_of_spins(q, reference)
    result = bridge(q.beta, q.graph.num_spins, loss_q, energy_q, loss_p, energy_p)
    warn_of(result)
    return result


def warn_of(result: Bennett, stacklevel: int = 3) -> None:
    """Say what makes a bridge doubtful."""
    enough = min(FEW, result.num_samples / 2, result.num_reference / 2)
    if not result.ess >= enough:
        warnings.warn(
            f"the overlap of model and spins has {result.ess:.3g} effective samples (overlap {result.overlap:.3g}, "
            f"autocorrelation time {result.time:.3g} of {result.num_reference} samples): log Z and its error are "
            "unreliable; train the model better, or take longer chains that mix",
            stacklevel=stacklevel,
        )
    elif result.agreement > SURE:
        warnings.warn(
            f"spins and model disagree by {result.agreement:.3g} standard errors over what they share: the spins are "
            f"of another beta than {result.beta:g}, or not in equilibrium, or lack states that the model draws",
            stacklevel=stacklevel,
        )


def bridge(beta: float, num_spins: int, loss_q: Tensor, energy_q: Tensor, loss_p: Tensor, energy_p: Tensor) -> Bennett:
    """:func:`bennett` from L and E of samples of q (n,) and of p (..., time), float64."""
    own, own_energy = loss_q.numpy(), energy_q.numpy()
    chains = loss_p.reshape(-1, loss_p.shape[-1]).numpy()
    energy = np.concatenate([own_energy, energy_p.reshape(-1).numpy()])
    time = autocorrelation_time(as_chains(energy_p.reshape(chains.shape)))
    loss = np.concatenate([own, chains.ravel()])
    mixture = join(
        np.stack([loss - beta * energy, -beta * energy]), [(len(own), 1), chains.shape], [0.0, None], [1, time]
    )
    boltzmann = mixture.reweighted(mixture.log_density[1])
    log_z = mixture.log_partition_of(1)
    mean = boltzmann.average(energy)
    linear = beta * boltzmann.linear_average(energy, mean.value) + mixture.answer(np.array([0.0, 1.0]))
    counts = mixture.counts
    overlap = float(mixture.overlaps()[0, 1] * counts.sum() / counts[0])
    ess = _ess(mixture, overlap)
    entropy = Estimate(beta * mean.value + log_z.value, mixture.error(linear))
    if ess < 1:  # linear response holds where samples meet: here the answer is anywhere between the bounds
        log_z, mean, entropy = (Estimate(each.value, math.inf) for each in (log_z, mean, entropy))
    return Bennett(
        beta=beta,
        num_spins=num_spins,
        num_samples=len(own),
        num_reference=chains.size,
        log_partition=log_z,
        free_energy=log_z * (-1 / beta),
        energy=mean,
        entropy=entropy,
        forward=_log_mean(-own[:, None]),
        reverse=_log_mean(chains) * -1,
        two_sided=between(beta, num_spins, len(own), chains.size, mean_loss(own[:, None]), mean_loss(chains)),
        overlap=overlap,
        ess=ess,
        time=chains.size / float(counts[1]),
        independent=float(counts[1]),
        rhat=gelman_rubin(_finite(chains)) if chains.shape[1] >= 4 else math.nan,
        agreement=_agreement(mixture, (energy, loss)),
    )


def _log_mean(chains: np.ndarray) -> Estimate:
    """log⟨e^a⟩, its error by the delta method."""
    top = float(chains.max())
    if top == -math.inf:
        return Estimate(-math.inf, math.inf)
    weight = np.exp(chains - top)
    mean = float(weight.mean())
    return Estimate(top + math.log(mean), error_of_mean(weight / mean))


def _finite(chains: np.ndarray) -> np.ndarray:
    """L for ranks: −∞ as what is below all others."""
    lost = chains == -math.inf
    rest = chains[~lost]
    return np.where(lost, (rest.min() if rest.size else 0.0) - 1.0, chains)


def _sides(mixture: Mixture) -> tuple[tuple[np.ndarray, slice], tuple[np.ndarray, slice]]:
    """Weights of the overlap on samples of q and of p, as (chains, time), and where these are."""
    own, given = mixture.shapes
    n = own[0] * own[1]
    of_q, of_p = mixture.shares[1, :n].reshape(own), mixture.shares[0, n:].reshape(given)
    return (of_q, slice(0, n)), (of_p, slice(n, None))


def _ess(mixture: Mixture, overlap: float) -> float:
    """Effective samples in the overlap on the side that has fewer, those of chains divided by τ.

    (Σw)²/Σw² alone would take samples for many whose weights are equal and next to nothing: where the sides never meet.
    """
    found = []
    for (weight, _), count in zip(_sides(mixture), mixture.counts, strict=True):
        square = float((weight**2).mean())
        alike = float(weight.mean()) ** 2 / square if square > 0 else 0.0
        found.append(float(count) * min(alike, overlap))
    return min(found)


def _agreement(mixture: Mixture, all_values: tuple[np.ndarray, ...]) -> float:
    """Standard errors between the means of the two sides over the overlap, of those values where it is the largest."""
    largest = 0.0
    for values in all_values:
        means, errors = [], []
        for weight, rows in _sides(mixture):
            part = np.where(weight > 0, values[rows].reshape(weight.shape), 0.0)
            total = float(weight.mean())
            if total == 0:
                return math.nan
            mean = float((weight * part).mean()) / total
            means.append(mean)
            errors.append(error_of_mean(weight * (part - mean) / total))
        rounding = 1e-6 * float(abs(values[np.isfinite(values)]).max())  # of a float32 model
        apart = max(0.0, abs(means[0] - means[1]) - rounding)
        largest = max(largest, apart / math.hypot(*errors) if apart else 0.0)
    return largest
