"""TwoBo in full: against its dense formula, and the linear head inside it."""

from __future__ import annotations

import pytest
import torch
from small_graphs import GRAPHS
from torch import Tensor
from torch.nn.functional import silu

import graphar as ga
from graphar.heads import MLP, Linear, inputs

BETA = 0.7


def dense_logits(model: ga.Autoregressive, x: Tensor) -> Tensor:
    """Spin by spin with dense messages, for natural orders."""
    head, frontier, graph = model.head, model.frontier, model.graph
    i, j, J = graph.undirected()
    dense = torch.zeros(graph.num_spins, graph.num_spins, dtype=torch.float64)
    dense[i, j] = dense[j, i] = J.double()
    logits, pair, weight = [], 0, 0
    for r in range(graph.num_spins):
        messages = {}
        for spin in frontier.pair_spin[frontier.pair_ptr[r] : frontier.pair_ptr[r + 1]].tolist():
            messages[spin] = x[:, :r] @ dense[:r, spin]
        logit = 2 * BETA * graph.h[r] + head.skip.bias[r] + torch.zeros(len(x), dtype=torch.float64)
        z = head.biases[0][:, r].expand(len(x), -1)
        for spin, message in messages.items():
            logit = logit + head.skip.weight[pair] * message * (2 * BETA if spin == r else 1)
            pair += 1
            if spin != r:
                z = z + message[:, None] * head.first[:, weight]
                weight += 1
        z = silu(z)
        for deeper, bias in zip(head.deeper, list(head.biases)[1:], strict=True):
            z = silu(z @ deeper[r].T + bias[:, r])
        logits.append(logit + z @ head.out[:, r])
    assert weight == head.first.shape[1]
    return torch.stack(logits, dim=1)


@pytest.mark.parametrize("graph", ["grid", "torus", "random regular", "complete", "two components", "one spin"])
@pytest.mark.parametrize("depth", [1, 2, 3])
@torch.no_grad()
def test_equals_the_dense_formula(graph: str, depth: int) -> None:
    head = MLP(5, depth, scale=2.0)
    model = ga.Autoregressive(GRAPHS[graph], head, ga.natural, dtype=torch.float64)
    for bias in model.head.biases:
        bias.normal_(generator=torch.Generator().manual_seed(1))
    x = model.at(BETA).sample(40, seed=0)
    torch.testing.assert_close(model.at(BETA).logits(x), dense_logits(model, x), rtol=0, atol=1e-12)


@pytest.mark.parametrize("inputs", ["messages", "parents"])
@torch.no_grad()
def test_without_its_network_it_is_linear(inputs: str) -> None:
    graph = GRAPHS["random regular"]
    full = ga.Autoregressive(graph, MLP(8, inputs=inputs, scale=1.0), seed=5, dtype=torch.float64)
    full.head.out.zero_()
    linear = ga.Autoregressive(graph, Linear(inputs, scale=1.0), seed=5, dtype=torch.float64)
    x = linear.at(BETA).sample(50, seed=0)
    torch.testing.assert_close(full.at(BETA).logits(x), linear.at(BETA).logits(x), rtol=0, atol=1e-12)


@pytest.mark.parametrize("inputs", ["messages", "parents"])
def test_number_of_weights(inputs: str) -> None:
    graph = ga.grid((5, 5), couplings="pm1", seed=0)
    frontier = ga.build_frontier(ga.rcm(graph))
    linear = ga.Autoregressive(graph, Linear(inputs))
    # 24 spins have earlier neighbours in this connected graph, each with a diagonal pair
    pairs = frontier.num_pairs - 24 if inputs == "messages" else int(frontier.num_parents.sum())
    for hidden, depth in ((1, 1), (8, 1), (8, 3)):
        more = hidden * pairs + (depth - 1) * 25 * hidden * (hidden + 1) + 2 * 25 * hidden
        assert ga.Autoregressive(graph, MLP(hidden, depth, inputs)).num_parameters == linear.num_parameters + more


@pytest.mark.parametrize(
    ("head", "kernel"),
    [
        (MLP(4, 2, scale=1.0), "reference"),
        (ga.heads.SherringtonKirkpatrick(1), "reference"),
        (ga.heads.CurieWeiss(True), "reference"),
        (ga.heads.CurieWeiss(True), "numba"),
    ],
)
def test_parts_of_a_batch_change_nothing(head: ga.heads.Head, kernel: str, monkeypatch: pytest.MonkeyPatch) -> None:
    results = []
    for part in (inputs.CHUNK_ELEMENTS, 1):
        monkeypatch.setattr(inputs, "CHUNK_ELEMENTS", part)
        model = ga.Autoregressive(GRAPHS["grid"], head, kernel=kernel, dtype=torch.float64)
        x, log_q = model.at(BETA).sample_with_log_prob(200, seed=0)
        (torch.linspace(-1, 1, 200, dtype=torch.float64) @ model.at(BETA).log_prob(x)).backward()
        results.append([x, log_q, *(weight.grad for weight in model.parameters())])
    for whole, parts in zip(*results, strict=True):
        torch.testing.assert_close(parts, whole, rtol=1e-10, atol=1e-12)


def test_odd_networks_keep_the_symmetry() -> None:
    head = MLP(6, bias=False, activation="tanh", scale=2.0)
    q = ga.Autoregressive(GRAPHS["complete"], head, dtype=torch.float64).at(BETA)
    x = q.sample(30, seed=0)
    torch.testing.assert_close(q.log_prob(-x), q.log_prob(x), rtol=0, atol=1e-12)


def test_reads_parents_on_a_core() -> None:
    model = ga.Autoregressive(GRAPHS["torus"], MLP, exact_width=2)
    assert model.head_config == MLP(inputs="parents")
    assert model.head.reads == "parents"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hidden": 0}, "hidden must be at least 1, got 0"),
        ({"depth": 0}, "depth must be at least 1, got 0"),
        ({"depth": 1.5}, "depth must be an integer, got 1.5"),
        ({"activation": "relu"}, "activation must be one of silu, gelu, tanh, got 'relu'"),
        ({"inputs": "spins"}, 'inputs must be "messages" or "parents", got \'spins\''),
        ({"scale": -1}, "scale must be finite and not negative, got -1"),
    ],
)
def test_refused_settings(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MLP(**settings)
