"""Eliminations of one plan at many β and fields, split to fit in memory; here ranks are put back into sites."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from graphar.elimination.cost import predict
from graphar.elimination.tables import Eliminator
from graphar.exact.conditioning import Conditioned
from graphar.exact.maximum import count_ties
from graphar.frontier import Frontier

__all__ = ["EliminationBatch", "GroundStates"]

_TIE = 1e-12  # gaps below this part of Σ|J| + Σ|h| are rounding, as in enumeration
_DRAWN = 2**22  # spins drawn at once


@dataclass(frozen=True)
class GroundStates:
    """Ground energies (F,), a ground state each (F, N), their numbers (F,) and the logarithms of these."""

    energy: Tensor
    state: Tensor
    degeneracy: Tensor
    entropy: Tensor


class EliminationBatch:
    """B runs: one for each of ``beta`` (B,), with the row of the conditioned graph that ``rows`` (B,) says."""

    def __init__(self, frontier: Frontier, given: Conditioned, beta: Tensor, rows: Tensor, memory: float) -> None:
        device = beta.device
        self.given, self.beta, self.rows = given, beta, rows
        self.plan = Eliminator(frontier, terms=given.terms)
        self.sites, self.ranks = (part.to(device) for part in (frontier.ordering.sites, frontier.ordering.ranks))
        self.coupling = frontier.arrival_weight.detach().to(device, torch.float64)[None]
        self.field = given.field[:, self.sites]
        self.held = None if given.held is None else given.held[:, self.sites]
        self.roots = self.plan.offset[self.plan.outgoing].to(device)
        self.at_once = max(1, int(memory // predict(frontier)[0]))
        self._kept: tuple[Tensor, Tensor, Tensor] | None = None

    def tables(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Which runs, their log-odds (b, total) and log Z (b,); kept for the next time if all runs fit together."""
        if self._kept is not None:
            yield self._kept
            return
        for runs in torch.arange(len(self.beta), device=self.beta.device).split(self.at_once):
            odds, log_sums = self._sum_out(runs, None if self.held is None else self.held[self.rows[runs]])
            found = runs, odds, log_sums - self.beta[runs] * self.given.constant[self.rows[runs]]
            if len(runs) == len(self.beta):
                self._kept = found
            yield found

    def each_odds(self) -> Iterator[Tensor]:
        """Log-odds (total,) of every run."""
        for _, odds, _ in self.tables():
            yield from odds

    def averages(self, up: int | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """⟨x_i⟩ by site, (B, N), ⟨x_i x_j⟩ by edge, (B, E), and ⟨Π x⟩ by term, (B, M).

        If ``up`` is given, this site is held at +1.
        """
        each = (odds for _, odds, _ in self.tables()) if up is None else self._odds_given(up)
        mean, by_arrival, by_term = (torch.cat(parts) for parts in zip(*map(self._pull_back, each), strict=True))
        return mean[:, self.ranks], by_arrival[:, self._arrival_of_edge()], by_term

    def _odds_given(self, up: int) -> Iterator[Tensor]:
        for runs in torch.arange(len(self.beta), device=self.beta.device).split(self.at_once):
            held = self.beta.new_zeros(len(runs), len(self.sites)) if self.held is None else self.held[self.rows[runs]]
            held[:, self.ranks[up]] = 1.0
            yield self._sum_out(runs, held)[0]

    def _sum_out(self, runs: Tensor, held: Tensor | None) -> tuple[Tensor, Tensor]:
        beta = self.beta[runs, None]
        many = beta * self.given.many[self.rows[runs]]
        odds, sums = self.plan.sum_out(beta * self.coupling, beta * self.field[self.rows[runs]], held, many)
        return odds, sums[:, self.roots].sum(1)

    def _pull_back(self, odds: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        weights = torch.zeros_like(odds)
        weights[:, self.roots] = 1.0
        by_term = weights.new_empty(len(weights), self.plan.num_terms)
        by_arrival, mean = self.plan.pull_back(odds, weights, by_term)
        return mean, by_arrival, by_term

    def _arrival_of_edge(self) -> Tensor:
        frontier = self.plan.frontier
        i, j, _ = self.given.graph.undirected()
        ends = self.ranks[torch.stack([i, j])]
        keys = frontier.arrival_target * len(self.sites) + frontier.arrival_source
        return torch.searchsorted(keys.to(i.device), ends.amax(0) * len(self.sites) + ends.amin(0))

    # Spins.

    def logits(self, odds: Tensor, spins: Tensor) -> Tensor:
        """Exact logits of ``spins`` (M, N), from the log-odds of one run."""
        return self.plan.logits(odds, (spins.T[self.sites] > 0).long())[self.ranks].T

    def draw(self, odds: Tensor, count: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Samples (count, N), int8, and their log-probabilities, from the log-odds of one run."""
        n = len(self.sites)
        spins = torch.empty(count, n, dtype=torch.int8, device=odds.device)
        log_prob = odds.new_empty(count)
        step = max(1, _DRAWN // n)
        for first in range(0, count, step):
            uniforms = torch.rand(min(step, count - first), n, generator=rng, dtype=torch.float64, device=rng.device)
            # u < σ(logit) where logit > log u/(1 − u); finite also for u = 0
            threshold = torch.special.logit(uniforms.to(odds.device), eps=2.0**-54).T[self.sites]
            up = torch.zeros_like(threshold, dtype=torch.int64)
            logits = self.plan.draw(odds, up, threshold)
            x = 2 * up - 1
            spins[first : first + step] = x[self.ranks].T
            log_prob[first : first + step] = logsigmoid(logits * x).sum(0)
        return spins, log_prob

    # Ground states, one run for each row.

    def each_ground_odds(self) -> Iterator[Tensor]:
        """Log-odds (total,) among the ground states of every row."""
        for _, odds, _, _ in self._maximise():
            yield from odds

    def lowest(self) -> GroundStates:
        """Energies, states and numbers of every row."""
        energies, states, degeneracies, entropies = [], [], [], []
        for energy, odds, counts, exponent in self._maximise():
            energies.append(energy)
            degeneracies.append(counts.prod(1) * torch.pow(2.0, exponent))
            entropies.append(counts.log().sum(1) + exponent * torch.log(counts.new_tensor(2.0)))
            for row in odds:
                up = torch.zeros(len(self.sites), 1, dtype=torch.int64, device=odds.device)
                self.plan.draw(row, up, odds.new_zeros(up.shape))
                states.append((2 * up[self.ranks, 0] - 1).to(torch.int8))
        return GroundStates(torch.cat(energies), torch.stack(states), torch.cat(degeneracies), torch.cat(entropies))

    def _maximise(self) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
        """Lowest energies, log-odds among the ground states, the roots' counts and their binary exponent."""
        scale = self.coupling.abs().sum() + self.given.many.abs().sum(1) + self.field.abs().sum(1)
        for rows in torch.arange(len(self.field), device=self.beta.device).split(self.at_once):
            held = None if self.held is None else self.held[rows]
            gaps, best = self.plan.sum_out(self.coupling, self.field[rows], held, self.given.many[rows], torch.maximum)
            energy = self.given.constant[rows] - best[:, self.roots].sum(1)
            del best  # before the counts need the room
            yield energy, gaps, *count_ties(self.plan, gaps, _TIE * scale[rows])
