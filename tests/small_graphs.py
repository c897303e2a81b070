"""Small graphs and orders that every law is tried on."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor

import graphar as ga

__all__ = ["GRAPHS", "KERNELS", "ORDERINGS", "configurations", "model_on"]


def _edges(n: int, edges: list[tuple[int, int]], seed: int, field: bool = True) -> ga.IsingGraph:
    generator = torch.Generator().manual_seed(seed)
    weights = torch.randn(len(edges), generator=generator, dtype=torch.float64)
    h = torch.randn(n, generator=generator, dtype=torch.float64) if field else None
    return ga.IsingGraph.from_edges(torch.tensor(edges).reshape(-1, 2).T, weights, h, n, offset=0.5)


GRAPHS: dict[str, ga.IsingGraph] = {
    "one spin": ga.IsingGraph.from_edges([[], []], [], h=[0.3]),
    "fields only": _edges(4, [], 0),
    "pair": _edges(2, [(0, 1)], 1),
    "isolated spin": _edges(5, [(0, 1), (1, 4), (2, 4)], 2),
    "two components": _edges(7, [(0, 2), (2, 4), (0, 4), (1, 3), (3, 5), (5, 6), (6, 1)], 3),
    "chain": ga.chain(7, couplings="gaussian", seed=4),
    "ring with field": ga.chain(8, periodic=True, couplings="pm1", field="gaussian", seed=5),
    "star": _edges(8, [(3, k) for k in range(8) if k != 3], 6),
    "tree": _edges(9, [(k, (k - 1) // 2) for k in range(1, 9)], 7),
    "grid": ga.grid((3, 4), couplings="pm1", seed=8),
    "torus": ga.grid((3, 3), periodic=True, couplings="gaussian", field=0.2, seed=9),
    "triangular": ga.triangular((3, 3), couplings="uniform", seed=10),
    "random regular": ga.random_regular(10, degree=3, couplings="pm1", field="gaussian", seed=11),
    "complete": ga.sherrington_kirkpatrick(7, seed=12),
    "cube": ga.grid((2, 2, 2), couplings="ferromagnet"),
    "zero coupling": ga.IsingGraph.from_edges([[0, 1, 2], [1, 2, 3]], [1.0, 0.0, -1.0]),
}
ORDERINGS = {
    "natural": ga.natural,
    "bfs": ga.bfs,
    "rcm": ga.rcm,
    "min_degree": ga.min_degree,
    "min_fill": ga.min_fill,
    "nested_dissection": ga.nested_dissection,
    "random": lambda graph: ga.random_order(graph, seed=1),
    "given": lambda graph: ga.given_order(graph, torch.arange(graph.num_spins).flip(0)),
}

KERNELS = ["reference", "numba"]


def configurations(n: int) -> Tensor:
    """All 2^N configurations, (2^N, N), float64."""
    return torch.tensor(list(itertools.product([-1.0, 1.0], repeat=n)), dtype=torch.float64)


def model_on(graph: str, inputs: str, ordering: str) -> ga.Autoregressive:
    """A float64 model with a linear head and weights of order one, the skip included."""
    head, order = ga.heads.Linear(inputs, scale=2.0), ORDERINGS[ordering](GRAPHS[graph])
    model = ga.Autoregressive(GRAPHS[graph], head, order, seed=3, dtype=torch.float64)
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return model
