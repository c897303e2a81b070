"""Annealing: it learns, it is a function of its seed, and it refuses what it cannot do."""

from __future__ import annotations

import math
import threading

import pytest
import torch
from short_runs import GRAPH, SHORT, fresh, same

import graphar as ga
from graphar.training.schedules import as_schedule


def test_it_reaches_the_exact_free_energy() -> None:
    model = fresh()
    run = ga.anneal(model, ga.linear(0.1, 1.0, 10), steps=60, warmup=50, batch_size=512, progress=False)
    for record in run.history:
        exact = ga.exact.enumerate(GRAPH, record.beta)
        assert record.bound > exact.free_energy - 5 * record.bound_stderr
        assert abs(record.bound / exact.free_energy - 1) < 8e-3
        assert abs(record.log_partition - exact.log_partition) < 5 * record.log_partition_stderr
    assert run.best_energy == ga.exact.enumerate(GRAPH, 1.0).ground_energy
    assert float(GRAPH.energy(run.best_spins)) == run.best_energy
    untrained = ga.free_energy(fresh().at(1.0), 20_000).bound
    assert run.history[-1].bound < untrained.value - 10 * untrained.stderr


def test_same_seed_same_run_and_another_seed_another() -> None:
    runs = [ga.anneal(fresh(), [0.3, 0.6], seed=seed, **SHORT) for seed in (0, 0, 1)]
    assert same(runs[0], runs[1])
    assert not same(runs[0], runs[2])


def test_it_runs_in_other_threads() -> None:
    runs: list[ga.Run] = []
    thread = threading.Thread(target=lambda: runs.append(ga.anneal(fresh(), 0.3, **SHORT)))
    thread.start()
    thread.join()
    assert same(runs[0], ga.anneal(fresh(), 0.3, **SHORT))


def test_other_optimisers_and_clipping() -> None:
    model = fresh()
    before = [parameter.detach().clone() for parameter in model.parameters()]
    ga.anneal(model, 0.5, optimizer=lambda p: torch.optim.SGD(p, lr=1e-3), clip_norm=1e-3, **SHORT)
    moved = sum(float((a - b).detach().square().sum()) for a, b in zip(model.parameters(), before, strict=True)) ** 0.5
    assert 0 < moved <= 10 * 1e-3 * 1e-3 * 1.01  # ten steps of clipped gradients


def test_an_objective_that_is_not_finite_stops_the_run() -> None:
    model = fresh()
    with torch.no_grad():
        model.head.bias[0] = math.nan
    with pytest.raises(ValueError, match=r"got NaN or inf at beta = 0\.5, step 0"):
        ga.anneal(model, 0.5, **SHORT)


def test_schedules() -> None:
    assert ga.linear(0.1, 0.1, 1) == (0.1,)
    assert ga.linear(0.1, 0.5, 3) == pytest.approx((0.1, 0.3, 0.5))
    assert ga.geometric(0.1, 10, 3) == pytest.approx((0.1, 1.0, 10.0))
    assert as_schedule(torch.tensor([0.5, 1.0])) == (0.5, 1.0)
    for bad in ([], [0.0, 1.0], [-1.0], [math.nan], "1"):
        with pytest.raises(ValueError, match="beta must"):
            as_schedule(bad if bad != "1" else ["one"])
    with pytest.raises(ValueError, match="start and stop must be positive"):
        ga.geometric(0, 1, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "steps must be at least 1, got 0"),
        ({"steps": 1.5}, "steps must be an integer, got 1.5"),
        ({"warmup": -1}, "warmup must be at least 0"),
        ({"batch_size": 1}, "batch_size must be at least 2, got 1"),
        ({"learning_rate": 0.0}, "learning_rate must be positive"),
        ({"clip_norm": -1.0}, "clip_norm must be positive"),
        ({"seed": -1}, "seed must be at least 0"),
    ],
)
def test_bad_arguments(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ga.anneal(fresh(), 0.5, **{**SHORT, **options})


@pytest.mark.parametrize("wrong", [lambda: fresh().at(0.5), lambda: GRAPH, lambda: None])
def test_a_door_for_models_takes_models_alone(wrong, tmp_path) -> None:
    doors = {
        "anneal": lambda model: ga.anneal(model, 0.5, **SHORT),
        "save": lambda model: ga.save(model, tmp_path / "model.pt"),
        "natural": lambda model: ga.NaturalGradient([], model),
    }
    for use in doors.values():
        got = wrong()
        rest = "the distribution of one at its beta: pass model itself" if hasattr(got, "model") else type(got).__name__
        with pytest.raises(ValueError, match=f"model must be an Autoregressive, got {rest}"):
            use(got)
    assert not list(tmp_path.iterdir())


def test_the_best_energy_of_the_records_is_that_of_the_run() -> None:
    run = ga.anneal(fresh(), [0.5, 1.0, 2.0], evaluate_samples=2000, **SHORT)
    energies = [record.best_energy for record in run.history]
    assert energies == sorted(energies, reverse=True)
    assert energies[-1] == run.best_energy == float(GRAPH.energy(run.best_spins))


def test_divergence_is_said_aloud() -> None:
    with pytest.warns(UserWarning, match="training diverged"):
        ga.anneal(fresh(), [0.5, 2.0], learning_rate=1e3, **SHORT)


def test_it_trains_where_gradients_are_off() -> None:
    with torch.no_grad():
        assert same(ga.anneal(fresh(), 0.3, **SHORT), ga.anneal(fresh(), 0.3, **SHORT))
