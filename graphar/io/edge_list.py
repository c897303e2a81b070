"""Plain edge lists: lines ``i j J`` for couplings, ``i h`` for fields, ``#`` for comments.

    H(x) = −Σ J_ij x_i x_j − Σ_i h_i x_i + offset,   x ∈ {−1, +1}^N,

our own convention: each edge once, J > 0 aligns. Cells are separated by white space, commas or semicolons, and a row of
names such as ``i,j,J`` may stand on top. In a list whose every line is two sites ``i j``, all couplings are 1.

Sites are whole numbers or words. Numbering starts at 0 where a site 0 is listed. Elsewhere the file cannot show whether
it starts at 1 or site 0 has no couplings, so it is told: by the option ``base``, or by the comment that :func:`write`
puts on top, ``# graphar edge list, base 0, spins 16, couplings 24, fields 0, offset 0``. The two counts may be left out
of it; where they stand, a file cut short is noticed. Without that comment N is the largest site listed. Words are the
graph's ``labels``, in the order in which they first appear.

Below the comment on top, another one, ``# labels ["a", "b", "c"]``, names the sites of a graph that has labels, as one
JSON list in the order of the sites; tuples stand in it as lists. Labels that are words stand in the rows as well.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from graphar._support.checks import check_count
from graphar._support.files import naming
from graphar.hamiltonians.ising import MAX_SPINS, IsingGraph
from graphar.io._table import Table, read_table
from graphar.io._write import listed, number, offset_of, save_lines
from graphar.io.site_names import LABELS, labels_of, stands_alone, to_json
from graphar.io.text import TextFile

__all__ = ["examine", "read", "write"]

_TITLE = "graphar edge list"
_HEADER = re.compile(
    rf"{_TITLE}, base (?P<base>[01]), spins (?P<spins>[0-9]{{1,18}})"
    r"(, couplings (?P<couplings>[0-9]{1,18}), fields (?P<fields>[0-9]{1,18}))?"
    r", offset (?P<offset>[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?)"
)
_SEPARATORS = {".csv": ",", ".tsv": "\t"}


def read(path: Path, *, base: int | None = None, num_spins: int | None = None) -> IsingGraph:
    """Read an edge list.

    Args:
        path: the file, plain or gzip.
        base: number of the first site, 0 or 1; needed where no site 0 is listed and no header of ours says it.
        num_spins: N; by default from the header, else the largest site listed, or the number of words.

    Raises:
        ValueError: the base is unknown or contradicts the header; anything in the file breaks the format.
    """
    return examine(path, base=base, num_spins=num_spins)[0]


def examine(
    path: Path, *, base: int | None = None, num_spins: int | None = None, told: bool = True
) -> tuple[IsingGraph, list[str]]:
    """As :func:`read`, with what was taken for granted, in words.

    Args:
        path, base, num_spins: as there.
        told: whether the caller knows that it is an edge list; else one that could be another format is refused.
    """
    file = TextFile(path)
    header = _header(file, base, num_spins)
    if not told and not header.ours:
        _refuse_marks(file)
    table = read_table(file, header.labels, header.ours)
    if not told and not header.ours:
        _refuse_counts(file, table)
    remarks = [f"header row: {', '.join(table.header)}"] if table.header else []
    wide = np.full(len(table.rows.lines), True) if table.pairs else table.rows.widths == 3
    edges, fields = table.rows[wide], table.rows[~wide]
    if table.pairs:
        edges.values[:, 2] = 1.0
        remarks.append("couplings: 1, as every row is two sites")
    got = (len(edges.lines), len(fields.lines))
    if header.counts is not None and header.counts != got:
        file.fail("{} couplings and {} fields promised".format(*header.counts), got="{} and {}".format(*got))
    if table.labels is not None and header.labels is None:
        n: int | None = _number_of_words(file, header, table.labels)
        remarks.append("sites: words, in the order in which they appear")
    else:
        n = header.num_spins
    first = header.base or 0 if table.labels is None else 0
    labels = header.labels if table.labels is None else table.labels
    site = file.sites(fields, 0, first, n)
    i, j = file.sites(edges, 0, first, n), file.sites(edges, 1, first, n)
    sites = np.concatenate([i, j, site])
    if table.labels is None and header.base is None:
        _refuse_doubt(file, sites)
    if table.labels is None:
        why = "as its header says" if header.ours else "as told" if base is not None else "as a site 0 is listed"
        remarks.append(f"sites: numbered from {first}, {why}")
    if n is None:
        if not len(sites):
            raise ValueError(f"{path}: num_spins must be told for an edge list that lists nothing, got None")
        n = int(sites.max()) + 1
    if missing := n - len(np.unique(sites)):
        remarks.append(f"isolated: {missing} of {n} sites are listed nowhere")
    file.refuse_loops(i, j, edges)
    file.refuse_repeats(i, j, edges, "every edge must be listed once")
    file.refuse_repeats(site, site, fields, "every field must be listed once")
    h = np.zeros(n)
    h[site] = fields.values[:, 1]
    with naming(path):
        ends = np.stack([i, j])
        return IsingGraph.from_edges(ends, edges.values[:, 2], h, n, offset=header.offset, labels=labels), remarks


def write(graph: IsingGraph, path: Path, *, base: int = 0) -> None:
    """Write an edge list with its header; everything but the places of the sites is kept.

    Args:
        graph: the Hamiltonian; its labels must be strings, finite numbers or tuples of them.
        path: the file, gzip if it ends in ``.gz``; cells are separated by commas in ``.csv``, by tabs in ``.tsv``.
        base: number of the first site, 0 or 1.
    """
    _check_base(base)
    name = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    separator = _SEPARATORS.get(name.suffix.lower(), " ")
    save_lines(path, _lines(graph, base, separator), graph.num_spins)


def _lines(graph: IsingGraph, base: int, separator: str) -> Iterator[str]:
    fields = int((graph.h != 0).sum())
    yield (
        f"# {_TITLE}, base {base}, spins {graph.num_spins}, couplings {graph.num_couplings}, fields {fields}, "
        f"offset {number(offset_of(graph))}"
    )
    names = [str(site) for site in range(base, base + graph.num_spins)]
    if graph.labels is not None:
        yield f"# {LABELS}{to_json(graph.labels)}"
        if all(map(stands_alone, graph.labels)):
            names = [str(label) for label in graph.labels]
    for i, j, J in listed(graph, 0):
        yield separator.join((names[i], names[j], number(J)))
    for name, h in zip(names, graph.h.double().tolist(), strict=True):
        if h:
            yield separator.join((name, number(h)))


@dataclass(frozen=True)
class _Header:
    """What the comments on top say and the caller tells; None where neither does."""

    base: int | None
    num_spins: int | None
    offset: float = 0.0
    counts: tuple[int, int] | None = None  # of couplings and of fields
    labels: tuple[Hashable, ...] | None = None
    ours: bool = False


def _header(file: TextFile, base: int | None, num_spins: int | None) -> _Header:
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
        spins = file.check_spins(int(found["spins"]), line)
        if base not in (None, int(found["base"])):
            file.fail("base must agree with the header", line, got=f"base={base}")
        if num_spins not in (None, spins):
            file.fail("num_spins must agree with the header", line, got=f"num_spins={num_spins}")
        counts = (int(found["couplings"]), int(found["fields"])) if found["couplings"] else None
        return _Header(int(found["base"]), spins, float(found["offset"]), counts, labels_of(file, spins), True)
    return _Header(base, num_spins)


def _number_of_words(file: TextFile, header: _Header, words: tuple[Hashable, ...]) -> int:
    if header.base is not None and not header.ours:
        raise ValueError(f"{file.path}: base must not be told where sites are words, got base={header.base}")
    if header.num_spins not in (None, len(words)):
        raise ValueError(f"{file.path}: {header.num_spins} sites expected, got {len(words)} words for them")
    return len(words)


def _refuse_doubt(file: TextFile, sites: np.ndarray) -> None:
    """Complain about numbers that may start at 1 as well as at 0."""
    if len(sites) and not sites.min():
        return
    listed = f"sites {sites.min()} to {sites.max()}" if len(sites) else "no sites"
    raise ValueError(
        f"{file.path}: base must be told where no site 0 is listed (base=1, or --base 1, if the first site is called "
        f"1; base=0 if it is called 0 and coupled to none), got None for {listed}"
    )


def _refuse_marks(file: TextFile) -> None:
    """Complain about what begins as a file of another format does."""
    for line, comment in file.comments.items():
        if re.search("vartype[:=]", comment):
            file.fail("format must be told, format='coo' or format='edge_list', where dimod's vartype stands", line)
    row = file.peek()
    if row is not None and re.match("(type|size|name) *:", row):
        file.fail("format must be told, such as format='spin_glass_server', where a row of it stands", file.line + 1)


def _refuse_counts(file: TextFile, table: Table) -> None:
    """Complain about two numbers on top that may be N and the number of the lines below, each a pair up to N."""
    rows = table.rows
    if table.header or table.labels is not None or len(rows.lines) < 2 or rows.widths[0] != 2:
        return
    (n, m), widths = rows.values[0, :2], rows.widths[1:]
    ends = rows.values[1:, :2]
    plain = rows.integral[0, :2].all() and rows.integral[1:, :2].all() and (widths == widths[0]).all()
    if plain and (widths[0] == 3 or m == len(widths)) and ends.min() >= 1 and ends.max() <= n:
        file.fail(
            "format must be told where the first line may count the spins and couplings below (format='gset', 'mc', "
            "'sg', 'bq', 'biqmac', or 'edge_list' if it is a row as the others)",
            rows.lines[0],
        )


def _check_base(base: int) -> None:
    if isinstance(base, bool) or base not in (0, 1):
        raise ValueError(f"base must be 0 or 1, got {base!r}")
