"""The launcher of fused sweeps on a GPU: one launch draws a batch from the first spin to the last.

A program has 64 samples at a time, whose rows of messages it alone reads and writes: no step of a level is waited for,
and nothing passes between programs. Random bits are those of the other kernels, by key, sample and site, so that the
samples of a seed are too, up to ties at rounding. Sums over a batch are taken by programs in parts that its size
alone fixes, and then in order: they are the same in every run.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from graphar.heads.base import CompiledHead
from graphar.kernels.base import Couplings, Kernel, Samples, to_site_order
from graphar.kernels.compiled.plans import Sent
from graphar.kernels.triton import launching
from graphar.kernels.triton.launching import BLOCK, LOG_EVERY, PROGRAMS, TILE

__all__ = ["Drawn", "SweepOnDevice", "TritonKernel"]


class SweepOnDevice(NamedTuple):
    """A plan of :mod:`graphar.kernels.compiled.plans`, on the device.

    Attributes:
        sent: messages by sender.
        reads: what each spin reads.
        num_rows: of messages, the last one of zeros.
        reads_spins: whether rows that are read are those of spins and not of messages.
    """

    sent: Sent
    reads: Any
    num_rows: int
    reads_spins: bool


class Drawn(NamedTuple):
    """What a gradient starts from: that of Σ_b factor_b log q_b, plus any by the logits themselves.

    Attributes:
        spins: (blocks, N, BLOCK).
        dlogq_dlogit, factor: (blocks, N, BLOCK) and (blocks, BLOCK), whose products are derivatives by logits.
        messages: (blocks, E + 1, BLOCK), where rows are kept.
        scratch: what the head's own sweep has kept.
    """

    spins: Tensor
    dlogq_dlogit: Tensor
    factor: Tensor
    messages: Tensor
    scratch: tuple[Tensor, ...]


class TritonKernel(Kernel):
    """Samples, densities and logits from fused sweeps over blocks of samples.

    Attributes:
        sites: of each row of a block, (N,).
        row_of_site: row of each site, (N,).
        keeps_rows: whether the gradient reads messages and scratch of a sweep.
    """

    head: CompiledHead
    sites: Tensor
    row_of_site: Tensor
    keeps_rows = True

    @property
    @abstractmethod
    def logit(self) -> Any:
        """The jitted function of :func:`graphar.kernels.triton.loops.spin.sweep` that gives a spin's logits."""

    @abstractmethod
    def plan(self, keep: bool) -> SweepOnDevice:
        """What sweeps read, with every message kept or not."""

    @property
    def choice(self) -> tuple[int, ...]:
        """Numbers that the head's functions are compiled for."""
        return ()

    @property
    def programs(self) -> int:
        """Most that draw at once, with rows of their own."""
        return PROGRAMS

    def scratch(self, programs: int, keep: bool) -> tuple[Tensor, ...]:
        """What the head's function writes beside spins and messages, for every block to keep or every program."""
        return ()

    @abstractmethod
    def numbers(self, beta: float, couplings: Couplings, coefficients: Any) -> Any:
        """Coefficients as sweeps read them, contiguous."""

    @abstractmethod
    def gradient(self, numbers: Any, drawn: Drawn, wanted: tuple[bool, ...]) -> tuple[Tensor, ...]:
        """Derivatives by the coefficients, in their order; those not ``wanted`` may be anything."""

    def sample(
        self, beta: float, couplings: Couplings, key: int, first: int, count: int, differentiable: bool = False
    ) -> Samples:
        assert first % BLOCK == 0
        spins = torch.empty(-(-count // BLOCK), self.num_spins, BLOCK, dtype=self.dtype, device=self.device)
        with torch.set_grad_enabled(differentiable):
            log_prob, _, energy = self._sweep(beta, couplings, spins, (key, first), False)
        return Samples(spins, self.row_of_site, log_prob[:count], energy[:count])

    def log_prob(self, beta: float, couplings: Couplings, spins: Tensor) -> Tensor:
        return self._sweep(beta, couplings, self._blocks(spins), None, False)[0][: len(spins)]

    def logits(self, beta: float, couplings: Couplings, spins: Tensor) -> Tensor:
        rows = self._sweep(beta, couplings, self._blocks(spins), None, True)[1]
        return to_site_order(rows, self.row_of_site, len(spins))

    def _blocks(self, spins: Tensor) -> Tensor:
        """Blocks of spins (batch, N), the last one filled up with ones."""
        blocks = -(-len(spins) // BLOCK)
        rows = torch.ones(blocks * BLOCK, self.num_spins, dtype=self.dtype, device=self.device)
        rows[: len(spins)] = spins.to(self.device, self.dtype).index_select(1, self.sites)
        return rows.view(blocks, BLOCK, self.num_spins).transpose(1, 2).contiguous()

    def _sweep(
        self, beta: float, couplings: Couplings, spins: Tensor, stream: tuple[int, int] | None, want_logits: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        """log q, logits by row and energy of spins, drawn into place from a stream or given."""
        coefficients = self.head.coefficients(beta, couplings.field_of_rank)
        return _Sweep.apply(self, type(coefficients), beta, couplings, spins, stream, want_logits, *coefficients)


class _Sweep(torch.autograd.Function):
    """Sweep and gradient as one differentiable operation of the coefficients: log q, logits, energy."""

    @staticmethod
    def forward(
        ctx: Any,
        kernel: TritonKernel,
        kind: Callable[..., Any],
        beta: float,
        couplings: Couplings,
        spins: Tensor,
        stream: tuple[int, int] | None,
        want_logits: bool,
        *coefficients: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        from graphar.kernels.triton.loops.spin import sweep

        keep, (blocks, n, width) = any(ctx.needs_input_grad), spins.shape
        numbers = kernel.numbers(beta, couplings, kind(*(part.detach().to(kernel.dtype) for part in coefficients)))
        plan, keep_rows = kernel.plan(keep), keep and kernel.keeps_rows
        programs = max(1, blocks if keep_rows else min(blocks, kernel.programs))
        messages = spins.new_empty(programs, plan.num_rows, width)
        scratch = kernel.scratch(programs, keep_rows)
        logits = spins.new_empty(blocks if want_logits else 0, n, width)
        dlogq_dlogit = spins.new_empty(blocks if keep else 0, n, width)
        log_prob, energy = spins.new_zeros(2, blocks, width, dtype=torch.float64)
        key, first = (0, 0) if stream is None else stream
        launching.launch(
            sweep, (programs,), kernel.device,
            kernel.logit, plan.sent, plan.reads, numbers, scratch, couplings.field, couplings.coupling,
            key - 2**64 if key >> 63 else key, first, blocks, n, plan.num_rows,
            spins, logits, dlogq_dlogit, log_prob, energy, messages,
            GIVEN=stream is None, KEEP=keep, KEEP_ROWS=keep_rows, WANT_LOGITS=want_logits,
            READS_SPINS=plan.reads_spins, CHOICE=kernel.choice, MANY=len(plan.sent.factor) > 0, BLOCK=BLOCK, TILE=TILE,
            LOG_EVERY=LOG_EVERY,
        )  # fmt: skip
        if keep:
            ctx.kernel, ctx.numbers = kernel, numbers
            ctx.save_for_backward(spins, dlogq_dlogit, *((messages, *scratch) if keep_rows else (messages[:0],)))
        energy = energy.flatten()
        ctx.mark_non_differentiable(energy)
        return log_prob.flatten(), logits, energy

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        spins, dlogq_dlogit, messages, *scratch = ctx.saved_tensors
        by_log_prob, by_logits, _ = gradients
        factor = by_log_prob.view(len(spins), spins.shape[2]).to(spins.dtype).contiguous()
        if by_logits.numel():
            by_logits = (dlogq_dlogit * factor[:, None] + by_logits).contiguous()
            dlogq_dlogit, factor = by_logits, torch.ones_like(factor)
        wanted = ctx.needs_input_grad[7:]
        drawn = Drawn(spins, dlogq_dlogit, factor, messages, tuple(scratch))
        found = ctx.kernel.gradient(ctx.numbers, drawn, wanted)
        return (None,) * 7 + tuple(part if want else None for part, want in zip(found, wanted, strict=True))
