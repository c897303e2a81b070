"""Solve finds the lowest energy where it is known, keeps its limits, and says honestly what it has proven."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
import torch
from solver_graphs import FAMILIES, graphs_of

import graphar as ga
from graphar.montecarlo.base import random_spins
from graphar.solvers.search import members, parts, portfolio
from graphar.solvers.search.incumbent import Incumbent
from graphar.solvers.search.members import ALWAYS, FIRST_BUDGET, MEMBERS, Bench
from graphar.solvers.search.parts import Part, Parts


def solve(graph: Any, time_limit: float | None = 60.0, *arguments: Any, **options: Any) -> ga.Solution:
    return ga.solve(graph, time_limit, *arguments, progress=False, **options)


@pytest.fixture
def nothing_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """The portfolio has to find it all, in turns that are short."""
    monkeypatch.setattr(portfolio, "FIRST_BUDGET", FIRST_BUDGET // 16)
    for name in ("by_elimination", "by_matching"):
        monkeypatch.setattr(portfolio, name, lambda graph, seconds: None)
    monkeypatch.setattr(portfolio, "by_parities", lambda graph: None)


def hard(num_spins: int = 400) -> ga.IsingGraph:
    """Too wide for anything exact, and too large for the bound to be met."""
    return ga.sherrington_kirkpatrick(num_spins, seed=1)


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
        for turn in range(6):
            part.take(MEMBERS[name](Bench(part, lambda: False), FIRST_BUDGET // 8, turn, turn), name)
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
            found.append(MEMBERS[name](Bench(part, lambda: False), FIRST_BUDGET // 8, 3, 1))
        finally:
            torch.set_num_threads(before)
    assert torch.equal(*found)


def test_no_time_gives_a_candidate() -> None:
    found = solve(hard(), 0)
    assert found.spins.shape == (400,)
    assert found.energy == hard().energy(found.spins).item()
    assert found.bound < found.energy
    assert (found.reason, found.optimal, found.method) == ("time", False, "start")
    assert solve(hard(), 10, steps=0).reason == "steps"


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
    solve(hard(60), None, initial=torch.ones(60), steps=3, without="reheating")
    assert asked[:2] == ["annealing", "tabu"]  # a turn each, and then two more to the one of credit
    assert asked[2:] == ["annealing", "tabu", "tabu", "tabu"] * 2
    asked.clear()
    solve(ga.random_regular(60, degree=4, couplings="pm1", seed=1), None, steps=1, without=("crossover", "tabu"))
    assert asked == ["annealing", "reheating", "re-solution"]
    assert set(ALWAYS) < set(MEMBERS)


def test_a_limit_is_kept_whatever_a_member_does(monkeypatch: pytest.MonkeyPatch) -> None:
    awake = threading.Event()
    monkeypatch.setitem(MEMBERS, "annealing", lambda bench, *_: (awake.wait(20), bench.part.rows)[1])
    start = time.monotonic()
    found = solve(hard(), 1.0)
    taken = time.monotonic() - start
    awake.set()
    assert found.reason == "time"
    assert 0.9 < taken < 1.0 + 0.2 + 0.02


def test_a_limit_is_used_and_improvements_are_told_in_order() -> None:
    told: list[Any] = []
    found = solve(hard(), 3.0, callback=told.append)
    assert 2.9 < found.seconds < 3.3
    energies = [each.energy for each in found.history]
    assert energies == sorted(set(energies), reverse=True)
    assert [each.energy for each in told][-1] == found.energy == energies[-1]
    assert [each.energy for each in told] == sorted((each.energy for each in told), reverse=True)
    assert found.time_to_best == found.history[-1].seconds <= found.seconds


def test_a_target_ends_the_search() -> None:
    found = solve(hard(), 60, target=-200.0)
    assert found.energy <= -200
    assert found.reason == "target"
    assert found.seconds < 50


def test_a_target_of_a_problem_is_an_objective() -> None:
    problem = ga.problems.MaxCut(nx.complete_graph(60))
    found = solve(problem, 60, target=899.0)
    assert found.objective >= 899
    assert found.reason in ("target", "proof")


def test_the_energy_is_that_of_the_spins_to_the_last_digit() -> None:
    for seed in range(10):  # among others, sums of dense graphs are rounded otherwise
        graph = ga.sherrington_kirkpatrick(100, seed=seed)
        best = Incumbent(graph, -np.inf, 1, 0.0)
        best.offer(random_spins(64, 100, seed), "chance")
        assert best.energy == graph.energy(best.spins).item() == best.history[-1].energy


def test_control_c_keeps_the_best() -> None:
    threading.Timer(1.0, signal.raise_signal, [signal.SIGINT]).start()
    found = solve(hard(), 60)
    assert found.reason == "interrupted"
    assert found.seconds < 20
    assert found.energy == hard().energy(found.spins).item()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_callback_ends_the_search_by_true_alone_and_its_errors_are_its_own() -> None:
    assert solve(hard(), 60, callback=lambda told: told.energy < 0).reason == "callback"
    assert solve(hard(), 1, callback=lambda told: "not True").reason == "time"
    with pytest.raises(ZeroDivisionError):
        solve(hard(), 60, callback=lambda told: 1 / 0)


def test_an_error_of_the_search_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
        raise ZeroDivisionError("within")

    monkeypatch.setitem(MEMBERS, "annealing", fail)
    with pytest.raises(ZeroDivisionError, match="within"):
        solve(hard(), 60)


def test_nothing_is_worse_than_what_it_began_with() -> None:
    graph = ga.random_regular(200, degree=3, couplings="pm1", seed=1)
    good = solve(graph, None, steps=2).spins
    assert solve(graph, 0, initial=good).energy == graph.energy(good).item()
    assert torch.equal(solve(graph, 0, initial=torch.stack([-good, good])).spins, -good)
    for wrong in (torch.zeros(200), torch.ones(199), torch.ones(0, 200), torch.ones(1, 1, 200)):
        with pytest.raises(ValueError, match="initial"):
            solve(graph, 1, initial=wrong)


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


@pytest.mark.usefixtures("nothing_exact")
def test_the_portfolio_of_hypergraphs() -> None:
    graph = ga.random_hypergraph(16, order=3, mean_degree=6, couplings="gaussian", seed=1)
    lowest = ga.exact.enumerate(graph, 1.0).ground_energy
    assert solve(graph, None, steps=2).energy == pytest.approx(lowest, abs=1e-9)
    assert solve(graph, None, steps=2).bound <= lowest


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


def test_the_file_holds_the_best_at_any_time(tmp_path: Path) -> None:
    path = tmp_path / "best.txt"
    graph = hard(100)
    problem = ga.problems.LowestEnergy(graph)
    seen = []

    def look(told: Any) -> None:
        seen.append(problem.objective(problem.read_answer(path)) == pytest.approx(told.energy))

    found = solve(graph, None, steps=1, out=path, callback=look)
    assert seen
    assert all(seen)
    assert problem.objective(problem.read_answer(path)) == pytest.approx(found.energy)
    cover = ga.problems.VertexCover(nx.random_regular_graph(3, 30, seed=1))
    found = solve(cover, 10, out=path)
    assert cover.read_answer(path) == found.answer
    assert [each.name for each in tmp_path.iterdir()] == ["best.txt"]


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
    wrong = {
        ga.problems.MaxCut(network): [({0, 99}, set(range(1, 10))), ({0}, {1}), "xx", 5],
        ga.problems.IndependentSet(network): [{99}, "a", 5, {0: 1}],
        ga.problems.QUBO({(0, 1): 1.0}): [{0: 1}, {0: 1, 1: 2}, {0: 1, 1: 0, 7: 1}, [1, 0]],
    }
    for problem, answers in wrong.items():
        for answer in answers:
            with pytest.raises(ValueError, match="answer must"):
                solve(problem, 0, initial=answer)


def test_no_time_gives_problems_an_answer_and_sums_of_integers_are_bounds_as_they_are() -> None:
    cut = ga.max_cut(nx.petersen_graph(), 0, progress=False)
    assert sorted(vertex for side in cut.partition for vertex in side) == list(range(10))
    assert cut.bound == 15
    alone = ga.max_independent_set(nx.empty_graph(5), time_limit=5, progress=False)
    assert (alone.value, alone.bound, alone.optimal) == (5, 5, True)


def test_clauses_that_no_answer_satisfies_are_said_to_be_broken() -> None:
    problem = ga.problems.MaxSat([[("a", True)], [("a", False)]], hard=[True, True])
    found = solve(problem, 5)
    assert not found.check.feasible
    assert len(found.check.violations) == 1
    assert found.energy == problem.graph.energy(found.spins).item()


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
        assert size << width <= max(members._TABLES, size << 2)


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
