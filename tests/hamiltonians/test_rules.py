"""Rules of a graph: parts that agree, floating types that work, and numbers that take no gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch_geometric.data import Batch

from graphar import IsingGraph, random_regular

NAN, INF = float("nan"), float("inf")
LONE = IsingGraph.from_edges([[], []], h=[0.75], offset=-0.5)
GRAPH = IsingGraph.from_edges(
    torch.combinations(torch.arange(5)).T, [0.5, -1, 2, 0.25, 1, -0.5, 3, -2, 1, 0.125], h=[1, 0, -1, 2, -0.5]
)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"edge_index": torch.tensor([[0, 1, 1], [1, 0, 2]])}, "both directions"),
        ({"edge_index": torch.tensor([[0, 1, 0, 1], [1, 0, 1, 0]])}, "repeated column"),
        ({"edge_index": torch.tensor([[0, 1, 1, 3], [1, 0, 3, 1]])}, r"sites 0…2, got the edge \(1, 3\)"),
        ({"edge_index": torch.tensor([[0, 1, 1, 1], [1, 0, 1, 1]])}, "self-loops, got site 1"),
        ({"edge_index": torch.tensor([[0.0, 1.0], [1.0, 0.0]])}, "integers"),
        ({"edge_weight": torch.tensor([1.0, 1.0, 2.0, 3.0]).double()}, "equal in both directions"),
        ({"edge_weight": torch.tensor([1.0, 1.0, NAN, NAN])}, "edge_weight must be finite"),
        ({"edge_weight": torch.ones(3)}, r"edge_weight must be floating, shape \(4,\)"),
        ({"edge_weight": torch.ones(4, dtype=torch.int64)}, "edge_weight must be floating"),
        ({"h": torch.ones(2)}, r"h must be floating, shape \(3,\), got torch.float32, shape \(2,\)"),
        ({"h": torch.tensor([0.0, INF, 0.0])}, "h must be finite"),
        ({"offset": torch.tensor([NAN])}, "offset must be finite"),
        ({"h": None}, r"got none of \['h'\]"),
        (
            {"h": torch.ones(3, dtype=torch.float32)},
            "h must have the dtype of edge_weight, torch.float64, got torch.fl",
        ),
        ({"offset": torch.zeros(1)}, "offset must have the dtype of edge_weight"),
        (
            {"offset": torch.zeros(3).double()},
            r"offset must be floating, shape \(1,\), got torch.float64, shape \(3,\)",
        ),
        ({"offset": torch.tensor(0.5).double()}, r"offset must be floating, shape \(1,\)"),
        ({"h": torch.zeros(3, device="meta").double()}, "h must hold real numbers, got a tensor on the meta device"),
        ({"h": torch.zeros(3).double().requires_grad_()}, r"h must not require a gradient.*pass h\.detach\(\)"),
        ({"edge_weight": torch.ones(4).half()}, "edge_weight must be float32 or float64, got float16"),
        ({"edge_weight": torch.ones(4).bfloat16()}, "edge_weight must be float32 or float64, got bfloat16"),
        ({"edge_weight": torch.ones(4).double().requires_grad_()}, "edge_weight must not require a gradient"),
        ({"edge_weight": [1.0, 1.0, 2.0, 2.0]}, "edge_weight must be a tensor, got list"),
        ({"edge_weight": np.ones(4)}, "edge_weight must be a tensor, got ndarray"),
        ({"edge_index": torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]], dtype=torch.int32)}, "edge_index must be int64"),
        ({"num_nodes": 3.0}, r"num_nodes must be an integer of at least 1, got 3\.0"),
        ({"num_nodes": 2}, "sites 0…1"),
        ({"pos": torch.zeros(2, 2)}, r"pos must be floating, shape \(3, d\), got torch.float32, shape \(2, 2\)"),
        ({"pos": torch.tensor([[0.0], [NAN], [1.0]])}, "pos must be finite"),
    ],
)
def test_validate_finds_each_broken_rule(change: dict[str, Any], message: str) -> None:
    graph = IsingGraph.from_edges([[0, 1], [1, 2]], [1.0, 2.0])
    assert graph.validate()
    for name, value in change.items():
        setattr(graph, name, value)
        if name == "edge_index":
            graph.edge_weight = torch.ones(value.shape[1], dtype=torch.float64)
    assert graph.validate(raise_on_error=False) is False
    with pytest.raises(ValueError, match=message):
        graph.validate()


def test_validate_counts_the_offsets_of_a_batch() -> None:
    batch = Batch.from_data_list([LONE, GRAPH])
    assert batch.validate()
    batch.offset = batch.offset[:1]
    with pytest.raises(ValueError, match=r"offset must be floating, shape \(2,\), got torch.float64, shape \(1,\)"):
        batch.validate()


def test_validate_counts_labels() -> None:
    graph = IsingGraph(labels=["a", "b"])
    assert repr(graph) == "IsingGraph(empty)"
    for name, value in GRAPH.to_dict().items():
        setattr(graph, name, value)
    with pytest.raises(ValueError, match="labels must be 5, one per site, got 2"):
        graph.validate()


def test_broken_graphs_have_a_repr() -> None:
    graph = IsingGraph.from_edges([[0], [1]])
    graph.offset = torch.zeros(3)
    assert repr(graph) == "IsingGraph(2 spins, 1 coupling = 1, no field)"
    graph.h = None
    assert repr(graph) == "IsingGraph(without h)"
    assert "meta" in repr(GRAPH.to("meta"))


# Floating types and gradients.


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16])
def test_halves_are_refused_where_they_would_be_numbers_of_the_graph(half: torch.dtype) -> None:
    pair, ones = [[0], [1]], torch.ones(1, dtype=half)
    name = str(half).removeprefix("torch.")
    with pytest.raises(ValueError, match=f"weights must be float32 or float64, got {name}"):
        IsingGraph.from_edges(pair, ones)
    for dtype in (half, "float64", float, np.float64, torch.complex64):
        with pytest.raises(ValueError, match=r"dtype must be torch\.float32 or torch\.float64, got"):
            IsingGraph.from_edges(pair, dtype=dtype)
    with pytest.raises(ValueError, match=r"dtype must be torch\.float32 or torch\.float64, got"):
        GRAPH.to(half)
    assert IsingGraph.from_edges(pair, ones, dtype=torch.float64).dtype == torch.float64
    assert IsingGraph.from_edges(pair, 1.0, torch.ones(2, dtype=half)).h.dtype == torch.float64
    assert GRAPH.energy(torch.ones(5, dtype=half)).dtype == torch.float64


@pytest.mark.parametrize(
    "arguments",
    [
        {"weights": torch.ones(1, requires_grad=True)},
        {"weights": torch.ones((), requires_grad=True)},
        {"h": torch.ones(2, requires_grad=True)},
        {"pos": torch.ones(2, 2, requires_grad=True)},
        {"offset": torch.ones(1, requires_grad=True)},
    ],
)
def test_numbers_of_a_graph_take_no_gradient(arguments: dict[str, Any]) -> None:
    (name,) = arguments
    with pytest.raises(ValueError, match=rf"{name} must not require a gradient.*pass {name}\.detach\(\)"):
        IsingGraph.from_edges([[0], [1]], **arguments)


@pytest.mark.parametrize("name", ["edge_weight", "h", "offset"])
def test_energies_refuse_a_gradient_that_would_be_wrong(name: str) -> None:
    graph = GRAPH.clone()
    graph[name].requires_grad_()
    for method in (graph.energy, graph.local_fields, graph.flip_delta):
        with pytest.raises(ValueError, match=rf"{name} must not require a gradient"):
            method(torch.ones(5))
    assert graph.detach().energy(torch.ones(5)) == GRAPH.energy(torch.ones(5))


@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize("batched", [False, True])
def test_gradients_in_the_spins_are_fields(shuffled: bool, batched: bool) -> None:
    graph = random_regular(20, degree=3, couplings="gaussian", field="gaussian", seed=0)
    if shuffled:
        order = torch.randperm(graph.edge_index.shape[1], generator=torch.Generator().manual_seed(1))
        graph.edge_index, graph.edge_weight = graph.edge_index[:, order], graph.edge_weight[order]
    J, h = graph.to_dense(), graph.h
    if batched:
        graph, J, h = Batch.from_data_list([graph, graph]), torch.block_diag(J, J), torch.cat([h, h])
    generator = torch.Generator().manual_seed(0)
    x = (2.0 * torch.randint(2, (200, len(h)), generator=generator) - 1).double().requires_grad_()
    (slope,) = torch.autograd.grad(graph.energy(x).sum(), x)
    torch.testing.assert_close(slope, -(x.detach() @ J + h), rtol=0, atol=1e-12)
    pull = torch.randn(x.shape, generator=generator, dtype=torch.float64)
    (slope,) = torch.autograd.grad((pull * graph.local_fields(x)).sum(), x)
    torch.testing.assert_close(slope, pull @ J, rtol=0, atol=1e-12)
