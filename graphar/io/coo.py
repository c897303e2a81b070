"""dimod's COO text: lines ``i i h`` and ``i j J``, 0-based, under a comment ``# vartype=SPIN`` or ``BINARY``.

    H(s) = +Σ h_i s_i + Σ J_ij s_i s_j  over s ∈ {−1, +1}   or   H(x) = Σ q_ii x_i + Σ q_ij x_i x_j  over x ∈ {0, 1}:

couplings and fields of the spin form have the opposite sign of ours. The format has no constant and no
number of spins; a site that is not listed below the largest one is an isolated spin, and :func:`write`
lists isolated spins with a field of 0. dimod reads no exponents (it skips such lines), so none are written;
they are accepted on reading.

Reference: https://docs.dwavequantum.com/en/latest/ocean/api_ref_dimod/generated/dimod.serialization.coo.dump.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from graphar._support.files import naming
from graphar.hamiltonians.ising import IsingGraph
from graphar.io._write import listed, number, offset_of, qubo_of, refuse_constant, refuse_offset, save_lines
from graphar.io.text import TextFile

__all__ = ["read", "write"]

_VARTYPES = ("SPIN", "BINARY")
_VARTYPE = re.compile(r"vartype[:=][ \t]*([-_.a-zA-Z0-9]+)")


def read(path: Path, *, vartype: str | None = None) -> IsingGraph:
    """Read COO text.

    Args:
        path: the file, plain or gzip.
        vartype: ``"SPIN"`` or ``"BINARY"``; needed where no comment on top says it.

    Raises:
        ValueError: the variables are unknown or contradict the file; anything in it breaks the format.
    """
    if vartype is not None:
        _check_vartype(vartype)
    file = TextFile(path)
    file.skip_comments()
    for line, comment in file.comments.items():
        if found := _VARTYPE.search(comment):
            if found[1] not in _VARTYPES:
                file.fail('vartype must be "SPIN" or "BINARY"', line)
            if vartype not in (None, found[1]):
                raise ValueError(f"{path}: vartype must agree with the file, which says {found[1]}, got {vartype}")
            vartype = found[1]
    if vartype is None:
        raise ValueError(f'{path}: vartype must be told ("SPIN" or "BINARY") where no comment says it, got None')
    rows = file.take_rows((3,))
    i, j = file.sites(rows, 0, 0), file.sites(rows, 1, 0)
    if not len(i):
        raise ValueError(f"{path}: at least one line 'i j bias' expected, got none")
    n = int(max(i.max(), j.max())) + 1
    file.refuse_repeats(i, j, rows, "every bias must be listed once")
    biases = rows.values[:, 2]
    with naming(path):
        if vartype == "BINARY":
            from scipy.sparse import coo_array

            return IsingGraph.from_qubo(coo_array((biases, (i, j)), shape=(n, n)))
        linear = i == j
        h = np.zeros(n)
        h[i[linear]] = 0.0 - biases[linear]
        return IsingGraph.from_edges(np.stack([i, j])[:, ~linear], 0.0 - biases[~linear], h, n)


def write(graph: IsingGraph, path: Path, *, vartype: str = "SPIN", drop_offset: bool = False) -> None:
    """Write COO text with its comment; a constant is refused unless it is dropped.

    Args:
        graph: the Hamiltonian.
        path: the file, gzip if it ends in ``.gz``.
        vartype: variables to write, ``"SPIN"`` (exact) or ``"BINARY"`` (which rounds the sums that it needs).
        drop_offset: leave the constant of the energy out.
    """
    _check_vartype(vartype)
    if vartype == "SPIN":
        refuse_offset(offset_of(graph), "coo", drop_offset)
        biases = list(_spin_biases(graph))
    else:
        rows, columns, entries, constant = qubo_of(graph)
        refuse_constant(constant, graph, "coo", drop_offset)
        biases = list(zip(rows, columns, entries, strict=True))
    seen = {site for i, j, _ in biases for site in (i, j)}
    biases += [(site, site, 0.0) for site in range(graph.num_spins) if site not in seen]
    lines = [f"# vartype={vartype}", *(f"{i} {j} {number(bias)}" for i, j, bias in sorted(biases))]
    save_lines(path, lines, graph.num_spins)


def _spin_biases(graph: IsingGraph) -> Iterator[tuple[int, int, float]]:
    for i, j, J in listed(graph, 0):
        yield i, j, -J
    for i, h in enumerate(graph.h.double().tolist()):
        if h:
            yield i, i, -h


def _check_vartype(vartype: str) -> None:
    if vartype not in _VARTYPES:
        raise ValueError(f'vartype must be "SPIN" or "BINARY", got {vartype!r}')
