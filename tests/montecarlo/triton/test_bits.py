"""Metropolis on bits in Triton has the words of the compiled loops; by Triton's interpreter where there is no GPU."""

from __future__ import annotations

import os

os.environ.setdefault("TRITON_INTERPRET", "1")

import pytest
import torch
from torch import Tensor

import graphar as ga
from graphar.montecarlo.triton import coded, sweeping

mc = ga.montecarlo
pytest.importorskip("triton")
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
PM1 = ga.random_regular(4, degree=3, couplings="pm1", seed=2)
WHOLE = ga.IsingGraph.from_edges([[0, 0, 1], [1, 2, 2]], [0.3, -0.9, 3.9], h=[0.0, -1.2, 0.6], offset=2.5)
CASES = [
    (PM1, "typewriter", 0.4, 600),
    (PM1, "random", torch.linspace(0, 2, 600), 600),
    (WHOLE, "typewriter", torch.linspace(0, 1, 3).reshape(3, 1), 1),
]


def _check(graph: ga.IsingGraph, order: str, betas: float | Tensor, replicas: int) -> None:
    cpu = mc.Metropolis(graph, order=order, coding="bits", kernel="numba")
    card = mc.Metropolis(graph.to(DEVICE), order=order, coding="bits", kernel="triton")
    sweeps = len(betas) if isinstance(betas, Tensor) and betas.dim() == 2 else 2
    state, info = cpu.step(cpu.init(replicas, seed=3), betas, sweeps, measure=2)
    same, other = card.step(card.init(replicas, seed=3), betas, sweeps, measure=2)
    assert torch.equal(state.spins, same.spins.cpu())
    assert torch.equal(info.energies, other.energies)
    assert torch.equal(info.flipped, other.flipped)


@pytest.mark.parametrize(("graph", "order", "betas", "replicas"), CASES)
def test_words_are_those_of_the_cpu(graph: ga.IsingGraph, order: str, betas: float | Tensor, replicas: int) -> None:
    _check(graph, order, betas, replicas)


def test_launches_may_be_short_and_share_the_sites_of_a_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "MAX_TABLE", 6)  # one sweep at a time
    monkeypatch.setattr(sweeping, "parts_of", lambda order, blocks, device: 2)
    _check(PM1, "coloured", torch.linspace(0.2, 1.0, 3)[:, None], 10)


def test_replicas_fill_words_in_their_order() -> None:
    spins = mc.HeatBath(ga.chain(5)).init(200, seed=1).spins
    words = coded._to_words(spins, 32)
    assert words.shape == (5, 32)
    assert torch.equal(coded._to_spins(words, 200), spins)
    assert torch.equal((words[:, 3] >> 7) & 1, (spins[3 * 64 + 7] > 0).long())
