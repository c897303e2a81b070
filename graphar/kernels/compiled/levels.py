"""The reference algorithm with compiled message passing on the CPU, for heads that are not linear.

The head is called level by level, or once for given spins; its weighted sums over pairs, and their gradient, are
the compiled loops of the linear kernel, with nothing of size (pairs, batch) stored.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from graphar.kernels.base import Couplings, Samples
from graphar.kernels.compiled.threads import share_out
from graphar.kernels.reference.levels import ReferenceKernel

__all__ = ["LevelsKernel", "compiled_sum"]


def compiled_sum(weight: Tensor, ptr: Tensor, source: Tensor, rows: Tensor) -> Tensor:
    """Σ over each reader's pairs of weight × row, (n, batch); batch a multiple of 32; differentiable in the weights."""
    return _CompiledSum.apply(weight, ptr, source, rows)


class LevelsKernel(ReferenceKernel):
    """As :class:`ReferenceKernel`, with compiled weighted sums."""

    sum_rows = staticmethod(compiled_sum)

    def sample(
        self, beta: float, couplings: Couplings, key: int, first: int, count: int, differentiable: bool = False
    ) -> Samples:
        drawn = super().sample(beta, couplings, key, first, _padded(count), differentiable)
        return Samples(drawn.rows, self.row_of_site, drawn.log_prob[:count], drawn.energy[:count])

    def logits(self, beta: float, couplings: Couplings, spins: Tensor) -> Tensor:
        return super().logits(beta, couplings, spins)[: len(spins)]

    def log_prob(self, beta: float, couplings: Couplings, spins: Tensor) -> Tensor:
        return super().log_prob(beta, couplings, spins)[: len(spins)]

    def _rows(self, spins: Tensor) -> Tensor:
        rows = torch.ones(self.num_spins, _padded(len(spins)), dtype=self.dtype)
        rows[:, : len(spins)] = super()._rows(spins)
        return rows


def _padded(count: int) -> int:
    """An odd multiple of 32: of 32 for whole vectors, odd so that the rows of a batch do not share cache sets."""
    return (-(-count // 32) | 1) * 32


class _CompiledSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, ptr: Tensor, source: Tensor, rows: Tensor) -> Tensor:
        from graphar.kernels.compiled.loops.levels import sum_rows

        assert not rows.requires_grad
        ctx.save_for_backward(ptr, source, rows)
        total = rows.new_zeros(ptr.numel() - 1, rows.shape[1])
        arrays = (part.detach().contiguous().numpy() for part in (ptr, source, weight, rows, total))
        share_out(len(total), sum_rows, *arrays)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        from graphar.kernels.compiled.loops.levels import sum_rows_gradient

        ptr, source, rows = ctx.saved_tensors
        by_weight = rows.new_zeros(source.numel())
        slope = gradients[0].contiguous()
        share_out(len(slope), sum_rows_gradient, *(part.numpy() for part in (ptr, source, slope, rows, by_weight)))
        return by_weight, None, None, None
