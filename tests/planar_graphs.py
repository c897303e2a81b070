"""Planar graphs of every kind."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

import networkx as nx
import numpy as np
import pytest
import torch
from scipy.spatial import Delaunay

import graphar as ga
from graphar import IsingGraph

__all__ = ["GRAPHS", "couplings", "delaunay", "ising", "needs_matching", "networkx_graph", "random_graphs"]


def couplings(count: int, kind: str, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=count) if kind == "gaussian" else rng.choice([-1.0, 1.0], size=count)


def ising(edges: list[tuple[int, int]], n: int, kind: str, seed: int, pos: np.ndarray | None = None) -> IsingGraph:
    ends = np.array(edges, dtype=np.int64).reshape(-1, 2).T
    return IsingGraph.from_edges(ends, couplings(len(edges), kind, seed), num_nodes=n, pos=pos, offset=0.7)


def delaunay(n: int, kind: str, seed: int, keep: float = 1.0) -> IsingGraph:
    """Triangulation of random points, or a random part of its edges: bridges, isolated sites, several components."""
    rng = np.random.default_rng(seed)
    pos = rng.random((n, 2))
    triangles = Delaunay(pos).simplices
    edges = {tuple(sorted(map(int, (t[a], t[b])))) for t in triangles for a, b in ((0, 1), (1, 2), (0, 2))}
    return ising([edge for edge in sorted(edges) if rng.random() < keep], n, kind, seed, pos)


def networkx_graph(graph: nx.Graph, seed: int) -> IsingGraph:
    plain = nx.convert_node_labels_to_integers(graph)
    return ising(list(plain.edges), len(plain), "gaussian", seed)


GRAPHS: dict[str, IsingGraph] = {
    "one spin": ising([], 1, "pm1", 0),
    "no edges": ising([], 3, "pm1", 0),
    "edge": ising([(0, 1)], 2, "gaussian", 1),
    "triangle": ising([(0, 1), (1, 2), (0, 2)], 3, "pm1", 5),
    "chain": ga.chain(9, couplings="gaussian", seed=2),
    "ring": ga.chain(9, periodic=True, couplings="gaussian", seed=2),
    "grid": ga.grid((3, 4), couplings="pm1", seed=3),
    "grid in float32": ga.grid((3, 4), couplings="pm1", seed=3).to(torch.float32),
    "triangular": ga.triangular((3, 4), couplings="gaussian", seed=4),
    "antiferromagnetic triangular": ga.triangular((3, 4), couplings=-1.0),
    "delaunay": delaunay(13, "gaussian", 5),
    "part of delaunay": delaunay(14, "pm1", 6, keep=0.5),
    "zero couplings": IsingGraph.from_edges([[0, 1, 2, 0, 0], [1, 2, 3, 3, 2]], [1.0, 0.0, -0.5, -1.0, 0.0]),
    "all couplings zero": ga.grid((3, 3), couplings=0.0),
    "wheel": networkx_graph(nx.wheel_graph(14), 7),
    "star": networkx_graph(nx.star_graph(13), 8),
    "tree": networkx_graph(nx.balanced_tree(2, 3), 9),
    "hub beside hub": networkx_graph(nx.complete_bipartite_graph(2, 12), 10),
    "icosahedron": networkx_graph(nx.icosahedral_graph(), 11),
    "two components": networkx_graph(nx.disjoint_union(nx.cycle_graph(5), nx.complete_graph(4)), 12),
    "ring within a ring": networkx_graph(nx.circular_ladder_graph(6), 13),
}


def random_graphs() -> Iterator[IsingGraph]:
    """120 triangulations, subgraphs of them, and random planar graphs without places."""
    for seed in range(40):
        kind = ("pm1", "gaussian")[seed % 2]
        n = 5 + seed % 9
        yield delaunay(n, kind, seed)
        yield delaunay(n, kind, 100 + seed, keep=0.7)
        part = delaunay(n, kind, 200 + seed, keep=0.9)
        part.pos = None
        yield part


needs_matching = pytest.mark.skipif(importlib.util.find_spec("pymatching") is None, reason="needs pymatching")
