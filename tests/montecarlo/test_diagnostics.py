"""Autocorrelation times and R̂ against series whose values are known."""

from __future__ import annotations

import math

import pytest
import torch

import graphar as ga

mc = ga.montecarlo


def _autoregressive(rho: float, replicas: int = 20, times: int = 20_000) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    noise = torch.randn(replicas, times, generator=generator, dtype=torch.float64)
    x = torch.empty_like(noise)
    x[:, 0] = noise[:, 0]
    for t in range(1, times):
        x[:, t] = rho * x[:, t - 1] + (1 - rho**2) ** 0.5 * noise[:, t]
    return x


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9, 0.97])
def test_a_process_of_known_time(rho: float) -> None:
    x = 100 + 3 * _autoregressive(rho)
    tau = 0.5 * (1 + rho) / (1 - rho)
    assert mc.autocorrelation_time(x) == pytest.approx(tau, rel=0.08)
    assert mc.effective_samples(x) == pytest.approx(x.numel() / (2 * tau), rel=0.08)
    assert abs(mc.r_hat(x) - 1) < 0.01


def test_one_that_turns_back_is_no_better_than_independent() -> None:
    x = _autoregressive(-0.9, 4, 2000)
    assert mc.autocorrelation_time(x) == 0.5
    assert mc.effective_samples(x) == x.numel()


def test_replicas_apart_are_seen() -> None:
    x = _autoregressive(0.5, 10, 1000) + 2 * torch.arange(10.0)[:, None]
    assert mc.r_hat(x) > 2
    assert mc.autocorrelation_time(x) > 100
    half = _autoregressive(0.0, 10, 1000)
    half[:, 500:] += 2.0  # not stationary
    assert mc.r_hat(half) > 1.2


def test_constants() -> None:
    same, apart = torch.full((3, 10), 0.1), torch.arange(3.0)[:, None].expand(3, 10)
    assert mc.r_hat(same) == 1
    assert mc.r_hat(apart) == math.inf
    assert mc.autocorrelation_time(same) == 0.5
    assert mc.r_hat(torch.tensor([1.0, 1.0])) == 1
    assert mc.r_hat(torch.tensor([1.0, 2.0])) == math.inf


def test_refused() -> None:
    with pytest.raises(ValueError, match=r"series must have shape \(replicas, time\) or \(time,\), got \(2, 2, 2\)"):
        mc.autocorrelation_time(torch.zeros(2, 2, 2))
    with pytest.raises(ValueError, match="series must be finite, got nan"):
        mc.r_hat([1.0, float("nan")])
    with pytest.raises(ValueError, match="series must have two entries in time at least"):
        mc.r_hat([1.0])
