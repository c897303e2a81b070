"""Quadratic binary optimisation, and the lowest energy of a Hamiltonian that is given as it is."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterable
from typing import Any, Self

import numpy as np
import torch

from graphar._support.checks import check_number
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.hamiltonians.kinds import check_hamiltonian
from graphar.io.registry import examine, resolve
from graphar.problems.base import Problem
from graphar.problems.names import Assignment, Names

__all__ = ["QUBO", "LowestEnergy"]


class QUBO(Problem[dict[Any, int]]):
    r"""Quadratic unconstrained binary optimisation.

    .. math:: \min_b \text{ or } \max_b \; b^T Q b + c, \qquad b \in \{0, 1\}^N, \quad b = (1 + x)/2

    Every assignment is feasible. Answers are ``{name: 0 or 1}``.

    Args:
        Q: (N, N) dense, scipy sparse or ``{(i, j): Q_ij}``, as :meth:`graphar.IsingGraph.from_qubo` takes it, entries
            (i, j) and (j, i) adding; or a dimod binary quadratic model.
        offset: c.
        sense: ``"min"`` or ``"max"``.
        num_nodes: N, for a dictionary of whole numbers.
        labels: names of the variables.

    Raises:
        ValueError: Q is not square or not finite, keys that are no pairs.

    >>> problem = QUBO({("a", "a"): 1.0, ("b", "b"): 1.0, ("a", "b"): -3.0}, sense="max")
    >>> problem.objective({"a": 1, "b": 0})
    1.0
    >>> problem.decode([1, -1])
    {'a': 1, 'b': 0}
    """

    graph: IsingGraph

    def __init__(
        self,
        Q: Any,
        offset: float = 0.0,
        *,
        sense: str = "min",
        num_nodes: int | None = None,
        labels: Iterable[Hashable] | None = None,
    ) -> None:
        if sense not in ("min", "max"):
            raise ValueError(f'sense must be "min" or "max", got {sense!r}')
        shift = check_number(offset, "offset")
        if hasattr(Q, "vartype"):
            if num_nodes is not None or labels is not None:
                raise ValueError("num_nodes and labels must be left to a dimod model, which has its own, got them")
            least = IsingGraph.from_dimod(Q)
            least.offset = least.offset + shift
        else:
            least = IsingGraph.from_qubo(Q, shift, num_nodes, labels=labels, dtype=torch.float64)
        self._take(least, sense)

    def _take(self, least: IsingGraph, sense: str) -> None:
        """From the spins whose energy is the objective."""
        self.sense = sense
        self._scale = 1.0 if sense == "min" else -1.0
        matrix, self._shift = least.to_qubo()
        entries = matrix.tocoo()
        self._entries = (entries.row, entries.col, entries.data)
        if sense == "max":
            least.edge_weight, least.h, least.offset = (
                0.0 - part for part in (least.edge_weight, least.h, least.offset)
            )
        self.graph = least
        self._form = Assignment(Names(least.num_spins, least.labels), 0, 1)

    @classmethod
    def from_file(
        cls, path: str | os.PathLike[str], format: str | None = None, *, sense: str = "min", **options: Any
    ) -> Self:
        """QUBO whose value is what a file's Hamiltonian is at x = 2b − 1; QPLIB files to maximise hold their negative.

        Variables are called as the file calls them, from 1 where it counts from 1.
        """
        if sense not in ("min", "max"):
            raise ValueError(f'sense must be "min" or "max", got {sense!r}')
        graph = _read(path, format, options)
        if isinstance(graph, SpinHypergraph):
            graph = graph.to_ising()
        made = cls.__new__(cls)
        made._take(graph, sense)
        return made

    def _objective(self, values: np.ndarray) -> float:
        rows, columns, entries = self._entries
        return float(entries[values[rows] & values[columns]].sum()) + self._shift

    def _affine(self) -> tuple[float, float]:
        return self._scale, 0.0


class LowestEnergy(Problem[dict[Any, int]]):
    """The lowest energy of a Hamiltonian: a problem as any other, for what takes problems.

    Answers are ``{name: ±1}``, all feasible; the objective is the energy.

    Args:
        graph: an :class:`graphar.IsingGraph` or a :class:`graphar.SpinHypergraph`, no batch.

    >>> import graphar as ga
    >>> problem = LowestEnergy(ga.chain(3))
    >>> problem.objective({0: 1, 1: 1, 2: 1})
    -2.0
    """

    sense = "min"

    def __init__(self, graph: IsingGraph | SpinHypergraph) -> None:
        self.graph = check_hamiltonian(graph, alone=True)
        self._form = Assignment(Names(graph.num_spins, graph.labels), -1, 1)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], format: str | None = None, **options: Any) -> Self:
        """Lowest energy of a Hamiltonian in a file; sites are called as the file calls them."""
        return cls(_read(path, format, options))

    def _objective(self, values: np.ndarray) -> float:
        return float(self.graph.energy(torch.from_numpy(self._spins(values))))

    def _affine(self) -> tuple[float, float]:
        return 1.0, 0.0


def _read(path: str | os.PathLike[str], format: str | None, options: dict[str, Any]) -> IsingGraph | SpinHypergraph:
    """A Hamiltonian whose sites have the file's own names."""
    _, entry = resolve(path, format)
    graph, _, _ = examine(path, format, **options)
    first = options.get("base", entry.base)
    if first and graph.labels is None:
        graph.labels = range(first, first + graph.num_spins)
    return graph
