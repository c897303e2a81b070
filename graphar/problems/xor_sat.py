"""XORSAT: as much weight as possible of parities that hold."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterable, Sequence
from typing import Any, Self

import numpy as np
import torch

from graphar._support.checks import as_float_tensor
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.hamiltonians.interactions import from_list
from graphar.hamiltonians.kinds import check_hamiltonian
from graphar.io.cnf import read_parities
from graphar.io.registry import examine, resolve
from graphar.problems.base import Problem
from graphar.problems.names import Assignment, Names

__all__ = ["XorSat"]


class XorSat(Problem[dict[Any, int]]):
    r"""Parities of bits, of which as much weight as possible should hold.

    .. math:: \bigoplus_{i \in a} b_i = c_a, \qquad H(x) = -\sum_a J_a \prod_{i \in a} x_i, \qquad
              J_a = (-1)^{|a| + c_a} w_a

    with b = (1 + x)/2, so that H = W − 2 · (weight of those that hold), W of all. Every assignment is feasible. Answers
    are ``{variable: 0 or 1}``. Where none has more than two bits, the graph is an :class:`graphar.IsingGraph`, else a
    :class:`graphar.SpinHypergraph`; :func:`graphar.exact.parities` solves it, by linear algebra, where all can hold.
    Reference: F. Ricci-Tersenghi, M. Weigt and R. Zecchina, `Phys. Rev. E 63, 026702 (2001)
    <https://doi.org/10.1103/PhysRevE.63.026702>`_.

    Args:
        parities: tuples of variables, whose names are whole numbers from 0 or any hashables; one that stands twice in a
            parity cancels.
        right: c, 0 or 1 of each parity, shape (A,), or one for all.
        weights: w > 0, shape (A,), or one for all.
        num_variables: N, where variables are whole numbers.
        labels: names of all variables, in their order.

    Raises:
        ValueError: no parities, right sides other than 0 and 1, weights that are not positive.

    >>> problem = XorSat([("a", "b", "c"), ("a", "b")], [1, 0])
    >>> problem.objective({"a": 1, "b": 1, "c": 1}), problem.energy_of(2)
    (2.0, -2.0)
    """

    sense = "max"

    def __init__(
        self,
        parities: Iterable[Sequence[Any]],
        right: Any = 0,
        weights: Any = 1.0,
        *,
        num_variables: int | None = None,
        labels: Iterable[Hashable] | None = None,
    ) -> None:
        if not isinstance(parities, (np.ndarray, torch.Tensor)):
            parities = list(parities)
        sites, orders, found = from_list(parities, labels)
        count = len(orders)
        if not count:
            raise ValueError("parities must be at least one, got none")
        if found is None:
            least = int(sites.max()) + 1 if len(sites) else 1
            if bool((sites < 0).any()):
                raise ValueError(f"parities must have variables from 0, got {int(sites.min())}")
            n = least if num_variables is None else num_variables
            if n < least:
                raise ValueError(f"num_variables must be at least {least}, largest site plus one, got {n}")
            names = Names(n)
        else:
            if num_variables is not None:
                raise ValueError(f"num_variables must be left out where variables have names, got {num_variables}")
            names = Names(len(found), found)
        self._take(sites.numpy(), orders.numpy(), _bits(right, count), _positive(weights, count), names)

    @classmethod
    def from_hamiltonian(cls, graph: SpinHypergraph | IsingGraph) -> Self:
        """Parities of interactions, w = |J| and c by its sign; fields are parities of one bit.

        Interactions of J = 0 say nothing and are left out; the offset is not kept.

        >>> import graphar as ga
        >>> XorSat.from_hamiltonian(ga.xorsat(6, seed=1))
        XorSat(6 variables, 6 parities, max, 6 spins)
        """
        check_hamiltonian(graph, alone=True)
        many = SpinHypergraph.from_ising(graph) if isinstance(graph, IsingGraph) else graph
        members, orders = (part.cpu().numpy() for part in many.members())
        J, h = (part.double().cpu().numpy() for part in (many.hyperedge_weight, many.h))
        fields = np.flatnonzero(h)
        sites, lengths = np.concatenate([members, fields]), np.concatenate([orders, np.ones_like(fields)])
        strength = np.concatenate([J, h[fields]])
        kept = strength != 0
        if not kept.any():
            raise ValueError("graph must have at least one interaction or field other than 0, got none")
        made = cls.__new__(cls)
        right = (lengths + (strength < 0))[kept] % 2
        inside = np.repeat(kept, lengths)
        made._take(sites[inside], lengths[kept], right, np.abs(strength[kept]), Names(many.num_spins, many.labels))
        return made

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], format: str | None = None, **options: Any) -> Self:
        """From a file of interactions (:meth:`from_hamiltonian`), or of lines ``x1 -2 3 0`` below ``p cnf N M``.

        In the second, an odd number of the literals is true, and variables are called 1…N.
        """
        place, entry = resolve(path, format)
        if entry.name != "cnf":
            return cls.from_hamiltonian(examine(path, format, **options)[0])
        sites, lengths, odd, n = read_parities(place)
        made = cls.__new__(cls)
        made._take(sites, lengths, odd.astype(np.int64), np.ones(len(lengths)), Names(n, range(1, n + 1)))
        return made

    def _take(
        self, sites: np.ndarray, lengths: np.ndarray, right: np.ndarray, weights: np.ndarray, names: Names
    ) -> None:
        self._form = Assignment(names, 0, 1)
        self._sites, self._right, self._weights = sites, right, weights
        self._of = np.repeat(np.arange(len(lengths)), lengths)
        key, times = np.unique(self._of * names.count + sites, return_counts=True)
        key = key[times % 2 == 1]
        of, members = key // names.count, key % names.count
        orders = np.bincount(of, minlength=len(lengths))
        J = np.where((orders + right) % 2 == 1, -weights, weights)
        h = np.bincount(members[orders[of] == 1], J[of[orders[of] == 1]], minlength=names.count)
        many = orders > 1
        parity = np.cumsum(many) - 1
        inside = many[of]
        made = SpinHypergraph.from_incidences(
            torch.from_numpy(np.stack([members[inside], parity[of[inside]]])),
            torch.from_numpy(J[many]),
            torch.from_numpy(h),
            names.count,
            labels=names.labels,
            offset=0.0 - float(J[orders == 0].sum()),
            duplicates="sum",
        )
        self.graph: IsingGraph | SpinHypergraph = made.to_ising() if made.order <= 2 else made

    def _objective(self, values: np.ndarray) -> float:
        odd = np.bincount(self._of, values[self._sites], minlength=len(self._weights)) % 2
        return float(self._weights[odd == self._right].sum())

    def _affine(self) -> tuple[float, float]:
        return -2.0, float(self._weights.sum())

    def _size(self) -> str:
        return f"{self._form.names.count} variables, {len(self._weights)} parities"


def _bits(right: Any, count: int) -> np.ndarray:
    values = as_float_tensor(right, "right").cpu().numpy()
    values = np.full(count, values) if values.ndim == 0 else values
    if values.shape != (count,) or not np.isin(values, (0, 1)).all():
        raise ValueError(f"right must be 0 or 1 of each of the {count} parities, got {right!r}")
    return values.astype(np.int64)


def _positive(weights: Any, count: int) -> np.ndarray:
    values = as_float_tensor(weights, "weights").double().cpu().numpy()
    values = np.full(count, float(values)) if values.ndim == 0 else values
    if values.shape != (count,) or not (values > 0).all():
        raise ValueError(f"weights must be positive, one for each of the {count} parities, got {weights!r}")
    return values
