"""Small hypergraphs that every law of many-body spins is tried on, and their energies term by term."""

from __future__ import annotations

import itertools
import math

import numpy as np
import torch
from torch import Tensor

import graphar as ga

__all__ = ["HYPERGRAPHS", "configurations", "naive_energy", "relabelled"]


def _random(n: int, orders: list[int], seed: int, *, field: bool = True, dyadic: bool = True) -> ga.SpinHypergraph:
    rng = np.random.default_rng(seed)
    terms: dict[tuple[int, ...], float] = {}
    for k in orders:
        sites = tuple(sorted(rng.choice(n, k, replace=False).tolist()))
        terms[sites] = rng.integers(-8, 9) / 4 if dyadic else rng.standard_normal()
    h = rng.integers(-4, 5, n) / 4 if field else None
    return ga.SpinHypergraph.from_hyperedges(list(terms), list(terms.values()), h, n, offset=0.5)


HYPERGRAPHS: dict[str, ga.SpinHypergraph] = {
    "one spin": ga.SpinHypergraph.from_hyperedges([], [], h=[0.75], offset=-0.5),
    "fields only": ga.SpinHypergraph.from_hyperedges([], [], h=[0.5, -1.25, 0.0], offset=1.0),
    "pair": ga.SpinHypergraph.from_hyperedges([(1, 0)], -1.0),
    "triple": ga.SpinHypergraph.from_hyperedges([(2, 0, 1)], 2.0),
    "quintuple": ga.SpinHypergraph.from_hyperedges([(4, 3, 2, 1, 0)], -0.5, h=0.25),
    "nested": ga.SpinHypergraph.from_hyperedges([(0, 1), (0, 1, 2), (0, 1, 2, 3)], [1.0, -1.5, 0.25], num_nodes=5),
    "isolated spins": ga.SpinHypergraph.from_hyperedges([(1, 3, 4)], [1.5], h={5: 1.0}, num_nodes=7),
    "two components": ga.SpinHypergraph.from_hyperedges([(0, 2, 4), (1, 3, 5, 7), (5, 6)], [1.0, -2.0, 0.5]),
    "chain of triples": ga.SpinHypergraph.from_hyperedges([(k, k + 1, k + 2) for k in range(7)], -1.0),
    "pairs": _random(7, [2] * 9, 1),
    "triples": _random(8, [3] * 8, 2, field=False),
    "quadruples": _random(8, [4] * 6, 3),
    "orders 1 to 5": _random(9, [2, 2, 3, 3, 4, 5], 4),
    "orders 1 to 5, dense": _random(8, [2, 3, 4, 5] * 6, 5),
    "not dyadic": _random(9, [2, 3, 4, 5] * 3, 6, dyadic=False),
    "zero coupling": ga.SpinHypergraph.from_hyperedges([(0, 1, 2), (1, 2, 3)], [0.0, 1.0]),
    "whole": ga.SpinHypergraph.from_hyperedges([tuple(range(10))], 3.0, h=0.5),
}


def configurations(n: int) -> Tensor:
    """All 2^N configurations, (2^N, N), int64."""
    return torch.tensor(list(itertools.product([-1, 1], repeat=n)))


def naive_energy(graph: ga.SpinHypergraph, x: list[int]) -> float:
    """Term by term from the incidences."""
    energy = graph.offset.item()
    for i, h in enumerate(graph.h.tolist()):
        energy -= h * x[i]
    members: dict[int, list[int]] = {}
    for site, interaction in graph.hyperedge_index.T.tolist():
        members.setdefault(interaction, []).append(site)
    for a, J in enumerate(graph.hyperedge_weight.tolist()):
        energy -= J * math.prod(x[i] for i in members[a])
    return energy


def relabelled(graph: ga.SpinHypergraph, seed: int = 0) -> tuple[ga.SpinHypergraph, Tensor]:
    """The same with site i called new[i], and new."""
    new = torch.randperm(graph.num_spins, generator=torch.Generator().manual_seed(seed))
    listed = graph.listed()
    h = torch.empty_like(graph.h)
    h[new] = graph.h
    renamed = ga.SpinHypergraph.from_hyperedges(
        [tuple(new[list(sites)].tolist())[::-1] for sites, _ in reversed(listed)],
        [J for _, J in reversed(listed)],
        h,
        offset=graph.offset.item(),
    )
    return renamed, new
