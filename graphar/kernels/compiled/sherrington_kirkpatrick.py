"""The compiled kernel of the Sherrington–Kirkpatrick head."""

from __future__ import annotations

from functools import partial
from types import ModuleType

from graphar.frontier import Frontier
from graphar.heads.sherrington_kirkpatrick import BoundSherringtonKirkpatrick
from graphar.kernels.compiled.pairs import PairKernel
from graphar.kernels.compiled.plans import MessagePlans, pair_reads, plan_messages

__all__ = ["SherringtonKirkpatrickKernel"]


class SherringtonKirkpatrickKernel(PairKernel):
    """Compiled sweeps with a function of each message in the place of a multiple of it.

    The numbers of a pair are (2, 2k + 3), and nothing that depends on them is kept for the gradient: the layers are
    computed again there.
    """

    head: BoundSherringtonKirkpatrick

    @property
    def loops(self) -> ModuleType:
        from graphar.kernels.compiled.loops import sherrington_kirkpatrick

        return sherrington_kirkpatrick

    def _make_plans(self, frontier: Frontier) -> MessagePlans:
        lists = partial(pair_reads, per_row=1, per_spin=1, chosen=self.head.feeds.numpy())
        return plan_messages(frontier, self.head.reads, lists)
