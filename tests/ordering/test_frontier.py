"""The symbolic structure against its definition, by brute force, and against known counts."""

from __future__ import annotations

import networkx as nx
import pytest
import torch
from small_graphs import GRAPHS, ORDERINGS

import graphar as ga
from graphar import build_frontier

# every graph in every other order, the next graph in those left out
CASES = [(graph, order) for k, graph in enumerate(GRAPHS) for order in list(ORDERINGS)[k % 2 :: 2]]
with_orders = pytest.mark.parametrize(("graph", "ordering"), CASES)


def by_definition(order: ga.Ordering) -> dict[str, list]:
    """C, P, F, messages and distances straight from their definitions, by rank."""
    ranks = order.ranks.tolist()
    graph = nx.Graph()
    graph.add_nodes_from(range(len(order)))
    i, j, _ = order.graph.undirected()
    graph.add_edges_from((ranks[a], ranks[b]) for a, b in zip(i.tolist(), j.tolist(), strict=True))
    out: dict[str, list] = {"parents": [], "component": [], "all": [], "sources": [], "distance": []}
    for rank in range(len(order)):
        later = graph.subgraph(range(rank, len(order)))
        distance = nx.single_source_shortest_path_length(later, rank)
        component = set(distance)
        out["parents"].append(sorted({k for spin in component for k in graph[spin] if k < rank}))
        earlier = {spin: sorted(k for k in graph[spin] if k < rank) for spin in range(rank, len(order))}
        out["component"].append([spin for spin in sorted(component) if earlier[spin]])
        out["all"].append([spin for spin in range(rank, len(order)) if earlier[spin]])
        out["sources"].append(earlier)
        out["distance"].append(distance)
    return out


@with_orders
def test_against_the_definition(graph: str, ordering: str) -> None:
    order = ORDERINGS[ordering](GRAPHS[graph])
    truth, n = by_definition(order), len(order)
    for kind in ("component", "all"):
        frontier = build_frontier(order, kind)
        assert frontier.num_pairs == sum(map(len, truth[kind])) == frontier.pair_spin.numel()
        for rank in range(n):
            pairs = slice(int(frontier.pair_ptr[rank]), int(frontier.pair_ptr[rank + 1]))
            assert frontier.pair_spin[pairs].tolist() == truth[kind][rank]
            for spin, arrival in zip(truth[kind][rank], frontier.pair_arrival[pairs].tolist(), strict=True):
                # the arrival that a pair points to is the last one from a spin before the reader
                start = int(frontier.arrival_ptr[spin])
                assert frontier.arrival_source[start : arrival + 1].tolist() == truth["sources"][rank][spin]
            parents = slice(int(frontier.parents_ptr[rank]), int(frontier.parents_ptr[rank + 1]))
            assert frontier.parents_spin[parents].tolist() == truth["parents"][rank]
            assert int(frontier.parent[rank]) == max(truth["parents"][rank], default=-1)
        assert frontier.width == max(map(len, truth["parents"]))
        assert frontier.num_arrivals == order.graph.num_couplings


@with_orders
def test_levels_are_longest_paths_of_what_is_read(graph: str, ordering: str) -> None:
    order = ORDERINGS[ordering](GRAPHS[graph])
    truth = by_definition(order)
    for kind in ("component", "all"):
        frontier = build_frontier(order, kind)
        for reads in ("messages", "parents"):
            expected: list[int] = []
            for rank in range(len(order)):
                read = truth["parents"][rank]
                if reads == "messages":
                    read = {k for spin in truth[kind][rank] for k in truth["sources"][rank][spin]}
                expected.append(1 + max((expected[k] for k in read), default=-1))
            assert frontier.levels(reads).tolist() == expected


