"""The formats ``n m`` and then m lines ``i j w``, 1-based, each pair once: Gset, ``.mc``, ``.sg``.

They look alike and differ in sign. H(x) = −Σ J_ij x_i x_j with

=========  ==================================================================  =======
gset, mc   weights of a maximum cut, cut = Σ w (1 − x_i x_j)/2, to maximise    J = −w
sg         correlations of a spin glass: a positive one aligns                 J = +w
=========  ==================================================================  =======

The offset is 0, so that cut = (Σw − H)/2 for the first two. Gset (rudy) files may leave out the weights,
which are then 1; real weights are taken everywhere. None of them holds fields or constants.

References: Y. Ye, Gset, https://web.stanford.edu/~yyye/yyye/Gset; G. Rinaldi's generator rudy; ``.mc`` and
``.sg``, http://mcsparse.uni-bonn.de/formats.html and http://mcsparse.uni-bonn.de/mcgroundstate/formats.html
(``.gsg`` is ``.sg`` for grids numbered row by row, which a writer promises and nobody checks).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from graphar._support.files import naming
from graphar.hamiltonians.ising import IsingGraph
from graphar.io._write import listed, number, offset_of, refuse_field, refuse_offset, save_lines
from graphar.io.text import TextFile

__all__ = ["read_gset", "read_mc", "read_sg", "write_gset", "write_mc", "write_sg"]


def read_gset(path: Path) -> IsingGraph:
    """Read max-cut weights, J = −w; a file without weights has w = 1."""
    return _read(path, -1, (2, 3))


def read_mc(path: Path) -> IsingGraph:
    """Read max-cut weights, J = −w."""
    return _read(path, -1, (3,))


def read_sg(path: Path) -> IsingGraph:
    """Read spin-glass couplings, J = +w."""
    return _read(path, +1, (3,))


def write_gset(graph: IsingGraph, path: Path, *, drop_offset: bool = False) -> None:
    """Write max-cut weights w = −J; a graph with fields, or a constant not dropped, is refused."""
    _write(graph, path, -1, "gset", drop_offset)


def write_mc(graph: IsingGraph, path: Path, *, drop_offset: bool = False) -> None:
    """Write max-cut weights w = −J, which this format wants to differ from 0; else as :func:`write_gset`."""
    if bool((graph.edge_weight == 0).any()):
        raise ValueError("graph must have no couplings of 0 in the format 'mc', got one")
    _write(graph, path, -1, "mc", drop_offset)


def write_sg(graph: IsingGraph, path: Path, *, drop_offset: bool = False) -> None:
    """Write spin-glass couplings w = J; a graph with fields, or a constant not dropped, is refused."""
    _write(graph, path, +1, "sg", drop_offset)


def _read(path: Path, sign: int, widths: tuple[int, ...]) -> IsingGraph:
    file = TextFile(path)
    n, m = file.take_counts(2, "the numbers of spins and of couplings")
    file.check_spins(n)
    rows = file.take_rows(widths, m)
    file.end()
    if m:
        file.refuse(rows.widths != rows.widths[0], rows, "all lines must have weights, or none")
    i, j = file.sites(rows, 0, 1, n), file.sites(rows, 1, 1, n)
    file.refuse_loops(i, j, rows)
    file.refuse_repeats(i, j, rows, "every pair must be listed once")
    weights = np.where(rows.widths == 3, rows.values[:, -1], 1.0)
    with naming(path):
        return IsingGraph.from_edges(np.stack([i, j]), 0.0 + sign * weights, num_nodes=n)


def _write(graph: IsingGraph, path: Path, sign: int, name: str, drop_offset: bool) -> None:
    refuse_field(graph, name)
    refuse_offset(offset_of(graph), name, drop_offset)
    save_lines(path, _lines(graph, sign), graph.num_spins)


def _lines(graph: IsingGraph, sign: int) -> Iterator[str]:
    yield f"{graph.num_spins} {graph.num_couplings}"
    for i, j, J in listed(graph, 1):
        yield f"{i} {j} {number(sign * J)}"
