r"""Thermodynamic integration: log Z from mean energies along β.

    log Z(β) = N log 2 − ∫_0^β ⟨E⟩ dβ',   d⟨E⟩/dβ = −κ_2,   d²⟨E⟩/dβ² = κ_3

with κ_k the cumulants of the energy, which the same samples tell. Between two β, h apart, the cubic through means and
slopes gives

    ∫ ⟨E⟩ ≈ h/2 (E_0 + E_1) + h²/12 (κ_{2,1} − κ_{2,0}),

to O(h^5); the quintic through curvatures too is of O(h^7), and their difference is what is stated as the error of
interpolation. Mean and variance at β = 0 are exact.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from graphar._support.checks import check_beta
from graphar._support.seeds import make_generator
from graphar.estimators.autocorrelation import as_chains, error_of_mean
from graphar.estimators.estimate import Estimate
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.hamiltonians.kinds import check_hamiltonian

__all__ = ["ThermodynamicIntegral", "thermodynamic_integration"]

FREE = 4096
"""Random configurations that tell the third cumulant at β = 0, for the error of interpolation alone."""


@dataclass(frozen=True)
class ThermodynamicIntegral:
    """log Z along β; made by :func:`thermodynamic_integration`.

    Attributes:
        betas: inverse temperatures, the first of them 0.
        log_partition: log Z at each, with errors from samples and interpolation together.
        interpolation: the part of these errors that is interpolation's.
    """

    betas: tuple[float, ...]
    log_partition: tuple[Estimate, ...]
    interpolation: tuple[float, ...]

    @property
    def free_energy(self) -> tuple[Estimate, ...]:
        """F = −log Z / β at all β but the first, 0."""
        return tuple(z * (-1 / beta) for z, beta in zip(self.log_partition[1:], self.betas[1:], strict=True))

    def __repr__(self) -> str:
        lines = [f"log Z by integration over {len(self.betas)} beta"]
        for beta, log_z, error in zip(self.betas, self.log_partition, self.interpolation, strict=True):
            lines.append(f"  beta = {beta:<8g} log Z {log_z!r:<26} {error:.2g} of it interpolation")
        return "\n".join(lines)


def thermodynamic_integration(
    graph: IsingGraph | SpinHypergraph, energies: Sequence[Any], betas: Iterable[float]
) -> ThermodynamicIntegral:
    r"""Log Z from energies sampled at rising β, by integration from β = 0.

    .. math:: \log Z(\beta) = N \log 2 - \int_0^\beta \langle E \rangle \, d\beta'

    Errors are those of the samples, with their autocorrelation, and of interpolation. Where all series have one shape
    they may be of one run, as of parallel tempering: the error then is the larger of that for independent series, and
    that for series in step.

    Reference: J. G. Kirkwood, `J. Chem. Phys. 3, 300 (1935) <https://doi.org/10.1063/1.1749657>`_.

    Args:
        graph: the Hamiltonian.
        energies: for each β the energies of samples, extensive, offset included, shape (time,) or (chains, time).
        betas: their inverse temperatures β ≥ 0, rising; β = 0 needs no samples, and those that are given are not used.

    Raises:
        ValueError: β that do not rise, other numbers of them than of series, series of fewer than 2 numbers or not
            finite.

    >>> import graphar as ga
    >>> graph = ga.grid((3, 4), couplings="pm1", seed=1)
    >>> betas = [0.1, 0.2, 0.3, 0.4, 0.5]
    >>> energies = [graph.energy(ga.exact.enumerate(graph, beta).sample(2000, seed=0)) for beta in betas]
    >>> found = thermodynamic_integration(graph, energies, betas).log_partition[-1]
    >>> abs(found.value - ga.exact.enumerate(graph, 0.5).log_partition) < 4 * found.stderr
    True
    """
    check_hamiltonian(graph, alone=True)
    rising, series = _check(betas, energies)
    moments = [_free_moments(graph)] + [_cumulants(chains) for chains in series]
    steps = np.diff(rising).tolist()
    logs, values, bends = graph.num_spins * math.log(2), [graph.num_spins * math.log(2)], [0.0]
    for h, (mean, variance, third), (next_mean, next_variance, next_third) in zip(
        steps, moments[:-1], moments[1:], strict=True
    ):
        logs -= h / 2 * (mean + next_mean) + h**2 / 12 * (next_variance - variance)
        # quintic minus cubic: the weight of the slopes is 1/10 instead of 1/12, that of the curvatures 1/120
        change = h**2 / 60 * (next_variance - variance) + h**3 / 120 * (third + next_third)
        values.append(logs)
        bends.append(bends[-1] + abs(change))
    estimates = [Estimate(values[0], 0.0)]
    for k in range(1, len(rising)):
        estimates.append(Estimate(values[k], math.hypot(_error(series[:k], steps[:k]), bends[k])))
    return ThermodynamicIntegral(rising, tuple(estimates), tuple(bends))


def _check(betas: Iterable[float], energies: Sequence[Any]) -> tuple[tuple[float, ...], list[np.ndarray]]:
    """β from 0 on, and the series of all but the first."""
    found = tuple(check_beta(beta) for beta in betas)
    if not found or found == (0.0,) or any(b <= a for a, b in pairwise(found)):
        raise ValueError(f"betas must rise, and end above 0, got {found}")
    if len(energies) != len(found):
        raise ValueError(f"energies must have one series for each of {len(found)} beta, got {len(energies)}")
    series = [as_chains(each, f"energies[{k}]") for k, each in enumerate(energies)]
    return (found, series[1:]) if found[0] == 0 else ((0.0, *found), series)


def _free_moments(graph: IsingGraph | SpinHypergraph) -> tuple[float, float, float]:
    """Cumulants of the energy at β = 0: products of spins are uncorrelated there, of mean 0 and variance 1."""
    weights = graph.undirected()[2] if isinstance(graph, IsingGraph) else graph.hyperedge_weight
    variance = float(weights.double().square().sum() + graph.h.double().square().sum())
    generator = make_generator(0, None, "thermodynamic integration")
    x = 2 * torch.randint(2, (FREE, graph.num_spins), generator=generator, dtype=torch.int8) - 1
    return float(graph.offset), variance, _cumulants(graph.energy(x).double().cpu().numpy()[None])[2]


def _cumulants(chains: np.ndarray) -> tuple[float, float, float]:
    mean = float(chains.mean())
    deviation = chains - mean
    return mean, float((deviation**2).mean()), float((deviation**3).mean())


def _error(series: list[np.ndarray], steps: list[float]) -> float:
    """Standard error of the sum over intervals, from the linear part of each β's share in it."""
    after = [*steps[1:], 0.0]
    linear = []
    for chains, h, following in zip(series, steps, after, strict=True):
        mean, variance, _ = _cumulants(chains)
        deviation = chains - mean
        linear.append((h + following) / 2 * deviation + (h**2 - following**2) / 12 * (deviation**2 - variance))
    error = math.hypot(*(error_of_mean(each) for each in linear))
    if len({each.shape for each in linear}) > 1:
        return error
    return max(error, error_of_mean(np.sum(linear, axis=0)))
