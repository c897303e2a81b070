"""Many-body and planted instances: their definitions, what is planted, seeds and refusals."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch

import graphar as ga
from graphar.exact import enumerate
from graphar.instances.random_interactions import random_sets


def same(a: Any, b: Any) -> bool:
    names = ("hyperedge_index", "hyperedge_weight", "h") if isinstance(a, ga.SpinHypergraph) else ("edge_weight", "h")
    return all(torch.equal(a[name], b[name]) for name in names)


# Newman–Moore.


@pytest.mark.parametrize("length", [2, 3, 4, 5])
def test_newman_moore_counts_defects(length: int) -> None:
    graph = ga.newman_moore(length, coupling=2.0)
    n = length**2
    x = 2 * torch.randint(2, (50, n), generator=torch.Generator().manual_seed(1)) - 1
    table = x.reshape(-1, length, length)
    products = table * table.roll(-1, 2) * table.roll(-1, 1)  # (r, c), (r, c+1), (r+1, c)
    defects = (products == 1).sum((1, 2))
    assert torch.equal(graph.energy(x), 2.0 * defects - n)
    assert graph.energy(graph.planted).item() == -n
    assert bool((graph.degree() == 3).all())
    assert graph.pos.shape == (n, 2)


def test_newman_moore_triangles_are_equilateral() -> None:
    graph = ga.newman_moore(6)
    sides = []
    for sites, J in graph.listed():
        assert J == -0.5
        places = graph.pos[list(sites)]
        sides.append((places[:, None] - places[None]).norm(dim=-1)[torch.triu_indices(3, 3, 1).unbind()])
    inside = [side for side in sides if side.max() < 2]
    assert len(inside) == 25  # the others wrap around
    torch.testing.assert_close(torch.stack(inside), torch.ones(25, 3, dtype=torch.float64))


def test_newman_moore_of_the_other_sign_plants_nothing() -> None:
    graph = ga.newman_moore(3, coupling=-1.0)
    assert graph.planted is None
    assert enumerate(graph, 1.0).ground_energy == -4.5  # all up


# Random hypergraphs.


@pytest.mark.parametrize(
    ("n", "order", "degree"), [(12, 3, 3), (10, 5, 2), (9, 3, 4), (30, 2, 3), (8, 4, 5), (50, 3, 0), (1000, 3, 6)]
)
def test_every_site_has_its_degree(n: int, order: int, degree: int) -> None:
    graph = ga.random_hypergraph(n, order, degree, couplings="gaussian", field=0.5, seed=3)
    assert graph.validate()
    assert graph.degree().tolist() == [degree] * n
    assert graph.orders.tolist() == [order] * (n * degree // order)
    assert bool((graph.h == 0.5).all())


def test_the_only_sets_are_found() -> None:
    assert ga.random_hypergraph(4, 3, 3).num_interactions == 4  # all of them
    assert ga.random_hypergraph(5, 5, 1).listed() == [((0, 1, 2, 3, 4), ga.random_hypergraph(5, 5, 1).listed()[0][1])]


@pytest.mark.parametrize("mean", [0.0, 0.7, 3.0])
def test_mean_degree(mean: float) -> None:
    n, order = 3000, 4
    graph = ga.random_hypergraph(n, order, mean_degree=mean, seed=2)
    expected = n * mean / order
    assert abs(graph.num_interactions - expected) <= 5 * math.sqrt(expected)
    assert graph.validate()


def test_sets_are_equally_likely() -> None:
    rng = np.random.default_rng(0)
    for n, order, probability in ((6, 3, 0.2), (6, 3, 0.8), (5, 4, 0.3)):
        seen = Counter(tuple(row) for _ in range(2000) for row in random_sets(n, order, probability, rng).tolist())
        assert len(seen) == math.comb(n, order)
        error = math.sqrt(2000 * probability * (1 - probability))
        assert all(abs(count - 2000 * probability) < 5 * error for count in seen.values())
    assert len(random_sets(7, 3, 1.0, rng)) == 35
    assert random_sets(60, 30, 1e-16, rng).shape[1] == 30


def test_degrees_of_regular_sets_leave_pairs_alike() -> None:
    together = torch.zeros(9, 9)
    for seed in range(400):
        i, j, _ = ga.random_hypergraph(9, 3, 2, seed=seed).primal_graph().undirected()
        together[i, j] += 1
    counts = together[torch.triu_indices(9, 9, 1).unbind()]
    assert bool(((counts - counts.mean()).abs() < 5 * counts.mean().sqrt()).all())


def test_seeds() -> None:
    one, again = ga.random_hypergraph(30, 3, 3, seed=1), ga.random_hypergraph(30, 3, 3, seed=1)
    assert same(one, again)
    assert not same(one, ga.random_hypergraph(30, 3, 3, seed=2))
    gaussian = ga.random_hypergraph(30, 3, 3, couplings="gaussian", field="pm1", seed=1)
    assert torch.equal(one.hyperedge_index, gaussian.hyperedge_index)  # whatever the couplings
    given = ga.random_hypergraph(30, 3, 3, couplings=gaussian.hyperedge_weight.numpy(), seed=1)
    assert torch.equal(given.hyperedge_weight, gaussian.hyperedge_weight)
    assert set(gaussian.h.tolist()) == {-1.0, 1.0}


def test_a_hundred_thousand_spins() -> None:
    graph = ga.random_hypergraph(99_999, 3, 3, seed=0)
    assert graph.num_interactions == 99_999
    assert graph.energy(torch.ones(2, 99_999)).shape == (2,)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"degree": 2}, r"a multiple of order = 3, got 10 \* 2"),
        ({}, "degree or mean_degree must be given, not both, got None and None"),
        ({"degree": 3, "mean_degree": 3.0}, "not both, got 3 and 3.0"),
        ({"order": 1, "degree": 3}, "order must be at least 2"),
        ({"order": 11, "degree": 1}, "order must be at most num_spins = 10"),
        ({"degree": -3}, "degree must be at least 0"),
        ({"mean_degree": 37.0}, "from 0 to all sets of a site, 36, got 37"),
        ({"mean_degree": -1.0}, "from 0 to"),
        ({"degree": 3, "couplings": "none"}, "couplings must be a number"),
        ({"degree": 3, "couplings": [1.0]}, r"couplings must be one number or have shape \(10,\)"),
        ({"order": 10, "degree": 2}, "degree must leave different sets of 10 of 10 sites"),
    ],
)
def test_random_hypergraph_refuses(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ga.random_hypergraph(10, **arguments)


# XORSAT.


@pytest.mark.parametrize(("n", "order", "degree"), [(12, 3, 3), (12, 4, 3), (10, 5, 4), (300, 3, 3)])
def test_xorsat_satisfies_what_is_planted(n: int, order: int, degree: int) -> None:
    graph = ga.xorsat(n, order, degree, seed=4)
    assert graph.energy(graph.planted).item() == -graph.num_interactions == -n * degree / order
    assert set(graph.hyperedge_weight.abs().tolist()) == {1.0}
    assert graph.degree().tolist() == [degree] * n
    assert not torch.equal(graph.planted, ga.xorsat(n, order, degree, seed=5).planted)


def test_xorsat_of_twelve_by_enumeration() -> None:
    graph = ga.xorsat(12, seed=1)
    truth = enumerate(graph, 1.0)
    assert truth.ground_energy == -12
    assert graph.planted.tolist() in truth.ground_states.tolist()


# Wishart and chain.


@pytest.mark.parametrize("alpha", [0.2, 0.5, 1.0, 2.0])
def test_wishart_planted_is_lowest(alpha: float) -> None:
    graph = ga.wishart_planted(12, alpha, seed=3)
    truth = enumerate(graph, 1.0)
    assert graph.energy(graph.planted).item() == pytest.approx(truth.ground_energy, abs=1e-12)
    if alpha >= 0.5:
        assert truth.degeneracy == 2
        assert graph.planted.tolist() in truth.ground_states.tolist()


def test_wishart_statistics() -> None:
    n, alpha, runs = 24, 0.75, 400
    J = torch.zeros(n, n, dtype=torch.float64)
    for seed in range(runs):
        graph = ga.wishart_planted(n, alpha, seed=seed)
        t = graph.planted.double()
        J += t[:, None] * graph.to_dense() * t
    M = round(alpha * n)
    # ⟨J_ij⟩ = −(M/N) Σ_ij with Σ_ij = −t_i t_j/(N − 1): ferromagnetic along t
    mean = (J / runs)[~torch.eye(n, dtype=torch.bool)].mean().item()
    assert mean == pytest.approx(M / n / (n - 1), rel=0.02)
    graph = ga.wishart_planted(500, 0.3, seed=0)
    spread = math.sqrt(150) / 500  # √M/N
    assert graph.edge_weight.std().item() == pytest.approx(spread, rel=0.02)


def test_wishart_energy_is_a_sum_of_squares() -> None:
    graph = ga.wishart_planted(20, 0.4, seed=1)
    dense = -graph.to_dense()
    # E = |Wᵀx|²/2N − tr WWᵀ/2N with rank 8 and t in the kernel: the diagonal that makes J t = 0 makes it so
    diagonal = -(dense * graph.planted.double()).sum(1) * graph.planted
    values = torch.linalg.eigvalsh(dense + torch.diag(diagonal))
    assert values[0].item() == pytest.approx(0, abs=1e-12)
    assert int((values > 1e-9).sum()) == 8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((1, 1.0), "at least 2"), ((10, 0.0), "alpha must be positive"), ((10, 0.01), "at least one equation")],
)
def test_wishart_refuses(arguments: tuple[int, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ga.wishart_planted(*arguments)


def test_random_chain() -> None:
    graph = ga.random_chain(2000, seed=1)
    _, _, J = graph.undirected()
    assert 0 <= J.min() < J.max() < 1
    assert J.mean().item() == pytest.approx(0.5, abs=0.03)
    assert graph.energy(graph.planted).item() == pytest.approx(-J.sum().item())
    assert ga.random_chain(5, periodic=True).num_couplings == 5
    assert ga.random_chain(2, periodic=True).num_couplings == 1
    assert ga.random_chain(1).num_couplings == 0
    with pytest.raises(ValueError, match="periodic must be True or False"):
        ga.random_chain(5, periodic="yes")


# What is planted stays.


def test_planted_goes_with_copies_and_not_with_batches() -> None:
    from torch_geometric.data import Batch

    graph = ga.xorsat(12, seed=1)
    for copy in (graph.clone(), graph.to(torch.float32)):
        assert torch.equal(copy.planted, graph.planted)
    assert graph.subgraph(torch.arange(5)).planted is None
    assert ga.random_chain(5).subgraph(torch.arange(3)).planted is None
    plain = ga.random_hypergraph(12, 3, 3)
    assert Batch.from_data_list([graph, plain]).planted is None
    assert torch.equal(ga.SpinHypergraph.from_ising(ga.random_chain(4)).planted, torch.ones(4, dtype=torch.int8))
    with pytest.raises(ValueError, match="planted must"):
        graph.planted = [1, -1]
    graph.planted = None
    assert graph.planted is None
