"""Maximum satisfiability: as much weight as possible of clauses that are true."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterable, Sequence
from typing import Any, Self

import numpy as np

from graphar._support.checks import as_float_tensor, check_count
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.hamiltonians.clauses import ClauseHypergraph, Clauses, clause_hypergraph, literals_true
from graphar.hamiltonians.labels import number
from graphar.io.cnf import read_clauses
from graphar.problems.base import Problem
from graphar.problems.names import Assignment, Names
from graphar.problems.penalties import check_penalty

__all__ = ["MaxSat"]

FLIPS = 100  # for each variable and clause, that the search for a feasible answer may take


class MaxSat(Problem[dict[Any, bool]]):
    r"""Maximum satisfiability, weighted, with hard clauses or without.

    .. math:: H(x) = \sum_C w_C \prod_{i \in C} \frac{1 - \sigma_i x_i}{2}

    is the weight of the false clauses, a true variable being x = +1 and σ the sign of its literal; the objective is the
    weight of the true ones that are not hard, W − H. A hard clause counts p > 1 times all others together, so that the
    least energy keeps all of them if any answer does. Clauses of up to six literals are interactions of as many
    spins, and longer ones get ancillas, without loss; where none has more than two, the graph is an
    :class:`graphar.IsingGraph`, else a :class:`graphar.SpinHypergraph`. Answers are ``{variable: True or False}``.

    Without hard clauses every answer is feasible. With them, finding a feasible answer is NP-complete: :meth:`repair`
    walks (WalkSAT, from the answer, for 100 flips per variable and clause), and gives back the answer as it was where
    it finds none. Reference: B. Selman, H. Kautz and B. Cohen, AAAI (1994).

    Args:
        clauses: lists of literals; either whole numbers, ``[1, -3]`` for x1 or not x3 as in DIMACS files, or pairs
            ``[("a", True), ("b", False)]`` of a name of any kind and whether it stands plain.
        weights: of the clauses, positive, shape (m,) or one number.
        hard: which clauses must be true, shape (m,) of bool; none by default.
        num_variables: n, where literals are whole numbers; the largest by default.
        labels: names of all variables, in their order, where literals are pairs.
        penalty: p > 1.

    Raises:
        ValueError: no clauses, literals that are none, weights that are not positive, an empty clause that is hard.

    >>> problem = MaxSat([[1, 2], [-1, 2], [1, -2], [-1, -2]])
    >>> problem
    MaxSat(2 variables, 4 clauses, max, 2 spins)
    >>> problem.objective({1: True, 2: True}), problem.energy_of(3)
    (3.0, 1.0)
    """

    sense = "max"

    def __init__(
        self,
        clauses: Iterable[Sequence[Any]],
        weights: Any = 1.0,
        *,
        hard: Any = None,
        num_variables: int | None = None,
        labels: Iterable[Hashable] | None = None,
        penalty: float = 1.5,
    ) -> None:
        factor = check_penalty(penalty)
        variables, signs, lengths, names = _literals(clauses, num_variables, labels)
        w = as_float_tensor(weights, "weights").double().cpu().numpy()
        w = np.full(len(lengths), float(w)) if w.ndim == 0 else w
        if w.shape != (len(lengths),):
            raise ValueError(f"weights must have shape ({len(lengths)},), one per clause, got {w.shape}")
        if not (w > 0).all():
            at = int((w <= 0).argmax())
            raise ValueError(f"weights must be positive, got {w[at]:g} at position {at}; leave the clause out")
        must = np.zeros(len(lengths), bool) if hard is None else np.asarray(hard)
        if must.dtype != np.bool_ or must.shape != (len(lengths),):
            raise ValueError(f"hard must be True or False of every clause, shape ({len(lengths)},), got {must!r}")
        self._take(Clauses(variables, signs, lengths, w, must, names.count), names, factor)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], *, penalty: float = 1.5) -> Self:
        """From a DIMACS file of clauses, ``.cnf`` or ``.wcnf``, plain or gzip; variables are called 1…n."""
        factor = check_penalty(penalty)
        from graphar.io.registry import resolve

        clauses = read_clauses(resolve(path, "cnf")[0])
        made = cls.__new__(cls)
        made._take(clauses, Names(clauses.num_variables, range(1, clauses.num_variables + 1)), factor)
        return made

    def _take(self, clauses: Clauses, names: Names, factor: float) -> None:
        if (clauses.hard & (clauses.lengths == 0)).any():
            raise ValueError("clauses must have literals where they are hard, got an empty one, which is never true")
        self._clauses, self._form = clauses, Assignment(names, False, True)
        labels = None if names.labels is None else list(names.labels)
        self._made: ClauseHypergraph = clause_hypergraph(clauses, factor, labels)
        many = self._made.graph
        self.graph: IsingGraph | SpinHypergraph = many.to_ising() if many.order <= 2 else many

    def _true(self, values: np.ndarray) -> np.ndarray:
        """Which clauses are true."""
        of = np.repeat(np.arange(len(self._clauses.lengths)), self._clauses.lengths)
        return np.bincount(of, literals_true(self._clauses, values), minlength=len(self._clauses.lengths)) > 0

    def _objective(self, values: np.ndarray) -> float:
        return float(self._clauses.weights[self._true(values) & ~self._clauses.hard].sum())

    def _affine(self) -> tuple[float, float]:
        return -1.0, float(self._clauses.weights[~self._clauses.hard].sum())

    def _values(self, spins: np.ndarray) -> np.ndarray:
        return np.asarray(spins[: self._clauses.num_variables] > 0)

    def _spins(self, values: np.ndarray) -> np.ndarray:
        return self._made.spins(values)

    def _violations(self, values: np.ndarray) -> list[Any]:
        """Hard clauses that are false, as lists of pairs of a name and whether it stands plain."""
        found = []
        starts, lengths = self._clauses.starts, self._clauses.lengths
        for clause in np.flatnonzero(self._clauses.hard & ~self._true(values)).tolist():
            part = slice(starts[clause], starts[clause] + lengths[clause])
            names = self._form.names.of(self._clauses.variables[part])
            found.append(list(zip(names, (self._clauses.signs[part] > 0).tolist(), strict=True)))
        return found

    def _repair(self, values: np.ndarray) -> np.ndarray:
        hard = self._clauses.hard
        if not (hard & ~self._true(values)).any():
            return values
        from graphar.problems.loops import walk_to_satisfied

        literal = np.repeat(hard, self._clauses.lengths)
        variables, signs = self._clauses.variables[literal], self._clauses.signs[literal]
        lengths = self._clauses.lengths[hard]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        order = np.argsort(variables, kind="stable")
        of_start = np.concatenate([[0], np.cumsum(np.bincount(variables, minlength=len(values)))])
        of_clause = np.repeat(np.arange(len(lengths)), lengths)[order]
        found = values.copy()
        steps = FLIPS * (len(values) + len(lengths))
        done = walk_to_satisfied(starts, variables, signs, of_start, of_clause, signs[order], found, steps, 1)
        return found if done else values

    def _size(self) -> str:
        hard = int(self._clauses.hard.sum())
        told = f", {hard} of them hard" if hard else ""
        return f"{self._clauses.num_variables} variables, {len(self._clauses.lengths)} clauses{told}"


def _literals(clauses: Any, num_variables: int | None, labels: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, Names]:
    """Variables and signs of all literals, how many each clause has, and the names of the variables."""
    if isinstance(clauses, (str, bytes)) or not isinstance(clauses, Iterable):
        raise ValueError(f"clauses must be lists of literals, got {type(clauses).__name__}; from_file reads files")
    listed = [list(clause) if isinstance(clause, Iterable) else clause for clause in clauses]
    for at, clause in enumerate(listed):
        if not isinstance(clause, list):
            raise ValueError(f"clauses must be lists of literals, got {clause!r} at position {at}")
    if not listed:
        raise ValueError("clauses must be at least one, got none")
    lengths = np.array([len(clause) for clause in listed], dtype=np.int64)
    literals = [literal for clause in listed for literal in clause]
    if all(isinstance(literal, tuple) and len(literal) == 2 for literal in literals) and literals:
        if num_variables is not None:
            raise ValueError(f"num_variables must be left out where literals are pairs, got {num_variables}")
        for name, plain in literals:
            if not isinstance(plain, (bool, np.bool_)):
                raise ValueError(f"clauses must have pairs of a name and True or False, got {(name, plain)!r}")
        sites, found = number((name for name, _ in literals), labels, "clauses")
        names = Names(int(sites.max()) + 1 if found is None else len(found), found)
        return sites, np.array([1 if plain else -1 for _, plain in literals]), lengths, names
    if labels is not None:
        raise ValueError("labels must be left out where literals are whole numbers, got both")
    for literal in literals:
        if isinstance(literal, bool) or not isinstance(literal, (int, np.integer)) or literal == 0:
            raise ValueError(
                f"clauses must have literals 1, -1, 2, … or pairs of a name and True or False, got {literal!r}"
            )
    values = np.array([int(literal) for literal in literals], dtype=np.int64)
    largest = int(np.abs(values).max(initial=0))
    n = check_count(max(1, largest) if num_variables is None else num_variables, "num_variables")
    if largest > n:
        raise ValueError(f"num_variables must be at least the largest of the clauses, {largest}, got {n}")
    return np.abs(values) - 1, np.sign(values), lengths, Names(n, range(1, n + 1))
