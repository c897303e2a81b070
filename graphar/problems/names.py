"""Names of what a problem is asked about, and the shapes that answers in these names have."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Hashable, Iterable, Mapping
from typing import Any

import numpy as np

from graphar.hamiltonians.labels import as_labels, is_plain, look_up, site_numbers

__all__ = ["Assignment", "Chosen", "Colours", "Form", "Names", "Sides"]

Labels = tuple[Hashable, ...]


class Names:
    """n things in order, by labels of any hashable kind, or as 0…n−1 where there are none.

    >>> Names(3, ("a", "b", "c")).sites(["c", "a"], "answer").tolist()
    [2, 0]
    """

    def __init__(self, count: int, labels: Iterable[Hashable] | None = None) -> None:
        sites = None if labels is None else as_labels(labels)
        self.count = count
        self._sites = None if sites is None or is_plain(sites) else sites
        self.labels: Labels | None = None if self._sites is None else tuple(self._sites)

    def sites(self, names: Iterable[Any], what: str) -> np.ndarray:
        """Numbers of things by their names, int64."""
        if self._sites is not None:
            return look_up(names, self._sites, what)
        listed = list(names)
        try:
            sites = site_numbers(listed, what)
        except ValueError:
            sites = None
        if sites is None or (sites >= self.count).any():
            wrong = next(name for name in listed if not self._is_number(name))
            raise ValueError(f"{what} must name sites 0…{self.count - 1}, as there are no labels, got {wrong!r}")
        return sites

    def _is_number(self, name: Any) -> bool:
        try:
            sites = site_numbers([name], "name")
        except ValueError:
            return False
        return sites is not None and bool(sites[0] < self.count)

    def of(self, sites: np.ndarray) -> list[Any]:
        """Names of things by their numbers."""
        if self.labels is None:
            return list(sites.tolist())
        labels = self.labels
        return [labels[site] for site in sites.tolist()]

    def all(self) -> Collection[Any]:
        """All names in order."""
        return range(self.count) if self.labels is None else self.labels


class Form(ABC):
    """How values of n things are told to the user, and read back; ``names`` are those of the things."""

    def __init__(self, names: Names) -> None:
        self.names = names

    @abstractmethod
    def make(self, values: np.ndarray) -> Any:
        """The answer that says these values."""

    @abstractmethod
    def read(self, answer: Any) -> np.ndarray:
        """Values that an answer says.

        Raises:
            ValueError: it names what is not there, or leaves out what must be told.
        """


class Chosen(Form):
    """The set of names that were chosen; values are bool."""

    def make(self, values: np.ndarray) -> set[Any]:
        return set(self.names.of(np.flatnonzero(values)))

    def read(self, answer: Any) -> np.ndarray:
        values = np.zeros(self.names.count, bool)
        values[self.names.sites(_collection(answer), "answer")] = True
        return values


class Sides(Form):
    """Two sets, the names of value True and the others."""

    def make(self, values: np.ndarray) -> tuple[set[Any], set[Any]]:
        return set(self.names.of(np.flatnonzero(values))), set(self.names.of(np.flatnonzero(~values)))

    def read(self, answer: Any) -> np.ndarray:
        if not isinstance(answer, (tuple, list)) or len(answer) != 2:
            raise ValueError(f"answer must be two sets, one of each side, got {_shown(answer)}")
        first, second = (self.names.sites(_collection(side), "answer") for side in answer)
        times = np.bincount(np.concatenate([first, second]), minlength=self.names.count)
        if (times != 1).any():
            at = int((times != 1).argmax())
            raise ValueError(
                f"answer must have every name on one of the two sides, got {self.names.of(np.array([at]))[0]!r} "
                f"{times[at]} times"
            )
        values = np.zeros(self.names.count, bool)
        values[first] = True
        return values


class Assignment(Form):
    """``{name: value}`` of two values, such as 0 and 1; values are bool, True for the second."""

    def __init__(self, names: Names, low: Any, high: Any) -> None:
        super().__init__(names)
        self.low, self.high = low, high

    def make(self, values: np.ndarray) -> dict[Any, Any]:
        told = [self.high if value else self.low for value in values.tolist()]
        return dict(zip(self.names.all(), told, strict=True))

    def read(self, answer: Any) -> np.ndarray:
        sites, told = _mapped(answer, self.names)
        for value in told:
            if value not in (self.low, self.high):
                raise ValueError(f"answer must have the values {self.low} and {self.high}, got {value!r}")
        values = np.zeros(self.names.count, bool)
        values[sites] = [value == self.high for value in told]
        return values


class Colours(Form):
    """``{name: colour}`` of colours 0…k−1, or None; values are int64, −1 for None."""

    def __init__(self, names: Names, num_colours: int) -> None:
        super().__init__(names)
        self.num_colours = num_colours

    def make(self, values: np.ndarray) -> dict[Any, int | None]:
        colours = [None if colour < 0 else colour for colour in values.tolist()]
        return dict(zip(self.names.all(), colours, strict=True))

    def read(self, answer: Any) -> np.ndarray:
        sites, told = _mapped(answer, self.names)
        for colour in told:
            whole = isinstance(colour, (int, np.integer)) and not isinstance(colour, bool)
            if colour is not None and not (whole and 0 <= colour < self.num_colours):
                raise ValueError(f"answer must have colours 0…{self.num_colours - 1}, or None, got {colour!r}")
        values = np.full(self.names.count, -1, np.int64)
        values[sites] = [-1 if colour is None else int(colour) for colour in told]
        return values


def _collection(answer: Any) -> Iterable[Any]:
    if isinstance(answer, (str, bytes, Mapping)) or not isinstance(answer, Iterable):
        raise ValueError(f"answer must be a set of names, got {_shown(answer)}")
    return answer


def _mapped(answer: Any, names: Names) -> tuple[np.ndarray, list[Any]]:
    if not isinstance(answer, Mapping):
        raise ValueError(f"answer must be a dictionary of the values of all names, got {_shown(answer)}")
    sites = names.sites(answer, "answer")
    if len(sites) != names.count:
        missing = np.setdiff1d(np.arange(names.count), sites)[:1]
        raise ValueError(f"answer must have a value for every name, got none for {names.of(missing)[0]!r}")
    return sites, list(answer.values())


def _shown(answer: Any) -> str:
    text = repr(answer)
    return text if len(text) < 80 else f"{type(answer).__name__} {text[:60]}…"
