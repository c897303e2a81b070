"""Gradients of the weights that all messages share."""

from __future__ import annotations

import pytest
import torch
from message_models import (
    BETA,
    SCHEDULES,
    WITH_WEIGHTS,
    model_of,
)
from small_graphs import GRAPHS, KERNELS, ORDERINGS


@pytest.mark.parametrize("graph", ["pair", "two components", "torus", "random regular", "complete"])
@pytest.mark.parametrize("schedule", WITH_WEIGHTS)
def test_gradients_agree_with_each_other_and_with_finite_differences(graph: str, schedule: str) -> None:
    found = []
    for kernel in KERNELS:
        model = model_of(GRAPHS[graph], SCHEDULES[schedule], ORDERINGS["random"], kernel=kernel)
        q = model.at(BETA)
        x = model.at(0).sample(70, seed=0)
        share = torch.linspace(-1, 2, 70, dtype=torch.float64)
        by_log_prob = torch.autograd.grad(share @ q.log_prob(x), list(model.parameters()), allow_unused=True)
        of_sites = torch.linspace(1, 3, model.num_spins, dtype=torch.float64)
        by_logits = torch.autograd.grad(share @ (q.logits(x) @ of_sites), list(model.parameters()), allow_unused=True)
        found.append([torch.zeros(1) if part is None else part for part in (*by_log_prob, *by_logits)])
    for reference, compiled in zip(*found, strict=True):
        torch.testing.assert_close(compiled, reference, rtol=1e-9, atol=1e-11)
    half = len(found[0]) // 2
    generator = torch.Generator().manual_seed(0)
    for parameter, gradient in zip(model.parameters(), found[1][:half], strict=True):
        way = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        values = []
        for step in (1e-7, -1e-7):  # short, as magnitudes have kinks
            with torch.no_grad():
                parameter.add_(step * way)
                values.append(float(share @ q.log_prob(x)))
                parameter.sub_(step * way)
        expected = (values[0] - values[1]) / 2e-7
        assert float((gradient * way).sum()) == pytest.approx(expected, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("schedule", ["learned return", "learned full"])
def test_gradients_that_forget_agree_and_are_others(schedule: str) -> None:
    found = []
    for kernel, gradient_decay in (("reference", 0.4), ("numba", 0.4), ("numba", 1.0)):
        model = model_of(GRAPHS["two components"], SCHEDULES[schedule], ORDERINGS["random"], kernel=kernel)
        model.head.rule.gradient_decay = gradient_decay
        x = model.at(0).sample(70, seed=0)
        weights = list(model.head.rule.parameters())
        found.append(
            torch.cat([part.flatten() for part in torch.autograd.grad(model.at(1.0).log_prob(x).sum(), weights)])
        )
    torch.testing.assert_close(found[1], found[0], rtol=1e-9, atol=1e-11)
    assert float((found[2] - found[1]).abs().max()) > 1e-6 * float(found[1].abs().max())
