"""The formats ``n m`` and then m lines ``i j q`` of a matrix Q, 1-based: minimise xᵀQx over x ∈ {0, 1}^n.

They look alike and differ in what an entry off the diagonal counts:

=======  =====================================================================  ===========
bq       xᵀQx as listed: (i, j) and (j, i) are two entries, which add           q x_i x_j
biqmac   Q is symmetric and each pair is listed once, standing for both places  2 q x_i x_j
=======  =====================================================================  ===========

x = (1 + s)/2 turns them into spins; the constant that appears goes into the graph's offset, so that
H(s) = xᵀQx. Neither format holds a constant of its own.

References: ``.bq``, http://mcsparse.uni-bonn.de/formats.html; Biq Mac ``.sparse``, A. Wiegele, Biq Mac
Library (2007), https://biqmac.aau.at/biqmaclib.html.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from graphar._support.files import naming
from graphar.hamiltonians.ising import IsingGraph
from graphar.io._write import number, qubo_of, refuse_constant, save_lines
from graphar.io.text import TextFile

__all__ = ["read_biqmac", "read_bq", "write_biqmac", "write_bq"]


def read_bq(path: Path) -> IsingGraph:
    """Read Q as it is listed."""
    return _read(path, symmetric=False)


def read_biqmac(path: Path) -> IsingGraph:
    """Read a symmetric Q, each pair listed once."""
    return _read(path, symmetric=True)


def write_bq(graph: IsingGraph, path: Path, *, drop_offset: bool = False) -> None:
    """Write the upper triangle of Q; entries of 0 and a constant, unless it is dropped, are refused."""
    if bool((graph.edge_weight == 0).any()):
        raise ValueError("graph must have no couplings of 0 in the format 'bq', got one")
    _write(graph, path, "bq", 1.0, drop_offset)


def write_biqmac(graph: IsingGraph, path: Path, *, drop_offset: bool = False) -> None:
    """Write the upper triangle of a symmetric Q; a constant is refused unless it is dropped."""
    _write(graph, path, "biqmac", 0.5, drop_offset)


def _read(path: Path, symmetric: bool) -> IsingGraph:
    from scipy.sparse import coo_array

    file = TextFile(path)
    n, m = file.take_counts(2, "the numbers of variables and of entries")
    file.check_spins(n)
    rows = file.take_rows((3,), m)
    file.end()
    i, j = file.sites(rows, 0, 1, n), file.sites(rows, 1, 1, n)
    file.refuse_repeats(i, j, rows, "every entry must be listed once", directed=not symmetric)
    with np.errstate(over="ignore"):
        entries = rows.values[:, 2] * np.where(symmetric & (i != j), 2.0, 1.0)
    file.refuse(~np.isfinite(entries), rows, "entries must be finite when doubled")
    with naming(path):
        return IsingGraph.from_qubo(coo_array((entries, (i, j)), shape=(n, n)))


def _write(graph: IsingGraph, path: Path, name: str, pair: float, drop_offset: bool) -> None:
    rows, columns, entries, constant = qubo_of(graph)
    refuse_constant(constant, graph, name, drop_offset)
    lines = [f"{graph.num_spins} {len(entries)}"]
    for i, j, q in zip(rows, columns, entries, strict=True):
        lines.append(f"{i + 1} {j + 1} {number(q if i == j else pair * q)}")
    save_lines(path, lines, graph.num_spins)
