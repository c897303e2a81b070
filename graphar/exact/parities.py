r"""Products of spins as parities: linear algebra over GF(2).

With x = (−1)^b, Π_{i∈a} x_i = (−1)^{Σ_{i∈a} b_i}: interactions (and fields) are rows of a matrix A over GF(2), and all
of them are satisfied, J_a Π x = |J_a|, where A b = c with c_a = 1 for J_a < 0. Rows are packed 64 to a word and
eliminated.

Dependencies of the rows, sets s of interactions whose product is 1 whatever the spins, give the partition function,

.. math:: Z = 2^N \prod_a \cosh βJ_a \; \sum_{s} \prod_{a \in s} \tanh βJ_a,

with 2^{A − rank} of them, the empty one first: the high-temperature expansion.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from graphar._support.checks import check_beta, check_count
from graphar._support.seeds import make_generator
from graphar.exact.enumerate import MAX_GROUND_STATES
from graphar.exact.scale import check_scale
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.hamiltonians.kinds import check_hamiltonian

__all__ = ["Parities", "parities", "satisfiable_parities"]

MAX_ROWS = 2**13  # interactions whose linear algebra takes seconds
MAX_DEPENDENCIES = 24  # of which all sums are visited, 2^24 at most
_LOST = 1e-5  # part of the sum of absolute values, below which their rounding is seen in the tenth digit


def parities(graph: IsingGraph | SpinHypergraph) -> Parities:
    r"""Ground states that satisfy every interaction, and their number, by linear algebra over GF(2).

    For models without frustration, such as Newman–Moore and XORSAT, at any width, in at most A² N/64 steps: a
    tenth of a second for a Newman–Moore lattice of 64 × 64, a second for 127 × 127.

    Args:
        graph: interactions of any numbers of spins, fields too; those of 0 play no part.

    Returns:
        Rank, number of solutions, solutions drawn uniformly, and log Z where there are few dependencies; see
        :class:`Parities`.

    Raises:
        ValueError: a batch of several graphs.

    >>> import graphar as ga
    >>> ga.exact.parities(ga.newman_moore(3))
    Parities(9 spins, 9 interactions, rank 7, satisfiable)
    >>> ga.exact.parities(ga.newman_moore(16)).degeneracy
    1
    """
    check_hamiltonian(graph, alone=True)
    graph.validate()
    check_scale(graph, 0.0)
    hyper = SpinHypergraph.from_ising(graph) if isinstance(graph, IsingGraph) else graph
    listed = [(sites, J) for sites, J in hyper.listed() if J]
    listed += [((site,), h) for site, h in enumerate(hyper.h.double().tolist()) if h]
    n = hyper.num_spins
    rows = np.zeros((len(listed), n // 64 + 1), np.uint64)  # the last bit of all is c
    for row, (sites, J) in zip(rows, listed, strict=True):
        for site in sites:
            row[site >> 6] ^= np.uint64(1 << (site & 63))
        row[n >> 6] ^= np.uint64((J < 0) << (n & 63))
    couplings = np.array([J for _, J in listed], dtype=np.float64)
    return Parities(graph, couplings, rows)


@dataclass(frozen=True, eq=False)
class Parities:
    """Interactions as linear equations over GF(2); made by :func:`parities`.

    Attributes:
        graph: the hypergraph or graph.
        couplings: J of the interactions and h of the fields that are not 0, shape (A,).
    """

    graph: IsingGraph | SpinHypergraph
    couplings: np.ndarray = field(repr=False)
    _rows: np.ndarray = field(repr=False)

    @property
    def num_spins(self) -> int:
        """N."""
        return self.graph.num_spins

    @property
    def rank(self) -> int:
        """Number of independent products."""
        return len(self._pivots)

    @property
    def satisfiable(self) -> bool:
        """Whether one configuration satisfies all interactions: there is no frustration."""
        left = self._reduced[self.rank :]
        return not bool((left >> np.uint64(0)).any())

    @property
    def ground_energy(self) -> float:
        """offset − Σ|J| − Σ|h|, where all are satisfied; a ValueError where they cannot be."""
        self._check()
        return float(self.graph.offset) - float(np.abs(self.couplings).sum())

    @property
    def degeneracy(self) -> int:
        """Number of ground states, 2^(N − rank), exactly; a ValueError where not all interactions can be satisfied."""
        self._check()
        return 2 ** (self.num_spins - self.rank)

    @property
    def ground_entropy(self) -> float:
        """log of the number of ground states, (N − rank) log 2."""
        self._check()
        return (self.num_spins - self.rank) * math.log(2)

    @property
    def ground_state(self) -> Tensor:
        """One ground state, int8, shape (N,): spins that are free are up."""
        return self._solve(np.zeros((1, self.num_spins), np.uint8))[0]

    @property
    def ground_states(self) -> Tensor:
        """Ground states, int8, shape (K, N); K is ``degeneracy``, or 2^16 if there are more."""
        free = np.setdiff1d(np.arange(self.num_spins), self._pivots)[: MAX_GROUND_STATES.bit_length() - 1]
        bits = np.zeros((2 ** len(free), self.num_spins), np.uint8)
        bits[:, free] = np.arange(len(bits))[:, None] >> np.arange(len(free)) & 1
        return self._solve(bits)

    def sample_ground_states(
        self, num_samples: int, *, seed: int | None = None, generator: torch.Generator | None = None
    ) -> Tensor:
        """Ground states drawn independently, each as likely as any other; int8, shape (num_samples, N)."""
        count, rng = check_count(num_samples, "num_samples"), make_generator(seed, generator)
        free = torch.randint(0, 2, (count, self.num_spins), generator=rng, dtype=torch.uint8)
        return self._solve(free.numpy())

    def log_partition(self, beta: Any) -> float:
        """log Z by the high-temperature expansion, which no width limits.

        Raises:
            ValueError: more than 24 dependencies of the interactions, A − rank; frustration at low temperature, where
                rounding takes all but ten digits; β negative or not finite.
        """
        beta = check_beta(beta)
        check_scale(self.graph, beta)
        K = beta * self.couplings
        log_cosh = np.abs(K) + np.log1p(np.exp(-2 * np.abs(K))) - math.log(2)
        total = self.num_spins * math.log(2) + math.fsum(log_cosh) - beta * float(self.graph.offset)
        return total + math.log(self._sum_of_products(np.tanh(K)))

    def __repr__(self) -> str:
        said = "satisfiable" if self.satisfiable else "not satisfiable"
        parts = f"{self.num_spins} spins, {len(self.couplings)} interactions, rank {self.rank}, {said}"
        return f"Parities({parts})"

    # Elimination.

    @cached_property
    def _elimination(self) -> tuple[np.ndarray, list[int]]:
        rows = self._rows.copy()
        return rows, _eliminate(rows, self.num_spins)

    @property
    def _reduced(self) -> np.ndarray:
        return self._elimination[0]

    @property
    def _pivots(self) -> list[int]:
        return self._elimination[1]

    def _check(self) -> None:
        if not self.satisfiable:
            raise ValueError("all interactions must be satisfiable at once, got a frustrated model")

    def _solve(self, free: np.ndarray) -> Tensor:
        """Solutions with the given bits at the sites that are no pivots, (M, N)."""
        self._check()
        bits, pivots = free.copy(), np.array(self._pivots, dtype=np.int64)
        bits[:, pivots] = 0
        known = np.concatenate([bits, np.ones((len(bits), 1), np.uint8)], axis=1)  # the last is c
        matrix = _unpacked(self._reduced[: self.rank], self.num_spins + 1)
        matrix[np.arange(len(pivots)), pivots] = 0
        for first in range(0, len(bits), 1024):
            some = slice(first, first + 1024)
            sums = known[some].astype(np.float64) @ matrix.T.astype(np.float64)  # whole numbers: exact
            bits[some, pivots] = (sums.astype(np.int64) & 1).astype(np.uint8)
        return torch.from_numpy((1 - 2 * bits.astype(np.int8)).astype(np.int8))

    @cached_property
    def _dependencies(self) -> np.ndarray:
        """A basis of the sets of interactions whose product is 1, packed, (A − rank, words)."""
        count = len(self.couplings)
        words = self._rows.shape[1]
        plain = self._rows.copy()
        plain[:, self.num_spins >> 6] &= np.uint64((1 << (self.num_spins & 63)) - 1)  # without c
        names = np.zeros((count, count // 64 + 1), np.uint64)
        index = np.arange(count)
        names[index, index >> 6] = np.left_shift(np.uint64(1), (index & 63).astype(np.uint64))
        both = np.concatenate([plain, names], axis=1)
        rank = len(_eliminate(both, self.num_spins))
        return both[rank:, words:]

    def _sum_of_products(self, tanh: np.ndarray) -> float:
        """Σ over all sums s of dependencies of Π_{a∈s} tanh, along a Gray code in blocks."""
        count = len(self.couplings) - self.rank
        if count > MAX_DEPENDENCIES:
            raise ValueError(
                f"interactions must have at most {MAX_DEPENDENCIES} dependencies for log Z, got {count} = A − rank"
            )
        basis = _unpacked(self._dependencies, len(tanh)).astype(bool)
        used = basis.any(axis=0)
        basis, tanh = basis[:, used], tanh[used]
        low = min(count, 12)
        sets = np.zeros((1, basis.shape[1]), bool)
        for vector in basis[:low]:
            sets = np.concatenate([sets, sets ^ vector])
        parts, sizes, current = [], [], np.zeros(basis.shape[1], bool)
        for code in range(2 ** (count - low)):
            if code:
                current = current ^ basis[low + (code & -code).bit_length() - 1]
            products = np.where(sets ^ current, tanh, 1.0).prod(axis=1)
            parts.append(float(products.sum()))
            sizes.append(float(np.abs(products).sum()))
        total, size = math.fsum(parts), math.fsum(sizes)
        if not total > _LOST * size:
            raise ValueError(
                f"beta must leave ten digits to the sum of products, got {total:.2g} from terms of {size:.2g}"
            )
        return total


def satisfiable_parities(graph: IsingGraph | SpinHypergraph) -> Parities | None:
    """:func:`parities` where all interactions can be satisfied and are not too many; None elsewhere."""
    if graph.couplings.numel() + int((graph.h != 0).sum()) > MAX_ROWS:
        return None
    equations = parities(graph)
    return equations if equations.satisfiable else None


def _eliminate(rows: np.ndarray, columns: int) -> list[int]:
    """Reduced row echelon form of packed rows in their first ``columns`` bits, in place; the pivots' columns."""
    pivots: list[int] = []
    for column in range(columns):
        word, bit = column >> 6, np.uint64(column & 63)
        has = (rows[:, word] >> bit & np.uint64(1)).astype(bool)
        below = np.flatnonzero(has[len(pivots) :])
        if not len(below):
            continue
        at, pivot = len(pivots), len(pivots) + int(below[0])
        rows[[at, pivot]] = rows[[pivot, at]]
        has[[at, pivot]] = has[[pivot, at]]
        has[at] = False
        rows[has] ^= rows[at]
        pivots.append(column)
        if len(pivots) == len(rows):
            break
    return pivots


def _unpacked(rows: np.ndarray, columns: int) -> np.ndarray:
    """Bits of packed rows, uint8, shape (rows, columns)."""
    return np.unpackbits(rows.astype("<u8").view(np.uint8), axis=1, bitorder="little")[:, :columns]
