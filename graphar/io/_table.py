"""Rows of an edge list as people keep them: how cells are separated, a row of names on top, sites that are words.

The first rows tell, in this order:

- cells are separated by ``;`` where the first row has one, else by ``,``, else by white space. Words may hold spaces
  where ``;``, ``,`` or tabs separate them, and any cell may stand in double quotes;
- the first row is a header if none of its cells is a number and what follows does not take it for two sites. Above
  pairs of words, a header of two names is known by its names alone, such as ``source target``;
- sites are words where the first cell below the header is one, and numbers elsewhere. Then all must be.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np

from graphar.io.rows import Rows
from graphar.io.site_names import is_word, shown
from graphar.io.text import TextFile, is_real

__all__ = ["Table", "read_table"]

# names of columns, in small letters
_ENDS = {"i", "j", "u", "v", "from", "to", "source", "target", "node1", "node2", "site1", "site2", "spin1", "spin2"}
_FIELDS = {"h", "h_i", "field", "fields", "bias"}
_WEIGHTS = {"j_ij", "jij", "w", "weight", "weights", "value", "coupling", "couplings"}
_QUOTED = re.compile(r'"[^"]*"')


@dataclass(frozen=True)
class Table:
    """Rows of two or three numbers, the names above them, and the words that the numbers of sites stand for, if any.

    ``pairs`` says that a row of two couples two sites; elsewhere it is a site and its field.
    """

    rows: Rows
    header: tuple[str, ...]
    labels: tuple[Hashable, ...] | None
    pairs: bool


def read_table(file: TextFile, labels: tuple[Hashable, ...] | None, ours: bool) -> Table:
    """Take all rows to the end of the file.

    Args:
        file: at its first row.
        labels: what the sites are called, where the file says it.
        ours: whether we wrote the file: nothing is a row of names there, and a row of two holds a field.
    """
    first = file.peek()
    if first is None:
        return Table(file.take_rows((2, 3)), (), None, False)
    separator = _separator(first)
    header: tuple[str, ...] = ()
    top = _cells(file, first, separator, file.line + 1)
    if not ours and len(top) in (2, 3) and all(map(is_word, top)):
        header = tuple(top)
        file.take("a row of names")
        if (below := file.peek()) is not None:
            top = _cells(file, below, separator, file.line + 1)
    named_at = file.line
    if is_word(top[0]):
        table = _take_words(file, separator, header, labels, ours)
    else:
        table = _take_numbers(file, separator, header, ours)
    _check_header(file, table.header, named_at)
    return table


def _separator(row: str) -> str | None:
    """What separates the cells, None for white space."""
    bare = _QUOTED.sub("", row)
    return next((separator for separator in ";,\t" if separator in bare), None)


def _cells(file: TextFile, row: str, separator: str | None, line: int) -> list[str]:
    if '"' in row:
        row = row if separator else row.replace("\t", " ")
        try:
            cells = next(csv.reader([row], delimiter=separator or " ", skipinitialspace=True, strict=True))
        except csv.Error as error:
            file.fail(f"cells that are whole or in quotes expected ({error})", line)
    else:
        cells = row.split(separator)
    cells = [cell.strip() for cell in cells]
    if not all(cells):
        file.fail("no cell may be empty", line)
    return cells


def _take_numbers(file: TextFile, separator: str | None, header: tuple[str, ...], ours: bool) -> Table:
    file.separator, file.quoted = (None if separator == "\t" else separator), True
    rows = file.take_rows((2, 3))
    if len(header) == 2:
        file.refuse(rows.widths != 2, rows, "a row of 2 numbers expected, as many as names above")
    second = rows.values[:, 1]
    pairs = not ours and not (rows.widths == 3).any() and bool((rows.integral[:, 1] & (second >= 0)).all())
    return Table(rows, header, None, pairs and not _is_of_fields(header))


def _take_words(
    file: TextFile,
    separator: str | None,
    header: tuple[str, ...],
    labels: tuple[Hashable, ...] | None,
    ours: bool,
) -> Table:
    above = file.line
    listed = [(file.line, _cells(file, row, separator, file.line)) for row in file.take_lines()]
    if not listed:  # one row, which names no columns of others
        listed, header = [(above, list(header))], ()
    pairs = not ours and all(len(cells) == 2 for _, cells in listed)
    pairs = pairs and not all(is_real(cells[1]) for _, cells in listed)
    if pairs and header:
        met = {word for _, cells in listed for word in cells}
        if len(header) == 2 and (not _ENDS.issuperset(map(str.casefold, header)) or met & set(header)):
            listed, header = [(above, list(header)), *listed], ()
    sites: dict[Hashable, int] = {} if labels is None else {label: site for site, label in enumerate(labels)}
    values = np.zeros((len(listed), 3))
    for row, (line, cells) in zip(values, listed, strict=True):
        if len(cells) not in ((2,) if len(header) == 2 else (2, 3)):
            file.fail(f"a row of {'2' if len(header) == 2 else '2 or 3'} cells expected", line)
        ends = 2 if pairs else len(cells) - 1
        for column, word in enumerate(cells[:ends]):
            if not is_word(word):
                rule = "sites must be words in all rows or whole numbers in all, words in an edge list that begins so"
                file.fail(f"{rule}: {shown(word)} is none", line)
            if labels is not None and word not in sites:
                file.fail(f"sites must be among the labels, {shown(word)} is not", line)
            row[column] = sites.setdefault(word, len(sites))
        if not pairs:
            if not is_real(cells[-1]):
                file.fail(f"a finite number expected at the end of the row, {shown(cells[-1])} is none", line)
            row[ends] = float(cells[-1])
    if sites.keys() & set(header):
        file.fail("the first row must be names of columns, none of them a site below, or a coupling", above)
    widths = np.array([len(cells) for _, cells in listed], dtype=np.int64)
    lines = np.array([line for line, _ in listed], dtype=np.int64)
    return Table(Rows(values, widths, lines, np.ones((len(listed), 3), dtype=bool)), header, tuple(sites), pairs)


def _is_of_fields(header: tuple[str, ...]) -> bool:
    return len(header) == 2 and header[1].casefold() in _FIELDS


def _check_header(file: TextFile, header: tuple[str, ...], line: int) -> None:
    """Complain about columns in another order, as far as their names tell."""
    names = [name.casefold() for name in header]
    if header[:1] == ("J",) or (_WEIGHTS & set(names[:-1]) and names[-1] not in _WEIGHTS):
        file.fail("columns in the order i, j, J expected", line)
