"""Spins as bits: which graphs can be coded, energies to the last digit, thresholds of every replica's own."""

from __future__ import annotations

import pytest
import torch

import graphar as ga

mc = ga.montecarlo


@pytest.mark.parametrize(
    "graph",
    [
        ga.random_regular(60, degree=3, couplings="pm1", field=-1.0, seed=1),
        ga.grid((4, 4, 4), periodic=True, couplings="pm1", seed=2),
        ga.grid((5, 6), couplings="pm1", field=0.25, seed=3),
        ga.complete(31, couplings="pm1", seed=4),
        ga.IsingGraph.from_edges([[0, 0, 1], [1, 2, 2]], [0.3, -0.9, 3.9], h=[0.0, -1.2, 0.6], offset=2.5),
        ga.IsingGraph.from_edges([[], []], [], num_nodes=3),
    ],
    ids=repr,
)
def test_energies_are_those_of_the_graph(graph: ga.IsingGraph) -> None:
    sampler = mc.Metropolis(graph, coding="bits")
    state, info = sampler.step(sampler.init(600, seed=1), torch.linspace(0.0, 2.0, 600), sweeps=7, measure=7)
    torch.testing.assert_close(info.energies[-1], graph.energy(state.spins).double(), rtol=1e-13, atol=1e-12)
    again, last = sampler.step(sampler.init(600, seed=1), torch.linspace(0.0, 2.0, 600), sweeps=6)
    torch.testing.assert_close(info.energies[-2], last.energies[0])
    assert torch.equal(info.flipped, (again.spins != state.spins).double().mean(1))


@pytest.mark.parametrize(
    ("graph", "why"),
    [
        (ga.grid((3, 3), couplings="gaussian", seed=1), "no multiples of the smallest"),
        (ga.complete(33, couplings="pm1", seed=1), "32 times the smallest around a site"),
        (ga.newman_moore(3), "interactions of more than two spins"),
    ],
)
def test_other_graphs_are_refused_and_go_by_rows(graph: ga.IsingGraph, why: str) -> None:
    with pytest.raises(ValueError, match=f"coding='bits' needs pairs of small integers, got .*{why}"):
        mc.Metropolis(graph, coding="bits")
    rows, auto = mc.Metropolis(graph, coding="rows"), mc.Metropolis(graph)
    assert torch.equal(rows.step(rows.init(600), 0.5)[0].spins, auto.step(auto.init(600), 0.5)[0].spins)


def test_many_replicas_go_by_bits_and_few_by_rows() -> None:
    graph = ga.grid((4, 4), couplings="pm1", seed=1)
    auto = mc.Metropolis(graph)
    for replicas, coding in ((200, "rows"), (300, "bits")):
        sampler = mc.Metropolis(graph, coding=coding)
        one, other = (each.step(each.init(replicas, seed=3), 0.5)[0].spins for each in (sampler, auto))
        assert torch.equal(one, other)


def test_every_replica_has_a_temperature_of_its_own() -> None:
    """One spin in a field of 1: the mean magnetisation of each of 8 temperatures is tanh β."""
    graph = ga.IsingGraph.from_edges([[], []], [], h=[1.0])
    betas = torch.linspace(0.0, 2.0, 8, dtype=torch.float64)
    sampler = mc.Metropolis(graph, coding="bits")
    state, _ = sampler.step(sampler.init(8 * 8192, seed=1), betas.repeat(8192), sweeps=40)
    mean = state.spins[:, 0].double().reshape(8192, 8).mean(0)
    error = (1 - betas.tanh() ** 2).sqrt() / 8192**0.5
    assert bool(((mean - betas.tanh()).abs() < 4.5 * error).all())


def test_rare_flips_are_as_rare_as_they_should_be() -> None:
    """exp(−2β) of 2^-13 is far beyond what a few digits tell; one flip in 9,362 sweeps with λ = 7/8."""
    graph = ga.IsingGraph.from_edges([[], []], [], h=[1.0])
    beta = 13 * torch.tensor(2.0).log().item() / 2
    sampler = mc.Metropolis(graph, coding="bits")
    state = sampler.init(2**17, seed=2, spins=torch.ones(1))
    total = 0
    for _ in range(8):
        after, _ = sampler.step(state, beta)
        total += int((after.spins < 0).sum())
        state = mc.State(torch.ones_like(after.spins), state.seed, after.sweeps)
    expected = 2**20 * 0.875 / 2**13
    assert abs(total - expected) < 5 * expected**0.5


def test_coding_is_checked() -> None:
    with pytest.raises(ValueError, match="coding must be one of 'auto', 'rows', 'bits', got 'words'"):
        mc.Metropolis(ga.chain(3), coding="words")
    with pytest.raises(ValueError, match="order must be one of 'typewriter', 'coloured', 'random', got 'shuffled'"):
        mc.HeatBath(ga.chain(3), order="shuffled")
