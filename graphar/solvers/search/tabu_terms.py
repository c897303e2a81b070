"""A Hamiltonian as tabu search reads it: neighbours, and interactions of three spins and more, all over one unit."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from graphar.exact.scale import scale
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.montecarlo.plan import terms_of

__all__ = ["TabuTerms", "plan_tabu"]

_SMALL = 2.0**28  # of Σ|J| + Σ|h| at a site, in units: the changes of gains are then within int32
_LARGE = 58  # bits of Σ|J| + Σ|h|, where there is no unit


class TabuTerms(NamedTuple):
    """Numbers of a Hamiltonian over ``unit``, rounded to integers: sums of them never drift.

    They are int32 where that is exact, else int64, which rounds by 2^-58 of Σ|J| + Σ|h|.

    Attributes:
        ptr: where the neighbours of each site start, (N + 1,).
        neighbour: int32, (2E,).
        pair: J of each.
        field: h, (N,).
        incident_ptr: where the interactions of three sites and more of each site start, (N + 1,).
        incident: their numbers.
        weight: J of each such interaction, (I,).
        member_ptr: where the sites of each start, (I + 1,).
        member: these, int32.
        none: above all gains.
        unit: what energies are multiplied by.
    """

    ptr: np.ndarray
    neighbour: np.ndarray
    pair: np.ndarray
    field: np.ndarray
    incident_ptr: np.ndarray
    incident: np.ndarray
    weight: np.ndarray
    member_ptr: np.ndarray
    member: np.ndarray
    none: np.integer[Any]
    unit: float


def plan_tabu(graph: IsingGraph | SpinHypergraph) -> TabuTerms:
    """Terms of one graph or hypergraph; pairs of the latter are neighbours as in a graph."""
    n = graph.num_spins
    h, ends, pair, site, orders, J = terms_of(graph)
    source, target = np.concatenate([ends, ends[::-1]], axis=1)
    order = np.argsort(source, kind="stable")
    which = np.repeat(np.arange(len(orders)), orders)
    by_site = np.argsort(site, kind="stable")
    total = scale(graph)
    unit, kind = _unit(np.concatenate([pair, J, h]), total)
    number = lambda part: np.rint(part / unit).astype(kind)  # noqa: E731
    return TabuTerms(
        _pointers(np.bincount(source, minlength=n)),
        target[order].astype(np.int32),
        number(np.tile(pair, 2)[order]),
        number(h),
        _pointers(np.bincount(site, minlength=n)),
        which[by_site],
        number(J),
        _pointers(orders),
        site.astype(np.int32),
        kind(np.iinfo(kind).max >> 1),
        unit,
    )


def _unit(numbers: np.ndarray, total: float) -> tuple[float, Any]:
    """A power of two to divide by, and the type that holds the quotients and their sums."""
    numbers = numbers[numbers != 0]
    if not numbers.size:
        return 1.0, np.int32
    fractions, exponents = np.frexp(numbers)
    digits = np.abs(np.ldexp(fractions, 53)).astype(np.int64)
    last = int((exponents - 53 + np.frexp((digits & -digits).astype(float))[1] - 1).min())  # bit of the last digit
    if np.log2(total) - last < np.log2(_SMALL):
        return math.ldexp(1.0, last), np.int32
    return math.ldexp(1.0, math.frexp(total)[1] - _LARGE), np.int64


def _pointers(counts: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
