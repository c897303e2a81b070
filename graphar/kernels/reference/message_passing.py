"""The schedule of message passing in torch and PyG, level by level: the definition of truth, on any device.

All spins of a level are drawn together and their outward passes, or sweeps, run together: what one renews the others
neither read nor write. Gradients are torch's own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from graphar._support.segments import Segments
from graphar.frontier import Frontier
from graphar.heads.base import BoundHead
from graphar.heads.inputs import SiteInputs, SparseInputs
from graphar.heads.message_passing.head import BoundMessagePassing, Received
from graphar.kernels.base import Couplings
from graphar.kernels.depth_first import depth_first
from graphar.kernels.reference.base import TorchKernel, decide

__all__ = ["MessagePassingReferenceKernel"]


class _Renewal(NamedTuple):
    """Messages that are renewed at once: ``spins`` answer the messages ``rows[renewed]`` with ``answers``.

    ``rows`` are all that the spins receive, and ``incoming`` groups them by the spin that each reaches.
    """

    spins: Tensor
    rows: Tensor
    incoming: Segments
    renewed: Tensor
    answers: Tensor


class _Level(NamedTuple):
    """Spins that are drawn at once, what they receive and send, and what is renewed after them."""

    places: Tensor
    rows: Tensor
    incoming: Segments
    pairs: Tensor
    pair_ptr: Tensor
    renewals: list[_Renewal]


class MessagePassingReferenceKernel(TorchKernel):
    """Level by level in torch, by the head's PyG module."""

    head: BoundMessagePassing

    def __init__(self, frontier: Frontier, head: BoundHead, dtype: torch.dtype, device: torch.device) -> None:
        super().__init__(frontier, head, dtype, device)
        self.plan = plan = depth_first(frontier, self.head)
        lists = plan.rank, plan.site, plan.arrival, plan.sender, plan.pair, plan.pair_spin
        ranks, self.sites, self.arrival, self.sender, self.pair, self.pair_spin = (
            torch.from_numpy(part).to(device) for part in lists
        )
        self.ranks, self.row_of_site = ranks, self.sites.argsort()

    def _in_order(self, coupling: Tensor, field: Tensor) -> Couplings:
        return Couplings(coupling[self.arrival], field[self.ranks], field)

    def _draw(self, beta: float, couplings: Couplings, words: Tensor) -> tuple[Tensor, ...]:
        return self._walk(beta, couplings, words, None)

    def _logits(self, beta: float, couplings: Couplings, rows: Tensor, *known: Tensor) -> Tensor:
        return self._walk(beta, couplings, None, rows)[1]

    @cached_property
    def _renewals(self) -> tuple[list[_Renewal], list[_Level]]:
        """What is renewed before the first spins, and the levels; tables as long as the walk."""
        from graphar.kernels.compiled.loops.schedule import draw_starts, find_events, new_events, sweep_events

        plan, events = self.plan, new_events(self.plan)
        start = events.start

        def renewals(rounds: int, find: Callable[[int, int], int], places: list[int]) -> list[_Renewal]:
            """Of some passes one after the other, each of all places at once, events of the same key together."""
            found = []
            for number in range(rounds):
                parts = []
                for p in places:
                    count = find(p, number)
                    parts.append((events.edges[:count].copy(), events.keys[:count].copy()))
                edges, keys = (np.concatenate(part) for part in zip(*parts, strict=True))
                order = np.argsort(keys, kind="stable")
                groups = np.split(edges[order], np.flatnonzero(np.diff(keys[order])) + 1)
                found += [self._renewal(group, start) for group in groups if group.size]
            return found

        n = self.num_spins
        before = renewals(plan.rounds, lambda p, number: sweep_events(plan, 0, n, number % 2 == 1, events), [0])
        order = np.argsort(plan.level, kind="stable")
        levels = []
        for places in np.split(order, np.flatnonzero(np.diff(plan.level[order])) + 1):
            rows, count = self._received(places, start)
            pairs = np.concatenate([np.arange(plan.pair_ptr[p], plan.pair_ptr[p + 1]) for p in places])
            pair_ptr = np.concatenate([[0], np.cumsum(np.diff(plan.pair_ptr)[places])])
            for p in places.tolist():
                draw_starts(plan, p, start)
            rounds = plan.rounds if plan.full else 1
            after = renewals(rounds, lambda p, number: find_events(plan, p, False, number, events), places.tolist())
            here = [torch.from_numpy(part).to(self.device) for part in (places, rows, pairs, pair_ptr)]
            levels.append(_Level(here[0], here[1], self._incoming(count), here[2], here[3], after))
        return before, levels

    def _renewal(self, edges: np.ndarray, start: np.ndarray) -> _Renewal:
        spins = np.unique(self.plan.receiver[edges])
        rows, count = self._received(spins, start)
        parts = spins, rows, np.searchsorted(rows, edges), self.plan.back[edges]
        here = [torch.from_numpy(part).to(self.device) for part in parts]
        return _Renewal(here[0], here[1], self._incoming(count), here[2], here[3])

    def _received(self, spins: np.ndarray, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows that reach some spins from undrawn ones, and how many each."""
        ptr = self.plan.ptr
        return np.concatenate([np.arange(start[k], ptr[k + 1]) for k in spins]), ptr[spins + 1] - start[spins]

    def _incoming(self, count: np.ndarray) -> Segments:
        """Rows of spins, as many as each receives."""
        ptr = torch.from_numpy(np.concatenate([[0], np.cumsum(count)]))
        return Segments.from_ptr(ptr.to(self.device), int(ptr[-1]))

    def _walk(
        self, beta: float, couplings: Couplings, words: Tensor | None, given: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Spins, drawn from random words (N, batch) or given as (N, batch), and logits by place; energies."""
        batch = words if given is None else given
        assert batch is not None
        before, levels = self._renewals
        spins = batch.new_zeros(batch.shape, dtype=self.dtype) if given is None else given
        energy = torch.zeros(batch.shape[1], dtype=torch.float64, device=self.device)
        state = _State(self, beta, couplings, batch.shape[1])
        for renewal in before:
            state.renew(renewal)
        logits = []
        for level in levels:
            here = level.places
            logits.append(self.head(state.inputs(level)))
            if words is not None:
                spins[here] = decide(logits[-1], words[here])
            energy -= (spins[here] * (state.field[here] + state.local[here])).sum(0, dtype=torch.float64)
            state.draw(level, spins[here])
            state.forget(level)
            for renewal in level.renewals:
                state.renew(renewal)
        order = torch.cat([level.places for level in levels])
        return spins, torch.cat(logits)[order.argsort()], energy


class _State:
    """Messages u, one row a directed edge, and fields ξ, one row a spin, as spins are drawn."""

    def __init__(self, kernel: MessagePassingReferenceKernel, beta: float, couplings: Couplings, batch: int) -> None:
        self.kernel, self.beta, self.of = kernel, beta, couplings
        self.field, self.coupling = couplings.field[:, None], couplings.coupling
        self.messages = self.field.new_zeros(2 * kernel.num_arrivals, batch)
        self.local = self.field.new_zeros(kernel.num_spins, batch)

    def inputs(self, level: _Level) -> SiteInputs:
        """What the head reads to give the logits of a level."""
        strength = (self.beta * self.coupling[level.rows, None]).abs()
        count = level.incoming.ptr.diff()[:, None].to(strength.dtype)
        messages = self.messages[level.rows]
        total, sizes, strength = (level.incoming.sum(part) for part in (messages, messages.abs(), strength))
        pairs, read = self.kernel.pair[level.pairs], self.kernel.pair_spin[level.pairs]
        inbox = SparseInputs(pairs, level.pair_ptr, read, self.local.clone())
        return SiteInputs(
            beta=self.beta,
            ranks=self.kernel.ranks[level.places],
            field=self.field[level.places],
            arrivals=self.local,
            local_row=level.places,
            fields=self.of.field_of_rank,
            read=inbox if self.kernel.head.linear else None,
            received=Received(total, sizes, count, strength),
        )

    def draw(self, level: _Level, x: Tensor) -> None:
        """Send spins to their undrawn neighbours, of which no two of a level share one."""
        message = self.coupling[level.rows, None] * x[level.incoming.group]
        self.local[self.kernel.sender[level.rows]] += message

    def forget(self, level: _Level) -> None:
        """Part of the gradient by messages between spins after those of a level ends here."""
        plan, decay = self.kernel.plan, self.kernel.head.rule.gradient_decay
        if decay != 1 and self.messages.requires_grad:
            part = self.messages.new_ones(len(self.messages), 1)
            for p in level.places.tolist():
                part[plan.ptr[p] : plan.ptr[plan.stop[p]]] = decay
            self.messages = part * self.messages + (1 - part) * self.messages.detach()

    def renew(self, renewal: _Renewal) -> None:
        sent = self.kernel.head.rule(
            self.beta * (self.field[renewal.spins] + self.local[renewal.spins]),
            renewal.incoming.group.repeat(2, 1),  # who sends does not matter
            self.beta * self.coupling[renewal.rows],
            self.messages[renewal.rows],
            self.messages[renewal.answers],
            renewal.renewed,
            renewal.incoming,
        )
        if sent.requires_grad or self.messages.requires_grad:
            self.messages = self.messages.index_copy(0, renewal.answers, sent)
        else:
            self.messages.index_copy_(0, renewal.answers, sent)
