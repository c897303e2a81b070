"""What :func:`graphar.solve` returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from torch import Tensor

from graphar.problems import Check, Problem
from graphar.solvers.search.incumbent import Improvement

__all__ = ["Solution"]


@dataclass(frozen=True, eq=False)
class Solution:
    """The best configuration that was found, and what is known of how good it is; made by :func:`graphar.solve`.

    Attributes:
        spins: of the lowest energy found, ±1, int8, shape (N,).
        energy: its energy, offset included.
        bound: no configuration has an energy below it, but for rounding; −∞ where none was found.
        optimal: whether the bound proves that no energy is lower; where couplings are not all multiples of one number,
            by more than 10⁻⁷ of it.
        method: that found the configuration.
        bound_method: that found the bound.
        history: of improvements: seconds, energy and method of each, the best last.
        solutions: different configurations of the lowest energy that were met, int8, shape (K, N).
        seconds: taken in all.
        reason: for which the search ended: ``"proof"``, ``"target"``, ``"time"``, ``"steps"``, ``"callback"`` or
            ``"interrupted"``.
        problem: that was solved; None where a graph was given.
    """

    spins: Tensor
    energy: float
    bound: float
    optimal: bool
    method: str
    bound_method: str
    history: tuple[Improvement, ...] = field(repr=False)
    solutions: Tensor = field(repr=False)
    seconds: float
    reason: str
    problem: Problem[Any] | None = None

    @property
    def gap(self) -> float:
        """Energy above the bound; 0 where it is optimal."""
        return 0.0 if self.optimal else max(0.0, self.energy - self.bound)

    @property
    def time_to_best(self) -> float:
        """Seconds until the configuration was found."""
        return self.history[-1].seconds

    @cached_property
    def answer(self) -> Any:
        """The answer to the problem, in the user's own names, repaired where the spins break rules.

        A ValueError where a graph was given.
        """
        answer = self._of().decode(self.spins)
        return answer if self._of().feasible(answer) else self._of().repair(answer)

    @property
    def objective(self) -> float:
        """Objective of the answer."""
        return self._of().objective(self.answer)

    @property
    def objective_bound(self) -> float:
        """No feasible answer has a better objective."""
        return self._of().objective_of(self.bound)

    @property
    def check(self) -> Check:
        """Objective, feasibility and energy of the answer."""
        return self._of().check(self.answer)

    def _of(self) -> Problem[Any]:
        if self.problem is None:
            raise ValueError("answer and objective are of a problem, got the solution of a graph; see graphar.problems")
        return self.problem

    def __repr__(self) -> str:
        proof = "proven lowest" if self.optimal else f"bound {self.bound:.10g}"
        told = "" if self.problem is None else f", {type(self.problem).__name__} {self.objective:.10g}"
        return (
            f"Solution({len(self.spins)} spins, energy {self.energy:.10g}{told}, {proof}, by {self.method}, "
            f"{self.time_to_best:.2g} s to best)"
        )
