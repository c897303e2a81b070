"""Drawings on a torus without crossings, and what winds around it.

Places repeat with a period along both axes, and an edge goes the short way. The crossings of two lines where one
period ends and the next begins tell how an edge, and a closed path of edges, winds around the torus, mod 2.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from graphar.exact.planar.faces import PlanarMap, euler_characteristic, map_of_steps
from graphar.hamiltonians import IsingGraph

__all__ = ["TorusMap", "draw_on_torus", "winding_of_bonds"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_ROUNDING = 1e-9  # of angles and areas, relative


class TorusMap(NamedTuple):
    """A graph drawn on a torus.

    Attributes:
        drawn: order of the edges around sites and faces.
        crossings: how often each edge crosses the ends of the periods along both axes, mod 2, shape (2, E).
    """

    drawn: PlanarMap
    crossings: Ints

    def twist(self, along: tuple[int, int]) -> Floats:
        """−1 for edges that cross the ends of the periods chosen an odd number of times, shape (E,)."""
        return np.where((np.array(along) @ self.crossings) % 2, -1.0, 1.0)


def draw_on_torus(graph: IsingGraph, period: tuple[float, float] | None) -> TorusMap:
    """The map of a graph whose places ``pos`` repeat with a period; that of :func:`graphar.grid` by default.

    Raises:
        ValueError: no places in the plane, a period that is not positive, edges of half a period, or crossings.
    """
    if graph.pos is None or graph.pos.shape[1] != 2:
        shape = None if graph.pos is None else tuple(graph.pos.shape)
        raise ValueError(f"graph.pos must have shape ({graph.num_spins}, 2) to be a drawing on a torus, got {shape}")
    places = graph.pos.detach().cpu().double().numpy()
    lower, upper, _ = graph.undirected()
    ends = np.stack([lower.cpu().numpy(), upper.cpu().numpy()])
    size = np.ptp(places, axis=0) + 1 if period is None else np.asarray(period, np.float64)
    if size.shape != (2,) or not (np.isfinite(size).all() and (size > 0).all()):
        raise ValueError(f"period must be two positive numbers, got {period!r}")
    apart = places[ends[1]] - places[ends[0]]
    turns = np.round(apart / size)
    step = apart - turns * size
    if (np.abs(np.abs(step) - size / 2) < _ROUNDING * size).any():
        raise ValueError(
            f"period must leave each edge one short way around, got {tuple(size.tolist())} with an edge of half of it; "
            "graphar.exact.eliminate takes narrow tori"
        )
    drawn = map_of_steps(step, ends)
    _check(drawn, step, size, graph.num_spins)
    return TorusMap(drawn, np.abs(turns).astype(np.int64).T % 2)


def _check(drawn: PlanarMap, step: Floats, size: Floats, num_sites: int) -> None:
    """Every face is a disc, walked around once and in the same sense; as Euler's number is 0, they cover the torus."""
    found, components = euler_characteristic(drawn, num_sites)
    if components != 1 or len(np.unique(drawn.sites)) != num_sites or found != 0:
        raise ValueError(
            "graph must be connected and cut the torus into discs, got a drawing of "
            f"{components} components with sites − edges + faces = {found}"
        )
    steps = np.concatenate([step, -step])
    count = int(drawn.faces.max()) + 1
    closed = np.stack([np.bincount(drawn.faces, steps[:, axis], count) for axis in (0, 1)])
    angle = np.arctan2(steps[:, 1], steps[:, 0])
    turn = np.mod(angle[drawn.following] - angle + np.pi, 2 * np.pi) - np.pi  # back along a dead end: −π
    turning = np.bincount(drawn.faces, turn, count)
    one_way = np.abs(turning - math.copysign(2 * math.pi, turning[0])).max() < 1e-6
    if np.abs(closed).max() > _ROUNDING * size.max() or not one_way:
        raise ValueError("graph.pos must draw the graph on the torus without crossings, got edges that cross")


def winding_of_bonds(torus: TorusMap, opposite: NDArray[np.bool_], num_sites: int) -> tuple[int, int]:
    """Whether bonds that agree with spins around every face change sign along closed paths around either period.

    (0, 0) where they are the bonds x_i x_j of a configuration.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import breadth_first_order

    lower, upper = torus.drawn.ends
    edge = np.arange(1, len(lower) + 1)
    graph = coo_array((np.tile(edge, 2), (np.r_[lower, upper], np.r_[upper, lower])), shape=(num_sites,) * 2).tocsr()
    order, before = breadth_first_order(graph, 0)
    label = np.zeros((3, num_sites), np.int64)  # sign and windings of the path from the first site
    kinds = np.stack([opposite.astype(np.int64), *torus.crossings])
    through = np.asarray(graph[before[order[1:]], order[1:]]).ravel() - 1
    for site, e in zip(order[1:].tolist(), through.tolist(), strict=True):
        label[:, site] = label[:, before[site]] ^ kinds[:, e]
    around = label[:, lower] ^ label[:, upper] ^ kinds  # of the cycle that each edge closes
    for a in (0, 1):
        for b in (0, 1):
            if not ((around[0] + a * around[1] + b * around[2]) % 2).any():
                return a, b
    raise RuntimeError("the matching left a frustrated face alone: pymatching gave no perfect matching")
