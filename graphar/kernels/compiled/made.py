"""The compiled kernel of the MADE head."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from graphar.frontier import Frontier
from graphar.heads.base import BoundHead
from graphar.heads.made import BoundMADE
from graphar.kernels.compiled.batch_layout import Drawn
from graphar.kernels.compiled.plans import MADEPlan, rank_plan
from graphar.kernels.compiled.sequential import SequentialKernel
from graphar.kernels.compiled.threads import share_out

__all__ = ["MADEKernel"]


class MADEKernel(SequentialKernel):
    """Compiled sweeps of masked dense layers: a batch is drawn with the work of one density."""

    head: BoundMADE

    def __init__(self, frontier: Frontier, head: BoundHead, dtype: torch.dtype, device: torch.device) -> None:
        super().__init__(frontier, head, dtype, device)
        self.sites, self.row_of_site = frontier.ordering.sites, frontier.ordering.ranks
        self._plan = MADEPlan(rank_plan(frontier), self.head.starts, 1 + self.head.z2)

    @property
    def loops(self) -> ModuleType:
        from graphar.kernels.compiled.loops import made

        return made

    def num_rows(self, keep: bool) -> tuple[int, ...]:
        units = self._plan.copies * sum(slope.shape[0] * slope.shape[1] for slope in self.head.slopes)
        return units, units, self._plan.copies * self.num_spins

    def gradient(self, numbers: Any, drawn: Drawn, wanted: tuple[bool, ...]) -> tuple[Tensor, ...]:
        found = type(numbers)(*(np.zeros_like(part) for part in numbers))
        units, inner, ups = drawn.rows
        by_units = np.zeros_like(inner)
        drawn = drawn._replace(rows=(units, inner.copy(), ups.copy()))  # which are overwritten
        share_out(len(drawn.spins), self.loops.units_gradient, self._plan, numbers, drawn, by_units)
        share_out((self.num_spins + 1) // 2, self.loops.gradient, self._plan, drawn, by_units, found)
        return tuple(torch.from_numpy(part) for part in found)
