"""Every ordering on every graph: a permutation, the same again, whatever weights, edges' order and global seeds."""

from __future__ import annotations

import time
from collections.abc import Callable

import networkx as nx
import numpy as np
import pytest
import torch
from ordering_graphs import (
    GRAPHS,
    ORDERINGS,
    from_networkx,
    grid,
    ising,
    width,
)

from graphar import IsingGraph
from graphar.ordering import (
    Ordering,
    bfs,
    min_degree,
    min_fill,
    natural,
    nested_dissection,
    random_order,
    rcm,
)


@pytest.mark.parametrize("name", ORDERINGS)
@pytest.mark.parametrize("graph", GRAPHS)
def test_permutation_and_determinism(graph: str, name: str) -> None:
    before = GRAPHS[graph].edge_index.clone()
    order = ORDERINGS[name](GRAPHS[graph])
    assert sorted(order.sites.tolist()) == list(range(GRAPHS[graph].num_spins))
    assert ORDERINGS[name](GRAPHS[graph]) == order
    assert torch.equal(GRAPHS[graph].edge_index, before)


@pytest.mark.parametrize("name", ORDERINGS)
def test_weights_and_order_of_edges_do_not_matter(name: str) -> None:
    graph = GRAPHS["random regular"].clone()
    shuffled = torch.randperm(graph.edge_index.shape[1], generator=torch.Generator().manual_seed(0))
    graph.edge_index = graph.edge_index[:, shuffled]
    graph.edge_weight = -3 * graph.edge_weight
    assert ORDERINGS[name](graph) == ORDERINGS[name](GRAPHS["random regular"])


def test_seeds() -> None:
    graph = GRAPHS["random regular"]
    for make in (random_order, nested_dissection):
        assert make(graph, 0) != make(graph, 1)
    state, numpy_state = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    random_order(graph, 5)
    nested_dissection(graph, 5)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert (np.random.get_state()[1] == numpy_state).all()  # noqa: NPY002
    for seed in (-1, 1.5):
        with pytest.raises(ValueError, match="seed"):
            random_order(graph, seed)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="seed"):
            nested_dissection(graph, seed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("make", "seconds"), [(natural, 5), (bfs, 5), (rcm, 5), (min_degree, 10), (nested_dissection, 40)]
)
def test_a_hundred_thousand_sites_take_seconds_of_a_processor(
    make: Callable[[IsingGraph], Ordering], seconds: float
) -> None:
    make(GRAPHS["grid"])  # compiles
    graph = grid(316, 317)
    begin = time.process_time()
    assert len(make(graph)) == 100_172
    assert time.process_time() - begin < seconds


@pytest.mark.parametrize("make", [bfs, rcm, min_degree, min_fill, nested_dissection])
def test_hubs_and_crumbs_stay_cheap(make: Callable[[IsingGraph], Ordering]) -> None:
    star, crumbs = from_networkx(nx.star_graph(30_000)), ising(np.arange(30_000).reshape(-1, 2), 30_000)
    begin = time.process_time()
    assert width(make(star)) == width(make(crumbs)) == 1
    assert time.process_time() - begin < 10
