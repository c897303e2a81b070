"""Every form of an edge list gives the same graph; names of sites are found again; the rest is refused."""

from __future__ import annotations

from collections import UserDict
from typing import Any

import networkx as nx
import numpy as np
import pandas
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphar import IsingGraph

ROWS = [(0, 1, 1.5), (3, 1, -0.25), (2, 4, 0.0)]
SAME = IsingGraph.from_edges([[0, 3, 2], [1, 1, 4]], [1.5, -0.25, 0.0])


class Table:
    """What a data frame is to a reader of it: names of columns, and a column by name."""

    def __init__(self, **columns: Any) -> None:
        self._held = columns

    @property
    def columns(self) -> list[str]:
        return list(self._held)

    def __getitem__(self, name: str) -> Any:
        return np.array(self._held[name])


def columns() -> list[list[Any]]:
    return [list(column) for column in zip(*ROWS, strict=True)]


def network() -> Any:
    graph = nx.Graph()
    graph.add_weighted_edges_from(ROWS)
    return graph


FORMS = {
    "tuples": lambda: ROWS,
    "lists": lambda: [list(row) for row in ROWS],
    "a generator": lambda: (row for row in ROWS),
    "a zip": lambda: zip(*columns(), strict=True),
    "numbers of numpy": lambda: [(np.int32(i), np.uint8(j), np.float32(J)) for i, j, J in ROWS],
    "numbers of torch": lambda: [(torch.tensor(i), j, torch.tensor(J)) for i, j, J in ROWS],
    "rows of numpy": lambda: list(np.array(ROWS)),
    "a dictionary": lambda: {(i, j): J for i, j, J in ROWS},
    "a mapping": lambda: UserDict({(i, j): J for i, j, J in ROWS}),
    "an array": lambda: np.array(ROWS),
    "an array backwards": lambda: np.array(ROWS)[::-1],
    "an array of columns": lambda: np.asfortranarray(np.array(ROWS)),
    "an array of objects": lambda: np.array(ROWS, dtype=object),
    "an array of the other byte order": lambda: np.array(ROWS, dtype=">f8"),
    "a tensor": lambda: torch.tensor(ROWS, dtype=torch.float64),
    "a table i, j, J": lambda: Table(**dict(zip("ijJ", columns(), strict=True))),
    "a table in another order": lambda: Table(note=["x", "y", "z"], **dict(zip("Jji", columns()[::-1], strict=True))),
    "a table of networkx": lambda: Table(**dict(zip(("source", "target", "weight"), columns(), strict=True))),
    "a table without names": lambda: Table(**dict(zip("abc", columns(), strict=True))),
    "edges of networkx": lambda: network().edges(data="weight"),
    "edges with attributes": lambda: network().edges(data=True),
    "a view of edges": lambda: network().edges,
}


def assert_same(one: IsingGraph, other: IsingGraph) -> None:
    assert one.num_spins == other.num_spins
    assert one.labels == other.labels
    for name in ("edge_index", "edge_weight", "h", "offset"):
        assert torch.equal(one[name], other[name]), name


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_the_same_graph(form: str) -> None:
    assert_same(IsingGraph.from_edge_list(FORMS[form]()), SAME)


@pytest.mark.parametrize("form", [list, dict.fromkeys, np.array, torch.tensor])
def test_pairs_have_a_coupling_of_one(form: Any) -> None:
    pairs = [(0, 1), (2, 3)]
    edges = form(pairs)
    graph = IsingGraph.from_edge_list(dict.fromkeys(edges, 1) if isinstance(edges, dict) else edges)
    assert_same(graph, IsingGraph.from_edges([[0, 2], [1, 3]]))
    assert_same(IsingGraph.from_edge_list(nx.Graph(pairs).edges), graph)
    assert_same(IsingGraph.from_edge_list(nx.Graph(pairs).edges(data=True)), graph)
    assert_same(IsingGraph.from_edge_list(Table(u=[0, 2], v=[1, 3])), graph)


