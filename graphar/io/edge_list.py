"""Plain edge lists: lines ``i j J`` for couplings, ``i h`` for fields, ``#`` for comments.

    H(x) = −Σ J_ij x_i x_j − Σ h_i x_i + offset,   x ∈ {−1, +1}^N,

our own convention: each edge once, J > 0 aligns. The numbering of the sites starts at 0 or at 1, which the
file cannot show, so it is told: by the option ``base``, or by the comment that :func:`write` puts on top,
``# graphar edge list, base 0, spins 16, couplings 24, fields 0, offset 0``. The two counts may be left out of
it; where they stand, a file cut short is noticed. Without that comment N is the largest site listed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from graphar._checks import check_count
from graphar.hamiltonians.ising import MAX_SPINS, IsingGraph
from graphar.io._files import naming
from graphar.io._text import TextFile
from graphar.io._write import listed, number, offset_of, save_lines

__all__ = ["read", "write"]

_TITLE = "graphar edge list"
_HEADER = re.compile(
    rf"{_TITLE}, base (?P<base>[01]), spins (?P<spins>[0-9]{{1,18}})"
    r"(, couplings (?P<couplings>[0-9]{1,18}), fields (?P<fields>[0-9]{1,18}))?"
    r", offset (?P<offset>[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?)"
)


def read(path: Path, *, base: int | None = None, num_spins: int | None = None) -> IsingGraph:
    """Read an edge list.

    Args:
        path: the file, plain or gzip.
        base: number of the first site, 0 or 1; needed where the file has no header of ours.
        num_spins: N; by default from the header, else the largest site listed.

    Raises:
        ValueError: the base is unknown or contradicts the header; anything in the file breaks the format.
    """
    file = TextFile(path)
    header = _header(file, base, num_spins)
    rows = file.take_rows((2, 3))
    fields, edges = rows[rows.widths == 2], rows[rows.widths == 3]
    got = (len(edges.lines), len(fields.lines))
    if header.counts is not None and header.counts != got:
        file.fail("{} couplings and {} fields promised".format(*header.counts), got="{} and {}".format(*got))
    n = header.num_spins
    site = file.sites(fields, 0, header.base, n)
    i, j = file.sites(edges, 0, header.base, n), file.sites(edges, 1, header.base, n)
    if n is None:
        if not len(rows.lines):
            raise ValueError(f"{path}: num_spins must be told for an edge list that lists nothing, got None")
        n = int(max(sites.max(initial=0) for sites in (site, i, j))) + 1
    file.refuse_loops(i, j, edges)
    file.refuse_repeats(i, j, edges, "every edge must be listed once")
    file.refuse_repeats(site, site, fields, "every field must be listed once")
    h = np.zeros(n)
    h[site] = fields.values[:, 1]
    with naming(path):
        return IsingGraph.from_edges(np.stack([i, j]), edges.values[:, 2], h, n, offset=header.offset)


def write(graph: IsingGraph, path: Path, *, base: int = 0) -> None:
    """Write an edge list with its header; everything but the places of the sites is kept.

    Args:
        graph: the Hamiltonian.
        path: the file, gzip if it ends in ``.gz``.
        base: number of the first site, 0 or 1.
    """
    _check_base(base)
    save_lines(path, _lines(graph, base), graph.num_spins)


def _lines(graph: IsingGraph, base: int) -> Iterator[str]:
    fields = int((graph.h != 0).sum())
    yield (
        f"# {_TITLE}, base {base}, spins {graph.num_spins}, couplings {graph.num_couplings}, fields {fields}, "
        f"offset {number(offset_of(graph))}"
    )
    for i, j, J in listed(graph, base):
        yield f"{i} {j} {number(J)}"
    for i, h in enumerate(graph.h.double().tolist(), base):
        if h:
            yield f"{i} {number(h)}"


@dataclass(frozen=True)
class _Header:
    base: int
    num_spins: int | None
    offset: float = 0.0
    counts: tuple[int, int] | None = None  # of couplings and of fields


def _header(file: TextFile, base: int | None, num_spins: int | None) -> _Header:
    """What the comments on top say and the caller tells, which must agree."""
    if base is not None:
        _check_base(base)
    if num_spins is not None and check_count(num_spins, "num_spins") > MAX_SPINS:
        raise ValueError(f"num_spins must be at most {MAX_SPINS}, got {num_spins}")
    file.skip_comments()
    for line, comment in file.comments.items():
        if not comment.startswith(_TITLE):
            continue
        found = _HEADER.fullmatch(comment)
        if found is None or not np.isfinite(float(found["offset"])):
            file.fail(f"a header like '# {_TITLE}, base 0, spins 16, offset 0' expected", line)
        header = _Header(
            int(found["base"]),
            file.check_spins(int(found["spins"]), line),
            float(found["offset"]),
            (int(found["couplings"]), int(found["fields"])) if found["couplings"] else None,
        )
        if base not in (None, header.base):
            file.fail("base must agree with the header", line, got=f"base={base}")
        if num_spins not in (None, header.num_spins):
            file.fail("num_spins must agree with the header", line, got=f"num_spins={num_spins}")
        return header
    if base is None:
        raise ValueError(
            f"{file.path}: base must be told for an edge list without a header (base=0 if the first site is called "
            "0, base=1 if it is called 1), got None"
        )
    return _Header(base, num_spins)


def _check_base(base: int) -> None:
    if isinstance(base, bool) or base not in (0, 1):
        raise ValueError(f"base must be 0 or 1, got {base!r}")
