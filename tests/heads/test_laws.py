"""Every law of models for every head of the registry on small graphs of every kind, with the dial and without.

The linear head, which is the default, and the exact one meet every graph; every other head meets a third of them, the
next head the next third.
"""

from __future__ import annotations

import itertools
from functools import cache

import laws
import pytest
import torch
from noise import add_noise
from small_graphs import GRAPHS, ORDERINGS

import graphar as ga
from graphar.heads.registry import HEADS

# Frontiers are held to their definition elsewhere, in every order: here each head meets all kinds of them on its way
# through the graphs, and each graph on its way through the heads.
STRUCTURES = list(
    itertools.product(ORDERINGS, [("component", None), ("all", None), ("component", 0), ("component", 2)])
)
# widths that leave some sites to the head and some exact, in whatever order; other graphs have none
WIDTHS = {"grid": 2, "torus": 4, "triangular": 2, "random regular": 3}
CASES = [
    (head, graph, 0)
    for i, head in enumerate(HEADS)
    for j, graph in enumerate(GRAPHS)
    if head in ("linear", "exact") or (i + j) % 3 == 0
]
CASES += [
    (head, graph, width)
    for i, head in enumerate(HEADS)
    for j, (graph, width) in enumerate(WIDTHS.items())
    if head == "linear" or (head != "exact" and (i + j) % 2 == 0)
]
with_all_models = pytest.mark.parametrize(("head", "graph", "width"), CASES)


def structure(head: str, graph: str) -> tuple[str, tuple[str, int | None]]:
    """One of 32, another for the next head and for the next graph."""
    return STRUCTURES[(5 * list(HEADS).index(head) + 15 * list(GRAPHS).index(graph)) % len(STRUCTURES)]


@cache
def model_of(head: str, graph: str, width: int) -> ga.Autoregressive:
    """A float64 model with weights of order one, shared by the laws."""
    ordering, (frontier, radius) = structure(head, graph)
    order = ORDERINGS[ordering](GRAPHS[graph])
    if head == "exact":
        return ga.Autoregressive(GRAPHS[graph], HEADS[head], order, dtype=torch.float64)
    if width and frontier == "component":
        order = None  # the dial's own
    model = ga.Autoregressive(
        GRAPHS[graph], HEADS[head], order, frontier, radius=radius, exact_width=width, seed=3, dtype=torch.float64
    )
    assert width == 0 or 1 < model.core.num_spins < model.num_spins
    add_noise(model, 0.5, seed=4)
    return model


def test_every_head_meets_every_kind_of_structure() -> None:
    for head in HEADS:
        met = [structure(head, graph) for other, graph, width in CASES if other == head and not width]
        assert len(set(met)) == len(met)
        assert {frontier for _, frontier in met} == {frontier for _, frontier in STRUCTURES}
        assert len({ordering for ordering, _ in met}) >= 5
    assert {structure(head, graph) for head, graph, width in CASES if not width} == set(STRUCTURES)
    for graph in GRAPHS:
        assert len({head for head, other, _ in CASES if other == graph}) >= 6


@pytest.mark.parametrize("law", laws.LAWS)
@with_all_models
def test_law(law: str, head: str, graph: str, width: int) -> None:
    laws.LAWS[law](model_of(head, graph, width))


@pytest.mark.parametrize(("graph", "width"), [("grid", 2), ("isolated spin", 0), ("complete", 0)])
@pytest.mark.parametrize("head", HEADS)
def test_samples_follow_the_density(head: str, graph: str, width: int) -> None:
    laws.samples_follow_the_density(model_of(head, graph, 0 if head == "exact" else width))


def test_heads_without_bias_and_field_keep_the_symmetry() -> None:
    for head in (ga.heads.Linear(scale=2.0, bias=False), ga.heads.MessagePassing(linear=False)):
        laws.symmetric(ga.Autoregressive(GRAPHS["grid"], head, dtype=torch.float64))
