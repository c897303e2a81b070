"""Holding spins fixed: what is held in every row leaves the graph and acts through the fields of its neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from graphar._support.checks import as_tensor
from graphar.elimination.terms import Terms
from graphar.hamiltonians import IsingGraph, SpinHypergraph

__all__ = ["Conditioned", "Interactions", "check_fixed", "condition"]


@dataclass(frozen=True)
class Conditioned:
    """A graph given some of its spins, in F ways.

    Attributes:
        graph: without the couplings of spins that are held in every row; sites are the same. Interactions of more
            than two are cliques of it, with J = 0 where they are no pairs.
        field: h_i + Σ_j J_ij x_j over the neighbours that left, float64, shape (F, N).
        constant: energy of what left, with the offset, shape (F,).
        held: ±1 for held spins, 0 for free ones, shape (F, N); None where none is held.
        kept: edges that stay, in the order of ``IsingGraph.undirected()``, shape (E,).
        shape: of the F rows as they were given.
        terms: what is left of interactions of more than two, on two sites and more; None where there are none.
        many: their couplings, shape (F, M), with the signs of what left.
    """

    graph: IsingGraph
    field: Tensor
    constant: Tensor
    held: Tensor | None
    kept: Tensor
    shape: torch.Size
    terms: Terms | None
    many: Tensor


@dataclass(frozen=True)
class Interactions:
    """Those of three sites and more of a hypergraph.

    Attributes:
        sites: one interaction after the other, shape (Σ_a |a|,).
        orders: number of sites of each, shape (M,).
        couplings: J, float64, shape (M,).
        which: their numbers among all interactions, shape (M,).
    """

    sites: Tensor
    orders: Tensor
    couplings: Tensor
    which: Tensor

    @classmethod
    def of(cls, graph: IsingGraph | SpinHypergraph) -> Interactions | None:
        """Those of a graph; None for one of pairs."""
        if isinstance(graph, IsingGraph):
            return None
        site, orders = graph.members()
        many = orders > 2
        which = many.nonzero().flatten()
        J = graph.hyperedge_weight.detach().double()[which]
        return cls(site[torch.repeat_interleave(many, orders)], orders[which], J, which)

    def given(self, held: Tensor, gone: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Product of the spins that left in each row (F, M), and the sites that stay, with their number (M,)."""
        of = torch.repeat_interleave(self.orders)
        left = ~gone[self.sites]
        factors = torch.where(left, 1.0, held[:, self.sites])
        minus = held.new_zeros(len(held), len(self.orders)).index_add_(1, of, (factors < 0).to(held))
        return 1.0 - 2.0 * (minus % 2), self.sites[left], torch.bincount(of[left], minlength=len(self.orders))


def condition(graph: IsingGraph, interactions: Interactions | None, fixed: Tensor | None) -> Conditioned:
    """The graph, with interactions of more than two, given ``fixed`` spins (..., N), or none."""
    i, j, J = (part.detach() for part in graph.undirected())
    J, h, offset = J.double(), graph.h.detach().double(), graph.offset.detach().double()
    if fixed is None:
        kept = torch.ones_like(i, dtype=torch.bool)
        terms = None if interactions is None else Terms(interactions.sites, interactions.orders)
        many = h.new_zeros(1, 0) if interactions is None else interactions.couplings[None]
        return Conditioned(graph, h[None], offset, None, kept, torch.Size(), terms, many)
    held = fixed.reshape(-1, graph.num_spins)
    gone = (held != 0).all(dim=0)
    kept = ~(gone[i] | gone[j])
    rest = IsingGraph.from_edges(torch.stack([i[kept], j[kept]]), J[kept], num_nodes=graph.num_spins)
    x = held * gone
    field = h + torch.zeros_like(x).index_add_(1, i, J * x[:, j] * ~gone[i]).index_add_(1, j, J * x[:, i] * ~gone[j])
    constant = offset - (x[:, i] * x[:, j]) @ J
    if interactions is None:
        return Conditioned(rest, field, constant, held, kept, fixed.shape[:-1], None, field.new_zeros(len(held), 0))
    signs, free, left = interactions.given(held, gone)
    couplings = signs * interactions.couplings
    constant = constant - couplings[:, left == 0].sum(1)
    alone, stay = left == 1, left > 1
    of = torch.repeat_interleave(left)
    field = field.index_add(1, free[alone[of]], couplings[:, alone])
    terms = Terms(free[stay[of]], left[stay])
    return Conditioned(rest, field, constant, held, kept, fixed.shape[:-1], terms, couplings[:, stay])


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
