"""Bounds on the free energy from both sides, against enumeration."""

from __future__ import annotations

import math
import warnings
from typing import Any

import pytest
import torch
from small_graphs import GRAPHS, configurations, model_on

import graphar as ga
from graphar._support.seeds import hash_key
from graphar.estimators import TwoSidedBound, two_sided_bound

BETA = 0.7


def divergences(q: ga.Distribution) -> tuple[float, float]:
    """KL(q‖p) and KL(p‖q) by enumeration."""
    x = configurations(q.graph.num_spins)
    with torch.no_grad():
        log_q = q.log_prob(x)
    log_p = ga.exact.enumerate(q.graph, q.beta).log_prob(x)
    return float(log_q.exp() @ (log_q - log_p)), float(log_p.exp() @ (log_p - log_q))


@pytest.mark.parametrize("graph", ["one spin", "ring with field", "torus", "isolated spin", "cube", "random regular"])
@pytest.mark.parametrize("inputs", ["messages", "parents"])
def test_bounds_lie_on_both_sides_at_the_distance_of_the_divergences(graph: str, inputs: str) -> None:
    model = model_on(graph, inputs, "rcm")
    with torch.no_grad():
        for parameter in model.parameters():  # smaller, so that no configuration that matters is rare, and not zero
            parameter.mul_(0.3).sub_(0.4)
    q, exact = model.at(BETA), ga.exact.enumerate(GRAPHS[graph], BETA)
    result = two_sided_bound(q, exact.sample(20_000, seed=1), 20_000, seed=2)
    of_q, of_p = divergences(q)
    assert of_q > 1e-3
    assert of_p > 1e-3
    assert abs(BETA * (result.upper.value - exact.free_energy) - of_q) < 5 * BETA * result.upper.stderr
    assert abs(BETA * (exact.free_energy - result.lower.value) - of_p) < 5 * BETA * result.lower.stderr
    assert abs(result.gap.value - (of_q + of_p)) < 5 * result.gap.stderr
    assert result.gap.stderr < 0.1 * (of_q + of_p)
    assert result.gap.value == pytest.approx(BETA * (result.upper.value - result.lower.value))
    assert (result.beta, result.num_spins, result.num_samples, result.num_reference) == (
        BETA,
        q.graph.num_spins,
        20_000,
        20_000,
    )


@pytest.mark.parametrize("width", [0, 2])
def test_each_bound_is_the_mean_over_its_samples(width: int) -> None:
    graph = GRAPHS["torus"]
    q = ga.Autoregressive(graph, exact_width=width, dtype=torch.float64).at(BETA)
    spins = ga.exact.enumerate(graph, BETA).sample(60, seed=0)
    result = two_sided_bound(q, spins.view(3, 20, -1), 50, seed=3)
    (own,) = q.draw(50, hash_key(3, "two-sided bound"))
    above = graph.energy(own.spins) + own.full_log_prob.detach() / BETA
    with torch.no_grad():
        below = graph.energy(spins) + q.log_prob(spins) / BETA
    for estimate, values in ((result.upper, above), (result.lower, below)):
        assert estimate.value == pytest.approx(float(values.mean()), abs=1e-11)
        assert estimate.stderr == pytest.approx(float(values.std()) / len(values) ** 0.5, abs=1e-11)
    errors = math.hypot(result.upper.stderr, result.lower.stderr)
    assert result.gap.stderr == pytest.approx(BETA * errors, abs=1e-11)
    drawn = [two_sided_bound(q, spins, 50, generator=torch.Generator().manual_seed(3)).upper for _ in range(2)]
    assert drawn[0] == drawn[1] != result.upper


def test_errors_are_the_spread_over_repetitions() -> None:
    q = model_on("ring with field", "messages", "natural").at(0.3)
    exact = ga.exact.enumerate(q.graph, 0.3)
    results = [two_sided_bound(q, exact.sample(500, seed=seed), 500, seed=seed) for seed in range(100)]
    for name in ("upper", "lower", "gap"):
        values = torch.tensor([getattr(result, name).value for result in results])
        errors = torch.tensor([getattr(result, name).stderr for result in results])
        assert float(errors.mean() / values.std()) == pytest.approx(1, abs=0.35)


