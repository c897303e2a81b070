"""Free energies and their error bars, against enumeration."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pytest
import torch
from small_graphs import GRAPHS, model_on

import graphar as ga
from graphar.estimators import estimate_from_samples
from graphar.estimators.free_energy_result import UNSEEN
from graphar.estimators.partition import evaluate
from graphar.plot import plot_frontier, plot_run
from graphar.training import variational_step

BETA = 0.7


def some_model(graph: str = "ring with field") -> ga.Distribution:
    return ga.Autoregressive(GRAPHS[graph], dtype=torch.float64).at(BETA)


@pytest.mark.parametrize("graph", ["ring with field", "torus", "isolated spin", "cube"])
def test_against_enumeration_within_the_stated_errors(graph: str) -> None:
    exact = ga.exact.enumerate(GRAPHS[graph], BETA)
    result = ga.free_energy(some_model(graph), 20_000, seed=1)
    for estimate, truth in (
        (result.log_partition, exact.log_partition),
        (result.free_energy, exact.free_energy),
        (result.boltzmann_energy, exact.energy),
        (result.boltzmann_entropy, exact.entropy),
        (result.boltzmann_magnetisation, float(exact.magnetisation.sum())),
    ):
        assert abs(estimate.value - truth) < 4 * estimate.stderr
        assert estimate.stderr < 0.05 * max(4.0, abs(truth))
    assert result.bound.value > exact.free_energy - 4 * result.bound.stderr
    assert abs(result.bound.value - (result.energy.value - result.entropy.value / BETA)) < 1e-9
    assert result.best_energy == pytest.approx(exact.ground_energy)
    assert float(GRAPHS[graph].energy(result.best_spins)) == pytest.approx(result.best_energy)


def test_errors_are_the_spread_over_repetitions() -> None:
    q = model_on("ring with field", "messages", "natural").at(0.3)
    results = [ga.free_energy(q, 2000, seed=seed) for seed in range(100)]
    for name in ("bound", "log_partition", "energy", "entropy", "boltzmann_energy", "boltzmann_entropy"):
        values = torch.tensor([getattr(result, name).value for result in results])
        errors = torch.tensor([getattr(result, name).stderr for result in results])
        assert float(errors.mean() / values.std()) == pytest.approx(1, abs=0.35)


def test_a_perfect_model_has_no_error() -> None:
    # fields alone: the untrained head without bias is exact, every sample has the same weight
    graph = ga.IsingGraph.from_edges([[], []], h=[0.3, -1.0, 0.5])
    result = ga.free_energy(ga.Autoregressive(graph, ga.heads.Linear(bias=False), dtype=torch.float64).at(2.0), 500)
    truth = sum(math.log(2 * math.cosh(2.0 * h)) for h in (0.3, -1.0, 0.5))
    assert result.ess == pytest.approx(500)
    assert result.spread < 1e-12
    assert result.log_partition.value == pytest.approx(truth, abs=1e-12)
    assert result.bound.value == pytest.approx(-truth / 2, abs=1e-12)


def test_ess_and_log_partition_of_two_weights() -> None:
    log_q, energy = torch.zeros(2, dtype=torch.float64), torch.tensor([0.0, -math.log(3.0)], dtype=torch.float64)
    result = estimate_from_samples(1.0, 1, log_q, energy, energy, 0.0, torch.ones(1))
    assert result.ess == pytest.approx(16 / 10)  # weights 1 and 3
    assert result.log_partition.value == pytest.approx(math.log(2))
    assert result.log_partition.stderr == pytest.approx(0.5)  # sample std √2 over mean 2, over √2
    assert result.boltzmann_energy.value == pytest.approx(-0.75 * math.log(3))


def test_low_ess_is_said_aloud() -> None:
    q = ga.Autoregressive(ga.random_regular(200, degree=3, seed=0)).at(3.0)
    with pytest.warns(UserWarning, match="effective sample size is .* unreliable"):
        ga.free_energy(q, 500, seed=0)


def test_the_offset_shifts_energies_and_log_z() -> None:
    graph = GRAPHS["ring with field"]
    i, j, J = graph.undirected()
    shifted = ga.IsingGraph.from_edges(torch.stack([i, j]), J, graph.h, offset=3.0)
    a = ga.free_energy(ga.Autoregressive(graph).at(BETA), 300, seed=0)
    b = ga.free_energy(ga.Autoregressive(shifted).at(BETA), 300, seed=0)
    assert b.bound.value - a.bound.value == pytest.approx(3.0)
    assert b.log_partition.value - a.log_partition.value == pytest.approx(-3.0 * BETA)
    assert b.best_energy - a.best_energy == pytest.approx(3.0)


def test_bad_arguments() -> None:
    q = some_model()
    with pytest.raises(ValueError, match="beta must be positive"):
        ga.free_energy(q.model.at(0), 100)
    with pytest.raises(ValueError, match="num_samples must be at least 2, got 1"):
        ga.free_energy(q, 1)
    with pytest.raises(ValueError, match="either seed or generator"):
        q.sample(10, seed=1, generator=torch.Generator())
    for beta in (-1.0, math.nan, math.inf, "cold"):
        with pytest.raises(ValueError, match="beta must be"):
            q.model.at(beta)
    with pytest.raises(ValueError, match=r"spins must have shape \(\.\.\., 8\), got \(3, 7\)"):
        q.log_prob(torch.ones(3, 7))
    with pytest.raises(ValueError, match="spins must be -1 and \\+1, got the entry 0"):
        q.log_prob(torch.zeros(8))


def test_estimates_read_well() -> None:
    assert repr(ga.Estimate(-1.25, 0.0)) == "-1.25 ± 0"
    assert repr(ga.Estimate(345.67891, 0.0123)) == "345.679 ± 0.012"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        text = repr(ga.free_energy(some_model(), 200, seed=0))
    assert "beta = 0.7, 8 spins, 200 samples, ESS" in text
    assert "log Z" in text


def test_few_but_equal_samples_are_no_reason_to_warn_and_nan_is_an_error() -> None:
    graph = ga.IsingGraph.from_edges([[], []], h=[0.3, -1.0])
    model = ga.Autoregressive(graph, ga.heads.Linear())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ga.free_energy(model.at(1.0), 50)
    with torch.no_grad():
        model.head.bias[0] = math.nan
    with pytest.raises(ValueError, match="must be finite"):
        ga.free_energy(model.at(1.0), 50)
    with pytest.raises(ValueError, match=r"seed must be less than 2\*\*63"):
        model.at(1.0).sample(3, seed=2**63)


def test_a_model_without_its_beta_is_named() -> None:
    model = ga.Autoregressive(GRAPHS["ring with field"])
    for estimate in (ga.free_energy, lambda q: evaluate(q, 10, 0), lambda q: variational_step(q, 10, 0)):
        with pytest.raises(
            ValueError, match=r"must be a model at its inverse temperature, model\.at\(beta\), got Auto"
        ):
            estimate(model)
    with pytest.raises(ValueError, match=r"q must be a model at its inverse temperature.*got float"):
        ga.free_energy(1.0)
    with pytest.raises(ValueError, match=r"frontier must be a Frontier, such as model\.frontier, got Autoregressive"):
        plot_frontier(model)
    with pytest.raises(ValueError, match=r"run must be a Run, as graphar\.anneal returns, got Autoregressive"):
        plot_run(model, 8)
    with pytest.raises(ValueError, match="run must have finished a beta, got none"):
        plot_run(ga.Run({"schedule": [1.0]}), 8)


def annealed(**options) -> ga.Autoregressive:
    model = ga.Autoregressive(GRAPHS["torus"], **options)
    if model.num_parameters:
        ga.anneal(model, [0.1 * 3], steps=20, warmup=0, batch_size=64, progress=False)
    return model


def test_another_beta_than_the_trained_one_is_said_aloud() -> None:
    model = annealed()
    with pytest.warns(UserWarning, match=r"trained at beta = 0\.3, not 0\.2: it may lack states"):
        result = ga.free_energy(model.at(0.2), 300)
    assert result.trained_beta == pytest.approx(0.3)
    assert "beta = 0.2 (trained at 0.3), 9 spins" in repr(result)
    assert "trained" not in repr(ga.free_energy(model.at(0.3), 300))  # up to rounding; warnings are errors here


@pytest.mark.parametrize("options", [{}, {"head": ga.heads.MessagePassing(weights="random_regular_pm1")}])
def test_what_was_never_trained_is_as_good_at_any_beta(options: dict) -> None:
    graph = GRAPHS["ring with field"]
    for beta in (0.05, 0.1):
        assert ga.free_energy(ga.Autoregressive(graph, **options).at(beta), 300).trained_beta is None


def test_exact_models_have_no_state_they_never_draw() -> None:
    exact = annealed(head=ga.heads.Exact)
    exact.trained_beta = 0.3  # as where a dial was turned up on weights that no site reads
    result = ga.free_energy(exact.at(0.7), 300)
    assert result.exact
    assert result.trained_beta is None
    assert UNSEEN not in repr(result)
    learned = ga.free_energy(annealed().at(0.3), 300)
    assert not learned.exact
    assert repr(learned).endswith(UNSEEN)


def test_a_model_that_has_lost_states_looks_perfect_and_says_so() -> None:
    # trained at once at low temperature, it draws some ground states alone: all of equal weight, and far too few
    graph = ga.grid((4, 4), couplings="pm1", seed=0)
    model = ga.Autoregressive(graph)
    options = {"steps": 100, "warmup": 0, "learning_rate": 0.1, "batch_size": 256, "average": False}
    ga.anneal(model, 2.0, **options, progress=False)
    result, truth = ga.free_energy(model.at(2.0)), ga.exact.enumerate(graph, 2.0).log_partition
    assert result.ess > 0.99 * result.num_samples
    assert result.log_partition.value < truth - 20 * result.log_partition.stderr
    assert "errors know nothing of states that the model never draws" in repr(result)


@pytest.fixture
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("exact_width", [0, 2])
def test_no_digit_depends_on_the_number_of_threads(exact_width: int) -> None:
    # torch shares sums of more than 2^15 numbers out, and BLAS those of fewer
    graph = ga.random_regular(16, degree=3, couplings="gaussian", field=0.1, seed=1)
    options: Any = {"steps": 2, "warmup": 0, "batch_size": 40_000, "progress": False}
    exact, found = ga.exact.enumerate(graph, 0.5), []
    for number in (1, 2, 3):
        torch.set_num_threads(number)
        model = ga.Autoregressive(graph, exact_width=exact_width)
        reference = exact.sample(40_000, seed=2)
        numbers = [asdict(ga.free_energy(model.at(0.7), 70_000, seed=1))]
        numbers.append(asdict(ga.estimators.two_sided_bound(model.at(0.5), reference, 50_000, seed=1)))
        numbers += [asdict(record) for record in ga.anneal(model, [0.4, 0.6], **options).history]
        found.append([(name, str(part[name])) for part in numbers for name in part if name != "seconds"])
    assert found[0] == found[1] == found[2]
