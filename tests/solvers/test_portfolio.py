"""The portfolio of searches with nothing exact: what members find, who has turns; threads leave no trace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import networkx as nx
import numpy as np
import pytest
import torch
from solver_graphs import FAMILIES, graphs_of, hard, solve

import graphar as ga
from graphar.montecarlo.base import random_spins
from graphar.solvers.search import bench, parts, portfolio
from graphar.solvers.search.bench import Bench
from graphar.solvers.search.members import ALWAYS, FIRST_BUDGET, MEMBERS
from graphar.solvers.search.parts import Part, Parts


@pytest.mark.usefixtures("nothing_exact")
@pytest.mark.parametrize("family", FAMILIES)
def test_the_portfolio_finds_the_lowest_energy_of_small_graphs(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portfolio, "_BOUND_SHARES", {})
    for graph in graphs_of(family, 3):
        lowest = ga.exact.enumerate(graph, 1.0).ground_energy
        found = solve(graph, None, target=lowest, steps=2)
        assert found.energy == pytest.approx(lowest, abs=1e-9)


@pytest.mark.parametrize("name", MEMBERS)
def test_each_member_alone_finds_the_lowest_energy(name: str) -> None:
    for graph in (
        ga.random_regular(40, degree=3, couplings="gaussian", seed=1),
        ga.grid((5, 8), couplings="gaussian", field="gaussian", seed=2),
    ):
        double = graph.to(torch.float64)
        part = Part.of(double)
        part.take(random_spins(16, 40, 1), "start")  # a crossover needs parents
        lowest = ga.exact.eliminate(graph, 1.0).ground_energy.item()
        turn = 0
        while part.energies[0].item() > lowest + 1e-9:
            assert turn < 6
            part.take(MEMBERS[name](Bench(part, lambda: False), FIRST_BUDGET // 8, turn, turn), name)
            turn += 1
        assert part.energies[0].item() == pytest.approx(lowest, abs=1e-9)


@pytest.mark.parametrize("name", MEMBERS)
def test_a_member_told_to_stop_does_so_and_gives_configurations(name: str) -> None:
    part = Part.of(ga.random_regular(1000, degree=3, couplings="gaussian", seed=1).to(torch.float64))
    part.take(torch.ones(1, 1000, dtype=torch.int8), "start")
    found = MEMBERS[name](Bench(part, lambda: True), 2**50, 0, 0)
    assert found.shape[1] == 1000
    assert bool((found.abs() == 1).all())


@pytest.mark.usefixtures("nothing_exact")
def test_bounds_prove_what_they_meet_and_never_exceed_an_energy() -> None:
    graph = ga.grid((12, 12), couplings="pm1", seed=5)
    lowest = ga.exact.ground_state(graph).energy
    found = solve(graph, 30)
    assert found.energy == lowest == found.bound
    assert found.optimal
    assert found.bound_method == "odd_cycles"


def test_parts_and_their_bounds_add_up() -> None:
    two = nx.disjoint_union(nx.random_regular_graph(6, 16, seed=1), nx.random_regular_graph(6, 15, seed=2))
    rng = np.random.default_rng(0)
    edges = torch.tensor(list(two.edges)).T
    graph = ga.IsingGraph.from_edges(edges, rng.normal(size=edges.shape[1]), rng.normal(size=31) / 4, 31, offset=2.5)
    lowest = ga.exact.eliminate(graph, 1.0).ground_energy.item()
    split = Parts(graph)
    assert len(split.parts) > 1
    assert split.bound <= lowest
    for part in split.parts:
        exact = ga.exact.eliminate(part.graph, 1.0)
        part.take(exact.ground_state, "test")
        part.bound = exact.ground_energy.item()
    assert graph.energy(split.whole()).item() == pytest.approx(lowest, abs=1e-9)
    assert split.bound == pytest.approx(lowest, abs=1e-9)


@pytest.mark.usefixtures("nothing_exact")
def test_large_dense_graphs_are_taken_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = ga.IsingGraph.from_edges(
        torch.triu_indices(70, 70, 1),
        torch.randn(2415, generator=torch.Generator().manual_seed(0)),
        0.5,
        70,
        offset=3.0,
    )
    usual = solve(graph, None, steps=2)
    monkeypatch.setattr(parts, "_MOST_EDGES", 0)
    whole = solve(graph, None, steps=2)
    assert whole.energy == pytest.approx(usual.energy, abs=1e-9)
    assert whole.bound <= whole.energy
    assert Parts(graph).parts[0].graph.num_spins == 70


@pytest.mark.usefixtures("nothing_exact")
def test_equal_seeds_and_steps_give_equal_configurations_on_any_number_of_threads() -> None:
    graph = ga.random_regular(300, degree=4, couplings="gaussian", seed=1)
    before = torch.get_num_threads()
    found = []
    for threads in (1, 3):
        torch.set_num_threads(threads)
        try:
            found.append(solve(graph, None, seed=7, steps=2))
        finally:
            torch.set_num_threads(before)
    assert torch.equal(found[0].spins, found[1].spins)
    assert [(each.energy, each.method) for each in found[0].history] == [
        (each.energy, each.method) for each in found[1].history
    ]
    assert found[0].reason == "steps"
    assert solve(graph, None, seed=8, steps=1).history != found[0].history


@pytest.mark.parametrize("name", MEMBERS)
def test_a_member_does_the_same_on_any_number_of_threads(name: str) -> None:
    graph = ga.random_regular(150, degree=4, couplings="gaussian", seed=1).to(torch.float64)
    before, found = torch.get_num_threads(), []
    for threads in (1, 3):
        part = Part.of(graph)
        part.take(torch.ones(1, 150, dtype=torch.int8), "start")
        torch.set_num_threads(threads)
        try:
            found.append(MEMBERS[name](Bench(part, lambda: False), FIRST_BUDGET // 32, 3, 1))
        finally:
            torch.set_num_threads(before)
    assert torch.equal(*found)


@pytest.mark.usefixtures("nothing_exact")
def test_members_left_out_have_no_turns_and_those_of_credit_have_more(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def watch(name: str) -> Callable[..., Any]:
        def member(bench: Bench, budget: int, seed: int, turn: int) -> torch.Tensor:
            asked.append(name)
            rows = bench.part.rows[:1].clone()
            delta = bench.graph.flip_delta(rows[0])
            if name == "tabu":  # the only one that finds something: one flip lower each time
                rows[0, delta.argmin()] *= -1
            return rows

        return member

    for name in MEMBERS:
        monkeypatch.setitem(MEMBERS, name, watch(name))
    solve(hard(60), None, initial=torch.ones(60), steps=3, without=("reheating", "tempering"))
    assert asked[:2] == ["annealing", "tabu"]  # a turn each, and then two more to the one of credit
    assert asked[2:] == ["annealing", "tabu", "tabu", "tabu"] * 2
    asked.clear()
    solve(hard(60), None, initial=torch.ones(60), steps=2, without="reheating")  # dense: every other one to tempering
    assert asked[3:] == ["annealing", "tabu", "tempering", "tempering", "tabu", "tempering"]
    asked.clear()
    solve(ga.random_regular(60, degree=4, couplings="pm1", seed=1), None, steps=1, without=("crossover", "tabu"))
    assert asked == ["annealing", "reheating", "re-solution"]
    assert set(ALWAYS) < set(MEMBERS)


def test_tempering_goes_on_from_turn_to_turn() -> None:
    graph = ga.random_regular(100, degree=12, couplings="pm1", seed=1).to(torch.float64)
    part = Part.of(graph)
    part.take(torch.ones(1, 100, dtype=torch.int8), "start")
    bench = Bench(part, lambda: False)
    MEMBERS["tempering"](bench, FIRST_BUDGET // 32, 3, 1)
    first = bench.ladder
    assert first is not None
    assert first.shape == (32, 4, 100)
    cold = graph.energy(first[-1]).mean()
    assert cold < graph.energy(first[0]).mean() - 50
    MEMBERS["tempering"](bench, 1, 4, 2)  # 20 sweeps from random ones would be far above
    again: torch.Tensor = bench.ladder
    assert graph.energy(again[-1]).mean() < cold + 5
    assert not torch.equal(again, first)


@pytest.mark.usefixtures("nothing_exact")
def test_the_portfolio_of_hypergraphs() -> None:
    graph = ga.random_hypergraph(16, order=3, mean_degree=6, couplings="gaussian", seed=1)
    lowest = ga.exact.enumerate(graph, 1.0).ground_energy
    assert solve(graph, None, steps=2).energy == pytest.approx(lowest, abs=1e-9)
    assert solve(graph, None, steps=2).bound <= lowest


@pytest.mark.usefixtures("nothing_exact")
def test_scales_of_couplings_do_not_matter() -> None:
    graph = ga.random_regular(60, degree=5, couplings="pm1", seed=1)
    i, j, J = graph.undirected()
    energies = []
    for factor in (2.0**-60, 1.0, 2.0**60):
        scaled = ga.IsingGraph.from_edges(torch.stack([i, j]), J.double() * factor, num_nodes=60)
        energies.append(solve(scaled, None, steps=1).energy / factor)
    assert len(set(energies)) == 1
    zero = ga.IsingGraph.from_edges([[0, 1], [1, 2]], [0.0, 0.0], num_nodes=3)
    assert solve(zero, 5).energy == 0
    assert solve(zero, 5).optimal


def test_a_bench_has_a_width_that_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    for size in (10, 1000, 100_000):
        graph = ga.chain(size, couplings="pm1", seed=1)
        width = Bench(Part.of(graph.to(torch.float64)), lambda: False).subgraphs.width
        assert size << width <= max(bench._TABLES, size << 2)
