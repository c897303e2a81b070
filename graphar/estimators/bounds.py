r"""The free energy between two bounds, one from samples of a model, one from samples of the Boltzmann distribution.

With L = log q(x) + βE(x),

    ⟨L⟩_q = βF + KL(q‖p) ≥ βF ≥ βF − KL(p‖q) = ⟨L⟩_p

The upper bound is the one that training minimises. A model that has lost a mode of p pays for it log 2 at most where
two modes are alike, and its samples, all of the other mode, have equal weights: neither bound nor ESS looks wrong. But
it gives the configurations of that mode next to no probability, which ⟨log q⟩_p finds out.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from graphar._support.checks import check_count
from graphar._support.seeds import choose_key
from graphar.estimators.autocorrelation import as_chains, autocorrelation_time
from graphar.estimators.estimate import Estimate, is_low
from graphar.estimators.losses import check_beta_of, check_reference, losses_of_samples, losses_of_spins, mean_loss
from graphar.kernels.compiled.threads import torch_alone
from graphar.models.distribution import Distribution, check_distribution

__all__ = ["TwoSidedBound", "between", "two_sided_bound"]

SURE = 5.0
"""Standard errors between two mean energies beyond which chance is no explanation."""


@dataclass(frozen=True)
class TwoSidedBound:
    """The free energy of the Boltzmann distribution p between two bounds; extensive, offset included.

    Attributes:
        beta: inverse temperature β.
        num_spins: N.
        num_samples: samples of the model q.
        num_reference: samples of p.
        upper: ⟨E + log q / β⟩ over q, at least F.
        lower: ⟨E + log q / β⟩ over p, at most F; −∞ where q gives a sample of p no probability.
        gap: β(upper − lower) = KL(q‖p) + KL(p‖q) in nats, zero for a perfect model.
    """

    beta: float
    num_spins: int
    num_samples: int
    num_reference: int
    upper: Estimate
    lower: Estimate
    gap: Estimate

    def __repr__(self) -> str:
        samples = f"{self.num_samples} samples of q, {self.num_reference} of p"
        rows = [
            ("F, upper bound", f"{self.upper!r}"),
            ("F, lower bound", f"{self.lower!r}"),
            ("KL(q‖p) + KL(p‖q)", f"{self.gap!r} nats"),
        ]
        head = f"beta = {self.beta:g}, {self.num_spins} spins, {samples}"
        return "\n".join([head, *(f"  {name:<24}{value}" for name, value in rows)])


@torch.no_grad()
def two_sided_bound(
    q: Distribution,
    spins: Any,
    num_samples: int = 10_000,
    *,
    seed: int | None = None,
    generator: torch.Generator | None = None,
) -> TwoSidedBound:
    r"""Bounds on the free energy from above and from below, given samples of the Boltzmann distribution.

    .. math:: \langle \log q + \beta E \rangle_q \ge \beta F \ge \langle \log q + \beta E \rangle_p

    Their gap is KL(q‖p) + KL(p‖q), which a model that has lost a mode of p cannot hide, as it can from the ESS. The
    lower bound is no better than its samples: they must be of p at the model's own β, all its modes included.
    Its standard error knows the autocorrelation of chains. Their mean energy, which tells one β from another, is
    compared with that of the model reweighted to its β.

    Args:
        q: a model at its inverse temperature, ``model.at(beta)``, β > 0.
        spins: samples of p, ±1, at least 2 of them, shape (time, N) or (chains, time, N): perfect ones by
            :func:`graphar.exact.eliminate` or :func:`graphar.exact.enumerate`, or those of Markov chains that mix, in
            their order. More axes in front are chains too.
        num_samples: how many samples of q, at least 2.
        seed: of the samples of q, 0 if neither it nor ``generator`` is given.
        generator: a generator that goes on where it stands.

    Warns:
        UserWarning: the energies of ``spins`` are not those of the model's β, by five standard errors or more.

    Raises:
        ValueError: q is no model at its β, β = 0, fewer than 2 samples of either kind, spins that are not ±1 of shape
            (..., N), or log q or energies that are no numbers.

    >>> import graphar as ga
    >>> graph = ga.grid((3, 4), couplings="ferromagnet")
    >>> exact = ga.exact.enumerate(graph, 0.5)
    >>> result = two_sided_bound(ga.Autoregressive(graph).at(0.5), exact.sample(2000, seed=1), 2000)
    >>> result.lower.value < exact.free_energy < result.upper.value
    True
    >>> perfect = ga.Autoregressive(graph, ga.heads.Exact)
    >>> abs(two_sided_bound(perfect.at(0.5), exact.sample(2000, seed=1), 2000).gap.value) < 1e-9
    True
    """
    count = check_count(num_samples, "num_samples", 2)
    check_beta_of(check_distribution(q))
    reference = check_reference(q, spins)
    key = choose_key(0 if seed is None and generator is None else seed, generator, "two-sided bound")
    above, energies = losses_of_samples(q, count, key)
    below, reference_energy = (values.reshape(-1, values.shape[-1]) for values in losses_of_spins(q, reference))
    _warn_of_another_beta(q.beta, -above, energies, reference_energy)
    return between(
        q.beta, q.graph.num_spins, count, below.numel(), mean_loss(above[:, None].numpy()), mean_loss(below.numpy())
    )


def between(
    beta: float, num_spins: int, num_samples: int, num_reference: int, upper: Estimate, lower: Estimate
) -> TwoSidedBound:
    """The bounds by ⟨L⟩ over q and over p."""
    gap = Estimate(upper.value - lower.value, math.hypot(upper.stderr, lower.stderr))
    scale = 1 / beta
    return TwoSidedBound(beta, num_spins, num_samples, num_reference, upper * scale, lower * scale, gap)


@torch_alone()
def _warn_of_another_beta(beta: float, log_weight: Tensor, energy: Tensor, reference: Tensor) -> None:
    """Compare the mean energy of samples that are given with that of samples of a model, reweighted to β.

    The energy is what β acts on: no other statistic tells two β apart as well. The error of the given mean follows from
    the variance at β, as the model knows it, or of the samples themselves, the larger: few samples of a rare excitation
    have neither right. A low ESS leaves nothing to compare with.
    """
    share = torch.softmax(log_weight, 0)
    if is_low(float(1 / (share**2).sum()), len(share)):
        return
    mean = float(share @ energy)
    deviation = (energy - mean) ** 2
    variance = max(float(share @ deviation), float(reference.var()))
    independent = reference.numel() / autocorrelation_time(as_chains(reference.numpy()))
    error, own_error = math.sqrt(variance / independent), math.sqrt(float(share**2 @ deviation))
    apart, rounding = abs(float(reference.mean()) - mean), 1e-9 * float(energy.abs().max())
    if apart > SURE * math.hypot(error, own_error) + rounding:
        warnings.warn(
            f"spins have a mean energy of {Estimate(float(reference.mean()), error)}, and the model reweighted to "
            f"beta = {beta:g} has {Estimate(mean, own_error)}: they are of another beta or correlated, or else the "
            "model has lost states",
            stacklevel=5,  # past torch.no_grad and torch_alone
        )
