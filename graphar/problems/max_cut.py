"""Maximum cut: two sides of a graph with as much weight between them as possible."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterable
from typing import Any, Self

import numpy as np
import torch

from graphar.hamiltonians import IsingGraph
from graphar.problems.base import Problem
from graphar.problems.names import Sides
from graphar.problems.sources import Network, from_file, network

__all__ = ["MaxCut"]


class MaxCut(Problem[tuple[set[Any], set[Any]]]):
    r"""Maximum cut of a graph whose weights may have any sign.

    .. math:: \max_x \sum_{(i,j)} w_{ij} \frac{1 - x_i x_j}{2} = \frac{1}{2} \Big( \sum_{(i,j)} w_{ij} - H(x) \Big),
              \qquad J_{ij} = -w_{ij}

    Every partition is feasible. Answers are two sets of vertices, those of x = +1 first; both orders are the same cut.
    Reference: F. Barahona, M. Grötschel, M. Jünger and G. Reinelt, `Oper. Res. 36, 493 (1988)
    <https://doi.org/10.1287/opre.36.3.493>`_.

    Args:
        graph: ``networkx.Graph``; a PyG ``Data`` with edges in one direction or in both, and ``edge_weight`` or
            ``edge_attr``; a symmetric or strictly triangular matrix, scipy sparse or dense; edges ``(u, v)`` or
            ``(u, v, w)``, a dictionary or a table of them, as :meth:`graphar.IsingGraph.from_edge_list` takes them; or
            an :class:`graphar.IsingGraph` without fields, with w = −J.
        weight: attribute of networkx's edges that holds the weights; where no edge has it, all are 1.
        num_nodes: N, where ``graph`` is edges between whole numbers.
        labels: names of all vertices, where ``graph`` is edges, a matrix or PyG's.

    Raises:
        ValueError: directed graphs, loops, repeated edges, numbers not finite, fields.

    >>> import networkx as nx
    >>> problem = MaxCut(nx.cycle_graph(["a", "b", "c", "d"]))
    >>> problem
    MaxCut(4 vertices, 4 edges, max, 4 spins)
    >>> problem.objective(({"a", "c"}, {"b", "d"}))
    4.0
    >>> problem.energy_of(4)
    -4.0
    """

    sense = "max"

    def __init__(
        self,
        graph: Any,
        *,
        weight: str | None = "weight",
        num_nodes: int | None = None,
        labels: Iterable[Hashable] | None = None,
    ) -> None:
        net = network(graph, weight, num_nodes, labels)
        self._first, self._second, self._weights = net.first, net.second, net.weights
        self._form = Sides(net.names)
        self._offset = 0.0
        if isinstance(graph, IsingGraph):
            self.graph: IsingGraph = graph
            self._offset = float(graph.offset)
        else:
            ends = torch.from_numpy(np.stack([net.first, net.second]))
            couplings = torch.from_numpy(0.0 - net.weights)
            self.graph = IsingGraph.from_edges(ends, couplings, num_nodes=net.num_vertices, labels=net.names.labels)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], format: str | None = None, **options: Any) -> Self:
        """Maximum cut of a graph in a file.

        The numbers of edge lists and of Gset, ``.mc`` and DIMACS files are the weights; those of other formats are
        couplings, and w = −J. Vertices are called as the file calls them, from 1 where it counts from 1.

        Args:
            path: the file.
            format: one of graphar's formats; by its suffix otherwise.
            options: of the format's reader, such as ``base=1`` for an edge list.
        """
        return cls(_network_of(path, format, options))

    def _objective(self, values: np.ndarray) -> float:
        return float(self._weights[values[self._first] != values[self._second]].sum())

    def _affine(self) -> tuple[float, float]:
        return -2.0, float(self._weights.sum()) + self._offset

    def _size(self) -> str:
        return f"{self._form.names.count} vertices, {len(self._weights)} edges"


def _network_of(path: str | os.PathLike[str], format: str | None, options: dict[str, Any]) -> Network:
    net = from_file(path, format, options)
    if net.vertices is not None:
        raise ValueError(f"{path}: edges alone expected of a cut, got weights of vertices")
    return net
