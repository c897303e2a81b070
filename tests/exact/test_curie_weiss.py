"""Curie–Weiss sums against enumeration, the limit against sums, and both against themselves."""

from __future__ import annotations

import math

import pytest
import torch

import graphar as ga
from graphar.exact.curie_weiss import curie_weiss, curie_weiss_limit


@pytest.mark.parametrize("num_spins", [1, 2, 5, 12])
@pytest.mark.parametrize("beta", [0.0, 0.7, 3.0])
@pytest.mark.parametrize(("coupling", "field"), [(1.0, 0.0), (1.3, 0.4), (-2.0, -0.3)])
def test_sums_equal_enumeration(num_spins: int, beta: float, coupling: float, field: float) -> None:
    graph = ga.curie_weiss(num_spins, coupling=coupling, field=field)
    theirs, ours = ga.exact.enumerate(graph, beta), curie_weiss(num_spins, beta, coupling, field)
    for name in ("log_partition", "energy", "energy_variance", "entropy"):
        assert getattr(ours, name) == pytest.approx(getattr(theirs, name), rel=1e-12, abs=1e-12), name
    if beta:
        assert ours.free_energy == pytest.approx(theirs.free_energy, rel=1e-12)
    x = ga.exact.spins_from_codes(torch.arange(2**num_spins), num_spins).double()
    p, M = theirs.log_prob(x).exp(), x.sum(1)
    assert ours.magnetisation == pytest.approx(float(p @ M), abs=1e-12)
    assert ours.abs_magnetisation == pytest.approx(float(p @ M.abs()), abs=1e-12)
    by_sum = torch.zeros(num_spins + 1, dtype=torch.float64).index_add(0, ((M + num_spins) / 2).long(), p)
    torch.testing.assert_close(ours.probabilities, by_sum, rtol=0, atol=1e-12)


@pytest.mark.parametrize("beta", [0.5, 0.95, 1.05, 2.0, 6.0])
@pytest.mark.parametrize(("coupling", "field"), [(1.0, 0.0), (1.0, 0.2), (1.0, -0.2), (-1.0, 0.3), (-1.0, 0.0)])
def test_sums_come_to_the_limit_with_the_correction_of_the_saddle_point(
    beta: float, coupling: float, field: float
) -> None:
    # log Z = N φ − βJ/2 − ½ log(1 − βJ(1 − m²)), and log 2 where both signs of m are alike
    n = 10**6
    exact, limit = curie_weiss(n, beta, coupling, field), curie_weiss_limit(beta, coupling, field)
    K, m = beta * coupling, limit.magnetisation_per_site
    correction = -K / 2 - math.log(1 - K * (1 - m**2)) / 2 + math.log(2) * (field == 0 and K > 1)
    assert exact.log_partition - n * limit.log_partition_per_site == pytest.approx(correction, abs=2e-3)
    assert exact.energy / n == pytest.approx(limit.energy_per_site, abs=2e-4)
    assert exact.entropy / n == pytest.approx(limit.entropy_per_site, abs=2e-4)
    assert exact.abs_magnetisation / n == pytest.approx(abs(m), abs=5e-3)
    if field:
        assert math.copysign(1, m) == math.copysign(1, field)
        assert exact.magnetisation / n == pytest.approx(m, abs=1e-4)


@pytest.mark.parametrize("beta", [0.3, 1.0, 1.0 + 1e-12, 1.001, 1.5, 40.0])
@pytest.mark.parametrize("field", [0.0, 1e-9, 0.5])
def test_the_root_is_one_and_the_free_energy_is_lowest_there(beta: float, field: float) -> None:
    limit = curie_weiss_limit(beta, field=field)
    m = limit.magnetisation_per_site
    assert m == pytest.approx(math.tanh(beta * (m + field)), abs=1e-14)
    assert (m > 0) == (field > 0 or beta > 1)

    def log_z(m: float) -> float:
        ups = (1 + m) / 2
        return beta * (m**2 / 2 + field * m) - sum(p * math.log(p) for p in (ups, 1 - ups) if p)

    best = max(log_z(-1 + k / 500) for k in range(1001))
    assert limit.log_partition_per_site >= best - 1e-12
    assert limit.log_partition_per_site == pytest.approx(best, abs=1e-5)


def test_known_values() -> None:
    # without coupling, N free spins; at β = 0, N log 2
    free = curie_weiss(100, 0.7, coupling=0.0, field=0.5)
    assert free.log_partition == pytest.approx(100 * math.log(2 * math.cosh(0.35)), rel=1e-14)
    assert free.magnetisation == pytest.approx(100 * math.tanh(0.35), rel=1e-12)
    assert curie_weiss(10**6, 0.0).log_partition == pytest.approx(10**6 * math.log(2), rel=1e-14)
    assert curie_weiss_limit(0.9).log_partition_per_site == pytest.approx(math.log(2), rel=1e-15)
    assert repr(curie_weiss(1, 0.0)) == "CurieWeiss(1 spin, beta=0, log_partition=0.693147)"


def test_refused_arguments() -> None:
    for make in (lambda **named: curie_weiss(5, **named), curie_weiss_limit):
        with pytest.raises(ValueError, match="beta must be finite and not negative, got -1"):
            make(beta=-1)
        with pytest.raises(ValueError, match=r"coupling must be one number, got shape \(2,\)"):
            make(beta=1, coupling=[1, 2])
        with pytest.raises(ValueError, match="field must be finite, got inf"):
            make(beta=1, field=math.inf)
    with pytest.raises(ValueError, match="num_spins must be at least 1, got 0"):
        curie_weiss(0, 1.0)
    with pytest.raises(ValueError, match="free_energy needs beta > 0, got 0"):
        _ = curie_weiss(3, 0.0).free_energy
    with pytest.raises(ValueError, match="free_energy needs beta > 0, got 0"):
        _ = curie_weiss_limit(0.0).free_energy_per_site
