"""An Ising graph from, and as, a networkx graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from graphar._support.checks import as_float_tensor
from graphar.hamiltonians._build import build
from graphar.hamiltonians._entries import constant
from graphar.hamiltonians.edge_lists import COUPLING, couplings_of

if TYPE_CHECKING:
    from graphar.hamiltonians.ising import IsingGraph

__all__ = ["from_networkx", "to_networkx"]


def from_networkx(
    cls: type[IsingGraph],
    graph: Any,
    *,
    coupling: str | Sequence[str] | None = COUPLING,
    field: str = "h",
    dtype: torch.dtype | None = None,
) -> IsingGraph:
    r"""Graph of :math:`H = -\sum_{(i,j)} J_{ij} x_i x_j - \sum_i h_i x_i` from an undirected networkx graph.

    Site k is the k-th of ``graph.nodes``, which are kept as ``labels`` if they are not 0…N−1 in this order.
    ``graph.graph["offset"]`` is the constant of the energy, and the node attribute ``pos`` gives the places if
    every node has it.

    Args:
        cls: class of the graph.
        graph: ``networkx.Graph``; directed graphs, multigraphs and self-loops are refused.
        coupling: edge attribute holding J, which every edge must have; of several names, the first that any edge
            has; None for J = 1 on every edge. By default ``J``, else ``weight``.
        field: node attribute holding h; nodes without it have no field.
        dtype: floating type of the graph, float64 by default.

    >>> import networkx as nx
    >>> from graphar import IsingGraph
    >>> IsingGraph.from_networkx(nx.petersen_graph(), coupling=None)
    IsingGraph(10 spins, 15 couplings = 1, no field)
    """
    if not callable(getattr(graph, "is_multigraph", None)) or graph.is_directed() or graph.is_multigraph():
        raise ValueError(f"graph must be an undirected networkx.Graph without parallel edges, got {type(graph)}")
    site = {node: k for k, node in enumerate(graph.nodes)}
    pairs, attributes = [], []
    for u, v, named in graph.edges(data=True):
        if u == v:
            raise ValueError(f"graph must not hold self-loops, got one at node {u!r}")
        pairs.append((u, v))
        attributes.append(named)
    rule = "coupling must be an attribute of every edge (coupling=None takes J = 1 everywhere)"
    couplings = as_float_tensor(couplings_of(pairs, attributes, coupling, rule), "coupling", dtype)
    ends = np.array([(site[u], site[v]) for u, v in pairs], dtype=np.int64).reshape(-1, 2)
    pos = [attributes.get("pos") for _, attributes in graph.nodes(data=True)]
    return build(
        cls,
        torch.as_tensor(ends.T),
        couplings,
        [attributes.get(field, 0.0) for _, attributes in graph.nodes(data=True)],
        len(site),
        labels=list(site),
        offset=graph.graph.get("offset", 0.0),
        pos=None if any(place is None for place in pos) else pos,
        dtype=dtype,
    )


def to_networkx(graph: IsingGraph) -> Any:
    """``networkx.Graph`` on labels, or 0…N−1: ``J`` on edges, ``h`` (and ``pos``) on nodes, ``offset`` on the graph."""
    import networkx as nx

    i, j, J = graph.undirected()
    nodes = range(graph.num_spins) if graph.labels is None else graph.labels
    result = nx.Graph(offset=constant(graph))
    result.add_nodes_from((node, {"h": field}) for node, field in zip(nodes, graph.h.tolist(), strict=True))
    if graph.pos is not None:
        places = (tuple(place) for place in graph.pos.tolist())
        nx.set_node_attributes(result, dict(zip(nodes, places, strict=True)), "pos")
    edges = zip(i.tolist(), j.tolist(), J.tolist(), strict=True)
    result.add_edges_from((nodes[a], nodes[b], {"J": c}) for a, b, c in edges)
    return result
