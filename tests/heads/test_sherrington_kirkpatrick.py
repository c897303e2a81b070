"""The k-RSB head against its formula and the limit it starts from."""

from __future__ import annotations

import pytest
import torch
from small_graphs import GRAPHS
from torch.nn.functional import logsigmoid

import graphar as ga
from graphar.heads import SherringtonKirkpatrick

BETA = 0.7


@pytest.mark.parametrize("graph", ["complete", "grid", "torus", "isolated spin", "one spin"])
@pytest.mark.parametrize("k", [0, 1, 2])
@torch.no_grad()
def test_equals_the_formula_pair_by_pair(graph: str, k: int) -> None:
    head = SherringtonKirkpatrick(k, scale=1.0)
    model = ga.Autoregressive(GRAPHS[graph], head, ga.natural, dtype=torch.float64)
    bound, frontier, ising = model.head, model.frontier, model.graph
    i, j, J = ising.undirected()
    dense = torch.zeros(ising.num_spins, ising.num_spins, dtype=torch.float64)
    dense[i, j] = J.double()
    x = model.at(BETA).sample(30, seed=0)
    logits, pair = [], 0
    for r in range(ising.num_spins):
        local = x[:, :r] @ dense[:r, r]
        logit = 2 * BETA * (ising.h[r] + bound.local[0, r] * local + bound.local[1, r])
        for spin in frontier.pair_spin[frontier.pair_ptr[r] : frontier.pair_ptr[r + 1]].tolist():
            if spin == r:
                continue
            for s in (0, 1):
                message = x[:, :r] @ dense[:r, spin]
                g = logsigmoid(2 * BETA * (bound.bias[0, s, pair] + bound.weight[0, s, pair] * message))
                for layer in range(1, k + 1):
                    g = logsigmoid(bound.bias[layer, s, pair] + bound.weight[layer, s, pair] * g)
                logit = logit + bound.out[s, pair] * g
            pair += 1
        logits.append(logit.expand(len(x)))
    assert pair == bound.out.shape[1]
    assert model.num_parameters == 2 * (2 * k + 3) * pair + 2 * ising.num_spins
    torch.testing.assert_close(model.at(BETA).logits(x), torch.stack(logits, 1), rtol=0, atol=1e-12)


@pytest.mark.parametrize("field", [None, "gaussian"])
@torch.no_grad()
def test_starts_exact_where_later_spins_are_independent(field: str | None) -> None:
    # two spins coupled to each other and to five more that are not coupled: only the first has more to learn
    edges = torch.tensor([(0, 1)] + [(i, later) for i in (0, 1) for later in range(2, 7)]).T
    weights = torch.randn(11, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    h = None if field is None else torch.randn(7, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    graph = ga.IsingGraph.from_edges(edges, weights, h=h, num_nodes=7)
    # more steps pass it on where messages are weak, and come close elsewhere
    for k, beta, tolerance in ((0, BETA, 1e-10), (1, 1e-3, 1e-5), (2, 1e-3, 1e-5)):
        exact = ga.exact.enumerate(graph, beta)
        head = SherringtonKirkpatrick(k, scale=0.0)
        q = ga.Autoregressive(graph, head, ga.natural, dtype=torch.float64).at(beta)
        x = q.sample(40, seed=0)
        theirs = exact.conditional_logits(x, torch.arange(7))
        torch.testing.assert_close(q.logits(x)[:, 1:], theirs[:, 1:], rtol=0, atol=tolerance)


@pytest.mark.parametrize(("k", "difference"), [(1, 0.05), (2, 0.1)])
@torch.no_grad()
def test_further_steps_start_close_to_the_replica_symmetric_ones(k: int, difference: float) -> None:
    graph = ga.sherrington_kirkpatrick(20, seed=0)
    x = ga.exact.enumerate(graph, 0.2).sample(500, seed=0)
    q, symmetric = (ga.Autoregressive(graph, SherringtonKirkpatrick(each, scale=0.0)).at(1.0) for each in (k, 0))
    logits = symmetric.logits(x)
    assert (q.logits(x) - logits).norm() < difference * logits.norm()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_compiled_log_sigmoid_is_right_to_the_last_bits(dtype: torch.dtype) -> None:
    from graphar.kernels.compiled.loops.sherrington_kirkpatrick import _add_layer, _layer, _layer_and_slope, _turn

    size = torch.logspace(-9, 1.9, 4096, dtype=torch.float64).to(dtype)
    z = torch.cat([-size, size, size.new_zeros(32)])
    exact, slope = logsigmoid(z.double()), torch.sigmoid(-z.double())
    one, zero = z.new_ones(()).numpy()[()], z.new_zeros(()).numpy()[()]
    g, s, total, by_bias, by_weight, by_out = torch.zeros(6, z.numel(), dtype=dtype)
    _layer(zero, one, z.numpy(), g.numpy())
    _add_layer(zero, one, one, z.numpy(), s.numpy(), total.numpy())
    sums = (by_bias.numpy(), by_weight.numpy(), by_out.numpy())
    _turn(zero, one, z.numpy(), torch.ones_like(z).numpy(), s.numpy(), *sums)
    for value, expected in ((g, exact), (total, exact), (by_out, exact), (by_bias, slope), (by_weight, z * slope)):
        torch.testing.assert_close(value.double(), expected.double(), rtol=4 * torch.finfo(dtype).eps, atol=0)
    _layer_and_slope(zero, one, z.numpy(), total.numpy(), s.numpy())
    assert torch.equal(total, g)
    assert torch.equal(s, by_bias)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"k": -1}, "k must be at least 0, got -1"),
        ({"k": 0.5}, "k must be an integer, got 0.5"),
        ({"scale": -1}, "scale must be finite and not negative, got -1"),
    ],
)
def test_refused_settings(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SherringtonKirkpatrick(**settings)
