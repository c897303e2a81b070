"""Whatever is given at any door: a sound graph, or a ValueError that names the rule and says what it got."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable
from typing import Any

import networkx as nx
import numpy as np
import pytest
import scipy.sparse
import torch

from graphar import IsingGraph

RANDOM = np.random.default_rng(0)
J = np.triu(RANDOM.integers(-3, 4, (4, 4)), 1) * 1.0
J[0, 1] = 2.0
J += J.T
ENERGIES = torch.tensor([-np.array(x) @ J @ np.array(x) / 2 for x in itertools.product([-1, 1], repeat=4)])
ALL = torch.tensor(list(itertools.product([-1, 1], repeat=4)))

# The same matrix, differently held.

HELD: dict[str, Callable[[], Any]] = {
    "lists": J.tolist,
    "float32": lambda: J.astype(np.float32),
    "int8": lambda: J.astype(np.int8),
    "the other byte order": lambda: J.astype(">f8"),
    "whole numbers of the other byte order": lambda: J.astype(">i4"),
    "read-only": lambda: np.frombuffer(J.tobytes()).reshape(4, 4),
    "columns first": lambda: np.asfortranarray(J),
    "negative strides": lambda: np.ascontiguousarray(J[::-1, ::-1])[::-1, ::-1],
    "not contiguous": lambda: np.repeat(np.repeat(J, 2, 0), 3, 1)[::2, ::3],
    "a tensor": lambda: torch.tensor(J),
    "a tensor of whole numbers": lambda: torch.tensor(J).to(torch.int16),
    "a transposed tensor": lambda: torch.tensor(J).T,
    "rows of tensors": lambda: [np.array(row) for row in J],
}


@pytest.mark.parametrize("held", HELD)
def test_a_matrix_is_read_however_it_is_held(held: str) -> None:
    matrix = HELD[held]()
    assert torch.equal(IsingGraph.from_dense(matrix).energy(ALL).double(), ENERGIES)
    Q, constant = IsingGraph.from_dense(J).to_qubo()
    bits = (ALL.numpy() + 1) // 2
    linear = IsingGraph.from_qubo(matrix)  # xᵀJx counts both triangles
    np.testing.assert_array_equal(linear.energy(ALL), np.einsum("bi,ij,bj->b", bits, J, bits))
    assert torch.equal(IsingGraph.from_qubo(Q, constant).energy(ALL), ENERGIES)
    if isinstance(matrix, np.ndarray) and matrix.dtype.isnative:
        assert torch.equal(IsingGraph.from_scipy(scipy.sparse.coo_array(matrix)).energy(ALL).double(), ENERGIES)


@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "lil", "dok", "bsr", "dia"])
def test_every_sparse_kind_is_read(kind: str) -> None:
    graph = IsingGraph.from_scipy(scipy.sparse.coo_array(J).asformat(kind))
    assert torch.equal(graph.energy(ALL), ENERGIES)


@pytest.mark.parametrize(("dtype", "one"), [(np.int8, 100), (np.uint8, 200), (bool, True), (np.int64, 7)])
def test_repeated_entries_of_small_numbers_do_not_overflow(dtype: Any, one: Any) -> None:
    entries = (np.array([one, one], dtype=dtype), ([0, 0], [1, 1]))
    assert IsingGraph.from_scipy(scipy.sparse.coo_array(entries, shape=(2, 2))).undirected()[2].tolist() == [2 * one]
    assert IsingGraph.from_qubo(scipy.sparse.coo_array(entries, shape=(2, 2))).undirected()[2].tolist() == [-one / 2]


def test_an_adjacency_matrix_has_couplings_of_one() -> None:
    graph = IsingGraph.from_dense(J != 0)
    assert set(graph.edge_weight.tolist()) == {1.0}
    assert graph.num_couplings == np.count_nonzero(np.triu(J))


# Hostile values at every door.

EDGES = [[0, 1], [1, 2]]
PAIR = np.array([[0.0, 1.0], [1.0, 0.0]])
NETWORK = nx.Graph([("a", "b", {"J": 1.0})])
DOORS: dict[str, Callable[[Any], IsingGraph]] = {
    "from_dense": IsingGraph.from_dense,
    "from_scipy": IsingGraph.from_scipy,
    "from_qubo": IsingGraph.from_qubo,
    "from_dimod": IsingGraph.from_dimod,
    "from_networkx": IsingGraph.from_networkx,
    "from_edge_list": IsingGraph.from_edge_list,
    "edge_index": IsingGraph.from_edges,
    "weights": lambda value: IsingGraph.from_edges(EDGES, value),
    "h": lambda value: IsingGraph.from_edges(EDGES, h=value),
    "num_nodes": lambda value: IsingGraph.from_edges(EDGES, num_nodes=value),
    "labels": lambda value: IsingGraph.from_edges(EDGES, labels=value),
    "offset": lambda value: IsingGraph.from_edges(EDGES, offset=value),
    "pos": lambda value: IsingGraph.from_edges(EDGES, pos=value),
    "duplicates": lambda value: IsingGraph.from_edges(EDGES, duplicates=value),
    "dtype": lambda value: IsingGraph.from_edges(EDGES, dtype=value),
    "h of from_edge_list": lambda value: IsingGraph.from_edge_list([("a", "b")], value),
    "num_nodes of from_edge_list": lambda value: IsingGraph.from_edge_list([(0, 1)], num_nodes=value),
    "labels of from_edge_list": lambda value: IsingGraph.from_edge_list([("a", "b")], labels=value),
    "labels of from_dense": lambda value: IsingGraph.from_dense(PAIR, labels=value),
    "h of from_dense": lambda value: IsingGraph.from_dense(PAIR, value),
    "offset of from_qubo": lambda value: IsingGraph.from_qubo(PAIR, value),
    "num_nodes of from_qubo": lambda value: IsingGraph.from_qubo(PAIR, num_nodes=value),
    "num_nodes of a dict": lambda value: IsingGraph.from_qubo({(0, 1): 1.0}, num_nodes=value),
    "values of a dict": lambda value: IsingGraph.from_qubo({(0, 1): value}),
    "coupling": lambda value: IsingGraph.from_networkx(NETWORK, coupling=value),
    "attribute": lambda value: IsingGraph.from_networkx(nx.Graph([(0, 1, {"J": value})])),
    "offset of networkx": lambda value: IsingGraph.from_networkx(nx.Graph([(0, 1, {"J": 1.0})], offset=value)),
}
ODD: dict[str, Any] = {
    "None": None,
    "true": True,
    "two": 2,
    "two and a half": 2.5,
    "two of numpy": np.int32(2),
    "two of numpy, floating": np.float64(2),
    "two of torch": torch.tensor(2),
    "minus one": -1,
    "huge": 10**30,
    "NaN": float("nan"),
    "infinity": float("inf"),
    "complex": 1j,
    "a word": "ab",
    "bytes": b"ab",
    "an empty list": [],
    "an empty matrix": np.zeros((0, 0)),
    "no dimension": np.array(1.0),
    "three dimensions": np.zeros((2, 2, 2)),
    "a matrix of NaN": PAIR * np.nan,
    "a matrix of bools": PAIR.astype(bool),
    "a complex matrix": PAIR.astype(complex),
    "a matrix of objects": PAIR.astype(object),
    "a matrix of words": PAIR.astype(str),
    "a matrix of times": PAIR.astype("datetime64[s]"),
    "huge numbers": [[0, 10**30], [10**30, 0]],
    "ragged rows": [[0, 1], [1]],
    "halves": PAIR.astype(np.float16),
    "long doubles": PAIR.astype(np.longdouble),
    "masked": np.ma.masked_equal(PAIR, 1.0),
    "on the meta device": torch.zeros(2, 2, device="meta"),
    "with a gradient": torch.tensor(PAIR, requires_grad=True),
    "sparse in torch": torch.tensor(PAIR).to_sparse(),
    "bfloat16": torch.tensor(PAIR).bfloat16(),
    "eight bits": torch.tensor(PAIR).to(torch.float8_e5m2),
    "sparse in scipy": scipy.sparse.csr_array(PAIR),
    "sparse and complex": scipy.sparse.csr_array(PAIR.astype(complex)),
    "sparse with one dimension": scipy.sparse.coo_array(np.ones(2)),
    "a set": {1, 2},
    "a dictionary": {(0, 1): 1.0},
    "a dictionary of None": {(0, 1): None},
    "a function": len,
    "a type": float,
    "a network": NETWORK,
    "a directed network": nx.DiGraph([("a", "b")]),
}
NUMBERS = {
    "true",
    "two",
    "two and a half",
    "two of numpy",
    "two of numpy, floating",
    "two of torch",
    "minus one",
    "no dimension",
}
SIZES = {"None", "two", "two of numpy"}
TAKEN: dict[str, set[str]] = {  # what makes a graph; all else is refused
    "from_dense": {"a matrix of bools"},
    "from_scipy": {"sparse in scipy"},
    "from_qubo": {"a matrix of bools", "sparse in scipy", "a dictionary"},
    "from_dimod": set(),
    "from_networkx": {"a network"},
    "from_edge_list": {"a dictionary"},
    "edge_index": set(),
    "weights": NUMBERS,
    "h": {"None"} | NUMBERS,
    "num_nodes": {"None"},  # two are too few
    "labels": {"None"},
    "offset": NUMBERS,
    "pos": {"None"},
    "duplicates": set(),
    "dtype": {"None"},
    "h of from_edge_list": {"None", "a dictionary"} | NUMBERS,  # of one more site
    "num_nodes of from_edge_list": SIZES,
    "labels of from_edge_list": {"None", "a network", "a directed network"},  # their nodes are a and b too
    "labels of from_dense": {"None", "a network", "a directed network"},
    "h of from_dense": {"None"} | NUMBERS,
    "offset of from_qubo": NUMBERS,
    "num_nodes of from_qubo": SIZES,
    "num_nodes of a dict": SIZES,
    "values of a dict": NUMBERS,
    "coupling": {"None"},
    "attribute": NUMBERS,
    "offset of networkx": NUMBERS,
}


@pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning")
@pytest.mark.parametrize("door", DOORS)
def test_odd_values_make_a_sound_graph_or_a_clear_error(door: str) -> None:
    made, said = [], {}
    for name, value in ODD.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PendingDeprecationWarning)
            try:
                graph = DOORS[door](value)
            except ValueError as error:
                said[name] = str(error)
                continue
        made.append(name)
        assert graph.validate(), name
        x = torch.ones(graph.num_spins)
        assert bool(torch.isfinite(graph.energy(x))), name
        repr(graph)
    assert {name: text for name, text in said.items() if " must " not in text} == {}
    assert set(made) == TAKEN[door]


# Tensors of several devices.


def test_tensors_that_are_nowhere_are_refused() -> None:
    for arguments in ({"weights": torch.ones(2)}, {"h": torch.ones(3)}, {"pos": torch.ones(3, 2)}):
        elsewhere = {name: value.to("meta") for name, value in arguments.items()}
        with pytest.raises(ValueError, match="meta device"):
            IsingGraph.from_edges(EDGES, **elsewhere)
    with pytest.raises(ValueError, match="must be on one device, got weights on cpu, h on meta"):
        IsingGraph.from_edges(EDGES, torch.ones(2), torch.ones(3, device="meta"))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_graphs_are_made_where_their_tensors_are() -> None:
    graph = IsingGraph.from_edges(EDGES, torch.ones(2, device="cuda"), {1: 0.5}, offset=1.0, pos=[[0], [1], [2]])
    tensors = (graph.edge_index, graph.edge_weight, graph.h, graph.offset, graph.pos)
    assert {tensor.device.type for tensor in tensors} == {"cuda"}
    assert graph.validate()
    assert graph.energy(torch.ones(3)).item() == -1.5
    assert IsingGraph.from_edges(torch.tensor(EDGES, device="cuda")).h.device.type == "cuda"
    assert graph.cpu().pos.device.type == "cpu"
    with pytest.raises(ValueError, match="must be on one device"):
        IsingGraph.from_edges(torch.tensor(EDGES, device="cuda"), torch.ones(2))
