"""Neighbour lists of a graph as arrays: the form that every ordering algorithm reads."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch_geometric.data import Data

from graphar.hamiltonians import SpinHypergraph

__all__ = ["Ints", "adjacency", "check_edges"]

Ints = NDArray[np.int64]


def adjacency(graph: Data) -> tuple[Ints, Ints]:
    """Neighbours of site i, ascending, are ``indices[indptr[i] : indptr[i + 1]]``; shapes (N + 1,) and (2E,)."""
    check_edges(graph)
    num_sites = int(graph.num_nodes or 0)
    source, target = graph.edge_index.cpu().numpy().astype(np.int64, copy=False)
    key = source * num_sites + target
    if key.size and bool((key[1:] <= key[:-1]).any()):
        source, target = np.divmod(np.unique(key), num_sites)
    indptr = np.zeros(num_sites + 1, dtype=np.int64)
    np.cumsum(np.bincount(source, minlength=num_sites), out=indptr[1:])
    return indptr, np.ascontiguousarray(target)


def check_edges(graph: Data) -> None:
    """Refuse a hypergraph, which has none."""
    if isinstance(graph, SpinHypergraph):
        raise ValueError(f"graph must have edges, which graph.primal_graph() lists, got {graph!r}")
