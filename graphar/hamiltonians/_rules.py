"""Rules that every Ising graph keeps, for those made by hand or changed in place."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

from graphar._support.checks import as_float_tensor
from graphar.hamiltonians._parts import check_constant
from graphar.hamiltonians._sites import SiteData
from graphar.hamiltonians.edges import as_sites, check_ends

__all__ = ["check_graph", "check_tensors", "describe_kind", "lacking"]

_PARTS = ("edge_index", "edge_weight", "h", "offset")


def lacking(graph: SiteData) -> list[str]:
    """Names of tensors that the graph should hold, and does not."""
    return [name for name in _PARTS if getattr(graph, name, None) is None]


def check_graph(graph: SiteData) -> None:
    """Raise ValueError for the first broken rule."""
    if lacking(graph):
        raise ValueError(f"an IsingGraph needs edge_index, edge_weight, h and offset, got none of {lacking(graph)}")
    stored = graph.num_nodes
    if isinstance(stored, (bool, np.bool_)) or not isinstance(stored, (int, np.integer)) or stored < 1:
        raise ValueError(f"num_nodes must be an integer of at least 1, got {stored!r}")
    n = graph.num_spins
    for name in _PARTS:
        if not isinstance(graph[name], Tensor):
            raise ValueError(f"{name} must be a tensor, got {type(graph[name]).__name__}")
    ends = as_sites(graph.edge_index)
    if graph.edge_index.dtype != torch.int64:
        raise ValueError(f"edge_index must be int64, got {describe_kind(graph.edge_index)}")
    check_ends(ends, n)
    check_tensors(graph, "edge_index", "edge_weight", ends.shape[1])
    _check_both_directions(ends, graph.edge_weight, n)
    if graph.pos is not None:
        if graph.pos.dim() != 2 or graph.pos.shape[0] != n or not graph.pos.is_floating_point():
            raise ValueError(f"pos must be floating, shape ({n}, d), got {describe_kind(graph.pos)}")
        as_float_tensor(graph.pos, "pos")
    if graph.labels is not None and len(graph.labels) != n:
        raise ValueError(f"labels must be {n}, one per site, got {len(graph.labels)}")


def check_tensors(graph: SiteData, index: str, weight: str, count: int) -> None:
    """Raise ValueError unless couplings (``count``,), fields and offsets are finite, of one dtype, in one place."""
    graphs = 1 if getattr(graph, "batch", None) is None else int(graph.num_graphs)
    shapes = {weight: (count,), "h": (graph.num_spins,), "offset": (graphs,)}
    for name, shape in shapes.items():
        values, dtype = graph[name], graph[weight].dtype
        if values.shape != shape or not values.is_floating_point():
            raise ValueError(f"{name} must be floating, shape {shape}, got {describe_kind(values)}")
        as_float_tensor(values, name)
        check_constant(**{name: values})
        if values.dtype != dtype:
            raise ValueError(f"{name} must have the dtype of {weight}, {dtype}, got {values.dtype}")
        if values.device != graph[index].device:
            raise ValueError(f"{name} must be where {index} is, on {graph[index].device}, got {values.device}")


def _check_both_directions(ends: Tensor, weight: Tensor, num_spins: int) -> None:
    forward = ends[0] * num_spins + ends[1]
    if bool((forward[1:] < forward[:-1]).any()):  # graphs are made with sorted edges, but transforms may shuffle them
        forward, order = torch.sort(forward)
        ends, weight = ends[:, order], weight[order]
    if bool((forward[1:] == forward[:-1]).any()):
        raise ValueError("edge_index must list each direction of an edge once, got a repeated column")
    back = _transposed(ends, num_spins)
    if back is None:
        raise ValueError("edge_index must hold both directions of every edge, got an edge in one direction only")
    if not torch.equal(weight, weight[back]):
        raise ValueError("edge_weight must be equal in both directions of an edge")


def _transposed(ends: Tensor, num_spins: int) -> Tensor | None:
    """Where the other direction of each of sorted edges is, (2E,), counted in linear time; None where one lacks it."""
    rows = torch.bincount(ends[0], minlength=num_spins)
    if not torch.equal(rows, torch.bincount(ends[1], minlength=num_spins)):
        return None
    small = torch.int32 if ends.shape[1] < 2**31 else torch.int64
    start = torch.zeros(num_spins + 1, dtype=small)
    start[1:] = rows.cumsum(0)
    place, target = torch.arange(ends.shape[1], dtype=small), ends[1].cpu().to(small)
    table = csr_array((place.numpy(), target.numpy(), start.numpy()), shape=(num_spins, num_spins)).tocsc()
    if not torch.equal(torch.from_numpy(table.indices), target):
        return None
    return torch.from_numpy(table.data).long().to(ends.device)


def describe_kind(value: Any) -> str:
    return f"{value.dtype}, shape {tuple(value.shape)}"
