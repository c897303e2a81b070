"""A hypergraph whose interactions are all pairs is its graph, to the last bit."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from every_head import HEADS
from torch import Tensor

import graphar as ga
from graphar.training import NaturalGradient

GRAPHS = {
    "torus": ga.grid((4, 4), periodic=True, couplings="gaussian", field="gaussian", seed=1),
    "random regular": ga.random_regular(20, degree=3, couplings="pm1", seed=2),
    "one coupling": ga.curie_weiss(12, field=0.1),
}
STRUCTURES: list[dict[str, Any]] = [
    {},
    {"radius": 1},
    {"frontier": "all"},
    {"exact_width": 3},
    {"ordering": ga.nested_dissection},
    {"ordering": ga.min_degree, "radius": 0},
    {"ordering": lambda graph: ga.random_order(graph, seed=3)},
]


def _all_there_is(graph: ga.IsingGraph | ga.SpinHypergraph, head: ga.heads.Head, **options: Any) -> list[Tensor]:
    """Samples, log q, logits and energies of a model, and all gradients."""
    model = ga.Autoregressive(graph, head, seed=1, **options)
    q = model.at(0.7)
    with torch.no_grad():
        spins, log_q = q.sample_with_log_prob(100, seed=4)
        logits = q.logits(spins)
    weights = list(model.parameters())
    found = [spins, log_q, logits, graph.energy(spins), *weights]
    if weights:
        again = q.log_prob(spins)
        slopes = torch.autograd.grad(
            torch.linspace(-1, 2, 100, dtype=torch.float64) @ again, weights, allow_unused=True
        )
        found += [again, *(slope for slope in slopes if slope is not None)]
    return [part.detach() for part in found]


@pytest.mark.parametrize(("number", "head"), list(enumerate(HEADS)))
@pytest.mark.parametrize("kernel", ["auto", "reference"])
@pytest.mark.parametrize("graph", GRAPHS)
def test_the_numbers_of_the_graph(graph: str, number: int, head: str, kernel: str) -> None:
    options = STRUCTURES[(number + list(GRAPHS).index(graph)) % len(STRUCTURES)] | {"kernel": kernel}
    if isinstance(HEADS[head], ga.heads.MessagePassing) and not HEADS[head].linear:
        options = options | {"radius": None}
    hyper = ga.SpinHypergraph.from_ising(GRAPHS[graph])
    ours, theirs = (_all_there_is(g, HEADS[head], **options) for g in (hyper, GRAPHS[graph]))
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert torch.equal(one, other)


def test_training_is_the_same() -> None:
    settings = {"steps": 4, "warmup": 2, "batch_size": 64, "seed": 0, "progress": False}
    for natural in (False, True):
        results = []
        for graph in (GRAPHS["torus"], ga.SpinHypergraph.from_ising(GRAPHS["torus"])):
            model = ga.Autoregressive(graph)
            optimizer = partial(NaturalGradient, model=model) if natural else None
            run = ga.anneal(model, [0.2, 0.5], optimizer=optimizer, **settings)
            results.append((run.history[-1].bound, run.best_energy, model.head.weight.detach().clone()))
        assert results[0][:2] == results[1][:2]
        assert torch.equal(results[0][2], results[1][2])
