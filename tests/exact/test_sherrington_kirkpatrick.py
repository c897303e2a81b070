"""Replica symmetry and its breaking: self-consistency by other means, published values, and bounds."""

from __future__ import annotations

import math

import numpy as np
import pytest

import graphar as ga
from graphar.exact.sherrington_kirkpatrick import sherrington_kirkpatrick_limit

NODES, WEIGHTS = np.polynomial.legendre.leggauss(300)
NODES = 9 * NODES
WEIGHTS = WEIGHTS * np.exp(-(NODES**2) / 2)
WEIGHTS /= WEIGHTS.sum()


@pytest.mark.parametrize("rsb", [0, 1, 2])
@pytest.mark.parametrize("beta", [0.0, 0.4, 1.0])
def test_above_the_transition_all_steps_agree_with_the_closed_form(rsb: int, beta: float) -> None:
    limit = sherrington_kirkpatrick_limit(beta, rsb)
    assert limit.log_partition_per_site == math.log(2) + beta**2 / 4
    assert limit.energy_per_site == -beta / 2
    assert limit.overlaps.tolist() == [0] * (rsb + 1)
    if beta:
        assert limit.free_energy_per_site == pytest.approx(-beta / 4 - math.log(2) / beta, rel=1e-15)


def test_the_normalisation_is_that_of_the_instances() -> None:
    logs = [ga.exact.enumerate(ga.sherrington_kirkpatrick(14, seed=seed), 0.5).log_partition for seed in range(50)]
    # the mean of log Z without its O(1) part, which is −β²/4 from the missing diagonal and ¼ log(1 − β²) + β²/4
    expected = 14 * sherrington_kirkpatrick_limit(0.5).log_partition_per_site + math.log(1 - 0.25) / 4
    assert np.mean(logs) == pytest.approx(expected, abs=4 * np.std(logs) / math.sqrt(50))
    assert np.std(logs) < 0.5


@pytest.mark.parametrize("beta", [1.05, 1.5, 3.0])
def test_replica_symmetry_is_self_consistent(beta: float) -> None:
    limit = sherrington_kirkpatrick_limit(beta, 0)
    (q,) = limit.overlaps.tolist()
    assert q == pytest.approx(float(WEIGHTS @ np.tanh(beta * math.sqrt(q) * NODES) ** 2), abs=1e-6)
    log_cosh = float(WEIGHTS @ np.log(2 * np.cosh(beta * math.sqrt(q) * NODES)))
    assert limit.log_partition_per_site == pytest.approx(beta**2 / 4 * (1 - q) ** 2 + log_cosh, abs=1e-9)
    assert len(limit.breakpoints) == 0


@pytest.mark.parametrize("beta", [1.2, 2.0])
def test_one_step_is_self_consistent(beta: float) -> None:
    # q_0 and q_1 are averages of the squared magnetisation between and within states
    limit = sherrington_kirkpatrick_limit(beta, 1)
    (q0, q1), (m,) = limit.overlaps.tolist(), limit.breakpoints.tolist()
    local = beta * (math.sqrt(q0) * NODES[:, None] + math.sqrt(q1 - q0) * NODES)
    weight = WEIGHTS * np.cosh(local) ** m
    weight /= weight.sum(1, keepdims=True)
    assert q0 == pytest.approx(float(WEIGHTS @ (weight * np.tanh(local)).sum(1) ** 2), abs=1e-6)
    assert q1 == pytest.approx(float(WEIGHTS @ (weight * np.tanh(local) ** 2).sum(1)), abs=1e-6)


@pytest.mark.parametrize("beta", [1.1, 2.0, 4.0])
def test_each_step_raises_the_free_energy_by_less_than_the_one_before(beta: float) -> None:
    limits = [sherrington_kirkpatrick_limit(beta, rsb) for rsb in (0, 1, 2)]
    first, second = np.diff([limit.free_energy_per_site for limit in limits])
    assert 0 < second < first / 5
    entropies = [limit.entropy_per_site for limit in limits]
    assert entropies == sorted(entropies)
    for limit in limits:
        steps = [0.0, *limit.overlaps.tolist(), 1.0], [0.0, *limit.breakpoints.tolist(), 1.0]
        assert all(np.all(np.diff(values) > 0) for values in steps)


@pytest.mark.parametrize("rsb", [0, 1, 2])
def test_the_energy_is_the_derivative_of_log_z(rsb: int) -> None:
    above, below = (sherrington_kirkpatrick_limit(beta, rsb).log_partition_per_site for beta in (1.801, 1.799))
    energy = sherrington_kirkpatrick_limit(1.8, rsb).energy_per_site
    assert energy == pytest.approx(-(above - below) / 0.002, abs=1e-6)


@pytest.mark.parametrize(
    ("rsb", "beta", "energy", "entropy", "rounding"),
    [
        (0, 100, -math.sqrt(2 / math.pi), -1 / (2 * math.pi), 6e-3),
        (1, 60, -0.7652, -0.01, 5e-3),
        (2, 20, -0.7636, -0.004, 3.5e-3),
    ],
)
def test_published_values_at_zero_temperature(
    rsb: int, beta: float, energy: float, entropy: float, rounding: float
) -> None:
    # Sherrington and Kirkpatrick 1975; Parisi 1980
    limit = sherrington_kirkpatrick_limit(beta, rsb)
    assert limit.energy_per_site == pytest.approx(energy, abs=1.5e-4)
    assert limit.entropy_per_site == pytest.approx(entropy, abs=rounding)
    # the true ground-state energy, Crisanti and Rizzo 2002, is above any of these
    assert limit.energy_per_site < -0.76321


def test_refused_arguments() -> None:
    for rsb in (-1, 3, 0.5, True):
        with pytest.raises(ValueError, match="rsb must be 0, 1 or 2, got"):
            sherrington_kirkpatrick_limit(1.5, rsb)
    with pytest.raises(ValueError, match="beta must be at most 100, got 101"):
        sherrington_kirkpatrick_limit(101)
    with pytest.raises(ValueError, match="beta must be finite and not negative, got -1"):
        sherrington_kirkpatrick_limit(-1)
    with pytest.raises(ValueError, match="needs beta > 0, got 0"):
        _ = sherrington_kirkpatrick_limit(0).free_energy_per_site
