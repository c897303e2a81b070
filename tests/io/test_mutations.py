"""Thousands of files with something cut, doubled, moved or put in: each is a graph, or a ValueError that names it."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.io import FORMATS, read, write

NUMBER = 300  # of each format
GRAPH = IsingGraph.from_edges([[0, 1, 2], [1, 2, 3]], [1.0, -1.5, 0.25], [0, 0, 0.5, 0, 0], offset=1.5)
TRIPLES = SpinHypergraph.from_hyperedges([tuple("abc"), tuple("bd"), tuple("abde")], [1.0, -0.5, 2.0], {"c": 3.0})
PLAIN = IsingGraph.from_edges([[0, 1, 2], [1, 2, 3]], [1.0, -1.0, 1.0], num_nodes=4)
HOSTILE = [
    *(
        b"",
        b"0",
        b"-1",
        b"1",
        b"4",
        b"99999999999999999999",
        b"1" * 5000,
        b"1e999",
        b"1e-999",
        b"nan",
        b"inf",
        b"1.2.3",
    ),
    *(b"\0", b"\n", b"\r", b"\t", b" ", b",", b";", b'"', b"#", b":", b".", b"e", b"+", b"x", b"alice", b"\xff\xfe"),
    *(
        "٣".encode(),
        "−1".encode(),
        b"\xef\xbb\xbf",
        b"\x1f\x8b",
        b"PK\x03\x04",
        b"# labels [",
        b"vartype=",
        b"type: sk\n",
    ),
]


def originals(folder: Path, format: str) -> list[bytes]:
    """Good files of a format, small ones."""
    path, texts = folder / "good", []
    options: dict[str, Any] = {"drop_offset": True} if format in ("bq", "biqmac", "coo") else {}
    if format == "cnf":
        texts += [b"c two\np cnf 3 2\n1 -3 0\n2 3\n-1 0\n%\n0\n", b"p wcnf 3 2 9\n9 1 -3 0\n0.5 2 3 0\n"]
        texts += [b"h 1 -2 3 0\n2 3 0\n4 1 2 3 4 5 6 7 -8 0\n"]
        return [*texts, *(gzip.compress(text, mtime=0) for text in texts)]
    for graph in (PLAIN, GRAPH):
        if format in ("gset", "mc", "sg", "spin_glass_server", "dimacs") and graph is GRAPH:
            continue
        write(graph, path, format, **options)
        texts.append(path.read_bytes())
        texts += [] if format == "npz" else [gzip.compress(texts[-1], mtime=0)]
    if format == "dimacs":
        texts += [b"c a path\np col 4 3\ne 1 2\ne 2 1\ne 2 3\ne 3 4 2.5\n"]
    if format == "interactions":
        write(TRIPLES, path, format)
        texts += [path.read_bytes(), b"1 0 1 2\n-2.5 3 1\n0.5 2 # a field\n", b"1e3 0 1 2 3 4 5\n"]
    if format == "edge_list":
        for name, labels in (("a.csv", ("alice", "bob", "c", "d", "e")), ("a.tsv", ((0, 0), (0, 1), 2, "x y", 3.5))):
            GRAPH.labels = labels
            write(GRAPH, folder / name)
            GRAPH.labels = None
            texts.append((folder / name).read_bytes())
        texts += [
            b"i,j,J\r\n0,1,1\r\n1,2,-1\r\n",
            b'"a b";c;1\nc;"d ""e"""; 2\n',
            b"u v\nv w\nw u\n",
            b"3 2\n1 2\n2 3\n",
        ]
    return texts


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """Up to three changes at random places."""
    for _ in range(rng.integers(4)):
        a, b = sorted(rng.integers(0, len(data) + 1, 2).tolist())
        kind, short = rng.integers(6), data[a : min(b, a + 12)]
        if kind == 0:
            data = data[:a] + data[a + len(short) :]
        elif kind == 1:
            data = data[:a] + short + data[a:]
        elif kind == 2:
            data = data[:b] + short + data[b:]
        elif kind == 3:
            data = data[:a] + bytes([rng.integers(256)]) + data[a + 1 :]
        elif kind == 4 and rng.integers(8) == 0:
            data = data[:b]
        else:
            data = data[:a] + HOSTILE[rng.integers(len(HOSTILE))] + data[a + rng.integers(2) :]
    return data


@pytest.mark.parametrize(
    ("format", "told"),
    [*((name, True) for name in FORMATS), *((name, False) for name, form in FORMATS.items() if form.suffixes)],
)
def test_a_graph_or_a_value_error_that_names_the_file(tmp_path: Path, format: str, told: bool) -> None:
    rng = np.random.default_rng(list(format.encode()))
    good = originals(tmp_path, format)
    path = tmp_path / ("file" if told else f"file{FORMATS[format].suffixes[-1]}")
    graphs = 0
    for _ in range(NUMBER // 2):
        path.write_bytes(mutated(good[rng.integers(len(good))], rng))
        try:
            graph = read(path, format if told else None)
        except ValueError as error:
            assert str(path) in str(error)  # noqa: PT017
            assert "\n" not in str(error)  # noqa: PT017
            continue
        graph.validate()
        graphs += 1
    assert 0 < graphs < NUMBER // 2
