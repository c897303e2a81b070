"""Graphs side by side, as one graph whose parts have nothing to do with each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from graphar.hamiltonians.ising import IsingGraph

__all__ = ["as_members", "side_by_side"]


def as_members(graphs: Any) -> list[Any] | None:
    """What a list, a tuple or a PyG batch holds; None of anything else, such as one graph."""
    if isinstance(graphs, (list, tuple)):
        return list(graphs)
    if getattr(graphs, "batch", None) is not None and hasattr(graphs, "to_data_list"):
        return list(graphs.to_data_list())
    return None


def side_by_side(graphs: Sequence[IsingGraph], room: Sequence[int] | None = None) -> tuple[IsingGraph, Tensor]:
    """The disjoint union in float64, without offsets, and where the sites of each graph start, (graphs + 1,).

    Args:
        graphs: any.
        room: sites that each takes, at least as many as it has; those beyond have no couplings and no field.

    >>> import graphar as ga
    >>> side_by_side([ga.chain(2), ga.chain(3)])[1]
    tensor([0, 2, 5])
    """
    sizes = [graph.num_spins for graph in graphs] if room is None else list(room)
    ptr = torch.tensor([0, *sizes]).cumsum(0)
    ends, weights, fields = [torch.zeros(2, 0, dtype=torch.int64)], [torch.zeros(0)], [torch.zeros(0)]
    for graph, start, size in zip(graphs, ptr.tolist(), sizes, strict=False):
        i, j, J = graph.undirected()
        ends.append(torch.stack([i, j]).cpu() + start)
        weights.append(J.detach().cpu().double())
        field = graph.h.detach().cpu().double()
        fields += [field, field.new_zeros(size - graph.num_spins)]
    union = IsingGraph.from_edges(
        torch.cat(ends, 1), torch.cat(weights), torch.cat(fields), int(ptr[-1]), dtype=torch.float64
    )
    return union, ptr
