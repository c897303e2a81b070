"""Message passing: exact on trees untrained, its schedule that of plain loops, one distribution on whatever graph."""

from __future__ import annotations

from typing import Any

import laws
import pytest
import torch
from message_models import (
    BETA,
    SCHEDULES,
    WITH_WEIGHTS,
    model_of,
    random_tree,
    with_all_schedules,
)
from message_oracle import logits_by_loops
from small_graphs import GRAPHS, KERNELS, ORDERINGS, configurations
from torch import Tensor

import graphar as ga
from graphar.heads import MessagePassing
from graphar.kernels.compiled.message_passing import MessagePassingKernel
from graphar.kernels.reference.message_passing import MessagePassingReferenceKernel


def boltzmann_logits(graph: ga.IsingGraph, beta: float, order: ga.Ordering) -> tuple[Tensor, Tensor]:
    """All configurations, and log p(x_i = +1 | x_<i) − log p(x_i = −1 | x_<i) by summing over them."""
    x = configurations(graph.num_spins)
    weight = (-beta * graph.energy(x)).exp()
    logits = torch.empty_like(x)
    past = torch.zeros(len(x), dtype=torch.int64)  # a number for what has been drawn
    for site in order.sites.tolist():
        up = x[:, site] > 0
        size = int(past.max()) + 1
        total = torch.zeros(2, size, dtype=torch.float64).index_put_((up.long(), past), weight, accumulate=True)
        logits[:, site] = (total[1] / total[0]).log()[past]
        past = 2 * past + up
    return x, logits


@pytest.mark.parametrize("refresh", ["outward", "return", "full"])
@pytest.mark.parametrize("order", ["rcm", "nested_dissection", "random"])
def test_exact_on_trees_once_radius_and_rounds_reach_across(refresh: str, order: str) -> None:
    for seed in range(3):
        graph = random_tree(10, seed)
        model = model_of(graph, MessagePassing(10, 10, refresh), ORDERINGS[order])
        x, expected = boltzmann_logits(graph, BETA, model.ordering)
        torch.testing.assert_close(model.at(BETA).logits(x), expected, rtol=0, atol=1e-10)
        log_p = -BETA * graph.energy(x) - ga.exact.enumerate(graph, BETA).log_partition
        torch.testing.assert_close(model.at(BETA).log_prob(x), log_p, rtol=0, atol=1e-10)


def test_a_large_tree_needs_the_radius_and_the_rounds() -> None:
    graph = ga.chain(30, couplings="gaussian", field="gaussian", seed=1)
    x = ga.Autoregressive(graph, ga.heads.Exact, dtype=torch.float64).at(1.0).sample(50, seed=0)
    log_p = -graph.energy(x) - ga.exact.eliminate(graph, 1.0).log_partition

    def error(order: Any, **schedule: Any) -> float:
        return float((model_of(graph, MessagePassing(**schedule), order).at(1.0).log_prob(x) - log_p).abs().max())

    middle = ga.given_order(graph, torch.arange(30).roll(15))
    assert error(middle, radius=30, rounds=30) < 1e-10
    assert error(middle, radius=2, rounds=30) > error(middle, radius=5, rounds=30) > 1e-8
    assert error(ORDERINGS["random"], radius=30, rounds=1) > 1e-3
    assert error(ORDERINGS["random"], refresh="full", rounds=30) < 1e-10


@pytest.mark.parametrize("graph", ["two components", "tree", "torus", "random regular"])
@pytest.mark.parametrize("schedule", [name for name, head in SCHEDULES.items() if not head.hidden])
def test_the_schedule_equals_plain_loops_over_spins(graph: str, schedule: str) -> None:
    model = model_of(GRAPHS[graph], SCHEDULES[schedule], ORDERINGS["nested_dissection"])
    x = model.at(0).sample(20, seed=0)
    expected = logits_by_loops(model.ordering, SCHEDULES[schedule], BETA, x)
    torch.testing.assert_close(model.at(BETA).logits(x), expected, rtol=1e-12, atol=1e-12)


def test_untrained_networks_correct_nothing() -> None:
    graph = GRAPHS["random regular"]
    plain, learned = (ga.Autoregressive(graph, MessagePassing(hidden=h), dtype=torch.float64) for h in (0, 8))
    x = configurations(10)
    assert torch.equal(plain.at(BETA).log_prob(x), learned.at(BETA).log_prob(x).detach())
    assert learned.num_parameters == sum(part.numel() for part in learned.head.rule.parameters()) > 0


def test_no_shared_weight_depends_on_the_graph() -> None:
    shapes = [
        [tuple(part.shape) for part in ga.Autoregressive(graph, MessagePassing(hidden=4)).parameters()]
        for graph in (GRAPHS["pair"], GRAPHS["complete"], ga.random_regular(200, degree=4, seed=0))
    ]
    assert shapes[0] == shapes[1] == shapes[2]


@with_all_schedules
@pytest.mark.parametrize("graph", ["two components", "tree", "torus"])
@pytest.mark.parametrize("law", [law for law in laws.LAWS if law != "gradients"])
def test_every_schedule_obeys_the_laws(law: str, graph: str, schedule: str) -> None:
    # slopes of learned messages, whose magnitudes have kinks, are looked at more closely elsewhere
    laws.LAWS[law](model_of(GRAPHS[graph], SCHEDULES[schedule], ORDERINGS["nested_dissection"]))


