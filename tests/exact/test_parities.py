"""Linear algebra over GF(2) against enumeration and elimination: numbers of ground states, and log Z."""

from __future__ import annotations

import math

import pytest
import torch
from hypergraphs import HYPERGRAPHS
from small_graphs import GRAPHS

import graphar as ga
from graphar.exact import codes_from_spins, eliminate, enumerate, parities

CASES = {
    **HYPERGRAPHS,
    "Newman-Moore 3": ga.newman_moore(3),
    "Newman-Moore 4": ga.newman_moore(4),
    "XORSAT": ga.xorsat(12, seed=2),
    "XORSAT of 4": ga.xorsat(12, 4, 2, seed=2),
    "more than rank": ga.random_hypergraph(8, 3, 6, couplings="gaussian", seed=1),
}


@pytest.mark.parametrize("name", CASES)
def test_ground_states_are_counted(name: str) -> None:
    graph = CASES[name]
    solved, truth = parities(graph), enumerate(graph, 1.0)
    least = graph.offset.item() - graph.hyperedge_weight.abs().sum().item() - graph.h.abs().sum().item()
    assert solved.satisfiable == (abs(truth.ground_energy - least) < 1e-9)
    if not solved.satisfiable:
        for ask in ("ground_energy", "degeneracy", "ground_entropy", "ground_state"):
            with pytest.raises(ValueError, match="got a frustrated model"):
                getattr(solved, ask)
        return
    assert solved.ground_energy == pytest.approx(truth.ground_energy, abs=1e-12)
    assert solved.degeneracy == truth.degeneracy
    assert solved.ground_entropy == pytest.approx(math.log(truth.degeneracy), abs=1e-12)
    assert graph.energy(solved.ground_state).item() == pytest.approx(truth.ground_energy, abs=1e-12)
    drawn = solved.sample_ground_states(4000, seed=1)
    codes, counts = codes_from_spins(drawn, graph.num_spins).unique(return_counts=True)
    if truth.degeneracy <= 64:
        assert set(codes.tolist()) == set(codes_from_spins(truth.ground_states, graph.num_spins).tolist())
        mean = 4000 / truth.degeneracy
        assert bool(((counts - mean).abs() <= 5 * math.sqrt(mean)).all())


@pytest.mark.parametrize("beta", [0.0, 0.3, 0.6])
@pytest.mark.parametrize("name", CASES)
def test_log_partition_is_that_of_enumeration(name: str, beta: float) -> None:
    solved = parities(CASES[name])
    assert solved.log_partition(beta) == pytest.approx(enumerate(CASES[name], beta).log_partition, abs=1e-10)


@pytest.mark.parametrize("name", GRAPHS)
def test_pairs(name: str) -> None:
    graph = GRAPHS[name]
    solved = parities(graph)
    assert solved.log_partition(0.4) == pytest.approx(enumerate(graph, 0.4).log_partition, abs=1e-10)


@pytest.mark.parametrize("length", range(2, 9))
def test_newman_moore_by_elimination(length: int) -> None:
    graph = ga.newman_moore(length)
    solved, exact = parities(graph), eliminate(graph, 0.8)
    assert solved.degeneracy == exact.degeneracy
    assert solved.ground_energy == exact.ground_energy == -(length**2) / 2
    assert solved.log_partition(0.8) == pytest.approx(exact.log_partition.item(), abs=1e-10)


@pytest.mark.parametrize(("length", "degeneracy"), [(3, 4), (4, 1), (6, 16), (7, 64), (8, 1), (64, 1)])
def test_newman_moore_of_known_numbers(length: int, degeneracy: int) -> None:
    assert parities(ga.newman_moore(length)).degeneracy == degeneracy


def test_newman_moore_of_a_power_of_two_is_free() -> None:
    solved, beta = parities(ga.newman_moore(32)), 1.3
    expected = 1024 * (math.log(2) + math.log(math.cosh(beta / 2)))
    assert solved.log_partition(beta) == pytest.approx(expected, rel=1e-14)


def test_a_large_xorsat() -> None:
    graph = ga.xorsat(600, seed=1)
    solved = parities(graph)
    assert graph.energy(solved.ground_state).item() == -600
    states = solved.sample_ground_states(20, seed=2)
    assert bool((graph.energy(states) == -600).all())
    if solved.degeneracy > 64:
        assert len(states.unique(dim=0)) == 20


def test_repr_and_refusals() -> None:
    assert repr(parities(ga.newman_moore(3))) == "Parities(9 spins, 9 interactions, rank 7, satisfiable)"
    assert "not satisfiable" in repr(parities(ga.IsingGraph.from_edges([[0, 1, 0], [1, 2, 2]], -1.0)))
    with pytest.raises(ValueError, match="at most 24 dependencies for log Z, got 36"):
        parities(ga.complete(10, couplings="ferromagnet")).log_partition(1.0)
    with pytest.raises(ValueError, match="beta must leave ten digits"):
        parities(ga.IsingGraph.from_edges([[0, 1, 0], [1, 2, 2]], -1.0)).log_partition(12.0)
    with pytest.raises(ValueError, match="beta must be finite"):
        parities(ga.newman_moore(3)).log_partition(-1.0)
    with pytest.raises(ValueError, match="must be an IsingGraph or a SpinHypergraph"):
        parities(torch.ones(3))  # type: ignore[arg-type]


def test_zero_couplings_play_no_part() -> None:
    graph = ga.SpinHypergraph.from_hyperedges([(0, 1, 2), (1, 2, 3)], [0.0, -2.0])
    solved = parities(graph)
    assert (solved.rank, solved.degeneracy, solved.ground_energy) == (1, 8, -2.0)
    assert parities(ga.SpinHypergraph.from_hyperedges([], num_nodes=3)).degeneracy == 8