def test_a_frame_of_pandas() -> None:
    frame = pandas.DataFrame(ROWS, columns=["source", "target", "weight"])
    assert_same(IsingGraph.from_edge_list(frame), SAME)
    assert_same(IsingGraph.from_edge_list(frame[["weight", "target", "source"]]), SAME)
    words = pandas.DataFrame({"a": ["x", "y"], "b": ["y", "z"], "c": [1.0, 2.0]})
    assert IsingGraph.from_edge_list(words).labels == ("x", "y", "z")


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_names_change_nothing_but_the_order(data: st.DataObject) -> None:
    n = data.draw(st.integers(2, 6))
    pair = st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)).filter(lambda ij: ij[0] != ij[1])
    pairs = data.draw(st.lists(pair, min_size=1, unique_by=frozenset))
    weights = data.draw(st.lists(st.integers(-8, 8), min_size=len(pairs), max_size=len(pairs)))
    fields = dict(enumerate(data.draw(st.lists(st.integers(-8, 8), min_size=n, max_size=n))))
    kinds = [str, lambda k: (k, "x"), lambda k: frozenset({k}), lambda k: f"site {k}".encode()]
    name = data.draw(st.sampled_from(kinds))
    rows = [(i, j, J) for (i, j), J in zip(pairs, weights, strict=True)]
    plain = IsingGraph.from_edge_list(rows, fields)
    named = IsingGraph.from_edge_list([(name(i), name(j), J) for i, j, J in rows], {name(k): fields[k] for k in fields})
    x = 2 * torch.randint(2, (8, n)) - 1
    y = torch.empty_like(x)
    for k in range(n):
        y[:, named.site(name(k))] = x[:, k]
    assert torch.equal(named.energy(y), plain.energy(x))
    shuffled = data.draw(st.permutations(range(n)))
    ordered = IsingGraph.from_edge_list(
        [(name(i), name(j), J) for i, j, J in rows], {name(k): fields[k] for k in fields}, labels=map(name, shuffled)
    )
    assert ordered.labels == tuple(map(name, shuffled))
    assert torch.equal(ordered.energy(x[:, list(shuffled)]), plain.energy(x))


def test_labels_stand_in_order_of_first_appearance_and_those_of_fields_follow() -> None:
    graph = IsingGraph.from_edge_list([("z", "a"), ("a", 7)], {"alone": 2.0, "z": -1.0}, offset=1.0)
    assert graph.labels == ("z", "a", 7, "alone")
    assert graph.h.tolist() == [-1.0, 0.0, 0.0, 2.0]
    assert graph.offset.item() == 1.0


def test_whole_numbers_are_sites() -> None:
    graph = IsingGraph.from_edge_list([(1, 3)], {0: 0.5})
    assert (graph.num_spins, graph.labels) == (4, None)  # 2 stands alone
    assert graph.h.tolist() == [0.5, 0, 0, 0]
    assert IsingGraph.from_edge_list([(0, 1)], {4: 1.0}).num_spins == 5
    assert IsingGraph.from_edge_list([(0, 1)], num_nodes=3).num_spins == 3
    assert IsingGraph.from_edge_list([], num_nodes=3).num_couplings == 0
    assert IsingGraph.from_edge_list({}, {"a": 1.0}).labels == ("a",)


def test_labels_make_names_of_numbers() -> None:
    graph = IsingGraph.from_edge_list([(30, 10, 2.0)], {10: 1.0}, labels=[10, 20, 30])
    assert graph.labels == (10, 20, 30)
    assert graph.undirected()[0].tolist() == [0]
    assert graph.undirected()[1].tolist() == [2]
    assert graph.h.tolist() == [1.0, 0.0, 0.0]
    shifted = IsingGraph.from_edge_list([(1, 2), (2, 3)], labels=[1, 2, 3])
    assert shifted.num_spins == 3
    assert IsingGraph.from_edge_list([(0, 1)], labels=range(4)).num_spins == 4


