"""The combinatorics of a drawing: the order of the edges around each site, and around each face.

Edge e of E is two half-edges, e at its first site and e + E at its second; each leaves its own site.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from graphar.exact.planar.embedding import DrawingError

__all__ = ["PlanarMap", "connected", "euler_characteristic", "map_of_steps", "opposite", "planar_map"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class PlanarMap(NamedTuple):
    """A drawn graph; everything below but ``ends`` and ``order`` has one entry a half-edge, shape (2E,).

    Attributes:
        ends: sites of the edges, shape (2, E).
        sites: site that the half-edge leaves.
        order: the half-edges by site, and counterclockwise from the +x axis around it.
        upward: whether its direction is in [0, π).
        following: next half-edge around the face on the right: at the far site, the next one counterclockwise.
        faces: number of the face on the right. Every component of the graph has an outer face of its own.
    """

    ends: Ints
    sites: Ints
    order: Ints
    upward: NDArray[np.bool_]
    following: Ints
    faces: Ints


def opposite(num_edges: int) -> Ints:
    """The other half of every half-edge."""
    return np.roll(np.arange(2 * num_edges), num_edges)


def connected(one: Ints, other: Ints, num_nodes: int) -> tuple[int, Ints]:
    """Number of components of a graph given by the ends of its edges, and the component of every node."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(one), np.int8), (one, other)), shape=(num_nodes, num_nodes))
    count, label = connected_components(graph, directed=False)
    return int(count), label.astype(np.int64)


def planar_map(places: Floats, ends: Ints) -> PlanarMap:
    """Map of a straight-line drawing without crossings.

    Args:
        places: of the sites, shape (N, 2).
        ends: sites of the edges, shape (2, E).
    """
    drawn = map_of_steps(places[ends[1]] - places[ends[0]], ends)
    found, components = euler_characteristic(drawn, len(places))
    if found != 2 * components:
        raise DrawingError("graph must have a drawing whose edges can be told apart in float64, got one that cannot")
    return drawn


def map_of_steps(step: Floats, ends: Ints) -> PlanarMap:
    """Map of a drawing in which every edge goes straight from its first site by ``step``, shape (E, 2)."""
    num_edges, sites = ends.shape[1], ends.ravel()
    up = (step[:, 1] > 0) | ((step[:, 1] == 0) & (step[:, 0] > 0))
    # One angle in [0, π) for both halves, so that they are exactly opposite in spite of rounding.
    angle = np.arctan2(np.abs(step[:, 1]), np.where(up, step[:, 0], -step[:, 0]))
    upward = np.concatenate([up, ~up])
    order = np.lexsort((np.tile(angle, 2), ~upward, sites))
    by_site, here = sites[order], np.arange(2 * num_edges)
    more = np.append(by_site[1:] == by_site[:-1], np.zeros(min(1, num_edges), np.bool_))
    counterclockwise = np.empty_like(order)
    counterclockwise[order] = order[np.where(more, here + 1, np.searchsorted(by_site, by_site))]
    following = counterclockwise[opposite(num_edges)]
    _, faces = connected(here, following, 2 * num_edges)
    return PlanarMap(ends, sites, order, upward, following, faces)


def euler_characteristic(drawn: PlanarMap, num_sites: int) -> tuple[int, int]:
    """Sites − edges + faces, and the number of components, sites without edges left out."""
    touched, num_edges = len(np.unique(drawn.sites)), drawn.ends.shape[1]
    components = connected(drawn.ends[0], drawn.ends[1], num_sites)[0] - (num_sites - touched)
    return touched - num_edges + int(drawn.faces.max(initial=-1)) + 1, components
