"""A name that a Hamiltonian has by its numbers alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np

from graphar.hamiltonians.hypergraph import SpinHypergraph
from graphar.hamiltonians.interactions import by_order
from graphar.hamiltonians.ising import IsingGraph

__all__ = ["fingerprint"]


def fingerprint(graph: IsingGraph | SpinHypergraph) -> str:
    """32 hexadecimal digits that follow from N, interactions, fields and offset, as float64, in the order of the sites.

    Names and places of sites do not count, nor does the order of the interactions. A hypergraph of pairs has that of
    its :class:`graphar.IsingGraph`.

    >>> from graphar.hamiltonians import IsingGraph
    >>> first = IsingGraph.from_edges([[0, 1], [1, 2]], [1.0, -1.0])
    >>> fingerprint(first) == fingerprint(IsingGraph.from_edges([[2, 1], [1, 0]], [-1.0, 1.0]))
    True
    """
    digest = hashlib.blake2b(f"graphar {graph.num_spins}".encode(), digest_size=16)
    for sites, weight in _groups(graph):
        order = np.lexsort(sites.T[::-1])
        digest.update(np.array(sites.shape, "<i8").tobytes())
        digest.update(sites[order].astype("<i8").tobytes())
        digest.update(_plain(weight[order]))
    digest.update(_plain(graph.h.double().cpu().numpy()))
    digest.update(_plain(graph.offset.double().cpu().numpy()))
    return digest.hexdigest()


def _groups(graph: IsingGraph | SpinHypergraph) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Of each order k: sites (A_k, k), rising, and couplings (A_k,)."""
    if isinstance(graph, IsingGraph):
        i, j, J = (part.cpu().numpy() for part in graph.undirected())
        if len(J):
            yield np.stack([np.minimum(i, j), np.maximum(i, j)], 1), J
        return
    site, orders = graph.members()
    J = graph.hyperedge_weight.cpu().numpy()
    for _, which, where in by_order(orders.cpu()):
        yield np.sort(site.cpu().numpy()[where.numpy()], 1), J[which.numpy()]


def _plain(values: np.ndarray) -> bytes:
    return (values.astype("<f8") + 0.0).tobytes()  # −0 as 0
