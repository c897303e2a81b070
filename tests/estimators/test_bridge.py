"""Bennett's bridge between a model and a Markov chain, against enumeration."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from chains import heat_bath
from small_graphs import GRAPHS, model_on

import graphar as ga
from graphar.estimators import autocorrelation_time

BETA = 0.7
QUANTITIES = ("log_partition", "free_energy", "energy", "entropy")


def spoilt(graph: str, beta: float = BETA) -> ga.Distribution:
    """A model with weights that are not right, though not far from it."""
    model = model_on(graph, "messages", "natural")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(0.3).sub_(0.2)
    return model.at(beta)


def truths(exact: ga.exact.Enumeration) -> dict[str, float]:
    return {name: float(getattr(exact, name)) for name in QUANTITIES}


@pytest.mark.parametrize("graph", ["one spin", "ring with field", "torus", "isolated spin", "cube", "random regular"])
def test_against_enumeration_with_independent_samples(graph: str) -> None:
    q, exact = spoilt(graph), ga.exact.enumerate(GRAPHS[graph], BETA)
    result = ga.bennett(q, exact.sample(20_000, seed=1), 20_000, seed=2)
    for name, truth in truths(exact).items():
        estimate = getattr(result, name)
        assert abs(estimate.value - truth) < 4 * estimate.stderr, name
        assert estimate.stderr < 0.05
    assert result.log_partition.stderr < min(result.forward.stderr, result.reverse.stderr) + 1e-9
    assert abs(result.forward.value - exact.log_partition) < 4 * result.forward.stderr
    assert abs(result.reverse.value - exact.log_partition) < 4 * result.reverse.stderr
    assert result.two_sided.lower.value < exact.free_energy < result.two_sided.upper.value
    assert 0 < result.overlap <= 1
    assert result.time < 1.2


def test_the_root_is_bennetts() -> None:
    q = spoilt("torus")
    exact = ga.exact.enumerate(q.graph, BETA)
    result = ga.bennett(q, exact.sample(3000, seed=0), 1000, seed=4)
    from graphar._support.seeds import hash_key
    from graphar.estimators.losses import losses_of_samples, losses_of_spins

    above, _ = losses_of_samples(q, 1000, hash_key(4, "bridge"))
    below, _ = losses_of_spins(q, exact.sample(3000, seed=0))
    M, z = math.log(1000 / result.independent), result.log_partition.value
    left = torch.sigmoid(-(M + above + z)).sum()
    right = torch.sigmoid(M + below + z).mean() * result.independent
    assert float(left) == pytest.approx(float(right), rel=1e-9)
    assert result.independent == result.num_reference / result.time


def calibration(
    q: ga.Distribution, all_chains: torch.Tensor, num_samples: int, exact: ga.exact.Enumeration
) -> dict[str, np.ndarray]:
    """Fractions of results within one and two stated errors, and mean stated error over true spread."""
    found: dict[str, list] = {name: [] for name in QUANTITIES}
    for seed, spins in enumerate(all_chains):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of few samples: here all errors must be right
            result = ga.bennett(q, spins, num_samples, seed=seed)
        for name in QUANTITIES:
            found[name].append((getattr(result, name).value, getattr(result, name).stderr))
    out = {}
    for name, truth in truths(exact).items():
        value, error = np.array(found[name]).T
        within = abs(value - truth) / error
        ratio = error.mean() / math.sqrt(((value - truth) ** 2).mean())
        out[name] = np.array([(within < 1).mean(), (within < 2).mean(), ratio])
    return out


@pytest.mark.parametrize(
    ("graph", "beta", "chains"), [("torus", 0.7, 1), ("ring with field", 0.7, 4), ("random regular", 1.0, 8)]
)
def test_errors_are_calibrated_with_correlated_chains(graph: str, beta: float, chains: int) -> None:
    q, repetitions, sweeps = spoilt(graph, beta), 200, 1600
    exact = ga.exact.enumerate(q.graph, beta)
    start = exact.sample(repetitions * chains, seed=0)
    spins = heat_bath(q.graph, beta, start, sweeps // chains, seed=1).unflatten(0, (repetitions, chains))
    slow = [autocorrelation_time(q.graph.energy(each)) for each in spins[:3]]
    assert min(slow) > 1.5  # or this would not be a test of correlated samples
    for name, (one, two, ratio) in calibration(q, spins, 400, exact).items():
        assert 0.56 < one < 0.80, name  # 68.3 %, and four standard deviations of the fraction
        assert two > 0.90, name
        assert 0.75 < ratio < 1.35, name


def one_sided(graph: ga.IsingGraph, beta: float) -> ga.Distribution:
    """A trained model all of whose samples have the first spin up: half of a Z2 pair is lost."""
    model = ga.Autoregressive(graph, dtype=torch.float64)
    with torch.no_grad():
        model.head.bias[0] = 30.0
    ga.anneal(model, [beta], steps=60, warmup=0, batch_size=128, learning_rate=0.02, progress=False)
    return model.at(beta)


@pytest.fixture(scope="module")
def lost() -> tuple[ga.Distribution, ga.exact.Enumeration]:
    graph = ga.grid((3, 4), couplings="pm1", seed=8)
    return one_sided(graph, 1.0), ga.exact.enumerate(graph, 1.0)


def test_a_mode_that_the_model_lost_is_restored(lost: Any) -> None:
    q, exact = lost
    inside = []
    for seed in range(30):
        result = ga.bennett(q, exact.sample(1000, seed=seed), 1000, seed=seed)
        inside.append(abs(result.log_partition.value - exact.log_partition) < 2 * result.log_partition.stderr)
        assert result.forward.value < exact.log_partition - 0.5  # importance sampling is off by log 2
        assert result.coverage == pytest.approx(0.5, abs=0.15)
    assert sum(inside) >= 25
    assert "% of p" in repr(result)


def test_chains_that_do_not_mix_have_errors_that_say_so(lost: Any) -> None:
    q, exact = lost
    # eight chains, each in one half for good: how many are in which is chance, and the error is that of a coin
    x = exact.sample(8 * 400, seed=0).reshape(8, 400, -1)
    up = q.model.ordering.sites[0]
    for signs, expected in (([1, 1, 1, 1, -1, -1, -1, -1], 0.0), ([1, 1, 1, -1, -1, -1, -1, -1], math.log(4 / 3))):
        spins = x * x[..., up, None] * torch.tensor(signs)[:, None, None]
        with pytest.warns(UserWarning, match="effective samples"):
            result = ga.bennett(q, spins, 1000)
        assert result.log_partition.value - exact.log_partition == pytest.approx(expected, abs=0.1)
        assert 0.2 < result.log_partition.stderr < 0.7
        assert result.rhat > 1.5
        assert result.independent < 12


def test_where_both_never_meet_it_says_so(lost: Any) -> None:
    q, exact = lost
    x = exact.sample(500, seed=0)
    down = -x * x[:, [int(q.model.ordering.sites[0])]]
    with pytest.warns(UserWarning, match="unreliable"):
        result = ga.bennett(q, down, 500)
    assert result.overlap < 1e-5
    assert result.ess < 1
    assert result.log_partition.stderr == result.energy.stderr == math.inf
    # a mode that both have lost is seen by neither: nothing is said, and log 2 is missing
    blind = ga.bennett(q, -down, 500)
    assert blind.log_partition.value < exact.log_partition - 0.5
    assert blind.ess > 100


def test_chains_of_one_mode_do_no_harm_where_the_model_weighs_both_alike() -> None:
    graph = ga.grid((3, 4), couplings="pm1", seed=8)
    exact = ga.exact.enumerate(graph, 1.0)
    q = ga.Autoregressive(graph).at(1.0)
    x = exact.sample(4000, seed=0)
    result = ga.bennett(q, x * x[:, :1], 4000)
    assert abs(result.log_partition.value - exact.log_partition) < 4 * result.log_partition.stderr


@pytest.mark.parametrize("kernel", ["numba", "reference"])
def test_samples_of_no_probability_count(kernel: str) -> None:
    graph = ga.chain(6, couplings="ferromagnet")
    model = ga.Autoregressive(graph, ordering=ga.natural, kernel=kernel, dtype=torch.float64)
    with torch.no_grad():
        model.head.bias[0] = math.inf
    exact = ga.exact.enumerate(graph, 1.0)
    result = ga.bennett(model.at(1.0), exact.sample(2000, seed=0), 2000)
    assert abs(result.log_partition.value - exact.log_partition) < 4 * result.log_partition.stderr
    assert result.two_sided.lower.value == -math.inf
    assert result.coverage == pytest.approx(0.5, abs=0.1)
    with torch.no_grad():
        model.head.bias[0] = math.nan
    with pytest.raises(ValueError, match="must be finite, got NaN or inf"):
        ga.bennett(model.at(1.0), exact.sample(20, seed=0), 20)


def test_a_perfect_model_leaves_nothing_to_estimate() -> None:
    exact = ga.exact.eliminate(GRAPHS["torus"], BETA)
    q = ga.Autoregressive(GRAPHS["torus"], ga.heads.Exact).at(BETA)
    result = ga.bennett(q, exact.sample(300, seed=0), 300)
    assert result.log_partition.value == pytest.approx(float(exact.log_partition), abs=1e-10)
    assert result.log_partition.stderr < 1e-10
    assert result.overlap == pytest.approx(1)
    assert abs(result.energy.value - float(exact.energy)) < 4 * result.energy.stderr


@pytest.mark.parametrize("width", [0, 2])
def test_samples_of_another_beta_are_noticed(width: int) -> None:
    q = ga.Autoregressive(GRAPHS["torus"], exact_width=width, dtype=torch.float64).at(BETA)
    for beta in (0.5, 0.9):
        spins = ga.exact.enumerate(q.graph, beta).sample(5000, seed=0)
        with pytest.warns(UserWarning, match=r"disagree by .* of another beta than 0\.7"):
            ga.bennett(q, spins, 5000)


def test_right_samples_disagree_as_often_as_chance_says() -> None:
    q = spoilt("torus")
    exact = ga.exact.enumerate(q.graph, BETA)
    start = exact.sample(200, seed=3)
    spins = heat_bath(q.graph, BETA, start, 1600, seed=2, every=2)
    apart = np.array([ga.bennett(q, each, 300, seed=seed).agreement for seed, each in enumerate(spins)])
    # the larger of two correlated normal numbers: above 2 in 4.6 to 9 %
    assert 0.01 < (apart > 2).mean() < 0.16
    assert apart.max() < 4.5


def test_axes_seeds_and_gradients() -> None:
    q = spoilt("ring with field")
    x = ga.exact.enumerate(q.graph, BETA).sample(240, seed=0)
    flat, chains = ga.bennett(q, x, 200, seed=1), ga.bennett(q, x.reshape(4, 60, -1), 200, seed=1)
    assert flat.num_reference == chains.num_reference == 240
    assert ga.bennett(q, x.reshape(2, 2, 60, -1), 200, seed=1) == chains
    assert ga.bennett(q, x, 200, seed=1) == flat != ga.bennett(q, x, 200, seed=2)
    assert ga.bennett(q, x, 200) == ga.bennett(q, x, 200, seed=0)
    drawn = [ga.bennett(q, x, 200, generator=torch.Generator().manual_seed(3)) for _ in range(2)]
    assert drawn[0] == drawn[1] != flat
    assert all(parameter.grad is None for parameter in q.model.parameters())
    text = repr(flat)
    assert "beta = 0.7, 8 spins, 200 samples of q, 240 of p" in text
    assert f"log Z, from p alone     {flat.reverse}" in text


@pytest.mark.parametrize(
    ("spins", "message"),
    [
        (torch.ones(1, 8), "spins must hold at least 2 configurations, got 1"),
        (torch.ones(8), "spins must hold at least 2 configurations, got 1"),
        (torch.ones(4, 7), r"spins must have shape \(\.\.\., 8\), got \(4, 7\)"),
        (torch.zeros(4, 8), r"spins must be -1 and \+1, got the entry 0"),
        ("up", "spins must"),
    ],
)
def test_bad_samples(spins: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ga.bennett(spoilt("ring with field"), spins, 100)


def test_bad_arguments() -> None:
    q, spins = spoilt("ring with field"), torch.ones(4, 8)
    with pytest.raises(ValueError, match="beta must be positive"):
        ga.bennett(q.model.at(0), spins)
    with pytest.raises(ValueError, match="num_samples must be at least 2, got 1"):
        ga.bennett(q, spins, 1)
    with pytest.raises(ValueError, match="either seed or generator"):
        ga.bennett(q, spins, 10, seed=1, generator=torch.Generator())
    with pytest.raises(ValueError, match=r"q must be a model at its inverse temperature, model\.at\(beta\), got Auto"):
        ga.bennett(q.model, spins)
