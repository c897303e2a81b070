"""Names of sites in files: edge lists and ``.npz`` keep them, or say why not; other formats hold numbers alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.io import FORMATS, read, write

KEPT = ("edge_list", "npz", "interactions")
WORDS = ("carol", "alice", "bob", "dave")
words = st.text(min_size=1, max_size=5)
numbers = st.one_of(st.integers(-(10**30), 10**30), st.floats(allow_nan=False, allow_infinity=False), st.booleans())
names = st.recursive(st.one_of(words, numbers), lambda part: st.lists(part, max_size=3).map(tuple), max_leaves=4)


def named(labels: Any) -> IsingGraph:
    """A chain with a field at its end and a site apart, in an order of its own."""
    n = len(labels)
    ends = [[0], [n - 1]] if n > 1 else [[], []]
    return IsingGraph.from_edges(np.array(ends, dtype=int), 0.5, [0.0] * (n - 1) + [-1.5], offset=2, labels=labels)


def equal(a: IsingGraph | SpinHypergraph, b: IsingGraph) -> bool:
    a = a.to_ising() if isinstance(a, SpinHypergraph) else a
    return a.labels == b.labels and all(torch.equal(a[name], b[name]) for name in ("edge_index", "edge_weight", "h"))


@pytest.mark.parametrize("format", KEPT)
@pytest.mark.parametrize("base", [0, 1])
def test_labels_round_trip(tmp_path: Path, format: str, base: int) -> None:
    @settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.one_of(st.lists(words, min_size=1, unique=True), st.lists(names, min_size=1, unique_by=lambda x: x)))
    def law(labels: list[Any]) -> None:
        graph = named(labels)
        for name in ("a", "a.csv", "a.tsv") if format == "edge_list" else ("a",):
            write(graph, tmp_path / name, format, **({"base": base} if format == "edge_list" else {}))
            assert equal(read(tmp_path / name, format), graph)

    law()


def test_words_stand_in_the_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.edges"
    graph = IsingGraph.from_edges([[0, 2], [1, 1]], [1.0, -2.0], [0, 0, 0, 0.5], labels=WORDS)
    write(graph, path)
    assert path.read_text().splitlines()[1:] == [
        '# labels ["carol", "alice", "bob", "dave"]',
        "carol alice 1",
        "alice bob -2",
        "dave 0.5",
    ]
    assert equal(read(path), graph)
    for odd in ("two words", "a,b", "C#", '"', "7", "nan", "-", ""):  # one that cannot stand alone, and all are numbers
        graph = named([*WORDS, odd])
        write(graph, path)
        assert path.read_text().splitlines()[2] == "0 4 0.5"
        assert equal(read(path), graph)


def test_sites_that_are_words_become_labels(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("carol alice 1\nbob alice -2\ndave 0.5\n")
    graph = read(path)
    assert graph.labels == WORDS
    assert graph.h.tolist() == [0, 0, 0, 0.5]
    assert [parts.tolist() for parts in graph.undirected()] == [[0, 1], [1, 2], [1, -2]]
    path.write_text("carol alice 1\nbob alice -2\ndave bob 0.5\n".translate({ord(" "): ","}))
    assert read(path).labels == WORDS


@pytest.mark.parametrize("format", [name for name, entry in FORMATS.items() if name not in KEPT and entry.write])
def test_other_formats_leave_labels_out(tmp_path: Path, format: str) -> None:
    graph = IsingGraph.from_edges([[0], [1]], 1.0, labels=("a", "b"))
    write(graph, tmp_path / "x", format, **({"drop_offset": True} if format in ("bq", "biqmac") else {}))
    assert read(tmp_path / "x", format).labels is None


@pytest.mark.parametrize("format", KEPT)
@pytest.mark.parametrize("label", [frozenset("ab"), b"bytes", 1j, float("inf"), (0, frozenset()), object])
def test_labels_that_json_cannot_hold(tmp_path: Path, format: str, label: Any) -> None:
    with pytest.raises(ValueError, match=r"labels must be strings, finite numbers or tuples .*graph\.labels = "):
        write(named(["a", label]), tmp_path / "x", format)
    assert not list(tmp_path.iterdir())


def test_labels_of_numpy_are_numbers(tmp_path: Path) -> None:
    graph = named([(np.int64(0), np.float64(0.5)), np.int32(4), np.str_("x")])
    write(graph, tmp_path / "a.edges")
    assert read(tmp_path / "a.edges").labels == ((0, 0.5), 4, "x")


TITLE = "# graphar edge list, base 0, spins 2, offset 0\n"
BROKEN = {
    "no JSON": ('# labels ["a", "b"\n0 1 1\n', "line 2: labels must be a JSON list"),
    "no list": ('# labels {"a": 1}\n0 1 1\n', "line 2: labels must be a JSON list"),
    "nested": ('# labels [{"a": 1}, "b"]\n0 1 1\n', "line 2: labels must be a JSON list"),
    "not a number": ('# labels [NaN, "b"]\n0 1 1\n', "line 2: labels must be a JSON list"),
    "deep": (f"# labels {'[' * 10**5}\n0 1 1\n", "line 2: labels must be a JSON list"),
    "long": (f"# labels [{'7' * 10**5}, 1]\n0 1 1\n", "line 2: labels must be a JSON list"),
    "too few": ('# labels ["a"]\n0 1 1\n', "line 2: 2 labels expected, all different"),
    "too many": ('# labels ["a", "b", "c"]\n0 1 1\n', "line 2: 2 labels expected"),
    "twice": ('# labels ["a", "a"]\n0 1 1\n', "line 2: 2 labels expected"),
    "stranger": ('# labels ["a", "b"]\na c 1\n', "line 3: sites must be among the labels, 'c' is not"),
    "mixed": ('# labels ["a", "b"]\na 1 1\n', "line 3: sites must be words in all rows"),
    "miscounted": ("a b 1\nb c 1\n", "2 sites expected, got 3 words"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_labels(tmp_path: Path, case: str) -> None:
    text, match = BROKEN[case]
    path = tmp_path / "a.edges"
    path.write_text(TITLE + text)
    with pytest.raises(ValueError, match=match) as caught:
        read(path)
    assert len(str(caught.value)) < 400 + len(str(path))


@pytest.mark.parametrize("labels", [b"[1", b"\xff", b'["a"]', json.dumps(["a", "a"]).encode(), b"[[{}], 1]"])
def test_broken_labels_in_an_archive(tmp_path: Path, labels: bytes) -> None:
    path = tmp_path / "a.npz"
    write(named(["a", "b"]), path)
    with np.load(path) as old:
        arrays = {name: old[name] for name in old.files}
    np.savez(path, **arrays | {"labels": np.array(labels)})
    with pytest.raises(ValueError, match=r"a\.npz: labels must be"):
        read(path)
    assert scipy.sparse.load_npz(path).shape == (2, 2)


def test_a_comment_of_somebody_else_is_a_comment(tmp_path: Path) -> None:
    path = tmp_path / "a.edges"
    path.write_text("# labels are in table 2\n0 1 1\n")
    assert read(path).labels is None
