"""Holding spins fixed: what is held in every row leaves the graph and acts through the fields of its neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from graphar._support.checks import as_tensor
from graphar.hamiltonians import IsingGraph

__all__ = ["Conditioned", "check_fixed", "condition"]


@dataclass(frozen=True)
class Conditioned:
    """A graph given some of its spins, in F ways.

    Attributes:
        graph: without the couplings of spins that are held in every row; sites are the same.
        field: h_i + Σ_j J_ij x_j over the neighbours that left, float64, shape (F, N).
        constant: energy of what left, with the offset, shape (F,).
        held: ±1 for held spins, 0 for free ones, shape (F, N); None where none is held.
        kept: edges that stay, in the order of ``IsingGraph.undirected()``, shape (E,).
        shape: of the F rows as they were given.
    """

    graph: IsingGraph
    field: Tensor
    constant: Tensor
    held: Tensor | None
    kept: Tensor
    shape: torch.Size


def condition(graph: IsingGraph, fixed: Tensor | None) -> Conditioned:
    """The graph given ``fixed`` spins (..., N), or none."""
    i, j, J = (part.detach() for part in graph.undirected())
    J, h, offset = J.double(), graph.h.detach().double(), graph.offset.detach().double()
    if fixed is None:
        return Conditioned(graph, h[None], offset, None, torch.ones_like(i, dtype=torch.bool), torch.Size())
    held = fixed.reshape(-1, graph.num_spins)
    gone = (held != 0).all(dim=0)
    kept = ~(gone[i] | gone[j])
    rest = IsingGraph.from_edges(torch.stack([i[kept], j[kept]]), J[kept], num_nodes=graph.num_spins)
    x = held * gone
    field = h + torch.zeros_like(x).index_add_(1, i, J * x[:, j] * ~gone[i]).index_add_(1, j, J * x[:, i] * ~gone[j])
    constant = offset - (x[:, i] * x[:, j]) @ J
    return Conditioned(rest, field, constant, held, kept, fixed.shape[:-1])


def check_fixed(fixed: Any, num_spins: int) -> Tensor:
    """Spins to hold, shape (..., N): ±1, or 0 where the spin is free; as float64."""
    tensor = as_tensor(fixed, "fixed")
    if tensor.dim() == 0 or tensor.shape[-1] != num_spins:
        raise ValueError(f"fixed must have shape (..., {num_spins}), got {tuple(tensor.shape)}")
    if tensor.dtype == torch.bool or tensor.is_complex():
        raise ValueError(f"fixed must be -1, 0 or +1, got dtype {tensor.dtype}")
    wrong = (tensor != 0) & (tensor.abs() != 1)
    if bool(wrong.any()):
        raise ValueError(f"fixed must be -1, 0 (free) or +1, got the entry {tensor[wrong][0].item()}")
    if not tensor.numel():
        raise ValueError(f"fixed must hold at least one row, got shape {tuple(tensor.shape)}")
    return tensor.detach().double()
