"""Parallel tempering: the Boltzmann distribution at every β, counts that add up, ground states."""

from __future__ import annotations

import math

import pytest
import torch
from every_sampler import SMALL, chi_square_z, distribution
from hypergraphs import HYPERGRAPHS

import graphar as ga

mc = ga.montecarlo
BETAS = (0.2, 0.6, 1.0, 1.4)
SYSTEMS = 4096


def _from_exact_samples(graph: ga.IsingGraph | ga.SpinHypergraph, clusters: bool, rounds: int) -> mc.Tempering:
    samples = [ga.exact.enumerate(graph, beta).sample(SYSTEMS, seed=seed) for seed, beta in enumerate(BETAS)]
    start = torch.stack(samples)
    return mc.parallel_tempering(
        graph, BETAS, rounds, SYSTEMS, seed=1, clusters=clusters, burn_in=0, keep=1, spins=start, progress=False
    )


@pytest.mark.parametrize("clusters", [False, True])
@pytest.mark.parametrize("graph", SMALL)
def test_the_boltzmann_distribution_stays_at_every_beta(graph: str, clusters: bool) -> None:
    result = _from_exact_samples(SMALL[graph], clusters, 3)
    assert result.spins.shape == (4, SYSTEMS, 1, SMALL[graph].num_spins)
    for spins, beta in zip(result.spins, BETAS, strict=True):
        assert abs(chi_square_z(spins[:, 0], distribution(SMALL[graph], beta))) < 4.5


@pytest.mark.parametrize("graph", HYPERGRAPHS)
def test_many_body_distributions_stay(graph: str) -> None:
    result = _from_exact_samples(HYPERGRAPHS[graph], True, 3)
    for spins, beta in zip(result.spins, BETAS, strict=True):
        assert abs(chi_square_z(spins[:, 0], distribution(HYPERGRAPHS[graph], beta))) < 4.5


def test_exchanged_clusters_keep_sums_of_energies_and_change_both() -> None:
    """At β of 10^6 sweeps cost nothing and change nothing but for clusters of no gain."""
    graph = ga.grid((6, 6), couplings="gaussian", field=0.1, seed=2)
    result = mc.parallel_tempering(graph, [1e6], 40, 2, seed=1, clusters=True, burn_in=20, keep=20, progress=False)
    assert result.cluster_size is not None
    assert float(result.cluster_size[0]) > 0
    sums = result.energy[0].sum(0)
    assert bool((sums.diff() <= 1e-9).all())


def test_counts_add_up() -> None:
    graph = ga.random_regular(32, degree=3, couplings="gaussian", seed=3)
    result = mc.parallel_tempering(graph, ga.linear(0.1, 1.5, 8), 2000, 3, seed=1, keep=4, progress=False)
    assert result.energies.shape == (8, 3, 1000)
    assert result.energy.shape == (8, 3, 4)
    torch.testing.assert_close(result.energy, graph.energy(result.spins))
    assert bool(((result.swap_rate > 0.1) & (result.swap_rate < 1)).all())
    assert result.flow[0] == 1
    assert result.flow[-1] == 0
    assert bool((result.flow.diff() < 0.05).all())
    assert result.round_trips > 10
    assert bool((result.flipped.diff() < 0).all())
    assert bool((result.r_hat < 1.05).all())
    for mean, error, beta in zip(result.mean_energy, result.mean_energy_stderr, result.betas, strict=True):
        assert abs(mean - ga.exact.eliminate(graph, float(beta)).energy) < 5 * error
    assert float(graph.energy(result.best_spins)) == result.best_energy
    assert result.best_energy <= float(result.energy.min())


