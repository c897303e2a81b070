r"""Exact statistical mechanics by visiting all 2^N configurations, N ≤ 24.

A configuration is coded by an integer: bit i is set where spin i is +1, site 0 being the lowest bit. Energies are
made by :mod:`graphar.exact.energies`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from graphar._support.checks import as_float_tensor, check_beta, check_count, check_spins
from graphar._support.seeds import make_generator
from graphar.exact.energies import energies_by_code
from graphar.exact.scale import check_scale, finite, free_energy, scale
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.hamiltonians.kinds import check_hamiltonian

__all__ = ["MAX_GROUND_STATES", "MAX_SPINS", "Enumeration", "codes_from_spins", "enumerate", "spins_from_codes"]

MAX_SPINS = 24
MAX_GROUND_STATES = 2**16
_TIE = 1e-12  # gaps below this part of Σ|J| + Σ|h| are rounding
_CHUNK = 2**20  # configurations weighed at once


def enumerate(graph: IsingGraph | SpinHypergraph, beta: float) -> Enumeration:
    r"""Exact :math:`P(x) = e^{-\beta H(x)} / Z` of a graph of at most 24 spins, in float64.

    Args:
        graph: couplings, or interactions of any numbers of spins, and fields.
        beta: inverse temperature β ≥ 0.

    Returns:
        Partition function, averages, ground states, samples and conditionals; see :class:`Enumeration`.

    Raises:
        ValueError: more than 24 spins, a batch of several graphs, β negative or not finite, energies or β times them
            that leave float64.

    >>> import graphar
    >>> from graphar.exact import enumerate
    >>> pair = graphar.IsingGraph.from_edges([[0], [1]], 1.0)
    >>> exact = enumerate(pair, beta=0.5)
    >>> exact
    Enumeration(2 spins, beta=0.5, log_partition=1.506409)
    >>> exact.correlations[0, 1]  # tanh β
    tensor(0.4621, dtype=torch.float64)
    """
    check_hamiltonian(graph, alone=True)
    if graph.num_spins > MAX_SPINS:
        raise ValueError(
            f"graph must have at most {MAX_SPINS} spins to be enumerated, got {graph.num_spins}; "
            "graphar.free_energy estimates larger ones with an error bar"
        )
    beta = check_beta(beta)
    check_scale(graph, beta)
    gaps = energies_by_code(graph)
    lowest = gaps.min().item()
    return Enumeration(graph=graph, beta=beta, ground_energy=lowest + graph.offset.item(), gaps=gaps.sub_(lowest))


@dataclass(frozen=True, eq=False)
class Enumeration:
    """All 2^N configurations of a graph at one temperature; made by :func:`enumerate`.

    Energies and their moments are extensive, entropies and log-probabilities in nats, spins in the graph's site
    order. What takes long is computed when first asked for and kept.

    Attributes:
        graph: the graph.
        beta: inverse temperature β.
        ground_energy: lowest energy, offset included.
        gaps: energies above ``ground_energy`` in the order of the codes, shape (2^N,).
    """

    graph: IsingGraph | SpinHypergraph
    beta: float
    ground_energy: float
    gaps: Tensor = field(repr=False)

    @property
    def num_spins(self) -> int:
        """N."""
        return self.graph.num_spins

    # Thermodynamics.

    @property
    def log_partition(self) -> float:
        r""":math:`\log Z = \log \sum_x e^{-\beta H(x)}`."""
        return math.log(self._total) - self.beta * self.ground_energy

    @property
    def free_energy(self) -> float:
        """F = −log Z / β; a ValueError at β = 0, where it diverges."""
        return free_energy(self.log_partition, self.beta)

    @property
    def energy(self) -> float:
        """Mean energy ⟨H⟩ = −∂ log Z/∂β."""
        return self.ground_energy + self._mean_gap

    @cached_property
    def energy_variance(self) -> float:
        """⟨H²⟩ − ⟨H⟩² = ∂² log Z/∂β²."""
        return finite(self._deviation * self._deviation, "energy_variance")

    @property
    def heat_capacity(self) -> float:
        """C = β² (⟨H²⟩ − ⟨H⟩²), of the whole graph."""
        return (self.beta * self._deviation) ** 2

    @property
    def entropy(self) -> float:
        """S = −Σ P log P = log Z + β⟨H⟩ in nats."""
        return math.log(self._total) + self.beta * self._mean_gap

    @property
    def magnetisation(self) -> Tensor:
        """⟨x_i⟩, shape (N,)."""
        return self._moments[0]

    @property
    def correlations(self) -> Tensor:
        """⟨x_i x_j⟩, not connected, shape (N, N); 1 on the diagonal."""
        return self._moments[1]

    # Ground states.

    @cached_property
    def degeneracy(self) -> int:
        """Number of configurations of the lowest energy, up to rounding: a relative 1e-12 of Σ|J| + Σ|h|."""
        return int((self.gaps <= _TIE * scale(self.graph)).sum())

    @property
    def ground_states(self) -> Tensor:
        """Configurations of the lowest energy, int8, shape (K, N) in the order of their codes.

        K is ``degeneracy``, or 2^16, the first that many, if there are more.
        """
        codes = (self.gaps <= _TIE * scale(self.graph)).nonzero()[:MAX_GROUND_STATES, 0]
        return spins_from_codes(codes, self.num_spins)

    # The distribution.

    def log_prob(self, spins: Any) -> Tensor:
        """log P(x) of configurations of shape (..., N), in nats; shape (...)."""
        return -self.beta * self.gaps[codes_from_spins(spins, self.num_spins)] - math.log(self._total)

    def sample(self, num_samples: int, *, seed: int | None = None, generator: torch.Generator | None = None) -> Tensor:
        """Independent perfect samples, int8 of shape (num_samples, N), from a seed or a generator."""
        count, rng = check_count(num_samples, "num_samples"), make_generator(seed, generator)
        uniform = torch.rand(count, generator=rng, dtype=torch.float64)
        codes = torch.searchsorted(self._cumulative, uniform * self._cumulative[-1], right=True)
        return spins_from_codes(codes.clamp_(max=len(self.gaps) - 1), self.num_spins)

    def conditional_logits(self, spins: Any, sites: Any) -> Tensor:
        r"""Exact autoregressive conditionals along an order of the sites.

        .. math:: \text{logit}_i = \log \frac{P(x_i = +1 \mid x_{<i})}{P(x_i = -1 \mid x_{<i})}

        where x_{<i} are the spins that stand before i in ``sites``; hence
        log P(x) = Σ_i logsigmoid(x_i logit_i) in any order.

        Args:
            spins: ±1, full configurations, shape (..., N).
            sites: the order, a permutation of 0…N−1, shape (N,); ``sites[0]`` comes first.

        Returns:
            Logits of shape (..., N) in site order.

        Raises:
            ValueError: spins that are not ±1 of shape (..., N), sites that are no permutation.
        """
        n = self.num_spins
        x = check_spins(spins, n)
        order = _check_permutation(sites, n)
        up = (x.detach().cpu().reshape(-1, n) > 0).to(torch.int64)
        # one axis a site, ordered so that the first site of the order is the most significant bit
        axes = [n - 1 - site for site in order]
        log_sums = self.gaps.reshape((2,) * n).permute(axes).clone(memory_format=torch.contiguous_format)
        log_sums = log_sums.view(-1).mul_(-self.beta)
        powers = 2 ** torch.arange(n - 1, -1, -1)
        codes = (up[:, order] * powers).sum(dim=1)
        logits = torch.empty(up.shape, dtype=torch.float64)
        for site in reversed(order):
            codes = codes >> 1  # the spins before this site
            down, plus = log_sums.view(-1, 2).unbind(dim=1)
            logits[:, site] = plus[codes] - down[codes]
            log_sums = torch.logaddexp(down, plus)
        return logits.reshape(x.shape)

    # Sums over configurations.

    @cached_property
    def _total(self) -> float:
        """Z e^{βE₀}, at least 1."""
        return self._sum_weighted(torch.ones_like)

    @cached_property
    def _mean_gap(self) -> float:
        return self._sum_weighted(lambda gaps: gaps) / self._total

    @cached_property
    def _deviation(self) -> float:
        """Of the energy; its square may be too large for a number, or too small."""
        unit = math.ldexp(1.0, math.frexp(self.gaps.max().item())[1])
        return unit * math.sqrt(self._sum_weighted(lambda gaps: ((gaps - self._mean_gap) / unit) ** 2) / self._total)

    def _sum_weighted(self, of: Callable[[Tensor], Tensor]) -> float:
        """Sum of a function of the gap with weights e^{−β gap}."""
        return math.fsum((self._weights(gaps) * of(gaps)).sum().item() for gaps in self.gaps.split(_CHUNK))

    def _weights(self, gaps: Tensor) -> Tensor:
        return torch.mul(gaps, -self.beta).exp_()

    @cached_property
    def _moments(self) -> tuple[Tensor, Tensor]:
        """⟨x_i⟩ and ⟨x_i x_j⟩, the codes read as a table of high bits × low bits: no (2^N, N) array of spins."""
        n = self.num_spins
        low = (n + 1) // 2
        low_spins = spins_from_codes(torch.arange(2**low), low).double()
        high_spins = spins_from_codes(torch.arange(2 ** (n - low)), n - low).double()
        table = self.gaps.view(2 ** (n - low), 2**low)
        low_weights = torch.zeros(2**low, dtype=torch.float64)
        high_weights, low_sums = [], []
        for gaps in table.split(max(1, _CHUNK >> low)):
            weights = self._weights(gaps)
            low_weights += weights.sum(dim=0)
            high_weights.append(weights.sum(dim=1))
            low_sums.append(weights @ low_spins)
        high_weight = torch.cat(high_weights)
        first = torch.cat([low_weights @ low_spins, high_weight @ high_spins]) / self._total
        second = torch.empty(n, n, dtype=torch.float64)
        second[:low, :low] = low_spins.T @ (low_weights[:, None] * low_spins)
        second[low:, low:] = high_spins.T @ (high_weight[:, None] * high_spins)
        second[low:, :low] = high_spins.T @ torch.cat(low_sums)
        second[:low, low:] = second[low:, :low].T
        return first, second.div_(self._total).fill_diagonal_(1.0)

    @cached_property
    def _cumulative(self) -> Tensor:
        return self._weights(self.gaps).cumsum_(dim=0)

    def __repr__(self) -> str:
        spins = f"{self.num_spins} spin{'' if self.num_spins == 1 else 's'}"
        return f"Enumeration({spins}, beta={self.beta:g}, log_partition={self.log_partition:.6f})"


def spins_from_codes(codes: Tensor, num_spins: int) -> Tensor:
    """Spins ±1 (int8, shape (..., N)) of integer codes of shape (...): bit i set where x_i = +1.

    >>> spins_from_codes(torch.tensor([0, 1, 6]), 3).tolist()
    [[-1, -1, -1], [1, -1, -1], [-1, 1, 1]]
    """
    bits = codes[..., None] >> torch.arange(num_spins, device=codes.device) & 1
    return (2 * bits - 1).to(torch.int8)


def codes_from_spins(spins: Any, num_spins: int) -> Tensor:
    """Integer codes of spins ±1 of shape (..., N), the inverse of :func:`spins_from_codes`, N ≤ 63.

    >>> codes_from_spins([[1, -1, -1], [-1, 1, 1]], 3).tolist()
    [1, 6]
    """
    if num_spins > 63:
        raise ValueError(f"num_spins must be at most 63 for integer codes, got {num_spins}")
    bits = (check_spins(spins, num_spins).detach().cpu() > 0).to(torch.int64)
    return (bits << torch.arange(num_spins)).sum(dim=-1)


def _check_permutation(sites: Any, num_spins: int) -> list[int]:
    order = as_float_tensor(sites, "sites")
    if order.shape != (num_spins,) or not torch.equal(order.cpu().sort().values, torch.arange(num_spins).to(order)):
        raise ValueError(f"sites must be a permutation of 0…{num_spins - 1}, got {order.tolist()}")
    return [int(site) for site in order.tolist()]
