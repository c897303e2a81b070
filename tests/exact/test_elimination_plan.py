"""The plan of elimination on its own: some sites summed out, the others kept."""

from __future__ import annotations

import pytest
import torch
from elimination_graphs import ALL, SOME

import graphar as ga
from graphar.elimination.tables import Eliminator
from graphar.exact import enumerate, spins_from_codes


def exact_sites(frontier: ga.Frontier, width: int) -> torch.Tensor:
    narrow = (frontier.num_parents <= width).tolist()
    for rank, parent in reversed(list(zip(range(len(narrow)), frontier.parent.tolist(), strict=True))):
        if parent >= 0 and not narrow[rank]:
            narrow[parent] = False
    return torch.tensor(narrow)


@pytest.mark.parametrize("width", [0, 1, 2, 3])
@pytest.mark.parametrize("name", SOME)
def test_summing_out_some_sites_leaves_the_rest(name: str, width: int) -> None:
    graph = ALL[name].to(torch.float64)
    n, beta = graph.num_spins, 0.8
    frontier = ga.build_frontier(ga.min_degree(graph))
    sites = exact_sites(frontier, width)
    plan = Eliminator(frontier, sites)
    order = frontier.ordering.sites
    odds, sums = plan.sum_out(beta * frontier.arrival_weight[None], beta * graph.h[order][None])
    assert bool(((plan.offset >= 0) == sites).all())
    # the marginal of the core: its own energy and the outgoing tables
    up = (spins_from_codes(torch.arange(2**n), n)[:, order].T > 0).long()
    x = 2 * up.double() - 1
    core = (~sites).nonzero()[:, 0]
    log_weight = beta * (x[core].T @ graph.h[order][core])
    for source, target, J in zip(
        frontier.arrival_source, frontier.arrival_target, frontier.arrival_weight, strict=True
    ):
        if not sites[target]:
            log_weight += beta * J * x[source] * x[target]
    for rank in plan.outgoing.tolist():
        parents = frontier.parents_spin[frontier.parents_ptr[rank] : frontier.parents_ptr[rank + 1]]
        code = (up[parents] << torch.arange(len(parents))[:, None]).sum(0)
        log_weight += sums[0, plan.offset[rank] + code]
    configurations = spins_from_codes(torch.arange(2**n), n)
    energy = graph.energy(configurations) - graph.offset
    codes = (up[core] << torch.arange(len(core))[:, None]).sum(0)
    totals = torch.zeros(2 ** len(core), dtype=torch.float64).index_add_(0, codes, (-beta * energy).exp())
    torch.testing.assert_close(log_weight, totals[codes].log(), atol=1e-10, rtol=0)
    # the conditionals of the rest
    truth = enumerate(graph, beta).conditional_logits(configurations, order).T[order]
    torch.testing.assert_close(plan.logits(odds[0], up)[sites], truth[sites], atol=1e-9, rtol=1e-12)


def test_pull_back_is_the_derivative_of_the_outgoing_tables() -> None:
    graph = ALL["random 5"]
    frontier = ga.build_frontier(ga.min_degree(graph))
    plan = Eliminator(frontier, exact_sites(frontier, 3))
    generator = torch.Generator().manual_seed(1)
    K = torch.randn(1, graph.num_couplings, generator=generator, dtype=torch.float64)
    k = torch.randn(1, graph.num_spins, generator=generator, dtype=torch.float64)
    weights = torch.zeros(1, plan.total, dtype=torch.float64)
    for rank in plan.outgoing.tolist():
        some = slice(int(plan.offset[rank]), int(plan.offset[rank]) + 2 ** int(frontier.num_parents[rank]))
        weights[0, some] = torch.randn(some.stop - some.start, generator=generator, dtype=torch.float64)
    by_K, by_k = plan.pull_back(plan.sum_out(K, k)[0], weights.clone())

    def weighted(K: torch.Tensor, k: torch.Tensor) -> float:
        return float((plan.sum_out(K, k)[1] * weights).sum())

    step = 1e-5
    for value, slope in ((K, by_K), (k, by_k)):
        for entry in range(value.shape[1]):
            change = torch.zeros_like(value)
            change[0, entry] = step
            more, less = ([part + sign * change if part is value else part for part in (K, k)] for sign in (1, -1))
            difference = (weighted(*more) - weighted(*less)) / (2 * step)
            assert slope[0, entry].item() == pytest.approx(difference, abs=1e-8)


def test_plan_needs_all_descendants() -> None:
    frontier = ga.build_frontier(ga.natural(ga.chain(4)))
    with pytest.raises(ValueError, match="descendants of its ranks, got 2 without 3"):
        Eliminator(frontier, torch.tensor([False, False, True, False]))
