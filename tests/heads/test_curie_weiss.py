"""The Curie–Weiss heads against enumeration, closed forms and each other."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.special import gammaln, logsumexp
from torch.nn.functional import logsigmoid

import graphar as ga
from graphar.heads import CurieWeiss, CurieWeissInfinite, OneParameter
from graphar.kernels.compiled.levels import LevelsKernel
from graphar.kernels.compiled.magnetisation import MagnetisationKernel

HEADS = {"exact": CurieWeiss(), "trainable": CurieWeiss(trainable=True)}
at_temperatures = pytest.mark.parametrize("beta", [0.0, 0.6, 2.5])


def closed_form(n: int, coupling: float, field: float, beta: float) -> float:
    """log Z by the number k of spins up."""
    k = np.arange(n + 1)
    m = 2.0 * k - n
    ways = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return float(logsumexp(ways + beta * (coupling / (2 * n) * (m**2 - n) + field * m)))


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("field", [None, 0.3, "gaussian"])
@pytest.mark.parametrize(("n", "coupling"), [(1, 1.0), (2, 1.0), (7, -1.5), (16, 1.0)])
@at_temperatures
@torch.no_grad()
def test_no_training_gives_the_conditionals_of_enumeration(
    head: str, field: object, n: int, coupling: float, beta: float
) -> None:
    graph = ga.curie_weiss(n, coupling=coupling, field=field, seed=n)
    order = ga.random_order(graph, seed=1)
    q = ga.Autoregressive(graph, HEADS[head], order, dtype=torch.float64).at(beta)
    exact = ga.exact.enumerate(graph, beta)
    spins, log_q = q.sample_with_log_prob(100, seed=0)
    torch.testing.assert_close(q.logits(spins), exact.conditional_logits(spins, order.sites), rtol=0, atol=1e-10)
    log_p = -beta * graph.energy(spins) - float(exact.log_partition)
    torch.testing.assert_close(log_q, log_p, rtol=0, atol=1e-10)


@pytest.mark.parametrize("n", [100, 800])
@pytest.mark.parametrize("field", [0.0, 0.1])
@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
@torch.no_grad()
def test_no_training_gives_the_closed_form_of_large_graphs(n: int, field: float, beta: float) -> None:
    graph = ga.curie_weiss(n, field=field)
    q = ga.Autoregressive(graph, CurieWeiss, ga.natural, dtype=torch.float64).at(beta)
    magnetised = torch.ones(4, n, dtype=torch.float64)
    magnetised[1] = -1
    magnetised[2, : n // 2] = -1
    magnetised[3, ::3] = -1
    log_z = -beta * graph.energy(magnetised) - q.log_prob(magnetised)
    expected = closed_form(n, 1.0, field, beta)
    torch.testing.assert_close(log_z, torch.full_like(log_z, expected), rtol=1e-10, atol=0)


def test_a_trainable_head_starts_exact_and_leaves_only_where_it_gains() -> None:
    graph = ga.curie_weiss(30, field=0.05)
    model = ga.Autoregressive(graph, CurieWeiss(trainable=True), dtype=torch.float64)
    assert model.num_parameters == 2 * 30 * 31
    spins, log_q = model.at(1.1).sample_with_log_prob(200, seed=0)
    loss = log_q + 1.1 * graph.energy(spins)
    assert float(loss.std()) < 1e-10
    # and its weights are those of the formula: a constant on all k of one sign is a bias of the logit
    with torch.no_grad():
        before = model.at(1.1).logits(spins)
        model.head.units.bias[0] += 0.25
        torch.testing.assert_close(model.at(1.1).logits(spins), before + 0.25, rtol=0, atol=1e-12)


def test_exactness_needs_the_curie_weiss_graph() -> None:
    with pytest.raises(ValueError, match=r"graph must couple every pair of its 9 spins .* got 12 couplings instead"):
        ga.Autoregressive(ga.grid((3, 3)), CurieWeiss)
    with pytest.raises(ValueError, match=r"graph must have one coupling on all pairs .* got couplings from -1 to 1"):
        ga.Autoregressive(ga.complete(5, couplings="pm1", seed=0), CurieWeiss)
    assert ga.Autoregressive(ga.grid((3, 3)), CurieWeiss(trainable=True)).num_parameters == 2 * 9 * 10


@torch.no_grad()
def test_gradient_free_heads_follow_beta_and_type() -> None:
    graph = ga.curie_weiss(12, field=0.2)
    model = ga.Autoregressive(graph, CurieWeiss, dtype=torch.float64)
    x = model.at(0.5).sample(5, seed=0)
    cold, hot = model.at(2.0), model.at(0.5)
    first = hot.log_prob(x)
    assert not torch.equal(cold.log_prob(x), first)
    assert torch.equal(hot.log_prob(x), first)
    torch.testing.assert_close(model.float().at(0.5).log_prob(x), first, rtol=1e-5, atol=0)


@pytest.mark.parametrize("activation", ["sign", "tanh", "gain"])
@pytest.mark.parametrize("shared", [True, False])
@torch.no_grad()
def test_infinite_head_is_its_formula(activation: str, shared: bool) -> None:
    graph = ga.curie_weiss(9, coupling=1.7, field="gaussian", seed=0)
    order = ga.random_order(graph, seed=2)
    head = CurieWeissInfinite(activation, shared, scale=3.0)
    model = ga.Autoregressive(graph, head, order, dtype=torch.float64)
    assert model.num_parameters == 9 + shared + 9 * (activation == "gain")
    spins = model.at(0.8).sample(50, seed=0)
    gain = 1 / (1.7 / 9 * 3) if activation == "gain" else 1.0
    phi = math.copysign if activation == "sign" else lambda a, b: math.tanh(gain * b)
    for x, logits in zip(spins.tolist(), model.at(0.8).logits(spins).tolist(), strict=True):
        M = 0.0
        for rank, site in enumerate(order.sites.tolist()):
            local = float(graph.h[site]) + 1.7 / 9 * M
            expected = 1.6 * local + float(model.head.weight[rank]) * (phi(1.0, local) if local else 0.0)
            expected += float(model.head.shared) * M if shared else 0.0
            assert logits[site] == pytest.approx(expected, abs=1e-12)
            M += x[site]


@torch.no_grad()
def test_sign_of_nothing_is_zero() -> None:
    # M = 0 after a spin up and one down: the third spin is fair, in draws and densities alike
    model = ga.Autoregressive(ga.curie_weiss(30), CurieWeissInfinite(scale=100.0), ga.natural, dtype=torch.float64)
    spins = torch.ones(1, 30)
    spins[0, 1::2] = -1
    assert torch.equal(model.at(1.0).logits(spins)[0, ::2], torch.zeros(15, dtype=torch.float64))


@torch.no_grad()
def test_large_gains_are_the_sign() -> None:
    graph = ga.curie_weiss(20, field="gaussian", seed=0)
    sign, gain = (
        ga.Autoregressive(graph, CurieWeissInfinite(activation, scale=5.0), dtype=torch.float64).at(0.9)
        for activation in ("sign", "gain")
    )
    gain.model.head.log_gain.fill_(40)
    x = sign.sample(50, seed=0)
    torch.testing.assert_close(gain.logits(x), sign.logits(x), rtol=1e-12, atol=0)


def test_gains_reach_what_the_sign_cannot() -> None:
    # at N = 100 and β = 1.1 the best weights of the sign leave 2.4e-3
    graph = ga.curie_weiss(100)
    result = ga.compare(
        graph,
        {"gain": CurieWeissInfinite("gain")},
        beta=ga.linear(0.6, 1.1, 3),
        steps=150,
        warmup=100,
        batch_size=256,
        learning_rate=0.01,
        evaluate_samples=4000,
        progress=False,
    )
    assert abs(result.errors("gain")[0][-1]) < 3e-4


@torch.no_grad()
def test_one_parameter_is_its_formula() -> None:
    graph = ga.grid((3, 3), field=0.4)
    model = ga.Autoregressive(graph, OneParameter(scale=2.0), ga.natural, dtype=torch.float64)
    assert model.num_parameters == 9
    spins = model.at(0.8).sample(50, seed=0)
    logits = 2 * 0.8 * 0.4 + model.head.weight * (spins.cumsum(1) - spins)
    torch.testing.assert_close(model.at(0.8).logits(spins), logits, rtol=0, atol=1e-12)
    torch.testing.assert_close(model.at(0.8).log_prob(spins), logsigmoid(spins * logits).sum(1), rtol=0, atol=1e-12)


def test_messages_are_passed_only_where_they_are_read() -> None:
    assert type(ga.Autoregressive(ga.grid((3, 3)), CurieWeiss(trainable=True)).kernel) is LevelsKernel
    assert type(ga.Autoregressive(ga.curie_weiss(9), CurieWeiss(trainable=True)).kernel) is MagnetisationKernel


@pytest.mark.parametrize("kernel", ["reference", "numba"])
@torch.no_grad()
def test_fields_that_cancel_the_others_leave_no_sign(kernel: str) -> None:
    # products of J̄ = 0.1 that are rounded once and those that are not differ in the last bit
    graph = ga.curie_weiss(10, field=3 * 0.1)
    head = CurieWeissInfinite(shared=False, scale=1e3)
    model = ga.Autoregressive(graph, head, ga.natural, kernel=kernel, dtype=torch.float64)
    spins = -torch.ones(1, 10)
    assert abs(float(model.at(1.0).logits(spins)[0, 3])) < 1e-12
    assert abs(float(model.at(1.0).logits(spins)[0, 2])) > 1.0


@pytest.mark.parametrize(("beta", "error"), [(0.5, 1e-4), (1.2, 2e-3), (2.0, 1e-3)])
@pytest.mark.parametrize(("coupling", "field"), [(1.0, 0.0), (1.0, -0.1), (-1.0, 0.3)])
@torch.no_grad()
def test_a_saddle_point_is_close_before_training(beta: float, error: float, coupling: float, field: float) -> None:
    graph = ga.curie_weiss(200, coupling=coupling, field=field)
    model = ga.Autoregressive(graph, CurieWeissInfinite(start_beta=beta), ga.natural, dtype=torch.float64)
    spins, log_q = model.at(beta).sample_with_log_prob(4000, seed=0)
    bound = float((log_q + beta * graph.energy(spins)).mean())
    assert bound == pytest.approx(-closed_form(200, coupling, field, beta), rel=error)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CurieWeissInfinite("relu"), 'activation must be "sign", "tanh" or "gain", got \'relu\''),
        (lambda: CurieWeissInfinite(scale=-1.0), "scale must be finite and not negative, got -1.0"),
        (lambda: CurieWeissInfinite(start_beta=-1.0), "start_beta must be finite and not negative, got -1.0"),
        (
            lambda: CurieWeissInfinite("tanh", start_beta=1.0),
            'start_beta must be None where activation is not "sign", got',
        ),
        (lambda: OneParameter(scale=math.inf), "scale must be finite and not negative, got inf"),
    ],
)
def test_refused_settings(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
