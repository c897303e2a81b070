"""Every law of models on many-body spins: every head that takes them, with the dial and without.

The linear head meets every hypergraph, the others some.
"""

from __future__ import annotations

import itertools
from functools import cache

import laws
import pytest
import torch
from hypergraphs import HYPERGRAPHS
from small_graphs import ORDERINGS

import graphar as ga
from graphar.heads.registry import HEADS as REGISTRY

HEADS = {
    name: REGISTRY[name]
    for name in ("linear", "linear_parents", "mlp", "sk_1rsb", "one_parameter", "single_layer", "made", "exact")
}
FRONTIERS = [("component", None), ("all", None), ("component", 0), ("component", 1), ("component", 2)]
STRUCTURES = list(itertools.product(ORDERINGS, FRONTIERS))
WIDTHS = {"pairs": 2, "two components": 2, "triples": 4, "orders 1 to 5": 2}  # that leave sites to the head, and exact
FEW = ("fields only", "nested", "triples", "orders 1 to 5", "not dyadic")
CASES = [("linear", graph, 0) for graph in HYPERGRAPHS] + [("exact", graph, 0) for graph in FEW]
CASES += [
    (head, graph, 0)
    for i, head in enumerate(HEADS)
    for j, graph in enumerate(FEW)
    if head not in ("linear", "exact") and (i + j) % 2 == 0
]
CASES += [
    (head, graph, width)
    for i, head in enumerate(HEADS)
    for j, (graph, width) in enumerate(WIDTHS.items())
    if head == "linear" or (head != "exact" and (i + j) % 2 == 0)
]


@cache
def model_of(head: str, graph: str, width: int) -> ga.Autoregressive:
    """A float64 model with weights of order one, shared by the laws."""
    place = 7 * list(HEADS).index(head) + 11 * list(HYPERGRAPHS).index(graph)
    ordering, (frontier, radius) = STRUCTURES[place % len(STRUCTURES)]
    order = ORDERINGS[ordering](HYPERGRAPHS[graph])
    if head == "exact":
        return ga.Autoregressive(HYPERGRAPHS[graph], HEADS[head], order, dtype=torch.float64)
    options = {"radius": radius, "exact_width": width, "seed": 3, "dtype": torch.float64}
    model = ga.Autoregressive(HYPERGRAPHS[graph], HEADS[head], None if width else order, frontier, **options)
    assert width == 0 or 1 < model.core.num_spins < model.num_spins
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.5 * torch.randn(weight.shape, generator=generator, dtype=torch.float64))
    return model


@pytest.mark.parametrize("law", laws.LAWS)
@pytest.mark.parametrize(("head", "graph", "width"), CASES)
def test_law(law: str, head: str, graph: str, width: int) -> None:
    laws.LAWS[law](model_of(head, graph, width))


@pytest.mark.parametrize(("graph", "width"), [("orders 1 to 5", 2), ("triples", 0), ("not dyadic", 0)])
@pytest.mark.parametrize("head", ["linear", "mlp", "made", "exact"])
def test_samples_follow_the_density(head: str, graph: str, width: int) -> None:
    laws.samples_follow_the_density(model_of(head, graph, 0 if head == "exact" else width))
