r"""Free energies at any β from samples at several β and of several models: the multistate Bennett acceptance ratio.

Samples at β_1 … β_K, of Markov chains, have densities e^{−β_k E} with log Z_k unknown; those of models, log q with
log Z = 0; at β = 0, log Z = N log 2. All together are one sample of their mixture, whose weights give log Z and
averages at every β that they cover: M. R. Shirts and J. D. Chodera,
`J. Chem. Phys. 129, 124105 (2008) <https://arxiv.org/abs/0801.1426>`_.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from graphar._support.checks import as_float_tensor, check_beta, check_count, check_spins
from graphar._support.seeds import choose_key, hash_key
from graphar.estimators.autocorrelation import autocorrelation_time
from graphar.estimators.estimate import Estimate, is_low
from graphar.estimators.mixture import Mixture, Reweighted, join
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.hamiltonians.fingerprint import fingerprint
from graphar.hamiltonians.kinds import check_hamiltonian
from graphar.models.distribution import Distribution, check_distribution

__all__ = ["Multistate", "Thermodynamics", "mbar"]

SURE = 5.0
"""Standard errors between a chain's mean energy and that of all samples beyond which chance is no explanation."""

FEW = 25.0
"""Independent samples that two distributions must share to be tied together."""


@dataclass(frozen=True)
class Thermodynamics:
    """Averages at one β; extensive, offset included.

    Attributes:
        beta: inverse temperature β.
        log_partition: log Z.
        energy: ⟨E⟩.
        entropy: β⟨E⟩ + log Z in nats.
        heat_capacity: β²(⟨E²⟩ − ⟨E⟩²), of the whole graph.
        ess: effective number of independent samples at this β.
    """

    beta: float
    log_partition: Estimate
    energy: Estimate
    entropy: Estimate
    heat_capacity: Estimate
    ess: float

    @property
    def free_energy(self) -> Estimate:
        """F = −log Z / β; a ValueError at β = 0, where it diverges."""
        if self.beta == 0:
            raise ValueError("beta must be positive for a free energy (at beta = 0, log Z = N log 2), got 0")
        return self.log_partition * (-1 / self.beta)


@dataclass(frozen=True, eq=False)
class Multistate:
    """Samples of several β and models, joined; made by :func:`mbar`.

    Attributes:
        betas: β of the chains, as given.
        log_partition: log Z at each of them.
        times: autocorrelation time τ of each chain, in samples.
        independent: independent samples of each chain and then of each model.
        overlap: entry (j, k): mean share of j in the mixture where k is, shape (K, K); columns sum to 1.
        agreement: standard errors between each chain's own mean energy and that by all samples.
    """

    betas: tuple[float, ...]
    log_partition: tuple[Estimate, ...]
    times: tuple[float, ...]
    independent: tuple[float, ...]
    overlap: np.ndarray
    agreement: tuple[float, ...]
    _mixture: Mixture = field(repr=False)
    _energy: np.ndarray = field(repr=False)
    _spins: tuple[Tensor, ...] = field(repr=False)

    def at(self, beta: float) -> Thermodynamics:
        """Log Z and averages at any β ≥ 0.

        Warns:
            UserWarning: few effective samples at that β: it is not covered.

        Raises:
            ValueError: β is negative or not finite.
        """
        beta = check_beta(beta)
        there, energy = self._at(beta), self._energy
        if is_low(there.ess, int(self._mixture.counts.sum())):
            warnings.warn(
                f"the samples are worth {there.ess:.3g} at beta = {beta:g}, which they do not cover: "
                "log Z and averages there are unreliable",
                stacklevel=2,
            )
        mean = there.mean(energy)
        linear_mean, linear_log = there.linear_average(energy, mean), there.linear_log_partition()
        square = (energy - mean) ** 2
        variance = there.average(square)  # of first order in the error of the mean there is nothing
        error = self._mixture.error
        return Thermodynamics(
            beta,
            Estimate(there.log_value, error(linear_log)),
            Estimate(mean, error(linear_mean)),
            Estimate(beta * mean + there.log_value, error(beta * linear_mean + linear_log)),
            variance * beta**2,
            there.ess,
        )

    def average(self, function: Callable[[Tensor], Any], beta: float) -> Estimate:
        """Boltzmann average at any β of a function of spins (n, N), which gives n numbers."""
        values = [as_float_tensor(function(x), "function", torch.float64) for x in self._spins]
        for value, x in zip(values, self._spins, strict=True):
            if value.shape != x.shape[:1]:
                raise ValueError(f"function must give shape ({len(x)},) for {len(x)} spins, got {tuple(value.shape)}")
        return self._at(check_beta(beta)).average(torch.cat(values).detach().cpu().numpy())

    def _at(self, beta: float) -> Reweighted:
        return self._mixture.reweighted(-beta * self._energy)

    def __repr__(self) -> str:
        lines = [f"{len(self.betas)} beta, {len(self.independent) - len(self.betas)} models"]
        for beta, log_z, time, count in zip(self.betas, self.log_partition, self.times, self.independent, strict=False):
            lines.append(f"  beta = {beta:<8g} log Z {log_z!r:<26} {count:.4g} independent samples (tau {time:.3g})")
        return "\n".join(lines)


