"""Names of sites come back from every conversion and survive every copy; fields by name."""

from __future__ import annotations

import copy
import io
import pickle
from typing import Any

import networkx as nx
import numpy as np
import pytest
import scipy.sparse
import torch
from torch_geometric.data import Batch

from graphar import IsingGraph

NAMES = ("b", (0, 1), 7, frozenset({3}))


def named() -> IsingGraph:
    return IsingGraph.from_edges(
        [[0, 1, 3], [1, 2, 0]],
        [1.5, -0.5, 2.0],
        [0.5, 0.0, -1.0, 0.25],
        labels=NAMES,
        offset=0.75,
        pos=np.arange(8.0).reshape(4, 2),
    )


def assert_same(one: IsingGraph, other: IsingGraph) -> None:
    assert one.labels == other.labels
    for name in ("edge_index", "edge_weight", "h", "offset"):
        assert torch.equal(one[name], other[name]), name


def saved_and_loaded(graph: IsingGraph) -> IsingGraph:
    buffer = io.BytesIO()
    torch.save(graph, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=False)


COPIES = {
    "clone": lambda graph: graph.clone(),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "to": lambda graph: graph.to(torch.float64),
    "to a device": lambda graph: graph.to("cpu"),
    "cpu": lambda graph: graph.clone().cpu(),
    "contiguous": lambda graph: graph.clone().contiguous(),
    "detach": lambda graph: graph.clone().detach(),
    "pickle": lambda graph: pickle.loads(pickle.dumps(graph)),
    "torch.save": saved_and_loaded,
}


@pytest.mark.parametrize("kind", COPIES)
def test_copies_keep_names_and_places(kind: str) -> None:
    graph = named()
    again = COPIES[kind](graph)
    assert_same(again, graph)
    assert torch.equal(again.pos, graph.pos)
    assert again.site((0, 1)) == 1


def test_a_clone_has_places_of_its_own() -> None:
    graph = named()
    graph.clone().pos.add_(1)
    assert graph.pos[0, 0] == 0


def test_places_follow_every_change_of_tensors() -> None:
    graph = named()
    assert graph.clone().apply(lambda tensor: tensor.to("meta")).pos.is_meta
    assert graph.clone().apply(lambda tensor: tensor.to("meta"), "h").pos.device.type == "cpu"
    assert graph.clone().apply(lambda tensor: tensor.to("meta"), "pos").pos.is_meta
    assert graph.to(torch.float32).pos.dtype == torch.float32


def test_batches_are_made_of_named_and_nameless_graphs() -> None:
    plain = IsingGraph.from_edges([[0], [1]], -1.0)
    for graphs in ([named(), plain], [plain, named()]):
        batch = Batch.from_data_list(graphs)
        assert batch.labels is None
        assert batch.validate()
        assert batch.energy(torch.ones(6)).shape == (2,)


@pytest.mark.parametrize("subset", [torch.tensor([3, 0]), torch.tensor([True, False, False, True])])
def test_a_subgraph_keeps_the_names_and_places_of_its_sites(subset: torch.Tensor) -> None:
    graph = named()
    part = graph.subgraph(subset)
    kept = [3, 0] if subset.dtype != torch.bool else [0, 3]
    assert part.labels == tuple(NAMES[k] for k in kept)
    assert torch.equal(part.pos, graph.pos[kept])
    assert part.validate()
    assert part.undirected()[2].tolist() == [2.0]
    assert part.h[part.site("b")] == 0.5
    assert graph.labels == NAMES


# Names out and in.


def test_networkx_there_and_back() -> None:
    graph = named()
    other = graph.to_networkx()
    assert tuple(other.nodes) == NAMES
    assert other.nodes[7] == {"h": -1.0, "pos": (4.0, 5.0)}
    assert other.edges["b", frozenset({3})] == {"J": 2.0}
    again = IsingGraph.from_networkx(other)
    assert_same(again, graph)
    assert torch.equal(again.pos, graph.pos)


def test_networkx_nodes_in_another_order_are_names() -> None:
    other = nx.Graph([(2, 0, {"J": 1.0}), (0, 1, {"J": 3.0})])
    assert IsingGraph.from_networkx(other).labels == (2, 0, 1)
    assert tuple(IsingGraph.from_networkx(other).to_networkx().nodes) == (2, 0, 1)
    assert IsingGraph.from_networkx(nx.path_graph(4), coupling=None).labels is None


def test_networkx_weights_are_couplings_where_there_is_no_J() -> None:
    weighted = nx.Graph([(0, 1, {"weight": 2.0}), (1, 2, {"weight": -3.0})])
    assert IsingGraph.from_networkx(weighted).undirected()[2].tolist() == [2.0, -3.0]
    both = nx.Graph([(0, 1, {"weight": 2.0, "J": 5.0})])
    assert IsingGraph.from_networkx(both).undirected()[2].tolist() == [5.0]
    assert IsingGraph.from_networkx(both, coupling="weight").undirected()[2].tolist() == [2.0]


