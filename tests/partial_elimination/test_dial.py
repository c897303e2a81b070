"""Laws of the dial: exact conditionals where separators are narrow, a head on the core, in float64."""

from __future__ import annotations

import math
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from small_graphs import GRAPHS, KERNELS, configurations
from torch import Tensor
from torch.nn.functional import logsigmoid

import graphar as ga
from graphar._support.seeds import hash_key
from graphar.estimators.partition import evaluate
from graphar.models.parts import NoExactSites
from graphar.partial_elimination.order import exact_ranks, predict_tables
from graphar.partial_elimination.tables import tables_at
from graphar.partial_elimination.walsh import remove_low_orders
from graphar.training import variational_step

BETA = 0.7
HEADS = {"messages": ga.heads.Linear(scale=2.0), "parents": ga.heads.Linear("parents", scale=2.0)}
ORDERS = {"core first": None, "min_degree": ga.min_degree, "random": lambda graph: ga.random_order(graph, seed=1)}
on_all_graphs = pytest.mark.parametrize("graph", GRAPHS)
with_all_heads = pytest.mark.parametrize("head", HEADS)
with_all_kernels = pytest.mark.parametrize("kernel", KERNELS)
at_all_widths = pytest.mark.parametrize("width", [1, 2, 3, "full"])
at_widths_with_a_core = pytest.mark.parametrize("width", [1, 2, 3])  # on all but the narrowest graphs
in_all_orders = pytest.mark.parametrize("order", ORDERS)


@cache
def model_on(
    graph: str, width: int | str, order: str = "core first", head: str = "messages", kernel: str = "auto", **more: Any
) -> ga.Autoregressive:
    """A float64 model with weights of order one on the core, the skip included; shared, so not to be changed."""
    exact_width = GRAPHS[graph].num_spins if width == "full" else width
    model = ga.Autoregressive(
        GRAPHS[graph],
        HEADS[head],
        ORDERS[order],
        exact_width=exact_width,
        kernel=kernel,
        seed=3,
        dtype=torch.float64,
        **more,
    )
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return model


@cache
def enumerated(graph: str) -> ga.exact.Enumeration:
    return ga.exact.enumerate(GRAPHS[graph], BETA)


@torch.no_grad()
def log_prob_of_all(q: ga.Distribution) -> Tensor:
    return q.log_prob(configurations(q.graph.num_spins))


def components_and_separators(ordering: ga.Ordering) -> tuple[list[set[int]], list[set[int]]]:
    """C(i), the component of i among the ranks ≥ i, and P(i), the ranks below next to it, by their definition."""
    ends = ordering.ranks[ordering.graph.edge_index].T.tolist()
    near = [{b for a, b in ends if a == i} for i in range(len(ordering))]
    components = []
    for i in range(len(ordering)):
        found, new = {i}, {i}
        while new:
            new = {b for a in new for b in near[a] if b >= i} - found
            found |= new
        components.append(found)
    return components, [{b for a in found for b in near[a] if b < i} for i, found in enumerate(components)]


@torch.no_grad()
def check_density_and_energy(q: ga.Distribution, count: int = 40) -> None:
    """Samples carry their density, and log q + βE is known from the core alone."""
    spins, log_q = q.sample_with_log_prob(count, seed=1)
    assert spins.shape == (count, q.graph.num_spins)
    assert bool((spins.abs() == 1).all())
    torch.testing.assert_close(q.log_prob(spins), log_q, rtol=0, atol=1e-12)
    torch.testing.assert_close(logsigmoid(spins * q.logits(spins)).sum(-1), log_q, rtol=0, atol=1e-12)
    (drawn,) = q.draw(count, hash_key(1, "samples"))
    assert torch.equal(drawn.spins, spins)
    assert torch.equal(drawn.configuration(7), spins[7])
    assert torch.equal(drawn.full_log_prob, log_q)
    torch.testing.assert_close(q.core_log_prob(spins), drawn.log_prob, rtol=0, atol=1e-12)
    whole = log_q + q.beta * (q.graph.energy(spins) - q.graph.offset)
    torch.testing.assert_close(drawn.log_prob + q.beta * drawn.energy, whole, rtol=0, atol=1e-10)


