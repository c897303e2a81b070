r"""Independent sets and vertex covers, which are each other's complements.

A penalty above the lighter end of an edge suffices: where both ends are chosen, leaving out the lighter one gains the
penalty and loses less. So from any spins, leaving out the lighter ends of broken edges one by one, the lightest
vertices first, never raises the energy, and the least energy is of a heaviest independent set.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterable
from functools import cached_property
from typing import Any, Self

import numpy as np
import torch
from scipy.sparse import coo_array

from graphar.hamiltonians import IsingGraph
from graphar.problems.base import Problem
from graphar.problems.names import Chosen
from graphar.problems.penalties import check_penalty
from graphar.problems.sources import Network, adjacency, from_file, network, vertex_weights

__all__ = ["IndependentSet", "VertexCover"]

WORK = 64  # steps for each vertex and edge that exchanges may take


class _VertexSet(Problem[set[Any]]):
    """Sets of vertices; an independent set or the complement of one."""

    searches = True
    _complement: bool
    graph: IsingGraph

    def __init__(
        self,
        graph: Any,
        weights: Any = None,
        *,
        penalty: float = 1.5,
        num_nodes: int | None = None,
        labels: Iterable[Hashable] | None = None,
    ) -> None:
        factor = check_penalty(penalty)
        net = network(graph, None, num_nodes, labels)
        w = vertex_weights(weights, graph, net)
        self._net, self._weights, self._form = net, w, Chosen(net.names)
        self.graph = _independent(net, w, factor)
        if self._complement:
            self.graph.h = 0.0 - self.graph.h
            self.graph.offset = self.graph.offset + float(w.sum())

    @classmethod
    def from_file(
        cls,
        path: str | os.PathLike[str],
        format: str | None = None,
        *,
        weights: Any = None,
        penalty: float = 1.5,
        **options: Any,
    ) -> Self:
        """From the edges of a graph in a file; weights of vertices from the lines ``n`` of a DIMACS file, if any.

        Vertices are called as the file calls them, from 1 where it counts from 1.
        """
        return cls(from_file(path, format, options), weights, penalty=penalty)

    def _objective(self, values: np.ndarray) -> float:
        return float(self._weights[values].sum())

    def _affine(self) -> tuple[float, float]:
        return (1.0 if self._complement else -1.0), 0.0

    def _violations(self, values: np.ndarray) -> list[Any]:
        chosen = ~values if self._complement else values
        broken = chosen[self._net.first] & chosen[self._net.second]
        names = self._net.names
        return list(zip(names.of(self._net.first[broken]), names.of(self._net.second[broken]), strict=True))

    def _search(
        self,
        values: np.ndarray,
        seed: int,
        work: int,
        stop: Callable[[], bool],
        tell: Callable[[np.ndarray], None],
    ) -> np.ndarray:
        from graphar.problems.searched_sets import search_sets

        repaired = self._repair(values)
        start, neighbours, _ = self._adjacency
        chosen = ~repaired if self._complement else repaired

        def told(found: np.ndarray) -> None:
            tell(~found if self._complement else found)

        found = search_sets(start, neighbours, self._weights, chosen, seed, work, stop, told)
        return self._repair(~found if self._complement else found)

    @cached_property
    def _adjacency(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return adjacency(self._net)

    def _repair(self, values: np.ndarray) -> np.ndarray:
        from graphar.problems.loops import improve_independent

        start, neighbours, _ = self._adjacency
        degree = np.diff(start)
        chosen = ~values if self._complement else values.copy()
        lightest_first = np.lexsort((-degree, self._weights))
        best_first = np.argsort(-self._weights / (degree + 1), kind="stable")
        work = WORK * (len(degree) + len(neighbours))
        improve_independent(start, neighbours, self._weights, chosen, lightest_first, best_first, work)
        return ~chosen if self._complement else chosen

    def _size(self) -> str:
        return f"{self._net.num_vertices} vertices, {len(self._net.first)} edges"


class IndependentSet(_VertexSet):
    r"""Heaviest independent set: vertices without an edge among them, of as much weight as possible.

    .. math:: H = -\sum_i w_i b_i + \sum_{(i,j)} P_{ij} b_i b_j, \qquad P_{ij} = p \min(w_i, w_j), \quad b = (1 + x)/2

    With p > 1 the least energy is minus the weight of a heaviest independent set, and of no other set. Answers are sets
    of vertices. :meth:`repair` leaves out vertices of broken edges, adds what can be added, and exchanges one vertex
    for one or two others while that gains. Reference: A. Lucas, `Front. Phys. 2, 5 (2014)
    <https://doi.org/10.3389/fphy.2014.00005>`_.

    Args:
        graph: as for :class:`MaxCut`; weights of edges say nothing.
        weights: of the vertices, positive: ``{vertex: w}``, shape (N,), one number, or the name of an attribute of
            networkx's nodes; 1 each by default.
        penalty: p > 1.
        num_nodes, labels: as for :class:`MaxCut`.

    Raises:
        ValueError: as for :class:`MaxCut`; weights that are not positive, a penalty of 1 and less.

    >>> problem = IndependentSet([("a", "b"), ("b", "c")])
    >>> problem.violations({"a", "b"})
    [('a', 'b')]
    >>> sorted(problem.repair({"a", "b"}))
    ['a', 'c']
    """

    sense = "max"
    _complement = False


class VertexCover(_VertexSet):
    r"""Lightest vertex cover: vertices that hold an end of every edge, of as little weight as possible.

    .. math:: H = \sum_i w_i b_i + \sum_{(i,j)} P_{ij} (1 - b_i)(1 - b_j), \qquad P_{ij} = p \min(w_i, w_j)

    The complement of :class:`IndependentSet`, whose bound on p holds here too. Answers are sets of vertices.

    Args:
        graph, weights, penalty, num_nodes, labels: as there.

    >>> problem = VertexCover([("a", "b"), ("b", "c")])
    >>> problem.repair({"a", "c"}), problem.objective({"b"})
    ({'b'}, 1.0)
    """

    sense = "min"
    _complement = True


def _independent(net: Network, w: np.ndarray, factor: float) -> IsingGraph:
    n = net.num_vertices
    penalties = factor * np.minimum(w[net.first], w[net.second])
    sites = np.arange(n)
    entries = np.concatenate([0.0 - w, penalties])
    rows, columns = np.concatenate([sites, net.first]), np.concatenate([sites, net.second])
    Q = coo_array((entries, (rows, columns)), shape=(n, n))
    return IsingGraph.from_qubo(Q, labels=net.names.labels, dtype=torch.float64)
