"""Names of sites as text: one JSON list, tuples in it as lists; what JSON cannot hold is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Sequence
from typing import Any, NoReturn

import numpy as np

from graphar._support.files import naming
from graphar.io.text import TextFile

__all__ = ["LABELS", "from_json", "is_word", "labels_of", "shown", "stands_alone", "to_json"]

LABELS = "labels "
"""What the comment that names the sites begins with."""

_SHOWN = 60
_DELIMITER = re.compile(r"[\s,;\"#]")


def shown(value: Any) -> str:
    """A value as a message shows it: not all of it, where there is no end of it."""
    text = value if isinstance(value, str) else repr(value)
    text = text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
    return repr(text) if isinstance(value, str) else text


def is_word(text: str) -> bool:
    """Whether a text names a site: printable, a letter or a digit in it, and no number, not even nan."""
    if not text.isprintable() or not any(letter.isalnum() for letter in text):
        return False
    try:
        float(text)
    except ValueError:
        return True
    return False


def stands_alone(label: Hashable) -> bool:
    """Whether a label may stand in a row of any edge list, as a word without space, separator, quote or comment."""
    return isinstance(label, str) and is_word(label) and not _DELIMITER.search(label)


def to_json(labels: Sequence[Hashable]) -> str:
    """The labels as one line of JSON that :func:`from_json` reads back as equal labels.

    >>> to_json(["a", (0, 1), 2.5])
    '["a", [0, 1], 2.5]'
    """
    try:
        plain = [_plain(label, site) for site, label in enumerate(labels)]
        text = json.dumps(plain, allow_nan=False, ensure_ascii=False)
        return text if text.isprintable() else json.dumps(plain, allow_nan=False)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            "labels must be strings, finite numbers or tuples of them to be written to a file "
            f"(graph.labels = [str(label) for label in graph.labels] makes them so), got {error}"
        ) from error


def from_json(text: str | bytes) -> tuple[Hashable, ...]:
    """The labels that :func:`to_json` wrote.

    Raises:
        ValueError: it is another text.
    """
    try:
        labels = json.loads(text, parse_constant=_refuse, object_pairs_hook=_refuse)
        if not isinstance(labels, list):
            raise ValueError("no list")
        return tuple(_tuples(label) for label in labels)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"labels must be a JSON list of strings, numbers and lists of them, got {shown(text)}"
        ) from error


def labels_of(file: TextFile, num_spins: int) -> tuple[Hashable, ...] | None:
    """Labels in the comments read so far; None where none names the sites."""
    for line, comment in file.comments.items():
        if comment.startswith(LABELS):
            with naming(f"{file.path}, line {line}"):
                labels = from_json(comment.removeprefix(LABELS))
            if len(set(labels)) != num_spins or len(labels) != num_spins:
                file.fail(f"{num_spins} labels expected, all different", line)
            return labels
    return None


def _plain(label: Any, site: int) -> Any:
    if isinstance(label, np.generic):
        label = label.item()
    if isinstance(label, tuple):
        return [_plain(part, site) for part in label]
    if isinstance(label, str | int | float):
        return label
    raise ValueError(f"{type(label).__name__} {shown(label)} at site {site}")


def _tuples(value: Any) -> Hashable:
    return tuple(_tuples(part) for part in value) if isinstance(value, list) else value


def _refuse(value: Any) -> NoReturn:
    raise ValueError(f"{shown(value)} is no name")
