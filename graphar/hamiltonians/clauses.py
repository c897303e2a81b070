r"""Clauses as interactions of spins: the energy is the weight of what is left false.

A variable is true where x = +1. A clause is false where all its literals are, so that with σ = +1 for a variable and −1
for its negation

.. math:: E(x) = \sum_C w_C \prod_{i \in C} \frac{1 - \sigma_i x_i}{2}
               = \sum_C w_C\, 2^{-|C|} \sum_{s \subseteq C} \prod_{i \in s} (-\sigma_i x_i).

A clause of k literals has 2^k terms, so long ones are cut by ancillas: :math:`(a \vee b)` has the same least number of
false parts, over z, as :math:`(a \vee z)` and :math:`(\bar z \vee b)`, which is 0 or 1, and so have chains of more.
Hard clauses count more than all others together, so that the least energy is of an answer that keeps them, if any does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from graphar.hamiltonians.hypergraph import SpinHypergraph
from graphar.hamiltonians.interactions import by_order

__all__ = ["ClauseHypergraph", "Clauses", "clause_hypergraph", "hard_weight", "literals_true"]

LONGEST = 6  # literals of a clause that is not cut
PIECE = 4  # literals of the parts of one that is, ancillas among them


class Clauses(NamedTuple):
    """Clauses of a formula.

    Attributes:
        variables: of all literals, 0-based, one clause after the other, shape (L,), int64.
        signs: +1 for a variable, −1 for its negation, shape (L,), int64.
        lengths: literals of each clause, shape (m,), int64.
        weights: of the clauses, positive, shape (m,), float64; those of hard ones say nothing.
        hard: whether a clause must be true, shape (m,).
        num_variables: n.
    """

    variables: np.ndarray
    signs: np.ndarray
    lengths: np.ndarray
    weights: np.ndarray
    hard: np.ndarray
    num_variables: int

    @property
    def starts(self) -> np.ndarray:
        """Where each clause starts, shape (m,)."""
        return np.cumsum(self.lengths) - self.lengths


@dataclass(frozen=True, eq=False)
class ClauseHypergraph:
    """The Hamiltonian of clauses, and what its ancillas say.

    Attributes:
        graph: spins of the variables and then the ancillas.
        clauses: what it was made of.
        first, last: literals first…last − 1 are those before each ancilla, which is true where none of them is.
    """

    graph: SpinHypergraph
    clauses: Clauses
    first: np.ndarray
    last: np.ndarray

    def spins(self, values: np.ndarray) -> np.ndarray:
        """Spins of variables, shape (n,), with the best ancillas, int8."""
        before = np.concatenate([[0], np.cumsum(literals_true(self.clauses, values))])
        ancillas = before[self.last] == before[self.first]
        return np.where(np.concatenate([values, ancillas]), 1, -1).astype(np.int8)


def literals_true(clauses: Clauses, values: np.ndarray) -> np.ndarray:
    """Which literals are true, shape (L,), bool."""
    return np.asarray(values[clauses.variables] == (clauses.signs > 0))


def hard_weight(clauses: Clauses, penalty: float = 1.5) -> float:
    """What a hard clause counts: ``penalty`` > 1 times all soft ones together."""
    soft = float(clauses.weights[~clauses.hard].sum())
    return penalty * (soft if soft > 0 else 1.0)


def clause_hypergraph(clauses: Clauses, penalty: float = 1.5, labels: list[object] | None = None) -> ClauseHypergraph:
    """Weight of the clauses that are false.

    Args:
        clauses: any clauses; a literal twice in one counts once, and clauses that are always true are left out.
        penalty: see :func:`hard_weight`.
        labels: names of the variables; ancillas are called ``("ancilla", k)``.
    """
    weights = np.where(clauses.hard, hard_weight(clauses, penalty), clauses.weights)
    variables, signs, lengths, weights, origin = _tidy(clauses, weights)
    cut, first, last = _cut(variables, signs, lengths, weights, origin, clauses.num_variables)
    n = clauses.num_variables + len(first)
    names = None if labels is None else [*labels, *(("ancilla", k) for k in range(len(first)))]
    return ClauseHypergraph(_expand(*cut, n, names), clauses, first, last)


def _tidy(clauses: Clauses, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Literals once in each clause, without those always true; and where each literal stood."""
    of = np.repeat(np.arange(len(clauses.lengths)), clauses.lengths)
    key = of * clauses.num_variables + clauses.variables
    order = np.argsort(key, kind="stable")
    same = key[order[1:]] == key[order[:-1]]
    always = np.zeros(len(weights), bool)
    always[of[order[1:]][same & (clauses.signs[order[1:]] != clauses.signs[order[:-1]])]] = True
    once = np.ones(len(key), bool)
    once[order[1:][same]] = False
    kept = once & ~always[of]
    lengths = np.bincount(of[kept], minlength=len(weights))[~always]
    return clauses.variables[kept], clauses.signs[kept], lengths, weights[~always], np.flatnonzero(kept)


