"""Schedules of the inverse temperature."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from graphar._support.checks import check_beta, check_count

__all__ = ["as_schedule", "geometric", "linear"]


def linear(start: float, stop: float, num: int) -> tuple[float, ...]:
    """``num`` equally spaced values of β from ``start`` to ``stop``, both included.

    >>> linear(0.5, 1.5, 3)
    (0.5, 1.0, 1.5)
    """
    start, stop, num = check_beta(start), check_beta(stop), check_count(num, "num")
    return tuple(np.linspace(start, stop, num).tolist())


def geometric(start: float, stop: float, num: int) -> tuple[float, ...]:
    """``num`` values of β in constant ratio from ``start`` > 0 to ``stop`` > 0, both included.

    >>> [round(beta, 12) for beta in geometric(0.5, 2.0, 3)]
    [0.5, 1.0, 2.0]
    """
    start, stop, num = check_beta(start), check_beta(stop), check_count(num, "num")
    if start == 0 or stop == 0:
        raise ValueError(f"start and stop must be positive in a geometric schedule, got {start} and {stop}")
    return tuple(np.geomspace(start, stop, num).tolist())


def as_schedule(beta: Any) -> tuple[float, ...]:
    """One β or several, each finite and positive, as a tuple."""
    several = isinstance(beta, Iterable) and not isinstance(beta, (str, bytes)) and getattr(beta, "ndim", 1) > 0
    values = list(beta) if several else [beta]
    if not values:
        raise ValueError("beta must hold at least one value, got none")
    schedule = tuple(check_beta(value) for value in values)
    if min(schedule) == 0:
        raise ValueError("beta must be positive in training (at 0 every spin is free), got 0")
    return schedule
