"""Sums that err on the safe side."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

__all__ = ["UNIT", "gamma", "sum_down"]

UNIT = 2.0**-53  # relative error of one rounding


def gamma(count: int) -> float:
    """Relative error of a sum of products that are rounded ``count`` times at most, itself rounded up."""
    return count * UNIT / (1 - count * UNIT) * (1 + 4 * UNIT)


def sum_down(*parts: Iterable[float]) -> float:
    """The largest number that is not above the exact sum; the sum itself where it is one."""
    terms = [float(term) for part in parts for term in part]
    total = math.fsum(terms)
    return total if math.fsum([*terms, -total]) >= 0 else float(np.nextafter(total, -np.inf))
