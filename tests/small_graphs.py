"""Small graphs and heads that every law is tried on."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor

import graphar as ga

__all__ = ["GRAPHS", "HEADS", "KERNELS", "ORDERINGS", "configurations", "model_on"]


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

# Weights of order one, so that no law holds merely because they are small.
HEADS: dict[str, ga.heads.Head] = {
    "linear": ga.heads.Linear(scale=2.0),
    "linear, no bias": ga.heads.Linear(scale=2.0, bias=False),
    "linear, parents": ga.heads.Linear("parents", scale=2.0),
    "MLP": ga.heads.MLP(4, scale=2.0),
    "MLP, parents": ga.heads.MLP(3, 2, "parents", bias=False, activation="tanh", scale=2.0),
    "SK, replica symmetric": ga.heads.SherringtonKirkpatrick(0, scale=1.0),
    "SK, two steps": ga.heads.SherringtonKirkpatrick(2, scale=1.0),
    "Curie-Weiss": ga.heads.CurieWeiss(trainable=True),
    "infinite Curie-Weiss": ga.heads.CurieWeissInfinite(scale=2.0),
    "infinite Curie-Weiss with a gain": ga.heads.CurieWeissInfinite("gain", scale=2.0),
    "one parameter": ga.heads.OneParameter(scale=2.0),
    "single layer": ga.heads.SingleLayer(scale=2.0),
    "MADE": ga.heads.MADE(depth=3, width=2),
}
KERNELS = ["reference", "numba"]


def configurations(n: int) -> Tensor:
    """All 2^N configurations, (2^N, N), float64."""
    return torch.tensor(list(itertools.product([-1.0, 1.0], repeat=n)), dtype=torch.float64)


def model_on(
    graph: str,
    head: str,
    ordering: str,
    frontier: str = "component",
    kernel: str = "auto",
    radius: int | None = None,
) -> ga.Autoregressive:
    """A float64 model with weights of order one, the skip included."""
    order = ORDERINGS[ordering](GRAPHS[graph])
    model = ga.Autoregressive(
        GRAPHS[graph], HEADS[head], order, frontier, radius=radius, kernel=kernel, seed=3, dtype=torch.float64
    )
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return model
