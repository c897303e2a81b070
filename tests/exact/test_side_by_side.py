"""Graphs eliminated, and solved, side by side: each as by itself."""

from __future__ import annotations

import pytest
import torch
from small_graphs import GRAPHS
from torch_geometric.data import Batch

import graphar as ga
from graphar.exact.side_by_side import LARGEST, SideBySide, narrow
from graphar.hamiltonians.disjoint import as_members, side_by_side
from graphar.solvers.search import portfolio

EACH = [*GRAPHS.values(), ga.grid((5, 6), couplings="gaussian", field=0.2, seed=3), ga.chain(40, couplings="pm1")]
WIDE = ga.sherrington_kirkpatrick(24, seed=1)  # tables of 2^23 entries, too large to be side by side
TRIPLE = ga.newman_moore(3)
BETAS = [0.7, 0.0, 2.5]


def test_union_has_every_number_of_its_parts() -> None:
    union, ptr = side_by_side(EACH, [graph.num_spins + k % 3 for k, graph in enumerate(EACH)])
    generator = torch.Generator().manual_seed(0)
    x = 1 - 2 * torch.randint(2, (5, union.num_spins), generator=generator)
    wanted = torch.zeros(5, dtype=torch.float64)
    for graph, start in zip(EACH, ptr.tolist(), strict=False):
        wanted += graph.to(torch.float64).energy(x[:, start : start + graph.num_spins]) - graph.offset
    torch.testing.assert_close(union.energy(x), wanted)


def test_log_partition_is_that_of_enumeration() -> None:
    found = ga.log_partition(EACH, BETAS, progress=False)
    for graph, answers in zip(EACH, found, strict=True):
        assert [answer.beta for answer in answers] == BETAS
        for answer in answers:
            exact = ga.exact.eliminate(graph, answer.beta)
            if graph.num_spins <= 20:
                exact = ga.exact.enumerate(graph, answer.beta)
            assert answer.exact
            assert answer.num_spins == graph.num_spins
            assert answer.log_partition.value == pytest.approx(float(exact.log_partition), rel=1e-12, abs=1e-11)
            assert answer.energy.value == pytest.approx(float(exact.energy), rel=1e-10, abs=1e-10)
            assert answer.entropy.value == pytest.approx(float(exact.entropy), rel=1e-9, abs=1e-9)


def test_narrow_ones_are_side_by_side_and_wide_ones_are_not() -> None:
    graphs = [EACH[0], WIDE, *EACH[1:]]
    parts = list(narrow(graphs, 5.0))
    assert sorted(k for members, _ in parts for k in members) == [k for k in range(len(graphs)) if k != 1]
    assert len(parts) == 1
    assert list(narrow(graphs, 0.0)) == []
    assert LARGEST < 2**23


