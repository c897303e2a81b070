"""Boltzmann samples in one call, and annealing: shapes, errors that hold, what ends a run early."""

from __future__ import annotations

import os
import warnings

import pytest
import torch
from every_sampler import SAMPLERS, SMALL, graphs_of
from hypergraphs import HYPERGRAPHS
from interrupting import ctrl_c
from torch_geometric.data import Batch

import graphar as ga

mc = ga.montecarlo


@pytest.mark.parametrize("name", SAMPLERS)
def test_energies_are_right_within_their_errors(name: str) -> None:
    graph = graphs_of(name)["random regular"]
    result = mc.sample(SAMPLERS[name](graph), 0.6, 800, 40, seed=1, burn_in=200, keep=6, progress=False)
    assert result.spins.shape == (40, 6, 10)
    torch.testing.assert_close(result.energy, graph.energy(result.spins))
    assert result.energies.shape == (40, 600)
    assert result.every == 1
    assert result.sweeps == 800
    assert result.burn_in == 200
    assert result.r_hat < 1.02
    exact = float(ga.exact.enumerate(graph, 0.6).energy)
    assert abs(result.mean_energy - exact) < 5 * result.mean_energy_stderr
    assert result.mean_energy_stderr < 0.2
    assert result.best_energy == float(graph.energy(result.best_spins))


