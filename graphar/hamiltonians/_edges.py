"""Rules of edge lists, and how values are put in words."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch_geometric.utils import scatter

from graphar._checks import as_tensor

__all__ = ["as_sites", "check_ends", "describe_values", "kind", "merge"]


def as_sites(edge_index: Any) -> Tensor:
    ends = as_tensor(edge_index, "edge_index")
    if ends.numel() == 0:
        ends = ends.reshape(2, 0).to(torch.int64)
    if ends.dim() != 2 or ends.shape[0] != 2:
        raise ValueError(f"edge_index must have shape (2, E), got {tuple(ends.shape)}")
    if ends.is_floating_point() or ends.is_complex() or ends.dtype == torch.bool:
        raise ValueError(f"edge_index must hold integers, got {ends.dtype}")
    return ends.to(torch.int64)


def check_ends(ends: Tensor, num_nodes: int) -> None:
    outside = (ends < 0) | (ends >= num_nodes)
    if bool(outside.any()):
        column = int(outside.any(dim=0).nonzero()[0])
        got = tuple(ends[:, column].tolist())
        raise ValueError(f"edge_index must hold sites 0…{num_nodes - 1}, got the edge {got} in column {column}")
    loops = ends[0] == ends[1]
    if bool(loops.any()):
        column = int(loops.nonzero()[0])
        raise ValueError(f"edge_index must not hold self-loops, got site {int(ends[0, column])} in column {column}")


def merge(key: Tensor, lower: Tensor, upper: Tensor, weight: Tensor, duplicates: str) -> tuple[Tensor, Tensor, Tensor]:
    if duplicates not in ("error", "sum"):
        raise ValueError(f'duplicates must be "error" or "sum", got {duplicates!r}')
    repeated = key[1:] == key[:-1]
    if not bool(repeated.any()):
        return lower, upper, weight
    if duplicates == "error":
        at = int(repeated.nonzero()[0])
        pair = (int(lower[at]), int(upper[at]))
        raise ValueError(
            f"edge_index must list each undirected edge once, got the edge {pair} twice "
            '(in either direction); duplicates="sum" adds the couplings'
        )
    first = torch.ones_like(key, dtype=torch.bool)
    first[1:] = ~repeated
    group = first.cumsum(0) - 1
    return lower[first], upper[first], scatter(weight, group, dim=0, reduce="sum")


def describe_values(values: Tensor) -> str:
    if values.numel() == 0:
        return ""
    low, high = values.min().item(), values.max().item()
    if low == high:
        return f" = {low:g}"
    if bool((values.abs() == high).all()):
        return f" ±{high:g}"
    return f" in [{low:.3g}, {high:.3g}]"


def kind(value: Any) -> str:
    return f"{value.dtype}, shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
