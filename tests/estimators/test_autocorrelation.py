"""Autocorrelation times and errors of chains of known correlation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

import graphar as ga
from graphar.estimators import autocorrelation_time, effective_samples, gelman_rubin, mean_of_chains


def autoregressive_series(chains: int, steps: int, decay: float, seed: int) -> np.ndarray:
    """a_t = φ a_{t−1} + √(1 − φ²) noise, stationary: ρ(t) = φ^t, τ = (1 + φ)/(1 − φ), variance 1."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((chains, steps)) * math.sqrt(1 - decay**2)
    noise[:, 0] = rng.standard_normal(chains)
    for t in range(1, steps):
        noise[:, t] += decay * noise[:, t - 1]
    return noise


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.9, 0.97])
@pytest.mark.parametrize("chains", [1, 4])
def test_times_of_known_series(decay: float, chains: int) -> None:
    series = autoregressive_series(chains, 60_000, decay, seed=1)
    truth = (1 + decay) / (1 - decay)
    assert autocorrelation_time(series) == pytest.approx(truth, rel=0.12)
    assert effective_samples(series) == series.size / autocorrelation_time(series)
    assert autocorrelation_time(1e8 * series + 3e9) == pytest.approx(autocorrelation_time(series), rel=1e-6)
    assert autocorrelation_time(series[0]) == autocorrelation_time(series[:1])


@pytest.mark.parametrize("decay", [0.0, 0.8])
@pytest.mark.parametrize("chains", [1, 2, 8])
def test_errors_are_calibrated(decay: float, chains: int) -> None:
    inside, repetitions = np.zeros(2), 300
    for seed in range(repetitions):
        found = mean_of_chains(autoregressive_series(chains, 2000 // chains, decay, seed))
        inside += [abs(found.value) < found.stderr, abs(found.value) < 2 * found.stderr]
    # of a normal distribution 68.3 and 95.4 %, and three standard deviations of the fraction itself
    assert 0.60 < inside[0] / repetitions < 0.79
    assert 0.91 < inside[1] / repetitions <= 1.0


def test_chains_that_do_not_mix_count_once_each() -> None:
    series = autoregressive_series(6, 500, 0.3, seed=3)
    series += np.array([0.0, 50, 0, 0, 50, 50])[:, None]
    assert 4 < effective_samples(series) < 9
    assert mean_of_chains(series).stderr > 9
    assert gelman_rubin(series) > 1.5
    assert gelman_rubin(autoregressive_series(6, 500, 0.3, seed=3)) < 1.02


def test_half_chains_and_spreads_are_compared_too() -> None:
    drift = autoregressive_series(1, 1000, 0.0, seed=0) + np.linspace(0, 4, 1000)
    assert gelman_rubin(drift) > 1.3
    wide = autoregressive_series(4, 1000, 0.0, seed=0) * np.array([1.0, 1, 1, 6])[:, None]
    assert gelman_rubin(wide) > 1.1
    # ranks know no tails: a series of infinite variance is no reason to complain
    heavy = np.random.default_rng(0).standard_cauchy((4, 1000))
    assert gelman_rubin(heavy) < 1.01


def test_series_without_change() -> None:
    still = torch.full((3, 7), 0.1)
    assert autocorrelation_time(still) == 1
    assert mean_of_chains(still).stderr == pytest.approx(0, abs=1e-15)
    assert gelman_rubin(still) == 1
    assert gelman_rubin([[0.0] * 6, [1.0] * 6]) == math.inf


def test_anticorrelation_claims_nothing() -> None:
    assert autocorrelation_time([1.0, -1.0] * 50) == 1


def test_single_steps_of_many_chains_are_independent() -> None:
    values = torch.randn(400, 1, generator=torch.Generator().manual_seed(0))
    assert effective_samples(values) == 400
    assert mean_of_chains(values).stderr == pytest.approx(float(values.std()) / 20, rel=1e-5)


@pytest.mark.parametrize(
    ("series", "message"),
    [
        ([1.0], "at least 2 numbers, got"),
        ([[[1.0, 2.0]]], r"shape \(time,\) or \(chains, time\)"),
        ([1.0, math.nan], "series must be finite, got nan"),
        ("ab", "series must hold real numbers"),
    ],
)
def test_bad_series(series: Any, message: str) -> None:
    for function in (autocorrelation_time, effective_samples, mean_of_chains, gelman_rubin):
        with pytest.raises(ValueError, match=message):
            function(series)
    with pytest.raises(ValueError, match="at least 4 steps"):
        gelman_rubin([[1.0, 2.0, 3.0]])
    assert ga.estimators.autocorrelation_time is autocorrelation_time