@with_orders
def test_a_radius_against_the_definition(graph: str, ordering: str) -> None:
    order = ORDERINGS[ordering](GRAPHS[graph])
    truth = by_definition(order)
    for radius in (0, 1, 2, 3, 10**20):
        frontier = build_frontier(order, radius=radius)
        levels: list[int] = []
        for rank in range(len(order)):
            near = [spin for spin in truth["component"][rank] if truth["distance"][rank][spin] <= radius]
            pairs = slice(int(frontier.pair_ptr[rank]), int(frontier.pair_ptr[rank + 1]))
            assert frontier.pair_spin[pairs].tolist() == near
            for spin, arrival in zip(near, frontier.pair_arrival[pairs].tolist(), strict=True):
                start = int(frontier.arrival_ptr[spin])
                assert frontier.arrival_source[start : arrival + 1].tolist() == truth["sources"][rank][spin]
            read = sorted({k for spin in near for k in truth["sources"][rank][spin]})
            parents = slice(int(frontier.parents_ptr[rank]), int(frontier.parents_ptr[rank + 1]))
            assert frontier.parents_spin[parents].tolist() == read
            assert int(frontier.num_parents[rank]) == len(read)
            levels.append(1 + max((levels[k] for k in read), default=-1))
        assert frontier.num_pairs == frontier.pair_spin.numel()
        assert frontier.levels("messages").tolist() == frontier.levels("parents").tolist() == levels


FIELDS = ("pair_ptr", "pair_spin", "pair_arrival", "parents_ptr", "parents_spin", "local_arrival", "parent", "depth")


@pytest.mark.parametrize("graph", GRAPHS)
def test_a_growing_radius_adds_pairs_up_to_the_whole_component(graph: str) -> None:
    for make in ORDERINGS.values():
        order = make(GRAPHS[graph])
        whole = build_frontier(order)
        before: set[tuple[int, int]] = set()
        for radius in range(len(order)):
            frontier, of_all = build_frontier(order, radius=radius), build_frontier(order, "all", radius)
            pairs = set(zip(frontier.pair_reader.tolist(), frontier.pair_spin.tolist(), strict=True))
            assert before <= pairs
            if radius == 0:
                assert all(reader == spin for reader, spin in pairs)
            for name in FIELDS:
                assert torch.equal(getattr(of_all, name), getattr(frontier, name)), name
            before = pairs
        for name in FIELDS:  # of a radius no distance exceeds
            assert torch.equal(getattr(frontier, name), getattr(whole, name)), name
        assert frontier.width == whole.width
        assert torch.equal(frontier.levels(), whole.levels())


def test_lists_as_long_as_pairs_or_parents_are_int32() -> None:
    order = ga.natural(ga.grid((3, 3)))
    for frontier in (build_frontier(order), build_frontier(order, "all"), build_frontier(order, radius=2)):
        for name in ("pair_spin", "pair_arrival", "parents_spin"):
            assert getattr(frontier, name).dtype == torch.int32
        for name in ("pair_ptr", "parents_ptr", "arrival_ptr", "arrival_source", "arrival_target", "local_arrival"):
            assert getattr(frontier, name).dtype == torch.int64


def test_a_radius_gives_the_same_on_any_number_of_threads() -> None:
    order = ga.bfs(ga.random_regular(5000, degree=3, seed=1))
    threads = torch.get_num_threads()
    try:
        found = []
        for number in (1, 2, 3):
            torch.set_num_threads(number)
            frontier = build_frontier(order, radius=4)
            found.append([getattr(frontier, name) for name in FIELDS])
    finally:
        torch.set_num_threads(threads)
    for one, two, three in zip(*found, strict=True):
        assert torch.equal(one, two)
        assert torch.equal(one, three)


def test_arrivals_carry_the_couplings() -> None:
    for instance in GRAPHS.values():
        order = ga.random_order(instance, seed=0)
        frontier = build_frontier(order)
        dense = instance.to_dense()[order.sites][:, order.sites]
        assert torch.equal(dense[frontier.arrival_source, frontier.arrival_target], frontier.arrival_weight)
        assert bool((frontier.arrival_source < frontier.arrival_target).all())


@pytest.mark.parametrize(
    ("shape", "order", "pairs", "parents", "levels"),
    [
        ((32, 32), ga.natural, 62_525, 62_525, 1024),
        ((32, 32), ga.rcm, 44_455, 44_455, 1024),
        ((8, 8, 8), ga.natural, 54_093, 54_093, 512),
    ],
)
def test_counts_on_periodic_grids(shape: tuple[int, ...], order, pairs: int, parents: int, levels: int) -> None:
    for kind in ("component", "all"):
        frontier = build_frontier(order(ga.grid(shape, periodic=True)), kind)
        assert frontier.num_pairs == pairs
        assert int(frontier.num_parents.sum()) == parents
        assert int(frontier.levels().max()) + 1 == levels


