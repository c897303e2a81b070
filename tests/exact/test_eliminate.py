"""Elimination against enumeration, transfer matrices, derivatives of log Z, and its own samples."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from scipy import stats
from small_graphs import GRAPHS, ORDERINGS
from torch.nn.functional import logsigmoid
from torch_geometric.data import Batch

import graphar as ga
from graphar import IsingGraph
from graphar.elimination.cost import predict
from graphar.elimination.tables import Eliminator
from graphar.exact import codes_from_spins, eliminate, enumerate, spins_from_codes


def random_graph(seed: int) -> IsingGraph:
    """2 to 12 spins, any density, fields and offset; every third one integer, with ties."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 13))
    pairs = np.array(list(itertools.combinations(range(n), 2)))
    pairs = pairs[rng.random(len(pairs)) < rng.uniform(0.1, 0.9)].reshape(-1, 2)
    J, h = rng.normal(size=len(pairs)), rng.normal(size=n)
    if seed % 3 == 0:
        J, h = np.sign(J), np.round(h)
    return IsingGraph.from_edges(pairs.T, J, h, n, offset=rng.normal())


ALL = GRAPHS | {f"random {seed}": random_graph(seed) for seed in range(32)}
SOME = [*GRAPHS, "random 2", "random 3", "random 6", "random 11"]


@pytest.fixture(params=list(ALL))
def graph(request: pytest.FixtureRequest) -> IsingGraph:
    return ALL[request.param]


# Against enumeration.


@pytest.mark.parametrize("beta", [0.7, 3.0])
def test_equals_enumeration(graph: IsingGraph, beta: float) -> None:
    exact, truth = eliminate(graph, beta), enumerate(graph, beta)
    i, j, _ = graph.undirected()
    assert exact.log_partition.item() == pytest.approx(truth.log_partition, abs=1e-10)
    assert exact.energy.item() == pytest.approx(truth.energy, abs=1e-10)
    assert exact.entropy.item() == pytest.approx(truth.entropy, abs=1e-10)
    torch.testing.assert_close(exact.magnetisation, truth.magnetisation, atol=1e-10, rtol=0)
    torch.testing.assert_close(exact.edge_correlations, truth.correlations[i, j], atol=1e-10, rtol=0)
    assert exact.free_energy.item() == pytest.approx(truth.free_energy, abs=1e-10)
    spins = spins_from_codes(torch.arange(0, 2**graph.num_spins, 7), graph.num_spins)
    torch.testing.assert_close(exact.log_prob(spins), truth.log_prob(spins), atol=1e-10, rtol=0)


def test_ground_states_equal_enumeration(graph: IsingGraph) -> None:
    exact, truth = eliminate(graph, 1.0), enumerate(graph, 1.0)
    assert exact.ground_energy.item() == pytest.approx(truth.ground_energy, abs=1e-10)
    assert graph.energy(exact.ground_state).item() == pytest.approx(truth.ground_energy, abs=1e-10)
    assert exact.degeneracy == truth.degeneracy
    assert exact.ground_entropy.item() == pytest.approx(math.log(truth.degeneracy), abs=1e-12)
    drawn = exact.sample_ground_states(200, seed=1)
    assert set(codes_from_spins(drawn, graph.num_spins).tolist()) <= set(
        codes_from_spins(truth.ground_states, graph.num_spins).tolist()
    )


@pytest.mark.parametrize("ordering", list(ORDERINGS))
def test_any_ordering(ordering: str) -> None:
    for graph in GRAPHS.values():
        truth = enumerate(graph, 0.8)
        exact = eliminate(graph, 0.8, ORDERINGS[ordering])
        assert exact.ordering == ORDERINGS[ordering](graph)
        assert exact.log_partition.item() == pytest.approx(truth.log_partition, abs=1e-12)
        torch.testing.assert_close(exact.magnetisation, truth.magnetisation, atol=1e-12, rtol=0)
        spins = truth.sample(5, seed=1)
        logits = exact.conditional_logits(spins)
        torch.testing.assert_close(logits, truth.conditional_logits(spins, exact.ordering.sites), atol=1e-11, rtol=0)
        torch.testing.assert_close(logsigmoid(logits * spins).sum(-1), truth.log_prob(spins), atol=1e-11, rtol=0)
        again = eliminate(graph, 0.8, exact.ordering)
        assert torch.equal(again.log_partition, exact.log_partition)


