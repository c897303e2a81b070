"""The objective's gradient: unbiased for the smallest batch, and as sparse as the pairs."""

from __future__ import annotations

import pytest
import torch
from small_graphs import GRAPHS, configurations

import graphar as ga
from graphar.training import variational_step

BETA = 0.7


@pytest.mark.parametrize("width", [0, 2])
def test_batches_of_two_are_unbiased(width: int) -> None:
    # the mean L includes the sample itself: with 1/n for 1/(n − 1) half of the gradient would be missing
    graph = GRAPHS["torus"]
    model = ga.Autoregressive(graph, ga.heads.Linear(scale=1.0), exact_width=width, seed=3, dtype=torch.float64)
    q, weights, x = model.at(BETA), list(model.parameters()), configurations(9)
    log_q = q.log_prob(x)
    objective = (log_q.exp() * (log_q + BETA * graph.energy(x))).sum()
    exact = torch.cat([part.flatten() for part in torch.autograd.grad(objective, weights)])
    generator, along = torch.Generator().manual_seed(2), []
    for _ in range(2000):
        model.zero_grad()
        variational_step(q, 2, generator)
        along.append(float(torch.cat([weight.grad.flatten() for weight in weights]) @ exact / (exact @ exact)))
    estimates = torch.tensor(along)
    stderr = float(estimates.std()) / len(along) ** 0.5
    assert stderr < 0.1
    assert abs(float(estimates.mean()) - 1) < 4 * stderr


def test_the_gradient_is_as_sparse_as_the_pairs() -> None:
    # 10^5 spins: a dense gradient would take 80 GB
    model = ga.Autoregressive(ga.grid((316, 316), seed=0), ordering=ga.nested_dissection)
    variational_step(model.at(0.5), 4, torch.Generator().manual_seed(0))
    assert model.head.weight.grad.shape == model.head.weight.shape
    assert bool(torch.isfinite(model.head.weight.grad).all())
