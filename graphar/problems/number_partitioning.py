"""Number partitioning: numbers in two heaps whose sums differ by as little as possible."""

from __future__ import annotations

import math
import os
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, Self

import numpy as np
import torch

from graphar._support.checks import check_number
from graphar.hamiltonians import IsingGraph
from graphar.hamiltonians.labels import as_mapping
from graphar.instances.couplings import check_memory
from graphar.io.text import open_text
from graphar.problems.base import Problem
from graphar.problems.names import Names, Sides

__all__ = ["NumberPartitioning"]


class NumberPartitioning(Problem[tuple[set[Any], set[Any]]]):
    r"""Two heaps of numbers with sums as equal as possible.

    .. math:: \min_x \Big| \sum_i a_i x_i \Big|, \qquad H(x) = \Big( \sum_i a_i x_i \Big)^2, \quad J_{ij} = -2 a_i a_j

    The energy is the square of the objective. Every partition is feasible. Answers are two sets of names, those of
    x = +1 first. Objectives are exact for whole numbers of any size; energies are float64, so differences of numbers
    above 2²⁶ are rounded in them. The graph is complete. Reference: S. Mertens, `Phys. Rev. Lett. 81, 4281 (1998)
    <https://doi.org/10.1103/PhysRevLett.81.4281>`_.

    Args:
        numbers: a, a list of them or ``{name: a}``; whole numbers or floats.
        labels: names of the numbers, where these are a list; positions 0…N−1 by default.

    Raises:
        ValueError: no numbers, numbers that are not finite or whose squares are not, more than fit in memory.

    >>> problem = NumberPartitioning({"a": 8, "b": 7, "c": 6, "d": 5, "e": 4})
    >>> problem.objective(({"a", "b"}, {"c", "d", "e"}))
    0.0
    """

    sense = "min"
    graph: IsingGraph

    def __init__(self, numbers: Any, *, labels: Iterable[Hashable] | None = None) -> None:
        given = as_mapping(numbers)
        if isinstance(given, Mapping):
            if labels is not None:
                raise ValueError("labels must be left out where numbers are a dictionary, which names them, got both")
            labels, given = list(given), list(given.values())
        elif isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
            raise ValueError(f"numbers must be a list or a dictionary of numbers, got {type(numbers).__name__}")
        self._numbers = [_number(each, at) for at, each in enumerate(given)]
        n = len(self._numbers)
        if not n:
            raise ValueError("numbers must hold at least one, got none")
        self._form = Sides(Names(n, labels))
        if len(self._form.names.all()) != n:
            raise ValueError(f"labels must be {n}, one per number, got {len(self._form.names.all())}")
        a = np.array(self._numbers, dtype=np.float64)
        with np.errstate(over="ignore"):
            worst = np.abs(a).sum() ** 2
        if not np.isfinite(worst):
            raise ValueError("numbers must have a sum whose square is finite, got larger ones")
        check_memory(n, n * (n - 1) / 2)
        first, second = np.triu_indices(n, 1)
        self.graph = IsingGraph.from_edges(
            torch.from_numpy(np.stack([first, second])),
            torch.from_numpy(0.0 - 2 * a[first] * a[second]),
            num_nodes=n,
            labels=self._form.names.labels,
            offset=math.fsum(a * a),
        )

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Self:
        """Numbers from a text file, plain or gzip, apart by white space or commas; ``#`` begins a comment."""
        file = open_text(path)
        numbers: list[int | float] = []
        for row in file.take_lines():
            for word in row.replace(",", " ").split():
                try:
                    whole = word.lstrip("+-").isdecimal() and len(word) < 4000
                    numbers.append(_number(int(word) if whole else float(word), len(numbers)))
                except ValueError:
                    file.fail("finite numbers expected", file.line)
        if not numbers:
            file.fail("numbers expected", got="the end of the file")
        return cls(numbers)

    def energy_of(self, objective: Any) -> float:
        difference = check_number(objective, "objective")
        if difference < 0:
            raise ValueError(f"objective must be a difference of sums, not negative, got {difference:g}")
        return difference**2

    def objective_of(self, energy: Any) -> float:
        return math.sqrt(max(0.0, check_number(energy, "energy")))

    def _objective(self, values: np.ndarray) -> float:
        signed = (number if up else -number for number, up in zip(self._numbers, values.tolist(), strict=True))
        if all(isinstance(number, int) for number in self._numbers):
            return float(abs(sum(signed)))
        return abs(math.fsum(signed))

    def _affine(self) -> tuple[float, float]:
        raise AssertionError("the energy is the square of the objective")

    def _size(self) -> str:
        return f"{len(self._numbers)} numbers"


def _number(value: Any, at: int) -> int | float:
    if isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.bool_)):
        try:
            float(int(value))
        except OverflowError as error:
            raise ValueError(f"numbers must be below 1e308, got a larger one at position {at}") from error
        return int(value)
    return check_number(value, f"numbers[{at}]")