def check_chi2(q: ga.Distribution, log_prob: Tensor, count: int = 40_000) -> None:
    """Samples against probabilities of all configurations; those expected less than five times together."""
    n = q.graph.num_spins
    bits = (q.sample(count, seed=6) > 0).to(torch.int64)
    observed = torch.bincount((bits * 2 ** torch.arange(n).flip(0)).sum(-1), minlength=2**n).double()
    expected = count * log_prob.exp()
    large = expected >= 5
    observed = torch.cat([observed[large], observed[~large].sum()[None]])
    expected = torch.cat([expected[large], expected[~large].sum()[None]])
    chi2 = ((observed - expected) ** 2 / expected.clamp(min=1e-9)).sum().item()
    degrees = len(expected) - 1
    assert chi2 < degrees + 4 * (2 * degrees) ** 0.5


# The distribution.


@on_all_graphs
@with_all_heads
@at_widths_with_a_core
@with_all_kernels
def test_normalised(graph: str, head: str, width: int, kernel: str) -> None:
    for order in ORDERS:
        log_q = log_prob_of_all(model_on(graph, width, order, head, kernel).at(BETA))
        torch.testing.assert_close(log_q.exp().sum().item(), 1.0, atol=1e-10, rtol=0)


@on_all_graphs
@with_all_heads
@at_widths_with_a_core
@with_all_kernels
def test_samples_carry_their_density_and_leave_energies_to_the_core(
    graph: str, head: str, width: int, kernel: str
) -> None:
    for order in ORDERS:
        check_density_and_energy(model_on(graph, width, order, head, kernel).at(BETA))


@on_all_graphs
@with_all_heads
@at_widths_with_a_core
def test_both_kernels_draw_the_same(graph: str, head: str, width: int) -> None:
    for order in ORDERS:
        drawn = [model_on(graph, width, order, head, kernel).at(BETA).sample(70, seed=2) for kernel in KERNELS]
        assert torch.equal(*drawn)


@on_all_graphs
@with_all_heads
@at_all_widths
@torch.no_grad()
def test_exact_sites_have_the_conditionals_of_enumeration(graph: str, head: str, width: int | str) -> None:
    for order in ORDERS:
        model = model_on(graph, width, order, head)
        spins = model.at(BETA).sample(30, seed=0)
        exact = model.ordering.sites[model.core.exact_ranks]
        ours = model.at(BETA).logits(spins)[:, exact]
        theirs = enumerated(graph).conditional_logits(spins, model.ordering.sites)[:, exact]
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)


