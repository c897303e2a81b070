"""Energies of the parts of a union of graphs, from spins in blocks as sweeps leave them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from graphar.hamiltonians import IsingGraph
from graphar.kernels.compiled.plans import PartEnergies
from graphar.kernels.compiled.threads import share_out

__all__ = ["measure_parts", "plan_energies"]


def plan_energies(graph: IsingGraph, row_of_site: Tensor, part: np.ndarray) -> PartEnergies:
    """For the rows of a kernel."""
    i, j, J = graph.undirected()
    ends = row_of_site[torch.stack([i, j])].sort(0).values
    order = ends[1].argsort(stable=True)
    ptr = torch.cat([order.new_zeros(1), torch.bincount(ends[1], minlength=len(row_of_site)).cumsum(0)])
    field = torch.empty(len(row_of_site), dtype=torch.float64)
    field[row_of_site] = graph.h.double()
    return PartEnergies(ptr.numpy(), ends[0][order].numpy(), J.double()[order].numpy(), field.numpy(), part)


def measure_parts(plan: PartEnergies, rows: Tensor, parts: int, count: int) -> tuple[Tensor, Tensor]:
    """Energies without offset and magnetisations, float64, (parts, count)."""
    from graphar.kernels.compiled.loops.parts import measure

    energy, magnetisation = torch.empty(2, len(rows), parts, rows.shape[2], dtype=torch.float64)
    share_out(len(rows), measure, plan, rows.numpy(), energy.numpy(), magnetisation.numpy())
    first, second = (sums.transpose(0, 1).flatten(1)[:, :count] for sums in (energy, magnetisation))
    return first, second
