"""Schedules of the inverse temperature and of a transverse field."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from graphar._support.checks import check_count, check_flag, check_least_zero

__all__ = ["as_course", "as_schedule", "geometric", "linear"]


def linear(start: float, stop: float, num: int) -> tuple[float, ...]:
    """``num`` equally spaced values of β, or of a transverse field, from ``start`` to ``stop``, both included.

    >>> linear(0.5, 1.5, 3)
    (0.5, 1.0, 1.5)
    """
    start, stop, num = _ends(start, stop, num)
    return tuple(np.linspace(start, stop, num).tolist())


def geometric(start: float, stop: float, num: int) -> tuple[float, ...]:
    """``num`` values of β, or of a field, in constant ratio from ``start`` > 0 to ``stop`` > 0, both included.

    >>> [round(beta, 12) for beta in geometric(0.5, 2.0, 3)]
    [0.5, 1.0, 2.0]
    """
    start, stop, num = _ends(start, stop, num)
    if start == 0 or stop == 0:
        raise ValueError(f"start and stop must be positive in a geometric schedule, got {start} and {stop}")
    return tuple(np.geomspace(start, stop, num).tolist())


def as_schedule(beta: Any) -> tuple[float, ...]:
    """One β or several, each finite and positive, as a tuple."""
    schedule = _several(beta, "beta")
    if min(schedule) == 0:
        raise ValueError("beta must be positive in training (at 0 every spin is free), got 0")
    return schedule


def as_course(
    beta: Any, transverse_field: Any, entropy: bool | None
) -> tuple[tuple[float, ...], tuple[float, ...] | None, bool]:
    """β and Γ at every point of a schedule, and whether the entropy counts there, from what :func:`anneal` is told.

    One value of either goes with all of the other. Without β there is no temperature: heads work at β = 1.

    Raises:
        ValueError: neither is told, both are and differ in length, or a value breaks its rule.
    """
    counts = beta is not None if entropy is None else check_flag(entropy, "entropy")
    if beta is None and (counts or (transverse_field is None and entropy is None)):
        raise ValueError("beta must be given where there is no transverse_field, or where the entropy counts, got None")
    betas = as_schedule(1.0 if beta is None else beta)
    if transverse_field is None:
        return betas, None, counts
    fields = _several(transverse_field, "transverse_field")
    length = max(len(betas), len(fields))
    if min(len(betas), len(fields)) > 1 and len(betas) != len(fields):
        raise ValueError(
            f"transverse_field must have one value, or one for each of {len(betas)} of beta, got {len(fields)}"
        )
    return _stretched(betas, length), _stretched(fields, length), counts


def _ends(start: float, stop: float, num: int) -> tuple[float, float, int]:
    return check_least_zero(start, "start"), check_least_zero(stop, "stop"), check_count(num, "num")


def _several(values: Any, name: str) -> tuple[float, ...]:
    """One number or several, each finite and not negative."""
    several = isinstance(values, Iterable) and not isinstance(values, (str, bytes)) and getattr(values, "ndim", 1) > 0
    found = list(values) if several else [values]
    if not found:
        raise ValueError(f"{name} must hold at least one value, got none")
    return tuple(check_least_zero(value, name) for value in found)


def _stretched(values: tuple[float, ...], length: int) -> tuple[float, ...]:
    return values * length if len(values) == 1 else values