def test_dimod_there_and_back() -> None:
    dimod = pytest.importorskip("dimod")
    graph = named()
    bqm = graph.to_dimod()
    assert tuple(bqm.variables) == NAMES
    x = torch.tensor([1, -1, -1, 1])
    assert bqm.energy(graph.by_label(x)) == graph.energy(x)
    assert_same(IsingGraph.from_dimod(bqm), graph)
    assert_same(IsingGraph.from_dimod(bqm.change_vartype(dimod.BINARY, inplace=False)), graph)
    swapped = dimod.BinaryQuadraticModel("SPIN")
    swapped.add_linear(1, 0.5)
    swapped.add_quadratic(0, 1, -2.0)
    assert IsingGraph.from_dimod(swapped).labels == (1, 0)


def test_qubo_dictionary_there_and_back() -> None:
    graph = named()
    Q, constant = graph.to_qubo_dict()
    assert_same(IsingGraph.from_qubo(Q, constant), graph)
    x = torch.tensor([1, -1, 1, 1])
    bits = {label: (spin + 1) // 2 for label, spin in graph.by_label(x).items()}
    assert sum(value * bits[i] * bits[j] for (i, j), value in Q.items()) + constant == graph.energy(x)
    plain = IsingGraph.from_edges([[0], [1]], 1.0, num_nodes=3)
    Q, constant = plain.to_qubo_dict()
    assert set(Q) == {(0, 0), (1, 1), (2, 2), (0, 1)}  # the lone site too
    assert_same(IsingGraph.from_qubo(Q, constant), plain)
    sparse, same = plain.to_qubo()
    assert constant == same
    assert all(sparse[i, j] == value for (i, j), value in Q.items())


def test_keys_of_a_qubo_are_any_hashables() -> None:
    graph = IsingGraph.from_qubo({("a", "b"): 1.0, ("a", "a"): -2.0})
    assert graph.labels == ("a", "b")
    assert graph.energy([[1, -1], [1, 1], [-1, 1]]).tolist() == [-2, -1, 0]
    assert IsingGraph.from_qubo({(0, 3): 1.0}).num_spins == 4
    assert IsingGraph.from_qubo({(np.int64(0), np.int64(1)): 1.0}).labels is None
    ordered = IsingGraph.from_qubo({("a", "b"): 1.0}, labels=["c", "b", "a"])
    assert ordered.labels == ("c", "b", "a")
    assert ordered.degree().tolist() == [0, 1, 1]


def test_rows_of_a_matrix_have_names() -> None:
    J = np.array([[0.0, 2.0], [2.0, 0.0]])
    for graph in (
        IsingGraph.from_dense(J, {"y": 1.0}, labels=["x", "y"]),
        IsingGraph.from_scipy(scipy.sparse.csr_array(J), {"y": 1.0}, labels=["x", "y"]),
    ):
        assert graph.labels == ("x", "y")
        assert graph.h.tolist() == [0.0, 1.0]
    assert IsingGraph.from_qubo(J, labels=["x", "y"]).labels == ("x", "y")


# The property.


def test_sites_are_their_own_names_in_order() -> None:
    pair = [[0], [1]]
    assert IsingGraph.from_edges(pair).labels is None
    for labels in ([0, 1], range(2), np.arange(2), torch.arange(2)):
        assert IsingGraph.from_edges(pair, labels=labels).labels is None
    for labels in ([1, 0], ["0", "1"], [0.0, 1.0]):
        assert IsingGraph.from_edges(pair, labels=labels).labels == tuple(labels)
    for labels in (nx.Graph([("u", "v")]).nodes, {"u": 0, "v": 1}.keys(), iter("uv")):
        assert IsingGraph.from_edges(pair, labels=labels).labels == ("u", "v")
    graph = IsingGraph.from_edges(pair, labels=np.array(["left", "right"]))
    assert type(graph.labels[0]) is str
    graph.labels = None
    assert graph.labels is None
    graph.labels = ["u", "v"]
    assert graph.site("v") == 1
    assert IsingGraph.from_edges([[], []], labels=["only"]).num_spins == 1


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["a"], "2, .*got 1"),
        (["a", "b", "c"], "2, .*got 3"),
        (["a", "a"], "labels must be distinct, got 'a' at positions 0 and 1"),
        ([1, True], "labels must be distinct, got True at positions 0 and 1"),
        (["a", ["b"]], r"labels must be hashable, got \['b'\] at position 1"),
        (["a", None], "labels must be names, got None at position 1"),
        (["a", float("nan")], "labels must be names, got nan"),
        ("ab", "sequence of distinct hashables"),
        ({"a", "b"}, "sequence of distinct hashables"),
        ({"a": 0, "b": 1}, "sequence of distinct hashables"),
        (2, "sequence of distinct hashables"),
        (np.eye(2), "hashable"),
    ],
)
def test_other_labels_are_refused(labels: Any, message: str) -> None:
    graph = IsingGraph.from_edges([[0], [1]])
    with pytest.raises(ValueError, match=message):
        graph.labels = labels
    assert graph.labels is None
    with pytest.raises(ValueError, match=message if "got 1" not in message and "got 3" not in message else "got"):
        IsingGraph.from_edges([[0], [1]], num_nodes=2, labels=labels)


