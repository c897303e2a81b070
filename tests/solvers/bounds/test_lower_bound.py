"""No energy is below a bound; bounds are tight where theory says so."""

from __future__ import annotations

import importlib.util
from fractions import Fraction

import numpy as np
import pytest
import torch
from solver_graphs import FAMILIES, graphs_of

import graphar as ga
from graphar.solvers.bounds import lower_bound
from graphar.solvers.bounds.integrality import ladder_of
from graphar.solvers.bounds.lower_bound import METHODS
from graphar.solvers.bounds.pairs import as_pairs
from graphar.solvers.bounds.rounding import sum_down


def exact_energy(graph: ga.IsingGraph, spins: torch.Tensor) -> Fraction:
    x = spins.tolist()
    i, j, J = (each.tolist() for each in graph.undirected())
    total = Fraction(graph.offset.item())
    total -= sum((Fraction(c) * x[a] * x[b] for a, b, c in zip(i, j, J, strict=True)), Fraction(0))
    return total - sum((Fraction(c) * s for c, s in zip(graph.h.tolist(), x, strict=True)), Fraction(0))


@pytest.mark.parametrize("family", FAMILIES)
def test_no_energy_is_below_a_bound_on_a_thousand_graphs(family: str) -> None:
    for graph in graphs_of(family, 100, largest=10):
        lowest = exact_energy(graph, ga.exact.enumerate(graph, 1.0).ground_states[0])  # in exact arithmetic
        for method in ("auto", *METHODS):
            found = lower_bound(graph, method=method, time_limit=0.02)
            assert Fraction(found.value) <= lowest, (method, graph)
            assert found.history[-1][:2] == (found.method, found.value)


@pytest.mark.parametrize("family", ["pm1 grid", "tree with fields", "unfrustrated", "planar"])
def test_odd_cycles_are_tight_on_planar_graphs_and_without_frustration(family: str) -> None:
    for graph in graphs_of(family, 20, largest=10):
        if family == "unfrustrated" and not graph.has_field and graph.num_couplings == 0:
            continue
        lowest = ga.exact.enumerate(graph, 1.0).ground_energy
        assert lower_bound(graph, method="odd_cycles").value == pytest.approx(lowest, abs=1e-9)


def test_trees_and_unfrustrated_graphs_are_exact_by_the_cheap_bounds() -> None:
    for graph in graphs_of("unfrustrated", 20):
        lowest = ga.exact.enumerate(graph, 1.0).ground_energy
        assert lower_bound(graph, method="trivial").value == pytest.approx(lowest, abs=1e-12)
    for graph in graphs_of("tree with fields", 20):
        lowest = ga.exact.enumerate(graph, 1.0).ground_energy
        assert lower_bound(graph).value == pytest.approx(lowest, abs=1e-12)


def test_the_semidefinite_bound_of_known_graphs() -> None:
    # the pentagon's largest cut is 4, its relaxation 5 (5 + √5)/8
    pentagon = ga.chain(5, periodic=True, couplings=-1.0)
    pairs = as_pairs(pentagon)
    bound = max(METHODS["semidefinite"](pairs, np.inf))
    assert bound == pytest.approx(5 - 2 * 5 * (5 + 5**0.5) / 8, rel=1e-4)
    # K_n with J = −1: −n/2 by all unit vectors that add to zero
    complete = as_pairs(ga.complete(7, couplings=-1.0))
    assert max(METHODS["semidefinite"](complete, np.inf)) == pytest.approx(-3.5, rel=1e-4)
    assert max(METHODS["spectral"](complete, np.inf)) == pytest.approx(-3.5, rel=1e-4)


def test_steps_of_energies_are_the_largest() -> None:
    for family in ("pm1 grid", "pm1 regular", "sparse with integers", "pm1 complete with fields"):
        for graph in graphs_of(family, 20, largest=9):
            ladder = ladder_of(as_pairs(graph))
            if ladder is None:
                assert graph.num_couplings == 0 or not bool(graph.edge_weight.any())
                continue
            gaps = ga.exact.enumerate(graph, 1.0).gaps.to(torch.int64).numpy()
            assert ladder.step == np.gcd.reduce(gaps)
            lowest = ga.exact.enumerate(graph, 1.0).ground_energy - graph.offset.item()
            assert ladder.up(lowest - float(ladder.step) + 0.01) == lowest
            assert ladder.up(lowest) == lowest


def test_units_that_are_no_power_of_two() -> None:
    graph = ga.complete(9, couplings="pm1", seed=1)
    graph.edge_weight *= 0.1
    lowest = ga.exact.enumerate(graph, 1.0).ground_states[0]
    value = lower_bound(graph, method="semidefinite").value
    assert Fraction(value) <= exact_energy(graph, lowest)
    ladder = ladder_of(as_pairs(graph))
    assert ladder is not None
    assert float(ladder.step) == pytest.approx(0.4)  # even degrees
    assert ladder_of(as_pairs(ga.complete(6, couplings="gaussian", seed=0))) is None


def test_sums_are_rounded_down() -> None:
    assert sum_down([0.5, 0.25]) == 0.75
    assert Fraction(sum_down([0.1, 0.2])) <= Fraction(0.1) + Fraction(0.2)
    assert Fraction(sum_down([1.0, 1e-30])) <= 1 + Fraction(1e-30)
    assert sum_down([1.0, -1e-30]) < 1


def test_a_target_ends_the_search() -> None:
    graph = ga.grid((16, 16), couplings="pm1", seed=2)
    found = lower_bound(graph, target=-1e3)
    assert found.method == "trivial"
    assert repr(found).startswith("LowerBound(-480, by trivial, ")


@pytest.mark.skipif(importlib.util.find_spec("pymatching") is None, reason="needs the extra planar")
def test_a_larger_planar_graph_is_proven() -> None:
    graph = ga.grid((20, 20), couplings="pm1", seed=3)
    assert lower_bound(graph, method="odd_cycles", time_limit=60).value == ga.exact.ground_state(graph).energy


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match="method must be one of"):
        lower_bound(ga.chain(3), method="magic")
    with pytest.raises(ValueError, match="time_limit must be positive"):
        lower_bound(ga.chain(3), time_limit=0)
    with pytest.raises(ValueError, match="graph must be an IsingGraph or a SpinHypergraph"):
        lower_bound(torch.eye(3))  # type: ignore[arg-type]
    triple = ga.SpinHypergraph.from_hyperedges([(0, 1, 2)], [1.0])
    with pytest.raises(ValueError, match='method must be "auto" or "trivial" for interactions of three sites'):
        lower_bound(triple, method="odd_cycles")
