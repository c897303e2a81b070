"""Every compiled kernel is the reference one: all settings of all heads, in both types, and what a GPU draws."""

from __future__ import annotations

import pytest
import torch
from curved_head import Curved
from every_head import HEADS
from kernels_agree import check_compiled

import graphar as ga
from graphar.heads import MADE, MLP, CurieWeiss, CurieWeissInfinite, Linear, MessagePassing, OneParameter
from graphar.kernels.select import TABLE
from graphar.kernels.triton.availability import installed

# 30 spins and more, so that a batch fills several blocks of registers; weights of order one by check_compiled
GRAPHS = {
    "random regular": ga.random_regular(30, degree=3, couplings="gaussian", field="gaussian", seed=1),
    "torus": ga.grid((6, 6), periodic=True, couplings="pm1", seed=1),
    "dense": ga.sherrington_kirkpatrick(24, seed=2),
    "pieces": ga.IsingGraph.from_edges([[0, 2, 7, 8], [2, 5, 8, 9]], [1.5, -0.7, 0.3, 0.0], [0.0] * 10),
}
UNIFORM = ga.curie_weiss(40, field="gaussian", seed=0)
CASES = [(head, graph) for head in HEADS.values() for graph in GRAPHS.values()]
CASES += [(head, UNIFORM) for head in (CurieWeiss(), CurieWeiss(trainable=True), CurieWeissInfinite(), OneParameter())]
# interactions of several sizes, whose messages multiply others
_TRIPLES = ga.random_hypergraph(30, 3, degree=3, couplings="gaussian", seed=1).listed()
MANY = ga.SpinHypergraph.from_hyperedges(
    [sites for sites, _ in _TRIPLES] + [(0, 1), (4, 9), (0, 1, 2, 3, 4), (7, 12, 20, 21), (11, 20, 21)],
    [J for _, J in _TRIPLES] + [0.5, -1.0, 0.7, 1.0, -0.4],
    h=0.1,
)
NOT_OF_MANY = (CurieWeiss, CurieWeissInfinite, MessagePassing)
CASES += [(head, MANY) for head in HEADS.values() if not isinstance(head, NOT_OF_MANY)]
CASES += [(MADE(2, 2, z2=True, bias=bias), GRAPHS["torus"]) for bias in (True, False)]
FRONTIERS = ("component", "all")


@pytest.mark.parametrize(("number", "head", "graph"), [(k, *case) for k, case in enumerate(CASES)], ids=repr)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_compiled_is_the_reference(number: int, head: ga.heads.Head, graph: ga.IsingGraph, dtype: torch.dtype) -> None:
    order = (ga.rcm, ga.nested_dissection, lambda graph: ga.random_order(graph, seed=1))[number % 3]
    check_compiled(graph, head, dtype, ordering=order, frontier=FRONTIERS[number % 2])


def test_every_row_of_the_table_is_met() -> None:
    met = {type(ga.Autoregressive(graph, head).kernel) for head, graph in CASES}
    assert met == {row.compiled for row in TABLE}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("exact_width", [0, 3])
@pytest.mark.parametrize(
    "head", [Linear(scale=1.0), MLP(5, depth=2, scale=1.0), MADE(2, 2), Curved()], ids=lambda head: type(head).__name__
)
@pytest.mark.parametrize("graph", [*GRAPHS, "many"])
def test_a_gpu_draws_what_the_cpu_draws(graph: str, head: ga.heads.Head, exact_width: int) -> None:
    options = {"exact_width": exact_width, "dtype": torch.float64}
    spins = MANY if graph == "many" else GRAPHS[graph]
    here = ga.Autoregressive(spins, head, kernel="reference", **options)
    there = ga.Autoregressive(spins, head, **options).to("cuda")
    row = next(row for row in TABLE if isinstance(there.head, row.head))
    assert type(there.kernel) is (row.device if row.fused is None or not installed() else row.fused)
    factor = torch.linspace(-1, 1, 200, dtype=torch.float64)
    for seed in (0, 1, 2):  # launched, recorded, replayed
        drawn = [model.at(0.6).sample_with_log_prob(200, seed=seed) for model in (here, there)]
        assert torch.equal(drawn[0][0], drawn[1][0].cpu())
        torch.testing.assert_close(drawn[0][1], drawn[1][1].cpu(), rtol=1e-12, atol=0)
    for model in (here, there):
        (factor.to(model.device) @ model.at(0.6).log_prob(drawn[0][0])).backward()
    for a, b in zip(here.parameters(), there.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad.cpu(), rtol=1e-10, atol=1e-12)
    with pytest.raises(ValueError, match='kernel must be "auto" or "reference" for a model on cuda'):
        ga.Autoregressive(spins, kernel="numba").to("cuda")
