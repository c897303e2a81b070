"""The core: which sites it has, and the couplings, fields and tables that exact sites leave to it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from dialled import BETA, at_all_widths, in_all_orders, model_on, on_all_graphs
from laws import components_and_separators
from small_graphs import GRAPHS, configurations

import graphar as ga
from graphar.estimators.partition import evaluate
from graphar.partial_elimination.order import exact_ranks
from graphar.partial_elimination.tables import tables_at
from graphar.partial_elimination.walsh import remove_low_orders


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
@torch.no_grad()
def test_untrained_a_spin_of_the_core_feels_its_effective_couplings_and_field(graph: str) -> None:
    for inputs in ("messages", "parents"):
        head = ga.heads.Linear(inputs, scale=0.0)
        model = ga.Autoregressive(GRAPHS[graph], head, exact_width=2, dtype=torch.float64)
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