def test_counts_on_an_open_grid() -> None:
    graph = ga.grid((64, 64))
    assert build_frontier(ga.natural(graph)).num_pairs == 258_111
    dissected = build_frontier(ga.nested_dissection(graph))
    assert dissected.num_pairs < 1.15 * 65_075
    assert int(dissected.levels().max()) + 1 < 1.15 * 183


def test_trees_have_separators_of_one_and_chains_one_pair_a_spin() -> None:
    tree = ga.IsingGraph.from_edges([list(range(1, 200)), [(k - 1) // 2 for k in range(1, 200)]])
    assert build_frontier(ga.min_degree(tree)).width == 1
    assert build_frontier(ga.natural(ga.chain(50))).num_pairs == 49


def test_a_large_grid_in_near_linear_time_and_memory() -> None:
    # 10^5 spins, 10^7 pairs are fine; an N × N array of bytes would be 10 GB
    frontier = build_frontier(ga.nested_dissection(ga.grid((316, 316))))
    assert frontier.pair_spin.numel() == frontier.num_pairs < 4e6
    assert int(frontier.levels().max()) < 1200
    assert frontier.width < 700


def test_a_radius_on_a_large_grid_has_the_pairs_and_levels_that_one_counts_by_hand() -> None:
    # Row by row a spin reads itself, r to its right, whose upper neighbours are drawn, and r − 1 of the next row
    # to its left; it waits for the spin r to the right in the row above.
    rows, columns, r = 400, 600, 6
    frontier = build_frontier(ga.natural(ga.grid((rows, columns))), radius=r)
    right, left = r * columns - r * (r + 1) // 2, (r - 1) * columns - (r - 1) * r // 2
    assert frontier.num_pairs == rows * columns - 1 + (rows - 1) * (right + left) == frontier.pair_spin.numel()
    assert frontier.width == 2 * r
    levels = torch.arange(columns) + (r + 1) * torch.arange(rows)[:, None]
    assert torch.equal(frontier.levels(), levels.flatten())


def test_a_radius_on_a_large_random_graph_leaves_a_number_of_pairs_per_spin() -> None:
    frontier = build_frontier(ga.bfs(ga.random_regular(200_000, degree=3, seed=2)), radius=6)
    assert frontier.pair_spin.numel() == frontier.num_pairs < 12 * frontier.num_spins
    assert int(frontier.levels().max()) < 300
    received = frontier.local_arrival >= 0
    own = frontier.pair_spin == frontier.pair_reader
    assert torch.equal(frontier.pair_arrival[own], frontier.local_arrival[received])


def test_too_many_pairs_are_refused_before_they_are_made() -> None:
    frontier = build_frontier(ga.random_order(ga.random_regular(200_000, degree=3), seed=0))
    assert frontier.num_pairs > 2**31
    with pytest.raises(ValueError, match=r"at most 2147483647 frontier pairs, got \d+ .*another ordering"):
        _ = frontier.pair_ptr


def test_describe_names_what_matters() -> None:
    order = ga.natural(ga.grid((8, 8)))
    text = order.describe()
    assert text == build_frontier(order).describe()
    for part in ("natural order", "width", "pairs", "parents", "levels", "memory", "cost", "455"):
        assert part in text
    near = order.describe(radius=2)
    assert near == build_frontier(order, radius=2).describe()
    for part in ("natural order", "frontier='component', radius=2", "levels", "203"):
        assert part in near
    assert repr(build_frontier(order, radius=2)) == "Frontier(natural order, 64 spins, 203 pairs, component, radius 2)"


def test_bad_arguments() -> None:
    order = ga.natural(ga.chain(3))
    with pytest.raises(ValueError, match=r'frontier must be "component" or "all", got \'some\''):
        build_frontier(order, "some")
    with pytest.raises(ValueError, match="reads must be"):
        build_frontier(order).levels("everything")
    with pytest.raises(ValueError, match="radius must be at least 0, got -1"):
        build_frontier(order, radius=-1)
    for radius in (True, 1.0, "2", torch.tensor(2)):
        with pytest.raises(ValueError, match=r"radius must be an integer, got .*"):
            build_frontier(order, radius=radius)
