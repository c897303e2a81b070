"""Filters of every head: each is what one reader, or one shared unit, weighs."""

from __future__ import annotations

import pytest
import torch
from every_head import HEADS
from small_graphs import GRAPHS, configurations

import graphar as ga
from graphar.landscapes.directions import filter_norms, random_direction

BETA = 0.7
# all sites share weights, or hidden units of earlier ones
SHARED = (ga.heads.MessagePassing, ga.heads.MADE, ga.heads.Recurrent)


def model_of(head: ga.heads.Head, graph: str = "grid", **options) -> ga.Autoregressive:
    return ga.Autoregressive(GRAPHS[graph], head, dtype=torch.float64, kernel="reference", **options)


def suitable(head: ga.heads.Head) -> str:
    return "complete" if isinstance(head, ga.heads.CurieWeiss) else "grid"


@pytest.mark.parametrize("name", HEADS)
def test_a_filter_of_a_tensor_of_readers_moves_one_conditional_alone(name: str) -> None:
    model = model_of(HEADS[name], suitable(HEADS[name]))
    if not model.num_parameters or isinstance(HEADS[name], SHARED):
        pytest.skip("no weights of readers")
    assert model.head is not None
    labels = model.head.filters(model.frontier)
    named = {key: weight for key, weight in model.head.named_parameters() if weight.numel()}
    assert set(named) <= set(labels)
    generator = torch.Generator().manual_seed(0)
    q, x = model.at(BETA), configurations(model.num_spins)[::7]
    with torch.no_grad():
        for weight in named.values():  # no unit dead, none at the point where its slope is zero
            weight.add_(0.3 * torch.randn(weight.shape, generator=generator, dtype=torch.float64))
        before = q.logits(x)
        for key, weight in named.items():
            numbers = labels[key].broadcast_to(weight.shape)
            if weight.dim() == 1 and key.split(".")[-1] != "weight":
                continue  # biases of all readers together
            per_reader = numbers.unique().numel() > 2
            for label in numbers.unique()[:12].tolist():
                kept = weight.clone()
                weight[numbers == label] *= 1.5
                moved = (q.logits(x) != before).any(0)
                weight.copy_(kept)
                if per_reader:
                    assert int(moved.sum()) <= 1, (key, label)


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("width", [0, 2])
def test_directions_have_the_weights_own_norms(name: str, width: int) -> None:
    graph = suitable(HEADS[name])
    if width and graph == "complete":
        pytest.skip("no narrow sites")
    model = model_of(HEADS[name], graph, exact_width=width)
    if not model.num_parameters:
        pytest.skip("no weights")
    first, second = (random_direction(model, torch.Generator().manual_seed(seed)) for seed in (1, 2))
    assert model.head is not None
    labels = {f"head.{key}": numbers for key, numbers in model.head.filters(model.frontier).items()}
    for key, weight in model.named_parameters():
        if not weight.numel():
            continue
        for direction in (first, second):
            assert direction[key].shape == weight.shape
            torch.testing.assert_close(
                filter_norms(direction[key], labels[key]), filter_norms(weight.detach(), labels[key])
            )
        assert weight.numel() == 1 or not torch.equal(first[key], second[key]) or not weight.any()


def test_units_of_one_reader_are_filters_of_their_own() -> None:
    model = model_of(ga.heads.MLP(hidden=3, depth=2))
    assert model.head is not None
    labels = model.head.filters(model.frontier)
    read = int((model.frontier.pair_spin != model.frontier.pair_reader).sum())
    assert labels["first"].shape == (3, read)
    readers = len(torch.unique(model.frontier.pair_reader[model.frontier.pair_spin != model.frontier.pair_reader]))
    assert labels["first"].unique().numel() == 3 * readers
    assert labels["deeper.0"].broadcast_to(model.head.deeper[0].shape).unique().numel() == 3 * 12
    made = model_of(ga.heads.MADE(2, 4))
    assert made.head is not None
    assert made.head.filters(made.frontier)["layers.0"].unique().numel() == 4 * 11
