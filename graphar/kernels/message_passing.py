"""Kernels of the message-passing head: its schedule in torch, spin by spin, and compiled for the CPU.

Both draw depth first in the elimination tree, numbering spins by their place in that order. What is still undrawn when
p is drawn, of the component C(p), is then a run of places after p, and the undrawn neighbours of a spin of C(p) are
those at places after p. Directed edges are sorted by receiver and then by sender: the messages that a spin receives are
consecutive rows, of which the undrawn senders' are the last.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from graphar.frontier import Frontier
from graphar.heads.base import BoundHead, Inbox, SiteInputs
from graphar.heads.message_passing import BoundMessagePassing
from graphar.kernels import philox
from graphar.kernels._threads import numba_threads
from graphar.kernels.base import Interactions, Kernel, Sampled, to_site_order
from graphar.kernels.blocks import empty, new_blocks, spins_from_blocks, spins_to_blocks
from graphar.kernels.reference import _log_prob, decide

__all__ = ["MessagePassingKernel", "MessagePassingReferenceKernel"]


class _DepthFirst(Kernel):
    """Places of spins, directed edges and the tree, which both kernels share.

    Attributes:
        ranks, sites: of each place, (N,).
        places: of each site, (N,).
        sender, receiver, back: places at the ends of each directed edge, and the edge the other way, (2E,).
        ptr: where the edges into each place start, (N + 1,).
        stop: one past the last place of each subtree, (N,).
        is_root: whether a place is the first of its component, (N,).
    """

    def __init__(self, frontier: Frontier, head: BoundHead, dtype: torch.dtype, device: torch.device) -> None:
        from graphar.kernels._numba_messages import subtree_stops
        from graphar.kernels._plan import preorder

        super().__init__(frontier, head, dtype, device)
        assert isinstance(head, BoundMessagePassing)
        self.config, self.message = head.config, head.message
        n, num_edges = self.num_spins, self.num_arrivals
        order = preorder(frontier.parent.numpy())
        place = np.empty(n, np.int64)
        place[order] = np.arange(n)
        self.stop = subtree_stops(frontier.depth.numpy()[order])
        self.is_root = frontier.parent.numpy()[order] < 0

        source, target = place[frontier.arrival_source.numpy()], place[frontier.arrival_target.numpy()]
        receiver, sender = np.concatenate([target, source]), np.concatenate([source, target])
        edges = np.lexsort((sender, receiver))
        row = np.empty_like(edges)
        row[edges] = np.arange(2 * num_edges)
        self.sender, self.receiver = sender[edges], receiver[edges]
        self.back = row[(edges + num_edges) % (2 * num_edges)] if num_edges else row
        self.ptr = np.zeros(n + 1, np.int64)
        np.cumsum(np.bincount(receiver, minlength=n), out=self.ptr[1:])

        self._arrival = torch.from_numpy(edges % max(1, num_edges))
        self.ranks = torch.from_numpy(order)
        self.sites = frontier.ordering.sites[self.ranks]
        self.places = torch.from_numpy(place)[frontier.ordering.ranks]

    def _in_order(self, coupling: Tensor, field: Tensor) -> Interactions:
        return Interactions(coupling[self._arrival.to(coupling.device)], field[self.ranks.to(field.device)], field)


class MessagePassingReferenceKernel(_DepthFirst):
    """The schedule in plain loops over spins, torch over samples: the definition of truth, on any device."""

    def sample(
        self, beta: float, of: Interactions, key: int, first: int, count: int, differentiable: bool = False
    ) -> Sampled:
        words = philox.words(key, self.sites.to(self.device), first, count)
        spins, logits, energy = self._walk(beta, of, words, None)
        return Sampled(spins[None], self.places.to(self.device), _log_prob(spins, logits), energy)

    def log_prob(self, beta: float, of: Interactions, spins: Tensor) -> Tensor:
        rows, logits, _ = self._walk(beta, of, None, spins)
        return _log_prob(rows, logits)

    def logits(self, beta: float, of: Interactions, spins: Tensor) -> Tensor:
        return self._walk(beta, of, None, spins)[1][self.places.to(self.device)].T

    @torch.no_grad()
    def _walk(
        self, beta: float, of: Interactions, words: Tensor | None, given: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Spins, drawn from random words (N, batch) or given as (batch, N), and logits by place; energies."""
        if given is None:
            assert words is not None
            spins = torch.zeros(words.shape, dtype=self.dtype, device=self.device)
        else:
            spins = given.to(self.device, self.dtype)[:, self.sites.to(self.device)].T.contiguous()
        state = _State(self, beta, of, spins.shape[1])
        logits = torch.empty_like(spins)
        energy = torch.zeros(spins.shape[1], dtype=torch.float64, device=self.device)
        for p in range(self.num_spins):
            if self.is_root[p]:
                state.sweep(p, self.stop[p])
            logits[p] = self.head(state.inputs(p))[0]
            if words is not None:
                spins[p] = decide(logits[p], words[p])
            energy -= spins[p] * (state.field[p] + state.local[p])
            state.draw(p, spins[p])
            if self.config.refresh == "full":
                state.sweep(p + 1, self.stop[p])
            else:
                state.pass_outward(p)
        return spins, logits, energy


