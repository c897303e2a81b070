"""Straight-line drawings of planar graphs: taken from the graph or made, and checked for crossings."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from graphar.hamiltonians import IsingGraph

__all__ = ["DrawingError", "draw", "find_crossing"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_ROUNDING = 1e-14  # nearer than this part of the drawing's size, a site counts as lying on an edge
_ELSE = 'embedding="networkx" draws a planar graph anew'


class DrawingError(ValueError):
    """No drawing without crossings, in the places given or at all."""


def draw(graph: IsingGraph, embedding: str) -> Floats:
    """Places of the sites, shape (N, 2), such that straight edges meet at their ends alone.

    Raises:
        ValueError: unknown ``embedding``; as :class:`DrawingError` places that are missing, not in the plane or give
            crossing edges, and graphs that are not planar.
    """
    if embedding not in ("auto", "pos", "networkx"):
        raise ValueError(f'embedding must be "auto", "pos" or "networkx", got {embedding!r}')
    plane = graph.pos is not None and graph.pos.shape[1] == 2
    if embedding == "networkx" or (embedding == "auto" and not plane):
        return _drawn_by_networkx(graph)
    if graph.pos is None or not plane:
        shape = None if graph.pos is None else tuple(graph.pos.shape)
        raise DrawingError(f"graph.pos must have shape ({graph.num_spins}, 2) to be an embedding, got {shape}; {_ELSE}")
    places = graph.pos.detach().cpu().double().numpy()
    ends = np.stack([part.cpu().numpy() for part in graph.undirected()[:2]])
    crossing = find_crossing(places, ends)
    if crossing is not None:
        raise DrawingError(f"graph.pos must draw the graph without crossings, got {crossing}; {_ELSE}")
    return places


def _drawn_by_networkx(graph: IsingGraph) -> Floats:
    import networkx as nx

    plain = nx.Graph()
    plain.add_nodes_from(range(graph.num_spins))
    lower, upper, _ = graph.undirected()
    plain.add_edges_from(zip(lower.tolist(), upper.tolist(), strict=True))
    planar, rotation = nx.check_planarity(plain)
    if not planar:
        raise DrawingError(
            f"graph must be planar, got {graph!r}, which contains a subdivision of K5 or K3,3; "
            "graphar.exact.eliminate takes any graph of small width"
        )
    places = nx.combinatorial_embedding_to_pos(rotation)
    return np.array([places[site] for site in range(graph.num_spins)], dtype=np.float64)


def find_crossing(places: Floats, ends: Ints) -> str | None:
    """First fault of a straight-line drawing met by a line that sweeps the plane, in words, or None.

    Edges that cut the sweeping line are kept from bottom to top; wherever two of them become neighbours they are
    tested, O((N + E) log E) tests in all (Shamos and Hoey 1976, https://doi.org/10.1109/SFCS.1976.16).

    Args:
        places: of the sites, shape (N, 2).
        ends: sites of the edges, shape (2, E).
    """
    order = np.lexsort((places[:, 1], places[:, 0]))
    same = np.flatnonzero((places[order[1:]] == places[order[:-1]]).all(axis=1))
    if len(same):
        first, second = sorted(order[same[0] : same[0] + 2].tolist())
        return f"sites {first} and {second} at one place"
    return _Sweep(places, ends, order).run() if ends.shape[1] else None


class _Sweep:
    """Sites from left to right (upwards where level); every edge from its first site to its last."""

    def __init__(self, places: Floats, ends: Ints, order: Ints) -> None:
        size = float(np.ptp(places, axis=0).max())
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        forward = rank[ends[0]] < rank[ends[1]]
        start, stop = np.where(forward, ends, ends[::-1])
        step = places[stop] - places[start]
        by_slope = np.lexsort((np.arctan2(step[:, 1], step[:, 0]), rank[start]))
        self.order: list[int] = order.tolist()
        self.place: list[list[float]] = places.tolist()
        self.start: list[int] = start.tolist()
        self.stop: list[int] = stop.tolist()
        self.line = list(zip(*places[start].T.tolist(), *step.T.tolist(), strict=True))
        self.tolerance: list[float] = (_ROUNDING * size * np.abs(step).sum(axis=1)).tolist()
        self.leaving: list[list[int]] = [[] for _ in order]
        for edge in by_slope.tolist():
            self.leaving[self.start[edge]].append(edge)
        self.arriving: list[int] = np.bincount(stop, minlength=len(order)).tolist()

    def run(self) -> str | None:
        active: list[int] = []  # edges that cut the line, from bottom to top
        for site in self.order:
            low = self._number_below(active, site)
            high = low
            while high < len(active) and not self._side(active[high], site):
                if self.stop[active[high]] != site:
                    return f"edge {self._name(active[high])} through site {site}"
                high += 1
            if high - low != self.arriving[site]:  # out of order, by less than rounding
                return f"edges too close to tell apart at site {site}"
            leaving = self.leaving[site]
            for lower, upper in pairwise(leaving):
                if not self._side(lower, self.stop[upper]) or not self._side(upper, self.stop[lower]):
                    return f"edges {self._name(lower)} and {self._name(upper)} that overlap"
            active[low:high] = leaving
            for k in {low, low + len(leaving)}:
                if 0 < k < len(active) and self._cross(active[k - 1], active[k]):
                    return f"edges {self._name(active[k - 1])} and {self._name(active[k])} that cross"
        return None

    def _number_below(self, active: list[int], site: int) -> int:
        low, high = 0, len(active)
        while low < high:
            middle = (low + high) // 2
            if self._side(active[middle], site) > 0:
                low = middle + 1
            else:
                high = middle
        return low

    def _side(self, edge: int, site: int) -> int:
        """+1 where the site lies above the line through the edge, −1 below, 0 on it."""
        x, y, dx, dy = self.line[edge]
        px, py = self.place[site]
        area = dx * (py - y) - dy * (px - x)
        return (area > self.tolerance[edge]) - (area < -self.tolerance[edge])

    def _cross(self, one: int, other: int) -> bool:
        """Whether two edges meet between their ends; sites on edges are found when the line reaches them."""
        a, b, c, d = self.start[one], self.stop[one], self.start[other], self.stop[other]
        if a in (c, d) or b in (c, d):
            return False
        return self._side(one, c) * self._side(one, d) < 0 and self._side(other, a) * self._side(other, b) < 0

    def _name(self, edge: int) -> str:
        low, high = sorted((self.start[edge], self.stop[edge]))
        return f"({low}, {high})"
