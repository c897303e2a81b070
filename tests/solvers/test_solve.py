"""Solve finds the lowest energy where it is known, and says honestly what it has proven."""

from __future__ import annotations

from collections.abc import Callable

import networkx as nx
import numpy as np
import pytest
import torch
from solver_graphs import FAMILIES, graphs_of, solve

import graphar as ga
from graphar.montecarlo.base import random_spins
from graphar.solvers.search.incumbent import Incumbent
from graphar.solvers.search.members import ALWAYS


@pytest.mark.parametrize("family", FAMILIES)
def test_small_graphs_are_solved_and_proven(family: str) -> None:
    for graph in graphs_of(family, 6):
        lowest = ga.exact.enumerate(graph, 1.0).ground_energy
        found = solve(graph)
        assert found.energy == pytest.approx(lowest, abs=1e-9)
        assert found.energy == graph.to(torch.float64).energy(found.spins).item()
        assert found.bound <= lowest + 1e-9
        assert found.optimal or found.energy - found.bound < 1e-5  # matching of other than integers is that exact


@pytest.mark.parametrize(
    "make",
    [
        lambda: ga.grid((12, 40), couplings="gaussian", field=0.3, seed=2),
        lambda: ga.random_regular(64, degree=3, couplings="gaussian", field=0.5, seed=3),
        lambda: ga.chain(5000, couplings="gaussian", field=0.2, seed=4),
    ],
    ids=["grid with fields", "random regular", "chain"],
)
def test_narrow_graphs_are_proven_lowest(make: Callable[[], ga.IsingGraph]) -> None:
    graph = make()
    found = solve(graph)
    assert found.energy == pytest.approx(ga.exact.eliminate(graph, 1.0).ground_energy.item(), abs=1e-8)
    assert found.optimal
    assert found.reason == "proof"


def test_large_planar_graphs_are_matched() -> None:
    pytest.importorskip("pymatching")
    found = solve(ga.grid((60, 60), couplings="pm1", seed=1))
    assert (found.method, found.optimal) == ("matching", True)


def test_the_energy_is_that_of_the_spins_to_the_last_digit() -> None:
    for seed in range(10):  # among others, sums of dense graphs are rounded otherwise
        graph = ga.sherrington_kirkpatrick(100, seed=seed)
        best = Incumbent(graph, -np.inf, 1, 0.0)
        best.offer(random_spins(64, 100, seed), "chance")
        assert best.energy == graph.energy(best.spins).item() == best.history[-1].energy


def test_nothing_is_worse_than_what_it_began_with() -> None:
    graph = ga.random_regular(200, degree=3, couplings="pm1", seed=1)
    good = solve(graph, None, steps=1).spins
    assert solve(graph, 0, initial=good).energy == graph.energy(good).item()
    assert torch.equal(solve(graph, 0, initial=torch.stack([-good, good])).spins, -good)
    for wrong in (torch.zeros(200), torch.ones(199), torch.ones(0, 200), torch.ones(1, 1, 200)):
        with pytest.raises(ValueError, match="initial"):
            solve(graph, 1, initial=wrong)


@pytest.mark.usefixtures("nothing_exact")
def test_solutions_are_different_and_of_the_lowest_energy() -> None:
    graph = ga.random_regular(300, degree=6, couplings="pm1", seed=2)
    found = solve(graph, None, steps=2, max_solutions=5)
    assert 1 <= len(found.solutions) <= 5
    assert len(found.solutions.unique(dim=0)) == len(found.solutions)
    assert bool((graph.energy(found.solutions) == found.energy).all())
    assert bool((found.solutions == found.spins).all(1).any())


def test_hypergraphs() -> None:
    small = ga.random_hypergraph(16, order=3, mean_degree=6, couplings="gaussian", seed=1)
    found = solve(small)
    assert found.energy == pytest.approx(ga.exact.enumerate(small, 1.0).ground_energy, abs=1e-9)
    assert found.optimal
    large = ga.newman_moore(24)
    assert solve(large).optimal
    assert solve(large).method == "parities"
    pairs = ga.SpinHypergraph.from_ising(ga.chain(30, couplings="gaussian", seed=1))
    assert solve(pairs).optimal


def test_problems_in_one_call() -> None:
    network = nx.random_regular_graph(3, 20, seed=1)
    cut = ga.max_cut(network, progress=False)
    left, right = cut.partition
    assert left | right == set(network)
    assert cut.value == sum((a in left) != (b in left) for a, b in network.edges) == cut.bound
    problem = ga.problems.MaxCut(network)
    assert cut.value == problem.objective_of(ga.exact.enumerate(problem.graph, 1.0).ground_energy)
    chosen = ga.max_independent_set(network, progress=False)
    cover = ga.min_vertex_cover(network, progress=False)
    assert chosen.feasible
    assert cover.feasible
    assert chosen.optimal
    assert chosen.value + cover.value == 20
    assert ga.colouring(network, 3, progress=False).value == 0
    assert ga.qubo({(0, 0): 1.0, (0, 1): 2.0}, sense="max", progress=False).value == 3
    with pytest.raises(ValueError, match="partition"):
        _ = chosen.partition
    with pytest.raises(ValueError, match="problem"):
        _ = solve(ga.chain(4)).answer


