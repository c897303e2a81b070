"""Interactions of any numbers of spins: lines ``J i j k …``, a field is ``h i``, ``#`` for comments.

    E(x) = −Σ_a J_a Π_{i∈a} x_i − Σ_i h_i x_i + offset,   x ∈ {−1, +1}^N,

our own convention: the number first, then the sites, separated by white space, each interaction once. Sites are
numbered from 0, always.

A comment on top, which :func:`write` puts there, says the rest:
``# graphar interactions, spins 5, interactions 3, fields 1, offset 1.5``. The two counts may be left out of it; where
they stand, a file cut short is noticed. Without that comment N is the largest site listed plus one, or told by
``num_spins``, and the offset is 0. Below it another one, ``# labels ["a", "b", "c"]``, names the sites as a JSON list.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from graphar._support.checks import check_count
from graphar._support.files import naming
from graphar.hamiltonians.hypergraph import SpinHypergraph
from graphar.hamiltonians.interactions import by_order
from graphar.hamiltonians.labels import MAX_SPINS
from graphar.io._files import room
from graphar.io._write import number, save_lines
from graphar.io.rows import RaggedRows
from graphar.io.site_names import LABELS, labels_of, to_json
from graphar.io.text import TextFile

__all__ = ["read", "write"]

_TITLE = "graphar interactions"
_HEADER = re.compile(
    rf"{_TITLE}, spins (?P<spins>[0-9]{{1,18}})"
    r"(, interactions (?P<interactions>[0-9]{1,18}), fields (?P<fields>[0-9]{1,18}))?"
    r", offset (?P<offset>[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?)"
)


def read(path: Path, *, num_spins: int | None = None) -> SpinHypergraph:
    """Read interactions.

    Args:
        path: the file, plain or gzip.
        num_spins: N; by default from the header, else the largest site listed plus one.

    Raises:
        ValueError: ``num_spins`` contradicts the header; anything in the file breaks the format.
    """
    if num_spins is not None and check_count(num_spins, "num_spins") > MAX_SPINS:
        raise ValueError(f"num_spins must be at most {MAX_SPINS}, got {num_spins}")
    file = TextFile(path)
    file.skip_comments()
    header = _header(file, num_spins)
    rows = file.take_ragged()
    file.refuse_rows(rows.widths < 2, rows.lines, "a coupling and at least one site expected")
    n = num_spins if header is None else int(header["spins"])
    limit = room(len(file.data)) if n is None else n
    first = np.zeros(len(rows.values), bool)
    first[rows.starts] = True
    bad = ~first & (~rows.integral | (rows.values < 0) | (rows.values >= limit))
    number_of = np.repeat(np.arange(len(rows.widths)), rows.widths)
    file.refuse_rows(_any_of(bad, number_of, rows), rows.lines, f"sites must be whole numbers from 0 to {limit - 1}")
    sites, orders = rows.values[~first].astype(np.int64), rows.widths - 1
    if n is None:
        if not len(sites):
            raise ValueError(f"{path}: num_spins must be told for a file that lists nothing, got None")
        n = int(sites.max()) + 1
    _refuse_repeats(file, rows, sites, orders)
    got = (int((orders > 1).sum()), int((orders == 1).sum()))
    if header is not None and header["interactions"] is not None:
        promised = (int(header["interactions"]), int(header["fields"]))
        if promised != got:
            file.fail("{} interactions and {} fields promised".format(*promised), got="{} and {}".format(*got))
    J, of = rows.values[rows.starts], np.repeat(orders, orders)
    h = np.zeros(n)
    h[sites[of == 1]] = J[orders == 1]
    index = np.stack([sites[of > 1], np.repeat(np.arange(got[0]), orders[orders > 1])])
    offset = 0.0 if header is None else float(header["offset"])
    labels = None if header is None else labels_of(file, n)
    with naming(path):
        return SpinHypergraph.from_incidences(index, J[orders > 1], h, n, offset=offset, labels=labels)


def write(graph: SpinHypergraph, path: Path) -> None:
    """Write interactions with their header; everything but the places of the sites is kept.

    Args:
        graph: the Hamiltonian; its labels must be strings, finite numbers or tuples of them.
        path: the file, gzip if it ends in ``.gz``.
    """
    save_lines(path, _lines(graph), graph.num_spins)


def _lines(graph: SpinHypergraph) -> Iterator[str]:
    fields = int((graph.h != 0).sum())
    yield (
        f"# {_TITLE}, spins {graph.num_spins}, interactions {graph.num_interactions}, fields {fields}, "
        f"offset {number(graph.offset.double().item())}"
    )
    if graph.labels is not None:
        yield f"# {LABELS}{to_json(graph.labels)}"
    for sites, J in graph.listed():
        yield " ".join((number(J), *map(str, sites)))
    for site, h in enumerate(graph.h.double().tolist()):
        if h:
            yield f"{number(h)} {site}"


def _header(file: TextFile, num_spins: int | None) -> re.Match[str] | None:
    for line, comment in file.comments.items():
        if not comment.startswith(_TITLE):
            continue
        found = _HEADER.fullmatch(comment)
        if found is None or not np.isfinite(float(found["offset"])):
            file.fail(f"a header like '# {_TITLE}, spins 16, offset 0' expected", line)
        spins = file.check_spins(int(found["spins"]), line)
        if num_spins not in (None, spins):
            file.fail("num_spins must agree with the header", line, got=f"num_spins={num_spins}")
        return found
    return None


def _any_of(bad: np.ndarray, number_of: np.ndarray, rows: RaggedRows) -> np.ndarray:
    return np.bincount(number_of, bad, minlength=len(rows.lines)) > 0


def _refuse_repeats(file: TextFile, rows: RaggedRows, sites: np.ndarray, orders: np.ndarray) -> None:
    """Fail at the first row that holds a site twice, or else at the first that holds the sites of an earlier one."""
    twice, again = np.zeros(len(orders), bool), np.zeros(len(orders), bool)
    for _, which, where in by_order(torch.from_numpy(orders)):
        numbers, members = which.numpy(), np.sort(sites[where.numpy()], axis=1)
        twice[numbers] = (members[:, 1:] == members[:, :-1]).any(axis=1)
        order = np.lexsort(members.T[::-1])
        equal = (members[order[1:]] == members[order[:-1]]).all(axis=1)
        again[numbers[order[1:][equal]]] = True
    file.refuse_rows(twice, rows.lines, "every site must be listed once in an interaction")
    file.refuse_rows(again, rows.lines, "every interaction must be listed once")
