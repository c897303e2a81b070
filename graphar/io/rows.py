"""Lines of numbers, as text files hold them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["RaggedRows", "Rows"]


@dataclass(frozen=True)
class Rows:
    """Lines of numbers: ``values`` (k, c), their ``widths`` (k,), line numbers ``lines`` (k,).

    ``integral`` (k, c) tells which values were written without point and exponent.
    """

    values: NDArray[np.float64]
    widths: NDArray[np.int64]
    lines: NDArray[np.int64]
    integral: NDArray[np.bool_]

    def __getitem__(self, chosen: NDArray[np.bool_]) -> Rows:
        return Rows(self.values[chosen], self.widths[chosen], self.lines[chosen], self.integral[chosen])


@dataclass(frozen=True)
class RaggedRows:
    """Lines of any numbers of numbers, k of them.

    Attributes:
        values: all numbers, one line after the other.
        integral: which were written without point and exponent.
        widths: numbers of each line, shape (k,).
        lines: line numbers, shape (k,).
    """

    values: NDArray[np.float64]
    integral: NDArray[np.bool_]
    widths: NDArray[np.int64]
    lines: NDArray[np.int64]

    @property
    def starts(self) -> NDArray[np.int64]:
        """Where each line starts in ``values``, shape (k,)."""
        return np.cumsum(self.widths) - self.widths
