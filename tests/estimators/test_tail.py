"""The shape of tails, on samples of known ones, and what n samples miss."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from chains import heat_bath
from small_graphs import GRAPHS

import graphar as ga
from graphar.estimators import estimate_from_samples
from graphar.estimators.partition import MISSED
from graphar.estimators.tail import pareto_shape, tail_of_weights


@pytest.mark.parametrize("shape", [-0.5, 0.0, 0.3, 0.7, 1.2])
def test_shapes_of_pareto_samples(shape: float) -> None:
    from scipy.stats import genpareto

    found = [pareto_shape(np.sort(genpareto.rvs(shape, scale=3.0, size=1000, random_state=seed))) for seed in range(30)]
    assert np.mean(found) == pytest.approx(shape, abs=0.04)
    assert np.std(found) < 0.09


@pytest.mark.parametrize("shape", [0.2, 0.8])
def test_tails_of_weights(shape: float) -> None:
    # w = u^−k has the tail of shape k, whatever it is multiplied by
    rng = np.random.default_rng(0)
    found = [tail_of_weights(-shape * np.log(rng.random(10_000)) + 700.0) for _ in range(20)]
    assert np.mean(found) == pytest.approx(shape, abs=0.08)


def test_tails_that_are_none() -> None:
    assert tail_of_weights(np.full(1000, -3.0)) == -math.inf
    assert tail_of_weights(np.repeat([0.0, -1.0], 500)) == -math.inf
    assert tail_of_weights(np.random.default_rng(0).random(10_000)) < 0.2  # bounded weights
    assert math.isnan(tail_of_weights(np.zeros(24)))
    few = np.zeros(10_000)
    few[:3] = 8.0  # three samples carry a third of the weight
    assert tail_of_weights(few) == math.inf


def test_a_heavy_tail_is_printed() -> None:
    rng = np.random.default_rng(0)
    energy = torch.from_numpy(0.9 * np.log(rng.random(5000)))
    result = estimate_from_samples(1.0, 1, torch.zeros(5000, dtype=torch.float64), energy, energy, 0.0, torch.ones(1))
    assert result.pareto_k > 0.75
    assert "a heavy tail" in repr(result)
    light = ga.free_energy(ga.Autoregressive(GRAPHS["ring with field"]).at(0.3), 2000)
    assert light.pareto_k < 0.7
    assert "heavy" not in repr(light)


def test_what_samples_miss_is_as_stated() -> None:
    # two sets of states of weights P and 1 − P, drawn as they should be: those of P are missed once in twenty times
    n, repetitions = 300, 4000
    rng = np.random.default_rng(1)
    result = ga.free_energy(ga.Autoregressive(GRAPHS["torus"], exact_width=1).at(0.01), n, seed=0)
    assert result.unseen == pytest.approx(MISSED / result.ess)
    assert result.ess > 0.99 * n
    missed = (rng.binomial(n, result.unseen, repetitions) == 0).mean()
    assert missed == pytest.approx(0.05, abs=0.012)
    assert f"log Z short by up to    {result.unseen:.2g}" in repr(result)
    exact = ga.free_energy(ga.Autoregressive(GRAPHS["torus"], ga.heads.Exact).at(0.5), n)
    assert exact.unseen == 0
    assert "short" not in repr(exact)


def test_a_mode_of_that_weight_is_missed_by_a_model_that_draws_it_right() -> None:
    # one spin in a field: its down state has the weight P; a run that never draws it has log Z short by P
    n, beta, misses, short = 200, 1.0, 0, []
    h = math.atanh(1 - 2 * MISSED / n) / beta
    graph = ga.IsingGraph.from_edges([[], []], h=[h])
    truth = math.log(2 * math.cosh(beta * h))
    q = ga.Autoregressive(graph, ga.heads.Linear(bias=True), dtype=torch.float64).at(beta)
    with torch.no_grad():
        q.model.head.bias.add_(1e-3)  # next to right, so that weights of the two states differ by little
    for seed in range(400):
        x, log_q = q.sample_with_log_prob(n, seed=seed)
        up = x[:, 0] > 0
        if bool(up.all()):
            misses += 1
            seen = log_q + beta * graph.energy(x)
            short.append(truth - float(torch.logsumexp(-seen, 0) - math.log(n)))
    assert misses / 400 == pytest.approx(0.05, abs=0.035)
    assert max(short) < 2 * MISSED / n


@pytest.mark.parametrize("width", [0, 2])
def test_a_reference_gives_the_bridge_of_the_same_samples(width: int) -> None:
    graph = GRAPHS["torus"]
    q = ga.Autoregressive(graph, exact_width=width, dtype=torch.float64).at(0.7)
    exact = ga.exact.enumerate(graph, 0.7)
    spins = heat_bath(graph, 0.7, exact.sample(4, seed=0), 500, seed=0)
    alone, both = ga.free_energy(q, 3000, seed=1), ga.free_energy(q, 3000, reference=spins, seed=1)
    assert alone.bridge is None
    assert both.log_partition == alone.log_partition
    assert both.bridge is not None
    assert both.bridge.forward.value == pytest.approx(alone.log_partition.value, abs=1e-10)
    assert both.bridge.forward.stderr == pytest.approx(alone.log_partition.stderr, rel=1e-6)
    assert both.bridge.num_reference == 2000
    assert abs(both.bridge.log_partition.value - exact.log_partition) < 4 * both.bridge.log_partition.stderr
    assert "by Bennett's bridge" in repr(both)
    with pytest.raises(ValueError, match="reference must have shape"):
        ga.free_energy(q, 100, reference=spins[..., 1:])


def test_a_doubtful_bridge_is_said_aloud() -> None:
    graph = GRAPHS["torus"]
    spins = ga.exact.enumerate(graph, 1.2).sample(4000, seed=0)
    with pytest.warns(UserWarning, match="disagree by"):
        ga.free_energy(ga.Autoregressive(graph).at(0.7), 4000, reference=spins)
