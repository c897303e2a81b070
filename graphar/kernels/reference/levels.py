"""The algorithm in torch and PyG message passing, level by level: the definition of truth, on any device.

Spins and arrivals are kept as (rows, batch), in the order in which they are drawn: by level, then by rank. So a
level is a slice. Drawing one means

1. every spin i of the level reads its inbox, the arrivals that hold ξ_il for its frontier pairs, and the head
   turns them into logit_i;
2. x_i is drawn: σ(−|logit_i|) is the probability of the less likely sign;
3. x_i is sent along its edges to later spins l: the arrival of l after i is the one before it plus J_il x_i. Of
   interactions of more spins, it is sent to what is left of each, and J_S + ξ_S stands in the place of J_il.

For given spins all arrivals are known at once, from the largest sets that they reach to single spins, and the density
takes a single step.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from graphar.frontier import Frontier
from graphar.heads.base import BoundHead
from graphar.heads.inputs import History, SiteInputs, SparseInputs, spmm_sum
from graphar.kernels.base import Couplings
from graphar.kernels.reference.base import TorchKernel, decide
from graphar.ordering.reads import Reads

__all__ = ["ReferenceKernel"]


class ReferenceKernel(TorchKernel):
    """Level by level in torch.

    Args:
        levels: step at which each rank is drawn; those of the head by default. ``arange(N)`` draws one by one.
    """

    sum_rows = staticmethod(spmm_sum)

    def __init__(
        self,
        frontier: Frontier,
        head: BoundHead,
        dtype: torch.dtype,
        device: torch.device,
        levels: Tensor | None = None,
    ) -> None:
        super().__init__(frontier, head, dtype, device)
        levels = head.levels(frontier) if levels is None else levels
        self.num_levels = int(levels.max()) + 1

        ranks, place_of_rank = _sorted_by(levels)
        self.ranks, self.sites = ranks.to(device), frontier.ordering.sites[ranks].to(device)
        self.row_of_site = place_of_rank[frontier.ordering.ranks].to(device)
        self.row_of_rank = place_of_rank.to(device)
        self._sites_at = _starts(levels, self.num_levels)

        # Arrivals, in the order in which they are complete. A last row stays zero: what a spin has before any has come.
        source = frontier.arrival_source.long()
        arrival = torch.arange(self.num_arrivals)
        within = arrival - frontier.arrival_ptr[frontier.arrival_target.long()]
        complete, turn = _completed(frontier, levels)
        num_turns = int(turn.max()) + 1 if self.num_arrivals else 1
        step = complete * num_turns + turn
        sends, row_of_arrival = _sorted_by(step)
        row_of_arrival = torch.cat([row_of_arrival, torch.tensor([self.num_arrivals])])
        self.row_of_arrival = row_of_arrival[:-1].to(device)
        before = torch.where(within == 0, -1, arrival - 1)
        self.source = place_of_rank[source][sends].to(device)
        self._sends = sends.to(device)
        self.before = row_of_arrival[before][sends].to(device)
        factor = frontier.arrival_factor
        self.factor = None if factor is None else row_of_arrival[factor][sends].to(device)
        self.local = row_of_arrival[frontier.local_arrival][ranks].to(device)
        starts = _starts(step, self.num_levels * num_turns)
        slices = [slice(*starts[k : k + 2]) for k in range(self.num_levels * num_turns)]
        self._sends_of = [
            [here for here in slices[level * num_turns : (level + 1) * num_turns] if here.stop > here.start]
            for level in range(self.num_levels)
        ]
        # for the running sums of given configurations, from the largest sets to single spins: the arrivals at sets of
        # one size, and of these the k-th at each set, in turn
        self._sums = []
        for here in frontier.arrivals_by_size():
            at = within[here]
            turns, starts = row_of_arrival[here[_sorted_by(at)[0]]], _starts(at, int(at.max()) + 1)
            later = [turns[slice(*starts[k : k + 2])].to(device) for k in range(1, len(starts) - 1)]
            self._sums.append((row_of_arrival[here].to(device), later))

        ptr, read = frontier.read_lists(head.reads)
        rows = (place_of_rank if head.reads.spins else row_of_arrival)[read.long()]
        count = ptr.diff()
        # by reader, then by row: a CSR matrix with unsorted columns has a wrong gradient in torch
        num_rows = self.num_arrivals + self.num_spins
        pairs, _ = _sorted_by(torch.repeat_interleave(place_of_rank, count) * num_rows + rows)
        pair_ptr = torch.cat([torch.zeros(1, dtype=torch.int64), count[ranks].cumsum(0)])
        self.pairs, self.pair_row, self.pair_ptr = pairs.to(device), rows[pairs].to(device), pair_ptr.to(device)
        self._pairs_at = pair_ptr[torch.tensor(self._sites_at)].tolist()

    def _in_order(self, coupling: Tensor, field: Tensor) -> Couplings:
        return Couplings(coupling[self._sends, None], field[self.ranks, None], field)

    def _inputs(
        self,
        beta: float,
        couplings: Couplings,
        level: int | None,
        spins: Tensor,
        arrivals: Tensor,
        sums: Tensor | None = None,
        memory: Any = None,
    ) -> SiteInputs:
        """What the spins of one level, or of all, may read."""
        sites, pairs, ptr = slice(None), slice(None), self.pair_ptr
        if level is not None:
            first, last = self._sites_at[level : level + 2]
            sites, pairs = slice(first, last), slice(*self._pairs_at[level : level + 2])
            ptr = self.pair_ptr[first : last + 1] - pairs.start
        opened: Any = {}
        if self.head.reads is Reads.MAGNETISATION:
            opened["magnetisation"] = (spins.cumsum(0) - spins if sums is None else sums)[sites]
        elif self.head.reads is Reads.MEMORY:
            opened["history"] = History(spins, self.row_of_rank, couplings.coupling[:, 0], self.row_of_arrival)
        elif self.head.reads.listed:
            rows = spins if self.head.reads.spins else arrivals
            opened["read"] = SparseInputs(self.pairs[pairs], ptr, self.pair_row[pairs], rows, self.sum_rows)
        ranks, field, local = self.ranks[sites], couplings.field[sites], self.local[sites]
        return SiteInputs(beta, ranks, field, arrivals, local, couplings.field_of_rank, **opened, memory=memory)

    def _draw(self, beta: float, couplings: Couplings, words: Tensor) -> tuple[Tensor, ...]:
        spins = torch.zeros(words.shape, dtype=self.dtype, device=self.device)
        logits = torch.empty_like(spins)
        arrivals = spins.new_zeros(self.num_arrivals + 1, words.shape[1])
        sums = spins.new_zeros(self.num_spins + 1, words.shape[1]) if self.head.reads is Reads.MAGNETISATION else None
        memory = self.head.new_memory(words.shape[1])
        for level in range(self.num_levels):
            here = slice(*self._sites_at[level : level + 2])
            logits[here] = self.head(self._inputs(beta, couplings, level, spins, arrivals, sums, memory))
            spins[here] = decide(logits[here], words[here])
            if sums is not None:  # one spin a level
                torch.add(sums[here], spins[here], out=sums[here.stop : here.stop + 1])
            for sends in self._sends_of[level]:
                message = spins[self.source[sends]].mul_(self._strength(couplings, sends, arrivals))
                torch.add(arrivals[self.before[sends]], message, out=arrivals[sends])
        energy = -((arrivals[self.local] + couplings.field) * spins).sum(0, dtype=torch.float64)
        return spins, logits, energy, arrivals

    def _logits(self, beta: float, couplings: Couplings, rows: Tensor, *known: Tensor) -> Tensor:
        arrivals = known[0] if known else self.arrivals(couplings, rows)
        return self.head(self._inputs(beta, couplings, None, rows, arrivals))

    @torch.no_grad()
    def arrivals(self, couplings: Couplings, rows: Tensor) -> Tensor:
        """Running sums after each sender, and a last row of zeros, (E + 1, batch)."""
        received = rows.new_zeros(self.num_arrivals + 1, rows.shape[1])
        for here, later in self._sums:
            if self.factor is None:
                torch.mul(couplings.coupling, rows[self.source], out=received[:-1])
            else:
                received[here] = self._strength(couplings, here, received) * rows[self.source[here]]
            for these in later:
                received[these] += received[self.before[these]]
        return received

    def _strength(self, couplings: Couplings, which: slice | Tensor, arrivals: Tensor) -> Tensor:
        """What multiplies the senders of some arrivals: J_S + ξ_S, or J alone."""
        strength = couplings.coupling[which]
        return strength if self.factor is None else strength + arrivals[self.factor[which]]


def _completed(frontier: Frontier, levels: Tensor) -> tuple[Tensor, Tensor]:
    """The level at which each arrival is complete, and its turn among those that are complete there.

    An arrival waits for its sender, for the one before it at its set, and for its factor. Under a radius, spins of an
    interaction may be drawn together or against the ranks: then several of these are complete at once, and take turns.
    """
    source, target, factor = frontier.arrival_source.long(), frontier.arrival_target.long(), frontier.arrival_factor
    complete, turn = levels[source], torch.zeros_like(source)
    for here in frontier.arrivals_by_size():
        own, to = complete[here], target[here]
        after = torch.zeros_like(own)
        if factor is not None:
            other = factor[here].clamp(min=0)
            waits = (factor[here] >= 0) & (complete[other] >= own)
            own, after = torch.where(waits, complete[other], own), torch.where(waits, turn[other] + 1, 0)
        done = _running_max(own, to)
        after = torch.where(done == own, after, 0)
        opens = torch.ones_like(to, dtype=torch.bool)
        opens[1:] = (to[1:] != to[:-1]) | (done[1:] != done[:-1])
        place = torch.arange(len(here))
        place = place - torch.where(opens, place, 0).cummax(0).values
        # one more than the one before, or than the factor, whatever is later
        late = len(here) + after - place
        complete[here], turn[here] = done, _running_max(late, opens.cumsum(0) - 1) - len(here) + place
    return complete, turn


def _sorted_by(group: Tensor) -> tuple[Tensor, Tensor]:
    """Positions sorted by group, stable, and the place of each position in that order."""
    order = torch.argsort(group, stable=True)
    place = torch.empty_like(order)
    place[order] = torch.arange(order.numel())
    return order, place


def _running_max(values: Tensor, group: Tensor) -> Tensor:
    """Largest value so far within each run of equal groups, groups rising and values ≥ 0."""
    if not values.numel():
        return values
    span = values.max() + 1
    return (values + group * span).cummax(0).values - group * span


def _starts(group: Tensor, num_groups: int) -> list[int]:
    """Where each group starts once sorted, and the end."""
    return [0, *torch.bincount(group, minlength=num_groups).cumsum(0).tolist()] if num_groups else [0]
