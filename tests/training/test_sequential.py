"""Sequential tempering: the population has the Boltzmann distribution at every β, by proposals that are accepted."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest
import torch
from every_sampler import chi_square_z, distribution
from hypergraphs import HYPERGRAPHS
from small_graphs import GRAPHS

import graphar as ga

BETAS = (0.2, 0.5, 0.8, 1.2)
CASES = {
    "linear": (GRAPHS["torus"], {}),
    "MLP, a dial": (GRAPHS["grid"], {"head": ga.heads.MLP(4), "exact_width": 2}),
    "hypergraph": (HYPERGRAPHS["triples"], {}),
}


@pytest.mark.parametrize("case", CASES)
def test_every_population_is_of_the_boltzmann_distribution(case: str) -> None:
    graph, options = CASES[case]
    settings = {"replicas": 8192, "rounds": 8, "sweeps": 2, "fit_steps": 60, "seed": 1, "progress": False}
    result = ga.sequential_tempering(ga.Autoregressive(graph, **options), BETAS, **settings)
    assert result.betas.tolist() == list(BETAS)
    for beta, spins, energies in zip(BETAS, result.spins, result.energies, strict=True):
        assert abs(chi_square_z(spins, distribution(graph, beta))) < 4.5
        torch.testing.assert_close(energies[:, -1], graph.energy(spins).double(), rtol=2e-6, atol=2e-6)
    assert bool(result.acceptance[0].isnan().all())
    assert bool((result.acceptance[1:] > 0.3).all())
    assert bool((result.r_hat < 1.25).all())  # of halves of four rounds
    assert bool((result.autocorrelation_time < 4).all())


def test_the_model_learns_each_beta() -> None:
    """Its likelihood comes near to −S, that of the distribution itself, and acceptance is above that of no training."""
    graph = GRAPHS["random regular"]
    model = ga.Autoregressive(graph, ga.heads.MLP(8))
    settings = {"replicas": 4096, "progress": False}
    result = ga.sequential_tempering(model, BETAS, **settings, fit_steps=200)
    for beta, found in zip(BETAS, result.log_likelihood.tolist(), strict=True):
        exact = ga.exact.enumerate(graph, beta)
        assert abs(found + beta * exact.energy + exact.log_partition) < 0.2
    none = ga.sequential_tempering(
        ga.Autoregressive(graph, ga.heads.MLP(8)), BETAS, **settings, fit_steps=1, learning_rate=1e-9
    )
    assert float(result.acceptance[-1, 1]) > float(none.acceptance[-1, 1]) + 0.05
    assert model.trained_beta == BETAS[-1]


def test_same_seed_same_population_and_ctrl_c_leaves_what_there_is() -> None:
    graph = GRAPHS["torus"]
    settings = {"replicas": 64, "rounds": 4, "sweeps": 1, "fit_steps": 3, "progress": False}
    runs = [ga.sequential_tempering(ga.Autoregressive(graph), BETAS, seed=seed, **settings) for seed in (0, 0, 1)]
    assert torch.equal(runs[0].spins, runs[1].spins)
    assert not torch.equal(runs[0].spins, runs[2].spins)

    class Press(torch.optim.SGD):
        def step(self, closure: Any = None) -> None:
            os.kill(os.getpid(), signal.SIGINT)

    part = ga.sequential_tempering(
        ga.Autoregressive(graph), BETAS, optimizer=lambda weights: Press(weights, 0.1), **settings
    )
    assert part.interrupted
    assert torch.equal(part.spins, runs[0].spins[:1])
    last = ga.sequential_tempering(ga.Autoregressive(graph), 0.2, optimizer=lambda w: Press(w, 0.1), **settings)
    assert last.interrupted


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"betas": [0.5, 0.0]}, "beta must be positive in training"),
        ({"replicas": 1}, "replicas must be at least 2"),
        ({"rounds": 0}, "rounds must be at least 1, got 0"),
        ({"sampler": 3}, "sampler must be a sampler or a class of them, got 3"),
        ({"spins": torch.ones(4)}, r"spins must have shape \(..., 9\)"),
        ({"fit_steps": 0}, "fit_steps must be at least 1, got 0"),
    ],
)
def test_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ga.sequential_tempering(ga.Autoregressive(GRAPHS["torus"]), **({"betas": 0.5, "progress": False} | options))