def test_a_swap_follows_the_energies() -> None:
    """Two fields: the rate of swaps is known from the exact distributions."""
    graph = ga.IsingGraph.from_edges([[], []], [], h=[1.0, 0.5, -0.25])
    betas = (0.3, 1.5)
    result = mc.parallel_tempering(graph, betas, 4000, 16, seed=2, progress=False)
    states = 2.0 * (torch.arange(8)[:, None] >> torch.arange(3) & 1) - 1
    energy = graph.energy(states)
    hot, cold = (distribution(graph, beta) for beta in betas)
    accept = ((betas[1] - betas[0]) * (energy[None] - energy[:, None])).exp().clamp(max=1)  # [hot, cold]
    expected = float(hot @ accept @ cold)
    expected = float(
        (
            hot[:, None] * cold[None] * ((betas[1] - betas[0]) * (energy[None] - energy[:, None])).exp().clamp(max=1)
        ).sum()
    )
    assert float(result.swap_rate[0]) == pytest.approx(expected, abs=0.02)


def test_results_do_not_depend_on_threads() -> None:
    graph = ga.grid((4, 4), couplings="pm1", seed=1)
    threads, found = torch.get_num_threads(), []
    for count in (1, 3):
        torch.set_num_threads(count)
        found.append(mc.parallel_tempering(graph, BETAS, 30, 70, seed=1, progress=False))
    torch.set_num_threads(threads)
    assert torch.equal(found[0].spins, found[1].spins)
    assert torch.equal(found[0].energies, found[1].energies)


@pytest.mark.parametrize("seed", range(3))
def test_ground_states_of_gaussian_squares(seed: int) -> None:
    pytest.importorskip("pymatching")
    graph = ga.grid((12, 12), couplings="gaussian", seed=seed)
    result = mc.parallel_tempering(graph, ga.geometric(0.2, 5.0, 16), 500, 4, seed=seed, progress=False)
    assert result.best_energy == pytest.approx(ga.exact.ground_state(graph).energy, abs=1e-6)


def test_one_temperature_and_one_replica_are_enough() -> None:
    result = mc.parallel_tempering(SMALL["grid"], 0.7, 20, 1, progress=False)
    assert result.spins.shape == (1, 1, 10, 12)
    assert result.swap_rate.shape == (0,)
    assert result.cluster_size is None
    assert "1 replica of 12 spins at 1 temperatures" in repr(result)


def test_no_time_gives_the_first_spins() -> None:
    result = mc.parallel_tempering(SMALL["grid"], BETAS, 20, 2, time_limit=0, progress=False)
    assert result.interrupted
    assert result.sweeps == 0
    assert math.isfinite(result.best_energy)
    assert result.spins.shape == (4, 2, 1, 12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"betas": [0.5, 0.2]}, "betas must rise, got 0.5 before 0.2"),
        ({"betas": [0.5, 0.5]}, "betas must rise"),
        ({"betas": []}, "betas must be at least 1 of them in a row"),
        ({"betas": [-1.0, 0.5]}, "betas must not be negative, got -1"),
        ({"betas": [0.1, float("nan")]}, "betas must be finite"),
        ({"sweeps": 0}, "sweeps must be at least 1"),
        ({"replicas": 0}, "replicas must be at least 1"),
        ({"replicas": 1, "clusters": True}, "clusters needs at least 2 replicas, got 1"),
        ({"clusters": 3}, "clusters must be True or False, got 3"),
        ({"exchange_every": 50}, "exchange_every must be at most the number of sweeps, 20, got 50"),
        ({"keep": 30}, "keep must be at most the exchanges after burn_in, 10, got 30"),
        ({"burn_in": 20}, "keep must be at most the exchanges after burn_in, 0, got 10"),
        ({"sampler": "heat bath"}, "sampler must be HeatBath or Metropolis"),
        ({"sampler": mc.HeatBath(SMALL["star"])}, "sampler must be of the graph's 12 spins, got one of 8"),
        ({"time_limit": -1}, "time_limit must not be negative, got -1"),
        ({"spins": torch.ones(3, 12)}, "spins must have one of the shapes"),
    ],
)
def test_refused(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mc.parallel_tempering(SMALL["grid"], **{"betas": BETAS, "sweeps": 20, "progress": False, **arguments})