def test_answers_that_break_rules_are_repaired() -> None:
    problem = ga.problems.IndependentSet(nx.random_regular_graph(4, 100, seed=1))
    found = solve(problem, 0, initial=torch.ones(100))
    assert not problem.feasible(problem.decode(torch.ones(100)))
    assert problem.feasible(found.answer)
    assert found.check.feasible


def test_what_is_refused() -> None:
    broken = ga.chain(4)
    broken.edge_weight = broken.edge_weight * float("nan")
    for graph in (broken, "G1.gset", None, torch.eye(3)):
        with pytest.raises(ValueError, match=r"graph must be|edge_weight"):
            solve(graph)
    graph = ga.chain(4)
    for wrong in (
        {"time_limit": -1.0},
        {"time_limit": float("nan")},
        {"target": float("nan")},
        {"seed": -1},
        {"steps": -1},
        {"max_solutions": 0},
        {"without": "chance"},
        {"without": ALWAYS},
        {"without": 3},
        {"callback": 3},
        {"target": "low"},
        {"time_limit": "long"},
        {"initial": {"a": 1}},
        {"initial": [True, False, True, True]},
    ):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            ga.solve(graph, progress=False, **wrong)


def test_graphs_of_nothing_and_answers_of_other_names_are_refused() -> None:
    for make in (ga.max_cut, ga.max_independent_set, ga.min_vertex_cover, lambda graph: ga.colouring(graph, 2)):
        with pytest.raises(ValueError, match="num_nodes must be at least 1, got 0"):
            make(nx.Graph())
    with pytest.raises(ValueError, match="numbers must hold at least one, got none"):
        ga.partition_numbers([], progress=False)
    with pytest.raises(ValueError, match="coupling must be finite, got nan"):
        ga.max_cut(nx.Graph([("a", "b", {"weight": float("nan")})]), progress=False)
    network = nx.petersen_graph()
    wrong = (
        (ga.problems.MaxCut(network), [({0, 99}, set(range(1, 10))), ({0}, {1}), "xx", 5]),
        (ga.problems.IndependentSet(network), [{99}, "a", 5, {0: 1}]),
        (ga.problems.QUBO({(0, 1): 1.0}), [{0: 1}, {0: 1, 1: 2}, {0: 1, 1: 0, 7: 1}, [1, 0]]),
    )
    for problem, answers in wrong:
        for answer in answers:
            with pytest.raises(ValueError, match="answer must"):
                solve(problem, 0, initial=answer)


def test_no_time_gives_problems_an_answer_and_sums_of_integers_are_bounds_as_they_are() -> None:
    cut = ga.max_cut(nx.petersen_graph(), time_limit=0, progress=False)
    assert sorted(vertex for side in cut.partition for vertex in side) == list(range(10))
    assert cut.bound == 15
    alone = ga.max_independent_set(nx.empty_graph(5), time_limit=5, progress=False)
    assert (alone.value, alone.bound, alone.optimal) == (5, 5, True)


def test_clauses_that_no_answer_satisfies_are_said_to_be_broken() -> None:
    problem = ga.problems.MaxSat([[1], [-1]], hard=[True, True])
    found = solve(problem, 5)
    assert not found.check.feasible
    assert len(found.check.violations) == 1
    assert found.energy == problem.graph.energy(found.spins).item()


def test_planar_graphs_of_any_couplings_are_proved() -> None:
    """Matching rounds couplings to 2⁻²⁴ of the largest: as near as that counts as proof, and no more."""
    graph = ga.grid((20, 20), couplings="uniform", seed=0)
    found = ga.solve(graph, 20, progress=False)
    assert found.optimal
    assert found.method == "matching"
    assert 0 <= found.energy - found.bound < 1e-7 * abs(found.energy)
    best = Incumbent(graph, -np.inf, 1, 0.0)
    best.offer(found.spins, "it")
    best.raise_bound(found.energy * (1 + 2e-7), "a bound")
    assert not best.proven
    whole = Incumbent(ga.grid((3, 3), couplings=1e8, field=1.0), -np.inf, 1, 0.0)  # energies in steps of 2
    whole.offer(torch.ones(9, dtype=torch.int8), "it")
    whole.raise_bound(whole.energy - 2, "a bound")
    assert not whole.proven
