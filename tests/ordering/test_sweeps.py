"""Breadth first and reverse Cuthill-McKee."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import networkx as nx
import numpy as np
import pytest
import torch
from ordering_graphs import (
    GRAPHS,
    from_networkx,
    grid,
    ising,
    neighbours_by_rank,
    pairs_and_height,
)

from graphar.ordering import (
    bfs,
    natural,
    rcm,
)


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize("start", [None, 0])
def test_bfs_follows_distance(graph: str, start: int | None) -> None:
    order = bfs(GRAPHS[graph], start)
    network = nx.Graph(GRAPHS[graph].edge_index.T.tolist())
    network.add_nodes_from(range(len(order)))
    sites = order.sites.tolist()
    while sites:
        distance = nx.single_source_shortest_path_length(network, sites[0])
        component, sites = sites[: len(distance)], sites[len(distance) :]
        assert set(component) == set(distance)  # components are not interleaved
        assert all(distance[a] <= distance[b] for a, b in pairwise(component))
    if start is not None:
        assert order.sites[0] == start


def test_bfs_begins_at_the_rim() -> None:
    labels = np.random.default_rng(0).permutation(50)
    order = bfs(ising(np.stack([labels[:-1], labels[1:]], 1), 50))
    assert order.sites.tolist() in (labels.tolist(), labels[::-1].tolist())
    assert bfs(grid(7, 7)).sites[0] in (0, 6, 42, 48)


def test_bfs_breaks_ties_by_number() -> None:
    assert bfs(ising([(2, 5), (2, 1), (2, 3), (3, 0), (5, 4)], 6), start=2).sites.tolist() == [2, 1, 3, 5, 0, 4]
    # components by their lowest sites, each from an end of it
    assert bfs(ising([(5, 0), (2, 1)], 6)).sites.tolist() == [5, 0, 2, 1, 3, 4]


@pytest.mark.parametrize("start", [-1, 30, 1.0, True])
def test_bfs_start_is_a_site(start: Any) -> None:
    with pytest.raises(ValueError, match="start must be"):
        bfs(GRAPHS["path"], start)


def test_bfs_commutes_with_relabelling() -> None:
    # From an end of a path of triangles' tips nothing is left to ties.
    graph = from_networkx(nx.lollipop_graph(3, 20))
    labels = torch.randperm(23, generator=torch.Generator().manual_seed(1))
    relabelled = ising(labels[graph.edge_index[:, graph.edge_index[0] < graph.edge_index[1]]].T.numpy(), 23)
    ranks = bfs(graph, start=22).ranks
    moved = bfs(relabelled, start=int(labels[22])).ranks[labels]
    assert torch.equal(ranks[2:], moved[2:])


def test_rcm_has_a_narrow_band() -> None:
    shuffled = np.random.default_rng(0).permutation(400)
    edges = grid(50, 8).edge_index.numpy()
    order = rcm(ising(shuffled[edges[:, edges[0] < edges[1]]].T, 400))
    assert max(abs(i - j) for i, around in enumerate(neighbours_by_rank(order)) for j in around) <= 9


def test_sweeps_of_the_torus() -> None:
    torus = grid(32, 32, periodic=True)
    assert pairs_and_height(natural(torus)) == (62_525, 1024)
    assert pairs_and_height(rcm(torus)) == (44_455, 1024)
    assert pairs_and_height(bfs(torus)) <= (44_455, 1024)
