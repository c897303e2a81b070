"""The compiled kernel of heads whose logits are linear in what they read."""

from __future__ import annotations

from functools import cached_property
from types import ModuleType

import torch
from torch import Tensor

from graphar.frontier import Frontier
from graphar.hamiltonians import IsingGraph
from graphar.heads.base import BoundHead, LinearHead
from graphar.kernels.base import Couplings, to_site_order
from graphar.kernels.compiled.flip_plans import FlipPlan, plan_flips
from graphar.kernels.compiled.flips import change_by_flips, weights_of_spins
from graphar.kernels.compiled.pairs import PairKernel
from graphar.kernels.compiled.plans import MessagePlans, plan_messages, shared_reads

__all__ = ["LinearKernel"]


class LinearKernel(PairKernel):
    """Compiled sweeps of heads with :class:`~graphar.heads.base.LinearCoefficients`.

    Two readers in succession share what they load. Sampling keeps messages and slopes, d log q / d logit, where the
    gradient is wanted: it then takes one more pass and no second forward one.
    """

    head: LinearHead

    def __init__(self, frontier: Frontier, head: BoundHead, dtype: torch.dtype, device: torch.device) -> None:
        super().__init__(frontier, head, dtype, device)
        self._frontier = frontier

    @property
    def loops(self) -> ModuleType:
        from graphar.kernels.compiled.loops import linear

        return linear

    def _make_plans(self, frontier: Frontier) -> MessagePlans:
        return plan_messages(frontier, self.head.reads, shared_reads)

    @cached_property
    def _flip_plan(self) -> FlipPlan | None:
        if not isinstance(self._frontier.graph, IsingGraph):  # messages of more spins are not linear in each
            return None
        return plan_flips(self._frontier, self.head, self._place.numpy())

    @torch.no_grad()
    def flip_log_ratios(self, beta: float, couplings: Couplings, spins: Tensor) -> Tensor | None:
        plan = self._flip_plan
        if plan is None:
            return None
        by_arrival = torch.empty_like(couplings.coupling)
        by_arrival[self._sends] = couplings.coupling
        weight = weights_of_spins(plan, self.head.coefficients(beta, couplings.field_of_rank), by_arrival)
        rows = self._blocks(spins)
        logits = self._sweep(beta, couplings, rows, None, True)[1]
        return to_site_order(change_by_flips(plan, weight, rows, logits), self.row_of_site, len(spins))
