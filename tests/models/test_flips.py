"""log q of all configurations one flip away, by few passes, is that of one pass for each."""

from __future__ import annotations

import pytest
import torch
from every_head import HEADS
from noise import add_noise
from small_graphs import GRAPHS, ORDERINGS, configurations

import graphar as ga

BETA = 0.7
# every head on some graphs, with every kind of frontier; and the dial
KINDS = [("component", None), ("all", None), ("component", 0), ("component", 1)]
SHAPES = ["two components", "grid", "tree", "complete", "random regular"]
CASES = [(head, shape, *KINDS[(i + k) % 4]) for i, head in enumerate(HEADS) for k, shape in enumerate(SHAPES)]
LINEAR = [ga.heads.Linear(), ga.heads.Linear("parents"), ga.heads.SingleLayer()]
LINEAR_KINDS = [("component", None), ("all", None), ("component", 0), ("component", 2), ("all", 2), ("all", 0)]
LINEAR_CASES = [
    pytest.param(head, shape, *LINEAR_KINDS[(2 * i + j + 3 * k) % 6], id=f"{head!r}-{shape}-{k}")
    for i, head in enumerate(LINEAR)
    for j, shape in enumerate(GRAPHS)
    for k in range(2)
]


def stirred(model: ga.Autoregressive) -> ga.Autoregressive:
    add_noise(model, 0.5, 4)
    return model


@torch.no_grad()
def by_brute_force(q: ga.Distribution, spins: torch.Tensor) -> torch.Tensor:
    flips = 1 - 2 * torch.eye(spins.shape[1], dtype=torch.float64)
    return q.log_prob(spins[:, None] * flips) - q.log_prob(spins)[:, None]


@pytest.mark.parametrize(("head", "shape", "kind", "radius"), CASES)
def test_every_head(head: str, shape: str, kind: str, radius: int | None) -> None:
    graph = GRAPHS[shape]
    if "MessagePassing" in head and not HEADS[head].linear:
        radius = None  # the head has its own
    order = list(ORDERINGS.values())[(len(head) + list(GRAPHS).index(shape)) % len(ORDERINGS)]
    q = stirred(
        ga.Autoregressive(graph, HEADS[head], order(graph), kind, radius=radius, seed=3, dtype=torch.float64)
    ).at(BETA)
    spins = configurations(graph.num_spins)[:: max(1, 2**graph.num_spins // 40)]
    ratios = q.flip_log_ratios(spins)
    assert ratios.dtype == torch.float64
    torch.testing.assert_close(ratios, by_brute_force(q, spins), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("head", "shape", "kind", "radius"), LINEAR_CASES)
def test_linear_heads_need_no_pass_for_it(head, shape: str, kind: str, radius: int | None) -> None:
    order = list(ORDERINGS.values())[(list(GRAPHS).index(shape) + (radius or 0)) % len(ORDERINGS)]
    graph = GRAPHS[shape]
    models = [
        ga.Autoregressive(graph, head, order(graph), kind, radius=radius, seed=3, dtype=torch.float64, kernel=kernel)
        for kernel in ("numba", "reference")
    ]
    spins = configurations(graph.num_spins)[:: max(1, 2**graph.num_spins // 70)]
    compiled, reference = (stirred(model).at(BETA) for model in models)
    assert compiled.learned_part.flip_log_ratios(spins) is not None
    assert reference.learned_part.flip_log_ratios(spins) is None
    ratios = compiled.flip_log_ratios(spins)
    torch.testing.assert_close(ratios, by_brute_force(compiled, spins), rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(ratios, reference.flip_log_ratios(spins), rtol=1e-10, atol=1e-10)


def test_many_readers() -> None:
    graph = ga.chain(1500, couplings="gaussian", seed=0)  # more of them than factors are multiplied before a logarithm
    q = stirred(ga.Autoregressive(graph, ga.heads.SingleLayer(), dtype=torch.float64)).at(BETA)
    spins = q.sample(3, seed=0)
    site = int(q.model.ordering.sites[1])
    flipped = spins.clone()
    flipped[:, site] *= -1
    expected = q.log_prob(flipped) - q.log_prob(spins)
    torch.testing.assert_close(q.flip_log_ratios(spins)[:, site], expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("width", [1, 2, 3, "full"])
@pytest.mark.parametrize("head", ["linear_parents", "mlp", "message_passing", "made", "curie_weiss_infinite"])
def test_the_dial(head: str, width: int | str) -> None:
    graph = GRAPHS["triangular"]
    exact_width = graph.num_spins if width == "full" else int(width)
    q = stirred(ga.Autoregressive(graph, HEADS[head], exact_width=exact_width, seed=3, dtype=torch.float64)).at(BETA)
    spins = configurations(graph.num_spins)[::13]
    torch.testing.assert_close(q.flip_log_ratios(spins), by_brute_force(q, spins), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("shape", GRAPHS)
def test_as_few_passes_as_the_separators_allow(shape: str) -> None:
    for order in ORDERINGS.values():
        _few_passes(ga.Autoregressive(GRAPHS[shape], ordering=order))


def _few_passes(model: ga.Autoregressive) -> None:
    assert len(model.flip_passes) == model.frontier.width + 1
    met = torch.cat([part.sites for part in model.flip_passes])
    assert torch.equal(met.sort().values, torch.arange(model.num_spins))
    assert sum(len(part.readers) for part in model.flip_passes) == model.num_spins + int(
        model.frontier.num_parents.sum()
    )


def test_a_chain_of_any_length_takes_two_passes() -> None:
    assert len(ga.Autoregressive(ga.chain(5000)).flip_passes) == 2


def test_shape_and_type() -> None:
    q = ga.Autoregressive(GRAPHS["grid"]).at(BETA)
    spins = configurations(12).to(torch.int8)[:24].reshape(2, 3, 4, 12)
    ratios = q.flip_log_ratios(spins)
    assert ratios.shape == spins.shape
    torch.testing.assert_close(ratios[1, 2, 3], q.flip_log_ratios(spins[1, 2, 3]), rtol=0, atol=1e-6)
    with pytest.raises(ValueError, match=r"spins must have shape \(..., 12\)"):
        q.flip_log_ratios(torch.ones(11))