@on_all_graphs
@with_all_heads
@at_all_widths
@in_all_orders
@torch.no_grad()
def test_a_flip_reaches_only_later_spins_and_only_descendants(
    graph: str, head: str, width: int | str, order: str
) -> None:
    model = model_on(graph, width, order, head)
    n, sites = model.num_spins, model.ordering.sites
    subtree, _ = components_and_separators(model.ordering)
    spins = torch.randint(0, 2, (12, n), generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 - 1
    flipped = spins.repeat(n, 1, 1)
    flipped[torch.arange(n), :, sites] *= -1  # one site for each of the n copies
    q = model.at(BETA)
    moved = (q.logits(flipped) != q.logits(spins)).any(dim=1)[:, sites]
    for rank in range(n):
        assert set(moved[rank].nonzero()[:, 0].tolist()) <= subtree[rank] - {rank}


@with_all_kernels
@pytest.mark.parametrize(
    ("graph", "width"), [("grid", 2), ("random regular", 2), ("complete", 2), ("complete", "full")]
)
def test_samples_follow_the_density(graph: str, width: int | str, kernel: str) -> None:
    q = model_on(graph, width, kernel=kernel).at(BETA)
    check_chi2(q, log_prob_of_all(q))


@pytest.mark.parametrize("graph", ["grid", "random regular", "complete", "isolated spin"])
def test_order_given_by_the_user_frontier_and_radius(graph: str) -> None:
    ising = GRAPHS[graph]
    order = ga.given_order(ising, torch.arange(ising.num_spins).flip(0))
    assert ga.Autoregressive(ising, ordering=order, exact_width=2).ordering == order
    for head in HEADS.values():
        for frontier, radius in (("component", 0), ("component", 1), ("all", None)):
            model = ga.Autoregressive(ising, head, order, frontier, exact_width=2, radius=radius, dtype=torch.float64)
            assert model.frontier.radius == radius
            check_density_and_energy(model.at(BETA))
            torch.testing.assert_close(log_prob_of_all(model.at(BETA)).exp().sum().item(), 1.0, atol=1e-10, rtol=0)


@torch.no_grad()
def test_distributions_keep_their_temperature() -> None:
    model = model_on("grid", 2)
    warm, cold = model.at(0.3), model.at(2.0)
    for q in (warm, cold, warm):
        check_density_and_energy(q)
    fresh = log_prob_of_all(model.at(0.3))
    assert torch.equal(log_prob_of_all(warm), fresh)


@torch.no_grad()
def test_single_precision_follows_double() -> None:
    model = ga.Autoregressive(GRAPHS["random regular"], exact_width=2)
    spins, log_q = model.at(BETA).sample_with_log_prob(300, seed=0)
    assert spins.dtype == torch.float32
    torch.testing.assert_close(model.at(BETA).log_prob(spins), log_q, rtol=0, atol=1e-5)
    torch.testing.assert_close(model.double().at(BETA).log_prob(spins), log_q, rtol=0, atol=1e-5)


# Full width: nothing to learn.


@on_all_graphs
@in_all_orders
def test_full_width_is_the_boltzmann_distribution(graph: str, order: str) -> None:
    model, exact = model_on(graph, "full", order), enumerated(graph)
    assert model.num_parameters == model.core.num_spins == 0
    log_q = log_prob_of_all(model.at(BETA))
    torch.testing.assert_close(log_q, exact.log_prob(configurations(model.num_spins)), rtol=0, atol=1e-10)
    check_density_and_energy(model.at(BETA))
    result = ga.free_energy(model.at(BETA), 50, seed=0)
    assert result.spread < 1e-10
    assert result.ess == pytest.approx(50, rel=1e-10)
    assert result.log_partition.value == pytest.approx(exact.log_partition, abs=1e-10)
    assert result.bound.value == pytest.approx(exact.free_energy, abs=1e-10)


@on_all_graphs
def test_the_orderings_own_width_is_full_and_one_less_is_not(graph: str) -> None:
    ising = GRAPHS[graph]
    width = ga.build_frontier(ga.min_degree(ising)).width
    if width:
        assert ga.Autoregressive(ising, ordering=ga.min_degree, exact_width=width).core.num_spins == 0
    if width > 1:
        assert ga.Autoregressive(ising, ordering=ga.min_degree, exact_width=width - 1).core.num_spins > 0


def test_the_exact_head_is_full_width_and_samples_perfectly() -> None:
    model = ga.Autoregressive(GRAPHS["random regular"], ga.heads.Exact)
    assert model.num_parameters == 0
    check_chi2(model.at(BETA), enumerated("random regular").log_prob(configurations(10)))


def test_many_exact_sites_have_the_density_of_elimination() -> None:
    graph = ga.grid((2, 700), couplings="gaussian", field="gaussian", seed=0)
    spins, log_q = ga.Autoregressive(graph, ga.heads.Exact).at(2.0).sample_with_log_prob(70, seed=0)
    torch.testing.assert_close(log_q, ga.exact.eliminate(graph, 2.0).log_prob(spins), rtol=1e-9, atol=0)


def dense_network(J: Tensor, h: Tensor, beta: float, spins: Tensor) -> Tensor:
    """Biazzo's exact network, spin by spin in natural order (arXiv:2302.08347): logits (batch, N).

    The first layer has the couplings as weights: ξ_il = Σ_{j<i} J_jl x_j for l ≥ i. Every configuration c of the later
    spins has a hidden unit, of weights βc_l and biases b_c^± = β(±Σ_l J_il c_l + Σ_l h_l c_l + Σ_{l<m} J_lm c_l c_m)
    for the two signs of x_i. The logit is a skip 2β(h_i + ξ_ii) and the difference of the units' log-sum-exps.
    """
    n, logits = len(h), []
    for i in range(n):
        xi = spins[:, :i] @ J[:i, i:]
        c = configurations(n - 1 - i) if i < n - 1 else torch.zeros(1, 0, dtype=torch.float64)
        inner = c @ h[i + 1 :] + ((c @ J[i + 1 :, i + 1 :]) * c).sum(1) / 2
        plus, minus = beta * (inner + c @ J[i, i + 1 :]), beta * (inner - c @ J[i, i + 1 :])
        hidden = xi[:, 1:] @ (beta * c).T
        rho = torch.logsumexp(hidden + plus, 1) - torch.logsumexp(hidden + minus, 1)
        logits.append(2 * beta * (h[i] + xi[:, 0]) + rho)
    return torch.stack(logits, 1)


@pytest.mark.parametrize("n", [1, 2, 3, 6, 9, 12])
@pytest.mark.parametrize("beta", [0.4, 2.0])
def test_on_complete_graphs_it_is_the_dense_exact_network(n: int, beta: float) -> None:
    generator = torch.Generator().manual_seed(n)
    J = torch.randn(n, n, generator=generator, dtype=torch.float64).triu(1)
    J, h = J + J.T, torch.randn(n, generator=generator, dtype=torch.float64)
    spins = torch.randint(0, 2, (200, n), generator=generator, dtype=torch.float64) * 2 - 1
    for sites in (torch.arange(n), torch.randperm(n, generator=generator)):
        graph = ga.IsingGraph.from_dense(J, h)
        model = ga.Autoregressive(graph, ga.heads.Exact, ga.given_order(graph, sites), dtype=torch.float64)
        wanted = dense_network(J[sites][:, sites], h[sites], beta, spins[:, sites])
        torch.testing.assert_close(model.at(beta).logits(spins)[:, sites], wanted, rtol=0, atol=1e-10)


# The core.


@on_all_graphs
@at_all_widths
@in_all_orders
def test_exact_sites_are_those_of_the_definition(graph: str, width: int | str, order: str) -> None:
    model = model_on(graph, width, order)
    subtree, separator = components_and_separators(model.ordering)
    narrow = [len(parents) <= model.exact_width for parents in separator]
    assert model.core.exact.tolist() == [all(narrow[descendant] for descendant in below) for below in subtree]
    # summing out changes no separator: each core spin keeps its own, in the core's numbers
    ranks = model.core.ranks.tolist()
    if ranks:
        kept = model.frontier.parents_spin.split(model.frontier.num_parents.tolist())
        assert [{ranks[j] for j in parents.tolist()} for parents in kept] == [separator[rank] for rank in ranks]


@on_all_graphs
@at_all_widths
def test_core_first_draws_first_what_minimum_degree_does_not_sum_out(graph: str, width: int | str) -> None:
    ising = GRAPHS[graph]
    width = ising.num_spins if width == "full" else width
    order, greedy = ga.core_first(ising, width), ga.build_frontier(ga.min_degree(ising))
    summed_out = greedy.ordering.sites[exact_ranks(greedy, width)]
    first = ising.num_spins - len(summed_out)
    assert torch.equal(order.sites[first:], summed_out)
    assert bool(exact_ranks(ga.build_frontier(order), width)[first:].all())


@on_all_graphs
@at_all_widths
@in_all_orders
@pytest.mark.parametrize("beta", [BETA, 2.5])
def test_couplings_fields_and_tables_of_the_core_make_its_marginal(
    graph: str, width: int | str, order: str, beta: float
) -> None:
    core, ising = model_on(graph, width, order).core, GRAPHS[graph]
    tables, n = tables_at(core, beta), core.num_spins
    x = configurations(n)
    log_weight = tables.high_orders(x.T[None].contiguous(), torch.arange(n))
    if core.graph is not None:
        i, j, _ = core.graph.undirected()
        bonds = (x[:, i] * x[:, j])[:, torch.argsort(j * n + i)]
        log_weight += bonds @ tables.coupling + x @ tables.field
    # log Σ_exact e^{−βE} without the offset, for each configuration of the core
    whole = configurations(ising.num_spins)
    boltzmann = torch.exp(-beta * (ising.energy(whole) - ising.offset).double())
    code = ((whole[:, core.sites] > 0).long() * 2 ** torch.arange(n).flip(0)).sum(-1)
    marginal = torch.zeros(2**n, dtype=torch.float64).index_add_(0, code, boltzmann).log()
    torch.testing.assert_close(log_weight, marginal, rtol=0, atol=1e-10)


@pytest.mark.parametrize("graph", ["grid", "random regular", "complete"])
@with_all_kernels
@torch.no_grad()
def test_untrained_a_spin_of_the_core_feels_its_effective_couplings_and_field(graph: str, kernel: str) -> None:
    for inputs in ("messages", "parents"):
        head = ga.heads.Linear(inputs, scale=0.0)
        model = ga.Autoregressive(GRAPHS[graph], head, exact_width=2, kernel=kernel, dtype=torch.float64)
        core, tables = model.core, tables_at(model.core, BETA)
        n = core.num_spins
        assert n
        i, j, _ = core.graph.undirected()
        K = torch.zeros(n, n, dtype=torch.float64)
        by_later = torch.argsort(j * n + i)
        K[i[by_later], j[by_later]] = tables.coupling  # from the earlier to the later
        spins = model.at(BETA).sample(30, seed=0)
        wanted = 2 * (tables.field + spins[:, core.sites] @ K)
        torch.testing.assert_close(model.at(BETA).logits(spins)[:, core.sites], wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("width", [1, 2])
def test_heads_start_from_the_fields_of_the_core_s_own_sites(width: int) -> None:
    model = ga.Autoregressive(ga.grid((3, 3), field="gaussian", seed=0), exact_width=width)
    assert torch.equal(model.core.graph.h, model.graph.h[model.core.sites])
    assert bool(model.core.graph.has_field)


def test_effective_couplings_tend_to_those_of_the_graph_as_beta_vanishes() -> None:
    core = model_on("random regular", 2).core
    for part, limit in zip(
        tables_at(core, 1e-6).effective_couplings, tables_at(core, 0.0).effective_couplings, strict=True
    ):
        torch.testing.assert_close(part, limit, rtol=0, atol=1e-5)


# Training.


@pytest.mark.parametrize("graph", ["torus", "random regular", "complete", "cube", "grid", "triangular"])
@with_all_heads
@with_all_kernels
def test_gradient_of_the_objective_equals_autograd_through_enumeration_of_the_core(
    graph: str, head: str, kernel: str
) -> None:
    model = ga.Autoregressive(
        GRAPHS[graph], ga.heads.Linear(head, scale=2.0), exact_width=2, kernel=kernel, dtype=torch.float64
    )
    q, core, x = model.at(BETA), model.core, configurations(model.core.num_spins)
    weights = list(model.parameters())
    assert core.num_spins
    assert weights
    # any exact spins will do: they have no part in the core's density, and their share of L is the same
    spins = torch.ones(len(x), model.num_spins, dtype=torch.float64)
    spins[:, core.sites] = x
    log_q = q.core_log_prob(spins)
    loss = q.log_prob(spins) + BETA * (model.graph.energy(spins) - model.graph.offset)
    exact = torch.autograd.grad((log_q.exp() * loss).sum(), weights, retain_graph=True)
    bound = (log_q.exp() * loss).sum().item() + BETA * float(model.graph.offset)
    assert bound > -enumerated(graph).log_partition
    whole = log_prob_of_all(q)
    of_all = whole + BETA * model.graph.energy(configurations(model.num_spins))
    assert bound == pytest.approx((whole.exp() * of_all).sum().item(), abs=1e-10)

    generator, batches = torch.Generator().manual_seed(2), []
    for _ in range(20):
        model.zero_grad()
        step = variational_step(q, 64, generator)
        batches.append(torch.cat([weight.grad.flatten() for weight in weights]))
    assert float(model.graph.energy(step.best_spins)) >= enumerated(graph).ground_energy - 1e-9
    estimates = torch.stack(batches)
    stderr = estimates.std(dim=0) / len(batches) ** 0.5
    exact_flat = torch.cat([part.flatten() for part in exact])
    assert bool(((estimates.mean(dim=0) - exact_flat).abs() <= 5 * stderr + 1e-12).all())


def test_training_brings_the_bound_down_to_the_free_energy(tmp_path: Path) -> None:
    graph = GRAPHS["random regular"]
    model = ga.Autoregressive(graph, ordering=ga.min_degree, exact_width=2)
    before = evaluate(model.at(1.0), 2000, 0).bound
    ga.anneal(
        model,
        [0.5, 1.0],
        steps=60,
        warmup=0,
        batch_size=256,
        learning_rate=0.03,
        checkpoint=tmp_path / "run.pt",
        progress=False,
    )
    after = evaluate(model.at(1.0), 2000, 0).bound
    truth = ga.exact.enumerate(graph, 1.0).free_energy
    assert after.value > truth - 5 * after.stderr
    assert after.value - truth < 0.5 * (before.value - truth)
    other = ga.Autoregressive(graph, ordering=ga.min_degree, exact_width=1)
    with pytest.raises(ValueError, match="written for another model, its exact_width differs"):
        ga.anneal(other, [0.5, 1.0], resume=tmp_path / "run.pt", progress=False)


@pytest.mark.parametrize("width", [1, 2, "full"])
@pytest.mark.parametrize("order", ORDERS)
def test_saved_and_loaded(width: int | str, order: str, tmp_path: Path) -> None:
    model = model_on("torus", width, order)
    ga.save(model, tmp_path / "model.pt")
    again = ga.load(tmp_path / "model.pt")
    assert (again.exact_width, again.ordering, again.head_config) == (
        model.exact_width,
        model.ordering,
        model.head_config,
    )
    for ours, theirs in zip(*(q.at(BETA).sample_with_log_prob(70, seed=0) for q in (model, again)), strict=True):
        assert torch.equal(ours, theirs)


def test_the_exact_head_is_saved_and_loaded(tmp_path: Path) -> None:
    model = ga.Autoregressive(GRAPHS["torus"], ga.heads.Exact)
    ga.save(model, tmp_path / "model.pt")
    again = ga.load(tmp_path / "model.pt")
    assert isinstance(again.head_config, ga.heads.Exact)
    assert torch.equal(model.at(BETA).sample(70, seed=0), again.at(BETA).sample(70, seed=0))


# Threads, chunks, memory.


@with_all_kernels
def test_samples_do_not_depend_on_threads_chunks_or_number(kernel: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = ga.Autoregressive(
        ga.random_regular(60, degree=3, couplings="pm1", seed=0), exact_width=3, kernel=kernel, dtype=torch.float64
    )
    q = model.at(0.8)
    assert 0 < model.core.num_spins < 60

    def gradient() -> Tensor:
        model.zero_grad()
        variational_step(q, 150, torch.Generator().manual_seed(0))
        return torch.cat([weight.grad.flatten() for weight in model.parameters()])

    spins, log_q = q.sample_with_log_prob(150, seed=1)
    whole = gradient()
    try:
        torch.set_num_threads(2)
        assert torch.equal(q.sample(150, seed=1), spins)
    finally:
        torch.set_num_threads(1)
    (drawn,) = q.draw(150, hash_key(1, "samples"))
    assert all(torch.equal(drawn.configuration(sample), spins[sample]) for sample in (0, 63, 64, 149))
    monkeypatch.setattr("graphar.models.distribution._HELD", 1)
    assert q.chunk_size == 64
    parts = list(q.draw(150, hash_key(1, "samples")))
    assert torch.equal(parts[2].configuration(3), spins[131])
    in_chunks, log_q_in_chunks = q.sample_with_log_prob(150, seed=1)
    assert torch.equal(in_chunks, spins)
    torch.testing.assert_close(log_q_in_chunks, log_q, rtol=0, atol=1e-12)
    torch.testing.assert_close(q.log_prob(spins.view(15, 10, -1)).flatten(), log_q, rtol=0, atol=1e-12)
    torch.testing.assert_close(gradient(), whole, rtol=1e-10, atol=1e-10)
    assert torch.equal(q.sample(70, seed=1), spins[:70])


@pytest.mark.parametrize(
    "order", [None, ga.nested_dissection, ga.random_order], ids=["default", "dissection", "random"]
)
@pytest.mark.parametrize("memory", [3e3, 2e4, 122_136, 1e6, 1e9])
def test_auto_takes_what_fits_in_memory(order: Any, memory: float) -> None:
    graph = ga.grid((8, 8), couplings="pm1", seed=0)
    if order is ga.random_order:
        order = ga.random_order(graph, seed=0)
    model = ga.Autoregressive(graph, ordering=order, exact_width="auto", memory=memory)
    frontier = ga.build_frontier(model.ordering)
    exact = exact_ranks(frontier, model.exact_width)
    assert predict_tables(frontier, exact)[0] <= memory or model.exact_width == 0
    if order is not None:
        wider = (exact_ranks(frontier, width) for width in range(model.exact_width + 1, frontier.width + 1))
        more = next((mask for mask in wider if int(mask.sum()) > int(exact.sum()) * (model.exact_width > 0)), None)
        assert more is None or predict_tables(frontier, more)[0] > memory
    assert (model.core is None) == (model.exact_width == 0)
    if memory == 1e9 and order is None:
        assert model.core.num_spins == 0


def test_tables_that_do_not_fit_are_refused() -> None:
    graph = ga.sherrington_kirkpatrick(60, seed=0)
    for head, options in ((ga.heads.Linear, {"exact_width": 59}), (ga.heads.Exact, {})):
        with pytest.raises(ValueError, match=r"memory=1 GB.* needs .* GB and about .* s for each β"):
            ga.Autoregressive(graph, head, **options)
    with pytest.raises(ValueError, match="exact_width and radius must be left out where the head is Exact"):
        ga.Autoregressive(ga.grid((8, 8)), ga.heads.Exact, exact_width=3)
    for memory in (math.nan, -1, "1 GB"):
        with pytest.raises(ValueError, match="memory must be a positive number of bytes, got"):
            ga.Autoregressive(ga.grid((8, 8)), exact_width="auto", memory=memory)
    with pytest.raises(ValueError, match=r"exact_width must leave tables of at most memory=1e-05 GB, got 5, which"):
        ga.Autoregressive(ga.grid((8, 8)), exact_width=5, memory=1e4)


@pytest.mark.parametrize("width", [-1, True, False, "all", 1.5, 2.0, None, [2]])
def test_bad_widths(width: Any) -> None:
    with pytest.raises(ValueError, match="exact_width must be"):
        ga.Autoregressive(GRAPHS["grid"], exact_width=width)


def test_width_zero_learns_all_sites() -> None:
    model = ga.Autoregressive(GRAPHS["grid"], exact_width=0)
    assert model.core is None
    assert isinstance(model.at(BETA).exact_part, NoExactSites)
    assert model.ordering == ga.rcm(GRAPHS["grid"])
    assert model.head_config == ga.heads.Linear()


def test_describe_says_what_each_width_takes() -> None:
    text = ga.Autoregressive(ga.grid((6, 6)), exact_width=3).describe()
    rows = [line.split() for line in text.splitlines() if line.lstrip("> ").split()[:1] in (["0"], ["3"], ["6"])]
    assert [row[0] for row in rows] == ["0", ">", "6"]
    assert "Linear(inputs='parents'" in text
    for row in rows:
        numbers = [int(word) for word in row if word.isdigit()]
        assert numbers[1] + numbers[2] == 36
    assert "36 exact sites, 0 learned" in ga.Autoregressive(ga.grid((6, 6)), ga.heads.Exact).describe()


def test_low_orders_of_tables() -> None:
    tables = torch.randn(3, 2**5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    rest, by_pair, by_spin = remove_low_orders(tables)
    codes = torch.arange(2**5)
    signs = torch.stack([(codes >> bit & 1) * 2.0 - 1.0 for bit in range(5)]).double()
    low, high = torch.triu_indices(5, 5, offset=1)
    torch.testing.assert_close(by_spin, tables @ signs.T / 2**5, rtol=0, atol=1e-14)
    torch.testing.assert_close(by_pair, tables @ (signs[low] * signs[high]).T / 2**5, rtol=0, atol=1e-14)
    torch.testing.assert_close(rest + by_spin @ signs + by_pair @ (signs[low] * signs[high]), tables)


def test_wide_tables_take_the_memory_that_was_predicted() -> None:
    # a table of 2^18 entries on its way to the core; its products of pairs would take a gigabyte
    code = (
        "import resource, torch, graphar as ga\n"
        "from graphar.partial_elimination.walsh import remove_low_orders\n"
        "remove_low_orders(torch.zeros(1, 4, dtype=torch.float64))\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "remove_low_orders(torch.zeros(1, 2**18, dtype=torch.float64))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, timeout=120, capture_output=True, text=True)
    assert int(done.stdout) * (1 if sys.platform == "darwin" else 1024) < 8 * 8 * 2**18 + 2**23
