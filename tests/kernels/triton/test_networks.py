"""Fused sweeps of networks, MLP and MADE, are the reference ones; by Triton's interpreter where there is no GPU."""

from __future__ import annotations

import pytest
import torch
from kernels_agree import check_compiled
from noise import add_noise
from small_graphs import GRAPHS

import graphar as ga
from graphar._support.seeds import hash_key
from graphar.heads import MADE, MLP
from graphar.kernels.triton import mlp, pairs
from graphar.kernels.triton.availability import interpreted
from graphar.training import variational_step

pytest.importorskip("triton", minversion="3.7")
pytestmark = pytest.mark.skipif(not interpreted(), reason="models are on the CPU")

DOUBLE, SINGLE = torch.float64, torch.float32
MANY = ga.SpinHypergraph.from_hyperedges([(0, 1, 2), (2, 3, 4), (0, 4)], [0.7, -1.0, 0.4], h=0.1)
FREE = ga.IsingGraph.from_edges([[0, 0, 1], [1, 2, 2]], [0.9, -0.4, 0.7])
CASES = [
    ("one spin", MLP(3), DOUBLE, {}),
    ("isolated spin", MLP(5), DOUBLE, {}),
    ("pair", MLP(3, depth=2, activation="gelu", inputs="parents"), SINGLE, {"frontier": "all"}),
    ("pair", MLP(17, depth=3, activation="tanh", bias=False), DOUBLE, {"frontier": "all"}),
    (MANY, MLP(2, activation="gelu"), DOUBLE, {}),
    ("isolated spin", MADE(2, 4), DOUBLE, {}),  # 20 units a layer: more than one part of them
    (MANY, MADE(2, bias=False), SINGLE, {}),
    (FREE, MADE(1, z2=True), SINGLE, {}),
    (FREE, MADE(3, 2, z2=True), DOUBLE, {}),
]


def _graph(name: str | ga.IsingGraph | ga.SpinHypergraph) -> ga.IsingGraph | ga.SpinHypergraph:
    return GRAPHS[name] if isinstance(name, str) else name


@pytest.mark.parametrize(("graph", "head", "dtype", "options"), CASES, ids=repr)
def test_fused_is_the_reference(graph: object, head: ga.heads.Head, dtype: torch.dtype, options: dict) -> None:
    check_compiled(_graph(graph), head, dtype, "triton", 20, **options)


def _model(head: ga.heads.Head, kernel: str) -> ga.Autoregressive:
    model = ga.Autoregressive(FREE, head, kernel=kernel, dtype=DOUBLE)
    add_noise(model, 0.3, seed=1)
    return model


def _everything(model: ga.Autoregressive) -> list[torch.Tensor]:
    """Samples, their log q and the gradient of the loss, of two blocks."""
    model.zero_grad()
    step = variational_step(model.at(0.8), 100, hash_key(3, "training"))
    return [*model.at(0.8).sample_with_log_prob(100, seed=2**40), step.loss, *(w.grad for w in model.parameters())]


@pytest.mark.parametrize("head", [MLP(3, depth=2), MADE(2, 2, z2=True)], ids=repr)
def test_the_reference_draws_the_same_and_every_run_gives_the_same_bits(
    head: ga.heads.Head, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = _model(head, "triton")
    found, reference = _everything(model), _everything(_model(head, "reference"))
    assert torch.equal(found[0], reference[0])
    torch.use_deterministic_algorithms(True)  # which fills new memory with NaN
    try:
        again = _everything(model)
    finally:
        torch.use_deterministic_algorithms(False)
    assert all(torch.equal(one, other) for one, other in zip(found, again, strict=True))
    # few programs, of a few units each, that take one after another spins and blocks
    monkeypatch.setattr("graphar.kernels.triton.sequential.PROGRAMS", 1)
    monkeypatch.setattr(pairs, "SHARES", 1)
    monkeypatch.setattr(mlp, "PARTIAL", 2**12)
    monkeypatch.setattr(mlp, "UNITS", 2)
    fewer = _everything(_model(head, "triton"))
    assert torch.equal(fewer[0], found[0])
    for one, other in zip((*fewer, *found), (*reference, *reference), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-12)
