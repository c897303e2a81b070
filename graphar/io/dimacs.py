"""DIMACS graphs: lines whose first letter says what they hold. Formulas are in :mod:`graphar.io.cnf`.

    c a comment
    p edge 4 3        vertices and edges; ``col`` and other words stand there too
    n 1 2.5           weight of a vertex, 1 where no line says it
    e 1 2             an edge; e 1 2 3 gives it the weight 3

Vertices are numbered from 1. Many files list every edge in both directions, and count it twice or once; both are taken.
As a Hamiltonian the graph is its maximum cut, as Gset files are: J = −w, cut = (Σw − H)/2. Weights of vertices are no
part of it; :class:`graphar.problems.IndependentSet` reads them.

Reference: http://prolland.free.fr/works/research/dsat/dimacs.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from graphar._support.files import naming
from graphar.hamiltonians.ising import IsingGraph
from graphar.io._write import listed, number, offset_of, refuse_field, refuse_offset, save_lines
from graphar.io.text import TextFile

__all__ = ["lettered", "read", "read_graph", "write"]

_COMMENT = re.compile(rb"(?m)^[ \t]*c[^\n]*")


def read(path: Path) -> IsingGraph:
    """Read a graph as its maximum cut, J = −w; one with weights of vertices is refused, as they would be lost."""
    graph, vertices = read_graph(path)
    if vertices is not None:
        raise ValueError(
            f"{path}: edges alone expected of a Hamiltonian, got weights of vertices (lines 'n'), which "
            "graphar.problems.IndependentSet.from_file takes"
        )
    return graph


def read_graph(path: Path) -> tuple[IsingGraph, np.ndarray | None]:
    """Graph with J = −w of its edges, and the weights of its vertices, None where no line gives one."""
    file, letters = lettered(path, b"pen")
    head = file.take("a line 'p edge N M'").split()
    if len(head) != 4 or not all(word.isdecimal() and len(word) < 19 for word in head[2:]) or head[0] != "p":
        file.fail("a line 'p edge N M' expected")
    n, promised = file.check_spins(int(head[2])), int(head[3])
    rows = file.take_rows((2, 3))
    letter = letters[rows.lines - 1]
    file.refuse((letter != ord("e")) & (letter != ord("n")), rows, "lines 'e u v', 'e u v w' and 'n v w' expected")
    edges, vertices = rows[letter == ord("e")], rows[letter == ord("n")]
    i, j = file.sites(edges, 0, 1, n), file.sites(edges, 1, 1, n)
    file.refuse_loops(i, j, edges)
    rule = "every edge must be listed once, or once in each direction with one weight"
    file.refuse_repeats(i, j, edges, rule, directed=True)
    weights = np.where(edges.widths == 3, edges.values[:, 2], 1.0)
    key = np.minimum(i, j) * n + np.maximum(i, j)
    order = np.argsort(key, kind="stable")
    again = np.zeros(len(key), bool)
    again[order[1:]] = key[order[1:]] == key[order[:-1]]
    differs = np.zeros(len(key), bool)
    differs[order[1:]] = again[order[1:]] & (weights[order[1:]] != weights[order[:-1]])
    file.refuse(differs, edges, rule)
    if promised not in (len(key), int((~again).sum())):
        file.fail(f"{promised} edges promised", got=f"{int((~again).sum())} in {len(key)} lines")
    file.refuse(vertices.widths != 2, vertices, "a line 'n v w' expected")
    at = file.sites(vertices, 0, 1, n)
    file.refuse_repeats(at, at, vertices, "every vertex must be given one weight")
    of_vertices = None
    if len(at):
        of_vertices = np.ones(n)
        of_vertices[at] = vertices.values[:, 1]
    with naming(path):
        ends = np.stack([i, j])[:, ~again]
        return IsingGraph.from_edges(ends, 0.0 - weights[~again], num_nodes=n), of_vertices


def write(graph: IsingGraph, path: Path, *, drop_offset: bool = False) -> None:
    """Write a graph with weights w = −J, which are left out where all are 1; fields and constants are refused."""
    refuse_field(graph, "dimacs")
    refuse_offset(offset_of(graph), "dimacs", drop_offset)
    save_lines(path, _lines(graph), graph.num_spins)


def lettered(path: Path, letters: bytes) -> tuple[TextFile, np.ndarray]:
    """A text file whose lines may begin with one of ``letters``, and that of each line, 0 for none.

    Comments are blanked; so are the letters, unless it is ``p``, whose line is text.
    """
    file = TextFile(path)
    file.data = _COMMENT.sub(lambda found: b" " * len(found[0]), file.data)
    text = np.frombuffer(file.data + b"\n", dtype=np.uint8).copy()
    starts = np.concatenate([[0], np.flatnonzero(text == ord("\n"))[:-1] + 1])
    solid = np.flatnonzero(~np.isin(text, [ord(" "), ord("\t"), ord("\r")]))  # ends of lines among them
    starts = solid[np.searchsorted(solid, starts)]
    first = text[starts]
    found = np.where(np.isin(first, list(letters)), first, 0)
    text[starts[(found != 0) & (found != ord("p"))]] = ord(" ")
    file.data = text[:-1].tobytes()
    return file, found


def _lines(graph: IsingGraph) -> Iterator[str]:
    yield f"p edge {graph.num_spins} {graph.num_couplings}"
    plain = bool((graph.edge_weight == -1).all())
    for i, j, J in listed(graph, 1):
        yield f"e {i} {j}" if plain else f"e {i} {j} {number(-J)}"
