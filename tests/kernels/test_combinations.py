"""Every combination of head, frontier, order, radius and width that a model accepts is one distribution."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from every_head import HEADS
from hypothesis import given, settings
from hypothesis import strategies as st
from noise import add_noise
from small_graphs import KERNELS
from torch import Tensor

import graphar as ga
from graphar.heads import MessagePassing

ORDERS = {
    "natural": ga.natural,
    "rcm": ga.rcm,
    "min_degree": ga.min_degree,
    "nested_dissection": ga.nested_dissection,
    "random": lambda graph: ga.random_order(graph, seed=1),
    "backwards": lambda graph: ga.given_order(graph, torch.arange(graph.num_spins).flip(0)),
}


@st.composite
def graphs(draw: st.DrawFn) -> ga.IsingGraph:
    """Up to 12 spins, any edges: empty, disconnected, complete; couplings with zeros, fields on some spins or none."""
    n = draw(st.integers(1, 12))
    pairs = [(i, j) for i in range(n) for j in range(i)]
    kind = draw(st.sampled_from(["sparse", "dense", "tree", "one coupling"]))
    if kind == "one coupling":
        edges = pairs
    elif kind == "tree":
        edges = [(k, draw(st.integers(0, k - 1))) for k in range(1, n)]
    else:
        edges = [pair for pair in pairs if draw(st.integers(0, 3)) < (1 if kind == "sparse" else 3)]
    generator = torch.Generator().manual_seed(draw(st.integers(0, 99)))
    weights = torch.randn(len(edges), generator=generator, dtype=torch.float64)
    if kind == "one coupling":
        weights = torch.full_like(weights, 1 / n)
    elif draw(st.booleans()):
        weights = weights.sign() * (torch.rand(len(edges), generator=generator) > 0.2)
    h = torch.randn(n, generator=generator, dtype=torch.float64)
    h = draw(st.sampled_from([None, h, h * (h > 0)]))
    return ga.IsingGraph.from_edges(torch.tensor(edges).reshape(-1, 2).T, weights, h, n)


@st.composite
def hypergraphs(draw: st.DrawFn) -> ga.SpinHypergraph:
    """Up to 10 spins, any sets of up to five of them, nested ones too; couplings with zeros, fields or none."""
    n = draw(st.integers(1, 10))
    one = st.sets(st.integers(0, n - 1), min_size=min(n, 2), max_size=5)
    sets = draw(st.lists(one.map(lambda found: tuple(sorted(found))), max_size=12, unique=True))
    sets = [found for found in sets if len(found) > 1]
    generator = torch.Generator().manual_seed(draw(st.integers(0, 99)))
    weights = torch.randn(len(sets), generator=generator, dtype=torch.float64)
    weights = weights * (torch.rand(len(sets), generator=generator) > 0.2)
    h = torch.randn(n, generator=generator, dtype=torch.float64)
    return ga.SpinHypergraph.from_hyperedges(sets, weights, draw(st.sampled_from([None, h])), n)


@st.composite
def structures(draw: st.DrawFn) -> dict[str, Any]:
    """Frontier, radius and exact width, the dial mostly off."""
    return {
        "ordering": ORDERS[draw(st.sampled_from(sorted(ORDERS)))],
        "frontier": draw(st.sampled_from(["component", "all"])),
        "radius": draw(st.sampled_from([None, None, 0, 1, 2, 12])),
        "exact_width": draw(st.sampled_from([0, 0, 0, 1, 2, 3])),
    }


message_heads = st.builds(
    MessagePassing,
    radius=st.integers(0, 4),
    rounds=st.integers(1, 3),
    refresh=st.sampled_from(["outward", "return", "full"]),
    hidden=st.sampled_from([0, 0, 2]),
    linear=st.booleans(),
)


def model_of(
    graph: ga.IsingGraph | ga.SpinHypergraph, head: ga.heads.Head, kernel: str, **options: Any
) -> ga.Autoregressive:
    """A model with weights of order one, the same for both kernels."""
    model = ga.Autoregressive(graph, head, kernel=kernel, dtype=torch.float64, seed=1, **options)
    add_noise(model, 0.3, seed=2)
    return model


def all_there_is(model: ga.Autoregressive, beta: float) -> dict[str, Tensor]:
    """Samples, log q and logits, of drawn and of given spins, and the gradients of all that have them."""
    q, n = model.at(beta), model.num_spins
    x = torch.randint(0, 2, (70, n), generator=torch.Generator().manual_seed(3), dtype=torch.float64) * 2 - 1
    drawn, log_q = q.sample_with_log_prob(70, seed=4)
    found = {"samples": drawn, "log q of samples": log_q, "log q": q.log_prob(x), "logits": q.logits(x)}
    weights = list(model.parameters())
    of_samples = torch.linspace(-1, 2, 70, dtype=torch.float64)
    objectives = {"log q": of_samples @ found["log q"], "logits": (of_samples @ found["logits"]).sum()}
    if q.learned:
        more = q.learned_part.sample(5, 64, 70, differentiable=True)
        assert not more.energy.requires_grad
        found |= {"more samples": more.spins, "log q of more": more.log_prob, "energies of more": more.energy}
        objectives["log q of more"] = of_samples @ more.log_prob
    for name, objective in objectives.items():
        if objective.requires_grad:
            gradients = torch.autograd.grad(objective, weights, retain_graph=True, allow_unused=True)
            for k, (gradient, weight) in enumerate(zip(gradients, weights, strict=True)):
                found[f"d {name} / d weight {k}"] = torch.zeros_like(weight) if gradient is None else gradient
    return {name: value.detach() for name, value in found.items()}


def check(
    graph: ga.IsingGraph | ga.SpinHypergraph, head: ga.heads.Head, structure: dict[str, Any], beta: float
) -> None:
    """Both kernels refuse a combination, for the same reason, or give the same."""
    if isinstance(head, MessagePassing) and not head.linear:
        structure = structure | {"radius": None}  # which is the head's
    found, refused = [], []
    for kernel in KERNELS:
        try:
            model = model_of(graph, head, kernel, **structure)
        except ValueError as error:
            refused.append(str(error))
        else:
            found.append(all_there_is(model, beta))
    assert len(set(refused)) == bool(refused)
    assert len(found) + len(refused) == 2
    assert len(found) != 1
    if found:
        reference, compiled = found
        assert reference.keys() == compiled.keys()
        for name, value in reference.items():
            if name in ("samples", "more samples"):
                assert torch.equal(compiled[name], value), name
            torch.testing.assert_close(
                compiled[name], value, rtol=1e-10, atol=1e-10, msg=lambda text, name=name: f"{name}: {text}"
            )


@pytest.mark.parametrize("head", HEADS)
@settings(max_examples=5, deadline=None, derandomize=True, database=None)
@given(graph=graphs(), structure=structures(), beta=st.sampled_from([0.0, 0.7, 2.0]))
def test_reference_and_compiled_kernel_are_one(
    head: str, graph: ga.IsingGraph, structure: dict[str, Any], beta: float
) -> None:
    check(graph, HEADS[head], structure, beta)


@pytest.mark.parametrize("head", HEADS)
@settings(max_examples=6, deadline=None, derandomize=True, database=None)
@given(graph=hypergraphs(), structure=structures(), beta=st.sampled_from([0.0, 0.7, 2.0]))
def test_reference_and_compiled_kernel_are_one_on_hypergraphs(
    head: str, graph: ga.SpinHypergraph, structure: dict[str, Any], beta: float
) -> None:
    check(graph, HEADS[head], structure, beta)


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(graph=graphs(), head=message_heads, structure=structures(), beta=st.sampled_from([0.0, 0.7, 2.0]))
def test_reference_and_compiled_message_passing_are_one(
    graph: ga.IsingGraph, head: MessagePassing, structure: dict[str, Any], beta: float
) -> None:
    check(graph, head, structure, beta)
