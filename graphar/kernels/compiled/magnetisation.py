r"""The compiled kernel of heads that read M_i = Σ_{j<i} x_j alone: O(N) per sample, on the CPU.

What a spin reads is one number, kept from spin to spin. Energies take O(N) too where all pairs of spins have one
coupling, ξ_ii = J̄ M_i, and O(E) elsewhere. Logits come in one of two forms:

- of numbers by rank: logit_i = 2βh_i + slope_i M_i + step_i φ(gain_i (h_i + J̄M_i)), with φ the sign or tanh;
- as a table of the logits at all N(N + 1)/2 values of (i, M_i), for heads whose function of M_i has no such form. On
  a graph that couples all pairs of spins it is as large as the graph.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from graphar.frontier import Frontier
from graphar.heads.base import BoundHead
from graphar.heads.magnetisation import ReadsMagnetisation
from graphar.kernels.base import Couplings
from graphar.kernels.compiled.batch_layout import Drawn
from graphar.kernels.compiled.plans import MagnetisationPlan, rank_plan
from graphar.kernels.compiled.sequential import SequentialKernel
from graphar.kernels.compiled.threads import share_out

__all__ = ["MagnetisationKernel"]


class MagnetisationKernel(SequentialKernel):
    """Compiled sweeps of heads whose logits are numbers by rank and M_i."""

    head: ReadsMagnetisation

    def __init__(self, frontier: Frontier, head: BoundHead, dtype: torch.dtype, device: torch.device) -> None:
        super().__init__(frontier, head, dtype, device)
        self.sites, self.row_of_site = frontier.ordering.sites, frontier.ordering.ranks
        self._plan = MagnetisationPlan(rank_plan(frontier), float(self.head.coupling), bool(self.head.tanh))

    @property
    def loops(self) -> ModuleType:
        from graphar.kernels.compiled.loops import magnetisation

        return magnetisation

    def _in_order(self, coupling: Tensor, field: Tensor) -> Couplings:
        n = self.num_spins
        pairs = self._plan.ranks.source.size
        if coupling.numel() == pairs == n * (n - 1) // 2 > 1 and bool((coupling == coupling[0]).all()):
            coupling = coupling[:1]
        return Couplings(coupling, field, field)

    def num_rows(self, keep: bool) -> tuple[int, ...]:
        return (self.num_spins if keep else 0,)

    def gradient(self, numbers: Any, drawn: Drawn, wanted: tuple[bool, ...]) -> tuple[Tensor, ...]:
        found = type(numbers)(*(np.zeros_like(part) for part in numbers))
        share_out(self.num_spins, self.loops.gradient, self._plan, numbers, drawn, found)
        return tuple(torch.from_numpy(part) for part in found)