def test_sites_by_name() -> None:
    graph = named()
    assert [graph.site(name) for name in NAMES] == [0, 1, 2, 3]
    assert graph.site(np.int64(7)) == 2
    for wrong in ("c", 0, ["b"], None):
        with pytest.raises(ValueError, match=r"label must name sites by their labels \('b', \(0, 1\), 7, …\), got"):
            graph.site(wrong)
    plain = IsingGraph.from_edges([[0], [1]])
    assert plain.site(1) == plain.site(np.int32(1)) == 1
    for wrong in (2, -1, "a", 0.5, True):
        with pytest.raises(ValueError, match="label must"):
            plain.site(wrong)


def test_answers_by_name() -> None:
    graph = named()
    x = torch.tensor([1, -1, -1, 1])
    assert graph.by_label(x) == dict(zip(NAMES, [1, -1, -1, 1], strict=True))
    assert list(graph.by_label(x.double())) == list(NAMES)
    assert all(type(spin) is int for spin in graph.by_label(x.double()).values())
    assert IsingGraph.from_edges([[0], [1]]).by_label([1, -1]) == {0: 1, 1: -1}
    with pytest.raises(ValueError, match=r"spins must be one configuration, shape \(4,\), got \(1, 4\)"):
        graph.by_label(x[None])
    with pytest.raises(ValueError, match="spins must be -1 and"):
        graph.by_label([1, 0, 1, 1])


def test_repr_names_the_first_and_the_last() -> None:
    assert repr(named()).endswith("labels 'b'…frozenset({3}))")
    assert "label 'only'" in repr(IsingGraph.from_edges([[], []], h=[0.0], labels=["only"]))
    assert len(repr(IsingGraph.from_edges([[0], [1]], labels=["x" * 1000, "y"]))) < 150


# Fields by name.


def test_fields_of_some_sites() -> None:
    pair = [[0], [1]]
    assert IsingGraph.from_edges(pair, h={1: 2.0}).h.tolist() == [0.0, 2.0]
    assert IsingGraph.from_edges(pair, h={3: 2.0}).num_spins == 4
    assert IsingGraph.from_edges(pair, h={}).h.tolist() == [0.0, 0.0]
    assert IsingGraph.from_edges(pair, h={"b": 2.0}, labels=["a", "b"]).h.tolist() == [0.0, 2.0]
    assert IsingGraph.from_edges(pair, h={1: 2}, dtype=torch.float32).h.dtype == torch.float32


class Series:
    """What a series of pandas is to a reader of it."""

    def __init__(self, values: list[float], index: list[Any]) -> None:
        self.values, self.index = values, index

    def __len__(self) -> int:
        return len(self.values)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.array(self.values, dtype=dtype)

    def to_dict(self) -> dict[Any, float]:
        return dict(zip(self.index, self.values, strict=True))


def test_a_series_is_read_by_its_index() -> None:
    turned = Series([1.0, 2.0], ["b", "a"])
    assert IsingGraph.from_edge_list([("a", "b")], turned).h.tolist() == [2.0, 1.0]
    assert IsingGraph.from_edges([[0], [1]], h=turned, labels=["a", "b"]).h.tolist() == [2.0, 1.0]
    assert IsingGraph.from_edge_list([("a", "b")], Series([1.0, 2.0], [0, 1])).h.tolist() == [1.0, 2.0]
    assert IsingGraph.from_edges([[0], [1]], h=Series([1.0, 2.0], [1, 0])).h.tolist() == [2.0, 1.0]
    with pytest.raises(ValueError, match="h must have each site once in its index"):
        IsingGraph.from_edge_list([("a", "b")], Series([1.0, 2.0], ["a", "a"]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"h": {"a": 1.0}}, r"h must have sites 0…N-1 as keys where the graph has no labels, got \['a'\]"),
        ({"h": {2: 1.0}, "num_nodes": 2}, "h must have sites 0…1 as keys, got 2"),
        ({"h": {-1: 1.0}}, "h must name sites by numbers from 0"),
        ({"h": {0: float("nan")}}, "h must be finite"),
        ({"h": {0: "x"}}, "h must hold real numbers"),
        ({"h": {0: 1.0}, "labels": ["a", "b"]}, r"h must name sites by their labels \('a', 'b'\), got 0"),
        ({"labels": ["a", "b"], "num_nodes": 3}, "num_nodes must be the number of labels, 2, got 3"),
    ],
)
def test_other_fields_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        IsingGraph.from_edges([[0], [1]], **options)
