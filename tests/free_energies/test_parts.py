"""The parts of the front door: averages of several methods, ladders, and steps from rung to rung."""

from __future__ import annotations

import math
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import graphar as ga
from graphar._support.interrupt import finish_step_first
from graphar.estimators import Estimate
from graphar.free_energies import cooling
from graphar.free_energies.clock import Clock
from graphar.free_energies.combine import combine
from graphar.free_energies.cooling import begin_with, population
from graphar.free_energies.steps import Steps, along
from graphar.free_energies.tempering import Rounds
from graphar.montecarlo.ladder import STEP, first_ladder, ladder


def test_methods_that_agree_are_averaged() -> None:
    mean, apart = combine([Estimate(1.0, 0.1), Estimate(1.05, 0.2)])
    assert apart == 0
    assert mean.value == pytest.approx((1.0 / 0.01 + 1.05 / 0.04) / (1 / 0.01 + 1 / 0.04))
    assert mean.stderr == pytest.approx(1 / math.sqrt(1 / 0.01 + 1 / 0.04))


def test_methods_that_disagree_widen_the_error() -> None:
    for gap in (1.0, 10.0, 1000.0):
        mean, apart = combine([Estimate(1e6, 1e-3), Estimate(1e6 + gap, 1e-2)])
        assert apart == pytest.approx(gap / math.sqrt(2), rel=0.01)
        assert mean.value == pytest.approx(1e6 + gap / 2, abs=0.02 * gap)
        assert 0.49 * gap < mean.stderr < 0.51 * gap


def test_ladders_hold_all_targets_at_equal_overlap() -> None:
    graph = ga.random_regular(200, degree=3, couplings="pm1", seed=0)
    targets = [0.2, 0.25, 1.0, 7.0]
    first = first_ladder(graph, targets, 24)
    assert first == sorted(first)
    assert first[0] == 0
    assert set(targets) <= set(first)
    betas = np.linspace(0, 7, 60)
    energy = [-300 * math.tanh(b) for b in betas]
    found = ladder(list(betas), energy, targets, 192)
    assert found == sorted(set(found))
    assert found[0] == 0
    assert found[-1] == 7.0
    assert set(targets) <= set(found)
    steps = [(b - a) * 300 * (math.tanh(b) - math.tanh(a)) for a, b in pairwise(found)]
    assert max(steps) < 2.5 * STEP**2
    assert len(ladder(list(betas), energy, targets, 12)) <= 18


def test_steps_and_their_errors() -> None:
    graph = ga.grid((4, 4), couplings="gaussian", seed=5)
    betas = np.array([0.0, 0.3, 0.6, 0.9])
    right = [ga.exact.enumerate(graph, float(b)) for b in betas]
    pulls = []
    for seed in range(30):
        energy = np.stack(
            [graph.energy(each.sample(800, seed=4 * seed + k)).numpy().reshape(8, 100) for k, each in enumerate(right)]
        )
        difference, linear = Steps(betas, energy).to(3)
        error, independent = along(linear)
        pulls.append((difference - right[3].log_partition + 16 * math.log(2)) / error)
        assert 100 < independent <= 800
    spread = math.sqrt(np.mean(np.square(pulls)))
    assert 0.6 < spread < 1.4
    assert abs(np.mean(pulls)) < 4 / math.sqrt(30)


def test_moves_by_a_model_leave_the_boltzmann_distribution_as_it_is() -> None:
    from graphar.free_energies.tempering import Rounds

    graph = ga.grid((3, 3), couplings="gaussian", seed=1)
    rounds = Rounds(graph, [0.8], 0)
    rounds.replicas = 4000
    right = ga.exact.enumerate(graph, 0.8)
    rounds.spins = torch.stack([right.sample(4000, seed=k) for k in range(len(rounds.betas))]).to(torch.int8)
    q = ga.Autoregressive(graph).at(0.5)  # far from perfect
    spins, log_q = q.sample_with_log_prob(9 * 4000, seed=1)
    before = rounds.spins[-1].clone()
    taken = rounds.offer(0, spins.to(torch.int8), log_q)
    assert 0.1 < taken < 0.95
    assert not torch.equal(before, rounds.spins[-1])
    energy = graph.energy(rounds.spins[-1])
    assert abs(float(energy.mean()) - right.energy) < 4.5 * float(energy.std()) / math.sqrt(4000)


