"""Hessians against second derivatives by autograd of the enumerated objective."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from small_graphs import configurations, model_on
from torch import Tensor
from torch.nn.functional import logsigmoid

import graphar as ga
from graphar._support.seeds import hash_key
from graphar.landscapes.curvature import make_curvature

BETA = 0.7


class Oracle:
    """log q of all configurations as a function of one vector of weights, for logits that are linear in them."""

    def __init__(self, model: ga.Autoregressive) -> None:
        self.x = configurations(model.num_spins)
        self.energy = BETA * model.graph.energy(self.x)
        q, weights = model.at(BETA), list(model.parameters())
        logits = q.logits(self.x)
        rows = [
            torch.cat([part.flatten() for part in torch.autograd.grad(each, weights, retain_graph=True)])
            for each in logits.flatten()
        ]
        self.features = torch.stack(rows).view(*logits.shape, -1)
        self.weights = torch.cat([weight.detach().flatten() for weight in weights])
        self.rest = logits.detach() - self.features @ self.weights

    def log_q(self, weights: Tensor) -> Tensor:
        return logsigmoid(self.x * (self.features @ weights + self.rest)).sum(-1)

    def objective(self, weights: Tensor) -> Tensor:
        log_q = self.log_q(weights)
        return (log_q.exp() * (log_q + self.energy)).sum()

    def hessian(self) -> Tensor:
        return torch.autograd.functional.hessian(self.objective, self.weights)

    def fisher(self) -> Tensor:
        slope = torch.autograd.functional.jacobian(self.log_q, self.weights)
        return (self.log_q(self.weights).exp()[:, None] * slope).T @ slope


def by_products(curvature: Any) -> np.ndarray:
    return np.stack([curvature.product(row) for row in np.eye(curvature.size)])


@pytest.mark.parametrize("graph", ["isolated spin", "complete", "two components"])
@pytest.mark.parametrize("inputs", ["messages", "parents"])
def test_the_exact_hessian_is_that_of_autograd(graph: str, inputs: str) -> None:
    model = model_on(graph, inputs, "rcm")
    oracle = Oracle(model)
    expected = oracle.hessian().numpy()
    found = by_products(make_curvature(model.at(BETA), None, 0))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-7 * (1 + np.abs(expected).max()))
    assert np.abs(expected - oracle.fisher().numpy()).max() > 0.005  # far from an optimum, where the first part counts


def test_the_hessian_of_a_batch_is_the_stated_sum() -> None:
    model = model_on("isolated spin", "messages", "rcm")
    oracle, curvature = Oracle(model), make_curvature(model.at(BETA), 300, 7)
    (drawn,) = model.at(BETA).draw(300, 7)
    codes = ((drawn.spins > 0).long() * 2 ** torch.arange(5).flip(0)).sum(-1)
    log_q = oracle.log_q(oracle.weights)[codes]
    loss = log_q + oracle.energy[codes]
    expected = torch.zeros(curvature.size, curvature.size, dtype=torch.float64)
    for code in codes.unique():
        slope = torch.autograd.functional.jacobian(lambda w, at=code: oracle.log_q(w)[at], oracle.weights)
        bend = torch.autograd.functional.hessian(lambda w, at=code: oracle.log_q(w)[at], oracle.weights)
        square, here = torch.outer(slope, slope), codes == code
        expected += (loss - loss.mean())[here].sum() / 299 * (bend + square) + here.sum() / 300 * square
    np.testing.assert_allclose(by_products(curvature), expected.numpy(), rtol=0, atol=1e-7)


def test_batches_are_unbiased() -> None:
    model = model_on("isolated spin", "messages", "rcm")
    expected = Oracle(model).hessian().numpy()
    found = np.stack([by_products(make_curvature(model.at(BETA), 40, hash_key(seed, "test"))) for seed in range(150)])
    error = found.std(axis=0, ddof=1) / 150**0.5
    assert (np.abs(found.mean(axis=0) - expected) < 5 * error + 1e-6).all()
    assert float(error.max()) < 0.2 * np.abs(expected).max()
    biased = (found.mean(axis=0) - expected) / np.maximum(error, 1e-6)
    assert abs(biased[np.triu_indices_from(biased)].mean()) < 1


@pytest.mark.parametrize("width", [0, 2])
def test_samples_agree_with_enumeration(width: int) -> None:
    graph = ga.grid((3, 3), periodic=True, couplings="gaussian", field=0.2, seed=9)
    model = ga.Autoregressive(graph, exact_width=width, dtype=torch.float64)
    exact = make_curvature(model.at(BETA), None, 0)
    drawn = make_curvature(model.at(BETA), 20_000, 1)
    vector = np.random.default_rng(0).standard_normal(exact.size)
    vector /= np.linalg.norm(vector)
    value, fresh = float(vector @ exact.product(vector)), drawn.along(vector)
    assert exact.along(vector) == ga.Estimate(value, 0.0)
    assert abs(fresh.value - value) < 5 * fresh.stderr
    assert fresh.stderr < 0.1 * abs(value)
    assert abs(float(vector @ drawn.product(vector)) - value) < 5 * fresh.stderr
    torch.testing.assert_close(
        torch.from_numpy(drawn.product(2 * vector)), 2 * torch.from_numpy(drawn.product(vector)), rtol=1e-6, atol=1e-8
    )
    assert not drawn.product(0 * vector).any()


@pytest.mark.parametrize("kernel", ["reference", "numba"])
@pytest.mark.parametrize("head", [ga.heads.MLP(hidden=2), ga.heads.MADE(2, 2), ga.heads.Linear()])
def test_kernels_and_heads(kernel: str, head: ga.heads.Head) -> None:
    """Along one line the objective's second difference is the Hessian's own."""
    graph = ga.grid((2, 3), couplings="gaussian", field=0.1, seed=0)
    model = ga.Autoregressive(graph, head, kernel=kernel, dtype=torch.float64)
    result = ga.hessian_eigenvalues(model.at(BETA), 2, progress=False)
    way = result.directions[0]
    plane = ga.landscape(model.at(BETA), num=3, span=1e-3, directions=[way, result.directions[1]], progress=False)
    second = (plane.values[0, 1] - 2 * plane.values[1, 1] + plane.values[2, 1]) / 1e-6
    assert second == pytest.approx(result.values[0], rel=1e-3, abs=1e-5)
    assert result.values[0] > result.values[1]


def test_lanczos_finds_what_the_whole_matrix_has(monkeypatch: pytest.MonkeyPatch) -> None:
    q = model_on("torus", "messages", "rcm").at(BETA)
    results = {which: ga.hessian_eigenvalues(q, 3, which=which, progress=False) for which in ("largest", "smallest")}
    expected = np.linalg.eigvalsh(by_products(make_curvature(q, None, 0)))
    np.testing.assert_allclose(results["largest"].values, expected[::-1][:3], rtol=0, atol=1e-6)
    np.testing.assert_allclose(results["smallest"].values, expected[:3], rtol=0, atol=1e-6)
    monkeypatch.setattr("graphar.landscapes.hessian.DENSE", 0)
    for which, dense in results.items():
        lanczos = ga.hessian_eigenvalues(q, 3, which=which, progress=False, tolerance=1e-8)
        np.testing.assert_allclose(lanczos.values, dense.values, rtol=0, atol=1e-5)
        for way in lanczos.directions:
            assert sum(float((part**2).sum()) for part in way.values()) == pytest.approx(1)
        again = ga.hessian_eigenvalues(q, 3, which=which, progress=False, tolerance=1e-8)
        assert (again.values == lanczos.values).all()


def test_lanczos_that_does_not_converge_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphar.landscapes.hessian.RESTARTS", 1)
    q = ga.Autoregressive(ga.grid((6, 6), couplings="pm1", seed=0)).at(BETA)
    with pytest.raises(ValueError, match="tolerance must be one that Lanczos reaches in 1 restarts"):
        ga.hessian_eigenvalues(q, 5, 50, which="smallest", progress=False, tolerance=1e-12)


def test_at_the_optimum_it_is_the_fisher_matrix() -> None:
    graph = ga.chain(5, couplings="ferromagnet")
    model = ga.Autoregressive(graph, ga.heads.Linear(bias=False, scale=0.0), ga.natural, dtype=torch.float64)
    oracle = Oracle(model)  # exact: the rest of an open chain without a field adds nothing
    assert float(oracle.objective(oracle.weights)) == pytest.approx(-ga.exact.enumerate(graph, BETA).log_partition)
    found = ga.hessian_eigenvalues(model.at(BETA), 2, progress=False)
    np.testing.assert_allclose(found.values, np.linalg.eigvalsh(oracle.fisher().numpy())[::-1][:2], rtol=0, atol=1e-7)
    drawn = ga.hessian_eigenvalues(model.at(BETA), 2, 500, progress=False)
    assert drawn.values == pytest.approx(found.values, rel=0.3)


def test_it_reads_well() -> None:
    q = ga.Autoregressive(ga.chain(6)).at(0.5)
    exact, drawn = (ga.hessian_eigenvalues(q, 2, count, progress=False) for count in (None, 100))
    assert repr(exact).startswith("beta = 0.5, 6 spins, 11 weights, 11 products, exact\n  largest eigenvalues\n")
    assert "100 samples\n  largest eigenvalues, on fresh samples\n" in repr(drawn)
    assert " ± " in repr(drawn)
    assert [estimate.stderr for estimate in exact.fresh] == [0, 0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 0}, "k must be at least 1"),
        ({"k": 12}, "k must be at most the number of weights, 11, got 12"),
        ({"num_samples": 1}, "num_samples must be at least 2"),
        ({"which": "both"}, 'which must be "largest" or "smallest"'),
        ({"tolerance": 0.0}, "tolerance must be positive"),
        ({"seed": -1}, "seed must be at least 0"),
        ({"progress": None}, "progress must be True or False"),
    ],
)
def test_bad_arguments(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ga.hessian_eigenvalues(ga.Autoregressive(ga.chain(6)).at(0.5), **{"progress": False, **options})
