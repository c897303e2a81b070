"""Graphs with weights from what users have: networkx, PyG, matrices, edge lists, Hamiltonians, files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data

from graphar._support.checks import as_float_tensor, as_tensor
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.hamiltonians.kinds import check_ising
from graphar.hamiltonians.labels import as_mapping
from graphar.io.dimacs import read_graph
from graphar.io.registry import FORMATS, examine, resolve
from graphar.problems.names import Names

__all__ = ["Network", "adjacency", "from_file", "network", "vertex_weights"]

WEIGHTS_AS_LISTED = ("edge_list", "gset", "mc", "dimacs")
"""Formats whose numbers are taken as weights of edges; in others they are couplings of a Hamiltonian, and w = −J."""


class Network(NamedTuple):
    """A graph with weights on its edges, each once.

    Attributes:
        first, second: sites of the edges, first < second, shape (E,), int64.
        weights: shape (E,), float64.
        names: of the vertices.
        vertices: weights of the vertices, shape (N,), where the source has them.
    """

    first: np.ndarray
    second: np.ndarray
    weights: np.ndarray
    names: Names
    vertices: np.ndarray | None = None

    @property
    def num_vertices(self) -> int:
        return self.names.count


def network(graph: Any, weight: str | None = "weight", num_nodes: int | None = None, labels: Any = None) -> Network:
    """A graph of any kind that the problems take; see :class:`graphar.problems.MaxCut`."""
    if isinstance(graph, Network):
        return graph
    if isinstance(graph, (IsingGraph, SpinHypergraph)):
        _refuse(num_nodes, labels, "a Hamiltonian")
        if check_ising(graph, alone=True).has_field:
            raise ValueError(f"graph must have no fields where only its edges count, got {graph!r}")
        return _as_network(graph, -1.0)
    try:
        weighted = _weighted(graph, weight, num_nodes, labels)
    except ValueError as error:
        raise ValueError(f"graph: {error}") from error
    return _as_network(weighted, 1.0)


def from_file(path: str | os.PathLike[str], format: str | None, options: dict[str, Any]) -> Network:
    """A graph from a file in one of graphar's formats; vertices are called as the file calls them."""
    place, entry = resolve(path, format)
    if entry.name == "dimacs":
        weighted, vertices = read_graph(place, **options)
    else:
        held, _, _ = examine(path, format, **options)
        weighted, vertices = check_ising(held, "path"), None
        if weighted.has_field:
            raise ValueError(f"{path}: couplings alone expected of a graph, got fields")
    sign = 1.0 if entry.name == "edge_list" else -1.0
    found = _as_network(weighted, sign)
    first = options.get("base", FORMATS[entry.name].base)
    if first and weighted.labels is None:
        found = found._replace(names=Names(found.num_vertices, range(first, first + found.num_vertices)))
    return found._replace(vertices=vertices)


def vertex_weights(weights: Any, graph: Any, net: Network) -> np.ndarray:
    """Positive weights of the vertices, shape (N,), float64; 1 each by default."""
    if weights is None:
        weights = 1.0 if net.vertices is None else net.vertices
    if isinstance(weights, str):
        if not hasattr(graph, "nodes"):
            raise ValueError(f"weights must be numbers unless graph is of networkx, got {weights!r}")
        missing = [node for node, named in graph.nodes(data=True) if weights not in named]
        if missing:
            raise ValueError(f"weights must be an attribute of every node, got {weights!r}, which {missing[0]!r} lacks")
        weights = [named[weights] for _, named in graph.nodes(data=True)]
    weights = as_mapping(weights)
    if isinstance(weights, Mapping):
        sites = net.names.sites(weights, "weights")
        if len(sites) != net.num_vertices:
            missing = net.names.of(np.setdiff1d(np.arange(net.num_vertices), sites)[:1])
            raise ValueError(f"weights must hold a number for every vertex, got none for {missing[0]!r}")
        given = as_float_tensor(list(weights.values()), "weights", torch.float64).numpy()
        values = np.empty(net.num_vertices)
        values[sites] = given
    else:
        values = as_float_tensor(weights, "weights", torch.float64).cpu().numpy()
        if values.ndim == 0:
            values = np.full(net.num_vertices, float(values))
    if values.shape != (net.num_vertices,):
        raise ValueError(f"weights must have shape ({net.num_vertices},), one per vertex, got {values.shape}")
    if not (values > 0).all():
        at = int((values <= 0).argmax())
        raise ValueError(
            f"weights must be positive (no best answer needs a vertex that costs or gains nothing: leave it out), "
            f"got {values[at]:g} of {net.names.of(np.array([at]))[0]!r}"
        )
    return values


