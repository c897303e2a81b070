"""Input of the Cologne/Bonn spin glass server: lines ``type: …``, ``size: …``, ``name: …``, then ``i j J``, 1-based.

    H(s) = −Σ J_ij s_i s_j,   s ∈ {−1, +1}^N,

our own sign. ``type`` is ``pm`` or ``gauss`` (periodic square grid of N = size² spins), ``pm3`` or ``gauss3``
(periodic cubic grid, N = size³) or ``sk`` (N = size, any pairs); the ``pm`` types have couplings ±1. Files for
the server's web page leave type and size out; N is then the largest site. No fields, no constant, no
exponents. The couplings say which pairs interact; that they form the grid is not checked.

Reference: http://www.informatik.uni-koeln.de/ls_juenger/research/sgs/format.html (whose worked example, a
3×3 grid with its ground-state energy, this reader is tested on).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from graphar._support.files import naming
from graphar.hamiltonians.ising import IsingGraph
from graphar.io._write import listed, number, offset_of, refuse_field, refuse_offset, save_lines
from graphar.io.text import TextFile

__all__ = ["read", "write"]

DIMENSION = {"pm": 2, "gauss": 2, "pm3": 3, "gauss3": 3, "sk": 1}
_PLUS_MINUS = ("pm", "pm3")


def read(path: Path) -> IsingGraph:
    """Read an input file of the spin glass server, plain or gzip."""
    file = TextFile(path)
    said: dict[str, str] = {}
    claim = None
    while ":" in (file.peek() or ""):
        key, _, value = (part.strip() for part in file.take("").partition(":"))
        if key not in ("type", "size", "name") or key in said:
            file.fail("one line each of 'type:', 'size:' and 'name:' expected")
        if key == "type" and value not in DIMENSION:
            file.fail(f"type must be one of {', '.join(DIMENSION)}")
        if key == "size" and not (value.isascii() and value.isdigit() and len(value) < 11):
            file.fail("size must be a whole number")
        claim = file.line if key == "size" else claim
        said[key] = value
    if ("type" in said) != ("size" in said):
        raise ValueError(f"{path}: type and size must come together, got {sorted(said)}")
    n = file.check_spins(int(said["size"]) ** DIMENSION[said["type"]], claim) if "size" in said else None
    rows = file.take_rows((3,))
    i, j = file.sites(rows, 0, 1, n), file.sites(rows, 1, 1, n)
    if n is None:
        if not len(i):
            raise ValueError(f"{path}: couplings expected where type and size are left out, got none")
        n = int(max(i.max(), j.max())) + 1
    file.refuse_loops(i, j, rows)
    file.refuse_repeats(i, j, rows, "every pair must be listed once")
    couplings = rows.values[:, 2]
    if said.get("type") in _PLUS_MINUS:
        file.refuse(np.abs(couplings) != 1, rows, f"couplings of the type {said['type']} must be ±1")
    with naming(path):
        return IsingGraph.from_edges(np.stack([i, j]), couplings, num_nodes=n)


def write(graph: IsingGraph, path: Path, *, type: str = "sk", name: str = "graphar", drop_offset: bool = False) -> None:
    """Write an input file of the spin glass server.

    Args:
        graph: the Hamiltonian; one with fields, or a constant not dropped, is refused.
        path: the file, gzip if it ends in ``.gz``.
        type: ``"sk"`` holds any graph; ``"pm"``, ``"gauss"``, ``"pm3"``, ``"gauss3"`` promise a periodic grid
            numbered row by row.
        name: name of the sample, one line.
        drop_offset: leave the constant of the energy out.
    """
    if type not in DIMENSION:
        raise ValueError(f"type must be one of {', '.join(DIMENSION)}, got {type!r}")
    if not name.isprintable() or set(name) & set("#'\"`"):
        raise ValueError(f"name must be one line without #, quotes and backticks, got {name!r}")
    refuse_field(graph, "spin_glass_server")
    refuse_offset(offset_of(graph), "spin_glass_server", drop_offset)
    size = round(graph.num_spins ** (1 / DIMENSION[type]))
    if size ** DIMENSION[type] != graph.num_spins:
        raise ValueError(f"type must suit the number of spins, got {type!r} for {graph.num_spins} spins")
    if type in _PLUS_MINUS and bool((graph.edge_weight.abs() != 1).any()):
        raise ValueError(f"graph must have couplings ±1 for the type {type!r}, got others")
    save_lines(path, _lines(graph, type, size, name), graph.num_spins)


def _lines(graph: IsingGraph, type: str, size: int, name: str) -> Iterator[str]:
    yield from (f"type: {type}", f"size: {size}", f"name: {name}")
    for i, j, J in listed(graph, 1):
        yield f"{i} {j} {number(J)}"