@pytest.mark.parametrize("graph", GRAPHS)
def test_a_perfect_model_leaves_no_gap(graph: str) -> None:
    exact = ga.exact.eliminate(GRAPHS[graph], BETA)
    q = ga.Autoregressive(GRAPHS[graph], ga.heads.Exact).at(BETA)
    result = two_sided_bound(q, exact.sample(30, seed=0), 30)
    for estimate in (result.upper, result.lower):
        assert estimate.value == pytest.approx(float(exact.free_energy), abs=1e-10)
        assert estimate.stderr < 1e-10
    assert result.gap.value == pytest.approx(0, abs=1e-10)


def test_a_lost_mode_shows_in_the_gap_and_nowhere_else() -> None:
    # a ferromagnet all of whose samples point up: half of the Boltzmann distribution is missing
    graph = ga.grid((4, 4), couplings="ferromagnet")
    model = ga.Autoregressive(graph, dtype=torch.float64)
    with torch.no_grad():
        model.head.bias[0] = 40.0
    ga.anneal(model, [1.0], steps=80, warmup=0, batch_size=128, learning_rate=0.02, progress=False)
    q, exact = model.at(1.0), ga.exact.enumerate(graph, 1.0)
    alone = ga.free_energy(q, 2000, seed=0)
    assert alone.ess > 0.5 * 2000
    assert alone.bound.value - exact.free_energy < math.log(2) + 0.1
    assert alone.log_partition.value < exact.log_partition - 0.6  # wrong, by many of its own errors
    assert alone.log_partition.stderr < 0.05
    result = two_sided_bound(q, exact.sample(2000, seed=1), 2000)
    assert result.gap.value > 10
    assert result.gap.value > 20 * result.gap.stderr
    # samples of p that have lost the same mode show nothing either
    up = exact.sample(4000, seed=1)
    up = up[up[:, model.ordering.sites[0]] > 0]
    assert abs(two_sided_bound(q, up, 2000).gap.value) < 0.2


@pytest.mark.parametrize("kernel", ["numba", "reference"])
def test_where_the_model_has_no_probability_there_is_no_lower_bound(kernel: str) -> None:
    model = ga.Autoregressive(ga.chain(6, couplings="ferromagnet"), ordering=ga.natural, kernel=kernel)
    with torch.no_grad():
        model.head.bias[0] = math.inf  # up, for certain
    spins = torch.ones(5, 6)
    assert math.isfinite(two_sided_bound(model.at(1.0), spins, 100).gap.value)
    spins[3, 0] = -1
    result = two_sided_bound(model.at(1.0), spins, 100)
    assert result.lower == ga.Estimate(-math.inf, math.inf)
    assert result.gap == ga.Estimate(math.inf, math.inf)
    assert math.isfinite(result.upper.value)
    assert "-inf ± inf" in repr(result)
    with torch.no_grad():
        model.head.bias[0] = math.nan
    with pytest.raises(ValueError, match="must be finite, got NaN or inf"):
        two_sided_bound(model.at(1.0), spins, 100)


def test_it_reads_well_and_leaves_no_gradient() -> None:
    q = ga.Autoregressive(GRAPHS["ring with field"]).at(BETA)
    result = two_sided_bound(q, q.sample(10, seed=0), 20)
    assert isinstance(result, TwoSidedBound)
    text = repr(result)
    assert "beta = 0.7, 8 spins, 20 samples of q, 10 of p" in text
    assert f"F, upper bound          {result.upper}" in text
    assert f"F, lower bound          {result.lower}" in text
    assert text.endswith(f"{result.gap} nats")
    assert all(parameter.grad is None for parameter in q.model.parameters())