class _State:
    """Messages u, one row a directed edge, and fields ξ, one row a spin, as spins are drawn."""

    def __init__(self, kernel: _DepthFirst, beta: float, of: Interactions, batch: int) -> None:
        self.kernel, self.beta, self.of = kernel, beta, of
        self.field, self.coupling = of.field[:, None], of.coupling
        self.messages = self.field.new_zeros(2 * kernel.num_arrivals, batch)
        self.local = self.field.new_zeros(kernel.num_spins, batch)
        self.drawn = -1

    def edges(self, k: int) -> range:
        """Edges into k from undrawn spins."""
        ptr, sender = self.kernel.ptr, self.kernel.sender
        return range(ptr[k] + int((sender[ptr[k] : ptr[k + 1]] <= self.drawn).sum()), ptr[k + 1])

    def inputs(self, p: int) -> SiteInputs:
        """What the head reads to give the logits of p."""
        edges, here = self.edges(p), torch.tensor([p], device=self.local.device)
        source = torch.arange(edges.start, edges.stop, device=self.local.device)
        inbox = Inbox(source, torch.tensor([0, len(edges)]), source, self.messages, _sum_of_one)
        return SiteInputs(
            beta=self.beta,
            ranks=self.kernel.ranks[p : p + 1],
            field=self.field[here],
            arrivals=self.local,
            local_row=here,
            fields=self.of.field_of_rank,
            messages=inbox,
        )

    def draw(self, p: int, x: Tensor) -> None:
        for edge in self.edges(p):
            self.local[self.kernel.sender[edge]] += self.coupling[edge] * x
        self.drawn = p

    def sent(self, edge: int) -> Tensor:
        """u_{k→l}, l the sender and k the receiver of ``edge``."""
        k = self.kernel.receiver[edge]
        b = self.beta * (self.field[k] + self.local[k])
        for other in self.edges(k):
            if other != edge:
                b = b + self.messages[other]
        return self.kernel.message(self.beta * self.coupling[edge], b)

    def sweep(self, first: int, stop: int) -> None:
        for number in range(self.kernel.config.rounds):
            spins = range(first, stop)
            for k in spins if number % 2 == 0 else reversed(spins):
                for edge in self.edges(k):
                    self.messages[self.kernel.back[edge]] = self.sent(edge)

    def pass_outward(self, p: int) -> None:
        sender, back = self.kernel.sender, self.kernel.back
        distance = {p: 0}
        shell = [int(sender[edge]) for edge in self.edges(p)]
        for d in range(1, self.kernel.config.radius + 1):
            distance |= dict.fromkeys(shell, d)
            outgoing = [edge for k in shell for edge in self.edges(k)]
            within = [edge for edge in outgoing if distance.get(sender[edge]) == d]
            for edge, message in [(edge, self.sent(edge)) for edge in within]:
                self.messages[back[edge]] = message
            onward = [edge for edge in outgoing if sender[edge] not in distance]
            for edge in onward:
                self.messages[back[edge]] = self.sent(edge)
            shell = list(dict.fromkeys(int(sender[edge]) for edge in onward))


def _sum_of_one(weight: Tensor, ptr: Tensor, source: Tensor, rows: Tensor) -> Tensor:
    """The weighted sum of rows for a single reader."""
    return (weight[:, None] * rows[source]).sum(0, keepdim=True)


class MessagePassingKernel(_DepthFirst):
    """Compiled walks, each thread taking blocks of samples whose messages near the spin drawn stay in cache."""

    def sample(
        self, beta: float, of: Interactions, key: int, first: int, count: int, differentiable: bool = False
    ) -> Sampled:
        assert first % 64 == 0
        spins = new_blocks(count, self.num_spins, self.dtype)
        _, log_prob, energy = self._walk(beta, of, spins, (key, first), False)
        return Sampled(spins, self.places, log_prob[:count], energy[:count], spins_from_blocks)

    def log_prob(self, beta: float, of: Interactions, spins: Tensor) -> Tensor:
        return self._walk(beta, of, spins_to_blocks(spins, self.sites, self.dtype), None, False)[1][: len(spins)]

    def logits(self, beta: float, of: Interactions, spins: Tensor) -> Tensor:
        rows = self._walk(beta, of, spins_to_blocks(spins, self.sites, self.dtype), None, True)[0]
        return to_site_order(rows, self.places, len(spins))

    def _walk(
        self, beta: float, of: Interactions, spins: Tensor, stream: tuple[int, int] | None, want_logits: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Logits by place, log q and energy of spins, drawn into place from a stream or given."""
        from graphar.kernels._numba_messages import walk

        blocks, n, width = spins.shape
        log_prob, energy = torch.zeros(2, blocks, width, dtype=torch.float64)
        logits = empty((blocks if want_logits else 0, n, width), self.dtype)
        key, first = (0, 0) if stream is None else stream
        with numba_threads() as threads:
            messages = empty((threads, 2 * self.num_arrivals, width), self.dtype)
            local = empty((threads, n, width), self.dtype)
            walk(
                (self.sites.numpy(), self.ptr, self.sender, self.back, self.stop, self.is_root),
                (min(self.config.radius, n), self.config.rounds, self.config.refresh == "full"),
                ((beta * of.coupling).numpy(), of.coupling.numpy(), of.field.numpy()),
                beta,
                stream is None,
                np.uint64(key),
                first,
                spins.numpy(),
                messages.numpy(),
                local.numpy(),
                logits.numpy(),
                log_prob.numpy(),
                energy.numpy(),
            )
        return logits, log_prob.flatten(), energy.flatten()
