"""Energies and magnetisations of the parts of a union of graphs, in float64; imported where it is used."""

from __future__ import annotations

import numpy as np

from graphar._support.compile import njit
from graphar.kernels.compiled.loops.shares import Work, borrowed, hold, shares
from graphar.kernels.compiled.plans import PartEnergies

__all__ = ["measure"]


@njit(nogil=True, cache=True, fastmath={"contract"})
def measure(work: Work, plan: PartEnergies, spins: np.ndarray, energy: np.ndarray, magnetisation: np.ndarray) -> None:
    """E and M of spins in blocks (blocks, N, width), both (blocks, parts, width)."""
    plan, spins, energy, magnetisation = borrowed((plan, spins, energy, magnetisation))
    blocks, num_spins, width = spins.shape
    for block in shares(work, blocks):
        scratch = np.zeros(width), np.zeros(width)
        local, x = borrowed(scratch)
        energy[block], magnetisation[block] = 0, 0
        for i in range(num_spins):
            e, m = energy[block, plan.part[i]], magnetisation[block, plan.part[i]]
            local[:] = plan.field[i]
            for k in range(plan.ptr[i], plan.ptr[i + 1]):
                coupling, row = plan.coupling[k], spins[block, plan.earlier[k]]
                for b in range(width):
                    local[b] += coupling * np.float64(row[b])
            x[:] = spins[block, i]
            for b in range(width):
                e[b] -= local[b] * x[b]
                m[b] += x[b]
        hold(scratch)
