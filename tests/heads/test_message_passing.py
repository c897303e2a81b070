"""The message-passing head: exact on trees untrained, and trained or not one distribution however it is computed."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from message_oracle import logits_by_loops
from small_graphs import GRAPHS, KERNELS, ORDERINGS, configurations
from torch import Tensor
from torch_geometric.data import Batch

import graphar as ga
from graphar.heads import MessagePassing
from graphar.heads.message_passing.rule import MessageRule, belief_message
from graphar.kernels.compiled.message_passing import MessagePassingKernel
from graphar.kernels.reference.message_passing import MessagePassingReferenceKernel
from graphar.training.transfer.pretrain import disjoint_union

BETA = 0.7
SCHEDULES = {
    "radius 0": MessagePassing(radius=0, rounds=2),
    "radius 1": MessagePassing(radius=1, rounds=1),
    "radius 3": MessagePassing(radius=3, rounds=3),
    "return": MessagePassing(radius=2, rounds=2, refresh="return"),
    "full": MessagePassing(rounds=2, refresh="full"),
    "learned": MessagePassing(radius=2, rounds=2, hidden=3),
    "learned return": MessagePassing(radius=2, rounds=1, refresh="return", hidden=2, linear=True),
    "learned full": MessagePassing(rounds=3, refresh="full", hidden=3),
}
WITH_WEIGHTS = [name for name, head in SCHEDULES.items() if head.hidden]
SHARED = [name for name, head in SCHEDULES.items() if not head.linear]
with_all_schedules = pytest.mark.parametrize("schedule", SCHEDULES)
with_all_kernels = pytest.mark.parametrize("kernel", KERNELS)


def model_of(graph: ga.IsingGraph, head: MessagePassing, order: Any = ga.rcm, **options: Any) -> ga.Autoregressive:
    """A model with corrections that matter and do not run away, those shared by all graphs the same on each."""
    model = ga.Autoregressive(graph, head, order, **{"dtype": torch.float64, "seed": 1} | options)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.add_(0.1 * noise.to(parameter.dtype))
    return model


def random_tree(n: int, seed: int) -> ga.IsingGraph:
    """Every site joins an earlier one, chosen at random; Gaussian couplings and fields."""
    generator = torch.Generator().manual_seed(seed)
    joined = [int(torch.randint(k, (), generator=generator)) for k in range(1, n)]
    weights = torch.randn(n - 1, generator=generator, dtype=torch.float64)
    h = torch.randn(n, generator=generator, dtype=torch.float64)
    return ga.IsingGraph.from_edges([joined, list(range(1, n))], weights, h)


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


@with_all_kernels
@pytest.mark.parametrize("refresh", ["outward", "return", "full"])
@pytest.mark.parametrize("order", ["rcm", "nested_dissection", "random"])
def test_exact_on_trees_once_radius_and_rounds_reach_across(refresh: str, order: str, kernel: str) -> None:
    for seed in range(3):
        graph = random_tree(10, seed)
        model = model_of(graph, MessagePassing(10, 10, refresh), ORDERINGS[order], kernel=kernel)
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


@pytest.mark.parametrize("graph", GRAPHS)
@with_all_schedules
@pytest.mark.parametrize("order", ["natural", "nested_dissection", "random"])
def test_normalised(graph: str, schedule: str, order: str) -> None:
    q = model_of(GRAPHS[graph], SCHEDULES[schedule], ORDERINGS[order]).at(BETA)
    log_q = q.log_prob(configurations(q.graph.num_spins))
    torch.testing.assert_close(log_q.exp().sum().item(), 1.0, atol=1e-10, rtol=0)


@pytest.mark.parametrize("graph", GRAPHS)
@with_all_schedules
@pytest.mark.parametrize("order", ["rcm", "random"])
def test_compiled_equals_reference(graph: str, schedule: str, order: str) -> None:
    found = []
    for kernel in KERNELS:
        model = model_of(GRAPHS[graph], SCHEDULES[schedule], ORDERINGS[order], kernel=kernel)
        drawn = model.kernel.sample(BETA, model.kernel.graph_couplings(model.frontier), 7, 64, 70)
        found.append([drawn.spins, drawn.log_prob, drawn.energy, drawn.configuration(66)])
        found[-1] += [model.at(BETA).logits(drawn.spins), model.at(BETA).log_prob(drawn.spins)]
    for reference, compiled in zip(*found, strict=True):
        torch.testing.assert_close(compiled, reference, rtol=1e-12, atol=1e-12)
    assert torch.equal(found[0][0], found[1][0])
    torch.testing.assert_close(found[1][1], found[1][5], rtol=0, atol=1e-12)
    torch.testing.assert_close(found[1][2], model.graph.energy(found[1][0]) - model.graph.offset, rtol=0, atol=1e-12)


@pytest.mark.parametrize("graph", ["two components", "tree", "torus", "random regular"])
@pytest.mark.parametrize("schedule", [name for name, head in SCHEDULES.items() if not head.hidden])
@with_all_kernels
def test_the_schedule_equals_plain_loops_over_spins(graph: str, schedule: str, kernel: str) -> None:
    model = model_of(GRAPHS[graph], SCHEDULES[schedule], ORDERINGS["nested_dissection"], kernel=kernel)
    x = model.at(0).sample(20, seed=0)
    expected = logits_by_loops(model.ordering, SCHEDULES[schedule], BETA, x)
    torch.testing.assert_close(model.at(BETA).logits(x), expected, rtol=1e-12, atol=1e-12)


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


@with_all_kernels
def test_sampling_carries_the_gradient_of_its_density(kernel: str) -> None:
    model = model_of(GRAPHS["torus"], SCHEDULES["learned return"], kernel=kernel)
    drawn = model.kernel.sample(BETA, model.kernel.graph_couplings(model.frontier), 5, 0, 40, differentiable=True)
    expected = torch.autograd.grad(model.at(BETA).log_prob(drawn.spins).sum(), list(model.parameters()))
    for part, other in zip(torch.autograd.grad(drawn.log_prob.sum(), list(model.parameters())), expected, strict=True):
        torch.testing.assert_close(part, other, rtol=1e-10, atol=1e-12)


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


@pytest.mark.parametrize("schedule", SHARED)
@with_all_kernels
def test_units_of_energy_do_not_matter(schedule: str, kernel: str) -> None:
    graph = GRAPHS["random regular"]
    i, j, J = graph.undirected()
    twice = ga.IsingGraph.from_edges(torch.stack([i, j]), 2 * J, 2 * graph.h)
    model, other = (model_of(g, SCHEDULES[schedule], ga.natural, kernel=kernel) for g in (graph, twice))
    x = configurations(10)
    torch.testing.assert_close(model.at(2 * BETA).log_prob(x), other.at(BETA).log_prob(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("schedule", SHARED)
@with_all_kernels
def test_a_batch_of_five_graphs_gives_what_each_gives(schedule: str, kernel: str) -> None:
    names = ["two components", "tree", "torus", "random regular", "complete"]
    betas = torch.tensor([0.3, 0.5, 0.7, 1.1, 1.3])
    models = [model_of(GRAPHS[name], SCHEDULES[schedule], ga.natural, kernel=kernel) for name in names]
    spins = [model.at(0).sample(40, seed=k) for k, model in enumerate(models)]
    bare = [
        ga.IsingGraph.from_edges(torch.stack([i, j]), J, graph.h)
        for graph in (GRAPHS[name] for name in names)
        for i, j, J in [graph.undirected()]
    ]
    together = model_of(
        disjoint_union(Batch.from_data_list(bare), betas), SCHEDULES[schedule], ga.natural, kernel=kernel
    )
    x = torch.cat(spins, dim=1)
    alone = [model.at(beta).logits(x) for model, beta, x in zip(models, betas.tolist(), spins, strict=True)]
    torch.testing.assert_close(together.at(1.0).logits(x), torch.cat(alone, dim=1), rtol=1e-6, atol=1e-6)
    densities = [model.at(beta).log_prob(x) for model, beta, x in zip(models, betas.tolist(), spins, strict=True)]
    torch.testing.assert_close(together.at(1.0).log_prob(x), sum(densities), rtol=1e-6, atol=1e-6)


def test_the_rule_is_a_flooding_round_of_belief_propagation_on_any_graph() -> None:
    graph = random_tree(12, 5)
    rule = MessageRule(0, torch.Generator(), torch.float64)
    sender, receiver = graph.edge_index
    back = torch.argsort(receiver * 12 + sender)  # edges are sorted by (sender, receiver)
    messages = torch.zeros(graph.num_edges, 1, dtype=torch.float64)
    every = torch.arange(graph.num_edges)
    for _ in range(12):
        answers = rule(graph.h[:, None], graph.edge_index, graph.edge_weight, messages, messages[back], every)
        messages = answers[back]
    total = graph.h[:, None].index_add(0, receiver, messages)
    assert torch.allclose(total.tanh()[:, 0], ga.exact.enumerate(graph, 1.0).magnetisation, atol=1e-12)


@pytest.mark.parametrize("graph", ["two components", "tree", "triangular", "random regular"])
@with_all_schedules
def test_a_flip_reaches_only_later_spins_and_only_descendants(graph: str, schedule: str) -> None:
    model = model_of(GRAPHS[graph], SCHEDULES[schedule], ORDERINGS["nested_dissection"])
    n, ranks, parent = model.num_spins, model.ordering.ranks, model.frontier.parent.tolist()
    spins = model.at(0).sample(20, seed=0)
    logits = model.at(BETA).logits(spins)
    for site in range(n):
        flipped = spins.clone()
        flipped[:, site] *= -1
        for other in ranks[(model.at(BETA).logits(flipped) != logits).any(dim=0)].tolist():
            assert other > ranks[site]
            while other > ranks[site]:
                other = parent[other]
            assert other == ranks[site]


def relabelled(graph: ga.IsingGraph, new_name: Tensor) -> ga.IsingGraph:
    i, j, J = graph.undirected()
    h = torch.empty_like(graph.h)
    h[new_name] = graph.h
    return ga.IsingGraph.from_edges(torch.stack([new_name[i], new_name[j]]), J, h)


@pytest.mark.parametrize("schedule", SHARED)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
@with_all_kernels
def test_relabelling_gauge_and_union_change_nothing(
    schedule: str, dtype: torch.dtype, tolerance: float, kernel: str
) -> None:
    head, graph, other = SCHEDULES[schedule], GRAPHS["random regular"], GRAPHS["triangular"]
    n, m = graph.num_spins, other.num_spins
    options = {"kernel": kernel, "dtype": dtype}
    model, second = (model_of(g, head, ORDERINGS["random"], **options) for g in (graph, other))
    generator = torch.Generator().manual_seed(0)
    x, y = model.at(0).sample(40, seed=1), second.at(0).sample(40, seed=2)
    log_q, log_r = model.at(BETA).log_prob(x), second.at(BETA).log_prob(y)

    def equal(twin: ga.Autoregressive, spins: Tensor, expected: Tensor) -> None:
        torch.testing.assert_close(twin.at(BETA).log_prob(spins), expected, rtol=tolerance, atol=tolerance)

    new_name = torch.randperm(n, generator=generator)
    twin = relabelled(graph, new_name)
    renamed = torch.empty_like(x)
    renamed[:, new_name] = x
    order = ga.given_order(twin, new_name[model.ordering.sites])
    equal(model_of(twin, head, order, **options), renamed, log_q)

    sign = torch.randint(0, 2, (n,), generator=generator).double() * 2 - 1
    i, j, J = graph.undirected()
    twin = ga.IsingGraph.from_edges(torch.stack([i, j]), J * sign[i] * sign[j], graph.h * sign)
    equal(model_of(twin, head, ga.given_order(twin, model.ordering.sites), **options), x * sign, log_q)

    first, last, K = other.undirected()
    edges = torch.cat([torch.stack([i, j]), torch.stack([first, last]) + n], dim=1)
    twin = ga.IsingGraph.from_edges(edges, torch.cat([J, K]), torch.cat([graph.h, other.h]))
    turns = torch.randperm(n + m, generator=generator) < n  # whose turn it is, the one's or the other's
    sites = torch.empty(n + m, dtype=torch.int64)
    sites[turns], sites[~turns] = model.ordering.sites, second.ordering.sites + n
    equal(model_of(twin, head, ga.given_order(twin, sites), **options), torch.cat([x, y], 1), log_q + log_r)


@with_all_kernels
def test_flipping_all_spins_without_fields_changes_nothing(kernel: str) -> None:
    q = model_of(GRAPHS["grid"], SCHEDULES["radius 3"], kernel=kernel).at(BETA)
    x = configurations(q.graph.num_spins)[:500]
    torch.testing.assert_close(q.log_prob(x), q.log_prob(-x), rtol=0, atol=1e-12)


@with_all_schedules
def test_samples_do_not_depend_on_threads_or_chunks(schedule: str) -> None:
    graph = ga.random_regular(60, degree=3, couplings="pm1", field="gaussian", seed=0)
    q = model_of(graph, SCHEDULES[schedule], dtype=torch.float32).at(BETA)
    results = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            results.append(q.sample_with_log_prob(300, seed=1))
    finally:
        torch.set_num_threads(1)
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])
    assert torch.equal(q.sample(33, seed=1), results[0][0][:33])
    torch.testing.assert_close(q.log_prob(results[0][0]), results[0][1], rtol=0, atol=0)
    torch.testing.assert_close(q.log_prob(results[0][0][:7]), results[0][1][:7], rtol=1e-6, atol=0)


@with_all_schedules
@pytest.mark.parametrize("beta", [0.0, 0.5, 2.0, 60.0])
def test_single_precision_is_close_at_any_beta(schedule: str, beta: float) -> None:
    graph = ga.random_regular(100, degree=3, couplings="gaussian", field="gaussian", seed=0)
    # gates of this seed are tame at β = 2; those of some make messages chaotic, and weights moved by 1e-7 then move
    # logits of float64 by as much as single precision does
    models = [model_of(graph, SCHEDULES[schedule], dtype=d, seed=2) for d in (torch.float32, torch.float64)]
    models[1].load_state_dict(models[0].state_dict())  # starting weights depend on the type that they are drawn in
    single, double = (model.requires_grad_(False).at(beta) for model in models)
    x, log_q = single.sample_with_log_prob(64, seed=0)
    expected = double.log_prob(x)
    assert bool(torch.isfinite(log_q).all())
    if SCHEDULES[schedule].hidden and beta > 2:
        return  # random gates make messages chaotic there, in any precision
    torch.testing.assert_close(single.logits(x).double(), double.logits(x), rtol=1e-5, atol=1e-5 * max(1.0, beta))
    torch.testing.assert_close(log_q, expected, rtol=1e-5, atol=1e-4 * max(1.0, beta))


def test_the_message_is_right_where_cosh_overflows() -> None:
    a = torch.tensor([[-800.0], [-1.0], [0.0], [1e-9], [0.5], [3.0], [800.0]], dtype=torch.float64)
    b = torch.tensor([-900.0, -2.0, -1e-9, 0.0, 0.1, 5.0, 790.0], dtype=torch.float64)
    u = belief_message(a, b)
    small = (a.abs() < 5) & (b.abs() < 6)
    expected = torch.atanh(torch.tanh(a) * torch.tanh(b))
    torch.testing.assert_close(u[small], expected[small], rtol=1e-9, atol=1e-15)
    large = (a.abs() > 100) & (b.abs() > 100)
    torch.testing.assert_close(u[large], (torch.sign(a * b) * torch.minimum(a.abs(), b.abs()))[large])
    assert torch.equal(belief_message(-a, b), -u)


def test_free_energy_of_a_sparse_graph_without_training() -> None:
    graph = ga.random_regular(512, degree=3, couplings="pm1", seed=3)
    estimate = ga.free_energy(ga.Autoregressive(graph, MessagePassing(radius=8)).at(0.5), 256, seed=0)
    assert estimate.ess > 0.9 * 256


def test_settings_make_the_head_again_and_models_are_saved(tmp_path: Any) -> None:
    head = MessagePassing(radius=3, rounds=2, refresh="full")
    assert MessagePassing(**head.settings()) == head
    model = model_of(GRAPHS["grid"], head)
    ga.save(model, tmp_path / "model.pt")
    again = ga.load(tmp_path / "model.pt")
    assert again.head_config == head
    x, log_q = model.at(BETA).sample_with_log_prob(20, seed=0)
    assert torch.equal(again.at(BETA).log_prob(x), log_q)


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
