"""What kernels share whose heads read messages or spins by pairs: plans, numbers in drawing order, the gradient."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from graphar.frontier import Frontier
from graphar.heads.base import BoundHead
from graphar.kernels.base import Couplings
from graphar.kernels.compiled.batch_layout import Drawn
from graphar.kernels.compiled.plans import MessagePlans, SweepPlan
from graphar.kernels.compiled.sequential import SequentialKernel
from graphar.kernels.compiled.threads import share_out

__all__ = ["PairKernel"]


class PairKernel(SequentialKernel):
    """Sweeps by a :class:`~graphar.kernels.compiled.plans.SweepPlan`; their ``loops`` hold a ``gradient`` too.

    Coefficients are by rank but for ``pairs``. With ``keep`` a sweep keeps every message, else only those still to be
    read, in slots that stay in cache.
    """

    def __init__(self, frontier: Frontier, head: BoundHead, dtype: torch.dtype, device: torch.device) -> None:
        super().__init__(frontier, head, dtype, device)
        self._plans = plans = self._make_plans(frontier)
        self._order, self._place, self._sends = (torch.from_numpy(part) for part in plans[:3])
        self.sites = torch.from_numpy(plans.keeping.sent.site)
        self.row_of_site = self._place[frontier.ordering.ranks]

    @abstractmethod
    def _make_plans(self, frontier: Frontier) -> MessagePlans:
        """By :func:`~graphar.kernels.compiled.plans.plan_messages`."""

    def _in_order(self, coupling: Tensor, field: Tensor) -> Couplings:
        return Couplings(coupling[self._sends], field[self._order], field)

    def plan(self, keep: bool) -> SweepPlan:
        return self._plans.keeping if keep else self._plans.reusing

    def num_rows(self, keep: bool) -> tuple[int, ...]:
        return ((self.num_arrivals if keep else self._plans.num_slots) + 1,)  # one stays zero

    def numbers(self, beta: float, couplings: Couplings, coefficients: Any) -> Any:
        ordered = {name: part[self._order] for name, part in coefficients._asdict().items() if name != "pairs"}
        return super().numbers(beta, couplings, coefficients._replace(**ordered))

    def gradient(self, numbers: Any, drawn: Drawn, wanted: tuple[bool, ...]) -> tuple[Tensor, ...]:
        found = type(numbers)(*(np.zeros_like(part) for part in numbers))
        if not wanted[numbers._fields.index("local")]:
            found = found._replace(local=found.local[:0])
        plan = self._plans.keeping
        share_out(plan.ranges.size - 1, self.loops.gradient, plan, numbers, drawn, found)
        by_name = zip(found._fields, wanted, map(torch.from_numpy, found), strict=True)
        return tuple(part if name == "pairs" or not want else part[self._place] for name, want, part in by_name)
