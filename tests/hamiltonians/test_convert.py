"""Every conversion against the energies of all configurations, and there and back without loss."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from typing import Any

import networkx as nx
import numpy as np
import pytest
import scipy.sparse
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from graphar import IsingGraph

FIXED = IsingGraph.from_edges([[0, 1, 4], [1, 2, 5]], [1.5, -0.25, 0.0], h=[0.5, -1, 0, 0, 2, 0], offset=0.75)
any_number = st.floats(-1e6, 1e6, allow_nan=False).map(lambda value: value + 0.0)  # no negative zeros
dyadic = st.integers(-1000, 1000).map(lambda value: value / 64)  # sums of these are exact


@st.composite
def graphs(draw: st.DrawFn, numbers: st.SearchStrategy[float] = any_number) -> IsingGraph:
    n = draw(st.integers(1, 7))
    pairs = list(itertools.combinations(range(n), 2))
    edges = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    weights = draw(st.lists(numbers, min_size=len(edges), max_size=len(edges)))
    h = draw(st.lists(numbers, min_size=n, max_size=n))
    return IsingGraph.from_edges(np.array(edges, dtype=int).reshape(-1, 2).T, weights, h, offset=draw(numbers))


def configurations(n: int) -> Tensor:
    return torch.tensor(list(itertools.product([-1, 1], repeat=n)))


def assert_same(one: IsingGraph, other: IsingGraph) -> None:
    assert one.num_spins == other.num_spins
    for name in ("edge_index", "edge_weight", "h", "offset"):
        assert torch.equal(one[name], other[name]), name


# There and back.


@given(graphs())
@settings(max_examples=60, deadline=None)
def test_round_trips_lose_nothing(graph: IsingGraph) -> None:
    offset = graph.offset.item()
    assert_same(IsingGraph.from_scipy(graph.to_scipy(), graph.h, offset=offset), graph)
    assert_same(IsingGraph.from_networkx(graph.to_networkx()), graph)
    pytest.importorskip("dimod")
    assert_same(IsingGraph.from_dimod(graph.to_dimod()), graph)


@given(graphs())
@settings(max_examples=30, deadline=None)
def test_dense_round_trip_loses_only_couplings_of_zero(graph: IsingGraph) -> None:
    i, j, J = graph.undirected()
    kept = J != 0
    expected = IsingGraph.from_edges(torch.stack([i, j])[:, kept], J[kept], graph.h, graph.num_spins)
    assert_same(IsingGraph.from_dense(graph.to_dense(), graph.h), expected)


@given(graphs(dyadic))
@settings(max_examples=60, deadline=None)
def test_binary_round_trips_are_exact_where_sums_are(graph: IsingGraph) -> None:
    assert_same(IsingGraph.from_qubo(*graph.to_qubo(), num_nodes=graph.num_spins), graph)
    dimod = pytest.importorskip("dimod")
    binary = graph.to_dimod().change_vartype(dimod.BINARY, inplace=False)
    assert_same(IsingGraph.from_dimod(binary), graph)


# Foreign energies.


@given(graphs(dyadic))
@settings(max_examples=40, deadline=None)
def test_qubo_has_the_energies(graph: IsingGraph) -> None:
    Q, constant = graph.to_qubo()
    x = configurations(graph.num_spins)
    bits = ((x + 1) // 2).numpy().astype(float)
    assert scipy.sparse.tril(Q, -1).nnz == 0
    np.testing.assert_array_equal(np.einsum("bi,bi->b", bits @ Q, bits) + constant, graph.energy(x).numpy())


@pytest.mark.parametrize("kind", ["dense", "tensor", "csr_matrix", "coo_array", "dict"])
def test_any_qubo_matrix_means_xQx(kind: str) -> None:
    Q = np.array([[3.0, 1.0, 0.0], [-4.0, -2.0, 0.5], [0.0, 0.0, 0.0]])  # neither symmetric nor triangular
    held: dict[str, Callable[[], Any]] = {
        "dense": lambda: Q.tolist(),
        "tensor": lambda: torch.as_tensor(Q),
        "csr_matrix": lambda: scipy.sparse.csr_matrix(Q),
        "coo_array": lambda: scipy.sparse.coo_array(Q),
        "dict": lambda: {(int(i), int(j)): Q[i, j] for i, j in np.argwhere(Q)},
    }
    graph = IsingGraph.from_qubo(held[kind](), offset=7.0, num_nodes=3)
    x = configurations(3)
    bits = ((x + 1) // 2).numpy()
    np.testing.assert_array_equal(graph.energy(x), [b @ Q @ b + 7.0 for b in bits])
    assert graph.num_couplings == 2


@given(graphs(dyadic))
@settings(max_examples=40, deadline=None)
def test_dimod_has_the_energies(graph: IsingGraph) -> None:
    pytest.importorskip("dimod")
    x = configurations(graph.num_spins)
    np.testing.assert_array_equal(graph.to_dimod().energies(x.numpy()), graph.energy(x).numpy())


@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, object])
def test_dimod_variables_keep_their_order(vartype: str, dtype: Any) -> None:
    dimod = pytest.importorskip("dimod")
    bqm = dimod.BinaryQuadraticModel({"z": 1.0, "a": -2.0}, {("a", 7): 0.5, ("z", 7): -3.0}, 0.25, vartype, dtype=dtype)
    graph = IsingGraph.from_dimod(bqm)
    assert set(bqm.variables) == {"z", "a", 7}
    x = configurations(3).numpy()
    values = x if vartype == "SPIN" else (x + 1) // 2
    np.testing.assert_array_equal(graph.energy(x), bqm.energies((values, bqm.variables)).astype(float))


def test_matrix_and_networkx_have_the_energies() -> None:
    x = configurations(6).numpy()
    J, h = FIXED.to_dense().numpy(), FIXED.h.numpy()
    np.testing.assert_array_equal(-np.einsum("bi,ij,bj->b", x, J, x) / 2 - x @ h + 0.75, FIXED.energy(x))
    np.testing.assert_array_equal(FIXED.to_scipy().toarray(), J)
    other = FIXED.to_networkx()
    energy = other.graph["offset"] - x @ [other.nodes[k]["h"] for k in range(6)]
    for i, j, coupling in other.edges(data="J"):
        energy -= coupling * x[:, i] * x[:, j]
    np.testing.assert_array_equal(energy, FIXED.energy(x))


# Matrices.


@pytest.mark.parametrize("kind", [scipy.sparse.csr_array, scipy.sparse.csc_matrix, scipy.sparse.coo_array, np.array])
@pytest.mark.parametrize("part", ["symmetric", "upper", "lower"])
def test_an_edge_counts_once_in_every_form(kind: Any, part: str) -> None:
    J = np.array([[0.0, 2.0, 0.0], [2.0, 0.0, -1.0], [0.0, -1.0, 0.0]])
    J = {"symmetric": J, "upper": np.triu(J), "lower": np.tril(J)}[part]
    make = IsingGraph.from_dense if kind is np.array else IsingGraph.from_scipy
    graph = make(kind(J), 1.0, offset=0.5, pos=np.zeros((3, 2)), dtype=torch.float32)
    assert graph.undirected()[2].tolist() == [2.0, -1.0]
    assert graph.energy([1, 1, 1]) == -1 - 3 + 0.5
    assert graph.dtype == torch.float32
    assert graph.pos.shape == (3, 2)


def test_repeated_entries_of_a_sparse_matrix_add_and_the_matrix_stays() -> None:
    J = scipy.sparse.coo_array(([1.0, 2.0, 0.0], ([0, 0, 1], [1, 1, 2])), shape=(4, 4))
    graph = IsingGraph.from_scipy(J)
    assert graph.undirected()[2].tolist() == [3.0, 0.0]
    assert J.nnz == 3


@pytest.mark.parametrize(
    ("J", "message"),
    [
        ([[0, 1], [2, 0]], r"J must be symmetric or strictly triangular, got 1.0 at \(0, 1\) and 2.0 at \(1, 0\)"),
        ([[0, 1, 0], [0, 0, 0], [0, 3, 0]], r"got 1.0 at \(0, 1\) and 0.0 at \(1, 0\)"),
        ([[0, 1], [1, 5]], r"J must have a zero diagonal, got 5.0 at \(1, 1\)"),
        ([[0, np.nan], [np.nan, 0]], "must be finite, got nan"),
        ([[0, 1, 2], [1, 0, 3]], r"J must be square, got shape \(2, 3\)"),
        ([[0, 1j], [1j, 0]], "real numbers"),
    ],
)
def test_other_matrices_are_refused(J: list[list[float]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        IsingGraph.from_dense(J)
    with pytest.raises(ValueError, match=message):
        IsingGraph.from_scipy(scipy.sparse.csr_array(J))


def test_a_matrix_of_the_wrong_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="J must be a scipy sparse matrix or array"):
        IsingGraph.from_scipy(np.zeros((2, 2)))
    with pytest.raises(ValueError, match="got 1000000000000"):
        IsingGraph.from_scipy(scipy.sparse.coo_array((10**12, 10**12)))


def test_a_million_sites_stay_sparse() -> None:
    n = 10**6
    site = np.arange(n - 1)
    J = scipy.sparse.coo_array((np.ones(n - 1), (site, site + 1)), shape=(n, n))
    graph = IsingGraph.from_scipy(J)
    assert graph.num_couplings == n - 1
    Q, constant = graph.to_qubo()
    assert Q.nnz == 2 * n - 1
    assert constant == 1 - n


# networkx.


def test_networkx_nodes_are_any_hashable() -> None:
    other = nx.Graph([("b", (0, 1), {"w": -2}), ((0, 1), frozenset({3}), {"w": 1})], offset=4.0)
    other.add_node("alone", h=3.0, pos=(0, 0))
    graph = IsingGraph.from_networkx(other, coupling="w")
    assert graph.undirected()[0].tolist() == [0, 1]
    assert graph.undirected()[2].tolist() == [-2.0, 1.0]
    assert graph.h.tolist() == [0, 0, 0, 3]
    assert graph.pos is None  # only one node has it
    assert graph.offset.item() == 4


def test_networkx_round_trip_keeps_places() -> None:
    graph = FIXED.clone()
    graph.pos = torch.arange(12.0, dtype=torch.float64).reshape(6, 2)
    back = IsingGraph.from_networkx(graph.to_networkx())
    assert_same(back, graph)
    assert torch.equal(back.pos, graph.pos)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (nx.DiGraph([(0, 1)]), "undirected"),
        (nx.MultiGraph([(0, 1)]), "parallel edges"),
        (nx.Graph([("a", "a", {"J": 1.0})]), "self-loops, got one at node 'a'"),
        (nx.Graph([(0, 1, {"w": 2.0})]), r"takes J = 1.*'J' or 'weight', which edge \(0, 1\) lacks; it has \['w'\]"),
        (
            nx.Graph([(0, 1, {"weight": 2.0}), (1, 2, {"J": 2.0})]),
            r"got 'J', which edge \(0, 1\) lacks; it has \['weight'\]",
        ),
        (nx.Graph([(0, 1, {"J": 2.0}), (1, 2)]), r"got 'J', which edge \(1, 2\) lacks; it has \[\]"),
        (nx.Graph([(0, 1, {"J": float("nan")})]), "coupling must be finite"),
        (nx.Graph([(0, 1, {"J": "x"})]), "coupling must hold real numbers"),
        (nx.Graph(), "num_nodes must be at least 1"),
        ([[0, 1]], "networkx.Graph"),
    ],
)
def test_other_networkx_graphs_are_refused(other: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        IsingGraph.from_networkx(other)


# QUBO and dimod refusals.


@pytest.mark.parametrize(
    ("Q", "options", "message"),
    [
        ({("a", None): 1.0}, {}, r"got None at position 1"),
        ({(0, 0.5): 1.0}, {}, r"whole numbers, got 0\.5"),
        ({(0, True): 1.0}, {}, r"got True or False"),
        ({("a", "b"): 1.0}, {"num_nodes": 3}, r"num_nodes must be the number of labels, 2, got 3"),
        ({("a", "c"): 1.0}, {"labels": "ab"}, r"labels must be a sequence of distinct hashables"),
        ({("a", "c"): 1.0}, {"labels": ["a", "b"]}, r"Q must name sites by their labels \('a', 'b'\), got 'c'"),
        ({0: 1.0}, {}, r"pairs of sites \(i, j\) as keys, got 0"),
        ({(0, 1, 2): 1.0}, {}, r"got \(0, 1, 2\)"),
        ({(0, -1): 1.0}, {}, r"numbers from 0 to 2147483646, got -1; labels= lists"),
        ({(0, 3): 1.0}, {"num_nodes": 3}, r"sites 0…2 in its keys, got \(0, 3\)"),
        ({(0, 10**12): 1.0}, {}, "numbers from 0 to 2147483646, got 1000000000000"),
        ({(0, 1): float("nan")}, {}, "Q must be finite"),
        ({(0, 1): "x"}, {}, "Q must hold real numbers"),
        ({}, {}, "num_nodes must be given when Q is empty"),
        (np.zeros((2, 3)), {}, "Q must be square"),
        (np.zeros((2, 2)), {"num_nodes": 3}, "num_nodes must be the size of Q, 2, got 3"),
        (np.zeros((2, 2)), {"offset": float("inf")}, "offset must be finite"),
    ],
)
def test_other_qubos_are_refused(Q: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        IsingGraph.from_qubo(Q, **options)


def test_empty_qubo_of_known_size() -> None:
    assert IsingGraph.from_qubo({}, 1.5, num_nodes=2).energy([1, -1]) == 1.5


def test_dimod_refuses_other_models() -> None:
    pytest.importorskip("dimod")
    with pytest.raises(ValueError, match=r"bqm must be a dimod\.BinaryQuadraticModel, got <class 'dict'>"):
        IsingGraph.from_dimod({})


def test_without_dimod_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dimod", None)
    with pytest.raises(ImportError, match=r'pip install "graphar-arnn\[dimod\]"'):
        FIXED.to_dimod()
