"""The dial on many-body spins: exact where it is wide enough, a distribution and a bound at every width."""

from __future__ import annotations

import math

import pytest
import torch
from hypergraphs import HYPERGRAPHS, configurations
from torch import Tensor

import graphar as ga
from graphar.frontier import build_frontier
from graphar.partial_elimination.order import exact_ranks
from graphar.partial_elimination.own_graph import own_graph

BETA = 0.7


def _on(graph: ga.SpinHypergraph, width: int) -> ga.Autoregressive:
    """A model of the dial with weights of order one."""
    model = ga.Autoregressive(graph, ga.heads.Linear(scale=2.0), exact_width=width, dtype=torch.float64)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.3 * torch.randn(weight.shape, generator=generator, dtype=torch.float64))
    return model


@pytest.mark.parametrize("name", HYPERGRAPHS)
def test_every_width_is_a_distribution_and_a_bound(name: str) -> None:
    graph = HYPERGRAPHS[name]
    x, exact = configurations(graph.num_spins), ga.exact.enumerate(graph, BETA)
    bounds = []
    for width in range(graph.num_spins + 1):
        model = _on(graph, width)
        with torch.no_grad():
            log_q = model.at(BETA).log_prob(x)
        assert abs(log_q.exp().sum().item() - 1) < 1e-11
        bounds.append(-(log_q.exp() * (log_q + BETA * graph.energy(x))).sum().item())
        assert bounds[-1] <= exact.log_partition + 1e-11
        if model.head is None:
            torch.testing.assert_close(log_q, exact.log_prob(x), rtol=0, atol=1e-11)
    assert abs(bounds[-1] - exact.log_partition) < 1e-11


@pytest.mark.parametrize("name", ["pairs", "two components", "triples", "orders 1 to 5", "not dyadic"])
def test_what_is_left_to_the_core(name: str) -> None:
    """The energy of the core is −log Σ_exact e^{−βE}/β, and what its own graph lacks is in the tables."""
    graph = HYPERGRAPHS[name]
    n, x = graph.num_spins, configurations(graph.num_spins)
    for width in range(1, n):
        model = _on(graph, width)
        core = model.core
        if not core.num_spins:
            continue
        weight = -BETA * (graph.energy(x) - graph.offset)
        code = ((x[:, core.sites] > 0).long() * 2 ** torch.arange(core.num_spins)).sum(1)
        left = torch.stack([weight[code == c].logsumexp(0) for c in range(2**core.num_spins)])
        (drawn,) = model.at(BETA).draw(64, 3)
        code = ((drawn.learned > 0).long() * 2 ** torch.arange(core.num_spins)).sum(1)
        torch.testing.assert_close(-BETA * drawn.energy, left[code], rtol=0, atol=1e-11)


def test_narrow_tables_leave_interactions() -> None:
    """Two triples share the site summed out: what they leave is of the other four, K = ½ log cosh 2βJ, and no pair."""
    graph = ga.SpinHypergraph.from_hyperedges([(0, 1, 4), (2, 3, 4)], [1.0, 1.0])
    frontier = build_frontier(ga.natural(graph))
    exact = torch.tensor([False] * 4 + [True])
    own = own_graph(frontier, exact)
    assert ((0, 1, 2, 3), 0.0) in own.graph.listed()
    model = ga.Autoregressive(graph, ga.heads.Linear, ga.natural, exact_width=4)
    assert model.core.num_spins == 0
    wide = ga.SpinHypergraph.from_hyperedges([(0, 1, 4), (2, 3, 4), (0, 1, 2, 3, 5, 6)], [1.0, 1.0, 0.5])
    model = ga.Autoregressive(wide, ga.heads.Linear, ga.given_order(wide, [5, 6, 0, 1, 2, 3, 4]), exact_width=4)
    _, exact_part = model.parts_at(BETA)
    couplings = exact_part.tables.coupling
    of_four = [sites for sites, _ in model.core.graph.listed()].index((2, 3, 4, 5))
    pairs = [len(sites) == 2 for sites, _ in model.core.graph.listed()]
    assert abs(couplings[of_four].item() - 0.5 * math.log(math.cosh(2 * BETA))) < 1e-12
    assert couplings[pairs].abs().max() < 1e-12


def test_interactions_end_where_their_last_spin_is() -> None:
    graph = ga.random_hypergraph(60, 3, degree=3, couplings="gaussian", seed=2)
    frontier = build_frontier(ga.core_first(graph, 6))
    exact = exact_ranks(frontier, 6)
    own = own_graph(frontier, exact)
    ranks = frontier.ordering.ranks
    inside = {
        tuple(sorted(ranks[list(sites)].tolist())): J
        for sites, J in graph.listed()
        if not bool(exact[ranks[list(sites)]].any())
    }
    number = torch.cumsum(~exact, 0) - 1
    found = {sites: J for sites, J in own.graph.listed() if J}
    assert found == {tuple(number[list(sites)].tolist()): J for sites, J in inside.items()}


@pytest.mark.parametrize("length", [4, 8])
def test_newman_moore_three_ways(length: int) -> None:
    """log Z by the dial, by elimination and over GF(2)."""
    graph = ga.newman_moore(length)
    betas = (0.5, 2.0)
    over_two = [ga.exact.parities(graph).log_partition(beta) for beta in betas]
    eliminated = ga.exact.eliminate(graph, list(betas)).log_partition
    model = ga.Autoregressive(graph, ga.heads.Linear, exact_width="auto", memory=2e9, dtype=torch.float64)
    assert model.head is None
    for beta, first, second in zip(betas, over_two, eliminated.tolist(), strict=True):
        bound = ga.free_energy(model.at(beta), 200, seed=0)
        assert abs(first - second) < 1e-10 * abs(first)
        assert abs(-beta * bound.bound.value - first) < 1e-10 * abs(first)
        assert abs(bound.log_partition.value - first) < 1e-10 * abs(first)


def _drawn(model: ga.Autoregressive) -> list[Tensor]:
    run = ga.anneal(model, [0.3, 0.6], steps=3, warmup=0, batch_size=64, seed=0, progress=False)
    q = model.at(0.6)
    return [*q.sample_with_log_prob(100, seed=1), torch.tensor(run.history[-1].bound)]


def test_a_dial_of_pairs_is_that_of_the_graph() -> None:
    graph = ga.grid((5, 5), periodic=True, couplings="gaussian", field=0.1, seed=1)
    hyper = ga.SpinHypergraph.from_ising(graph)
    for width in (2, 4, "auto"):
        ours, theirs = (_drawn(ga.Autoregressive(g, ga.heads.MLP, exact_width=width)) for g in (hyper, graph))
        for one, other in zip(ours, theirs, strict=True):
            assert torch.equal(one, other)
