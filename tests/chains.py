"""Markov chains that are plainly right: heat bath, site after site, many chains at once."""

from __future__ import annotations

import torch
from torch import Tensor

import graphar as ga

__all__ = ["heat_bath"]


def heat_bath(
    graph: ga.IsingGraph | ga.SpinHypergraph, beta: float, start: Tensor, sweeps: int, seed: int, every: int = 1
) -> Tensor:
    """Chains (chains, time, N) from ``start`` (chains, N), one configuration kept after each ``every`` sweeps."""
    generator = torch.Generator().manual_seed(seed)
    x, kept = start.to(torch.float64).clone(), []
    n = graph.num_spins
    if isinstance(graph, ga.IsingGraph):
        J = torch.zeros(n, n, dtype=torch.float64)
        J[graph.edge_index[0], graph.edge_index[1]] = graph.edge_weight.double()
    for sweep in range(sweeps):
        for i in range(n):
            field = x @ J[i] + graph.h[i] if isinstance(graph, ga.IsingGraph) else graph.local_fields(x)[:, i]
            up = torch.rand(len(x), generator=generator, dtype=torch.float64) < torch.sigmoid(2 * beta * field)
            x[:, i] = torch.where(up, 1.0, -1.0)
        if (sweep + 1) % every == 0:
            kept.append(x.to(torch.int8))
    return torch.stack(kept, 1)
