"""The compiled kernel of heads whose logits are linear in what they read."""

from __future__ import annotations

from types import ModuleType

from graphar.frontier import Frontier
from graphar.kernels.compiled.pairs import PairKernel
from graphar.kernels.compiled.plans import MessagePlans, plan_messages, shared_reads

__all__ = ["LinearKernel"]


class LinearKernel(PairKernel):
    """Compiled sweeps of heads with :class:`~graphar.heads.base.LinearCoefficients`.

    Two readers in succession share what they load. Sampling keeps messages and slopes, d log q / d logit, where the
    gradient is wanted: it then takes one more pass and no second forward one.
    """

    @property
    def loops(self) -> ModuleType:
        from graphar.kernels.compiled.loops import linear

        return linear

    def _make_plans(self, frontier: Frontier) -> MessagePlans:
        return plan_messages(frontier, self.head.reads, shared_reads)
