r"""Graph colouring with k colours: as little weight as possible on edges whose ends have one colour.

A vertex is k spins, one for each colour. From any spins, taking colours from a vertex that has several costs nothing on
edges and gains :math:`A_v`; giving the colour of least conflict to a vertex that has none costs at most
:math:`\frac{1}{k} \sum_u w_{uv}`, the mean over colours, once no vertex has two. So with
:math:`A_v > \frac{1}{k} \sum_u w_{uv}` the spins of least energy colour every vertex once.
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterable
from typing import Any, Self

import numpy as np
import torch

from graphar._support.checks import check_count
from graphar.hamiltonians import IsingGraph
from graphar.instances.couplings import check_memory
from graphar.problems.base import Problem
from graphar.problems.names import Colours
from graphar.problems.penalties import check_penalty
from graphar.problems.sources import adjacency, from_file, network

__all__ = ["Colouring"]

SWEEPS = 100


class Colouring(Problem[dict[Any, int | None]]):
    r"""Colour the vertices of a graph so that as little weight as possible is on edges of one colour.

    .. math:: H = \sum_v A_v \Big( 1 - \sum_c b_{vc} \Big)^2 + \sum_{(u,v)} w_{uv} \sum_c b_{uc} b_{vc},
              \qquad A_v = \frac{p}{k} \sum_u w_{uv}

    with p > 1, and :math:`A_v` = 1 where v has no edges. The objective is the weight of the edges in conflict; a proper
    colouring is one of objective 0. Feasible is what gives every vertex a colour. Answers are ``{vertex: colour}``,
    colours 0…k−1, or None; spin v·k + c says whether v has the colour c. :meth:`repair` gives uncoloured vertices the
    colour of least conflict, and then recolours vertices one by one while that gains. Reference: A. Lucas,
    `Front. Phys. 2, 5 (2014) <https://doi.org/10.3389/fphy.2014.00005>`_.

    Args:
        graph: as for :class:`MaxCut`; weights must not be negative.
        num_colours: k, at least 2.
        weight: attribute of networkx's edges that holds weights; None, as by default, for 1 each.
        penalty: p > 1.
        num_nodes, labels: as for :class:`MaxCut`.

    Raises:
        ValueError: as for :class:`MaxCut`; weights below 0, fewer than 2 colours, a penalty of 1 and less.

    >>> problem = Colouring([("a", "b"), ("b", "c"), ("a", "c")], 3)
    >>> problem.objective({"a": 0, "b": 1, "c": 1})
    1.0
    >>> problem.repair({"a": 0, "b": 1, "c": None})
    {'a': 0, 'b': 1, 'c': 2}
    """

    sense = "min"
    graph: IsingGraph
    _values_told = "colours"

    def __init__(
        self,
        graph: Any,
        num_colours: int,
        *,
        weight: str | None = None,
        penalty: float = 1.5,
        num_nodes: int | None = None,
        labels: Iterable[Hashable] | None = None,
    ) -> None:
        k, factor = check_count(num_colours, "num_colours", 2), check_penalty(penalty)
        net = network(graph, weight, num_nodes, labels)
        if (net.weights < 0).any():
            raise ValueError(f"graph must have no weights below 0, got {net.weights.min():g}")
        n, edges = net.num_vertices, len(net.first)
        check_memory(n * k, edges * k + n * k * (k - 1) / 2)
        ends = np.concatenate([net.first, net.second])
        strength = np.bincount(ends, np.concatenate([net.weights, net.weights]), minlength=n) * (factor / k)
        strength[strength == 0] = 1.0
        colours = np.arange(k)
        low, high = np.triu_indices(k, 1)
        sites = np.arange(n)[:, None] * k
        one_colour = [(sites + low).ravel(), (sites + high).ravel()]
        conflict = [(net.first[:, None] * k + colours).ravel(), (net.second[:, None] * k + colours).ravel()]
        # A (1 − Σ b)² = A (1 − Σ b + 2 Σ b b); b = (1 + x)/2
        pairs = np.concatenate([np.repeat(2 * strength, len(low)), np.repeat(net.weights, k)])
        first, second = (np.concatenate([one_colour[end], conflict[end]]) for end in (0, 1))
        linear = np.repeat(0.0 - strength, k)
        h = linear / 2 + (np.bincount(first, pairs, n * k) + np.bincount(second, pairs, n * k)) / 4
        names = None if net.names.labels is None else [(name, c) for name in net.names.labels for c in range(k)]
        self.graph = IsingGraph.from_edges(
            torch.from_numpy(np.stack([first, second])),
            torch.from_numpy(0.0 - pairs / 4),
            torch.from_numpy(0.0 - h),
            n * k,
            labels=names,
            offset=float(strength.sum() + linear.sum() / 2 + pairs.sum() / 4),
        )
        self.num_colours = k
        self._net, self._form = net, Colours(net.names, k)

    @classmethod
    def from_file(
        cls,
        path: str | os.PathLike[str],
        num_colours: int,
        format: str | None = None,
        *,
        penalty: float = 1.5,
        **options: Any,
    ) -> Self:
        """Colouring of a graph in a file, all its edges of weight 1; vertices are called as the file calls them."""
        net = from_file(path, format, options)
        if net.vertices is not None:
            raise ValueError(f"{path}: edges alone expected of a graph to colour, got weights of vertices")
        return cls(net._replace(weights=np.ones_like(net.weights)), num_colours, penalty=penalty)

    def _objective(self, values: np.ndarray) -> float:
        first, second = values[self._net.first], values[self._net.second]
        return float(self._net.weights[(first == second) & (first >= 0)].sum())

    def _affine(self) -> tuple[float, float]:
        return 1.0, 0.0

    def _values(self, spins: np.ndarray) -> np.ndarray:
        has = spins.reshape(-1, self.num_colours) > 0
        return np.where(has.any(axis=1), has.argmax(axis=1), -1)

    def _spins(self, values: np.ndarray) -> np.ndarray:
        return np.where(values[:, None] == np.arange(self.num_colours), 1, -1).astype(np.int8).ravel()

    def _violations(self, values: np.ndarray) -> list[Any]:
        return self._net.names.of(np.flatnonzero(values < 0))

    def _repair(self, values: np.ndarray) -> np.ndarray:
        from graphar.problems.loops import improve_colouring

        start, neighbours, weights = adjacency(self._net)
        order = np.argsort(-np.diff(start), kind="stable")
        colours = values.copy()
        improve_colouring(start, neighbours, weights, colours, order, self.num_colours, SWEEPS)
        return colours

    def _size(self) -> str:
        return f"{self._net.num_vertices} vertices, {len(self._net.first)} edges, {self.num_colours} colours"
