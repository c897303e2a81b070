"""The linear head: TwoBo as its paper runs it.

    logit_i = 2β h_i + w_ii 2β ξ_ii + Σ_{l ∈ F(i), l ≠ i} w_il ξ_il + b_i

I. Biazzo, D. Wu, G. Carleo, `arXiv:2402.16579 <https://arxiv.org/abs/2402.16579>`_. With ``inputs="parents"``
the sum runs over the spins of the separator instead, Σ_{j ∈ P(i)} w_ij x_j.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from graphar._support.checks import check_flag
from graphar.frontier import Frontier
from graphar.heads.base import Head, LinearCoefficients, LinearHead, check_scale
from graphar.heads.inputs import SiteInputs
from graphar.ordering.reads import Reads

__all__ = ["Linear"]


@dataclass(frozen=True)
class Linear(Head):
    r"""Linear conditionals on the messages of the frontier (TwoBo).

    .. math:: \text{logit}_i = 2\beta (h_i + w_{ii} \xi_{ii}) + \sum_{l \in F(i),\, l \ne i} w_{il}\, \xi_{il} + b_i

    The skip w_ii starts at 1 and follows β, the other weights and b start as normals of standard deviation
    ``scale``/√N cut at two standard deviations: untrained, a spin feels the spins drawn before it and no more. Of a
    hypergraph, l runs over the sets of spins of the frontier. A multiple of a message to several spins says little, as
    it turns sign with any of them: :class:`MLP` fits better there.

    Reference: `arXiv:2402.16579 <https://arxiv.org/abs/2402.16579>`_.

    Args:
        inputs: ``"messages"`` for ξ_il, l ∈ F(i); ``"parents"`` for the spins x_j, j ∈ P(i).
        bias: whether there is a b_i; without it and without fields, the model keeps the ± symmetry.
        scale: size of the starting weights, times 1/√N.

    Raises:
        ValueError: ``inputs`` is not one of the two, or ``scale`` is negative or not finite.

    >>> Linear(bias=False)
    Linear(inputs='messages', bias=False, scale=0.01)
    """

    weights_by_site: ClassVar[bool] = True

    inputs: str = "messages"
    bias: bool = True
    scale: float = 1e-2

    def __post_init__(self) -> None:
        if self.inputs not in ("messages", "parents"):
            raise ValueError(f'inputs must be "messages" or "parents", got {self.inputs!r}')
        check_flag(self.bias, "bias")
        check_scale(self.scale)

    @classmethod
    def default_on_core(cls) -> Head:
        return cls("parents")

    def settings(self) -> dict[str, Any]:
        return asdict(self)

    def bind(self, frontier: Frontier, *, generator: torch.Generator, dtype: torch.dtype) -> LinearHead:
        sigma = self.scale / math.sqrt(frontier.num_spins)

        def start(count: int) -> Tensor:
            tensor = torch.zeros(count, dtype=dtype)
            if sigma == 0:
                return tensor
            return nn.init.trunc_normal_(tensor, std=sigma, a=-2 * sigma, b=2 * sigma, generator=generator)

        bias = start(frontier.num_spins) if self.bias else None
        if self.inputs == "parents":
            skip = (frontier.local_arrival >= 0).to(dtype)
            return _LinearParents(skip, start(frontier.parents_spin.numel()), bias)
        diagonal = frontier.pair_is_local
        return _LinearMessages(torch.where(diagonal, 1.0, start(frontier.num_pairs)), diagonal, bias)


class _LinearMessages(LinearHead):
    reads = Reads.MESSAGES

    def __init__(self, weight: Tensor, diagonal: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.bias = None if bias is None else nn.Parameter(bias)
        self.diagonal: Tensor
        self.register_buffer("diagonal", diagonal, persistent=False)

    def forward(self, inputs: SiteInputs) -> Tensor:
        assert inputs.read is not None
        # The diagonal pairs are the skip connection, the only ones that follow β.
        weight, diagonal = inputs.read.select(self.weight), inputs.read.select(self.diagonal)
        weight = torch.where(diagonal, 2 * inputs.beta * weight, weight)
        constant = 2 * inputs.beta * inputs.field
        if self.bias is not None:
            constant = constant + self.bias[inputs.ranks, None]
        return inputs.read.weighted_sum(weight) + constant

    def coefficients(self, beta: float, field: Tensor) -> LinearCoefficients:
        constant = 2 * beta * field if self.bias is None else 2 * beta * field + self.bias
        pairs = torch.where(self.diagonal, 2 * beta * self.weight, self.weight)
        return LinearCoefficients(constant, torch.zeros_like(field), pairs)


class _LinearParents(LinearHead):
    reads = Reads.PARENTS

    def __init__(self, skip: Tensor, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.skip = nn.Parameter(skip)
        self.weight = nn.Parameter(weight)
        self.bias = None if bias is None else nn.Parameter(bias)

    def forward(self, inputs: SiteInputs) -> Tensor:
        assert inputs.read is not None
        skip = 2 * inputs.beta * (self.skip[inputs.ranks, None] * inputs.local + inputs.field)
        logits = inputs.read.weighted_sum(inputs.read.select(self.weight)) + skip
        return logits if self.bias is None else logits + self.bias[inputs.ranks, None]

    def coefficients(self, beta: float, field: Tensor) -> LinearCoefficients:
        constant = 2 * beta * field if self.bias is None else 2 * beta * field + self.bias
        return LinearCoefficients(constant, 2 * beta * self.skip, self.weight)
