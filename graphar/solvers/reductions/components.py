"""Connected components: parts of a graph that are solved one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from graphar._support.checks import check_spins
from graphar.hamiltonians import IsingGraph
from graphar.hamiltonians.kinds import check_ising

__all__ = ["Components", "components"]


def components(graph: IsingGraph) -> Components:
    """Parts of a graph between which there are no couplings, largest first; couplings of 0 join nothing.

    Raises:
        ValueError: a hypergraph, a batch of several graphs.

    >>> import graphar as ga
    >>> parts = components(ga.IsingGraph.from_edges([[0, 1, 3], [1, 2, 4]], [1.0, -1.0, 0.5], num_nodes=6))
    >>> [part.num_spins for part in parts.graphs]
    [3, 2, 1]
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    check_ising(graph, alone=True)
    graph.validate()
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


@dataclass(frozen=True, eq=False)
class Components:
    """Connected components of a graph; made by :func:`components`.

    Attributes:
        original: the graph; its energy is its offset and the sum of those of its parts.
        graphs: the parts, largest first, with an offset of 0.
        sites: of each part in the graph, rising.
    """

    original: IsingGraph
    graphs: tuple[IsingGraph, ...]
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
