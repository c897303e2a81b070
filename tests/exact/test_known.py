"""What exact methods say together, each against enumeration."""

from __future__ import annotations

import pytest
import torch
from hypergraphs import HYPERGRAPHS
from small_graphs import GRAPHS

import graphar as ga
from graphar.exact import known
from graphar.exact.known import find_known

BETA = 0.7
ALL = {**GRAPHS, **{f"{name}, many": graph for name, graph in HYPERGRAPHS.items()}}


def as_set(spins: torch.Tensor) -> set[tuple[int, ...]]:
    return set(map(tuple, spins.tolist()))


@pytest.mark.parametrize("name", ALL)
def test_elimination_and_parities_know_what_enumeration_knows(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    exact = ga.exact.enumerate(ALL[name], BETA)
    monkeypatch.setattr(known, "MAX_SPINS_ENUMERATED", 0)
    found = find_known(ALL[name], BETA)
    assert found.sources[0] == "elimination"
    assert found.ground_energy == pytest.approx(exact.ground_energy, abs=1e-10)
    assert found.degeneracy == exact.degeneracy
    assert found.ground_states is not None
    assert as_set(found.ground_states) == as_set(exact.ground_states)
    assert len(found.ground_states) == exact.degeneracy
    assert found.log_partition == pytest.approx(exact.log_partition, abs=1e-10)
    assert found.entropy == pytest.approx(exact.entropy, abs=1e-10)
    assert found.sample is not None
    assert found.sample(3, seed=0).shape == (3, exact.num_spins)


@pytest.mark.parametrize("name", ["newman_moore", "ring", "xorsat", "ferromagnet"])
def test_parities_list_their_ground_states(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = {
        "newman_moore": ga.newman_moore(3),
        "ring": ga.chain(7, periodic=True, couplings="ferromagnet"),
        "xorsat": ga.xorsat(12, seed=1),
        "ferromagnet": ga.grid((3, 4), couplings="ferromagnet"),
    }[name]
    exact = ga.exact.enumerate(graph, BETA)
    states = ga.exact.parities(graph).ground_states
    assert states.dtype == torch.int8
    assert as_set(states) == as_set(exact.ground_states)
    assert len(states) == exact.degeneracy
    monkeypatch.setattr(known, "MAX_SPINS_ENUMERATED", 0)
    monkeypatch.setattr(known, "SECONDS", 0.0)
    found = find_known(graph, BETA)
    assert found.sources == ("parities",)
    assert (found.ground_energy, found.degeneracy) == (exact.ground_energy, exact.degeneracy)
    assert found.log_partition == pytest.approx(exact.log_partition, abs=1e-10)


def test_parities_with_too_many_ground_states_list_the_first() -> None:
    states = ga.exact.parities(ga.IsingGraph.from_edges([[0], [1]], 1.0, num_nodes=40)).ground_states
    assert states.shape == (2**16, 40)
    assert len(states.unique(dim=0)) == 2**16
    assert bool((states[:, 0] == states[:, 1]).all())


def test_planar_graphs_too_wide_for_elimination(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pymatching")
    graph = ga.grid((6, 6), couplings="pm1", seed=2)
    exact = ga.exact.eliminate(graph, BETA)
    monkeypatch.setattr(known, "SECONDS", 0.0)
    found = find_known(graph, BETA)
    assert found.sources == ("the Kac–Ward determinant", "matching")
    assert found.ground_energy == exact.ground_energy.item()
    assert found.log_partition == pytest.approx(exact.log_partition.item(), abs=1e-9)
    assert found.entropy == pytest.approx(exact.entropy.item(), abs=1e-8)
    assert (found.degeneracy, found.ground_states, found.sample) == (None, None, None)


def test_nothing_is_known_of_what_nothing_solves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "SECONDS", 0.0)
    found = find_known(ga.random_regular(30, degree=4, couplings="pm1", seed=0), BETA)
    assert vars(found) == vars(known.Known())
