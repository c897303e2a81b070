"""Connected components: parts of a graph that are solved one by one."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from graphar._support.checks import check_spins
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.hamiltonians.kinds import check_hamiltonian

__all__ = ["Components", "components"]


def components(graph: IsingGraph | SpinHypergraph) -> Components:
    """Parts of a graph between which there are no interactions, largest first; those of J = 0 join nothing.

    Raises:
        ValueError: a batch of several graphs.

    >>> import graphar as ga
    >>> parts = components(ga.IsingGraph.from_edges([[0, 1, 3], [1, 2, 4]], [1.0, -1.0, 0.5], num_nodes=6))
    >>> [part.num_spins for part in parts.graphs]
    [3, 2, 1]
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    check_hamiltonian(graph, alone=True)
    graph.validate()
    if isinstance(graph, SpinHypergraph):
        return _of_many(graph)
    i, j, J = (each.detach().cpu() for each in graph.undirected())
    i, j, J = i[J != 0], j[J != 0], J[J != 0]
    n = graph.num_spins
    count, member = connected_components(coo_array((J.numpy(), (i.numpy(), j.numpy())), shape=(n, n)), directed=False)
    of = torch.from_numpy(member).long()
    sizes = torch.bincount(of, minlength=count)
    rank = torch.argsort(torch.argsort(-sizes, stable=True))
    of = rank[of]
    sites = torch.argsort(of, stable=True).split(torch.bincount(of, minlength=count).tolist())
    place = torch.empty(n, dtype=torch.int64)
    for each in sites:
        place[each] = torch.arange(len(each))
    order = torch.argsort(of[i], stable=True)
    edges = order.split(torch.bincount(of[i], minlength=count).tolist())
    h, labels = graph.h.detach().cpu(), graph.labels
    graphs = [
        IsingGraph.from_edges(
            place[torch.stack([i[inside], j[inside]])],
            J[inside],
            h[where],
            len(where),
            pos=None if graph.pos is None else graph.pos[where],
            labels=None if labels is None else [labels[site] for site in where.tolist()],
            dtype=graph.dtype,
        )
        for where, inside in zip(sites, edges, strict=True)
    ]
    return Components(graph, tuple(graphs), tuple(sites))


def _of_many(graph: SpinHypergraph) -> Components:
    """Parts of a hypergraph, by a path through the sites of each interaction."""
    listed = [(sites, J) for sites, J in graph.listed() if J != 0]
    paths = [pair for sites, _ in listed for pair in itertools.pairwise(sites)]
    ends = torch.tensor(paths, dtype=torch.int64).reshape(-1, 2).T
    joined = IsingGraph.from_edges(ends, 1.0, None, graph.num_spins, duplicates="sum")
    sites = components(joined).sites
    part, place = [0] * graph.num_spins, [0] * graph.num_spins
    inside: list[list[tuple[tuple[int, ...], float]]] = [[] for _ in sites]
    for number, where in enumerate(sites):
        for rank, site in enumerate(where.tolist()):
            part[site], place[site] = number, rank
    for each, J in listed:
        inside[part[each[0]]].append((tuple(place[site] for site in each), J))
    h, labels = graph.h.detach().cpu(), graph.labels
    graphs = [
        SpinHypergraph.from_hyperedges(
            [each for each, _ in held],
            [J for _, J in held],
            h[where],
            len(where),
            pos=None if graph.pos is None else graph.pos[where],
            dtype=graph.dtype,
        )
        for where, held in zip(sites, inside, strict=True)
    ]
    for made, where in zip(graphs, sites, strict=True):
        made.labels = None if labels is None else tuple(labels[site] for site in where.tolist())
    return Components(graph, tuple(graphs), sites)


@dataclass(frozen=True, eq=False)
class Components:
    """Connected components of a graph; made by :func:`components`.

    Attributes:
        original: the graph; its energy is its offset and the sum of those of its parts.
        graphs: the parts, largest first, with an offset of 0.
        sites: of each part in the graph, rising.
    """

    original: IsingGraph | SpinHypergraph
    graphs: tuple[IsingGraph | SpinHypergraph, ...]
    sites: tuple[Tensor, ...]

    def join(self, spins: Sequence[Any]) -> Tensor:
        """Configurations (..., N), int8, of those of each part, (..., n)."""
        if len(spins) != len(self.graphs):
            raise ValueError(f"spins must be of {len(self.graphs)} parts, got {len(spins)}")
        parts = [check_spins(x, part.num_spins).cpu() for x, part in zip(spins, self.graphs, strict=True)]
        if len({part.shape[:-1] for part in parts}) > 1:
            raise ValueError(f"spins must have one shape but for sites, got {[tuple(part.shape) for part in parts]}")
        joined = torch.empty(*parts[0].shape[:-1], self.original.num_spins, dtype=torch.int8)
        for part, where in zip(parts, self.sites, strict=True):
            joined[..., where] = part.to(torch.int8)
        return joined

    def __repr__(self) -> str:
        sizes = ", ".join(str(part.num_spins) for part in self.graphs[:3]) + (", …" if len(self.graphs) > 3 else "")
        parts = f"{len(self.graphs)} part{'' if len(self.graphs) == 1 else 's'} of {sizes}"
        return f"Components({self.original.num_spins} spins, {parts})"
