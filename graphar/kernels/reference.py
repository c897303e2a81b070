"""The algorithm in torch and PyG message passing, level by level: the definition of truth.

Spins and arrivals are kept as (rows, batch), in the order in which they are drawn: by level, then by rank. So a
level is a slice. Drawing one means

1. every spin i of the level reads its inbox, the arrivals that hold ξ_il for its frontier pairs, and the head
   turns them into logit_i;
2. x_i = +1 where u_i < σ(logit_i), for a uniform u_i;
3. x_i is sent along its edges to later spins l: the arrival of l after i is the one before it plus J_il x_i.

For given spins all arrivals are known at once, and the density takes a single step.
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
    """Spins (N, batch) in the kernel's order, log q (batch,), and the energy without offset (batch,), both float64."""

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

    Attributes:
        sites: sites in the order of drawing, shape (N,), and its inverse ``places``: rows of spins are in this order.
        num_levels: sequential steps of a sample.
    """

    ranks: Tensor
    sites: Tensor
    places: Tensor
    field: Tensor
    field_of_rank: Tensor
    source: Tensor
    coupling: Tensor
    sends: Tensor
    before: Tensor
    local: Tensor
    turns: Tensor
    pairs: Tensor
    pair_row: Tensor
    pair_ptr: Tensor

    def __init__(self, frontier: Frontier, reads: str, dtype: torch.dtype, levels: Tensor | None = None) -> None:
        super().__init__()
        levels = frontier.levels(reads) if levels is None else levels
        self.num_spins, self.num_arrivals = frontier.num_spins, frontier.num_arrivals
        self.num_levels = int(levels.max()) + 1
        self.reads = reads

        def keep(name: str, tensor: Tensor) -> None:
            self.register_buffer(name, tensor, persistent=False)

        ranks, place_of_rank = _sorted_by(levels)
        keep("ranks", ranks)
        keep("sites", frontier.ordering.sites[ranks])
        keep("places", place_of_rank[frontier.ordering.ranks])
        self._sites_at = _starts(levels, self.num_levels)

        # Arrivals, by the spin that sends them, hence by level. A last row stays zero: what a spin has before any has
        # come.
        sent_by = place_of_rank[frontier.arrival_source]
        sends, row_of_arrival = _sorted_by(sent_by)
        row_of_arrival = torch.cat([row_of_arrival, torch.tensor([self.num_arrivals])])
        within = torch.arange(self.num_arrivals) - frontier.arrival_ptr[frontier.arrival_target]
        before = torch.where(within == 0, -1, torch.arange(self.num_arrivals) - 1)
        keep("source", sent_by[sends])
        keep("sends", sends)
        keep("field", torch.empty(self.num_spins, 1, dtype=dtype))
        keep("field_of_rank", torch.empty(self.num_spins, dtype=dtype))
        keep("coupling", torch.empty(self.num_arrivals, 1, dtype=dtype))
        self.set_couplings(frontier)
        keep("before", row_of_arrival[before][sends])
        keep("local", row_of_arrival[frontier.local_arrival][ranks])
        self._sends_at = _starts(levels[frontier.arrival_source], self.num_levels)
        # k-th arrivals at their spins, for the running sums of given configurations
        self._num_turns = int(within.max()) + 1 if self.num_arrivals else 0
        keep("turns", row_of_arrival[_sorted_by(within)[0]])
        self._turns_at = _starts(within, self._num_turns)

        if reads == "parents":
            ptr, rows = frontier.parents_ptr, place_of_rank[frontier.parents_spin]
        else:
            ptr, rows = frontier.pair_ptr, row_of_arrival[frontier.pair_arrival]
        count = ptr.diff()
        # by reader, then by row: a CSR matrix with unsorted columns has a wrong gradient in torch
        num_rows = self.num_arrivals + self.num_spins
        pairs, _ = _sorted_by(torch.repeat_interleave(place_of_rank, count) * num_rows + rows)
        keep("pairs", pairs)
        keep("pair_row", rows[pairs])
        keep("pair_ptr", torch.cat([torch.zeros(1, dtype=torch.int64), count[ranks].cumsum(0)]))
        self._pairs_at = self.pair_ptr[torch.tensor(self._sites_at)].tolist()

    def set_couplings(self, frontier: Frontier) -> None:
        """Copy couplings and fields of the graph, in the kernel's type and on its device."""
        field = frontier.graph.h.to(self.field)
        coupling = frontier.arrival_weight.to(self.coupling)
        if not bool(torch.isfinite(field).all() and torch.isfinite(coupling).all()):
            raise ValueError(f"graph must have couplings and fields in the range of {field.dtype}, got larger ones")
        self.field_of_rank = field[frontier.ordering.sites.to(field.device)]
        self.field = self.field_of_rank[self.ranks, None]
        self.coupling = coupling[self.sends, None]

    def _inputs(self, beta: float, level: int | None, spins: Tensor, arrivals: Tensor) -> SiteInputs:
        """What the spins of one level, or of all, may read."""
        sites, pairs, ptr = slice(None), slice(None), self.pair_ptr
        if level is not None:
            first, last = self._sites_at[level : level + 2]
            sites, pairs = slice(first, last), slice(*self._pairs_at[level : level + 2])
            ptr = self.pair_ptr[first : last + 1] - pairs.start
        rows = spins if self.reads == "parents" else arrivals
        inbox = Inbox(self.pairs[pairs], ptr, self.pair_row[pairs], rows)
        return SiteInputs(
            beta, self.ranks[sites], self.field[sites], arrivals, self.local[sites], **{self.reads: inbox}
        )

    @torch.no_grad()
    def sample(self, head: BoundHead, beta: float, uniforms: Tensor) -> Sampled:
        """Spins drawn level by level from uniforms (N, batch) in float64: x_i = +1 where u_i < σ(logit_i)."""
        threshold = self._threshold(uniforms)
        spins = torch.zeros_like(threshold)
        logits = torch.empty_like(threshold)
        arrivals = threshold.new_zeros(self.num_arrivals + 1, threshold.shape[1])
        up = threshold.new_ones(())
        for level in range(self.num_levels):
            here = slice(*self._sites_at[level : level + 2])
            sends = slice(*self._sends_at[level : level + 2])
            logits[here] = head(self._inputs(beta, level, spins, arrivals))
            spins[here] = torch.where(logits[here] > threshold[here], up, -up)
            message = spins[self.source[sends]].mul_(self.coupling[sends])
            torch.add(arrivals[self.before[sends]], message, out=arrivals[sends])
        return self._sampled(spins, logits, arrivals[self.local])

    def _threshold(self, uniforms: Tensor) -> Tensor:
        """u < σ(logit) where logit > log u/(1 − u); finite also for u = 0."""
        return torch.special.logit(uniforms, eps=2.0**-54).to(self.field.dtype)

    def _sampled(self, spins: Tensor, logits: Tensor, fields: Tensor) -> Sampled:
        """log q and energy from logits and local messages, which it overwrites."""
        log_prob = logsigmoid(logits.mul_(spins)).sum(0, dtype=torch.float64)
        energy = -fields.add_(self.field).mul_(spins).sum(0, dtype=torch.float64)
        return Sampled(spins, log_prob, energy)

    def logits(self, head: BoundHead, beta: float, spins: Tensor) -> Tensor:
        """Logits of all spins given the earlier ones of the same configurations, (N, batch)."""
        return head(self._inputs(beta, None, spins, self.arrivals(spins)))

    def log_prob(self, head: BoundHead, beta: float, spins: Tensor) -> Tensor:
        """log q of spins (N, batch): Σ_i log σ(x_i logit_i), float64, shape (batch,)."""
        return logsigmoid(spins * self.logits(head, beta, spins)).sum(0, dtype=torch.float64)

    @torch.no_grad()
    def arrivals(self, spins: Tensor) -> Tensor:
        """Running partial fields after each earlier neighbour, and a last row of zeros, (E + 1, batch)."""
        received = spins.new_zeros(self.num_arrivals + 1, spins.shape[1])
        torch.mul(self.coupling, spins[self.source], out=received[:-1])
        for turn in range(1, self._num_turns):
            these = self.turns[slice(*self._turns_at[turn : turn + 2])]
            received[these] += received[self.before[these]]
        return received


def _sorted_by(group: Tensor) -> tuple[Tensor, Tensor]:
    """Positions sorted by group, stable, and the place of each position in that order."""
    order = torch.argsort(group, stable=True)
    place = torch.empty_like(order)
    place[order] = torch.arange(order.numel())
    return order, place


def _starts(group: Tensor, num_groups: int) -> list[int]:
    """Where each group starts once sorted, and the end."""
    return [0, *torch.bincount(group, minlength=num_groups).cumsum(0).tolist()] if num_groups else [0]