def _cut(
    variables: np.ndarray, signs: np.ndarray, lengths: np.ndarray, weights: np.ndarray, origin: np.ndarray, n: int
) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray, np.ndarray]:
    """No clause longer than LONGEST: parts with ancillas in their stead."""
    starts = np.cumsum(lengths) - lengths
    short = lengths <= LONGEST
    kept = np.repeat(short, lengths)
    parts_v, parts_s = [variables[kept]], [signs[kept]]
    parts_l, parts_w = [lengths[short]], [weights[short]]
    first: list[int] = []
    last: list[int] = []
    for clause in np.flatnonzero(~short).tolist():
        start, stop, at = int(starts[clause]), int(starts[clause] + lengths[clause]), int(starts[clause])
        while at < stop:
            opening, rest = at == start, stop - at
            take = min(rest, PIECE - 1) if opening or rest < PIECE else PIECE - 2
            closing = at + take == stop
            v, s = [variables[at : at + take]], [signs[at : at + take]]
            if not opening:
                v.append(np.array([n + len(first) - 1]))
                s.append(np.array([-1]))
            if not closing:
                v.append(np.array([n + len(first)]))
                s.append(np.array([1]))
                first.append(int(origin[start]))
                last.append(int(origin[at + take - 1]) + 1)
            parts_v += v
            parts_s += s
            parts_l.append(np.array([take + (not opening) + (not closing)]))
            parts_w.append(weights[clause : clause + 1])
            at += take
    joined = (np.concatenate(parts_v), np.concatenate(parts_s), np.concatenate(parts_l), np.concatenate(parts_w))
    return joined, np.array(first, dtype=np.int64), np.array(last, dtype=np.int64)


def _expand(
    variables: np.ndarray,
    signs: np.ndarray,
    lengths: np.ndarray,
    weights: np.ndarray,
    n: int,
    labels: list[object] | None,
) -> SpinHypergraph:
    """The terms of all subsets, equal ones added, those that cancel left out."""
    site, sign = torch.from_numpy(variables), torch.from_numpy(signs).double()
    weight, h = torch.from_numpy(weights), torch.zeros(n, dtype=torch.float64)
    offset = 0.0
    sites: list[Tensor] = [torch.empty(0, dtype=torch.int64)]
    orders: list[Tensor] = [torch.empty(0, dtype=torch.int64)]
    couplings: list[Tensor] = [torch.empty(0, dtype=torch.float64)]
    for k, which, where in by_order(torch.from_numpy(lengths)):
        share = weight[which] / 2**k
        offset += float(share.sum())
        rows, factors = site[where], -sign[where]
        for mask in range(1, 2**k):
            subset = [bit for bit in range(k) if mask >> bit & 1]
            J = 0.0 - share * factors[:, subset].prod(1)
            if len(subset) == 1:
                h.index_add_(0, rows[:, subset[0]], J)
                continue
            sites.append(rows[:, subset].flatten())
            orders.append(torch.full((len(rows),), len(subset)))
            couplings.append(J)
    index = torch.cat(orders)
    made = SpinHypergraph.from_incidences(
        torch.stack([torch.cat(sites), torch.repeat_interleave(index)]),
        torch.cat(couplings),
        h,
        n,
        labels=labels,
        offset=offset,
        duplicates="sum",
    )
    kept = made.hyperedge_weight != 0
    if bool(kept.all()):
        return made
    members, order = made.members()
    return SpinHypergraph.from_incidences(
        torch.stack([members[kept.repeat_interleave(order)], torch.repeat_interleave(order[kept])]),
        made.hyperedge_weight[kept],
        made.h,
        n,
        labels=labels,
        offset=offset,
    )
