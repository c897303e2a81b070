"""Samples of several β and models joined, against enumeration and pymbar."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from chains import heat_bath
from hypergraphs import HYPERGRAPHS
from small_graphs import GRAPHS, model_on

import graphar as ga
from graphar.estimators.mixture import _solved, join

BETAS = [0.0, 0.3, 0.6, 1.0]


def samples(graph: Any, betas: list[float], count: int, seed: int = 0) -> list[torch.Tensor]:
    return [ga.exact.enumerate(graph, beta).sample(count, seed=seed + k) for k, beta in enumerate(betas)]


def spoilt(graph: str, beta: float) -> ga.Distribution:
    model = model_on(graph, "messages", "natural")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(0.3).sub_(0.2)
    return model.at(beta)


@pytest.mark.parametrize(
    "graph",
    [*(GRAPHS[name] for name in ("torus", "ring with field", "isolated spin")), HYPERGRAPHS["orders 1 to 5"]],
    ids=["torus", "ring with field", "isolated spin", "orders 1 to 5"],
)
def test_against_enumeration(graph: Any) -> None:
    joined = ga.mbar(graph, samples(graph, BETAS, 5000), BETAS)
    for beta in (0.0, 0.2, 0.45, 1.0, 1.1):
        exact, found = ga.exact.enumerate(graph, beta), joined.at(beta)
        for name, truth in (
            ("log_partition", exact.log_partition),
            ("energy", exact.energy),
            ("entropy", exact.entropy),
            ("heat_capacity", exact.heat_capacity),
        ):
            estimate = getattr(found, name)
            assert abs(estimate.value - truth) <= 4 * estimate.stderr + 1e-12, (beta, name)
        magnetisation = joined.average(lambda x: x.double().sum(1), beta)
        assert abs(magnetisation.value - float(exact.magnetisation.sum())) < 4 * magnetisation.stderr
    at_zero = joined.log_partition[0]
    assert (at_zero.value, at_zero.stderr) == (graph.num_spins * math.log(2), 0.0)
    assert np.allclose(joined.overlap.sum(0), 1)
    assert joined.log_partition[2].value == pytest.approx(joined.at(0.6).log_partition.value, abs=1e-7)
    assert joined.log_partition[2].stderr == pytest.approx(joined.at(0.6).log_partition.stderr, rel=1e-4)


def test_models_fix_log_z_and_one_of_each_is_bennetts_bridge() -> None:
    q = spoilt("torus", 0.7)
    exact = ga.exact.enumerate(q.graph, 0.7)
    x = exact.sample(3000, seed=0)
    joined = ga.mbar(q.graph, [x], [0.7], [q], 4000, seed=1)
    alone = ga.bennett(q, x, 4000, seed=1)
    (log_z,) = joined.log_partition
    assert abs(log_z.value - exact.log_partition) < 4 * log_z.stderr
    assert log_z.stderr == pytest.approx(alone.log_partition.stderr, rel=0.1)
    more = ga.mbar(q.graph, [x], [0.7], [q, spoilt("torus", 0.9)], 4000, seed=1).log_partition[0]
    assert abs(more.value - exact.log_partition) < 4 * more.stderr
    assert joined.at(0.7).free_energy.value == pytest.approx(-log_z.value / 0.7)
    again = ga.mbar(q.graph, [x], [0.7], [q], 4000, seed=1)
    assert again.log_partition == joined.log_partition
    assert ga.mbar(q.graph, [x], [0.7], [q], 4000, seed=2).log_partition != joined.log_partition


def test_errors_are_calibrated_with_correlated_chains() -> None:
    graph, betas, repetitions = GRAPHS["torus"], [0.0, 0.4, 0.8], 200
    chains = []
    for k, beta in enumerate(betas):
        start = ga.exact.enumerate(graph, beta).sample(2 * repetitions, seed=k)
        chains.append(heat_bath(graph, beta, start, 300, seed=k + 10).unflatten(0, (repetitions, 2)))
    found: dict[str, list] = {"log_partition": [], "energy": [], "entropy": [], "heat_capacity": []}
    for run in range(repetitions):
        there = ga.mbar(graph, [each[run] for each in chains], betas).at(0.7)
        for name, values in found.items():
            values.append((getattr(there, name).value, getattr(there, name).stderr))
    exact = ga.exact.enumerate(graph, 0.7)
    for name, values in found.items():
        value, error = np.array(values).T
        within = abs(value - getattr(exact, name)) / error
        assert 0.56 < (within < 1).mean() < 0.80, name
        assert (within < 2).mean() > 0.90, name


def test_pymbar_agrees() -> None:
    pymbar = pytest.importorskip("pymbar", reason="pymbar is not installed")
    graph = GRAPHS["ring with field"]
    counts = [400, 900, 200, 1500]
    spins = [x[:n] for x, n in zip(samples(graph, BETAS, 1500), counts, strict=True)]
    energy = graph.energy(torch.cat(spins)).numpy()
    log_density = -np.array(BETAS)[:, None] * energy
    known = graph.num_spins * math.log(2)
    start, free = np.array([known, 0, 0, 0]), np.array([False, True, True, True])
    mixture = _solved(log_density, [(1, n) for n in counts], np.array(counts, float), start, free)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = pymbar.MBAR(-log_density, counts, relative_tolerance=1e-12)
        differences = theirs.compute_free_energy_differences()
    assert mixture.log_partition - known == pytest.approx(-differences["Delta_f"][0], abs=1e-8)
    ours = [mixture.log_partition_of(k).stderr for k in range(1, 4)]
    assert ours == pytest.approx(differences["dDelta_f"][0, 1:].tolist(), rel=0.1)  # with τ of the series itself here
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        overlap = theirs.compute_overlap()["matrix"]
    assert mixture.overlaps() == pytest.approx(overlap.T, abs=1e-8)


def test_counts_are_those_of_independent_samples() -> None:
    graph = GRAPHS["grid"]
    spins = samples(graph, [0.0, 0.8], 1000)
    repeated = spins[1].repeat_interleave(10, 0)  # every sample ten times: τ = 10
    once, ten = (ga.mbar(graph, [spins[0], x], [0.0, 0.8]) for x in (spins[1], repeated))
    assert ten.times[1] == pytest.approx(10, rel=0.3)
    assert ten.independent[1] == pytest.approx(1000, rel=0.3)
    assert ten.log_partition[1].stderr == pytest.approx(once.log_partition[1].stderr, rel=0.2)
    assert ten.log_partition[1].value == pytest.approx(once.log_partition[1].value, abs=0.01)


def test_large_differences_of_log_z_are_found() -> None:
    # a wide ladder: log Z runs over 300, and the first guess is far from it
    graph = ga.chain(400, couplings="ferromagnet")
    betas = [round(0.1 * k, 1) for k in range(13)]
    spins = [ga.exact.eliminate(graph, beta).sample(500, seed=k) for k, beta in enumerate(betas)]
    joined = ga.mbar(graph, spins, betas)
    for k, beta in enumerate(betas):
        truth = 400 * math.log(2) + 399 * math.log(math.cosh(beta))
        found = joined.log_partition[k]
        assert abs(found.value - truth) <= 4 * found.stderr + 1e-9, beta
    root = (joined._mixture.shares * joined._mixture.weight).sum(1)
    assert root == pytest.approx(joined._mixture.counts, rel=1e-7)


def test_what_is_not_tied_or_of_another_beta_is_said_aloud() -> None:
    graph = GRAPHS["grid"]
    wide = ga.chain(300, couplings="ferromagnet")
    apart = [ga.exact.eliminate(wide, beta).sample(500, seed=0) for beta in (0.0, 1.5)]
    with pytest.warns(UserWarning, match=r"samples at beta = 1\.5 share too few"):
        ga.mbar(wide, apart, [0.0, 1.5])
    wrong = samples(graph, [0.0, 0.3, 0.9, 0.9], 4000)
    with pytest.warns(UserWarning, match=r"samples at beta = .*other energies"):
        ga.mbar(graph, wrong, [0.0, 0.3, 0.6, 0.9])
    joined = ga.mbar(graph, samples(graph, [0.0, 0.3], 1000), [0.0, 0.3])
    with pytest.warns(UserWarning, match="which they do not cover"):
        joined.at(6.0)
    assert "beta = 0.3      log Z 9." in repr(joined)


def test_states_without_density_are_taken() -> None:
    log_density = np.array([[0.0, 0.0, -math.inf, 0.0], [0.0, 0.0, 0.0, 0.0]])
    mixture = join(log_density, [(2, 1), (2, 1)], [0.0, None], [1.0, 1.0])
    # the first, uniform over half of what the second is: Σ_q σ(−u) = Σ_p σ(u) with one of two in its reach
    assert mixture.log_partition[1] == pytest.approx(math.log(2))


def test_bad_arguments() -> None:
    graph = GRAPHS["torus"]
    spins = samples(graph, [0.0, 0.5], 20)
    q = spoilt("torus", 0.5)
    for arguments, message in (
        (([spins[1]], [0.5]), "models must hold a model, or betas the beta 0"),
        ((spins, [0.5]), "spins must have one entry for each of 1 beta, got 2"),
        ((None, [0.5]), "spins must be a list"),
        (([], []), "betas must hold at least one beta"),
        ((spins, [0.0, -0.5]), "beta must be finite and not negative"),
        (([spins[0], spins[1][:1]], [0.0, 0.5]), r"spins\[1\] must hold at least 2"),
        (([spins[0], spins[1][:, 1:]], [0.0, 0.5]), r"spins\[1\] must have shape"),
        ((spins, [0.0, 0.5], [spoilt("grid", 0.5)]), r"models\[0\] must be of the same graph"),
        ((spins, [0.0, 0.5], [spoilt("triangular", 0.5)]), r"models\[0\] must be of the same graph"),  # of 9 spins too
        ((spins, [0.0, 0.5], [q.model]), "q must be a model at its inverse temperature"),
        ((spins, [0.0, 0.5], [q], 1), "num_samples must be at least 2"),
    ):
        with pytest.raises(ValueError, match=message):
            ga.mbar(graph, *arguments)
    joined = ga.mbar(graph, spins, [0.0, 0.5])
    with pytest.raises(ValueError, match=r"function must give shape \(20,\)"):
        joined.average(lambda x: x, 0.5)
    with pytest.raises(ValueError, match="beta must be positive for a free energy"):
        _ = joined.at(0.0).free_energy
