"""The launcher of compiled sweeps: batches in, batches out, and their gradient as one operation of torch.

Samples are independent, so each thread draws blocks of them from the first spin to the last, with the rows of a block
in cache: no step of a level is ever waited for. A head gives a plan, its coefficients, a sweep and a gradient.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from graphar.heads.base import CompiledHead
from graphar.kernels.base import Couplings, Kernel, Samples, to_site_order
from graphar.kernels.compiled.batch_layout import Batch, Drawn, empty, new_blocks, spins_from_blocks, spins_to_blocks
from graphar.kernels.compiled.threads import num_threads, share_out

__all__ = ["SequentialKernel"]


class SequentialKernel(Kernel):
    """Samples, densities and logits from a sweep over blocks, spin after spin.

    Attributes:
        sites: of each row of a block, (N,).
        row_of_site: row of each site, (N,).
        part_ptr: where the parts of a union of graphs start, in sites and in rows, (parts + 1,); one part otherwise.
        keeps_rows: whether the gradient reads what a sweep writes beside spins.
    """

    head: CompiledHead
    sites: Tensor
    row_of_site: Tensor
    _plan: Any
    compiled = True
    keeps_rows = True

    @cached_property
    def part_ptr(self) -> np.ndarray:
        return np.array([0, self.num_spins])

    @cached_property
    def part(self) -> np.ndarray:
        """Of each row, (N,)."""
        return np.repeat(np.arange(self.part_ptr.size - 1), np.diff(self.part_ptr))

    @property
    @abstractmethod
    def loops(self) -> ModuleType:
        """What holds ``sweep(work, plan, numbers, batch, rows)``; imported when asked for, as it loads numba."""

    def plan(self, keep: bool) -> Any:
        """What sweeps read that depends neither on weights nor on couplings."""
        return self._plan

    def _in_order(self, coupling: Tensor, field: Tensor) -> Couplings:
        return Couplings(coupling, field, field)

    @abstractmethod
    def num_rows(self, keep: bool) -> tuple[int, ...]:
        """Rows of each array that a sweep writes beside spins: for every block to keep, or for every thread."""

    @abstractmethod
    def gradient(self, numbers: Any, drawn: Drawn, wanted: tuple[bool, ...]) -> tuple[Tensor, ...]:
        """Derivatives by the coefficients, in their order; those not ``wanted`` may be anything."""

    def numbers(self, beta: float, couplings: Couplings, coefficients: Any) -> Any:
        """Coefficients as sweeps read them: arrays of the kernel's type."""
        return type(coefficients)(*(part.contiguous().numpy() for part in coefficients))

    def sample(
        self, beta: float, couplings: Couplings, key: int, first: int, count: int, differentiable: bool = False
    ) -> Samples:
        rows, log_prob, energy = self.sample_parts(beta, couplings, [key], first, count, differentiable)
        return Samples(rows, self.row_of_site, log_prob[0], energy[0], spins_from_blocks)

    def sample_parts(
        self, beta: float, couplings: Couplings, keys: Sequence[int], first: int, count: int, differentiable: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Spins in blocks, and log q and energies of each part, (parts, count), from a key of each part's own."""
        assert first % 64 == 0
        spins = new_blocks(count, self.num_spins, self.dtype)
        with torch.set_grad_enabled(differentiable):
            log_prob, _, energy = self._sweep(beta, couplings, spins, (keys, first), False)
        return spins, log_prob[:, :count], energy[:, :count]

    def log_prob(self, beta: float, couplings: Couplings, spins: Tensor) -> Tensor:
        return self._sweep(beta, couplings, self._blocks(spins), None, False)[0].sum(0)[: len(spins)]

    def logits(self, beta: float, couplings: Couplings, spins: Tensor) -> Tensor:
        rows = self._sweep(beta, couplings, self._blocks(spins), None, True)[1]
        return to_site_order(rows, self.row_of_site, len(spins))

    def _blocks(self, spins: Tensor) -> Tensor:
        return spins_to_blocks(spins, self.sites, self.dtype)

    def _sweep(
        self,
        beta: float,
        couplings: Couplings,
        spins: Tensor,
        stream: tuple[Sequence[int], int] | None,
        want_logits: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """log q, logits by row and energy of spins, drawn into place from streams or given; by part, (parts, …)."""
        coefficients = self.head.coefficients(beta, couplings.field_of_rank)
        return _Sweep.apply(self, type(coefficients), beta, couplings, spins, stream, want_logits, *coefficients)


class _Sweep(torch.autograd.Function):
    """Sweep and gradient as one differentiable operation of the coefficients: log q, logits, energy."""

    @staticmethod
    def forward(
        ctx: Any,
        kernel: SequentialKernel,
        kind: type[Any],
        beta: float,
        couplings: Couplings,
        spins: Tensor,
        stream: tuple[Sequence[int], int] | None,
        want_logits: bool,
        *coefficients: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        keep, dtype, (blocks, n, width) = any(ctx.needs_input_grad), kernel.dtype, spins.shape
        numbers = kernel.numbers(beta, couplings, kind(*(part.detach().to(dtype) for part in coefficients)))
        held = blocks if keep and kernel.keeps_rows else num_threads(blocks)
        rows = tuple(empty((held, count, width), dtype) for count in kernel.num_rows(keep))
        logits = empty((blocks if want_logits else 0, n, width), dtype)
        dlogq_dlogit = empty((blocks if keep else 0, n, width), dtype)
        parts = kernel.part_ptr.size - 1
        log_prob, energy = torch.zeros(2, blocks, parts, width, dtype=torch.float64)
        keys, first = ([0] * parts, 0) if stream is None else stream
        written = (part.numpy() for part in (spins, logits, dlogq_dlogit, log_prob, energy))
        graph = couplings.field.numpy(), couplings.coupling.numpy()
        parted = kernel.part, kernel.part_ptr
        batch = Batch(beta, *graph, stream is None, keep, np.array(keys, np.uint64), first, *parted, *written)
        arrays = tuple(part.numpy() for part in rows)
        share_out(blocks, kernel.loops.sweep, kernel.plan(keep), numbers, batch, arrays)
        if keep:
            ctx.kernel, ctx.numbers, ctx.beta, ctx.graph = kernel, numbers, beta, graph
            ctx.save_for_backward(spins, dlogq_dlogit, *(rows if kernel.keeps_rows else ()))
        log_prob, energy = (sums.transpose(0, 1).flatten(1) for sums in (log_prob, energy))
        ctx.mark_non_differentiable(energy)
        return log_prob, logits, energy

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        spins, dlogq_dlogit, *rows = ctx.saved_tensors
        by_log_prob, by_logits, _ = gradients
        part = ctx.kernel.part
        factor = by_log_prob.unflatten(1, (len(spins), spins.shape[2])).transpose(0, 1).to(spins.dtype).contiguous()
        if by_logits.numel():
            dlogq_dlogit, factor = dlogq_dlogit * factor[:, part] + by_logits, torch.ones_like(factor)
        field, coupling = ctx.graph
        arrays = tuple(part.numpy() for part in (spins, dlogq_dlogit, factor, *rows))
        drawn = Drawn(field, arrays[0], arrays[1], arrays[2], arrays[3:], ctx.beta, coupling, part)
        wanted = ctx.needs_input_grad[7:]
        found = ctx.kernel.gradient(ctx.numbers, drawn, wanted)
        return (None,) * 7 + tuple(part if want else None for part, want in zip(found, wanted, strict=True))