def test_options_go_through() -> None:
    graph = IsingGraph.from_edge_list(
        [("a", "b", 1.0), ("b", "a", 2.0)], 0.5, pos=[[0], [1]], duplicates="sum", dtype=torch.float32
    )
    assert graph.undirected()[2].tolist() == [3.0]
    assert graph.h.tolist() == [0.5, 0.5]
    assert graph.pos.tolist() == [[0], [1]]
    assert graph.dtype == torch.float32
    single = IsingGraph.from_edge_list(np.array(ROWS, dtype=np.float32))
    assert single.dtype == torch.float32


NAN = float("nan")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"edges": [(0, 1), (1,)]}, r"rows \(i, j\) or \(i, j, J\), got \(1,\) at position 1"),
        ({"edges": [(0, 1), (1, 2, 3.0)]}, r"all be \(i, j\) or all \(i, j, J\), got \(0, 1\) and \(1, 2, 3.0\)"),
        ({"edges": ["ab"]}, "got 'ab' at position 0"),
        ({"edges": [{0, 1}]}, r"got \{0, 1\}"),
        ({"edges": [0, 1]}, "got 0 at position 0"),
        ({"edges": 3}, "edges must be rows, a dictionary, an array or a table"),
        ({"edges": None}, "edges must be rows"),
        ({"edges": "ab"}, "got 'a' at position 0"),
        ({"edges": [(0, 1, NAN)]}, "J of edges must be finite, got nan"),
        ({"edges": [(0, 1, None)]}, "J of edges must hold real numbers"),
        ({"edges": [(0, 1, "x")]}, "J of edges must hold real numbers"),
        ({"edges": [(0, 1, 1j)]}, "J of edges must be a dense array of real numbers"),
        ({"edges": [(0, 1, [1.0])]}, r"weights must have shape \(1,\)"),
        ({"edges": [(0, 1, {"J": 1.0}), (1, 2, 1.0)]}, "attributes everywhere or nowhere, got both"),
        ({"edges": [(0, 1, {"colour": 1.0})]}, r"'J' or 'weight', which edge \(0, 1\) lacks; it has \['colour'\]"),
        ({"edges": [(0, 1), (1, 0)]}, r"edges must list each undirected edge once, got the edge \(0, 1\) twice"),
        ({"edges": [("a", "b"), ("b", "a")]}, r"got the edge \('a', 'b'\) twice"),
        ({"edges": [("b", "a"), ("a", "a")]}, "edges must not hold self-loops, got site 'a' at position 1"),
        ({"edges": [(0, 1), (3, 3)]}, "edges must not hold self-loops, got site 3 at position 1"),
        ({"edges": [(0, 5)], "num_nodes": 3}, r"edges must hold sites 0…2, got the edge \(0, 5\) at position 0"),
        ({"edges": [(0, -1)]}, "from 0 to 2147483646, got -1; labels= lists"),
        ({"edges": [(0, 10**30)]}, f"got {10**30}"),
        ({"edges": [(0, 1.5)]}, r"whole numbers, got 1\.5"),
        ({"edges": [(0, NAN)]}, "whole numbers, got nan"),
        ({"edges": [("a", NAN)]}, "labels must be names, got nan"),
        ({"edges": [("a", None)]}, "labels must be names, got None"),
        ({"edges": [(True, False)]}, "got True or False"),
        ({"edges": [("a", ["b"])]}, "hashable"),
        ({"edges": [("a", "b")], "num_nodes": 3}, "num_nodes must be the number of labels, 2, got 3"),
        ({"edges": [("a", "b")], "labels": ["a", "c"]}, r"by their labels \('a', 'c'\), got 'b'"),
        ({"edges": [("a", "b")], "labels": ["a", "b", "a"]}, "distinct, got 'a' at positions 0 and 2"),
        ({"edges": [(0, 7)], "labels": [0, 1]}, r"by their labels \(0, 1\), got 7"),
        ({"edges": [("a", "b")], "h": [1.0]}, r"h must have shape \(2,\)"),
        ({"edges": [("a", "b")], "h": {"a": [1.0]}}, "h must have one number per site"),
        ({"edges": [("a", "b")], "h": {"a": NAN}}, "h must be finite"),
        ({"edges": {0: 1.0}}, r"pairs of sites \(i, j\) as keys, got 0; fields go to h="),
        ({"edges": {"ab": 1.0}}, "got 'ab'"),
        ({"edges": {(0, 1): {"colour": 1.0}}}, r"'J' or 'weight', which edge \(0, 1\) lacks; it has \['colour'\]"),
        ({"edges": nx.Graph([(0, 1, {"J": 1.0}), (1, 2)]).edges}, r"edges must .*'J', which edge \(1, 2\) lacks"),
        ({"edges": []}, "num_nodes must be given"),
        ({"edges": np.zeros((3, 4))}, r"shape \(E, 2\) or \(E, 3\), got \(3, 4\)"),
        ({"edges": np.zeros((2, 4), dtype=int)}, r"got \(2, 4\); IsingGraph.from_edges takes \(2, E\)"),
        ({"edges": np.ones(3)}, r"got \(3,\)"),
        ({"edges": np.array([[0, 1.5]])}, r"whole numbers, got 1\.5"),
        ({"edges": np.array([[0, 1j]])}, "real numbers or names"),
        ({"edges": np.array([[0, 2**25]], dtype=np.float32)}, "whole numbers that float32 holds"),
        ({"edges": np.ma.masked_equal([[0, 1], [1, 2]], 2)}, "masked"),
        ({"edges": torch.zeros(2, 2, device="meta")}, "meta device"),
        ({"edges": torch.zeros(2, 3, requires_grad=True)}, r"edges must not require a gradient.*edges.detach\(\)"),
        ({"edges": torch.zeros(2, 3, dtype=torch.bfloat16)}, "edges must be float32 or float64, got bfloat16"),
        ({"edges": torch.eye(3, dtype=torch.int64).to_sparse()}, "dense"),
        (
            {"edges": Table(i=[0], j=[1], coupling=[2.0])},
            r"column 'J' or 'weight', got columns \['i', 'j', 'coupling'\]",
        ),
        ({"edges": Table(a=[0], b=[1], c=[1.0], d=[2.0])}, r"two or three in this order, got columns"),
        ({"edges": Table(i=[0.0, NAN], j=[1, 2])}, "whole numbers, got nan"),
        ({"edges": nx.grid_2d_graph(2, 2)}, "from_networkx"),
        ({"edges": SAME}, "the graph itself"),
        ({"edges": SAME.to_scipy()}, "from_scipy"),
    ],
)
def test_other_lists_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        IsingGraph.from_edge_list(**arguments)


