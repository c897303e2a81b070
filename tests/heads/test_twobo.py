"""The sparse model against a dense TwoBo: logits, densities and gradients."""

from __future__ import annotations

import dense_twobo
import pytest
import torch
from torch.nn.functional import logsigmoid

import graphar as ga

GRAPHS = {
    "random regular": ga.random_regular(64, degree=3, couplings="pm1", field="gaussian", seed=0),
    "torus": ga.grid((8, 8), periodic=True, couplings="gaussian", seed=1),
    "cube": ga.grid((4, 4, 4), couplings="pm1", seed=2),
    "dense": ga.sherrington_kirkpatrick(24, seed=3),
}


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize("order", [ga.natural, ga.nested_dissection, lambda graph: ga.random_order(graph, seed=0)])
@pytest.mark.parametrize(("dtype", "atol"), [(torch.float64, 1e-12), (torch.float32, 1e-4)])
def test_logits_and_gradients_equal_the_dense_oracle(graph: str, order, dtype: torch.dtype, atol: float) -> None:
    instance = GRAPHS[graph]
    n, beta = instance.num_spins, 0.8
    model = ga.Autoregressive(instance, ga.heads.Linear(scale=1.0), order(instance), "all", dtype=dtype)
    sites = model.ordering.sites
    J = instance.to_dense()[sites][:, sites].to(dtype)
    frontier = model.frontier
    mask = dense_twobo.weight_mask(J)
    assert int(mask.sum()) == frontier.num_pairs
    assert torch.equal(mask.nonzero().T, torch.stack([frontier.pair_reader, frontier.pair_spin]))

    W = torch.zeros(n, n, dtype=dtype)
    W[mask] = model.head.weight.detach()
    W.requires_grad_()
    b = model.head.bias.detach().clone().requires_grad_()
    x = model.at(beta).sample(200, seed=0)
    expected = dense_twobo.logits(J, instance.h[sites].to(dtype), W, b, beta, x[:, sites])
    actual = model.at(beta).logits(x)[:, sites]
    torch.testing.assert_close(actual, expected, atol=atol, rtol=1e-6)

    share = torch.randn(200, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    (share * logsigmoid(x[:, sites] * expected).sum(1)).sum().backward()
    (share * model.at(beta).log_prob(x)).sum().backward()
    torch.testing.assert_close(model.head.weight.grad, W.grad[mask], atol=100 * atol, rtol=1e-6)
    torch.testing.assert_close(model.head.bias.grad, b.grad, atol=100 * atol, rtol=1e-6)


def test_the_component_frontier_drops_only_messages_that_the_conditional_cannot_need() -> None:
    for instance in GRAPHS.values():
        for order in (ga.natural(instance), ga.random_order(instance, seed=0), ga.nested_dissection(instance)):
            ours, theirs = ga.build_frontier(order), ga.build_frontier(order, "all")
            pairs = set(zip(ours.pair_reader.tolist(), ours.pair_spin.tolist(), strict=True))
            assert pairs <= set(zip(theirs.pair_reader.tolist(), theirs.pair_spin.tolist(), strict=True))


def test_untrained_it_feels_the_spins_before_it_and_no_more() -> None:
    model = ga.Autoregressive(GRAPHS["torus"], ga.heads.Linear(scale=0.0), dtype=torch.float64)
    ranks, (source, target) = model.ordering.ranks, model.graph.edge_index
    x = model.at(0.6).sample(50, seed=0)
    earlier = ranks[source] < ranks[target]
    fields = torch.zeros_like(x)
    fields.index_add_(1, target[earlier], x[:, source[earlier]] * model.graph.edge_weight[earlier])
    torch.testing.assert_close(model.at(0.6).logits(x).detach(), 2 * 0.6 * fields)


def test_starting_weights_are_those_of_the_paper() -> None:
    model = ga.Autoregressive(GRAPHS["random regular"], ga.heads.Linear, seed=0)
    again = ga.Autoregressive(GRAPHS["random regular"], ga.heads.Linear, seed=0)
    other = ga.Autoregressive(GRAPHS["random regular"], ga.heads.Linear, seed=1)
    assert torch.equal(model.head.weight, again.head.weight)
    assert not torch.equal(model.head.weight, other.head.weight)
    sigma = 1e-2 / 64**0.5
    rest = torch.cat([model.head.weight[~model.head.diagonal], model.head.bias]).detach()
    assert bool((model.head.weight[model.head.diagonal] == 1).all())
    assert float(rest.abs().max()) <= 2 * sigma
    # a normal cut at two standard deviations has 0.8796 of its own
    assert abs(float(rest.std()) / (0.8796 * sigma) - 1) < 0.1
