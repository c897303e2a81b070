"""Landscapes and lost modes of models of many-body spins."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypergraphs import HYPERGRAPHS, configurations

import graphar as ga
from graphar.landscapes.directions import filter_norms, random_direction

BETA = 0.7
NETWORKS = (ga.heads.Linear("parents"), ga.heads.MLP(hidden=3), ga.heads.MADE(2, 2), ga.heads.SingleLayer())


@pytest.mark.parametrize("name", ["pair", "nested", "triples", "orders 1 to 5"])
def test_a_perfect_model_has_lost_nothing(name: str) -> None:
    graph = HYPERGRAPHS[name]
    report = ga.lost_modes(ga.Autoregressive(graph, ga.heads.Exact).at(BETA), 1000)
    exact = ga.exact.enumerate(graph, BETA)
    assert (report.num_ground_states, report.num_lost) == (exact.degeneracy, 0)
    assert report.bound is not None
    assert report.bound.gap.value == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("head", NETWORKS, ids=repr)
@pytest.mark.parametrize("width", [0, 2])
def test_planes_and_curvature_are_those_of_enumeration(head: ga.heads.Head, width: int) -> None:
    graph = ga.newman_moore(3)
    model = ga.Autoregressive(graph, head, exact_width=width, dtype=torch.float64)
    plane = ga.landscape(model.at(BETA), num=3, progress=False)
    x = configurations(9)
    with torch.no_grad():
        log_q = model.at(BETA).log_prob(x)
    assert plane.centre == pytest.approx(float(log_q.exp() @ (log_q + BETA * graph.energy(x))), abs=1e-10)
    assert plane.values.min() >= -ga.exact.enumerate(graph, BETA).log_partition - 1e-9
    drawn = ga.landscape(model.at(BETA), num=3, num_samples=4000, progress=False)
    assert (np.abs(drawn.values - plane.values) < 5 * drawn.stderr + 1e-9).all()
    steep = ga.hessian_eigenvalues(model.at(BETA), 2, progress=False)
    ways = ga.landscape(model.at(BETA), num=3, span=1e-3, directions=steep.directions, progress=False)
    second = (ways.values[0, 1] - 2 * ways.values[1, 1] + ways.values[2, 1]) / 1e-6
    assert second == pytest.approx(steep.values[0], rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("head", [*NETWORKS, ga.heads.Linear(), ga.heads.SherringtonKirkpatrick(1)], ids=repr)
def test_directions_have_the_weights_own_norms(head: ga.heads.Head) -> None:
    model = ga.Autoregressive(HYPERGRAPHS["orders 1 to 5, dense"], head, dtype=torch.float64)
    direction = random_direction(model, torch.Generator().manual_seed(1))
    assert model.head is not None
    labels = {f"head.{key}": numbers for key, numbers in model.head.filters(model.frontier).items()}
    for key, weight in model.named_parameters():
        expected = filter_norms(weight.detach(), labels[key])
        torch.testing.assert_close(filter_norms(direction[key], labels[key]), expected)


def test_newman_moore_keeps_its_four_ground_states_where_it_is_learned_slowly() -> None:
    graph = ga.newman_moore(3)
    model = ga.Autoregressive(graph, ga.heads.MLP(hidden=8, inputs="parents"))
    ga.anneal(model, ga.linear(0.2, 4.0, 10), 30, warmup=20, batch_size=64, learning_rate=0.03, progress=False)
    report = ga.lost_modes(model.at(4.0), 2000)
    assert (report.num_found, report.num_ground_states, report.num_lost) == (4, 4, 0)
    assert report.asymmetry is None  # triangles tell x from −x
