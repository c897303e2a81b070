"""networkx graphs as Ising graphs, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from graphar._support.checks import as_float_tensor
from graphar.hamiltonians._parts import Parts
from graphar.hamiltonians.edge_lists import couplings_of

__all__ = ["from_networkx", "to_networkx"]


def from_networkx(graph: Any, coupling: str | Sequence[str] | None, field: str, dtype: torch.dtype | None) -> Parts:
    """Couplings from an attribute of the edges, fields from one of the nodes, which are the labels."""
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
    return Parts(
        torch.as_tensor(ends.T),
        couplings,
        [attributes.get(field, 0.0) for _, attributes in graph.nodes(data=True)],
        len(site),
        labels=list(site),
        offset=graph.graph.get("offset", 0.0),
        pos=None if any(place is None for place in pos) else pos,
    )


def to_networkx(parts: Parts) -> Any:
    """``networkx.Graph`` on the names of the sites."""
    import networkx as nx

    nodes = parts.names
    result = nx.Graph(offset=parts.offset)
    result.add_nodes_from((node, {"h": field}) for node, field in zip(nodes, parts.fields.tolist(), strict=True))
    if parts.pos is not None:
        places = (tuple(place) for place in parts.pos.tolist())
        nx.set_node_attributes(result, dict(zip(nodes, places, strict=True)), "pos")
    edges = zip(*parts.ends.tolist(), parts.couplings.tolist(), strict=True)
    result.add_edges_from((nodes[a], nodes[b], {"J": c}) for a, b, c in edges)
    return result
