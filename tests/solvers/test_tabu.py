"""Tabu search, the pool and contraction: gains are those recomputed, energies exact, clusters what is agreed on."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from solver_graphs import FAMILIES, graphs_of

import graphar as ga
from graphar.kernels.compiled.threads import share_out
from graphar.montecarlo.base import random_spins
from graphar.solvers.search.contraction import contract
from graphar.solvers.search.pool import Pool
from graphar.solvers.search.tabu import Tabu
from graphar.solvers.search.tabu_terms import plan_tabu

GRAPHS = {
    "pm1": lambda: ga.random_regular(300, degree=3, couplings="pm1", seed=1),
    "gaussian with fields": lambda: ga.random_regular(70, degree=5, couplings="gaussian", field="gaussian", seed=2),
    "fractions": lambda: ga.IsingGraph.from_edges([[0, 1, 2], [1, 2, 0]], [0.75, -1.5, 2.0], [0.25, 0, 0], 3),
    "hypergraph": lambda: ga.random_hypergraph(40, order=3, mean_degree=4, couplings="pm1", seed=3),
    "no couplings": lambda: ga.IsingGraph.from_edges(torch.empty(2, 0, dtype=torch.int64), [], 0.0, 4),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_gains_and_energies_are_those_recomputed_after_every_flip(name: str) -> None:
    from graphar.solvers.search.loops.tabu import tabu_flips

    graph = GRAPHS[name]().to(torch.float64)
    terms, n = plan_tabu(graph), graph.num_spins
    assert terms.field.dtype == (np.int64 if "gaussian" in name else np.int32)
    spins = random_spins(2, n, 5)
    x = spins.numpy().astype(terms.field.dtype)
    energy = np.rint(((graph.energy(spins) - graph.offset) / terms.unit).numpy()).astype(np.int64)
    best, lowest, gains, until = x.copy(), energy.copy(), np.empty_like(x), np.zeros(x.shape, np.int32)
    tenure, met = np.array([[1, 2], [n // 4, 3]]), energy.copy()
    for flip in range(60):
        before = x.copy()
        share_out(2, tabu_flips, terms, np.uint64(1), flip, 1, tenure, x, gains, until, energy, best, lowest)
        assert ((x != before).sum(1) == 1).all()
        now = torch.from_numpy(x.astype(np.int8))
        exact = name != "gaussian with fields"
        close = {"rtol": 0, "atol": 0 if exact else 1e-9}
        np.testing.assert_allclose(gains * terms.unit, graph.flip_delta(now).numpy(), **close)
        np.testing.assert_allclose(energy * terms.unit, (graph.energy(now) - graph.offset).numpy(), **close)
        met = np.minimum(met, energy)
        assert (lowest == met).all()
    kept = graph.energy(torch.from_numpy(best.astype(np.int8))) - graph.offset
    np.testing.assert_allclose(kept.numpy(), lowest * terms.unit, atol=1e-9)


def test_a_flip_is_the_best_that_is_not_forbidden() -> None:
    from graphar.solvers.search.loops.tabu import tabu_flips

    graph = ga.sherrington_kirkpatrick(600, seed=1).to(torch.float64)  # three blocks of sites
    terms = plan_tabu(graph)
    x = random_spins(1, 600, 1).numpy().astype(terms.field.dtype)
    energy, lowest = np.zeros(1, np.int64), np.full(1, -(2**62))  # nothing is below: no flip is allowed all the same
    until, gains, best = np.zeros(x.shape, np.int32), np.empty_like(x), x.copy()
    for flip in range(100):
        delta = graph.flip_delta(torch.from_numpy(x[0].astype(np.int8))).numpy()
        wanted = np.where(until[0] <= flip, delta, np.inf).argmin()
        before = x.copy()
        share_out(
            1, tabu_flips, terms, np.uint64(1), flip, 1, np.array([[20, 1]]), x, gains, until, energy, best, lowest
        )
        assert (x != before)[0].nonzero()[0].tolist() == [wanted]
        assert until[0, wanted] == flip + 21


@pytest.mark.parametrize("family", FAMILIES)
def test_tabu_alone_finds_ground_states_of_small_graphs(family: str) -> None:
    for graph in graphs_of(family, 3):
        double = graph.to(torch.float64)
        found = Tabu(double).search(random_spins(8, graph.num_spins, 1), 2000, seed=1)
        assert double.energy(found).min().item() == pytest.approx(
            ga.exact.enumerate(graph, 1.0).ground_energy, abs=1e-9
        )


def test_tabu_does_the_same_for_a_seed_in_any_pieces_and_on_any_number_of_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from graphar.solvers.search import tabu

    graph = ga.random_regular(200, degree=6, couplings="pm1", seed=1).to(torch.float64)
    starts, before, found = random_spins(5, 200, 1), torch.get_num_threads(), []
    for threads, step in ((1, 2**26), (3, 2**26), (2, 2**17)):
        monkeypatch.setattr(tabu, "_STEP", step)
        torch.set_num_threads(threads)
        try:
            found.append(Tabu(graph).search(starts, 3000, seed=4))
        finally:
            torch.set_num_threads(before)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])
    assert not torch.equal(found[0], Tabu(graph).search(starts, 3000, seed=5))
    assert torch.equal(Tabu(graph).search(starts, 3000, 4, lambda: True), starts)


def test_a_contraction_has_the_energies_of_the_whole_and_its_parents() -> None:
    graph = ga.random_regular(60, degree=4, couplings="gaussian", field="gaussian", seed=1).to(torch.float64)
    parents = Tabu(graph).search(random_spins(4, 60, 2), 30, seed=1)
    clusters = contract(graph, parents)
    n = clusters.graph.num_spins
    assert 1 < n < 60
    assert clusters.graph.num_couplings < graph.num_couplings
    spins = random_spins(20, n, 3)
    constant = graph.energy(clusters.lift(spins)) - clusters.graph.energy(spins)
    assert torch.allclose(constant, constant[:1].expand(20), atol=1e-10)
    sigma = torch.stack([parents[:, (clusters.cluster == c).nonzero()[0, 0]] for c in range(n)], 1)
    sigma = sigma * torch.stack([parents[0, (clusters.cluster == c).nonzero()[0, 0]] for c in range(n)])
    assert torch.equal(clusters.lift(sigma), parents)
    # a coupling is within a cluster where all parents agree on it
    i, j, _ = graph.undirected()
    agreed = ((parents[:, i] * parents[:, j]) == (parents[0, i] * parents[0, j])).all(0)
    assert bool((clusters.cluster[i] == clusters.cluster[j])[agreed].all())
    assert contract(graph, torch.stack([parents[0], -parents[0]])).graph.num_couplings == 0


def test_a_pool_keeps_low_configurations_that_differ() -> None:
    rows = random_spins(100, 200, 1)
    energies = torch.linspace(0, -1, 100, dtype=torch.float64)
    pool = Pool(200, symmetric=True)
    for k in range(100):
        pool.take(rows[k : k + 1], energies[k : k + 1])
    assert torch.equal(pool.energies, energies.flip(0)[:32])
    assert torch.equal(pool.rows, rows.flip(0)[:32])
    # a variant, turned over, comes in the place of what it is near to, if it is no higher
    near = -rows[-1:].clone()
    near[0, 0] *= -1
    assert not pool.take(near, torch.tensor([-0.99], dtype=torch.float64))
    assert pool.take(near, torch.tensor([-2.0], dtype=torch.float64))
    assert len(pool.rows) == 32
    assert torch.equal(pool.rows[0], near[0])
    assert not bool((pool.rows == rows[-1]).all(1).any())
    apart = Pool(200, symmetric=False)
    apart.take(torch.cat([near, -near]), torch.tensor([-2.0, -1.0], dtype=torch.float64))
    assert len(apart.rows) == 2