def test_splits_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many graphs there are at once, and in whatever order."""
    whole = ga.log_partition(EACH, 1.0)
    monkeypatch.setattr("graphar.exact.side_by_side.ENTRIES", 100)
    monkeypatch.setattr("graphar.exact.side_by_side.SPINS_ORDERED", 25)
    assert len(list(narrow(EACH, 5.0))) > 3
    split = ga.log_partition(EACH[::-1], 1.0)[::-1]
    for one, other in zip(whole, split, strict=True):
        assert one.log_partition.value == pytest.approx(other.log_partition.value, rel=1e-14, abs=1e-14)
        assert one.energy.value == pytest.approx(other.energy.value, rel=1e-12, abs=1e-12)


def test_ground_states_are_those_of_enumeration() -> None:
    found = ga.solve(EACH, progress=False)
    for graph, solution in zip(EACH, found, strict=True):
        lowest = float(ga.exact.eliminate(graph, 1.0).ground_energy)
        assert solution.energy == pytest.approx(lowest, rel=1e-13, abs=1e-13)
        assert solution.energy == float(graph.to(torch.float64).energy(solution.spins))
        assert (solution.optimal, solution.method, solution.reason) == (True, "elimination", "proof")
        assert solution.gap == 0
        assert torch.equal(solution.solutions, solution.spins[None])


def test_the_rest_takes_its_turn_by_a_seed_of_its_own() -> None:
    """A wide graph, a hypergraph and a problem in one list, each as it is alone."""
    numbers = ga.problems.NumberPartitioning([4, 5, 6, 7, 8])
    members = [EACH[1], TRIPLE, numbers, WIDE]
    found = ga.solve(members, steps=1, time_limit=None, seed=4, progress=False)
    assert found[2].problem is numbers
    assert found[2].objective == 0
    for k in (1, 3):
        alone = ga.solve(members[k], steps=1, time_limit=None, seed=4 + k, progress=False)
        assert (found[k].energy, found[k].method) == (alone.energy, alone.method)
        assert torch.equal(found[k].spins, alone.spins)
    (first, second) = ga.log_partition([EACH[1], TRIPLE], 0.5, progress=False)
    wanted = ga.exact.enumerate(TRIPLE, 0.5).log_partition
    assert (first.exact, second.exact) == (True, True)
    assert second.log_partition.value == pytest.approx(wanted, rel=1e-12)


def test_a_list_leaves_out_the_members_that_one_graph_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portfolio, "FIRST_BUDGET", portfolio.FIRST_BUDGET // 64)
    graph = ga.sherrington_kirkpatrick(60, seed=1)
    for without in ("tabu", ["annealing", "reheating"]):
        (found,) = ga.solve([graph], steps=1, time_limit=None, without=without, progress=False)
        alone = ga.solve(graph, steps=1, time_limit=None, without=without, progress=False)
        assert [each.method for each in found.history] == [each.method for each in alone.history]
        assert {each.method for each in found.history}.isdisjoint([without] if isinstance(without, str) else without)


def test_a_target_is_met_by_a_search() -> None:
    """Where less than a proof is asked for, members are solved as they are alone."""
    graph = ga.grid((4, 4), couplings="pm1", seed=1)
    (found,) = ga.solve([graph], target=-4.0, progress=False)
    alone = ga.solve(graph, target=-4.0, progress=False)
    assert (found.energy, found.reason) == (alone.energy, alone.reason)


def test_batches_are_lists() -> None:
    """A PyG batch, of pairs or of hypergraphs, is the list of its graphs."""
    for graphs in (EACH[3:6], [TRIPLE, ga.newman_moore(4)]):
        batch = Batch.from_data_list(graphs)
        for one, other in zip(ga.log_partition(batch, 1.0), ga.log_partition(graphs, 1.0), strict=True):
            assert one.log_partition == other.log_partition
        energies = [found.energy for found in ga.solve(batch, progress=False)]
        assert energies == [found.energy for found in ga.solve(graphs, progress=False)]
    assert as_members(EACH[0]) is None


def test_empty_lists() -> None:
    assert ga.log_partition([], 1.0) == ()
    assert ga.log_partition([], [1.0, 2.0]) == ()
    assert ga.solve([]) == ()


def test_refusals() -> None:
    graph = ga.chain(4)
    for call in (lambda graphs: ga.log_partition(graphs, 1.0), ga.solve):
        with pytest.raises(ValueError, match=r"graph\[1\]: graph must be an IsingGraph or a SpinHypergraph, got int"):
            call([graph, 3])
        with pytest.raises(ValueError, match=r"graph\[1\]: graph must be one graph, got a batch of 2"):
            call([graph, Batch.from_data_list([graph, graph])])
    with pytest.raises(ValueError, match="checkpoint must be None for a list of graphs, got x"):
        ga.log_partition([graph], 1.0, checkpoint="x")
    with pytest.raises(ValueError, match="beta must"):
        ga.log_partition([], -1.0)
    with pytest.raises(ValueError, match="initial must be None for a list of graphs"):
        ga.solve([graph], initial=torch.ones(4))
    with pytest.raises(ValueError, match="out must be None for a list of graphs"):
        ga.solve([graph], out="x")
    with pytest.raises(ValueError, match="max_solutions must"):
        ga.solve([graph], max_solutions=0)
    with pytest.raises(ValueError, match="without must name members"):
        ga.solve([graph], without="chance")
    huge = ga.IsingGraph.from_edges([[0], [1]], [1e300])
    with pytest.raises(ValueError, match=r"graph\[1\]: .*energies overflow"):
        ga.log_partition([graph, huge], 1.0)


def test_exact_answers_may_be_refused() -> None:
    """Lists, too, are tempered where exact methods must not answer."""
    (found,) = ga.log_partition([ga.chain(6, couplings="pm1")], 0.8, 0.5, exact=False, models=False, progress=False)
    wanted = ga.exact.enumerate(ga.chain(6, couplings="pm1"), 0.8).log_partition
    assert not found.exact
    assert abs(found.log_partition.value - wanted) < 6 * found.log_partition.stderr


def test_averages_are_those_of_one_graph() -> None:
    """A graph alone beside itself."""
    graph = EACH[-2]
    ((members, together),) = narrow([graph, graph, graph], 5.0)
    assert members == [0, 1, 2]
    assert isinstance(together, SideBySide)
    log_z, energy = together.log_partition(1.3)
    assert log_z.max() == log_z.min() == pytest.approx(float(ga.exact.eliminate(graph, 1.3).log_partition), rel=1e-14)
    assert energy.max() - energy.min() < 1e-12
