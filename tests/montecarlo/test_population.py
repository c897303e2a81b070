"""Population annealing: log Z and samples against enumeration, families that add up."""

from __future__ import annotations

import warnings

import pytest
import torch
from every_sampler import SMALL, chi_square_z, distribution
from hypergraphs import HYPERGRAPHS

import graphar as ga

mc = ga.montecarlo


@pytest.mark.parametrize("name", SMALL)
def test_log_partitions_and_energies_along_the_way(name: str) -> None:
    graph = SMALL[name]
    result = mc.population_annealing(graph, (0.0, 0.9), 400, 8192, seed=3, progress=False)
    assert result.betas.shape == (40,)
    exact = [ga.exact.enumerate(graph, float(beta)) for beta in result.betas[9::10]]
    for k, one in zip(range(9, 40, 10), exact, strict=True):
        error = abs(float(result.log_partition[k]) - float(one.log_partition))
        assert error < 4.5 * float(result.log_partition_stderr[k])
    some = torch.randperm(8192, generator=torch.Generator().manual_seed(0))[:1000]  # replicas of a family are alike
    z = chi_square_z(result.spins[some], distribution(graph, 0.9))
    assert z < 6


@pytest.mark.parametrize("name", ["orders 1 to 5", "whole", "triples"])
def test_many_body_log_partition(name: str) -> None:
    graph = HYPERGRAPHS[name]
    result = mc.population_annealing(graph, (0.2, 0.8), 300, 8192, seed=4, progress=False)
    exact = float(ga.exact.enumerate(graph, 0.8).log_partition)
    assert abs(float(result.log_partition[-1]) - exact) < 4.5 * float(result.log_partition_stderr[-1])


def test_without_sweeps_that_mix_resampling_alone_is_right() -> None:
    """A single step from β = 0: importance sampling from fair coins."""
    graph = SMALL["ring with field"]
    result = mc.population_annealing(graph, 0.2, 1, 65536, seed=5, sweeps_per_step=1, progress=False)
    assert abs(float(result.log_partition[0]) - float(ga.exact.enumerate(graph, 0.2).log_partition)) < 0.02


def test_families_add_up() -> None:
    result = mc.population_annealing(SMALL["torus"], (0.0, 1.0), 200, 1000, seed=1, progress=False)
    sizes = torch.bincount(result.family, minlength=1000).double()
    share = sizes[sizes > 0] / 1000
    assert sizes.sum() == 1000
    assert float(result.rho_t[-1]) == pytest.approx(1000 * float(share.square().sum()))
    assert float(result.rho_s[-1]) == pytest.approx(1000 * float((share * share.log()).sum().exp()))
    assert bool((result.rho_t.diff() >= -1e-9).all())
    assert bool((result.rho_t >= result.rho_s - 1e-9).all())
    assert result.trusted
    torch.testing.assert_close(result.energy, SMALL["torus"].energy(result.spins).double())
    assert float(result.energy.mean()) == pytest.approx(float(result.mean_energy[-1]), rel=1e-5)


def test_copies_are_in_proportion_to_weights() -> None:
    from graphar.montecarlo.population import _resample

    weights = torch.tensor([0.5, 1.0, 2.5, 0.0, 1.0]).double()
    total = torch.zeros(5, dtype=torch.float64)
    for key in range(4096):
        copies, log_mean = _resample(weights.log().numpy(), key << 52)
        assert copies.sum() == 5
        assert log_mean == pytest.approx(0.0, abs=1e-12)
        total += torch.from_numpy(copies)
    torch.testing.assert_close(total / 4096, weights, rtol=1e-3, atol=1e-12)


def test_too_few_families_are_told() -> None:
    graph = ga.sherrington_kirkpatrick(60, seed=1)
    with pytest.warns(UserWarning, match="families are left in effect at beta = 5, fewer than 100: take more"):
        mc.population_annealing(graph, (0.0, 5.0), 20, 300, progress=False)


def test_no_time_gives_the_first_population() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = mc.population_annealing(SMALL["grid"], (0.0, 1.0), 20, 50, time_limit=0, progress=False)
    assert result.interrupted
    assert result.spins.shape == (50, 12)
    assert len(result.betas) == 0
    assert "interrupted" in repr(result)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"betas": (1.0, 0.5)}, "betas must not fall"),
        ({"betas": (-1.0, 0.5)}, "betas must not be negative"),
        ({"sweeps_per_step": 30}, "sweeps_per_step must be at most the number of sweeps, 20, got 30"),
        ({"replicas": 0}, "replicas must be at least 1"),
        ({"sampler": "Metropolis"}, "sampler must be a sampler or a class of them, got 'Metropolis'"),
    ],
)
def test_refused(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mc.population_annealing(SMALL["grid"], **{"betas": (0.0, 1.0), "sweeps": 20, "progress": False, **arguments})


def test_kept_replicas_are_those_of_each_step() -> None:
    graph = ga.grid((3, 3), couplings="gaussian", seed=2)
    found = mc.population_annealing(graph, [0.0, 0.5, 1.0], 30, 4000, seed=1, keep=1000, progress=False)
    assert found.betas.tolist() == [0.0, 0.5, 1.0]
    assert found.kept.shape == (3, 1000, 9)
    for beta, spins, mean in zip(found.betas.tolist(), found.kept, found.mean_energy.tolist(), strict=True):
        energy = graph.energy(spins)
        error = float(energy.std()) / 1000**0.5
        assert abs(float(energy.mean()) - ga.exact.enumerate(graph, beta).energy) < 5 * error
        assert abs(float(energy.mean()) - mean) < 5 * error
    alone = mc.population_annealing(graph, [0.0, 0.5, 1.0], 30, 4000, seed=1, progress=False)
    assert alone.kept.shape == (3, 0, 9)
    assert torch.equal(alone.spins, found.spins)
    with pytest.raises(ValueError, match="keep must be at most the number of replicas, 10, got 11"):
        mc.population_annealing(graph, 1.0, 10, 10, keep=11, progress=False)