# Random gates make messages chaotic at very low temperature, in any precision: there only untrained ones are compared.
@pytest.mark.parametrize(
    ("schedule", "beta"),
    [(name, beta) for name in SCHEDULES for beta in (0.0, 0.5, 2.0, 60.0) if beta <= 2 or name not in WITH_WEIGHTS],
)
def test_single_precision_is_close_at_any_beta(schedule: str, beta: float) -> None:
    graph = ga.random_regular(100, degree=3, couplings="gaussian", field="gaussian", seed=0)
    # gates of this seed are tame at β = 2; those of some make messages chaotic, and weights moved by 1e-7 then move
    # logits of float64 by as much as single precision does
    models = [model_of(graph, SCHEDULES[schedule], dtype=d, seed=2) for d in (torch.float32, torch.float64)]
    models[1].load_state_dict(models[0].state_dict())  # starting weights depend on the type that they are drawn in
    single, double = (model.requires_grad_(False).at(beta) for model in models)
    x, log_q = single.sample_with_log_prob(64, seed=0)
    torch.testing.assert_close(single.logits(x).double(), double.logits(x), rtol=1e-5, atol=1e-5 * max(1.0, beta))
    torch.testing.assert_close(log_q, double.log_prob(x), rtol=1e-5, atol=1e-4 * max(1.0, beta))


@pytest.mark.parametrize("schedule", WITH_WEIGHTS)
def test_learned_messages_stay_finite_at_any_beta(schedule: str) -> None:
    graph = ga.random_regular(100, degree=3, couplings="gaussian", field="gaussian", seed=0)
    model = model_of(graph, SCHEDULES[schedule], dtype=torch.float32, seed=2)
    _, log_q = model.at(60.0).sample_with_log_prob(64, seed=0)
    assert bool(torch.isfinite(log_q).all())


def test_free_energy_of_a_sparse_graph_without_training() -> None:
    graph = ga.random_regular(512, degree=3, couplings="pm1", seed=3)
    estimate = ga.free_energy(ga.Autoregressive(graph, MessagePassing(radius=8)).at(0.5), 256, seed=0)
    assert estimate.ess > 0.9 * 256


def test_kernels_follow_the_name() -> None:
    assert type(model_of(GRAPHS["grid"], MessagePassing()).kernel) is MessagePassingKernel
    assert type(model_of(GRAPHS["grid"], MessagePassing(), kernel="reference").kernel) is MessagePassingReferenceKernel


def test_with_a_dial_the_core_passes_messages_and_hanging_trees_are_exact_either_way() -> None:
    ring = [(k, (k + 1) % 6) for k in range(6)] + [(0, 3)]
    trees = [(0, 6), (6, 7), (6, 8), (2, 9), (4, 10), (10, 11)]
    generator = torch.Generator().manual_seed(0)
    weights, h = (torch.randn(size, generator=generator, dtype=torch.float64) for size in (13, 12))
    graph = ga.IsingGraph.from_edges(torch.tensor(ring + trees).T, weights, h)
    order = ga.core_first(graph, 1)
    converged = MessagePassing(rounds=100, refresh="full")
    plain, dialled = (model_of(graph, converged, order, exact_width=width) for width in (0, 1))
    assert dialled.core is not None
    assert dialled.core.num_spins == 6
    x, log_q = dialled.at(BETA).sample_with_log_prob(200, seed=0)
    torch.testing.assert_close(plain.at(BETA).log_prob(x), log_q, rtol=0, atol=1e-10)


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="radius must be at least 0, got -1"):
        MessagePassing(radius=-1)
    with pytest.raises(ValueError, match="rounds must be at least 1, got 0"):
        MessagePassing(rounds=0)
    with pytest.raises(ValueError, match=r"rounds must be an integer, got 2\.5"):
        MessagePassing(rounds=2.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match='refresh must be "outward", "return" or "full", got \'inward\''):
        MessagePassing(refresh="inward")
    with pytest.raises(ValueError, match=r"radius must be the head's, MessagePassing\(radius=2\), got the model's"):
        model_of(GRAPHS["grid"], MessagePassing(), radius=2)


@pytest.mark.parametrize("refresh", ["outward", "return", "full"])
@pytest.mark.parametrize("kernel", KERNELS)
def test_message_passing_with_pairs_of_two_bo_reads_spins_of_smaller_rank_and_no_others(
    refresh: str, kernel: str
) -> None:
    graph = ga.grid((4, 4), couplings="gaussian", field="gaussian", seed=0)
    head = MessagePassing(radius=2, rounds=2, refresh=refresh, linear=True)
    model = model_of(graph, head, ga.nested_dissection, frontier="all", kernel=kernel)
    plain = model_of(graph, MessagePassing(radius=2, rounds=2, refresh=refresh), model.ordering, kernel=kernel)
    x = torch.randint(0, 2, (20, 16), generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 - 1
    added = (model.at(0.7).logits(x) - plain.at(0.7).logits(x))[:, model.ordering.sites]
    frontier, linear = model.frontier, model.head.linear
    coupling = graph.to_dense()[model.ordering.sites][:, model.ordering.sites]
    by_rank = x[:, model.ordering.sites]
    for i in range(16):
        pairs = slice(int(frontier.pair_ptr[i]), int(frontier.pair_ptr[i + 1]))
        received = by_rank[:, :i] @ coupling[:i, frontier.pair_spin[pairs].long()]  # ξ_il = Σ_{j<i} J_jl x_j
        expected = received @ linear.weight[pairs] + linear.bias[i]
        torch.testing.assert_close(added[:, i], expected, rtol=1e-10, atol=1e-10)
