"""What variable elimination knows of a graph: log Z, averages, perfect samples, conditionals, ground states."""

from __future__ import annotations

from functools import cached_property
from typing import Any, final

import torch
from torch import Tensor

from graphar._support.checks import check_count, check_spins
from graphar._support.seeds import make_generator
from graphar.elimination.cost import OrderingLike, choose
from graphar.exact.batch import EliminationBatch, GroundStates
from graphar.exact.conditioning import Interactions, condition
from graphar.exact.scale import finite
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.hamiltonians.edges import as_sites
from graphar.ordering import Ordering

__all__ = ["Elimination"]


@final
class Elimination:
    """A graph at one or several temperatures, solved by elimination; made by :func:`~graphar.exact.eliminate`.

    Results have the shape of β and of the rows of ``fixed``, broadcast together: (...), of no axes for a single β.
    Energies are extensive, entropies and log-probabilities in nats, spins in the graph's site order. What takes long
    is computed when first asked for and kept.

    Attributes:
        graph: the graph.
        beta: inverse temperatures β, float64.
        fixed: spins held, or None.
        ordering: the order of summation, last rank first.
        width: largest separator; the largest table has 2^width entries.
    """

    def __init__(
        self,
        graph: IsingGraph | SpinHypergraph,
        beta: Tensor,
        ordering: OrderingLike | None,
        fixed: Tensor | None,
        memory: float,
    ) -> None:
        self.graph, self.beta, self.fixed = graph, beta, fixed
        self._pairs = graph if isinstance(graph, IsingGraph) else graph.skeleton()
        self._many = Interactions.of(graph)
        self._given = given = condition(self._pairs, self._many, fixed)
        try:
            self._shape = torch.broadcast_shapes(beta.shape, given.shape)
        except RuntimeError as error:
            raise ValueError(
                f"fixed must have rows that broadcast with beta of shape {tuple(beta.shape)}, got {tuple(given.shape)}"
            ) from error
        rows = torch.arange(given.shape.numel()).reshape(given.shape).expand(self._shape).flatten().to(beta.device)
        frontier = choose(given.graph, ordering, memory)
        self._runs = EliminationBatch(frontier, given, beta.expand(self._shape).flatten(), rows, memory)
        self.ordering: Ordering = frontier.ordering
        self.width = frontier.width

    @property
    def num_spins(self) -> int:
        """N."""
        return self.graph.num_spins

    def __repr__(self) -> str:
        spins = f"{self.num_spins} spin{'' if self.num_spins == 1 else 's'}"
        if self.fixed is not None:
            spins += f", {int((self.fixed != 0).any(dim=tuple(range(self.fixed.dim() - 1))).sum())} of them fixed"
        beta = f"beta={self.beta.item():g}" if self.beta.dim() == 0 else f"beta of shape {tuple(self.beta.shape)}"
        return f"Elimination({spins}, {self.ordering.name} order, width {self.width}, {beta})"

    # Thermodynamics.

    @cached_property
    def log_partition(self) -> Tensor:
        r""":math:`\log Z = \log \sum_x e^{-\beta H(x)}` over the free spins, shape (...)."""
        return torch.cat([log_sums for _, _, log_sums in self._runs.tables()]).reshape(self._shape)

    @property
    def free_energy(self) -> Tensor:
        """F = −log Z / β, shape (...); a ValueError at β = 0, where it diverges."""
        if bool((self.beta == 0).any()):
            raise ValueError("free_energy needs beta > 0, got 0; log_partition is finite there")
        free_energy = -self.log_partition / self.beta
        finite(free_energy.abs().max().item(), "free_energy")
        return free_energy

    @property
    def energy(self) -> Tensor:
        """Mean energy ⟨H⟩ = −∂ log Z/∂β, shape (...)."""
        J = self._pairs.undirected()[2].detach().double()
        h, offset = self.graph.h.detach().double(), self.graph.offset.detach().double()
        energy = offset[0] - self.edge_correlations @ J - self.magnetisation @ h
        return energy if self._many is None else energy - self._many_correlations @ self._many.couplings

    @property
    def entropy(self) -> Tensor:
        """S = −Σ P log P = log Z + β⟨H⟩ in nats, shape (...)."""
        return self.log_partition + self.beta * self.energy

    @property
    def magnetisation(self) -> Tensor:
        """⟨x_i⟩, shape (..., N)."""
        return self._averages[0].reshape(*self._shape, -1)

    @cached_property
    def edge_correlations(self) -> Tensor:
        """⟨x_i x_j⟩ on the edges, not connected, shape (..., E), in the order of ``graph.undirected()``.

        Of a hypergraph, on those of ``graph.primal_graph()``.
        """
        mean, by_edge, _ = self._averages
        i, j, _ = self._pairs.undirected()
        averages = mean[:, i] * mean[:, j]  # as it is where one of the two is held
        averages[:, self._given.kept] = by_edge
        return averages.reshape(*self._shape, -1)

    @cached_property
    def interaction_correlations(self) -> Tensor:
        """⟨Π_{i∈a} x_i⟩ of the interactions of a hypergraph, in their order, shape (..., A); of a graph, its edges."""
        if isinstance(self.graph, IsingGraph) or self._many is None:
            return self.edge_correlations
        site, orders = self.graph.members()
        i, j, _ = self._pairs.undirected()
        out = self.magnetisation.new_empty(*self._shape, len(orders))
        ends = site[torch.repeat_interleave(orders == 2, orders)].reshape(-1, 2)
        at = torch.searchsorted(i * self.num_spins + j, ends[:, 0] * self.num_spins + ends[:, 1])
        out[..., orders == 2] = self.edge_correlations[..., at]
        out[..., self._many.which] = self._many_correlations
        return out

    @cached_property
    def _many_correlations(self) -> Tensor:
        """Those of three sites and more."""
        assert self._many is not None
        mean, _, by_term = self._averages
        if self.fixed is None:
            return by_term.reshape(*self._shape, -1)
        held = self.fixed.reshape(-1, self.num_spins)
        signs, free, left = self._many.given(held, (held != 0).all(dim=0))
        averages = torch.ones(len(mean), len(left), dtype=mean.dtype, device=mean.device)
        averages[:, left == 1] = mean[:, free[(left == 1)[torch.repeat_interleave(left)]]]
        averages[:, left > 1] = by_term
        return (averages * signs[self._runs.rows]).reshape(*self._shape, -1)

    def pair_correlations(self, pairs: Any) -> Tensor:
        """⟨x_i x_j⟩ of any pairs of sites, not connected; one more elimination for each different site i.

        Args:
            pairs: sites i and j, shape (2, K).

        Returns:
            Averages of shape (..., K).
        """
        i, j = as_sites(pairs).to(self.beta.device)
        outside = torch.cat([i, j])[(torch.cat([i, j]) < 0) | (torch.cat([i, j]) >= self.num_spins)]
        if outside.numel():
            raise ValueError(f"pairs must hold sites 0…{self.num_spins - 1}, got {outside[0].item()}")
        mean = self._averages[0]
        out = mean.new_empty(len(mean), len(i))
        for site in i.unique().tolist():
            # ⟨x_i x_j⟩ = p₊⟨x_j⟩₊ − p₋⟨x_j⟩₋ and ⟨x_j⟩ = p₊⟨x_j⟩₊ + p₋⟨x_j⟩₋
            here = i == site
            given_up = self._runs.averages(up=site)[0]
            out[:, here] = (1 + mean[:, [site]]) * given_up[:, j[here]] - mean[:, j[here]]
        return out.reshape(*self._shape, -1)

    @cached_property
    def _averages(self) -> tuple[Tensor, Tensor, Tensor]:
        return self._runs.averages()

    # The distribution.

    def log_prob(self, spins: Any) -> Tensor:
        """log P(x) in nats, −∞ for spins that contradict ``fixed``.

        Args:
            spins: ±1, shape (..., *S, N): for each β and row of ``fixed``, configurations of any shape S.

        Returns:
            Log-probabilities of shape (..., *S).
        """
        x = self._check_spins(spins)
        lead = (*self._shape, *(1,) * (x.dim() - 1 - len(self._shape)))
        beta, log_partition = self.beta.expand(self._shape).reshape(lead), self.log_partition.reshape(lead)
        log_prob = -beta * self.graph.to(torch.float64).energy(x) - log_partition
        if self.fixed is None:
            return log_prob
        held = self.fixed.expand(*self._shape, -1).reshape(*lead, -1)
        return log_prob.masked_fill((held * x < 0).any(-1), -torch.inf)

    def conditional_logits(self, spins: Any) -> Tensor:
        r"""Exact conditionals along ``ordering``, looked up in the tables.

        .. math:: \text{logit}_i = \log \frac{P(x_i = +1 \mid x_{<i})}{P(x_i = -1 \mid x_{<i})}

        Args:
            spins: ±1, shape (..., *S, N) as for :meth:`log_prob`.

        Returns:
            Logits of the same shape in site order, ±∞ for spins that are held.
        """
        x = self._check_spins(spins)
        by_row = x.reshape(self._shape.numel(), -1, self.num_spins)
        each = zip(by_row, self._runs.each_odds(), strict=True)
        return torch.stack([self._runs.logits(odds, row) for row, odds in each]).reshape(x.shape)

    def sample(self, num_samples: int, *, seed: int | None = None, generator: torch.Generator | None = None) -> Tensor:
        """Independent perfect samples, int8; see :meth:`sample_with_log_prob`."""
        return self.sample_with_log_prob(num_samples, seed=seed, generator=generator)[0]

    def sample_with_log_prob(
        self, num_samples: int, *, seed: int | None = None, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Independent perfect samples and their log-probabilities.

        Args:
            num_samples: how many for each β and row of ``fixed``.
            seed: of a fresh generator; or
            generator: one that goes on where it stands.

        Returns:
            Spins (..., num_samples, N), int8, and log P(x), (..., num_samples).
        """
        count, rng = check_count(num_samples, "num_samples"), make_generator(seed, generator)
        drawn = [self._runs.draw(odds, count, rng) for odds in self._runs.each_odds()]
        spins, log_probs = (torch.stack(parts) for parts in zip(*drawn, strict=True))
        return spins.reshape(*self._shape, count, -1), log_probs.reshape(*self._shape, count)

    def _check_spins(self, spins: Any) -> Tensor:
        x = check_spins(spins, self.num_spins).detach().to(self.beta.device)
        if x.shape[:-1][: len(self._shape)] != self._shape:
            wanted = ", ".join(map(str, (*self._shape, "...", self.num_spins)))
            raise ValueError(f"spins must have shape ({wanted}), got {tuple(x.shape)}")
        return x

    # Ground states: of the shape of the rows of ``fixed``, as β plays no part.

    @property
    def ground_energy(self) -> Tensor:
        """Lowest energy of the free spins, offset included, (...) as the rows of ``fixed``."""
        return self._lowest.energy.reshape(self._given.shape)

    @property
    def ground_state(self) -> Tensor:
        """A configuration of the lowest energy, int8, (..., N) as the rows of ``fixed``."""
        return self._lowest.state.reshape(*self._given.shape, -1)

    @property
    def degeneracy(self) -> Tensor:
        """Number of configurations of the lowest energy, float64, (...) as the rows of ``fixed``.

        Exact below 2^53, ∞ above 1e308; energies are equal up to a relative 1e-12 of Σ|J| + Σ|h|.
        """
        return self._lowest.degeneracy.reshape(self._given.shape)

    @property
    def ground_entropy(self) -> Tensor:
        """log of the number of ground states, (...) as the rows of ``fixed``; finite also where that is not."""
        return self._lowest.entropy.reshape(self._given.shape)

    def sample_ground_states(
        self, num_samples: int, *, seed: int | None = None, generator: torch.Generator | None = None
    ) -> Tensor:
        """Ground states drawn independently, each as likely as any other; int8, (..., num_samples, N)."""
        count, rng = check_count(num_samples, "num_samples"), make_generator(seed, generator)
        drawn = [self._runs.draw(odds, count, rng)[0] for odds in self._runs.each_ground_odds()]
        return torch.stack(drawn).reshape(*self._given.shape, count, -1)

    @cached_property
    def _lowest(self) -> GroundStates:
        return self._runs.lowest()
