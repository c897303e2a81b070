"""The own search of independent sets: always independent, never worse, the heaviest of small graphs, by seed alone."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import torch

import graphar as ga
from graphar.problems.exchanged_sets import exchange_sets
from graphar.problems.sources import adjacency


def _problem(seed: int, kind: type = ga.problems.IndependentSet) -> ga.problems.IndependentSet:
    weights = np.random.default_rng(seed).integers(1, 4, 14) if seed % 2 else None
    return kind(ga.erdos_renyi(14, mean_degree=3, couplings=1.0, seed=seed), weights)


def _never() -> bool:
    return False


@pytest.mark.parametrize("kind", [ga.problems.IndependentSet, ga.problems.VertexCover])
def test_it_finds_the_best_of_small_graphs(kind: type) -> None:
    for seed in range(6):
        problem = _problem(seed, kind)
        found = problem.improve(torch.ones(14, dtype=torch.int8), seed, 20_000, _never)
        assert problem.feasible(problem.decode(found))
        assert float(problem.graph.energy(found)) == ga.exact.enumerate(problem.graph, 1.0).ground_energy


def test_it_is_never_worse_than_what_it_begins_with_even_when_stopped_at_once() -> None:
    problem = ga.problems.IndependentSet(ga.random_regular(40, degree=3, couplings=1.0, seed=1))
    best = problem.improve(torch.ones(40, dtype=torch.int8), 0, 200_000, _never)
    for stop in (_never, lambda: True):
        again = problem.improve(best, 1, 50, stop)
        assert problem.feasible(problem.decode(again))
        assert float(problem.graph.energy(again)) <= float(problem.graph.energy(best))


def test_exchanges_alone_find_the_heaviest_sets_and_tell_of_each_better_one() -> None:
    for seed in range(6):
        problem = _problem(seed)
        told: list[np.ndarray] = []
        start, neighbours, _ = adjacency(problem._net)
        nothing = np.zeros(14, np.bool_)
        found = exchange_sets(start, neighbours, problem._weights, nothing, seed, 20_000, _never, told.append)
        values = [problem._weights[each].sum() for each in told]
        assert values == sorted(set(values))
        assert np.array_equal(told[-1], found)
        assert all(problem.feasible(problem.decode(np.where(each, 1, -1))) for each in told)
        assert -values[-1] == ga.exact.enumerate(problem.graph, 1.0).ground_energy
        assert not nothing.any()


def test_better_answers_are_told_in_spins_while_the_search_runs() -> None:
    cover = ga.problems.VertexCover(ga.random_regular(500, degree=3, couplings=1.0, seed=4))
    told: list[torch.Tensor] = []
    found = cover.improve(torch.ones(500, dtype=torch.int8), 0, 2**21, _never, told.append)
    energies = [float(cover.graph.energy(each)) for each in told]
    assert energies
    assert all(cover.feasible(cover.decode(each)) for each in told)
    assert float(cover.graph.energy(found)) <= min(energies) == energies[-1]


def test_seeds_tell_all_on_any_number_of_threads() -> None:
    problem = ga.problems.IndependentSet(ga.random_regular(200, degree=3, couplings=1.0, seed=2))
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            found.append(problem.improve(torch.ones(200, dtype=torch.int8), 5, 40_000, _never))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(*found)


def test_solve_has_large_sets_of_large_graphs_from_it() -> None:
    """Less than 0.005 below what is possible, 0.4509 of the vertices (statistical mechanics of 3-regular graphs)."""
    problem = ga.problems.IndependentSet(ga.random_regular(2000, degree=3, couplings=1.0, seed=3))
    found = ga.solve(problem, None, target=0.446 * 2000, seed=0, progress=False)
    assert found.reason == "target"
    assert found.check.feasible
    assert found.method == "exchanges"


def test_problems_without_a_search_of_their_own_say_so() -> None:
    problem = ga.problems.MaxCut(nx.path_graph(3))
    assert not problem.searches
    with pytest.raises(ValueError, match="a search of its own, got MaxCut"):
        problem.improve(torch.ones(3, dtype=torch.int8), 0, 10, lambda: False)
