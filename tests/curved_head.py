"""A head that no compiled kernel knows: what is drawn level by level, its sums over messages compiled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

import graphar as ga
from graphar.heads import BoundHead, Head
from graphar.heads.inputs import SiteInputs

__all__ = ["Curved"]


@dataclass(frozen=True)
class Curved(Head):
    """logit_i = 2β(h_i + ξ_ii) + b_i tanh(Σ_l w_il ξ_il)."""

    def settings(self) -> dict[str, Any]:
        return {}

    def bind(self, frontier: ga.Frontier, *, generator: torch.Generator, dtype: torch.dtype) -> BoundHead:
        return BoundCurved(frontier.num_pairs, frontier.num_spins, generator, dtype)


class BoundCurved(BoundHead):
    def __init__(self, pairs: int, spins: int, generator: torch.Generator, dtype: torch.dtype) -> None:
        super().__init__()
        self.inner = nn.Parameter(torch.randn(pairs, generator=generator, dtype=dtype))
        self.outer = nn.Parameter(torch.randn(spins, generator=generator, dtype=dtype))

    def forward(self, inputs: SiteInputs) -> Tensor:
        hidden = torch.tanh(inputs.read.weighted_sum(inputs.read.select(self.inner)))
        return 2 * inputs.beta * (inputs.local + inputs.field) + self.outer[inputs.ranks, None] * hidden