def mbar(
    graph: IsingGraph | SpinHypergraph,
    spins: Sequence[Any],
    betas: Iterable[float],
    models: Sequence[Distribution] = (),
    num_samples: int = 10_000,
    *,
    seed: int | None = None,
    generator: torch.Generator | None = None,
) -> Multistate:
    r"""Join samples at several β, and of several models, to log Z and averages at any β between.

    .. math:: \log Z(\beta) = \log \sum_n e^{-\beta E(x_n)} \Big/ \sum_k N_k e^{\log \tilde p_k(x_n) - \log Z_k}

    Chains alone give ratios of Z. What fixes them is a model, whose log q is normalised, or samples at β = 0, where
    log Z = N log 2. Errors know the autocorrelation of each chain; chains of different β count as independent.

    Reference: `arXiv:0801.1426 <https://arxiv.org/abs/0801.1426>`_.

    Args:
        graph: the Hamiltonian.
        spins: for each β samples of the Boltzmann distribution, ±1, shape (time, N) or (chains, time, N).
        betas: their inverse temperatures β ≥ 0.
        models: models at their β, ``model.at(beta)``, of the same graph.
        num_samples: how many samples to draw of each model.
        seed: of these samples, 0 if neither it nor ``generator`` is given.
        generator: a generator that goes on where it stands.

    Returns:
        log Z at each β, and ``.at(beta)`` and ``.average(function, beta)`` for any; see :class:`Multistate`.

    Warns:
        UserWarning: a chain shares too few samples with the rest to be tied to it; or its energies are not those that
            all samples say, being of another β or out of equilibrium.

    Raises:
        ValueError: no samples, neither a model nor β = 0, models of another graph, spins that are not ±1 of shape
            (..., N), numbers of spins and of β that differ.

    >>> import graphar as ga
    >>> graph = ga.grid((3, 4), couplings="pm1", seed=1)
    >>> betas = [0.0, 0.4, 0.8]
    >>> chains = [ga.exact.enumerate(graph, beta).sample(2000, seed=1) for beta in betas]
    >>> joined = mbar(graph, chains, betas)
    >>> abs(joined.at(0.6).log_partition.value - ga.exact.enumerate(graph, 0.6).log_partition) < 0.1
    True
    """
    check_hamiltonian(graph, alone=True)
    found = tuple(check_beta(beta) for beta in betas)
    given = _check_chains(graph, spins, len(found))
    count = check_count(num_samples, "num_samples", 2)
    listed = [_check_model(q, graph, k) for k, q in enumerate(models)]
    if not found:
        raise ValueError("betas must hold at least one beta, got none")
    if not listed and 0.0 not in found:
        raise ValueError("models must hold a model, or betas the beta 0, to fix log Z: samples alone give ratios of Z")
    key = choose_key(0 if seed is None and generator is None else seed, generator, "mbar")
    drawn = [
        torch.cat([part.spins.to("cpu", torch.int8) for part in q.draw(count, hash_key(key, "mbar", k))])
        for k, q in enumerate(listed)
    ]
    flat = [x.reshape(-1, graph.num_spins) for x in given] + drawn
    energy = np.concatenate([graph.energy(x).double().cpu().numpy() for x in flat])
    with torch.no_grad():
        densities = [-beta * energy for beta in found]
        densities += [np.concatenate([q.log_prob(x).double().cpu().numpy() for x in flat]) for q in listed]
    log_density = np.stack(densities)
    if np.isnan(log_density).any() or (log_density == math.inf).any():
        raise ValueError("log q and energies must be finite, got NaN or inf: the model's weights or couplings are not")
    shapes = [(math.prod(x.shape[:-2]), x.shape[-2]) for x in given] + [(count, 1) for _ in drawn]
    free_z = graph.num_spins * math.log(2)
    known = [free_z if beta == 0 else None for beta in found] + [0.0] * len(listed)
    mixture = join(log_density, shapes, known, _energy_times(energy, shapes))
    sizes = np.array([a * b for a, b in shapes], float)
    result = Multistate(
        found,
        tuple(mixture.log_partition_of(k) for k in range(len(found))),
        tuple((sizes / mixture.counts)[: len(found)].tolist()),
        tuple(mixture.counts.tolist()),
        mixture.overlaps(),
        tuple(_disagreement(mixture, energy, k, beta) for k, beta in enumerate(found)),
        mixture,
        energy,
        tuple(flat),
    )
    _warn(result)
    return result