@pytest.mark.parametrize(
    ("spins", "message"),
    [
        (torch.ones(1, 8), "spins must hold at least 2 configurations, got 1"),
        (torch.ones(8), "spins must hold at least 2 configurations, got 1"),
        (torch.ones(0, 8), "spins must hold at least 2 configurations, got 0"),
        (torch.ones(4, 7), r"spins must have shape \(\.\.\., 8\), got \(4, 7\)"),
        (torch.zeros(4, 8), r"spins must be -1 and \+1, got the entry 0"),
        ("up", "spins must"),
    ],
)
def test_bad_samples(spins: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        two_sided_bound(ga.Autoregressive(GRAPHS["ring with field"]).at(BETA), spins, 100)


def test_bad_arguments() -> None:
    q, spins = ga.Autoregressive(GRAPHS["ring with field"]).at(BETA), torch.ones(4, 8)
    with pytest.raises(ValueError, match="beta must be positive"):
        two_sided_bound(q.model.at(0), spins)
    with pytest.raises(ValueError, match="num_samples must be at least 2, got 1"):
        two_sided_bound(q, spins, 1)
    with pytest.raises(ValueError, match="either seed or generator"):
        two_sided_bound(q, spins, 10, seed=1, generator=torch.Generator())
    assert two_sided_bound(q, spins.tolist(), 10).lower == two_sided_bound(q, spins, 10).lower


def trained(graph: ga.IsingGraph, beta: float) -> ga.Distribution:
    model = ga.Autoregressive(graph, dtype=torch.float64)
    options = {"steps": 40, "warmup": 0, "batch_size": 128, "learning_rate": 0.03, "progress": False}
    ga.anneal(model, ga.linear(0.2, beta, 4), **options)
    return model.at(beta)


@pytest.mark.parametrize("width", [0, 2])
def test_samples_of_another_beta_are_noticed(width: int) -> None:
    q = trained(GRAPHS["torus"], 2.0)
    if width:
        q = ga.Autoregressive(GRAPHS["torus"], ga.heads.Exact).at(2.0)
    for beta in (1.0, 1.6, 3.0):
        spins = ga.exact.enumerate(q.graph, beta).sample(2000, seed=0)
        with pytest.warns(UserWarning, match=r"mean energy of -\d.*reweighted to beta = 2 has -1.*another"):
            two_sided_bound(q, spins, 2000)


def test_samples_of_a_mode_that_the_model_has_lost_are_noticed() -> None:
    # spins of either sign in a field: the model draws those along it alone, and the others have more energy
    graph = ga.grid((3, 3), couplings="ferromagnet", field=0.03)
    model = ga.Autoregressive(graph, dtype=torch.float64)
    with torch.no_grad():
        model.head.bias[0] = 40.0
    ga.anneal(model, [1.0], steps=80, warmup=0, batch_size=128, learning_rate=0.02, progress=False)
    with pytest.warns(UserWarning, match="or else the model has lost states"):
        two_sided_bound(model.at(1.0), ga.exact.enumerate(graph, 1.0).sample(20_000, seed=0), 20_000)


@pytest.mark.parametrize("count", [2, 10, 300])
def test_right_samples_are_refused_as_often_as_chance_says(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    q = trained(GRAPHS["torus"], 1.0)
    exact = ga.exact.enumerate(q.graph, 1.0)
    for seed in range(200):  # warnings are errors here
        two_sided_bound(q, exact.sample(count, seed=seed), 300, seed=seed)
    monkeypatch.setattr("graphar.estimators.bounds.SURE", 2.0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for seed in range(200):
            two_sided_bound(q, exact.sample(count, seed=seed), 300, seed=seed)
    # 4.6 % of a normal distribution; fewer where few samples spread more than they should
    assert len(caught) <= 18
    assert count < 300 or len(caught) >= 2


def test_a_model_too_poor_to_tell_is_not_asked() -> None:
    q = ga.Autoregressive(ga.random_regular(20, degree=3, couplings="pm1", seed=0)).at(3.0)
    spins = ga.exact.enumerate(q.graph, 0.5).sample(100, seed=0)
    assert two_sided_bound(q, spins, 200).gap.value > 0  # and no warning, which would be an error


def test_a_model_without_its_beta_is_named() -> None:
    model = ga.Autoregressive(GRAPHS["ring with field"])
    with pytest.raises(ValueError, match=r"q must be a model at its inverse temperature, model\.at\(beta\), got Auto"):
        two_sided_bound(model, torch.ones(4, 8))


def test_the_lower_bound_knows_of_correlated_samples() -> None:
    graph = ga.grid((3, 4), couplings="ferromagnet")
    q, perfect = ga.Autoregressive(graph).at(0.3), ga.exact.enumerate(graph, 0.3).sample(500, seed=2)
    alone = two_sided_bound(q, perfect, 500).lower.stderr
    slow = perfect.repeat_interleave(20, dim=0)  # a chain that stands still for 20 steps at a time
    assert 0.8 * alone < two_sided_bound(q, slow, 500).lower.stderr < 1.3 * alone
    chains = slow.reshape(4, 2500, 12)
    assert 0.7 * alone < two_sided_bound(q, chains, 500).lower.stderr < 2 * alone
