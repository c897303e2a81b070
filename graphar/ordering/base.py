"""A sampling order of the sites of a graph.

Ranks 0…N−1 are the order in which spins are *sampled*; they are summed out in the opposite one, from rank N−1
down to 0. So whatever an elimination heuristic removes first is sampled last, and the top separator of a nested
dissection is sampled first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data

from graphar.ordering.structure import Structure

__all__ = ["Ordering"]


@final
@dataclass(frozen=True, init=False, eq=False, repr=False)
class Ordering:
    """Sites of a graph in the order in which they are sampled.

    Orderings are immutable; two are equal when they list the same sites in the same order.

    Args:
        graph: the graph of N sites, any :class:`torch_geometric.data.Data`, or a hypergraph of spins.
        sites: sites in sampling order (rank → site), a permutation of 0…N−1, shape (N,).
        name: how the ordering was made, for tables and pictures.

    Attributes:
        graph, name: as given.
        sites: int64 on the CPU, shape (N,).
        ranks: rank of every site (site → rank), int64 of shape (N,): ``ranks[sites] = 0…N−1``.

    Raises:
        ValueError: ``sites`` is no permutation of 0…N−1.

    >>> from graphar import IsingGraph
    >>> path = IsingGraph.from_edges([[0, 1], [1, 2]])
    >>> order = Ordering(path, [1, 0, 2])
    >>> order
    Ordering(3 sites, given: 1 0 2)
    >>> order.ranks
    tensor([1, 0, 2])
    """

    graph: Data
    sites: Tensor
    ranks: Tensor
    name: str

    def __init__(self, graph: Data, sites: Any, name: str = "given") -> None:
        order = _as_permutation(sites, int(graph.num_nodes or 0))
        ranks = torch.empty_like(order)
        ranks[order] = torch.arange(len(order))
        for attribute, value in (("graph", graph), ("sites", order), ("ranks", ranks), ("name", name)):
            object.__setattr__(self, attribute, value)  # frozen: set once, here

    def __len__(self) -> int:
        return self.sites.shape[0]

    def __eq__(self, other: object) -> bool:
        return torch.equal(self.sites, other.sites) if isinstance(other, Ordering) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.sites.numpy().tobytes())

    def __repr__(self) -> str:
        shown = " ".join(str(site) for site in self.sites[:6].tolist())
        dots = " …" if len(self) > 6 else ""
        return f"Ordering({len(self)} site{'s' * (len(self) != 1)}, {self.name}: {shown}{dots})"

    def describe(self, frontier: str = "component", radius: int | None = None) -> str:
        """Width, pairs, levels and predicted cost of this ordering.

        Args:
            frontier: ``"component"`` or ``"all"``, the frontier whose pairs are counted.
            radius: largest distance of a frontier spin from its reader, if there is to be one.
        """
        return Structure(self.graph, self.ranks, frontier, radius, self.name).describe()


def _as_permutation(sites: Any, num_sites: int) -> Tensor:
    tensor = sites if isinstance(sites, Tensor) else torch.as_tensor(np.array(sites))
    if tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool:
        raise ValueError(f"sites must hold integers, got {tensor.dtype}")
    if tensor.shape != (num_sites,):
        raise ValueError(f"sites must have shape ({num_sites},), one per site, got {tuple(tensor.shape)}")
    tensor = tensor.detach().to("cpu", torch.int64, copy=True)
    outside = (tensor < 0) | (tensor >= num_sites)
    if bool(outside.any()):
        rank = int(outside.nonzero()[0])
        raise ValueError(
            f"sites must be a permutation of 0…{num_sites - 1}, got site {int(tensor[rank])} at rank {rank}"
        )
    times = torch.bincount(tensor, minlength=num_sites)
    if bool((times != 1).any()):
        missing, repeated = int((times == 0).nonzero()[0]), int((times > 1).nonzero()[0])
        raise ValueError(
            f"sites must be a permutation of 0…{num_sites - 1}, got site {repeated} repeated and site {missing} missing"
        )
    return tensor
