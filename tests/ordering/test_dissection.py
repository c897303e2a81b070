"""Nested dissection: short trees, few pairs, separators first."""

from __future__ import annotations

import sys

import networkx as nx
import pytest
from ordering_graphs import (
    GRAPHS,
    from_networkx,
    grid,
    pairs_and_height,
    width,
)

from graphar import IsingGraph
from graphar.ordering import (
    nested_dissection,
)


@pytest.mark.parametrize(
    ("graph", "pairs", "height"),
    [
        (grid(32, 32, periodic=True), 16_000, 120),
        (grid(40, 40), 19_500, 115),
        (grid(8, 8, 8, periodic=True), 22_500, 170),
        (from_networkx(nx.random_regular_graph(3, 512, seed=0)), 12_500, 108),
    ],
    ids=["torus", "square", "cube", "random regular"],
)
def test_dissection_makes_short_trees_and_few_pairs(graph: IsingGraph, pairs: int, height: int) -> None:
    for seed in (0, 1):
        found = pairs_and_height(nested_dissection(graph, seed))
        assert found[0] <= pairs
        assert found[1] <= height


def test_dissection_samples_the_separator_first() -> None:
    order = nested_dissection(grid(7, 61), leaf_size=16)
    network = nx.Graph(order.graph.edge_index.T.tolist())
    network.remove_nodes_from(order.sites[:7].tolist())
    parts = sorted(len(part) for part in nx.connected_components(network))
    assert len(parts) == 2
    assert parts[0] > 0.35 * 427


@pytest.mark.parametrize("method", ["builtin", "metis"])
def test_height_of_a_path_is_logarithmic(method: str) -> None:
    if method == "metis":
        pytest.importorskip("pymetis")
    order = nested_dissection(from_networkx(nx.path_graph(512)), method=method, leaf_size=1)
    assert pairs_and_height(order)[1] <= (14 if method == "builtin" else 70)  # METIS has leaves of its own


def test_dissection_cuts_sparse_expanders() -> None:
    graph = from_networkx(nx.random_regular_graph(3, 6000, seed=0))
    order = nested_dissection(graph, leaf_size=2000)
    separator = int(0.16 * 6000)
    network = nx.Graph(graph.edge_index.T.tolist())
    network.remove_nodes_from(order.sites[:separator].tolist())
    assert max(len(part) for part in nx.connected_components(network)) < 0.6 * 6000


@pytest.mark.parametrize("graph", GRAPHS)
def test_metis(graph: str) -> None:
    pytest.importorskip("pymetis")
    order = nested_dissection(GRAPHS[graph], seed=2, method="metis")
    assert sorted(order.sites.tolist()) == list(range(len(order)))
    assert nested_dissection(GRAPHS[graph], seed=2, method="metis") == order
    if graph == "grid":
        assert width(order) <= 18


def test_metis_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymetis", None)
    with pytest.raises(ImportError, match=r'pip install "graphar-arnn\[metis\]"'):
        nested_dissection(GRAPHS["grid"], method="metis")


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match='method must be "builtin" or "metis", got \'spectral\''):
        nested_dissection(GRAPHS["grid"], method="spectral")
    with pytest.raises(ValueError, match="leaf_size must be at least 1, got 0"):
        nested_dissection(GRAPHS["grid"], leaf_size=0)
