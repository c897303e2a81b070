"""Answers in text files: numbers of all names in order, names alone, names with values, or what SAT solvers print."""

from __future__ import annotations

import os
import re
from typing import Any

import numpy as np

from graphar.io.site_names import shown
from graphar.io.text import TextFile, open_text
from graphar.problems.names import Assignment, Chosen, Colours, Form

__all__ = ["FORMS", "read_values"]

FORMS = ("spins", "bits", "names")

_SIGNS = re.compile(r"[+-]+")
_BITS = re.compile(r"[01]+")
_SOLVER = re.compile(r"[vosc]( .*)?")
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")

Row = tuple[int, str]


def read_values(path: str | os.PathLike[str], form: Form, kind: str, told: str | None) -> np.ndarray:
    """Values of all names, as the form reads them.

    Args:
        path: the file.
        form: how answers are told.
        kind: ``"two"`` values or ``"colours"``, what one number for each name is.
        told: one of :data:`FORMS`, or None where the file shows it.
    """
    if told is not None and told not in FORMS:
        raise ValueError(f"form must be one of {', '.join(FORMS)}, or None, got {told!r}")
    file = open_text(path)
    rows: list[Row] = [(file.line, row) for row in file.take_lines()]
    if not rows and not isinstance(form, Chosen):
        file.fail("an answer expected", got="the end of the file")
    if rows and told is None and isinstance(form, Assignment) and any(row.startswith("v ") for _, row in rows):
        return _from_solver(file, rows, form)
    count = form.names.count
    words = [word for _, row in rows for word in row.replace(",", " ").split()]
    if told != "names":
        if len(words) == 1 and len(words[0]) == count > 1:
            only = words[0]
            if _SIGNS.fullmatch(only) or _BITS.fullmatch(only):
                words = [{"+": "1", "-": "-1"}.get(letter, letter) for letter in only]
        if len(words) == count:
            values = _from_numbers(words, kind, told, form)
            if values is not None:
                return values
        if told is not None:
            low = "-1" if told == "spins" else "0"
            file.fail(f"{count} numbers expected, each 1 or {low}", 1, got=f"{len(words)} words")
    return _from_names(file, rows, form)


def _from_numbers(words: list[str], kind: str, told: str | None, form: Form) -> np.ndarray | None:
    """Values of all names from one number each; None where these are none."""
    if kind == "colours":
        assert isinstance(form, Colours)
        if told == "spins" or not all(_WHOLE.fullmatch(word) for word in words):
            return None
        colours = np.array(words, dtype=np.int64)
        return colours if ((colours >= 0) & (colours < form.num_colours)).all() else None
    found = set(words) - {"1", "+1"}
    lows = {"spins": ({"-1"},), "bits": ({"0"},), None: ({"-1"}, {"0"})}[told]
    if not any(found <= low for low in lows):
        return None
    names = {str(name) for name in form.names.all()} if told is None and len(words) <= 2 else set()
    if names and set(words) <= names and len(set(words)) == len(words) and not isinstance(form, (Assignment, Colours)):
        raise ValueError(
            f"form must be told where an answer such as {' '.join(words)} may be names or numbers, "
            f"one of {', '.join(FORMS)}, got None"
        )
    return np.array([word in ("1", "+1") for word in words])


def _from_names(file: TextFile, rows: list[Row], form: Form) -> np.ndarray:
    sites: dict[str, int] = {}
    for site, name in enumerate(form.names.all()):
        if sites.setdefault(str(name), site) != site:
            raise ValueError(f"{file.path}: names must differ as text to be read from a file, got {name!r} twice")
    pairs = isinstance(form, (Assignment, Colours))
    values: Any = np.zeros(form.names.count, bool) if not isinstance(form, Colours) else np.full(form.names.count, -1)
    met = np.zeros(form.names.count, bool)
    for line, row in rows:
        name, value = _name_and_value(file, row, line) if pairs else (row, "")
        at = sites.get(name)
        if at is None:
            some = ", ".join(list(sites)[:3])
            file.fail(
                f"{form.names.count} numbers, or names of what the answer is about ({some}, …), expected: "
                f"{shown(name)} is none",
                line,
            )
        if met[at]:
            file.fail("every name must be listed once", line)
        met[at] = True
        if isinstance(form, Colours):
            if not _WHOLE.fullmatch(value) or not 0 <= int(value) < form.num_colours:
                file.fail(f"a colour from 0 to {form.num_colours - 1} expected behind the name", line)
            values[at] = int(value)
        elif isinstance(form, Assignment):
            told = {str(form.low): False, str(form.high): True, "0": False, "-1": False, "1": True, "+1": True}
            if value not in told:
                file.fail(f"{form.low} or {form.high} expected behind the name", line)
            values[at] = told[value]
        else:
            values[at] = True
    if pairs and not met.all():
        missing = form.names.of(np.flatnonzero(~met)[:1])[0]
        file.fail(f"a value for every name expected, {missing!r} has none", got="the end of the file")
    return np.asarray(values)


def _name_and_value(file: TextFile, row: str, line: int) -> tuple[str, str]:
    parts = re.split(r"[\s,;=:]+", row.strip())
    if len(parts) < 2:
        file.fail("a name and its value expected", line)
    value = parts[-1]
    return row[: row.rindex(value)].rstrip(" \t,;=:"), value


def _from_solver(file: TextFile, rows: list[Row], form: Form) -> np.ndarray:
    """Lines ``v 1 -2 3 0`` of literals, or ``v 0110`` of bits, between others that begin with c, o or s."""
    values, met = np.zeros(form.names.count, bool), np.zeros(form.names.count, bool)
    words: list[tuple[int, str]] = []
    for line, row in rows:
        if not _SOLVER.fullmatch(row):
            file.fail("lines of a solver expected, which begin with v, o, s or c", line)
        if row[0] == "v":
            words += [(line, word) for word in row[1:].split()]
    if len(words) == 1 and len(words[0][1]) == form.names.count > 1 and _BITS.fullmatch(words[0][1]):
        return np.array([letter == "1" for letter in words[0][1]])
    for line, word in words:
        variable = abs(int(word)) if _WHOLE.fullmatch(word) else -1
        if variable == 0:
            continue
        if not 1 <= variable <= form.names.count:
            file.fail(f"literals of the variables 1 to {form.names.count} expected, {shown(word)} is none", line)
        values[variable - 1], met[variable - 1] = int(word) > 0, True
    if not met.all():
        file.fail(f"a literal of every variable expected, {int((~met).argmax()) + 1} has none", got="no such literal")
    return values
