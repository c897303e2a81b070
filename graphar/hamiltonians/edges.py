"""Rules of edge lists, and how values are put in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from graphar._support.checks import as_tensor
from graphar._support.segments import Segments

__all__ = ["as_edge_index", "as_sites", "check_ends", "describe_values", "merge"]


def as_sites(pairs: Any, name: str = "edge_index") -> Tensor:
    """Sites of pairs, shape (2, E), int64."""
    ends = as_tensor(pairs, name)
    if ends.numel() == 0:
        ends = ends.reshape(2, 0).to(torch.int64)
    if ends.dim() != 2 or ends.shape[0] != 2:
        raise ValueError(f"{name} must have shape (2, E), got {tuple(ends.shape)}")
    if ends.is_floating_point() or ends.is_complex() or ends.dtype == torch.bool:
        raise ValueError(f"{name} must hold integers, got {ends.dtype}")
    return ends.to(torch.int64)


def as_edge_index(edge_index: Any) -> Tensor:
    """The same, where a list of pairs is told from two lists of ends, and the constructor for it is named."""
    rows = edge_index if isinstance(edge_index, (list, tuple)) else ()
    if len(rows) == 2 and all(isinstance(row, tuple) and len(row) == 2 for row in rows):
        columns = [[row[k] for row in rows] for k in range(2)]
        raise ValueError(
            f"edge_index must list the first ends of all edges and then the second ends; two tuples of two may mean "
            f"edges {rows[0]} and {rows[1]}, which are IsingGraph.from_edge_list({rows}) or "
            f"from_edges({columns}): got {rows}; lists instead of tuples mean ends"
        )
    try:
        return as_sites(edge_index)
    except ValueError as error:
        rule = str(error)
        if isinstance(edge_index, (Mapping, Iterator)) or hasattr(edge_index, "columns") or _has_rows(edge_index):
            rule += "; rows (i, j) or (i, j, J), one per edge, go to IsingGraph.from_edge_list"
        raise ValueError(rule) from error


def _has_rows(edges: Any) -> bool:
    """Whether all entries have two or three parts."""
    try:
        return len(edges) > 0 and all(not isinstance(row, str) and len(row) in (2, 3) for row in edges)
    except TypeError:
        return False


def check_ends(ends: Tensor, num_nodes: int, name: str = "edge_index", labels: Sequence[Any] | None = None) -> None:
    where = "in column" if name == "edge_index" else "at position"
    outside = (ends < 0) | (ends >= num_nodes)
    if bool(outside.any()):
        at = int(outside.any(dim=0).nonzero()[0])
        got = tuple(ends[:, at].tolist())
        raise ValueError(f"{name} must hold sites 0…{num_nodes - 1}, got the edge {got} {where} {at}")
    loops = ends[0] == ends[1]
    if bool(loops.any()):
        at = int(loops.nonzero()[0])
        site = int(ends[0, at])
        raise ValueError(
            f"{name} must not hold self-loops, got site {site if labels is None else repr(labels[site])} {where} {at}"
        )


def merge(
    edges: tuple[Tensor, Tensor, Tensor, Tensor], duplicates: str, name: str, labels: Sequence[Any] | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Sites i < j and couplings of sorted edges, each once, from keys, sites and couplings that may repeat."""
    key, lower, upper, weight = edges
    if not isinstance(duplicates, str) or duplicates not in ("error", "sum"):
        raise ValueError(f'duplicates must be "error" or "sum", got {duplicates!r}')
    repeated = key[1:] == key[:-1]
    if not bool(repeated.any()):
        return lower, upper, weight
    if duplicates == "error":
        at = int(repeated.nonzero()[0])
        sites = (int(lower[at]), int(upper[at]))
        pair = sites if labels is None else tuple(labels[site] for site in sites)
        raise ValueError(
            f"{name} must list each undirected edge once, got the edge {pair} twice "
            '(in either direction); duplicates="sum" adds the couplings'
        )
    first = torch.ones_like(key, dtype=torch.bool)
    first[1:] = ~repeated
    group = first.cumsum(0) - 1
    return lower[first], upper[first], Segments(group, int(group[-1]) + 1).sum(weight)


def describe_values(values: Tensor) -> str:
    """The values in a few words; nothing where there are none, or none to be read."""
    if values.numel() == 0 or values.is_meta:
        return ""
    low, high = values.min().item(), values.max().item()
    if low == high:
        return f" = {low:g}"
    if bool((values.abs() == high).all()):
        return f" ±{high:g}"
    return f" in [{low:.3g}, {high:.3g}]"
