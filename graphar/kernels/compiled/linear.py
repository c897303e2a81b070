"""The reference algorithm compiled for the CPU, for heads whose logits are linear in what they read.

Samples are independent, so each thread draws blocks of them spin by spin, with the rows of a block in cache: no
step of a level is ever waited for, and nothing of size (pairs, batch) exists. Spins are visited depth first in the
elimination tree, and two readers in succession share what they load. Sampling keeps messages and slopes, d log q /
d logit, where the gradient is wanted: it then takes one more pass and no second forward one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from graphar.frontier import Frontier
from graphar.heads.base import BoundHead, CompiledHead, LinearCoefficients
from graphar.kernels.base import Couplings
from graphar.kernels.compiled.batch_layout import empty
from graphar.kernels.compiled.block_kernel import BlockKernel, weigh
from graphar.kernels.compiled.threads import num_threads, share_out

__all__ = ["LinearKernel"]

CACHE = 2**18  # bytes of rows that a group of blocks may touch in a run of readers: about half a second-level cache
SHARES = 64  # parts that the readers are divided in for the gradient: enough for any number of threads


class LinearKernel(BlockKernel):
    """Compiled sweeps over the spins, for heads with a :class:`~graphar.heads.base.LinearCoefficients`, on the CPU."""

    form_kind: type[Any] = LinearCoefficients  # the numbers that gradients are taken by

    _plan: tuple[np.ndarray, ...]
    _reusing_plan: tuple[np.ndarray, ...]  # with slots in the place of arrivals

    def __init__(self, frontier: Frontier, head: BoundHead, dtype: torch.dtype, device: torch.device) -> None:
        from graphar.kernels.compiled.loops.layout import preorder, reuse_slots, share_rows

        super().__init__(frontier, head, dtype, device)
        n, num_arrivals = self.num_spins, self.num_arrivals
        # TwoBo's own pairs reach beyond the component: their readers must wait for all earlier ranks
        anywhere = frontier.kind == "all" and frontier.radius is None and head.reads == "messages"
        anywhere = anywhere or head.reads == "earlier"
        order = np.arange(n) if anywhere else preorder(frontier.parent.numpy())
        place = np.empty(n, np.int64)
        place[order] = np.arange(n)

        sent_by = place[frontier.arrival_source.numpy()]
        sends = np.argsort(sent_by, kind="stable")
        row_of_arrival = np.full(num_arrivals + 1, num_arrivals, np.int32)  # the last row stays zero
        row_of_arrival[sends] = np.arange(num_arrivals)
        first = frontier.arrival_ptr.numpy()[frontier.arrival_target.numpy()]
        arrival = np.arange(num_arrivals)
        before = row_of_arrival[np.where(arrival == first, -1, arrival - 1)]
        self._reads_spins = reads_spins = head.reads in ("parents", "earlier")
        ptr, row = (part.numpy() for part in frontier.read_lists(head.reads))
        row = place[row].astype(np.int32) if reads_spins else row_of_arrival[row]
        shared = share_rows(order, ptr, row, max(n, num_arrivals + 1))
        sites = frontier.ordering.sites.numpy()[order]
        send_ptr = np.zeros(n + 1, np.int64)
        np.cumsum(np.bincount(sent_by, minlength=n), out=send_ptr[1:])
        local_row = row_of_arrival[frontier.local_arrival.numpy()[order]]
        before = before[sends]
        self._plan = (sites, local_row, send_ptr, before, np.arange(num_arrivals, dtype=np.int32), *shared)
        slot, self._num_slots = reuse_slots(
            order, np.zeros(n + 1, np.int64) if reads_spins else ptr, row, local_row, send_ptr, before
        )
        both_ptr, both_row, both_a, both_b, rest_ptr, rest_row, rest_pair = shared
        if not reads_spins:
            both_row, rest_row = slot[both_row], slot[rest_row]
        shared = both_ptr, both_row, both_a, both_b, rest_ptr, rest_row, rest_pair
        self._reusing_plan = (sites, slot[local_row], send_ptr, slot[before], slot[:-1], *shared)
        # rows to read, those that two readers share for both, and four more for each reader
        ends = np.minimum(2 * np.arange(both_ptr.size), n)
        self._shares = shares_of_work(2 * both_ptr + rest_ptr[ends] + 4 * ends)
        self._widest = int(np.diff(ptr).max()) if n else 0
        self._order, self._place = torch.from_numpy(order), torch.from_numpy(place)
        self.sites = torch.from_numpy(sites)
        self.row_of_site = self._place[frontier.ordering.ranks]
        self._sends = torch.from_numpy(sends)

    def _read_one_by_one(self, frontier: Frontier, chosen: np.ndarray | slice = slice(None)) -> None:
        """Make plans where no two readers share rows: where each one's chosen pairs start, their rows, the pairs."""
        ptr, read = (part.numpy() for part in frontier.read_lists(self.head.reads))
        reader = np.repeat(self._place.numpy(), np.diff(ptr))[chosen]
        pair = np.argsort(reader, kind="stable").astype(np.int32)
        ptr = np.zeros(self.num_spins + 1, np.int64)
        np.cumsum(np.bincount(reader, minlength=self.num_spins), out=ptr[1:])
        if self._reads_spins:
            row = slot = self._place.numpy()[read[chosen][pair]].astype(np.int32)
        else:
            row_of_arrival = np.full(self.num_arrivals + 1, self.num_arrivals, np.int32)
            row_of_arrival[self._sends.numpy()] = np.arange(self.num_arrivals)
            row = row_of_arrival[read[chosen][pair]]
            slot = np.append(self._reusing_plan[4], np.int32(self._num_slots))[row]
        self._plan = (*self._plan[:5], ptr, row, pair)
        self._reusing_plan = (*self._reusing_plan[:5], ptr, slot, pair)

    def _in_order(self, coupling: Tensor, field: Tensor) -> Couplings:
        return Couplings(coupling[self._sends], field[self._order], field)

    def _walk(
        self, beta: float, couplings: Couplings, spins: Tensor, stream: tuple[int, int] | None, want_logits: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        return _Sweep.apply(self, couplings, spins, stream, want_logits, *self._coefficients(beta, couplings))

    def _coefficients(self, beta: float, couplings: Couplings) -> Any:
        assert isinstance(self.head, CompiledHead)
        return self.head.coefficients(beta, couplings.field_of_rank)

    def _numbers(self, coefficients: Any) -> tuple[np.ndarray, ...]:
        """As compiled loops read them, those of spins in drawing order."""
        constant, local, pairs = (part.detach().to(self.dtype) for part in coefficients[:3])
        return constant[self._order].numpy(), local[self._order].numpy(), pairs.contiguous().numpy()

    def sweep(
        self,
        couplings: Couplings,
        spins: Tensor,
        stream: tuple[int, int] | None,
        coefficients: Any,
        keep: bool,
        want_logits: bool,
    ) -> tuple[Tensor, ...]:
        """log q, logits, energy, messages and slopes of spins, drawn into place from a stream or given."""
        blocks, n, width = spins.shape
        shape = (blocks, self.num_arrivals + 1, width)
        if not keep:
            shape = (num_threads(blocks), self._num_slots + 1, width)
        messages = empty(shape, self.dtype)
        messages[:, -1] = 0
        dlogq_dlogit = empty((blocks if keep else 0, n, width), self.dtype)
        logits = empty((blocks if want_logits else 0, n, width), self.dtype)
        log_prob, energy = torch.zeros(2, blocks, width, dtype=torch.float64)
        key, first = (0, 0) if stream is None else stream
        share_out(
            blocks,
            self._compiled_sweep(),
            self._plan if keep else self._reusing_plan,
            (*self._numbers(coefficients), couplings.field.numpy(), couplings.coupling.numpy()),
            self._reads_spins,
            stream is None,
            keep,
            np.uint64(key),
            first,
            spins.numpy(),
            messages.numpy(),
            logits.numpy(),
            dlogq_dlogit.numpy(),
            log_prob.numpy(),
            energy.numpy(),
        )
        return log_prob.flatten(), logits, energy.flatten(), messages, dlogq_dlogit

    def _compiled_sweep(self) -> Callable[..., None]:
        from graphar.kernels.compiled.loops.linear import sweep

        return sweep

    def gradient(
        self,
        spins: Tensor,
        messages: Tensor,
        dlogq_dlogit: Tensor,
        factor: Tensor,
        coefficients: LinearCoefficients,
        local: bool,
    ) -> tuple[Tensor | None, ...]:
        """Σ_b factor_b ∇ log q_b by the numbers of the linear form."""
        from graphar.kernels.compiled.loops.linear import gradient

        width = spins.shape[2]
        by_constant = torch.zeros(self.num_spins, dtype=self.dtype)
        by_local = torch.zeros(self.num_spins if local else 0, dtype=self.dtype)
        by_pair = torch.zeros_like(coefficients.pairs, dtype=self.dtype)
        row_bytes = width * spins.element_size()
        group = max(1, min(4, CACHE // (row_bytes * max(1, self._widest))))
        share_out(
            self._shares.size - 1,
            gradient,
            self._plan,
            self._reads_spins,
            self._shares,
            group,
            spins.numpy(),
            messages.numpy(),
            dlogq_dlogit.numpy(),
            factor.numpy(),
            by_constant.numpy(),
            by_local.numpy(),
            by_pair.numpy(),
        )
        return by_constant[self._place], by_local[self._place] if local else None, by_pair


class _Sweep(torch.autograd.Function):
    """Sweep and gradient as one differentiable operation of the linear form: log q, logits, energy."""

    @staticmethod
    def forward(
        ctx: Any,
        kernel: LinearKernel,
        couplings: Couplings,
        spins: Tensor,
        stream: tuple[int, int] | None,
        want_logits: bool,
        *numbers: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        coefficients = kernel.form_kind(*numbers)
        keep = any(ctx.needs_input_grad)
        log_prob, logits, energy, messages, dlogq_dlogit = kernel.sweep(
            couplings, spins, stream, coefficients, keep, want_logits
        )
        ctx.kernel, ctx.coefficients = kernel, coefficients
        if keep:
            ctx.save_for_backward(spins, messages, dlogq_dlogit)
        ctx.mark_non_differentiable(energy)
        return log_prob, logits, energy

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        spins, messages, dlogq_dlogit = ctx.saved_tensors
        by_log_prob, by_logits, _ = gradients
        local = ctx.needs_input_grad[6]
        found = ctx.kernel.gradient(
            spins, messages, *weigh(dlogq_dlogit, by_log_prob, by_logits), ctx.coefficients, local
        )
        return None, None, None, None, None, *found


def shares_of_work(cost: np.ndarray) -> np.ndarray:
    """Ranges of twos of readers with about equal work, from what there is before each two and the sum."""
    twos = cost.size - 1
    shares = min(SHARES, max(1, twos))
    cuts = np.searchsorted(cost, np.linspace(0, cost[-1], shares + 1))
    cuts[0], cuts[-1] = 0, twos
    return cuts