@pytest.mark.parametrize("name", SOME)
def test_pairs_of_any_sites(name: str) -> None:
    graph = ALL[name]
    n = graph.num_spins
    pairs = torch.cartesian_prod(torch.arange(n), torch.arange(n)).T
    correlations = eliminate(graph, [0.3, 1.1]).pair_correlations(pairs)
    for beta, found in zip([0.3, 1.1], correlations, strict=True):
        torch.testing.assert_close(found.view(n, n), enumerate(graph, beta).correlations, atol=1e-10, rtol=0)


# Spins that are held.


@pytest.mark.parametrize("name", SOME)
def test_held_spins_equal_a_restricted_sum(name: str) -> None:
    graph = ALL[name]
    n, beta = graph.num_spins, 0.9
    generator = torch.Generator().manual_seed(7)
    fixed = torch.randint(-1, 2, (6, n), generator=generator)
    fixed[:, : n // 3] = torch.where(fixed[:, : n // 3] == 0, 1, fixed[:, : n // 3])  # held in every row
    exact = eliminate(graph, beta, fixed=fixed)
    spins = spins_from_codes(torch.arange(2**n), n)
    energy = graph.energy(spins)
    x = spins.double()
    i, j, _ = graph.undirected()
    for b, row in enumerate_rows(fixed):
        allowed = ((row == 0) | (row == spins)).all(-1)
        log_weight = -beta * energy[allowed]
        log_partition = torch.logsumexp(log_weight, 0)
        P = (log_weight - log_partition).exp()
        assert exact.log_partition[b].item() == pytest.approx(log_partition.item(), abs=1e-10)
        assert exact.energy[b].item() == pytest.approx((P @ energy[allowed]).item(), abs=1e-10)
        torch.testing.assert_close(exact.magnetisation[b], P @ x[allowed], atol=1e-10, rtol=0)
        torch.testing.assert_close(exact.edge_correlations[b], P @ (x[:, i] * x[:, j])[allowed], atol=1e-10, rtol=0)
        torch.testing.assert_close(
            exact.pair_correlations([[0, n - 1], [n - 1, 0]])[b],
            (P @ (x[:, 0] * x[:, n - 1])[allowed]).expand(2),
            atol=1e-10,
            rtol=0,
        )
        lowest = energy[allowed].min()
        assert exact.ground_energy[b].item() == pytest.approx(lowest.item(), abs=1e-10)
        assert exact.degeneracy[b] == (energy[allowed] < lowest + 1e-9).sum()
        assert graph.energy(exact.ground_state[b]).item() == pytest.approx(lowest.item(), abs=1e-10)
        assert bool(((row == 0) | (row == exact.ground_state[b])).all())
    samples, log_prob = exact.sample_with_log_prob(20, seed=3)
    assert bool(((fixed[:, None] == 0) | (fixed[:, None] == samples)).all())
    torch.testing.assert_close(log_prob, exact.log_prob(samples), atol=1e-10, rtol=0)
    if bool((fixed != 0).any()):
        assert exact.log_prob(-samples).isneginf().any()


def enumerate_rows(rows: torch.Tensor) -> list[tuple[int, torch.Tensor]]:
    return list(zip(range(len(rows)), rows, strict=True))


def test_rows_and_betas_broadcast() -> None:
    graph = GRAPHS["torus"]
    fixed = torch.zeros(3, 1, 9, dtype=torch.int64)
    fixed[0, 0, 4], fixed[1, 0, 4], fixed[2, 0, 1] = 1, -1, 1
    beta = torch.tensor([0.2, 0.5, 1.0, 2.0], dtype=torch.float64)
    exact = eliminate(graph, beta, fixed=fixed)
    assert exact.log_partition.shape == (3, 4)
    assert exact.magnetisation.shape == (3, 4, 9)
    assert exact.ground_state.shape == (3, 1, 9)
    x = exact.sample(5, seed=0)
    assert x.shape == (3, 4, 5, 9)
    assert exact.log_prob(x).shape == exact.conditional_logits(x).shape[:-1] == (3, 4, 5)
    for a, b in itertools.product(range(3), range(4)):
        one = eliminate(graph, beta[b], fixed=fixed[a, 0])
        torch.testing.assert_close(exact.log_partition[a, b], one.log_partition)
        torch.testing.assert_close(exact.edge_correlations[a, b], one.edge_correlations)
        torch.testing.assert_close(exact.log_prob(x)[a, b], one.log_prob(x[a, b]))
    # one spin held up and down makes the whole
    whole = eliminate(graph, beta).log_partition
    torch.testing.assert_close(exact.log_partition[:2].logsumexp(0), whole)


def test_small_memory_splits_the_batch_and_changes_nothing() -> None:
    graph, beta = GRAPHS["grid"], torch.linspace(0, 2, 7, dtype=torch.float64)
    fixed = torch.zeros(7, 12, dtype=torch.int64)
    fixed[range(7), range(7)] = 1
    frontier = ga.build_frontier(ga.min_degree(graph))
    split = eliminate(graph, beta, ga.min_degree, fixed=fixed, memory=2.5 * predict(frontier)[0])
    whole = eliminate(graph, beta, ga.min_degree, fixed=fixed)
    assert (split._runs.at_once, whole._runs.at_once >= 7) == (2, True)
    for name in ("log_partition", "energy", "entropy", "ground_energy", "degeneracy"):
        torch.testing.assert_close(getattr(split, name), getattr(whole, name), atol=1e-12, rtol=0)
    assert torch.equal(split.sample(10, seed=1), whole.sample(10, seed=1))
    assert torch.equal(split.sample_ground_states(10, seed=1), whole.sample_ground_states(10, seed=1))
    torch.testing.assert_close(split.pair_correlations([[0, 5], [7, 1]]), whole.pair_correlations([[0, 5], [7, 1]]))


def test_holding_spins_makes_a_wide_graph_narrow() -> None:
    graph = ga.sherrington_kirkpatrick(60, field=0.1, seed=1)
    fixed = torch.ones(60, dtype=torch.int64)
    fixed[::6] = 0
    with pytest.raises(ValueError, match="width 59"):
        eliminate(graph, 1.0)
    exact = eliminate(graph, 1.0, fixed=fixed)
    assert exact.width == 9
    spins = fixed.repeat(2**10, 1)
    spins[:, ::6] = spins_from_codes(torch.arange(2**10), 10).long()
    assert exact.log_partition.item() == pytest.approx(torch.logsumexp(-graph.energy(spins), 0).item(), abs=1e-10)


# Laws.


def test_derivative_by_beta_is_the_energy() -> None:
    graph = ga.grid((6, 6), couplings="gaussian", field="gaussian", seed=2)
    step = 1e-4
    exact = eliminate(graph, torch.tensor([0.8 - step, 0.8, 0.8 + step], dtype=torch.float64))
    slope = (exact.log_partition[2] - exact.log_partition[0]) / (2 * step)
    assert slope.item() == pytest.approx(-exact.energy[1].item(), abs=1e-6)


def test_batch_of_betas_equals_one_by_one() -> None:
    graph = ga.random_regular(30, degree=3, couplings="pm1", field="gaussian", seed=3)
    beta = torch.linspace(0, 3, 5, dtype=torch.float64)
    together = eliminate(graph, beta)
    for k, one in [(k, eliminate(graph, b)) for k, b in zip(range(5), beta, strict=True)]:
        for name in ("log_partition", "energy", "entropy", "magnetisation", "edge_correlations"):
            torch.testing.assert_close(getattr(together, name)[k], getattr(one, name), atol=1e-12, rtol=0)


def test_at_infinite_temperature_all_is_chance() -> None:
    exact = eliminate(GRAPHS["torus"], 0.0)
    assert exact.log_partition.item() == exact.entropy.item() == pytest.approx(9 * math.log(2), abs=1e-12)
    assert float(exact.magnetisation.abs().max()) == float(exact.edge_correlations.abs().max()) == 0


def test_relabelling() -> None:
    graph = ga.random_regular(24, degree=3, couplings="gaussian", field="gaussian", seed=4)
    new = torch.randperm(24, generator=torch.Generator().manual_seed(0))
    i, j, J = graph.undirected()
    h = torch.empty_like(graph.h)
    h[new] = graph.h
    relabelled = IsingGraph.from_edges(torch.stack([new[i], new[j]]), J, h)
    a, b = eliminate(graph, 0.7), eliminate(relabelled, 0.7)
    assert a.log_partition.item() == pytest.approx(b.log_partition.item(), abs=1e-11)
    torch.testing.assert_close(a.magnetisation, b.magnetisation[new], atol=1e-11, rtol=0)


@pytest.mark.parametrize("name", ["torus", "random regular", "star", "two components"])
def test_samples_follow_the_distribution(name: str) -> None:
    graph, count = GRAPHS[name], 40_000
    exact, truth = eliminate(graph, 0.6), enumerate(graph, 0.6)
    x, log_prob = exact.sample_with_log_prob(count, seed=5)
    assert x.dtype == torch.int8
    torch.testing.assert_close(log_prob, truth.log_prob(x), atol=1e-11, rtol=0)
    P = truth.log_prob(spins_from_codes(torch.arange(2**graph.num_spins), graph.num_spins)).exp().numpy()
    seen = np.bincount(codes_from_spins(x, graph.num_spins).numpy(), minlength=len(P))
    common = count * P >= 5
    observed = [*seen[common], seen[~common].sum()]
    expected = [*(count * P[common]), count * P[~common].sum()]
    keep = slice(None) if expected[-1] > 5 else slice(-1)
    chi2 = ((np.array(observed) - expected) ** 2 / np.maximum(expected, 1e-300))[keep].sum()
    assert 1e-4 < stats.chi2.sf(chi2, common.sum() - (keep != slice(None))) < 1 - 1e-4


def test_ground_states_are_drawn_alike() -> None:
    graph, count = ga.grid((3, 4), couplings="pm1", seed=6), 20_000
    exact, truth = eliminate(graph, 1.0), enumerate(graph, 1.0)
    assert truth.degeneracy > 4
    codes, seen = codes_from_spins(exact.sample_ground_states(count, seed=2), 12).unique(return_counts=True)
    assert torch.equal(codes, codes_from_spins(truth.ground_states, 12))
    assert 1e-4 < stats.chisquare(seen.numpy()).pvalue < 1 - 1e-4


def test_seeds() -> None:
    exact = eliminate(GRAPHS["torus"], 0.5)
    assert torch.equal(exact.sample(50, seed=1), exact.sample(50, seed=1))
    assert not torch.equal(exact.sample(50, seed=1), exact.sample(50, seed=2))
    assert torch.equal(exact.sample(50, seed=1)[:9], exact.sample(9, seed=1))
    state = torch.random.get_rng_state()
    exact.sample(3, generator=torch.Generator().manual_seed(1))
    assert torch.equal(state, torch.random.get_rng_state())


# Larger graphs.


def transfer_matrix(graph: IsingGraph, rows: int, columns: int, beta: float) -> float:
    """log Z of a grid, row by row; bonds along a row may close it, those between rows may not."""
    bond = {(i, j): J for i, j, J in zip(*(part.tolist() for part in graph.undirected()), strict=True)}
    x = np.array(list(itertools.product([-1, 1], repeat=columns)))
    log_vector = np.zeros(2**columns)
    for r in range(rows):
        if r > 0:
            table = log_vector.reshape((2,) * columns)
            for c in range(columns):
                J = beta * bond[(r - 1) * columns + c, r * columns + c]
                down, up = np.take(table, 0, c), np.take(table, 1, c)
                table = np.stack([np.logaddexp(down + J, up - J), np.logaddexp(down - J, up + J)], axis=c)
            log_vector = table.reshape(-1)
        sites = range(r * columns, (r + 1) * columns)
        energy = -x @ graph.h.numpy()[r * columns : (r + 1) * columns]
        for a, b in itertools.combinations(sites, 2):
            energy -= bond.get((a, b), 0.0) * x[:, a - r * columns] * x[:, b - r * columns]
        log_vector = log_vector - beta * energy
    return float(np.logaddexp.reduce(log_vector))


@pytest.mark.parametrize("periodic", [False, (False, True)])
@pytest.mark.parametrize("beta", [0.4, 2.0])
def test_grid_equals_the_transfer_matrix(periodic: bool | tuple[bool, bool], beta: float) -> None:
    graph = ga.grid((12, 12), periodic=periodic, couplings="pm1", field="gaussian", seed=6)
    exact = eliminate(graph, beta)
    assert exact.log_partition.item() == pytest.approx(transfer_matrix(graph, 12, 12, beta), abs=1e-9)


def test_free_ferromagnetic_tree_in_closed_form() -> None:
    n, beta = 3000, 0.7
    parents = [(k * 7919 % k, k) for k in range(1, n)]
    tree = IsingGraph.from_edges(torch.tensor(parents).T, 1.0)
    exact = eliminate(tree, beta)
    assert exact.log_partition.item() == pytest.approx(n * math.log(2) + (n - 1) * math.log(math.cosh(beta)))
    torch.testing.assert_close(exact.edge_correlations, torch.full((n - 1,), math.tanh(beta), dtype=torch.float64))
    assert exact.degeneracy == 2


def test_a_long_chain() -> None:
    n, beta = 30_000, 0.9
    chain = ga.chain(n, couplings="gaussian", seed=7)
    exact = eliminate(chain, beta)
    J = chain.undirected()[2]
    assert exact.log_partition.item() == pytest.approx(n * math.log(2) + (beta * J).cosh().log().sum().item())
    torch.testing.assert_close(exact.edge_correlations, (beta * J).tanh(), atol=1e-10, rtol=0)
    assert exact.ground_energy.item() == pytest.approx(-J.abs().sum().item())
    assert exact.degeneracy == 2


def test_a_long_ladder_and_more_ground_states_than_float64_holds() -> None:
    ladder = ga.grid((2, 500), couplings="pm1", field=0.1, seed=8)
    by_row = ga.given_order(ladder, torch.arange(1000).view(2, 500).T.flatten())
    exact, deep = eliminate(ladder, 1.0), eliminate(ladder, 1.0, by_row)
    assert exact.log_partition.item() == pytest.approx(deep.log_partition.item(), rel=1e-13)
    assert exact.ground_energy.item() == pytest.approx(deep.ground_energy.item(), rel=1e-13)
    # a spin on a bond of no strength at each of 2,000 sites of a chain: free, and a part of the same component
    chain = torch.arange(2000)
    bonds = torch.cat([torch.stack([chain[:-1], chain[1:]]), torch.stack([chain, chain + 2000])], 1)
    J = torch.cat([torch.ones(1999), torch.zeros(2000)])
    free = eliminate(IsingGraph.from_edges(bonds, J), 1.0, ga.min_degree)
    assert free.ground_entropy.item() == pytest.approx(2001 * math.log(2))
    assert free.degeneracy == math.inf


def test_ten_thousand_samples_of_a_grid() -> None:
    graph = ga.grid((12, 12), couplings="pm1", seed=9)
    exact = eliminate(graph, 1.0)
    x, log_prob = exact.sample_with_log_prob(10_000, seed=1)
    torch.testing.assert_close(log_prob, exact.log_prob(x), atol=1e-9, rtol=0)
    i, j, _ = graph.undirected()
    seen = (x[:, i] * x[:, j]).double().mean(0)
    spread = ((1 - exact.edge_correlations**2) / 10_000).sqrt()
    assert float(((seen - exact.edge_correlations) / spread).abs().max()) < 5


def test_couplings_of_any_size() -> None:
    graph = IsingGraph.from_edges([[0, 1, 2], [1, 2, 0]], [1e6, -1e6, 1e6], h=[0.0, 0.0, 1.0])
    exact, truth = eliminate(graph, 5.0), enumerate(graph, 5.0)
    assert exact.log_partition.item() == pytest.approx(truth.log_partition, rel=1e-14)
    torch.testing.assert_close(exact.magnetisation, truth.magnetisation)
    single = eliminate(graph.to(torch.float32), 5.0)
    assert single.log_partition.dtype == torch.float64
    assert torch.equal(single.log_partition, exact.log_partition)


# The plan on its own: some sites summed out, the others kept.


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


# Refusals.


def test_too_wide() -> None:
    graph = ga.sherrington_kirkpatrick(100, seed=1)
    with pytest.raises(ValueError, match=r"memory=2 GB.*width 99 and needs .*e\+22 GB"):
        eliminate(graph, 1.0)
    grid = ga.grid((10, 10))
    held = predict(ga.build_frontier(ga.natural(grid)))[0]
    assert eliminate(grid, 1.0, ga.natural, memory=1.01 * held).width == 10
    with pytest.raises(ValueError, match=r"the order given \(natural\) it has width 10"):
        eliminate(grid, 1.0, ga.natural, memory=0.99 * held)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"beta": -1.0}, "beta must not be negative, got -1"),
        ({"beta": [0.1, math.nan]}, "beta must be finite"),
        ({"beta": []}, "beta must hold at least one number"),
        ({"beta": "hot"}, "beta must hold real numbers"),
        ({"fixed": [0, 1, 0]}, r"fixed must have shape \(..., 2\)"),
        ({"fixed": [0, 2]}, r"fixed must be -1, 0 \(free\) or \+1, got the entry 2"),
        ({"fixed": [True, False]}, "fixed must be .*, got dtype torch.bool"),
        ({"fixed": torch.zeros(0, 2)}, "fixed must hold at least one row"),
        ({"fixed": torch.zeros(3, 2), "beta": [1.0, 2.0]}, "fixed must have rows that broadcast"),
        ({"memory": 0}, "memory must be a positive number"),
        ({"ordering": ga.natural(ga.chain(3))}, "ordering must be of 2 sites, got 3"),
    ],
)
def test_bad_arguments(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        eliminate(GRAPHS["pair"], **{"beta": 1.0, **arguments})


def test_bad_graphs_pairs_and_spins() -> None:
    pair = GRAPHS["pair"]
    with pytest.raises(ValueError, match="graph must be an IsingGraph, got str"):
        eliminate("graph", 1.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="batch of 2"):
        eliminate(Batch.from_data_list([pair, pair]), 1.0)
    exact = eliminate(pair, [0.0, 1.0])
    with pytest.raises(ValueError, match="pairs must hold sites 0…1, got 2"):
        exact.pair_correlations([[0], [2]])
    with pytest.raises(ValueError, match=r"spins must have shape \(2, \.\.\., 2\), got \(2,\)"):
        exact.log_prob([1, 1])
    with pytest.raises(ValueError, match="free_energy needs beta > 0"):
        _ = exact.free_energy
    with pytest.raises(ValueError, match="either seed or generator"):
        exact.sample(3, seed=0, generator=torch.Generator())


def test_repr() -> None:
    exact = eliminate(GRAPHS["chain"], 0.5, ga.natural, fixed=[1, 0, 0, -1, 0, 0, 0])
    assert repr(exact) == "Elimination(7 spins, 2 of them fixed, natural order, width 1, beta=0.5)"
