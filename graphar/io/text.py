"""Reading text files that nobody vouches for: numbered lines, numbers parsed by numpy, a block at a time."""

from __future__ import annotations

import codecs
import re
import warnings
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from graphar.io._files import as_path, plainly, read_bytes, room
from graphar.io.rows import RaggedRows, Rows

__all__ = ["TextFile", "is_real", "open_text"]

_BLOCK = 2**22
_SHOWN = 60
_COUNT = re.compile(r"[0-9]{1,18}")
# one way to match any text, so that a word that is no number takes linear time: [0-9]+\.?[0-9]* would have many
_REAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_WORD = re.compile(r"[^ \t\r\f\v]+")
_QUOTED = re.compile(rb'(?<![^\s,;])"([0-9+\-.eE]+)"(?![^\s,;])')

_FOREIGN, _DIGIT, _POINT, _SPACE, _NEWLINE, _SEPARATOR = range(6)
_KIND = np.zeros(256, dtype=np.uint8)
_KIND[list(b"0123456789+-")] = _DIGIT
_KIND[list(b".eE")] = _POINT
_KIND[list(b" \t\r\f\v")] = _SPACE
_KIND[list(b"\n")] = _NEWLINE


def is_real(word: str) -> bool:
    """Whether a word is a finite number, written as all formats write one."""
    return bool(_REAL.fullmatch(word)) and bool(np.isfinite(float(word)))


def open_text(path: Any, comment: str = "#") -> TextFile:
    """A text file at a path that is checked; what the system says against it is said in plain words."""
    place = as_path(path)
    with plainly(place):
        return TextFile(place, comment)


