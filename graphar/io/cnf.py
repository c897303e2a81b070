"""DIMACS formulas: clauses, one of whose literals should be true, with weights or without.

    c a comment                                     c a comment
    p cnf 3 2        variables and clauses          p wcnf 3 2 10    …, and the weight from which on a clause is hard
    1 -3 0           x1 or not x3                   10 1 -3 0        hard
    2 3 -1 0                                        4 2 3 -1 0       worth 4

Newer files of weighted clauses have no line ``p``: ``h 1 -3 0`` is hard there and ``4 2 3 -1 0`` worth 4. A clause ends
with a 0, and may go over several lines. The lines ``%`` and ``0`` at the end of some files are no clause.

As a Hamiltonian, H(x) is the weight of the clauses that x leaves false, a true variable being x = +1:

    H(x) = Σ_C w_C Π_{literals} (1 ∓ x)/2,

where a hard clause counts 1.5 times all others together; see :mod:`graphar.hamiltonians.clauses`. Parities, lines
``x1 -2 3 0`` that some solvers know, are read by :class:`graphar.problems.XorSat` alone.

References: http://www.satcompetition.org/2009/format-benchmarks2009.html; MaxSAT Evaluation 2022,
https://maxsat-evaluations.github.io/2022/rules.html; Soos et al., SAT 2009 (parities).
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from graphar.hamiltonians.clauses import Clauses, clause_hypergraph
from graphar.hamiltonians.hypergraph import SpinHypergraph
from graphar.io.dimacs import lettered
from graphar.io.rows import RaggedRows
from graphar.io.text import TextFile

__all__ = ["read", "read_clauses", "read_parities"]

_TRAILER = re.compile(rb"(?m)^[ \t]*%")
_COUNT = re.compile(r"[0-9]{1,18}")


def read(path: Path) -> SpinHypergraph:
    """Read the weight of what is left false; the k-th spin is the k-th variable, ancillas of long clauses follow."""
    return clause_hypergraph(read_clauses(path)).graph


def read_clauses(path: Path) -> Clauses:
    """Read clauses with their weights."""
    file, letters = _opened(path)
    head, rows = _head_and_rows(file, letters)
    n, m, weighted, top = _counts(file, head, letters)
    marked = letters[rows.lines - 1]
    file.refuse_rows(
        marked == ord("x"), rows.lines, "clauses expected, not parities (graphar.problems.XorSat reads them)"
    )
    if not (weighted and head is None):
        file.refuse_rows(marked == ord("h"), rows.lines, "hard clauses by 'h' expected only where no line 'p' stands")
    ends, first_line, starts = _clauses(file, rows)
    number = len(ends)
    weights, hard = np.ones(number), np.zeros(number, bool)
    literal = np.ones(len(rows.values), bool)
    literal[ends] = False
    if weighted:
        hard = letters[first_line - 1] == ord("h")
        soft = starts[~hard]
        literal[soft] = False
        file.refuse_rows(ends[~hard] <= soft, first_line[~hard], "a weight and a clause that ends with 0 expected")
        weights[~hard] = rows.values[soft]
        file.refuse_rows(weights <= 0, first_line, "a positive weight expected")
        if top is not None:
            hard |= weights >= top
        weights[hard] = 1.0
    of_row = np.repeat(rows.lines, rows.widths)
    values = rows.values
    n = int(np.abs(values[literal]).max(initial=0)) if n is None else n
    limit = file.check_spins(max(n, 1))
    bad = literal & (~rows.integral | (values == 0) | (np.abs(values) > limit))
    if bad.any():
        file.fail(f"literals of the variables 1 to {limit}, and 0 at the end, expected", of_row[bad.argmax()])
    if m is not None and m != number:
        file.fail(f"{m} clauses promised", got=f"{number} before the end of the file")
    if not number:
        file.fail("at least one clause expected", got="none")
    found = values[literal].astype(np.int64)
    before = np.concatenate([[0], np.cumsum(literal)])
    lengths = before[ends] - before[starts]
    return Clauses(np.abs(found) - 1, np.sign(found), lengths, weights, hard, limit)


def read_parities(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Variables of the parities, one after the other, how many each has, whether it is odd; number of variables.

    Lines ``x1 -2 3 0``: an odd number of the literals is true.
    """
    file, letters = _opened(path)
    head, rows = _head_and_rows(file, letters)
    n, m, weighted, _ = _counts(file, head, letters)
    if weighted or n is None:
        file.fail("a line 'p cnf N M' and parities 'x1 -2 3 0' expected", 1)
    file.refuse_rows(letters[rows.lines - 1] != ord("x"), rows.lines, "a parity 'x1 -2 3 0' expected")
    ends, _, starts = _clauses(file, rows)
    literal = np.ones(len(rows.values), bool)
    literal[ends] = False
    bad = literal & (~rows.integral | (rows.values == 0) | (np.abs(rows.values) > n))
    if bad.any():
        line = np.repeat(rows.lines, rows.widths)[bad.argmax()]
        file.fail(f"literals of the variables 1 to {n}, and 0 at the end, expected", line)
    if m != len(ends):
        file.fail(f"{m} parities promised", got=f"{len(ends)} before the end of the file")
    found = rows.values[literal].astype(np.int64)
    lengths = ends - starts
    negated = np.bincount(np.repeat(np.arange(len(ends)), lengths), found < 0, minlength=len(ends))
    return np.abs(found) - 1, lengths, (1 + negated) % 2 == 1, n


def _opened(path: Path) -> tuple[TextFile, np.ndarray]:
    """The file without its trailer, and the letter that each line began with."""
    file, letters = lettered(path, b"phx")
    found = _TRAILER.search(file.data)
    if found is not None:
        file.data = file.data[: found.start()]
    return file, letters[: file.data.count(b"\n") + 1]


def _head_and_rows(file: TextFile, letters: np.ndarray) -> tuple[list[str] | None, RaggedRows]:
    text = file.peek()
    head = file.take("a line 'p'").split() if text is not None and text.startswith("p") else None
    again = np.flatnonzero(letters[file.line :] == ord("p"))
    if len(again):
        file.fail("one line 'p' expected, and before all clauses", file.line + int(again[0]) + 1)
    return head, file.take_ragged()


def _counts(
    file: TextFile, head: list[str] | None, letters: np.ndarray
) -> tuple[int | None, int | None, bool, float | None]:
    """Numbers of variables and of clauses where told, whether there are weights, and from which on they are hard."""
    if head is None:
        return None, None, True, None
    weighted = head[:2] == ["p", "wcnf"]
    line = int(np.flatnonzero(letters == ord("p"))[0]) + 1
    rule = "a line 'p cnf N M' or 'p wcnf N M TOP' expected"
    if head[:2] not in (["p", "cnf"], ["p", "wcnf"]) or len(head) not in ((4, 5) if weighted else (4,)):
        file.fail(rule, line)
    if not all(_COUNT.fullmatch(word) for word in head[2:]):
        file.fail(rule, line)
    n = file.check_spins(int(head[2]), line)
    return n, int(head[3]), weighted, float(head[4]) if len(head) == 5 else None


def _clauses(file: TextFile, rows: RaggedRows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where the 0 of each clause stands among all numbers, the line on which it begins, and where it begins."""
    values = rows.values
    ends = np.flatnonzero((values == 0) & rows.integral)
    of_row = np.repeat(rows.lines, rows.widths)
    if len(values) and (not len(ends) or ends[-1] != len(values) - 1):
        file.fail("a 0 expected at the end of the last clause", int(of_row[-1]))
    starts = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
    return ends, of_row[starts].astype(np.int64), starts.astype(np.int64)
