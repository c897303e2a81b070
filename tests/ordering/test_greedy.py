"""Minimum degree and minimum fill."""

from __future__ import annotations

from collections.abc import Callable

import networkx as nx
import pytest
from ordering_graphs import (
    GRAPHS,
    TREES,
    fill,
    from_networkx,
    width,
)

from graphar import IsingGraph
from graphar.ordering import (
    Ordering,
    bfs,
    min_degree,
    min_fill,
    rcm,
)


@pytest.mark.parametrize("make", [min_degree, min_fill, rcm, bfs])
@pytest.mark.parametrize("tree", TREES, ids=repr)
def test_trees_are_eliminated_without_fill(tree: IsingGraph, make: Callable[[IsingGraph], Ordering]) -> None:
    assert width(make(tree)) == 1


@pytest.mark.parametrize("graph", ["chordal", "complete", "tree", "isolated sites", "star"])
def test_min_fill_fills_nothing_on_chordal_graphs(graph: str) -> None:
    assert fill(min_fill(GRAPHS[graph])) == 0


def test_min_fill_is_greedy_and_exact() -> None:
    graph = GRAPHS["random regular"]
    network = nx.Graph(graph.edge_index.T.tolist())
    for site in reversed(min_fill(graph).sites.tolist()):

        def missing(i: int) -> int:
            around = network.subgraph(network[i])
            return len(around) * (len(around) - 1) // 2 - around.number_of_edges()

        cost = {i: (missing(i), network.degree(i), i) for i in network}
        assert cost[site] == min(cost.values())
        clique = list(network[site])
        network.remove_node(site)
        network.add_edges_from((a, b) for a in clique for b in clique if a < b)


def test_min_degree_begins_with_the_fewest_neighbours() -> None:
    assert width(min_degree(GRAPHS["ring"])) == 2
    graph = from_networkx(nx.wheel_graph(2000))  # the hub has more neighbours than any list that is worth keeping
    order = min_degree(graph)
    assert order.sites[0] == 0
    assert width(order) == 3


@pytest.mark.parametrize("graph", ["grid", "random regular", "heavy tail", "torus", "dense random"])
def test_min_degree_is_near_an_independent_one(graph: str) -> None:
    network = nx.Graph(GRAPHS[graph].edge_index.T.tolist())
    bound = nx.algorithms.approximation.treewidth_min_degree(network)[0]
    assert width(min_degree(GRAPHS[graph])) <= 1.15 * bound + 1
