"""The algorithm in torch and PyG message passing, level by level: the definition of truth.

Spins and arrivals are kept as (rows, batch), rows by rank. Drawing level t of the DAG means

1. every spin i of the level reads its inbox, the arrivals that hold ξ_il for its frontier pairs, and the head
   turns them into logit_i;
2. x_i = +1 where u_i < σ(logit_i), for a uniform u_i;
3. x_i is sent along its edges to later spins l: the arrival of l after i is the one before it plus J_il x_i.

For given spins all arrivals are known at once, so the density takes a single step.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from graphar.frontier import Frontier
from graphar.heads.base import BoundHead, Inbox, SiteInputs

__all__ = ["ReferenceKernel", "Sampled"]


@dataclass(frozen=True)
class Sampled:
    """Spins by rank (N, batch) with log q (batch,) and the energy without offset (batch,), both float64."""

    spins: Tensor
    log_prob: Tensor
    energy: Tensor


class ReferenceKernel(nn.Module):
    """Samples and densities of a bound head over a frontier; a module only to move between devices.

    Args:
        frontier: the structure.
        reads: the inbox that the head opens.
        dtype: floating type of messages and logits.
        levels: step at which each rank is drawn; those of the DAG by default. ``arange(N)`` draws one by one.
    """

    def __init__(self, frontier: Frontier, reads: str, dtype: torch.dtype, levels: Tensor | None = None) -> None:
        super().__init__()
        levels = frontier.levels(reads) if levels is None else levels
        self.num_spins, self.num_arrivals = frontier.num_spins, frontier.num_arrivals
        self.reads = reads

        def keep(name: str, tensor: Tensor) -> None:
            self.register_buffer(name, tensor, persistent=False)

        keep("field", frontier.graph.h.to("cpu", dtype)[frontier.ordering.sites, None])
        # The last row of the arrivals stays zero: what a spin without earlier neighbours has received.
        nothing = torch.tensor(frontier.num_arrivals)
        keep("local", torch.where(frontier.local_arrival < 0, nothing, frontier.local_arrival))
        keep("source", frontier.arrival_source)
        keep("coupling", frontier.arrival_weight.to(dtype)[:, None])
        first = torch.zeros(frontier.num_arrivals, dtype=torch.bool)
        starts = frontier.arrival_ptr[:-1][frontier.arrival_ptr.diff() > 0]
        first[starts] = True
        keep("before", torch.where(first, nothing, torch.arange(frontier.num_arrivals) - 1))
        within = torch.arange(frontier.num_arrivals) - frontier.arrival_ptr[frontier.arrival_target]
        self._keep_grouped("turn", within)  # k-th arrivals at their spins, for the running sums

        if reads == "parents":
            ptr, rows = frontier.parents_ptr, frontier.parents_spin
        else:
            ptr, rows = frontier.pair_ptr, frontier.pair_arrival
        keep("pair_ptr", ptr)
        keep("pair_row", rows)
        reader = torch.repeat_interleave(levels, ptr.diff())
        self._keep_grouped("level_ranks", levels)
        self._keep_grouped("level_pairs", reader)
        self._keep_grouped("level_sends", levels[frontier.arrival_source])
        self.num_levels = int(levels.max()) + 1

    def _keep_grouped(self, name: str, group: Tensor) -> None:
        """Positions sorted by group (stable), and where each group starts."""
        counts = torch.bincount(group) if group.numel() else torch.zeros(0, dtype=torch.int64)
        self.register_buffer(name, torch.argsort(group, stable=True), persistent=False)
        setattr(self, f"{name}_starts", [0, *counts.cumsum(0).tolist()])

    def _group(self, name: str, number: int) -> Tensor:
        starts = getattr(self, f"{name}_starts")
        if number + 1 >= len(starts):
            return getattr(self, name)[:0]
        return getattr(self, name)[starts[number] : starts[number + 1]]

    def _inputs(self, beta: float, ranks: Tensor, pairs: Tensor | None, spins: Tensor, arrivals: Tensor) -> SiteInputs:
        if pairs is None:
            ptr, rows = self.pair_ptr, self.pair_row
        else:
            ptr = torch.zeros(ranks.numel() + 1, dtype=torch.int64, device=ranks.device)
            torch.cumsum(self.pair_ptr[ranks + 1] - self.pair_ptr[ranks], 0, out=ptr[1:])
            rows = self.pair_row[pairs]
        inbox = Inbox(pairs, ptr, rows, spins if self.reads == "parents" else arrivals)
        local = arrivals[self.local[ranks]]
        return SiteInputs(beta, ranks, self.field[ranks], local, **{self.reads: inbox})

    @torch.no_grad()
    def sample(self, head: BoundHead, beta: float, uniforms: Tensor) -> Sampled:
        """Spins drawn level by level from uniforms (N, batch) by rank: x_i = +1 where u_i < σ(logit_i)."""
        batch = uniforms.shape[1]
        spins = torch.zeros_like(uniforms)
        arrivals = uniforms.new_zeros(self.num_arrivals + 1, batch)
        log_prob = uniforms.new_zeros(batch, dtype=torch.float64)
        for level in range(self.num_levels):
            ranks = self._group("level_ranks", level)
            logits = head(self._inputs(beta, ranks, self._group("level_pairs", level), spins, arrivals))
            x = torch.where(uniforms[ranks] < torch.sigmoid(logits), 1.0, -1.0).to(uniforms.dtype)
            spins[ranks] = x
            log_prob += logsigmoid(x * logits).sum(0, dtype=torch.float64)
            sends = self._group("level_sends", level)
            arrivals[sends] = arrivals[self.before[sends]] + self.coupling[sends] * spins[self.source[sends]]
        return Sampled(spins, log_prob, self._energy(spins, arrivals))

    def logits(self, head: BoundHead, beta: float, spins: Tensor) -> Tensor:
        """Logits of all spins given the earlier ones of the same configurations, (N, batch) by rank."""
        ranks = torch.arange(self.num_spins, device=spins.device)
        return head(self._inputs(beta, ranks, None, spins, self.arrivals(spins)))

    def log_prob(self, head: BoundHead, beta: float, spins: Tensor) -> Tensor:
        """log q of spins (N, batch) by rank: Σ_i log σ(x_i logit_i), float64, shape (batch,)."""
        return logsigmoid(spins * self.logits(head, beta, spins)).sum(0, dtype=torch.float64)

    @torch.no_grad()
    def arrivals(self, spins: Tensor) -> Tensor:
        """Running partial fields after each earlier neighbour, and a last row of zeros, (E + 1, batch)."""
        received = spins.new_zeros(self.num_arrivals + 1, spins.shape[1])
        torch.mul(self.coupling, spins[self.source], out=received[:-1])
        for turn in range(1, len(self.turn_starts) - 1):
            these = self._group("turn", turn)
            received[these] += received[these - 1]
        return received

    def _energy(self, spins: Tensor, arrivals: Tensor) -> Tensor:
        fields = arrivals[self.local].add_(self.field)
        return -fields.mul_(spins).sum(0, dtype=torch.float64)
