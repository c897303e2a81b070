"""Neighbour lists of a graph as arrays: the form that every ordering algorithm reads."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch_geometric.data import Data

from graphar.hamiltonians import SpinHypergraph

__all__ = ["Ints", "adjacency", "edges_of"]

Ints = NDArray[np.int64]


def adjacency(graph: Data) -> tuple[Ints, Ints]:
    """Neighbours of site i, ascending, are ``indices[indptr[i] : indptr[i + 1]]``; shapes (N + 1,) and (2E,)."""
    num_sites = int(graph.num_nodes or 0)
    source, target = edges_of(graph).cpu().numpy().astype(np.int64, copy=False)
    key = source * num_sites + target
    if key.size and bool((key[1:] <= key[:-1]).any()):
        source, target = np.divmod(np.unique(key), num_sites)
    indptr = np.zeros(num_sites + 1, dtype=np.int64)
    np.cumsum(np.bincount(source, minlength=num_sites), out=indptr[1:])
    return indptr, np.ascontiguousarray(target)


def edges_of(graph: Data) -> Tensor:
    """Both directions of every edge, (2, 2E); of a hypergraph those of its primal graph, sorted."""
    if not isinstance(graph, SpinHypergraph):
        return graph.edge_index
    return graph.primal_edges()
