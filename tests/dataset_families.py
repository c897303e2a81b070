"""Data sets of every family, and when two are the same."""

from __future__ import annotations

from typing import Any

import torch

import graphar as ga
from graphar.instances.dataset import InstanceDataset

__all__ = ["BETAS", "FAMILIES", "PLANAR", "RRG", "SPLITS", "contents", "same", "same_sets"]

SPLITS = ("train", "validation", "test")
RRG: dict[str, Any] = {"family": "random_regular", "sizes": (8, 12), "num_graphs": 5, "degree": 3}
FAMILIES: dict[str, dict[str, Any]] = {
    "regular": RRG,
    "degree 6 with field": {**RRG, "degree": 6, "field": "gaussian", "couplings": "gaussian"},
    "Erdős–Rényi": {"family": "erdos_renyi", "sizes": [10, 7, 9], "num_graphs": 4, "mean_degree": 2.5},
    "grids in 2D": {"family": "grid", "sizes": ((3, 4), (4, 2)), "num_graphs": 4, "couplings": "gaussian"},
    "periodic in 3D": {"family": "grid", "sizes": (2, 3, 2), "num_graphs": 3, "periodic": True, "field": 0.5},
    "2D and 3D": {"family": "grid", "sizes": ((4, 3), (2, 2, 3), (12,)), "num_graphs": 5},
    "triangular": {"family": "triangular", "sizes": (3, 4), "num_graphs": 2},
    "Sherrington–Kirkpatrick": {"family": "sherrington_kirkpatrick", "sizes": 8, "num_graphs": 3},
    "Wishart": {"family": "wishart_planted", "sizes": (8, 9), "num_graphs": 3, "alpha": 0.5},
    "random chain": {"family": "random_chain", "sizes": 9, "num_graphs": 2, "periodic": True},
    "one graph": {"family": "grid", "sizes": (3, 3), "num_graphs": 1},
}
BETAS = (0.3, 1.1)
PLANAR = {"seconds": 1e-9}  # no elimination is as quick as that


def contents(graph: ga.IsingGraph) -> dict[str, torch.Tensor]:
    names = ("edge_index", "edge_weight", "h", "offset", "beta", "log_partition")
    return {name: graph[name] for name in names}


def same(a: ga.IsingGraph, b: ga.IsingGraph, pos: bool = True) -> bool:
    """Equal to the last bit; NaN equals NaN."""
    places = [graph.pos if graph.pos is not None and pos else torch.empty(0) for graph in (a, b)]
    pairs = [*zip(contents(a).values(), contents(b).values(), strict=True), tuple(places)]
    equal = all(
        x.dtype == y.dtype and x.shape == y.shape and torch.equal(x.nan_to_num(), y.nan_to_num()) for x, y in pairs
    )
    return equal and a.num_spins == b.num_spins and type(a) is type(b) is ga.IsingGraph


def same_sets(a: InstanceDataset, b: InstanceDataset) -> bool:
    return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
