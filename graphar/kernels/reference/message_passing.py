"""The schedule of message passing in torch and PyG, level by level: the definition of truth, on any device.

All spins of a level are drawn together and their outward passes, or sweeps, run together: what one renews the others
neither read nor write. Gradients are torch's own.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from graphar._support.segments import Segments
from graphar.heads.inputs import SiteInputs, SparseInputs
from graphar.heads.message_passing.head import Received
from graphar.kernels import random_bits
from graphar.kernels.base import Couplings, Samples
from graphar.kernels.compiled.message_passing import DepthFirst
from graphar.kernels.reference.levels import decide, sum_log_prob

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


class MessagePassingReferenceKernel(DepthFirst):
    """Level by level in torch, by the head's PyG module."""

    def sample(
        self, beta: float, couplings: Couplings, key: int, first: int, count: int, differentiable: bool = False
    ) -> Samples:
        words = random_bits.words(key, self.sites.to(self.device), first, count)
        with torch.no_grad():
            spins, logits, energy = self._walk(beta, couplings, words, None)
        if differentiable:
            with torch.enable_grad():
                logits = self._walk(beta, couplings, None, spins)[1]
        return Samples(spins[None], self.row_of_site.to(self.device), sum_log_prob(spins, logits), energy)

    def log_prob(self, beta: float, couplings: Couplings, spins: Tensor) -> Tensor:
        rows, logits, _ = self._walk(beta, couplings, None, self._rows(spins))
        return sum_log_prob(rows, logits)

    def logits(self, beta: float, couplings: Couplings, spins: Tensor) -> Tensor:
        return self._walk(beta, couplings, None, self._rows(spins))[1][self.row_of_site.to(self.device)].T

    def _rows(self, spins: Tensor) -> Tensor:
        return spins.to(self.device, self.dtype)[:, self.sites.to(self.device)].T.contiguous()

    @cached_property
    def _plan(self) -> tuple[list[_Renewal], list[_Level]]:
        """What is renewed before the first spins, and the levels; tables as long as the walk."""
        from graphar.kernels.compiled.loops.schedule import draw_starts

        n, start = self.num_spins, self.ptr[:-1].copy()
        before = [renewal for number in range(self.rounds) for renewal in self._swept([(0, n)], number % 2 == 1, start)]
        order = np.argsort(self.level, kind="stable")
        levels = []
        for places in np.split(order, np.flatnonzero(np.diff(self.level[order])) + 1):
            rows, count = self._received(places, start)
            pairs = np.concatenate([np.arange(self.pair_ptr[p], self.pair_ptr[p + 1]) for p in places])
            pair_ptr = np.concatenate([[0], np.cumsum(np.diff(self.pair_ptr)[places])])
            for p in places.tolist():
                draw_starts(p, self.sender, self.ptr, start)
            if self.refresh == "full":
                rests = [(p + 1, int(self.stop[p])) for p in places.tolist()]
                passes = [self._swept(rests, number % 2 == 1, start) for number in range(self.rounds)]
                renewals = [renewal for swept in passes for renewal in swept]
            else:
                renewals = self._passed(places, start)
            here = [torch.from_numpy(part).to(self.device) for part in (places, rows, pairs, pair_ptr)]
            levels.append(_Level(here[0], here[1], self._incoming(count), here[2], here[3], renewals))
        return before, levels

    def _swept(self, runs: list[tuple[int, int]], backwards: bool, start: np.ndarray) -> list[_Renewal]:
        from graphar.kernels.compiled.loops.schedule import sweep

        edges, keys = np.empty((2, 2 * self.sender.size), np.int64)
        events = []
        for first, stop in runs:
            count = sweep(first, stop, backwards, self.depth, self.ptr, start, edges, keys)
            events.append((edges[:count].copy(), keys[:count].copy()))
        return self._grouped(events, start)

    def _passed(self, places: np.ndarray, start: np.ndarray) -> list[_Renewal]:
        from graphar.kernels.compiled.loops.schedule import outward

        edges, keys = np.empty((2, 2 * self.sender.size), np.int64)
        distance, queue = np.zeros((2, self.num_spins), np.int64)
        returns, events = self.refresh == "return", []
        for p in places.tolist():
            count = outward(p, self.radius, returns, self.sender, self.ptr, start, distance, queue, edges, keys)
            events.append((edges[:count].copy(), keys[:count].copy()))
        return self._grouped(events, start)

    def _grouped(self, events: list[tuple[np.ndarray, np.ndarray]], start: np.ndarray) -> list[_Renewal]:
        """Events of the same key, of all spins of the level, at once."""
        edges, keys = (np.concatenate(parts) for parts in zip(*events, strict=True))
        if not edges.size:
            return []
        order = np.argsort(keys, kind="stable")
        groups = np.split(edges[order], np.flatnonzero(np.diff(keys[order])) + 1)
        return [self._renewal(group, start) for group in groups]

    def _renewal(self, edges: np.ndarray, start: np.ndarray) -> _Renewal:
        spins = np.unique(self.receiver[edges])
        rows, count = self._received(spins, start)
        parts = spins, rows, np.searchsorted(rows, edges), self.back[edges]
        here = [torch.from_numpy(part).to(self.device) for part in parts]
        return _Renewal(here[0], here[1], self._incoming(count), here[2], here[3])

    def _received(self, spins: np.ndarray, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows that reach some spins from undrawn ones, and how many each."""
        rows = np.concatenate([np.arange(start[k], self.ptr[k + 1]) for k in spins])
        return rows, self.ptr[spins + 1] - start[spins]

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
        before, levels = self._plan
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
        self.sender, self.pair, self.pair_spin = (
            torch.from_numpy(part).to(kernel.device) for part in (kernel.sender, kernel.pair, kernel.pair_spin)
        )

    def inputs(self, level: _Level) -> SiteInputs:
        """What the head reads to give the logits of a level."""
        strength = (self.beta * self.coupling[level.rows, None]).abs()
        count = level.incoming.ptr.diff()[:, None].to(strength.dtype)
        messages = self.messages[level.rows]
        total, sizes, strength = (level.incoming.sum(part) for part in (messages, messages.abs(), strength))
        inbox = SparseInputs(self.pair[level.pairs], level.pair_ptr, self.pair_spin[level.pairs], self.local.clone())
        return SiteInputs(
            beta=self.beta,
            ranks=self.kernel.ranks.to(self.local.device)[level.places],
            field=self.field[level.places],
            arrivals=self.local,
            local_row=level.places,
            fields=self.of.field_of_rank,
            messages=inbox if self.kernel.bound.linear else None,
            received=Received(total, sizes, count, strength),
        )

    def draw(self, level: _Level, x: Tensor) -> None:
        """Send spins to their undrawn neighbours, of which no two of a level share one."""
        message = self.coupling[level.rows, None] * x[level.incoming.group]
        self.local[self.sender[level.rows]] += message

    def forget(self, level: _Level) -> None:
        """Part of the gradient by messages between spins after those of a level ends here."""
        if self.kernel.bound.rule.gradient_decay != 1 and self.messages.requires_grad:
            part = self.messages.new_ones(len(self.messages), 1)
            for p in level.places.tolist():
                part[self.kernel.ptr[p] : self.kernel.ptr[self.kernel.stop[p]]] = self.kernel.bound.rule.gradient_decay
            self.messages = part * self.messages + (1 - part) * self.messages.detach()

    def renew(self, renewal: _Renewal) -> None:
        sent = self.kernel.bound.rule(
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
