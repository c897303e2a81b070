"""Networks that read all earlier spins: masks, the mixture of x and −x, and the work of drawing."""

from __future__ import annotations

import math

import pytest
import torch
from small_graphs import GRAPHS, KERNELS, configurations
from torch.nn.functional import logsigmoid, prelu

import graphar as ga
from graphar.heads import MADE, SingleLayer
from graphar.kernels.compiled.linear import LinearKernel
from graphar.kernels.compiled.made import MADEKernel

BETA = 0.7
WITHOUT_FIELD = [name for name, graph in GRAPHS.items() if not graph.has_field]


def random_weights(model: ga.Autoregressive) -> ga.Autoregressive:
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.5 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return model


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("bias", [True, False])
@torch.no_grad()
def test_equals_masked_dense_layers(depth: int, bias: bool) -> None:
    graph, n = GRAPHS["torus"], 9
    order = ga.random_order(graph, seed=3)
    model = random_weights(ga.Autoregressive(graph, MADE(depth, 2, bias=bias), order, dtype=torch.float64))
    x = configurations(n)[::7]
    values = x[:, order.sites]
    for k, layer in enumerate(model.head.layers):
        channels_out, channels_in = layer.shape[1:]
        later, earlier = (torch.tril_indices(n, n, offset=0 if k else -1)).tolist()
        dense = torch.zeros(n * channels_out, n * channels_in, dtype=torch.float64)
        for pair, (i, j) in enumerate(zip(later, earlier, strict=True)):
            at = slice(i * channels_out, (i + 1) * channels_out), slice(j * channels_in, (j + 1) * channels_in)
            dense[at] = layer[pair]
        values = values @ dense.T
        if bias:
            values = values + model.head.biases[k].flatten()
        if k < depth - 1:
            values = prelu(values, model.head.slopes[k].flatten())
    logits = values[:, order.ranks] + 2 * BETA * graph.h
    torch.testing.assert_close(model.at(BETA).logits(x), logits, rtol=0, atol=1e-12)


@pytest.mark.parametrize("head", [MADE(3, 2), MADE(2, 3, bias=False), SingleLayer(scale=2.0)])
@torch.no_grad()
def test_a_dense_network_leaves_no_later_logit_alone(head: ga.heads.Head) -> None:
    graph = GRAPHS["two components"]
    model = random_weights(ga.Autoregressive(graph, head, ga.random_order(graph, seed=3), dtype=torch.float64))
    sites, q = model.ordering.sites, model.at(BETA)
    x = q.sample(20, seed=0)
    for rank, site in enumerate(sites.tolist()):
        flipped = x.clone()
        flipped[:, site] *= -1
        assert bool((q.logits(flipped) != q.logits(x)).any(dim=0)[sites[rank + 1 :]].all())


@pytest.mark.parametrize("graph", WITHOUT_FIELD)
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("depth", [1, 3])
@torch.no_grad()
def test_z2_is_the_mixture_of_x_and_its_inverse(graph: str, kernel: str, depth: int) -> None:
    models = []
    for z2 in (True, False):
        head = MADE(depth, 2, z2=z2)
        models.append(random_weights(ga.Autoregressive(GRAPHS[graph], head, kernel=kernel, dtype=torch.float64)))
    mixed, plain = (model.at(BETA) for model in models)
    x, log_q = mixed.sample_with_log_prob(100, seed=0)
    both = torch.stack([plain.log_prob(x), plain.log_prob(-x)])
    torch.testing.assert_close(log_q, torch.logsumexp(both, 0) - math.log(2), rtol=0, atol=1e-12)
    torch.testing.assert_close(mixed.log_prob(x), log_q, rtol=0, atol=1e-12)
    torch.testing.assert_close(logsigmoid(x * mixed.logits(x)).sum(1), log_q, rtol=0, atol=1e-12)


def test_number_of_weights() -> None:
    graph, n = ga.grid((4, 5)), 20
    pairs = n * (n - 1) // 2
    assert ga.Autoregressive(graph, SingleLayer(bias=False)).num_parameters == pairs
    assert ga.Autoregressive(graph, MADE(1, bias=True)).num_parameters == pairs + n
    for depth, width in ((2, 1), (2, 3), (4, 3)):
        layers = pairs * width + (depth - 2) * (pairs + n) * width**2 + (pairs + n) * width
        units = (depth - 1) * n * width
        assert ga.Autoregressive(graph, MADE(depth, width, bias=False)).num_parameters == layers + units
        assert ga.Autoregressive(graph, MADE(depth, width)).num_parameters == layers + 2 * units + n


@torch.no_grad()
def test_single_layer_runs_compiled_and_equals_one_layer_of_made() -> None:
    graph = GRAPHS["random regular"]
    single = ga.Autoregressive(graph, SingleLayer(scale=2.0), dtype=torch.float64)
    made = ga.Autoregressive(graph, MADE(1), dtype=torch.float64)
    assert type(single.kernel) is LinearKernel
    assert type(made.kernel) is MADEKernel
    made.head.layers[0][:, 0, 0] = single.head.weight
    made.head.biases[0][:, 0, 0] = single.head.bias
    x, log_q = single.at(BETA).sample_with_log_prob(100, seed=0)
    torch.testing.assert_close(made.at(BETA).log_prob(x), log_q, rtol=0, atol=1e-12)
    assert torch.equal(made.at(BETA).sample(100, seed=0), x)


def test_refused_settings() -> None:
    with pytest.raises(ValueError, match="graph must have no fields for z2=True"):
        ga.Autoregressive(ga.chain(4, field=0.1), MADE(z2=True))
    only_exact = ga.IsingGraph.from_edges([[0, 0, 1, 2], [1, 2, 2, 3]], 1.0, [0.0, 0.0, 0.0, 0.5])
    with pytest.raises(ValueError, match="graph must have no fields for z2=True"):
        ga.Autoregressive(only_exact, MADE(z2=True), exact_width=1)
    with pytest.raises(ValueError, match="depth must be at least 1, got 0"):
        MADE(depth=0)
    with pytest.raises(ValueError, match="width must be at least 1, got 0"):
        MADE(width=0)
