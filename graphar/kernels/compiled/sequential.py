"""What compiled walks over the spins in order of rank have in common, where a spin reads no messages.

Samples are independent: each thread takes blocks of them from the first spin to the last.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from graphar.frontier import Frontier
from graphar.heads.base import BoundHead
from graphar.kernels.base import Couplings
from graphar.kernels.compiled.block_kernel import BlockKernel, weigh

__all__ = ["SequentialKernel"]


class SequentialKernel(BlockKernel):
    """Densities, samples and gradients from a compiled walk and its gradient, by the numbers of a form."""

    def __init__(self, frontier: Frontier, head: BoundHead, dtype: torch.dtype, device: torch.device) -> None:
        super().__init__(frontier, head, dtype, device)
        self.sites = frontier.ordering.sites
        self.row_of_site = frontier.ordering.ranks
        source = frontier.arrival_source.to(torch.int32)
        arrival = torch.arange(source.numel(), dtype=torch.int32)
        lists = (self.sites, frontier.arrival_ptr, source, arrival)
        self._plan = tuple(part.numpy() for part in lists)
        self.num_arrivals = 0  # none is held for any sample

    def _in_order(self, coupling: Tensor, field: Tensor) -> Couplings:
        return Couplings(coupling, field, field)

    def _walk(
        self, beta: float, couplings: Couplings, spins: Tensor, stream: tuple[int, int] | None, want_logits: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        return _Walk.apply(self, beta, couplings, spins, stream, want_logits, *self._coefficients(beta, couplings))

    @abstractmethod
    def _coefficients(self, beta: float, couplings: Couplings) -> tuple[Tensor, ...]:
        """Numbers of the head, differentiable in its weights."""

    @abstractmethod
    def walk(
        self,
        beta: float,
        couplings: Couplings,
        spins: Tensor,
        stream: tuple[int, int] | None,
        coefficients: tuple[Tensor, ...],
        keep: bool,
        want_logits: bool,
    ) -> tuple[Tensor, ...]:
        """As :meth:`_walk`, in numbers; with ``keep`` also d log q_i / d logit_i, and what the gradient needs."""

    @abstractmethod
    def gradient(
        self,
        couplings: Couplings,
        spins: Tensor,
        dlogq_dlogit: Tensor,
        factor: Tensor,
        kept: list[Tensor],
        coefficients: tuple[Tensor, ...],
    ) -> tuple[Tensor, ...]:
        """Σ_b factor_b Σ_i slope_ib ∇ logit_ib by the numbers of the form."""


class _Walk(torch.autograd.Function):
    """Walk and gradient as one differentiable operation of the form: log q, logits, energy."""

    @staticmethod
    def forward(
        ctx: Any,
        kernel: SequentialKernel,
        beta: float,
        couplings: Couplings,
        spins: Tensor,
        stream: tuple[int, int] | None,
        want_logits: bool,
        *coefficients: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        ctx.kernel, ctx.of, ctx.coefficients = kernel, couplings, coefficients
        keep = any(ctx.needs_input_grad)
        log_prob, logits, energy, *kept = kernel.walk(beta, couplings, spins, stream, coefficients, keep, want_logits)
        if keep:
            ctx.save_for_backward(spins, *kept)
        ctx.mark_non_differentiable(energy)
        return log_prob, logits, energy

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        spins, dlogq_dlogit, *kept = ctx.saved_tensors
        by_log_prob, by_logits, _ = gradients
        found = ctx.kernel.gradient(ctx.of, spins, *weigh(dlogq_dlogit, by_log_prob, by_logits), kept, ctx.coefficients)
        return None, None, None, None, None, None, *found