class TextFile:
    """A text file, plain or gzip, read from top to bottom; every complaint names the file and the line.

    Blank lines are skipped; from a character of ``comment`` to the end of the line is a comment, kept in
    ``comments`` by line number. ``line`` is the number of the last line taken. Numbers of a row are separated by
    white space; where ``separator`` is set, by one of it each. Where ``quoted`` is set they may stand in quotes.
    """

    def __init__(self, path: Path, comment: str = "#") -> None:
        self.path, self.data = path, read_bytes(path).removeprefix(codecs.BOM_UTF8)
        self.line, self.comments = 0, dict[int, str]()
        self.separator: str | None = None
        self.quoted = False
        self._at = 0
        self._comment = re.compile(f"[{comment}]([^\n]*)")
        self._comment_bytes = re.compile(f"[{comment}][^\n]*".encode())

    def fail(self, rule: str, line: int | None = None, got: str | None = None) -> NoReturn:
        """Raise the error that ``rule`` is broken, by the last line taken or the one given."""
        line = max(1, self.line if line is None else int(line))
        if got is None:
            text = self.data.split(b"\n", line)[line - 1].decode("utf-8", "replace").strip()
            got = repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")
        raise ValueError(f"{self.path}, line {line}: {rule}, got {got}")

    def skip_comments(self) -> bool:
        """Move to the next line that says something; False at the end of the file."""
        while self._at < len(self.data):
            text, end = self._peek()
            found = self._comment.search(text)
            if (text[: found.start()] if found else text).strip():
                return True
            self._at, self.line = end, self.line + 1
            if found:
                self.comments[self.line] = found[1].strip()
        return False

    def peek(self) -> str | None:
        """The next line that says something, without its comment; None at the end of the file."""
        return self._comment.sub("", self._peek()[0]).strip() if self.skip_comments() else None

    def take(self, what: str) -> str:
        """Take the next line that says something; ``what`` it should be is said if the file ends before it."""
        text = self.peek()
        if text is None:
            self.fail(f"{what} expected", got="the end of the file")
        self._at, self.line = self._peek()[1], self.line + 1
        return text

    def take_lines(self) -> Iterator[str]:
        """Take all lines to the end that say something, without comments; they must be UTF-8."""
        try:
            lines = self.data[self._at :].decode("utf-8").split("\n")
        except UnicodeDecodeError as error:
            self.fail("UTF-8 text expected", self.line + 1 + self.data.count(b"\n", self._at, self._at + error.start))
        self._at = len(self.data)
        for line in lines:
            self.line += 1
            if text := self._comment.sub("", line).strip():
                yield text

    def take_counts(self, number: int, what: str) -> list[int]:
        """Take a line of ``number`` whole numbers ≥ 0."""
        words = self.take(what).split()
        if len(words) != number or not all(_COUNT.fullmatch(word) for word in words):
            self.fail(f"{what} expected")
        return [int(word) for word in words]

    def take_real(self, what: str) -> float:
        """Take a line of one finite number."""
        text = self.take(what)
        if not is_real(text):
            self.fail(f"{what}, a finite number, expected")
        return float(text)

    def take_rows(self, widths: Collection[int], count: int | None = None) -> Rows:
        """Take ``count`` lines of numbers, or all to the end; each holds one of ``widths`` finite numbers."""
        parts, wanted = [self._no_rows(max(widths))], count
        while self._at < len(self.data) and wanted != 0:
            parts.append(self._take_block(widths, wanted))
            wanted = None if wanted is None else wanted - len(parts[-1].lines)
        if count is not None and wanted:
            self.fail(f"{count} lines of numbers promised", got=f"{count - wanted} before the end of the file")
        fields = ("values", "widths", "lines", "integral")
        return Rows(*(np.concatenate([getattr(part, field) for part in parts]) for field in fields))

    def take_ragged(self) -> RaggedRows:
        """Take all lines to the end, of any numbers of finite numbers."""
        index = np.zeros(0, dtype=np.int64)
        parts = [RaggedRows(np.zeros(0), np.zeros(0, dtype=bool), index, index)]
        while self._at < len(self.data):
            parts.append(self._take_words(None))
        fields = ("values", "integral", "widths", "lines")
        return RaggedRows(*(np.concatenate([getattr(part, field) for part in parts]) for field in fields))

    def end(self) -> None:
        """Complain about anything that follows."""
        if self.peek() is not None:
            self.fail("end of the file expected", self.line + 1)

    # Meaning of rows.

    def sites(self, rows: Rows, column: int, base: int, num_spins: int | None = None) -> NDArray[np.int64]:
        """0-based sites in a column whose numbering starts at ``base``, below ``num_spins`` where it is told."""
        limit = (room(len(self.data)) if num_spins is None else num_spins) + base
        values = rows.values[:, column]
        bad = ~rows.integral[:, column] | (values < base) | (values >= limit)
        self.refuse(bad, rows, f"sites must be whole numbers from {base} to {limit - 1}")
        return values.astype(np.int64) - base

    def refuse(self, bad: NDArray[np.bool_], rows: Rows, rule: str) -> None:
        """Fail at the first bad row, if there is one."""
        self.refuse_rows(bad, rows.lines, rule)

    def refuse_rows(self, bad: NDArray[np.bool_], lines: NDArray[np.int64], rule: str) -> None:
        """The same for rows of these line numbers."""
        if bad.any():
            self.fail(rule, lines[np.argmax(bad)])

    def refuse_loops(self, i: NDArray[np.int64], j: NDArray[np.int64], rows: Rows) -> None:
        """Fail at the first row that couples a site to itself."""
        self.refuse(i == j, rows, "the two sites of a coupling must differ")

    def refuse_repeats(
        self, i: NDArray[np.int64], j: NDArray[np.int64], rows: Rows, rule: str, directed: bool = False
    ) -> None:
        """Fail at the first row whose pair stood in an earlier row, in either order unless ``directed``."""
        first, second = (i, j) if directed else (np.minimum(i, j), np.maximum(i, j))
        key = first * (int(second.max(initial=0)) + 1) + second
        order = np.argsort(key, kind="stable")
        again = np.zeros(len(key), dtype=bool)
        again[order[1:]] = key[order[1:]] == key[order[:-1]]
        self.refuse(again, rows, rule)

    def check_spins(self, num_spins: int, line: int | None = None) -> int:
        """The number of spins that a line claims, if the file is large enough for it."""
        limit = room(len(self.data))
        if not 1 <= num_spins <= limit:
            self.fail(f"from 1 to {limit} spins can be claimed by a file of this size", line)
        return num_spins

    # Machinery.

    def _peek(self) -> tuple[str, int]:
        end = self.data.find(b"\n", self._at)
        end = len(self.data) if end < 0 else end
        return self.data[self._at : end].decode("utf-8", "replace"), end + 1

    def _take_block(self, widths: Collection[int], limit: int | None) -> Rows:
        words = self._take_words(limit)
        odd = ~np.isin(words.widths, list(widths))
        if odd.any():
            self.fail(f"a line of {' or '.join(map(str, widths))} numbers expected", words.lines[np.argmax(odd)])
        rows = self._no_rows(max(widths), len(words.lines))
        for column in range(max(widths)):
            there = words.widths > column
            rows.values[there, column] = words.values[words.starts[there] + column]
            rows.integral[there, column] = words.integral[words.starts[there] + column]
        return Rows(rows.values, words.widths, words.lines, rows.integral)

    def _take_words(self, limit: int | None) -> RaggedRows:
        """Take the next few whole lines, at most ``limit`` that say something."""
        text = self._block()
        kind = _KIND[np.frombuffer(text, dtype=np.uint8)]
        if self.separator is not None:
            kind[np.frombuffer(text, dtype=np.uint8) == ord(self.separator)] = _SEPARATOR
            text = text.replace(self.separator.encode(), b" ")
        newline = np.flatnonzero(kind == _NEWLINE)
        begins = kind < _SPACE
        begins[1:] &= kind[:-1] >= _SPACE
        words = np.flatnonzero(begins)
        width = np.diff(np.searchsorted(words, newline), prepend=0)
        if self.separator is not None:
            self._check_separators(np.flatnonzero(kind == _SEPARATOR), words, newline, width)
        filled = np.flatnonzero(width)
        if limit is not None and len(filled) >= limit:
            filled = filled[:limit]
            stop = int(newline[filled[-1]]) + 1
            text, kind, words = text[:stop], kind[:stop], words[: np.searchsorted(words, stop)]
        width = width[filled]
        lines = self.line + 1 + filled
        values = self._parse(text, kind, len(words))
        real = np.zeros(len(words), dtype=bool)
        real[np.searchsorted(words, np.flatnonzero(kind == _POINT), side="right") - 1] = True
        self._at += len(text)
        self.line += int(np.searchsorted(newline, len(text)))
        return RaggedRows(values, ~real, width, lines)

    def _check_separators(
        self, at: NDArray[np.int64], words: NDArray[np.int64], newline: NDArray[np.int64], width: NDArray[np.int64]
    ) -> None:
        """Complain unless words and separators take turns on every line."""
        line = np.searchsorted(newline, at)
        number = np.bincount(line, minlength=len(newline))
        place = np.arange(len(at)) - (np.cumsum(number) - number)[line]  # of a separator on its line
        wrong = number != np.maximum(width - 1, 0)
        wrong[line[np.searchsorted(words, at) != (np.cumsum(width) - width)[line] + place + 1]] = True
        if wrong.any():
            rule = f"numbers separated by one {self.separator!r} each expected, none left out"
            self.fail(rule, self.line + 1 + int(np.argmax(wrong)))

    def _block(self) -> bytes:
        """The next few whole lines, comments and quotes around numbers blanked."""
        end = self._at + _BLOCK
        if end < len(self.data):
            end = self.data.find(b"\n", end) + 1 or len(self.data)
        text = self.data[self._at : end]
        text = self._comment_bytes.sub(lambda comment: b" " * len(comment[0]), text)
        if self.quoted:
            text = _QUOTED.sub(rb" \1 ", text)
        return text if text.endswith(b"\n") else text + b"\n"

    def _parse(self, text: bytes, kind: NDArray[np.uint8], words: int) -> NDArray[np.float64]:
        if not words:
            return np.empty(0)
        if not (kind == _FOREIGN).any():
            # fromstring takes one number a word and stops inside the first word that is more than a number, with
            # an error from numpy 2.3 on and a warning before: the word added at the end says whether it was reached
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    values = np.fromstring(text.decode("ascii") + "0", sep=" ")
                except ValueError:
                    values = np.empty(0)
            if len(values) == words + 1 and np.isfinite(values).all():
                return values[:-1]
        for number, line in enumerate(text.split(b"\n"), self.line + 1):
            for word in _WORD.findall(line.decode("utf-8", "replace")):
                if not is_real(word):
                    self.fail(f"finite numbers expected, {word[:_SHOWN]!r} is none", number)
        self.fail("finite numbers expected", self.line + 1)

    @staticmethod
    def _no_rows(columns: int, rows: int = 0) -> Rows:
        index = np.zeros(rows, dtype=np.int64)
        return Rows(np.zeros((rows, columns)), index, index, np.ones((rows, columns), dtype=bool))
