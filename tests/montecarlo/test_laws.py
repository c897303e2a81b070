"""Laws of every sampler: the Boltzmann distribution stays, steps are pure, streams are by replica and step."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from every_sampler import MANY_BODY, SAMPLERS, SMALL, chi_square_z, distribution, graphs_of
from hypergraphs import HYPERGRAPHS

import graphar as ga

REPLICAS = 16384
BETAS = (0.4, 1.1)


@pytest.mark.parametrize("graph", SMALL)
@pytest.mark.parametrize("name", SAMPLERS)
def test_the_boltzmann_distribution_stays(name: str, graph: str) -> None:
    """From exact samples, each replica at one of two β, after a few sweeps: χ² over all configurations."""
    _check(name, graphs_of(name)[graph], BETAS)


@pytest.mark.parametrize("graph", HYPERGRAPHS)
@pytest.mark.parametrize("name", MANY_BODY)
def test_many_body_distributions_stay(name: str, graph: str) -> None:
    _check(name, HYPERGRAPHS[graph], (0.3, 0.8))


_EXACT: dict[tuple[int, tuple[float, ...]], tuple[Any, torch.Tensor]] = {}


def exact_samples(graph: Any, betas: tuple[float, ...]) -> torch.Tensor:
    """The same for all samplers, which leave it as it is; the graph is kept, so that its id stays its own."""
    if (id(graph), betas) not in _EXACT:
        drawn = torch.cat([ga.exact.enumerate(graph, beta).sample(REPLICAS, seed=5) for beta in betas])
        _EXACT[id(graph), betas] = (graph, drawn)
    return _EXACT[id(graph), betas][1]


def _check(name: str, graph: ga.IsingGraph, betas: tuple[float, float]) -> None:
    sampler = SAMPLERS[name](graph)
    state = sampler.init(2 * REPLICAS, seed=1, spins=exact_samples(graph, betas))
    beta = torch.tensor(betas).repeat_interleave(REPLICAS)
    state, info = sampler.step(state, beta, sweeps=3)
    torch.testing.assert_close(info.energies[-1], graph.energy(state.spins).double(), rtol=2e-6, atol=2e-6)
    for spins, value in zip(state.spins.split(REPLICAS), betas, strict=True):
        assert abs(chi_square_z(spins, distribution(graph, value))) < 4.5


def test_the_law_would_notice() -> None:
    """Samples at β are told from those at 1.1 β, on graphs that have a temperature at all."""
    for graph in ("ring with field", "torus", "complete"):
        spins = ga.exact.enumerate(SMALL[graph], 1.1).sample(REPLICAS, seed=9)
        assert chi_square_z(spins, distribution(SMALL[graph], 1.1 * 1.1)) > 5


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_random_start_reaches_equilibrium(name: str) -> None:
    """Not from exact samples: what stays where it was would fail."""
    graph = graphs_of(name)["torus"]
    state, _ = SAMPLERS[name](graph).step(SAMPLERS[name](graph).init(REPLICAS, seed=2), 0.4, sweeps=60)
    assert abs(chi_square_z(state.spins, distribution(graph, 0.4))) < 4.5


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_step_leaves_its_state_alone_and_two_make_one(name: str) -> None:
    graph = graphs_of(name)["random regular"]
    sampler = SAMPLERS[name](graph)
    first = sampler.init(70, seed=3)
    before = first.spins.clone()
    second, _ = sampler.step(first, 0.7, sweeps=2)
    third, _ = sampler.step(second, 0.7, sweeps=3)
    at_once, info = sampler.step(first, 0.7, sweeps=5, measure=2)
    assert torch.equal(first.spins, before)
    assert torch.equal(third.spins, at_once.spins)
    assert third.sweeps == at_once.sweeps == 5
    torch.testing.assert_close(info.energies[1], graph.energy(third.spins).double(), rtol=2e-6, atol=2e-6)
    assert info.energies.shape == (2, 70)
    assert info.flipped.shape == (70,)
    assert bool(((info.flipped >= 0) & (info.flipped <= 1)).all())


@pytest.mark.parametrize("name", SAMPLERS)
def test_replicas_are_the_same_among_any_others_and_on_any_number_of_threads(name: str) -> None:
    sampler = SAMPLERS[name](graphs_of(name)["torus"])
    few, _ = sampler.step(sampler.init(5, seed=4), 0.7, sweeps=4)
    threads = torch.get_num_threads()
    many = []
    for count in (1, 3):
        torch.set_num_threads(count)
        many.append(sampler.step(sampler.init(300, seed=4), 0.7, sweeps=4)[0].spins)
    torch.set_num_threads(threads)
    assert torch.equal(many[0], many[1])
    assert torch.equal(few.spins, many[0][:5])


@pytest.mark.parametrize("name", SAMPLERS)
def test_replicas_are_independent(name: str) -> None:
    """Free spins: overlaps of neighbouring replicas, and of a replica with its own past, are those of fair coins."""
    graph = ga.IsingGraph.from_edges([[], []], [], num_nodes=64)
    sampler = SAMPLERS[name](graph)
    sweeps = 1000 if name == "Wolff" else 40  # whose sweep is one cluster, here of one spin
    start, _ = sampler.step(sampler.init(4096, seed=6), 1.0, sweeps=sweeps)
    state, _ = sampler.step(start, 1.0, sweeps=sweeps)
    x = state.spins.double()
    for other in (x.roll(1, 0), x.roll(16, 0), x.roll(64, 0), start.spins.double()):
        overlap = (x * other).mean(1)
        assert abs(float(overlap.mean())) < 5 / (4096 * 64) ** 0.5
        assert float(overlap.square().mean()) == pytest.approx(1 / 64, rel=0.12)
    pairs = (x[:, :-1] * x[:, 1:]).mean(0)  # of two sites: deterministic Metropolis sweeps would keep them
    assert float(pairs.abs().max()) < 5 / 4096**0.5


@pytest.mark.parametrize("name", SAMPLERS)
def test_infinite_temperature_forgets_in_a_few_sweeps(name: str) -> None:
    graph = graphs_of(name)["grid"]
    sampler = SAMPLERS[name](graph)
    start = torch.ones(graph.num_spins)
    state, _ = sampler.step(sampler.init(REPLICAS, seed=7, spins=start), 0.0, sweeps=60)
    assert float(state.spins.double().mean(0).abs().max()) < 5 / REPLICAS**0.5


@pytest.mark.parametrize("name", SAMPLERS)
def test_absurd_beta_only_goes_down(name: str) -> None:
    graph = graphs_of(name)["star"]
    sampler = SAMPLERS[name](graph)
    _, info = sampler.step(sampler.init(64, seed=8), 1e250, sweeps=20, measure=20)
    assert bool((info.energies.diff(dim=0) <= 1e-6).all())
    assert torch.isfinite(info.energies).all()


@pytest.mark.parametrize("name", SAMPLERS)
def test_refused(name: str) -> None:
    sampler = SAMPLERS[name](graphs_of(name)["grid"])
    state = sampler.init(3)
    for arguments, message in [
        ({"beta": -0.1}, "beta must not be negative, got -0.1"),
        ({"beta": float("nan")}, "beta must be finite, got nan"),
        ({"beta": [1.0, 2.0]}, r"beta must be a number, or of shape \(3,\)"),
        ({"beta": 1.0, "sweeps": 0}, "sweeps must be at least 1, got 0"),
        ({"beta": 1.0, "sweeps": 2.5}, "sweeps must be an integer, got 2.5"),
        ({"beta": 1.0, "sweeps": 2, "measure": 3}, "measure must be at most the number of sweeps, 2, got 3"),
        ({"beta": 1e300}, "beta must leave"),
    ]:
        with pytest.raises(ValueError, match=message):
            sampler.step(state, **arguments)
    with pytest.raises(ValueError, match="replicas must be at least 1, got 0"):
        sampler.init(0)
    with pytest.raises(ValueError, match="seed must be at least 0, got -1"):
        sampler.init(3, seed=-1)
    with pytest.raises(ValueError, match="spins must be -1 and"):
        sampler.init(3, spins=torch.zeros(12))
    with pytest.raises(ValueError, match=r"spins must have shape \(12,\) or \(3, 12\), got \(2, 12\)"):
        sampler.init(3, spins=torch.ones(2, 12))
    with pytest.raises(ValueError, match="state must be of 12 spins, got 8"):
        sampler.step(SAMPLERS[name](graphs_of(name)["star"]).init(3), 1.0)
    with pytest.raises(ValueError, match="state must come from init or step, got int"):
        sampler.step(3, 1.0)