def test_energies_are_taken_at_equal_distances_up_to_the_last() -> None:
    graph = SMALL["grid"]
    result = mc.heat_bath(graph, 0.5, 10_007, 3, keep=4, progress=False)
    assert result.every == 5
    times = result.energies.shape[1]
    assert times % 4 == 0
    assert result.sweeps - result.burn_in == result.every * times
    kept = result.energies[:, times // 4 - 1 :: times // 4]
    torch.testing.assert_close(result.energy, kept, rtol=2e-6, atol=2e-6)


def test_each_replica_at_its_own_beta() -> None:
    graph = HYPERGRAPHS["orders 1 to 5"]
    betas = torch.linspace(0, 1.5, 4, dtype=torch.float64)
    result = mc.metropolis(graph, betas.repeat_interleave(50), 3000, 200, progress=False)
    exact = torch.stack([torch.as_tensor(ga.exact.enumerate(graph, float(beta)).energy) for beta in betas])
    found = result.energies.reshape(4, -1).mean(1)
    torch.testing.assert_close(found, exact.double(), rtol=0, atol=0.15)


@pytest.mark.parametrize("graph", [SMALL["torus"], HYPERGRAPHS["orders 1 to 5, dense"], HYPERGRAPHS["whole"]], ids=repr)
def test_annealing_finds_ground_states(graph: ga.IsingGraph) -> None:
    result = mc.simulated_annealing(graph, (0.1, 5.0), 300, 32, seed=1, measure=30, progress=False)
    assert result.best_energy == pytest.approx(float(ga.exact.eliminate(graph, 1.0).ground_energy), abs=1e-9)
    torch.testing.assert_close(result.energy, graph.energy(result.spins).double())
    assert result.betas.shape == (30,)
    assert result.energies.shape == (30, 32)
    assert result.betas[-1] == result.beta == 5.0
    assert bool((result.betas.diff() > 0).all())


def test_an_anneal_that_stops_being_hot_is_at_equilibrium() -> None:
    """So slow a schedule ends in the distribution of its last β."""
    graph = SMALL["complete"]
    result = mc.simulated_annealing(graph, [0.0, 0.0, 1.0, 1.0], 400, 4096, seed=2, progress=False)
    error = float(result.energies[-1].std()) / 4096**0.5
    assert abs(float(result.energies[-1].mean()) - float(ga.exact.enumerate(graph, 1.0).energy)) < 4.5 * error


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("how", ["chains", "annealing", "tempering", "population"])
def test_ctrl_c_leaves_what_there_is(how: str) -> None:
    graph = ga.random_regular(512, degree=3, couplings="gaussian", seed=1)
    sweeps = 10**6  # half a minute and more
    runs = {
        "chains": lambda: mc.heat_bath(graph, 1.0, sweeps, progress=False),
        "annealing": lambda: mc.simulated_annealing(graph, (0.1, 2.0), sweeps, progress=False),
        "tempering": lambda: mc.parallel_tempering(graph, (0.5, 1.0), sweeps, progress=False),
        "population": lambda: mc.population_annealing(graph, (0.5, 1.0), sweeps, 64, progress=False),
    }
    with warnings.catch_warnings(), ctrl_c(1.0):
        warnings.filterwarnings("ignore", "[0-9]+ of 64 families are left")
        result = runs[how]()
    assert result.interrupted
    assert result.sweeps < sweeps
    assert result.best_energy == pytest.approx(float(graph.energy(result.best_spins)))


@pytest.mark.parametrize("limit", [0, 1.0])
def test_a_time_limit_leaves_what_there_is(limit: float) -> None:
    graph = SMALL["grid"]
    mc.heat_bath(graph, 1.0, 2, 3, keep=1, progress=False)  # loads compiled loops, which a busy machine takes long for
    result = mc.heat_bath(graph, 1.0, 10**8, 3, time_limit=limit, progress=False)
    assert result.interrupted
    assert result.spins.shape == (3, 1, 12)
    assert (result.sweeps == 0) == (limit == 0)
    assert result.seconds < 60
    annealed = mc.simulated_annealing(graph, (0.0, 1.0), 10**8, 3, time_limit=limit, progress=False)
    assert annealed.interrupted
    assert (annealed.sweeps == 0) == (limit == 0)
    assert annealed.spins.shape == (3, 12)


def test_graphs_without_couplings_and_of_a_million_spins() -> None:
    free = ga.IsingGraph.from_edges([[], []], [], num_nodes=5)
    assert mc.simulated_annealing(free, (0.0, 1.0), 10, progress=False).best_energy == 0
    large = ga.chain(10**6, couplings="pm1", seed=1)
    result = mc.heat_bath(large, 1.0, 3, 2, keep=1, progress=False)
    assert result.spins.shape == (2, 1, 10**6)
    assert float(result.energy.mean()) < -4e5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"beta": -1.0}, "beta must not be negative, got -1"),
        ({"beta": float("nan")}, "beta must be finite"),
        ({"beta": "cold"}, "beta must hold real numbers"),
        ({"beta": [0.1, 0.2]}, "beta must be a number, or of shape"),
        ({"sweeps": 0}, "sweeps must be at least 1, got 0"),
        ({"keep": 0}, "keep must be at least 1, got 0"),
        ({"keep": 11}, "keep must be at most sweeps - burn_in, 10, got 11"),
        ({"burn_in": -1}, "burn_in must be at least 0, got -1"),
        ({"replicas": 0}, "replicas must be at least 1, got 0"),
        ({"time_limit": "soon"}, "time_limit must be a number of seconds or None, got 'soon'"),
        ({"time_limit": float("nan")}, "time_limit must not be negative, got nan"),
        ({"order": "none"}, "order must be one of"),
        ({"seed": 2**63}, "seed must be less than"),
    ],
)
def test_refused(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mc.heat_bath(SMALL["grid"], **{"beta": 1.0, "sweeps": 20, "replicas": 3, "progress": False, **arguments})


def test_refused_elsewhere() -> None:
    with pytest.raises(ValueError, match="sampler must be a sampler made of a graph, got <class"):
        mc.sample(mc.HeatBath, 1.0)
    with pytest.raises(ValueError, match=r"beta must not be negative, got -0\.5"):
        mc.simulated_annealing(SMALL["grid"], (-0.5, 1.0))
    with pytest.raises(ValueError, match="beta must be at least 1 of them in a row, got shape"):
        mc.simulated_annealing(SMALL["grid"], [])
    with pytest.raises(ValueError, match="graph must be an IsingGraph or a SpinHypergraph, got int"):
        mc.heat_bath(3, 1.0)
    with pytest.raises(ValueError, match="width must be at most 10, got 11"):
        mc.SubgraphHeatBath(SMALL["grid"], width=11)
    batch = Batch.from_data_list([SMALL["grid"], SMALL["grid"]])
    with pytest.raises(ValueError, match="graph must be one graph, got a batch of 2"):
        mc.heat_bath(batch, 1.0)
