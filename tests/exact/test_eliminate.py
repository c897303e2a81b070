"""Elimination against enumeration, in any order, batch and memory, and what it refuses."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from elimination_graphs import ALL, SOME
from small_graphs import GRAPHS, ORDERINGS
from torch.nn.functional import logsigmoid
from torch_geometric.data import Batch

import graphar as ga
from graphar import IsingGraph
from graphar.elimination.cost import predict
from graphar.exact import codes_from_spins, eliminate, enumerate, spins_from_codes


@pytest.fixture(params=list(ALL))
def graph(request: pytest.FixtureRequest) -> IsingGraph:
    return ALL[request.param]


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
    with pytest.raises(ValueError, match="graph must be an IsingGraph or a SpinHypergraph, got str"):
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
