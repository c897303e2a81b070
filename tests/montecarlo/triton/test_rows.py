"""Sweeps in Triton are those of the compiled loops, spin by spin; by Triton's interpreter where there is no GPU."""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("TRITON_INTERPRET", "1")

import pytest
import torch
from hypergraphs import HYPERGRAPHS

import graphar as ga
from graphar.montecarlo.triton import columns, launching, sweeping

mc = ga.montecarlo
pytest.importorskip("triton")
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"

GRAPHS = {
    "gaussian, fields": ga.grid((2, 3), couplings="gaussian", field=0.3, seed=1),
    "±J": ga.random_regular(8, degree=3, couplings="pm1", seed=2),
    "large scale": ga.IsingGraph.from_edges([[0, 1, 1], [1, 2, 3]], [3e20, -1e20, 2e20], h=[1e20, 0, 0, 0, 0]),
    "interactions": HYPERGRAPHS["orders 1 to 5"],
}
CASES = [
    ("gaussian, fields", "HeatBath", "typewriter", 70),
    ("gaussian, fields", "Metropolis", "coloured", 200),
    ("±J", "Metropolis", "random", 130),
    ("±J", "HeatBath", "coloured", 1),
    ("large scale", "HeatBath", "typewriter", 8),
    ("interactions", "Metropolis", "typewriter", 65),
]


def _two(name: str, graph: Any, **options: Any) -> tuple[mc.Sampler, mc.Sampler]:
    """A sampler on the CPU and in Triton."""
    make = getattr(mc, name)
    options |= {"coding": "rows"} if name == "Metropolis" else {}
    return make(graph, **options, kernel="numba"), make(graph.to(DEVICE), **options, kernel="triton")


@pytest.mark.parametrize(("graph", "name", "order", "replicas"), CASES)
def test_chains_are_those_of_the_cpu(graph: str, name: str, order: str, replicas: int) -> None:
    scale = 1e-20 if graph == "large scale" else 1.0
    betas = torch.linspace(0.0, 2.0 * scale, replicas, dtype=torch.float64)
    cpu, card = _two(name, GRAPHS[graph], order=order)
    state, same = cpu.init(replicas, seed=3), card.init(replicas, seed=3)
    assert torch.equal(state.spins, same.spins.cpu())
    for sweeps, measure in ((2, 2), (1, 0)):  # the second from where the first ended
        state, info = cpu.step(state, betas, sweeps, measure=measure)
        same, other = card.step(same, betas, sweeps, measure=measure)
        assert torch.equal(state.spins, same.spins.cpu())
        assert torch.equal(info.flipped, other.flipped)
        torch.testing.assert_close(info.energies, other.energies, rtol=1e-14, atol=1e-13)
        assert (same.seed, same.sweeps, same.spins.device.type) == (3, state.sweeps, DEVICE)


def test_each_sweep_has_its_temperature_and_launches_may_be_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "MAX_TABLE", 200)  # tables of three sweeps
    cpu, card = _two("HeatBath", GRAPHS["gaussian, fields"], order="random")
    for betas in (torch.linspace(0, 2, 4)[:, None], torch.linspace(0, 2, 4 * 65).reshape(4, 65)):
        state, info = cpu.step(cpu.init(65, seed=1), betas, 4, measure=2)
        same, other = card.step(card.init(65, seed=1), betas, 4, measure=2)
        assert torch.equal(state.spins, same.spins.cpu())
        torch.testing.assert_close(info.energies, other.energies, rtol=1e-14, atol=1e-13)


def test_programs_may_share_the_sites_of_a_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "parts_of", lambda order, blocks, device: 2)
    cpu, card = _two("HeatBath", GRAPHS["±J"], order="coloured")
    betas = torch.linspace(0.2, 1.0, 3)[:, None]
    state, info = cpu.step(cpu.init(20, seed=5), betas, 3)
    same, other = card.step(card.init(20, seed=5), betas, 3)
    assert torch.equal(state.spins, same.spins.cpu())
    assert torch.equal(info.flipped, other.flipped)


def test_columns_hold_each_replica_once() -> None:
    spins = torch.arange(150)[:, None] * torch.ones(3, dtype=torch.long)
    rows = columns.to_columns(spins, 256)
    assert torch.equal(columns.to_spins(rows, 150), spins)
    assert torch.equal(rows[0, columns.column_of(torch.arange(150))], torch.arange(150))


RUNS = {
    "sample": lambda graph, sampler: mc.sample(sampler, 0.7, 4, 10, seed=2, keep=2, progress=False),
    "annealing": lambda graph, sampler: mc.simulated_annealing(
        graph, (0.1, 2.0), 4, 10, seed=2, sampler=sampler, progress=False
    ),
    "population": lambda graph, sampler: mc.population_annealing(
        graph, (0.0, 0.5), 6, 10, seed=2, sampler=sampler, sweeps_per_step=3, progress=False
    ),
}


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.filterwarnings("ignore:.*families are left")
def test_runs_are_those_of_the_cpu(run: str) -> None:
    graph = GRAPHS["gaussian, fields"]
    cpu, card = (RUNS[run](graph, sampler) for sampler in _two("HeatBath", graph))
    assert torch.equal(cpu.spins, card.spins)
    torch.testing.assert_close(cpu.energy, card.energy)


def test_the_kernel_is_chosen_and_refused_by_its_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = GRAPHS["±J"]
    with pytest.raises(ValueError, match="kernel must be one of 'auto', 'numba', 'triton', got 'cuda'"):
        mc.HeatBath(graph, kernel="cuda")
    assert mc.HeatBath(graph).on_device is None
    monkeypatch.setenv("TRITON_INTERPRET", "0")
    with pytest.raises(ValueError, match=r"kernel must be .* on cpu, got \"triton\", .*TRITON_INTERPRET=1"):
        mc.Metropolis(graph, kernel="triton")
    monkeypatch.setattr(launching, "installed", lambda: False)
    assert launching.choose_device("auto", torch.device("cuda")) is None
    with pytest.raises(ImportError, match=r'kernel="triton" needs triton .*graphar-arnn\[triton\]'):
        mc.HeatBath(graph, kernel="triton")
    monkeypatch.setattr(launching, "installed", lambda: True)
    assert launching.choose_device("auto", torch.device("cuda")) == torch.device("cuda")
    assert launching.choose_device("numba", torch.device("cuda")) is None