# Pairs where ends are asked for.


@pytest.mark.parametrize("edges", [[(0, 1), (2, 3)], ((0, 1), (2, 3))])
def test_two_tuples_of_two_are_not_read_as_ends(edges: Any) -> None:
    with pytest.raises(ValueError, match=r"from_edge_list\(.*\) or from_edges\(\[\[0, 2\], \[1, 3\]\]\)"):
        IsingGraph.from_edges(edges)
    assert IsingGraph.from_edges([[0, 1], [2, 3]]).undirected()[1].tolist() == [2, 3]  # lists mean ends


@pytest.mark.parametrize(
    "edges",
    [
        [(0, 1), (1, 2), (2, 3)],
        [(0, 1, 0.5)],
        [(0, 1, 0.5), (1, 2, -0.5)],
        [("a", "b"), ("b", "c")][:1],
        np.zeros((5, 2), dtype=int),
        torch.zeros(5, 3),
        {(0, 1): 2.0},
        Table(i=[0], j=[1], J=[1.0]),
        zip([0, 1], [1, 2], strict=True),
    ],
)
def test_rows_given_as_ends_name_the_remedy(edges: Any) -> None:
    with pytest.raises(ValueError, match=r"edge_index must .*from_edge_list"):
        IsingGraph.from_edges(edges)
