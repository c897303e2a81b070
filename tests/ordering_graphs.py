"""Graphs for orderings, and what an order costs by its definition."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import networkx as nx
import numpy as np

from graphar import IsingGraph
from graphar.ordering import (
    Ordering,
    bfs,
    given_order,
    min_degree,
    min_fill,
    natural,
    nested_dissection,
    random_order,
    rcm,
)

__all__ = [
    "GRAPHS",
    "ORDERINGS",
    "TREES",
    "cliques_in_a_row",
    "fill",
    "from_networkx",
    "grid",
    "ising",
    "neighbours_by_rank",
    "pairs_and_height",
    "parents",
    "width",
]


def ising(edges: Any, n: int) -> IsingGraph:
    return IsingGraph.from_edges(np.array(list(edges), dtype=int).reshape(-1, 2).T, 1.0, num_nodes=n)


def from_networkx(graph: nx.Graph) -> IsingGraph:
    return ising(nx.convert_node_labels_to_integers(graph).edges, len(graph))


def grid(*shape: int, periodic: bool = False) -> IsingGraph:
    sites = np.arange(np.prod(shape)).reshape(shape)
    edges = []
    for axis, length in enumerate(shape):
        to = np.roll(sites, -1, axis)
        last = length if periodic else length - 1
        edges.append(np.stack([sites.take(range(last), axis).ravel(), to.take(range(last), axis).ravel()], 1))
    return ising(np.concatenate(edges), sites.size)


def cliques_in_a_row() -> IsingGraph:
    """Chordal: cliques of four that share two sites each."""
    edges = {(a, b) for k in range(0, 20, 2) for a in range(k, k + 4) for b in range(a + 1, k + 4)}
    return ising(sorted(edges), 22)


GRAPHS = {
    "one site": ising([], 1),
    "no edges": ising([], 5),
    "edge": ising([(0, 1)], 2),
    "isolated sites": ising([(1, 4), (4, 6)], 8),
    "path": from_networkx(nx.path_graph(30)),
    "ring": from_networkx(nx.cycle_graph(13)),
    "star": from_networkx(nx.star_graph(40)),
    "complete": from_networkx(nx.complete_graph(24)),
    "bipartite": from_networkx(nx.complete_bipartite_graph(3, 90)),
    "tree": from_networkx(nx.balanced_tree(3, 4)),
    "chordal": cliques_in_a_row(),
    "grid": grid(9, 14),
    "torus": grid(5, 4, 3, periodic=True),
    "random regular": from_networkx(nx.random_regular_graph(3, 150, seed=1)),
    "sparse random": from_networkx(nx.gnm_random_graph(200, 170, seed=2)),
    "dense random": from_networkx(nx.gnp_random_graph(80, 0.5, seed=3)),
    "heavy tail": from_networkx(nx.barabasi_albert_graph(300, 2, seed=4)),
    "components": from_networkx(nx.disjoint_union_all([nx.grid_graph((k, 5)) for k in range(1, 9)])),
}
TREES = [
    GRAPHS["path"],
    GRAPHS["star"],
    GRAPHS["tree"],
    from_networkx(nx.random_labeled_tree(500, seed=5)),
    # two hubs with a site between them: a hub that goes last would fill
    ising([(0, k) for k in range(2, 400)] + [(1, k) for k in range(400, 800)] + [(1, 2)], 800),
]
ORDERINGS: dict[str, Callable[[IsingGraph], Ordering]] = {
    "natural": natural,
    "bfs": bfs,
    "rcm": rcm,
    "min degree": min_degree,
    "min fill": min_fill,
    "nested dissection": nested_dissection,
    "fine dissection": lambda graph: nested_dissection(graph, seed=3, leaf_size=1),
    "random": lambda graph: random_order(graph, seed=1),
    "given": lambda graph: given_order(graph, np.arange(graph.num_spins)[::-1]),
}


def neighbours_by_rank(order: Ordering) -> list[set[int]]:
    out: list[set[int]] = [set() for _ in range(len(order))]
    for i, j in order.ranks[order.graph.edge_index].T.tolist():
        out[i].add(j)
    return out


def parents(order: Ordering) -> list[set[int]]:
    """P(i) by eliminating ranks from the last down: the earlier neighbours become a clique."""
    around = neighbours_by_rank(order)
    for i in range(len(order) - 1, -1, -1):
        around[i] = {j for j in around[i] if j < i}
        for j in around[i]:
            around[j] |= around[i] - {j}
    return around


def pairs_and_height(order: Ordering) -> tuple[int, int]:
    """Σ_l depth(l) − depth(m(l)) in the elimination tree, m(l) the lowest neighbour of l, and the tree's height."""
    depth: list[int] = []
    for earlier in parents(order):
        depth.append(depth[max(earlier)] + 1 if earlier else 1)
    first = [min(around | {i}) for i, around in enumerate(neighbours_by_rank(order))]
    return sum(depth[i] - depth[m] for i, m in enumerate(first)), max(depth)


def width(order: Ordering) -> int:
    return max(len(earlier) for earlier in parents(order))


def fill(order: Ordering) -> int:
    return sum(len(earlier) for earlier in parents(order)) - order.graph.num_couplings