def _check_chains(graph: IsingGraph | SpinHypergraph, spins: Any, count: int) -> list[Tensor]:
    try:
        listed = list(spins)
    except TypeError as error:
        raise ValueError(f"spins must be a list of samples, one entry for each beta, got {spins!r}") from error
    if len(listed) != count:
        raise ValueError(f"spins must have one entry for each of {count} beta, got {len(listed)}")
    given = []
    for k, entry in enumerate(listed):
        x = check_spins(entry, graph.num_spins, f"spins[{k}]")
        if x.dim() < 2 or x.shape[:-1].numel() < 2:
            raise ValueError(f"spins[{k}] must hold at least 2 configurations, got shape {tuple(x.shape)}")
        given.append(x.detach().to("cpu", torch.int8))
    return given


def _check_model(q: Any, graph: IsingGraph | SpinHypergraph, k: int) -> Distribution:
    other = check_distribution(q).graph
    if other is not graph and fingerprint(other) != fingerprint(graph):
        raise ValueError(f"models[{k}] must be of the same graph, got {other!r} instead of {graph!r}")
    return q


def _energy_times(energy: np.ndarray, shapes: Sequence[tuple[int, int]]) -> list[float]:
    times, first = [], 0
    for chains, steps in shapes:
        times.append(autocorrelation_time(energy[first : first + chains * steps].reshape(chains, steps)))
        first += chains * steps
    return times


def _disagreement(mixture: Mixture, energy: np.ndarray, k: int, beta: float) -> float:
    """Standard errors between the mean energy of the samples of k and that of all samples at its β."""
    there = mixture.reweighted(-beta * energy)
    mean = there.mean(energy)
    own = [float(part.mean()) for part in mixture.parts(energy)][k]
    mine = np.repeat(np.arange(len(mixture.counts)) == k, [a * b for a, b in mixture.shapes])
    linear = np.where(mine, (energy - own) / mixture.counts[k], 0.0) - there.linear_average(energy, mean)
    apart = max(0.0, abs(own - mean) - 1e-9 * float(abs(energy).max()))
    return apart / mixture.error(linear) if apart else 0.0


def _warn(result: Multistate) -> None:
    """Say which chains are not tied to what is known, and which are of another β."""
    import networkx as nx

    counts, ties = np.array(result.independent), nx.Graph()
    ties.add_nodes_from(range(len(counts)))
    enough = np.minimum(FEW, np.minimum.outer(counts, counts) / 2)
    ties.add_edges_from(zip(*np.nonzero(result._mixture.meetings() >= enough), strict=True))
    anchors = np.flatnonzero(~result._mixture.free)
    reached = set().union(*(nx.node_connected_component(ties, int(k)) for k in anchors))
    loose = [f"{beta:g}" for k, beta in enumerate(result.betas) if k not in reached]
    if loose:
        warnings.warn(
            f"samples at beta = {', '.join(loose)} share too few with the rest to be tied to a known log Z: theirs is "
            "unreliable; sample betas between",
            stacklevel=3,
        )
    wrong = [f"{result.betas[k]:g}" for k, apart in enumerate(result.agreement) if apart > SURE]
    if wrong and not loose:
        warnings.warn(
            f"samples at beta = {', '.join(wrong)} have other energies than all samples say, by "
            f"{max(result.agreement):.3g} standard errors: of another beta, or out of equilibrium",
            stacklevel=3,
        )
