"""Ground states of planar graphs: frustrated faces matched in pairs by the cheapest cuts.

A face is frustrated if an odd number of its edges has J < 0; some edge around it then stays unsatisfied. The edges
that a configuration leaves unsatisfied are paths between frustrated faces, and their |J| are to have the least sum:
a minimum-weight perfect matching of the frustrated faces on the dual graph (Bieche, Maynard, Rammal and Uhry 1980,
https://doi.org/10.1088/0305-4470/13/8/005).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graphar.exact.planar.faces import PlanarMap, connected

__all__ = ["lowest_bonds", "lowest_spins", "spins_of_bonds"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_LEVELS = 2**24 - 1  # largest weight that pymatching takes; it reads integers exactly


def lowest_spins(drawn: PlanarMap, couplings: Floats, num_spins: int) -> tuple[Ints, float]:
    """Spins ±1 of lowest energy, shape (N,), and how far their energy may be from the lowest.

    Raises:
        ImportError: no ``pymatching``.
    """
    opposite, gap = lowest_bonds(drawn, couplings)
    return spins_of_bonds(drawn.ends, opposite, num_spins), gap


def lowest_bonds(drawn: PlanarMap, couplings: Floats) -> tuple[NDArray[np.bool_], float]:
    """Which bonds x_i x_j are −1 where the frustration around every face is met at least cost, and the gap.

    Raises:
        ImportError: no ``pymatching``.
    """
    sizes = np.abs(couplings)
    power = 2.0**600 if sizes.max(initial=0) < 1e-150 else 1.0  # so that the unit has all its digits
    sizes *= power
    weights, unit = _as_integers(sizes)
    unsatisfied = _match(drawn, couplings < 0, weights)
    # Weights are rounded down, so their least sum times the unit bounds that of |J| from below.
    return (couplings < 0) ^ unsatisfied, 2 * float((sizes - weights * unit)[unsatisfied].sum()) / power


def _as_integers(weights: Floats) -> tuple[Ints, float]:
    """Integers n ≤ 2²⁴ − 1 and a unit u with n u = weight where there is such a unit, else n u ≤ weight < (n + 1) u."""
    if not weights.any():
        return np.zeros(len(weights), np.int64), 1.0
    for unit in (1.0, float(weights[weights > 0].min())):
        with np.errstate(over="ignore"):
            ratio = np.round(weights / unit)
        if ratio.max() <= _LEVELS and bool((ratio * unit == weights).all()):
            return ratio.astype(np.int64), unit
    unit = float(weights.max()) / _LEVELS
    integers = np.floor(weights / unit).astype(np.int64)
    return integers - (integers * unit > weights), unit


def _match(drawn: PlanarMap, negative: NDArray[np.bool_], weights: Ints) -> NDArray[np.bool_]:
    """Edges cut by the cheapest set of paths that pairs the frustrated faces."""
    num_edges = drawn.ends.shape[1]
    unsatisfied = np.zeros(num_edges, np.bool_)
    left, right = drawn.faces[:num_edges], drawn.faces[num_edges:]
    frustrated = np.bincount(drawn.faces, weights=np.tile(negative, 2)).astype(np.int64) % 2
    if not frustrated.any():
        return unsatisfied
    try:
        from pymatching import Matching
    except ImportError as error:
        raise ImportError('ground states by matching need pymatching: pip install "graphar-arnn[planar]"') from error
    from scipy.sparse import csc_array

    between = np.flatnonzero(left != right)  # a bridge has one face on both sides and is never cut
    rows, starts = np.stack([left, right], axis=1)[between].ravel(), 2 * np.arange(len(between) + 1)
    checks = csc_array((np.ones(len(rows), np.uint8), rows, starts), shape=(len(frustrated), len(between)))
    dual = Matching.from_check_matrix(checks, weights=weights[between], merge_strategy="smallest-weight")
    unsatisfied[between] = dual.decode(frustrated).astype(np.bool_)
    return unsatisfied


def spins_of_bonds(ends: Ints, opposite: NDArray[np.bool_], num_spins: int) -> Ints:
    """Spins that differ exactly across the edges in ``opposite``."""
    lower, upper = ends
    # Nodes i and i + N stand for the two values of spin i.
    one = np.concatenate([lower, lower + num_spins])
    other = np.concatenate([upper + num_spins * opposite, upper + num_spins * ~opposite])
    _, label = connected(one, other, 2 * num_spins)
    up, down = label[:num_spins], label[num_spins:]
    if bool((up == down).any()):
        raise RuntimeError("the matching left a frustrated face alone: pymatching gave no perfect matching")
    return np.where(up < down, 1, -1)
