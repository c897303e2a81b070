"""Log Z by integration over β, against enumeration."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from chains import heat_bath
from hypergraphs import HYPERGRAPHS
from small_graphs import GRAPHS

import graphar as ga
from graphar.estimators.thermodynamic import _free_moments

SOME = {"torus": GRAPHS["torus"], "isolated spin": GRAPHS["isolated spin"], "fields only": GRAPHS["fields only"]}
SOME |= {"many": HYPERGRAPHS["orders 1 to 5"], "triples": HYPERGRAPHS["triples"]}


def energies(graph: Any, betas: list[float], count: int, seed: int = 0) -> list[torch.Tensor]:
    return [graph.energy(ga.exact.enumerate(graph, beta).sample(count, seed=seed + k)) for k, beta in enumerate(betas)]


@pytest.mark.parametrize("graph", SOME)
def test_against_enumeration(graph: str) -> None:
    betas = [0.1 * k for k in range(1, 9)]
    found = ga.thermodynamic_integration(SOME[graph], energies(SOME[graph], betas, 4000), betas)
    assert found.betas == (0.0, *betas)
    assert found.log_partition[0] == ga.Estimate(SOME[graph].num_spins * math.log(2), 0.0)
    for beta, log_z in zip(betas, found.log_partition[1:], strict=True):
        truth = ga.exact.enumerate(SOME[graph], beta).log_partition
        assert abs(log_z.value - truth) < 4 * log_z.stderr, beta
        assert log_z.stderr < 0.1
    assert found.free_energy[-1].value == pytest.approx(-found.log_partition[-1].value / betas[-1])
    # samples at β = 0 change nothing
    both = ga.thermodynamic_integration(
        SOME[graph], [torch.zeros(5), *energies(SOME[graph], betas, 4000)], [0.0, *betas]
    )
    assert both == found


@pytest.mark.parametrize("graph", SOME)
def test_moments_without_temperature_are_exact(graph: str) -> None:
    exact = ga.exact.enumerate(SOME[graph], 0.0)
    mean, variance, _ = _free_moments(SOME[graph])
    assert mean == pytest.approx(float(exact.energy), abs=1e-12)
    assert variance == pytest.approx(float(exact.energy_variance), abs=1e-12)


@pytest.mark.parametrize("num", [1, 2, 4, 8])
def test_wide_steps_are_in_the_error(num: int) -> None:
    # of so many samples that interpolation is all there is
    graph = GRAPHS["torus"]
    betas = np.linspace(0, 1.2, num + 1)[1:].tolist()
    found = ga.thermodynamic_integration(graph, energies(graph, betas, 200_000), betas)
    truth = ga.exact.enumerate(graph, 1.2).log_partition
    last = found.log_partition[-1]
    assert abs(last.value - truth) < 2.5 * last.stderr
    assert found.interpolation[-1] <= last.stderr
    assert found.interpolation[-1] < 2.0 / num**3
    assert "of it interpolation" in repr(found)


@pytest.mark.parametrize("tempered", [False, True])
def test_errors_are_calibrated(tempered: bool) -> None:
    graph, betas, repetitions = GRAPHS["torus"], [0.1 * k for k in range(1, 8)], 200
    runs = []
    for k, beta in enumerate(betas):
        start = ga.exact.enumerate(graph, beta).sample(2 * repetitions, seed=k)
        seed = 5 if tempered else 10 + k  # the same random numbers at all β: series in step
        start = ga.exact.enumerate(graph, betas[0]).sample(2 * repetitions, seed=0) if tempered else start
        spins = heat_bath(graph, beta, start, 420, seed=seed)[:, 20:]
        runs.append(graph.energy(spins).unflatten(0, (repetitions, 2)))
    truth = ga.exact.enumerate(graph, betas[-1]).log_partition
    found = [
        ga.thermodynamic_integration(graph, [each[run] for each in runs], betas).log_partition[-1]
        for run in range(repetitions)
    ]
    value, error = np.array([(each.value, each.stderr) for each in found]).T
    within = abs(value - truth) / error
    assert 0.58 < (within < 1).mean() < 0.86  # the error of interpolation is stated beside that of samples
    assert (within < 2).mean() > 0.92
    assert error.mean() < 2 * value.std()


def test_bad_arguments() -> None:
    graph = GRAPHS["torus"]
    good = energies(graph, [0.1, 0.2], 10)
    for arguments, message in (
        ((good, [0.2, 0.1]), "betas must rise"),
        ((good, [0.1, 0.1]), "betas must rise"),
        (([], []), "betas must rise"),
        ((good[:1], [0.0]), "betas must rise, and end above 0"),
        ((good, [0.1]), "energies must have one series for each of 1 beta, got 2"),
        ((good, [-0.1, 0.2]), "beta must be finite and not negative"),
        (([good[0], good[1][:1]], [0.1, 0.2]), r"energies\[1\] must have shape"),
        (([good[0], good[1] * math.nan], [0.1, 0.2]), r"energies\[1\] must be finite"),
    ):
        with pytest.raises(ValueError, match=message):
            ga.thermodynamic_integration(graph, *arguments)
    with pytest.raises(ValueError, match="graph must be an IsingGraph or"):
        ga.thermodynamic_integration(3, good, [0.1, 0.2])
