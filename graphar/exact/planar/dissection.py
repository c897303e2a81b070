"""In what order a graph is put together from its sites: the plan of the contraction in ``_kac_ward``.

Half-edges are numbered as in ``_planar_map``: e at the first site of edge e, e + E at its second. What is said of
sites holds for faces as well, between which there may be several edges, and edges from a face to itself.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch_geometric.data import Data

from graphar.exact.planar.faces import opposite

__all__ = ["Region", "join", "split"]

Ints = NDArray[np.int64]

_DEGREE = 6  # sites of more edges are split
_PIECE = 24  # sites that join in one dense step


class Region(NamedTuple):
    """Sites joined with earlier regions. Rows of its matrix: half-edges of the edges inside, then its boundary."""

    inner: Ints  # first halves of the edges inside, then their second halves in the same order
    boundary: Ints  # half-edges of the edges that leave
    own: Ints  # half-edges of the sites that join here
    own_rows: Ints
    parts: list[int]  # numbers of the regions inside
    part_rows: list[Ints]


def split(order: Ints, sites: Ints) -> tuple[Ints, Ints, int]:
    """Sites of many edges become chains of sites, each with few of the edges and tied to the next by a link.

    The links are edges numbered after the others. A link comes last around the site where it starts, and first
    where it ends: with t = 1 and Λ = −1 it joins the pieces of S to the whole.

    Args:
        order: half-edges by site and direction, shape (2E,).
        sites: site that each half-edge leaves, shape (2E,).

    Returns:
        Site of every half-edge, its place in the order around that site, and the number of links.
    """
    num_edges = len(order) // 2
    degree = np.bincount(sites, minlength=1)
    turn = np.empty(len(order), np.int64)
    turn[order] = np.arange(len(order)) - (np.cumsum(degree) - degree)[sites[order]]
    share = _DEGREE - 2  # room for a link to either side
    pieces = np.where(degree > _DEGREE, -(-degree // share), 1)
    start = np.cumsum(pieces) - pieces
    site = start[sites] + np.where(pieces[sites] > 1, turn // share, 0)
    tied = np.setdiff1d(np.arange(pieces.sum()), start + pieces - 1)  # every piece but the last, to the next one
    first, last = np.full(len(tied), -1), np.full(len(tied), len(order))
    halves = (site[:num_edges], tied, site[num_edges:], tied + 1)
    turns = (turn[:num_edges], last, turn[num_edges:], first)
    return np.concatenate(halves), np.concatenate(turns), len(tied)


def join(sites: Ints, mirrored: bool = False) -> list[Region]:
    """Regions in an order in which every region comes after its parts, along a minimum-degree elimination tree.

    Args:
        sites: site that each half-edge leaves, shape (2E,).
        mirrored: numbers the sites backwards and joins fewer at once, for another order of the same sum.
    """
    if not len(sites):
        return []
    num_edges = len(sites) // 2
    number = _groups(sites.max() - sites, _PIECE // 4) if mirrored else _groups(sites, _PIECE)
    # An edge is summed out in the later of the regions of its sites, which contains the other.
    summed = np.maximum(number[:num_edges], number[num_edges:])
    by_group = np.argsort(number, kind="stable")
    own_of = np.split(by_group, np.cumsum(np.bincount(number))[:-1])
    row = np.empty(2 * num_edges, np.int64)
    parts_of: list[list[int]] = [[] for _ in own_of]
    regions: list[Region] = []
    for k, (own, parts) in enumerate(zip(own_of, parts_of, strict=True)):
        everything = np.sort(np.concatenate([own, *(regions[part].boundary for part in parts)]))
        inside = summed[everything % num_edges] == k
        inner, boundary = everything[inside], everything[~inside]
        row[inner] = np.arange(len(inner))
        row[boundary] = np.arange(len(inner), len(everything))
        part_rows = [row[regions[part].boundary] for part in parts]
        regions.append(Region(inner, boundary, own, row[own], parts, part_rows))
        if len(boundary):
            parts_of[int(summed[boundary % num_edges].min())].append(k)
    return regions


def _groups(sites: Ints, piece: int) -> Ints:
    """Number of the region in which the site of each half-edge joins, ascending towards the roots of the tree."""
    from graphar.ordering.adjacency import adjacency
    from graphar.ordering.compiled.elimination_tree import elimination_tree
    from graphar.ordering.greedy import min_degree

    _, sites = np.unique(sites, return_inverse=True)
    ends = np.stack([sites, sites[opposite(len(sites) // 2)]])
    num_sites = int(sites.max()) + 1

    def neighbours(ends: Ints) -> Data:
        once = np.unique((ends[0] * num_sites + ends[1])[ends[0] != ends[1]])
        return Data(edge_index=torch.from_numpy(np.stack(np.divmod(once, num_sites))), num_nodes=num_sites)

    ranks = min_degree(neighbours(ends)).ranks.numpy()
    parent = elimination_tree(*adjacency(neighbours(ranks[ends]))).tolist()
    size, merged = [1] * num_sites, [False] * num_sites
    for rank in range(num_sites - 1, -1, -1):  # sites below come first
        above = parent[rank]
        if above >= 0 and size[above] + size[rank] <= piece:
            size[above] += size[rank]
            merged[rank] = True
    group: list[int] = []  # the topmost rank of the region
    for rank in range(num_sites):
        group.append(group[parent[rank]] if merged[rank] else rank)
    _, number = np.unique(-np.array(group), return_inverse=True)
    return number[ranks[sites]]
