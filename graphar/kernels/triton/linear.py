"""The fused kernel of heads whose logits are linear in what they read."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import Tensor

from graphar.frontier import Frontier
from graphar.heads.base import LinearCoefficients, LinearHead
from graphar.kernels.base import Couplings
from graphar.kernels.compiled.plans import MessagePlans, pair_reads, plan_messages
from graphar.kernels.triton import launching
from graphar.kernels.triton.launching import BLOCK, TILE
from graphar.kernels.triton.pairs import PairTritonKernel, shares_of
from graphar.kernels.triton.sequential import Drawn

__all__ = ["LinearTritonKernel"]


class LinearTritonKernel(PairTritonKernel):
    """Fused sweeps of heads with :class:`~graphar.heads.base.LinearCoefficients`.

    Sampling keeps messages and slopes, d log q / d logit, where the gradient is wanted. It is then taken by a program
    for each spin and part of the batch.
    """

    head: LinearHead

    def _make_plans(self, frontier: Frontier) -> MessagePlans:
        return plan_messages(frontier, self.head.reads, partial(pair_reads, per_row=1, per_spin=1))

    @property
    def logit(self) -> Any:
        from graphar.kernels.triton.loops.linear import logit

        return logit

    def numbers(self, beta: float, couplings: Couplings, coefficients: LinearCoefficients) -> LinearCoefficients:
        constant, local, pairs = coefficients
        constant, local = (part.index_select(0, self._order) for part in (constant, local))
        return LinearCoefficients(constant, local, pairs.index_select(0, self._pair))

    def gradient(self, numbers: Any, drawn: Drawn, wanted: tuple[bool, ...]) -> tuple[Tensor, ...]:
        from graphar.kernels.triton.loops.linear import gradient

        plan, (blocks, n, _) = self._keeping, drawn.spins.shape
        read, pairs = self.rows_read(drawn), self._pair.numel()
        shares, group = shares_of(blocks, pairs)
        by_constant, by_local, by_pairs = (drawn.spins.new_zeros(shares, count) for count in (n, n, pairs))
        launching.launch(
            gradient, (n, shares), self.device,
            plan.sent, plan.reads, drawn.messages, read, drawn.messages.shape[1], read.shape[1], drawn.dlogq_dlogit,
            drawn.factor, blocks, group, n, pairs, by_constant, by_local, by_pairs,
            BLOCK=BLOCK, TILE=TILE, WANT_LOCAL=wanted[1],
        )  # fmt: skip
        order = self._place, self._place, self._place_of_pair
        sums = (part.sum(0) for part in (by_constant, by_local, by_pairs))
        return tuple(part.index_select(0, places) for part, places in zip(sums, order, strict=True))
