r"""Energies that can be reached at all, where couplings are integers times a unit.

A set S of spins turned down from all up changes the energy by

.. math:: 2 \Big( \sum_{i \in S} r_i - 2 \sum_{(i,j) \subset S} J_{ij} \Big), \qquad r_i = h_i + \sum_j J_{ij},

so all energies are E(all up) plus multiples of 2 gcd(r_i, 2 J_ij), and of nothing larger: steps of 2 for ±J on graphs
with sites of odd degree, of 4 where all degrees are even.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import numpy as np

from graphar.solvers.bounds.pairs import Floats, Ints, Pairs
from graphar.solvers.bounds.rounding import UNIT

__all__ = ["Ladder", "coarse_ladder", "ladder_of"]

_LARGEST = 2.0**40  # of the integers, whose sums are then exact
_PARTS = 12  # the smallest coupling may be this many units


@dataclass(frozen=True)
class Ladder:
    """Energies first + k · step, each up to ``slack``, for some integers k."""

    first: Fraction
    step: Fraction
    slack: Fraction

    def up(self, bound: float) -> float:
        """A bound that is not above the lowest energy that the ladder has above ``bound``, nor below ``bound``."""
        k = ceil((Fraction(bound) - self.slack - self.first) / self.step)
        lowest = self.first + k * self.step - self.slack
        rounded = float(lowest)
        if Fraction(rounded) > lowest:
            rounded = float(np.nextafter(rounded, -np.inf))
        return max(bound, rounded)


def ladder_of(pairs: Pairs) -> Ladder | None:
    """Steps of the energies; None where couplings have no unit, or one too small to matter."""
    found = _integers(pairs.couplings)
    if found is None:
        return None
    integers, unit, exact = found
    rows = np.zeros(pairs.num_sites, np.int64)
    np.add.at(rows, pairs.lower, integers)
    np.add.at(rows, pairs.upper, integers)
    step = 2 * int(np.gcd.reduce(np.concatenate([rows, 2 * integers])))
    slack = Fraction(0) if exact else sum(map(Fraction, (4 * UNIT * np.abs(pairs.couplings)).tolist()), Fraction(0))
    return Ladder(-int(integers.sum()) * Fraction(unit), step * Fraction(unit), slack)


def coarse_ladder(strengths: Floats) -> Ladder | None:
    """Steps that energies −Σ ±J have whatever the interactions are, twice the unit of all J; the same None."""
    found = _integers(strengths)
    if found is None:
        return None
    integers, unit, exact = found
    step = 2 * int(np.gcd.reduce(integers))
    slack = Fraction(0) if exact else sum(map(Fraction, (4 * UNIT * np.abs(strengths)).tolist()), Fraction(0))
    return Ladder(-int(integers.sum()) * Fraction(unit), step * Fraction(unit), slack)


def _integers(couplings: Floats) -> tuple[Ints, float, bool] | None:
    """Integers and a unit that multiply to the couplings, and whether they do so without rounding."""
    if not len(couplings):
        return None
    smallest, largest = float(np.abs(couplings).min()), float(np.abs(couplings).max())
    if largest > smallest * _LARGEST / _PARTS / len(couplings):
        return None
    for unit in (1.0, *(smallest / parts for parts in range(1, _PARTS + 1))):
        ratio = np.round(couplings / unit)
        if np.abs(ratio).max() * len(couplings) <= _LARGEST and bool((ratio * unit == couplings).all()):
            # Whether the product of an integer below 2^40 and the unit is rounded: its low bits would be lost.
            exact = all(
                int(k) * Fraction(unit) == Fraction(J)
                for k, J in zip(np.unique(ratio).tolist(), np.unique(couplings).tolist(), strict=True)
            )
            return ratio.astype(np.int64), unit, exact
    return None
