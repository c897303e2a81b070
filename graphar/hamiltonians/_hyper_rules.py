"""Rules that every hypergraph of spins keeps, for those made by hand or changed in place."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from graphar._support.checks import as_float_tensor
from graphar.hamiltonians._rules import check_tensors, describe_kind
from graphar.hamiltonians._sites import SiteData
from graphar.hamiltonians.interactions import by_order

__all__ = ["check_hypergraph", "lacking"]

_PARTS = ("hyperedge_index", "hyperedge_weight", "h", "offset")


def lacking(graph: SiteData) -> list[str]:
    """Names of tensors that the hypergraph should hold, and does not."""
    return [name for name in _PARTS if getattr(graph, name, None) is None]


def check_hypergraph(graph: SiteData) -> None:
    """Raise ValueError for the first broken rule."""
    if lacking(graph):
        raise ValueError(f"a SpinHypergraph needs {', '.join(_PARTS)}, got none of {lacking(graph)}")
    stored = graph.num_nodes
    if isinstance(stored, (bool, np.bool_)) or not isinstance(stored, (int, np.integer)) or stored < 1:
        raise ValueError(f"num_nodes must be an integer of at least 1, got {stored!r}")
    for name in _PARTS:
        if not isinstance(graph[name], Tensor):
            raise ValueError(f"{name} must be a tensor, got {type(graph[name]).__name__}")
    index, count = graph.hyperedge_index, graph.hyperedge_weight.numel()
    if index.dim() != 2 or index.shape[0] != 2 or index.dtype != torch.int64:
        raise ValueError(f"hyperedge_index must be int64, shape (2, incidences), got {describe_kind(index)}")
    check_tensors(graph, "hyperedge_index", "hyperedge_weight", count)
    for row, (what, limit) in enumerate((("sites", graph.num_spins), ("interactions", count))):
        outside = (index[row] < 0) | (index[row] >= limit)
        if bool(outside.any()):
            at = int(outside.nonzero()[0])
            raise ValueError(
                f"hyperedge_index must hold {what} 0…{limit - 1}, got {int(index[row, at])} in column {at}"
            )
    key = (index[1] * graph.num_spins + index[0]).sort().values
    if bool((key[1:] == key[:-1]).any()):
        raise ValueError("hyperedge_index must list each site of an interaction once, got a repeated column")
    orders = torch.bincount(index[1], minlength=count)
    if count and int(orders.min()) < 2:
        at = int(orders.argmin())
        raise ValueError(
            f"hyperedge_index must hold at least two sites of each interaction, got {int(orders[at])} of {at}"
        )
    _check_each_once(key % graph.num_spins, orders, getattr(graph, "batch", None))
    if graph.labels is not None and len(graph.labels) != graph.num_spins:
        raise ValueError(f"labels must be {graph.num_spins}, one per site, got {len(graph.labels)}")
    if graph.pos is not None:
        as_float_tensor(graph.pos, "pos")
        if graph.pos.dim() != 2 or graph.pos.shape[0] != graph.num_spins:
            raise ValueError(f"pos must have shape ({graph.num_spins}, d), got {tuple(graph.pos.shape)}")


def _check_each_once(sites: Tensor, orders: Tensor, batch: Tensor | None) -> None:
    for _, which, where in by_order(orders):
        rows = sites[where]
        if len(rows.unique(dim=0)) < len(rows):
            raise ValueError("hyperedge_index must list each interaction once, got one twice")
        if batch is not None and bool((batch[rows] != batch[rows[:, :1]]).any()):
            at = int(which[(batch[rows] != batch[rows[:, :1]]).any(1)][0])
            raise ValueError(f"hyperedge_index must keep to one graph of the batch, got interaction {at} across two")
