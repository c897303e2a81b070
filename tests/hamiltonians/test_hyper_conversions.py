"""Polynomials over 0/1, dimod, and pairs with ancillas, each by all configurations."""

from __future__ import annotations

import itertools
import math
from typing import Any

import dimod
import pytest
import torch
from hypergraphs import HYPERGRAPHS, configurations

from graphar import IsingGraph, SpinHypergraph
from graphar.exact import enumerate


@pytest.fixture(params=list(HYPERGRAPHS))
def graph(request: pytest.FixtureRequest) -> SpinHypergraph:
    return HYPERGRAPHS[request.param]


def polynomial(terms: dict[tuple[int, ...], float], x: list[int]) -> float:
    return sum(c * math.prod(x[i] for i in key) for key, c in terms.items())


# 0/1.


def test_hubo_has_the_same_values(graph: SpinHypergraph) -> None:
    terms, constant = graph.to_hubo()
    x = configurations(graph.num_spins)
    bits = ((x + 1) // 2).tolist()
    values = torch.tensor([polynomial(terms, row) + constant for row in bits], dtype=torch.float64)
    torch.testing.assert_close(values, graph.energy(x), rtol=0, atol=1e-10)
    back = SpinHypergraph.from_hubo(terms, constant)
    torch.testing.assert_close(back.energy(x), graph.energy(x), rtol=0, atol=1e-10)


def test_hubo_of_pairs_is_the_qubo() -> None:
    graph = IsingGraph.from_edges([[0, 1], [1, 2]], [1.0, -0.5], [0.25, 0.0, -1.0], offset=2.0)
    qubo, constant = graph.to_qubo_dict()
    hubo, same = SpinHypergraph.from_ising(graph).to_hubo()
    assert same == constant
    assert {(i,) if i == j else (i, j): c for (i, j), c in qubo.items()} == hubo
    ours = SpinHypergraph.from_hubo(qubo, constant).to_ising()
    theirs = IsingGraph.from_qubo(qubo, constant)
    for name in ("edge_index", "edge_weight", "h", "offset"):
        assert torch.equal(ours[name], theirs[name])


def test_hubo_reduces_powers_and_adds_keys() -> None:
    one = SpinHypergraph.from_hubo({(0, 1, 1): 1.0, (1, 0): 2.0, (0, 0): 4.0, (): 0.5})
    other = SpinHypergraph.from_hubo({(0, 1): 3.0, (0,): 4.0}, 0.5)
    assert one.to_dict() == other.to_dict()
    named = SpinHypergraph.from_hubo({("a", "b", "c"): 1.0}, labels=["c", "b", "a", "d"])
    assert named.labels == ("c", "b", "a", "d")
    assert named.energy([1, 1, 1, -1]).item() == 1.0
    assert named.energy([1, 1, -1, -1]).item() == 0.0


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({0: 1.0}, "tuples of sites as keys"),
        ({(0, 1): float("inf")}, "terms must be finite"),
        ({(0, 0): float("nan")}, "terms must be finite"),
        ({}, "num_nodes must be given"),
        ({tuple(range(30)): 1.0}, "at most 16777216 subsets of sites"),
    ],
)
def test_from_hubo_refuses(terms: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SpinHypergraph.from_hubo(terms)


def test_to_hubo_of_a_long_interaction_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 16777216 subsets of sites"):
        SpinHypergraph.from_hyperedges([tuple(range(40))]).to_hubo()


# dimod.


def test_dimod_has_the_same_energies(graph: SpinHypergraph) -> None:
    poly = graph.to_dimod()
    x = configurations(graph.num_spins)
    values = poly.energies((x.numpy(), list(range(graph.num_spins))))
    torch.testing.assert_close(torch.as_tensor(values).double(), graph.energy(x), rtol=0, atol=1e-12)
    back = SpinHypergraph.from_dimod(poly)
    torch.testing.assert_close(back.energy(x), graph.energy(x), rtol=0, atol=1e-12)


def test_dimod_binary() -> None:
    terms = {("a", "b", "c"): 2.0, ("b",): -1.0, (): 0.5}
    graph = SpinHypergraph.from_dimod(dimod.BinaryPolynomial(terms, "BINARY"))
    assert graph.labels == ("a", "b", "c")
    for row in itertools.product([0, 1], repeat=3):
        expected = 2.0 * math.prod(row) - row[1] + 0.5
        assert graph.energy([2 * bit - 1 for bit in row]).item() == expected


def test_dimod_variables_are_sorted() -> None:
    names = ["z", "b", "a", "y"]
    graph = SpinHypergraph.from_dimod(dimod.BinaryPolynomial({tuple(names): 1.0}, "SPIN"))
    assert graph.labels == ("a", "b", "y", "z")
    mixed = SpinHypergraph.from_dimod(dimod.BinaryPolynomial({("a", 2, (0, 1)): 1.0}, "SPIN"))
    assert mixed.labels == (2, "a", (0, 1))
    numbers = SpinHypergraph.from_dimod(dimod.BinaryPolynomial({(7, 3): 1.0, (10,): 1.0}, "SPIN"))
    assert numbers.labels == (3, 7, 10)


def test_dimod_refuses() -> None:
    with pytest.raises(ValueError, match=r"must be a dimod\.BinaryPolynomial, got"):
        SpinHypergraph.from_dimod({("a", "b"): 1.0})
    with pytest.raises(ValueError, match="at least one variable"):
        SpinHypergraph.from_dimod(dimod.BinaryPolynomial({}, "SPIN"))


# Pairs with ancillas.

SMALL = [name for name, graph in HYPERGRAPHS.items() if sum(max(0, 2 * k - 5) for k in graph.orders.tolist()) <= 12]


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("more", [None, 1.0, 3.0])
def test_pairs_have_the_same_energies_at_the_best_ancillas(name: str, more: float | None) -> None:
    graph = HYPERGRAPHS[name]
    enough = 2 * max((abs(J) for sites, J in graph.listed() if len(sites) > 3), default=0.5)
    reduced = graph.to_pairwise(None if more is None else more * enough)
    n, ancillas = graph.num_spins, reduced.num_ancillas
    assert ancillas == sum(2 * k - 5 for k in graph.orders.tolist() if k > 2)
    x, z = configurations(n), configurations(ancillas) if ancillas else torch.ones(1, 0, dtype=torch.int64)
    for some in x.split(64):
        both = torch.cat([some[:, None].expand(-1, len(z), -1), z.expand(len(some), -1, -1)], dim=-1)
        least = reduced.graph.energy(both).amin(1)
        torch.testing.assert_close(least, graph.energy(some), rtol=0, atol=1e-12)
    full = reduced.encode(x)
    torch.testing.assert_close(reduced.graph.energy(full), graph.energy(x), rtol=0, atol=1e-12)
    assert torch.equal(reduced.decode(full).long(), x)


def test_ground_states_decode_to_ground_states() -> None:
    graph = HYPERGRAPHS["chain of triples"]
    reduced = graph.to_pairwise()
    ground = enumerate(reduced.graph, 1.0)
    decoded = {tuple(row) for row in reduced.decode(ground.ground_states).tolist()}
    energies = graph.energy(configurations(graph.num_spins))
    lowest = configurations(graph.num_spins)[energies == energies.min()]
    assert ground.ground_energy == energies.min().item()
    assert decoded == {tuple(row) for row in lowest.tolist()}


@pytest.mark.parametrize("penalty", [3.9, 0.0, -1.0, float("nan"), "x"])
def test_a_penalty_that_is_not_enough_is_refused(penalty: Any) -> None:
    graph = SpinHypergraph.from_hyperedges([(0, 1, 2, 3)], -2.0)
    with pytest.raises(ValueError, match="penalty must be"):
        graph.to_pairwise(penalty)
    assert graph.to_pairwise(4.0).num_ancillas == 3


def test_labels_of_ancillas() -> None:
    reduced = SpinHypergraph.from_hyperedges([("a", "b", "c", "d")]).to_pairwise()
    assert reduced.graph.labels == ("a", "b", "c", "d", ("ancilla", 0), ("ancilla", 1), ("ancilla", 2))
    assert repr(reduced).startswith("PairwiseReduction(graph=IsingGraph(7 spins")
    with pytest.raises(ValueError, match="spins must have shape"):
        reduced.decode([1, 1, 1, 1])
