"""Orderings: permutations whatever the graph, the promised structure, and the cost that they are chosen for."""

from __future__ import annotations

import copy
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import networkx as nx
import numpy as np
import pytest
import torch

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


# The noun.


def test_ranks_invert_sites() -> None:
    order = Ordering(GRAPHS["grid"], np.random.default_rng(0).permutation(126), "mine")
    assert order.sites.dtype == order.ranks.dtype == torch.int64
    assert order.ranks[order.sites].tolist() == order.sites[order.ranks].tolist() == list(range(126))
    assert len(order) == 126
    assert "126 sites" in repr(order)
    assert "mine" in repr(order)


def test_equality_is_by_sites() -> None:
    graph = GRAPHS["path"]
    order = given_order(graph, torch.arange(30, dtype=torch.int32))
    assert order == natural(graph)
    assert hash(order) == hash(natural(graph))
    assert order != random_order(graph, seed=0)
    assert order != list(range(30))
    assert copy.deepcopy(order) == order


def test_orderings_are_immutable() -> None:
    sites = torch.arange(30)
    order = given_order(GRAPHS["path"], sites)
    sites[0] = 7
    assert order == natural(GRAPHS["path"])
    with pytest.raises(AttributeError):
        order.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("sites", "message"),
    [
        ([0, 1, 1, 3], "site 1 repeated and site 2 missing"),
        ([0, 1, 2, 4], r"0…3, got site 4 at rank 3"),
        ([0, -1, 2, 3], "got site -1 at rank 1"),
        ([0, 1, 2], r"shape \(4,\).*got \(3,\)"),
        ([[0, 1], [2, 3]], r"got \(2, 2\)"),
        ([0.0, 1.0, 2.0, 3.0], "sites must hold integers"),
    ],
)
def test_sites_must_be_a_permutation(sites: list, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        given_order(ising([(0, 1)], 4), sites)


# Every ordering on every graph.


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


# Sweeps.


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


# Eliminations.


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


# Dissection.


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


# Cost.


@pytest.mark.parametrize(
    ("make", "seconds"), [(natural, 5), (bfs, 5), (rcm, 5), (min_degree, 10), (nested_dissection, 40)]
)
def test_a_hundred_thousand_sites_take_seconds(make: Callable[[IsingGraph], Ordering], seconds: float) -> None:
    make(GRAPHS["grid"])  # compiles
    graph = grid(316, 317)
    begin = time.perf_counter()
    assert len(make(graph)) == 100_172
    assert time.perf_counter() - begin < seconds


@pytest.mark.parametrize("make", [bfs, rcm, min_degree, min_fill, nested_dissection])
def test_hubs_and_crumbs_stay_cheap(make: Callable[[IsingGraph], Ordering]) -> None:
    star, crumbs = from_networkx(nx.star_graph(30_000)), ising(np.arange(30_000).reshape(-1, 2), 30_000)
    begin = time.perf_counter()
    assert width(make(star)) == width(make(crumbs)) == 1
    assert time.perf_counter() - begin < 10
