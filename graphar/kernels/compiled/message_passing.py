"""Kernels of the message-passing head: its schedule in torch, level by level, and compiled for the CPU.

Both number spins by their place in depth-first order of the elimination tree. What is still undrawn when p is drawn, of
the component C(p), is then a run of places after p, and the undrawn neighbours of a spin of C(p) are those at places
after p. Directed edges are sorted by receiver and then by sender: the messages that a spin receives are consecutive
rows, of which the undrawn senders' are the last. Messages on a subtree depend on its ancestors alone, so that drawing
depth first, one spin after the other, and level by level, whole levels at once, are the same. A linear part that reads
TwoBo's own pairs, beyond the component, is not: what it reads is of all spins of smaller rank and of none else, and
spins are drawn one by one by rank. Ancestors have smaller ranks, which is all that messages ask for.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from graphar.frontier import Frontier
from graphar.heads.base import BoundHead
from graphar.heads.message_passing.head import BoundMessagePassing
from graphar.kernels.base import Couplings, Kernel
from graphar.kernels.compiled.batch_layout import empty
from graphar.kernels.compiled.block_kernel import BlockKernel
from graphar.kernels.compiled.threads import num_threads, share_out

__all__ = ["DepthFirst", "MessagePassingKernel"]

MEMORY = 16e9  # bytes that the tapes of a gradient may take


class DepthFirst(Kernel):
    """Places of spins, directed edges and the tree, which both kernels share.

    Attributes:
        ranks, sites: of each place, (N,).
        row_of_site: of each site, (N,).
        depth: in the elimination tree, (N,).
        turns: places in the order in which they are drawn one by one, (N,).
        level: at which each place may be drawn together with others, (N,).
        sender, receiver, back: places at the ends of each directed edge, and the edge the other way, (2E,).
        ptr: where the edges into each place start, (N + 1,).
        stop: one past the last place of each subtree, (N,).
        is_root: whether a place is the first of its component, (N,).
        radius, rounds, refresh: the schedule, with a radius of at most N.
        pair_ptr, pair_spin, pair: the frontier of each place, as places, and their numbers at the head.
    """

    def __init__(self, frontier: Frontier, head: BoundHead, dtype: torch.dtype, device: torch.device) -> None:
        from graphar.kernels.compiled.loops.layout import preorder
        from graphar.kernels.compiled.loops.schedule import subtree_stops

        super().__init__(frontier, head, dtype, device)
        assert isinstance(head, BoundMessagePassing)
        self.bound = head
        n, num_edges = self.num_spins, self.num_arrivals
        radius, self.rounds, self.refresh = head.config.schedule
        self.radius = min(radius, n)
        order = preorder(frontier.parent.numpy())
        place = np.empty(n, np.int64)
        place[order] = np.arange(n)
        self.depth = frontier.depth.numpy()[order]
        self.stop = subtree_stops(self.depth)
        self.is_root = frontier.parent.numpy()[order] < 0
        anywhere = head.linear is not None and frontier.kind == "all" and frontier.radius is None
        self.turns, self.level = (place, order) if anywhere else (np.arange(n), self.depth)

        source, target = place[frontier.arrival_source.numpy()], place[frontier.arrival_target.numpy()]
        receiver, sender = np.concatenate([target, source]), np.concatenate([source, target])
        edges = np.lexsort((sender, receiver))
        row = np.empty_like(edges)
        row[edges] = np.arange(2 * num_edges)
        self.sender, self.receiver = sender[edges], receiver[edges]
        self.back = row[(edges + num_edges) % (2 * num_edges)] if num_edges else row
        self.ptr = _pointers(np.bincount(receiver, minlength=n))

        count = np.zeros(n, np.int64)
        self.pair = self.pair_spin = np.zeros(0, np.int64)
        if head.linear is not None:
            ptr = frontier.pair_ptr.numpy()
            count = np.diff(ptr)[order]
            first = np.repeat(ptr[:-1][order] - _pointers(count)[:-1], count)
            self.pair = first + np.arange(first.size)
            self.pair_spin = place[frontier.pair_spin.numpy()[self.pair]]
        self.pair_ptr = _pointers(count)

        self._arrival = torch.from_numpy(edges % max(1, num_edges))
        self.ranks = torch.from_numpy(order)
        self.sites = frontier.ordering.sites[self.ranks]
        self.row_of_site = torch.from_numpy(place)[frontier.ordering.ranks]

    def _in_order(self, coupling: Tensor, field: Tensor) -> Couplings:
        return Couplings(coupling[self._arrival.to(coupling.device)], field[self.ranks.to(field.device)], field)


def _pointers(count: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(count)]).astype(np.int64)


class MessagePassingKernel(BlockKernel, DepthFirst):
    """Compiled walks, each thread taking blocks of samples whose messages near the spin drawn stay in cache.

    The gradient walks the same way once more and back, with a tape of one row for each message renewed, of one block
    of 64 samples for each thread: 0.7 GB for 4096 spins with three neighbours and radius 10, there and back. Where
    only the linear part learns, the walk back is left out.
    """

    def __init__(self, frontier: Frontier, head: BoundHead, dtype: torch.dtype, device: torch.device) -> None:
        super().__init__(frontier, head, dtype, device)
        sites, none = self.sites.numpy(), np.zeros(0, np.int64)
        self._plan = (
            *(sites, self.turns, self.ptr, self.sender, self.receiver, self.back),
            *(self.stop, self.depth, self.is_root, self.pair_ptr, self.pair_spin if self.bound.linear else none),
        )
        self._schedule = (self.radius, self.rounds, self.refresh == "full", self.refresh == "return")
        self._events: int | None = None

    def _walk(
        self, beta: float, couplings: Couplings, spins: Tensor, stream: tuple[int, int] | None, want_logits: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        return _Walk.apply(self, beta, couplings, spins, stream, want_logits, *self.bound.weights())

    def walk(
        self,
        beta: float,
        couplings: Couplings,
        spins: Tensor,
        stream: tuple[int, int] | None,
        weights: tuple[Tensor, ...],
        want_logits: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """As :meth:`_walk`, in numbers, for the head's :meth:`~BoundMessagePassing.weights`."""
        from graphar.kernels.compiled.loops.message_passing import walk

        blocks, n, width = spins.shape
        log_prob, energy = torch.zeros(2, blocks, width, dtype=torch.float64)
        logits = empty((blocks if want_logits else 0, n, width), self.dtype)
        key, first = (0, 0) if stream is None else stream
        threads = num_threads(blocks)
        messages = empty((threads, 2 * self.num_arrivals, width), self.dtype)
        local = empty((threads, n, width), self.dtype)
        share_out(
            blocks,
            walk,
            self._plan,
            self._schedule,
            *self._numbers(beta, couplings, weights),
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
        return log_prob.flatten(), logits, energy.flatten()

    def gradient(
        self,
        beta: float,
        couplings: Couplings,
        spins: Tensor,
        dlogq_dlogit: Tensor,
        weights: tuple[Tensor, ...],
        wanted: Any,
    ) -> tuple[Tensor, ...]:
        """Σ slope × d logit/d weight for each of the head's weights, zero where it is not wanted."""
        from graphar.kernels.compiled.loops.message_passing_gradient import gradient, pair_gradient
        from graphar.kernels.compiled.loops.schedule import count_events

        blocks, n, width = spins.shape
        found = tuple(torch.zeros(blocks, *weight.shape, dtype=self.dtype) for weight in weights)
        arrays = tuple(part.numpy() for part in found)
        numbers, message_net, logit_net = self._numbers(beta, couplings, weights)
        threads = num_threads(blocks)
        local = empty((threads, n, width), self.dtype)
        if any(wanted[:8]):
            if self._events is None:
                self._events = count_events(*self._schedule, self.sender, self.ptr, self.stop, self.is_root)
            needed = threads * self._events * width * spins.element_size()
            if needed > MEMORY:
                raise ValueError(
                    f"radius or refresh must renew few enough messages for their gradient to fit in "
                    f"{MEMORY / 1e9:.3g} GB, got {self._events:,} renewals, which need {needed / 1e9:.3g} GB"
                )
            rows = empty((threads, 2, 2 * self.num_arrivals, width), self.dtype)
            tapes = empty((threads, self._events, width), self.dtype)
            share_out(
                blocks,
                gradient,
                *(self._plan, self._schedule, numbers, message_net, logit_net, beta, self.bound.rule.gradient_decay),
                *(
                    spins.numpy(),
                    dlogq_dlogit.numpy(),
                    rows.numpy(),
                    local.numpy(),
                    tapes.numpy(),
                    arrays[:4],
                    arrays[4:8],
                ),
            )
        if any(wanted[8:]):
            by_place = np.zeros((blocks, self.pair.size), arrays[8].dtype), np.zeros((blocks, n), arrays[8].dtype)
            arguments = (spins.numpy(), dlogq_dlogit.numpy(), local.numpy(), *by_place)
            share_out(blocks, pair_gradient, self._plan, numbers[1], *arguments)
            arrays[8][:, self.pair], arrays[9][:, self.ranks.numpy()] = by_place
        return tuple(part.sum(0, dtype=torch.float64).to(self.dtype) for part in found)

    def _numbers(self, beta: float, couplings: Couplings, weights: tuple[Tensor, ...]) -> tuple[Any, Any, Any]:
        """Couplings, fields and the linear part in drawing order; gates of messages; gates of logits."""
        arrays = [weight.detach().to(self.dtype).contiguous().numpy() for weight in weights]
        ranks = self.ranks.numpy() if self.bound.linear else self.pair
        numbers = ((beta * couplings.coupling).numpy(), couplings.coupling.numpy(), couplings.field.numpy())
        return (*numbers, arrays[8][self.pair], arrays[9][ranks]), tuple(arrays[:4]), tuple(arrays[4:8])


class _Walk(torch.autograd.Function):
    """A walk as one differentiable operation of the head's weights: log q, logits, energy."""

    @staticmethod
    def forward(
        ctx: Any,
        kernel: MessagePassingKernel,
        beta: float,
        couplings: Couplings,
        spins: Tensor,
        stream: tuple[int, int] | None,
        want_logits: bool,
        *weights: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        keep = any(ctx.needs_input_grad)
        log_prob, logits, energy = kernel.walk(beta, couplings, spins, stream, weights, want_logits or keep)
        if keep:
            ctx.kernel, ctx.beta, ctx.of, ctx.weights = kernel, beta, couplings, weights
            ctx.save_for_backward(spins, logits)
        ctx.mark_non_differentiable(energy)
        return log_prob, logits, energy

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        spins, logits = ctx.saved_tensors
        by_log_prob, by_logits, _ = gradients
        blocks, _, width = spins.shape
        factor = by_log_prob.view(blocks, 1, width).to(spins.dtype)
        dlogq_dlogit = spins * torch.sigmoid(-spins * logits) * factor + by_logits
        wanted = ctx.needs_input_grad[6:]
        found = ctx.kernel.gradient(ctx.beta, ctx.of, spins, dlogq_dlogit.contiguous(), ctx.weights, wanted)
        return (None,) * 6 + tuple(part if want else None for part, want in zip(found, wanted, strict=True))
