"""Large graphs: what comes before the search is fast, the rest is watched by the clock."""

from __future__ import annotations

import threading
import time
from functools import cache

import pytest
import torch
from solver_graphs import solve

import graphar as ga
from graphar.solvers.search import incumbent, portfolio
from graphar.solvers.search.descent import descend


@cache
def _million() -> ga.IsingGraph:
    return ga.grid((70, 70, 70), periodic=True, couplings="pm1", seed=0)


def test_a_second_on_a_million_couplings_takes_three_of_the_processor() -> None:
    graph = _million()
    descend(graph, torch.ones(graph.num_spins, dtype=torch.int8), lambda: False)  # loads the loop
    before = time.process_time()
    found = solve(graph, 1.0)
    assert time.process_time() - before <= 3.0
    assert found.energy == graph.energy(found.spins).item()
    for thread in threading.enumerate():
        if thread.name == "graphar solve":
            thread.join()


def test_a_descent_ends_where_no_site_gains_and_when_told_to() -> None:
    graph = _million()
    up = torch.ones(graph.num_spins, dtype=torch.int8)
    low = descend(graph, up, lambda: False)
    assert bool((up == 1).all())
    assert bool((graph.flip_delta(low) >= 0).all())
    assert graph.energy(low) < -1.3 * graph.num_spins
    assert torch.equal(descend(graph, up, lambda: True), up)


def test_a_descent_takes_edges_in_any_order() -> None:
    graph = ga.random_regular(50, degree=3, couplings="gaussian", field="gaussian", seed=1)
    mixed, order = graph.clone(), torch.randperm(150, generator=torch.Generator().manual_seed(0))
    mixed.edge_index, mixed.edge_weight = graph.edge_index[:, order], graph.edge_weight[order]
    up = torch.ones(50, dtype=torch.int8)
    assert torch.equal(descend(mixed, up, lambda: False), descend(graph, up, lambda: False))


def test_steps_of_energies_are_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    ladder_of = incumbent.ladder_of
    monkeypatch.setattr(incumbent, "ladder_of", lambda pairs: made.append(pairs) or ladder_of(pairs))
    assert not hasattr(portfolio, "ladder_of")
    parts = ga.IsingGraph.from_edges([[0, 1, 2, 4, 5, 6], [1, 2, 0, 5, 6, 4]], -1.0, num_nodes=8)
    assert solve(parts).optimal
    assert len(made) == 1