def test_what_drifts_has_a_wider_error() -> None:
    noise = np.random.default_rng(0).normal(size=(8, 400))
    plain, _ = along(noise)
    assert plain == pytest.approx(1 / math.sqrt(3200), rel=0.25)
    risen = noise + np.linspace(0, 1, 400)
    assert along(risen)[0] > 0.4


def test_systems_that_stay_apart_have_the_error_of_one() -> None:
    from graphar.free_energies.tempering import Rounds

    graph = ga.chain(12)
    rounds = Rounds(graph, [0.5], 0)
    rounds.betas = [0.0, 0.5]
    noise = np.random.default_rng(0).normal(size=(2, 8, 400))
    rounds.energies, rounds.trips = [noise - 1], [10**6]
    together = rounds.say(0).log_partition.stderr
    rounds.steps, rounds.energies = None, [noise - 1 + 3 * np.arange(8)[:, None] * np.array([0, 1])[:, None, None]]
    apart = rounds.say(0)
    assert apart.rhat > 1.1
    assert together < 0.1
    assert apart.log_partition.stderr > 1


def test_a_cooled_population_begins_at_equilibrium() -> None:
    graph = ga.grid((3, 4), couplings="gaussian", seed=3)
    rounds = Rounds(graph, [1.0, 2.0], seed=1)
    with finish_step_first() as flag:
        clock = Clock(60.0, flag)
        rounds.settle(clock, 0.01)
        found = population(rounds, 1024, 10, 60.0, clock)
    assert found is not None
    opinions = begin_with(rounds, found)
    assert rounds.spins is not None
    assert rounds.spins.shape == (len(rounds.betas), rounds.replicas, 12)
    for k, beta in enumerate(rounds.targets):
        said, exact = opinions[k].log_partition, ga.exact.enumerate(graph, beta).log_partition
        assert opinions[k].used
        assert abs(said.value - exact) < 5 * said.stderr < 0.5
    cold, hot = graph.energy(rounds.spins[-1]).mean(), graph.energy(rounds.spins[0]).mean()
    assert cold < ga.exact.enumerate(graph, 2.0).energy / 2 < hot


def test_a_population_is_sized_by_the_clock_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several processes go by the clock of the first: their own would give them populations of different sizes."""
    clock: Any = SimpleNamespace(seconds=0.0)
    sizes = []

    def stand_in(rounds: Any, replicas: int, sweeps: int, seconds: float, clock: Any) -> str:
        sizes.append((replicas, sweeps, seconds))
        clock.seconds += 1.0
        return "found"

    monkeypatch.setattr(cooling, "population", stand_in)
    monkeypatch.setattr(cooling, "begin_with", lambda rounds, found: found)
    rounds: Any = SimpleNamespace(
        betas=[0.0, 1.0, 2.0], graph=ga.chain(8, couplings="ferromagnet"), replicas=8, seconds_per_sweep=1e-9
    )
    assert cooling.cool(rounds, 10.0, clock) == "found"
    assert sizes == [(256, 10, 10.0), (2073, 10, 9.0)]  # 0.9 × 9 s, of which 256 replicas take one


def test_few_families_have_no_say() -> None:
    graph = ga.random_regular(200, degree=3, couplings="gaussian", seed=1)
    rounds = Rounds(graph, [8.0], seed=1)
    with finish_step_first() as flag:
        clock = Clock(60.0, flag)
        rounds.settle(clock, 0.005)
        found = population(rounds, 64, 2, 60.0, clock)
    assert found is not None
    opinion = begin_with(rounds, found)[0]
    assert not opinion.used
    assert opinion.remark.startswith("too few")