def adjacency(net: Network) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where the neighbours of each vertex start, (N + 1,), the neighbours, and the weights of their edges, (2E,)."""
    ends = np.concatenate([net.first, net.second])
    order = np.argsort(ends, kind="stable")
    start = np.concatenate([[0], np.cumsum(np.bincount(ends, minlength=net.num_vertices))])
    return start, np.concatenate([net.second, net.first])[order], np.concatenate([net.weights, net.weights])[order]


def _as_network(weighted: IsingGraph, sign: float) -> Network:
    i, j, J = weighted.undirected()
    weights = 0.0 + sign * J.double()
    names = Names(weighted.num_spins, weighted.labels)
    return Network(i.cpu().numpy(), j.cpu().numpy(), weights.cpu().numpy(), names)


def _weighted(graph: Any, weight: str | None, num_nodes: int | None, labels: Any) -> IsingGraph:
    """The graph with its weights in the place of J."""
    if hasattr(graph, "nodes") and hasattr(graph, "edges"):
        _refuse(num_nodes, labels, "networkx")
        there = weight is not None and any(weight in named for _, _, named in graph.edges(data=True))
        return IsingGraph.from_networkx(graph, coupling=weight if there else None, field="", dtype=torch.float64)
    if isinstance(graph, Data):
        _refuse(num_nodes, None, "PyG")
        return _from_pyg(graph, labels)
    if hasattr(graph, "vartype"):
        raise ValueError("a dimod model is a QUBO, which graphar.problems.QUBO takes")
    if hasattr(graph, "tocoo"):
        _refuse(num_nodes, None, "a matrix")
        return IsingGraph.from_scipy(graph, labels=labels)
    if isinstance(graph, (np.ndarray, Tensor)) and graph.ndim == 2 and graph.shape[0] == graph.shape[1]:
        _refuse(num_nodes, None, "a matrix")
        return IsingGraph.from_dense(graph, labels=labels)
    if isinstance(graph, (str, bytes, os.PathLike)):
        raise ValueError(f"a file is read by from_file, got {graph!r}")
    return IsingGraph.from_edge_list(graph, num_nodes=num_nodes, labels=labels)


def _refuse(num_nodes: Any, labels: Any, kind: str) -> None:
    if num_nodes is not None or labels is not None:
        raise ValueError(
            f"num_nodes and labels are for edges without vertices, got them with {kind}, which has its own"
        )


def _from_pyg(data: Data, labels: Any) -> IsingGraph:
    """Edges in one direction, or in both with equal weights."""
    index = as_tensor(data.edge_index, "edge_index") if data.edge_index is not None else torch.empty(2, 0)
    if index.dim() != 2 or index.shape[0] != 2:
        raise ValueError(f"edge_index must have shape (2, E), got {tuple(index.shape)}")
    ends, n = index.cpu().long(), int(data.num_nodes or 0)
    given = data.edge_weight if getattr(data, "edge_weight", None) is not None else getattr(data, "edge_attr", None)
    weights = torch.ones(ends.shape[1], dtype=torch.float64)
    if given is not None:
        weights = as_float_tensor(given, "edge_weight", torch.float64).cpu()
        if weights.dim() == 2 and weights.shape[1] == 1:
            weights = weights[:, 0]
        if weights.shape != (ends.shape[1],):
            raise ValueError(
                f"edge_weight must have shape ({ends.shape[1]},), one per edge, got {tuple(weights.shape)}"
            )
    forward = ends[0] < ends[1]
    if bool((ends[0] != ends[1]).all()) and 0 < int(forward.sum()) < len(forward):
        there, back = (
            _sorted(part, n)
            for part in ((ends[:, forward], weights[forward]), (ends.flip(0)[:, ~forward], weights[~forward]))
        )
        if there[0].equal(back[0]):
            if not there[1].equal(back[1]):
                raise ValueError("edge_weight must be the same in both directions of an edge, got two that differ")
            ends, weights = ends[:, forward], weights[forward]
    return IsingGraph.from_edges(ends, weights, num_nodes=n, labels=labels)


def _sorted(part: tuple[Tensor, Tensor], n: int) -> tuple[Tensor, Tensor]:
    key = part[0][0] * n + part[0][1]
    order = key.argsort(stable=True)
    return key[order], part[1][order]
