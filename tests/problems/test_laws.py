"""Laws of every problem, against enumeration of all its spins."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from every_problem import PROBLEMS, all_answers

import graphar as ga
from graphar.problems import Problem


@pytest.fixture(params=list(PROBLEMS))
def problem(request: pytest.FixtureRequest) -> Problem[Any]:
    return PROBLEMS[request.param]


def test_every_kind_is_there() -> None:
    kinds = {type(problem).__name__ for problem in PROBLEMS.values()}
    assert kinds == set(ga.problems.__all__) - {"Check", "Problem"}


def test_energies_say_objectives(problem: Problem[Any]) -> None:
    for answer in all_answers(problem):
        if not problem.feasible(answer):
            continue
        objective = problem.objective(answer)
        energy = float(problem.graph.energy(problem.encode(answer)))
        assert energy == pytest.approx(problem.energy_of(objective), rel=1e-13, abs=1e-13)
        assert problem.objective_of(energy) == pytest.approx(objective, rel=1e-7, abs=1e-7)
        found = problem.check(answer)
        assert (found.objective, found.energy, found.feasible, found.violations) == (objective, energy, True, [])


def test_better_objectives_have_lower_energies(problem: Problem[Any]) -> None:
    low, high = (1.0, 2.0) if problem.sense == "min" else (2.0, 1.0)
    assert problem.is_better(low, high)
    assert not problem.is_better(high, low)
    assert not problem.is_better(low, low)
    assert problem.energy_of(low) < problem.energy_of(high)


def test_the_lowest_energies_are_the_best_feasible_answers(problem: Problem[Any]) -> None:
    n = problem.graph.num_spins
    spins = torch.tensor(list(itertools.product([-1, 1], repeat=n)))
    energies = problem.graph.energy(spins)
    feasible = [answer for answer in all_answers(problem) if problem.feasible(answer)]
    objectives = [problem.objective(answer) for answer in feasible]
    best = max(objectives) if problem.sense == "max" else min(objectives)
    assert float(energies.min()) == pytest.approx(problem.energy_of(best), rel=1e-13, abs=1e-13)
    for x in spins[energies < energies.min() + 1e-9]:
        answer = problem.decode(x)
        assert problem.feasible(answer)
        assert problem.objective(answer) == pytest.approx(best)
    for answer in feasible:
        if problem.objective(answer) == best:
            assert float(problem.graph.energy(problem.encode(answer))) < energies.min() + 1e-9


def test_answers_come_back(problem: Problem[Any]) -> None:
    for answer in all_answers(problem):
        spins = problem.encode(answer)
        assert spins.dtype == torch.int8
        assert spins.shape == (problem.graph.num_spins,)
        assert problem.decode(spins) == answer


def test_repair_makes_feasible_and_never_raises_the_energy(problem: Problem[Any]) -> None:
    n = problem.graph.num_spins
    for x in itertools.islice(itertools.product([-1, 1], repeat=n), 0, None, max(1, 2**n // 1000)):
        spins = torch.tensor(x)
        answer = problem.decode(spins)
        repaired = problem.repair(answer)
        assert problem.feasible(repaired)
        energy = float(problem.graph.energy(problem.encode(repaired)))
        assert energy <= float(problem.graph.energy(spins)) + 1e-9
        if problem.feasible(answer):
            assert not problem.is_better(problem.objective(answer), problem.objective(repaired))
        assert problem.check(repaired).energy == energy


def test_repair_leaves_the_answer_that_it_is_given_alone(problem: Problem[Any]) -> None:
    answer = problem.decode([1] * problem.graph.num_spins)
    spins = problem.encode(answer).clone()
    problem.repair(answer)
    assert torch.equal(problem.encode(answer), spins)


def test_problems_say_what_they_are(problem: Problem[Any]) -> None:
    text = repr(problem)
    assert text.startswith(type(problem).__name__ + "(")
    assert text.endswith(f", {problem.sense}, {problem.graph.num_spins} spins)")
    said = str(problem.check(problem.repair(problem.decode([-1] * problem.graph.num_spins))))
    assert said.startswith(f"objective ({problem.sense}): ")
    assert "feasible: yes" in said


@pytest.mark.parametrize("bad", [[0, 1], [2], "text", [[1, -1]], None])
def test_spins_that_are_none(problem: Problem[Any], bad: Any) -> None:
    with pytest.raises(ValueError, match="spins must"):
        problem.decode(bad)


@pytest.mark.parametrize("bad", [None, 3, "nobody", {"nobody": 1}, [object()], ({"nobody"}, set()), b"x"])
def test_answers_that_are_none(problem: Problem[Any], bad: Any) -> None:
    for method in (problem.encode, problem.objective, problem.violations, problem.repair, problem.check):
        with pytest.raises(ValueError, match="answer must"):
            method(bad)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), None, "x", [1, 2]])
def test_numbers_that_are_none(problem: Problem[Any], bad: Any) -> None:
    with pytest.raises(ValueError, match="objective must"):
        problem.energy_of(bad)
    with pytest.raises(ValueError, match="energy must"):
        problem.objective_of(bad)
