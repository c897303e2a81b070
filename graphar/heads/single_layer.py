r"""One linear layer on all earlier spins: the fully visible sigmoid belief network.

    logit_i = 2β h_i + Σ_{j<i} w_ij x_j + b_i

It knows nothing of the graph but the fields: a baseline. B. J. Frey, G. E. Hinton, P. Dayan, NIPS 1995; for spin
systems D. Wu, L. Wang, P. Zhang, `arXiv:1809.10606 <https://arxiv.org/abs/1809.10606>`_.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from graphar._support.checks import check_flag
from graphar.frontier import Frontier
from graphar.heads.base import BoundHead, Head, LinearCoefficients, LinearHead, check_scale
from graphar.heads.inputs import SiteInputs
from graphar.ordering.reads import Reads

__all__ = ["SingleLayer"]


@dataclass(frozen=True)
class SingleLayer(Head):
    r"""One weight for every pair of spins, whatever the graph.

    .. math:: \text{logit}_i = 2\beta h_i + \sum_{j<i} w_{ij}\, x_j + b_i

    N(N − 1)/2 weights and N biases, which start as normals of standard deviation ``scale``/√N. The frontier's kind
    and radius do not limit it.

    Reference: `arXiv:1809.10606 <https://arxiv.org/abs/1809.10606>`_; the "single layer" of
    `arXiv:2302.08347 <https://arxiv.org/abs/2302.08347>`_.

    Args:
        bias: whether there is a b_i.
        scale: size of the starting weights, times 1/√N.

    Raises:
        ValueError: ``scale`` is negative or not finite.

    >>> import graphar as ga
    >>> ga.Autoregressive(ga.grid((4, 4)), SingleLayer).num_parameters
    136
    """

    bias: bool = True
    scale: float = 1e-2

    def __post_init__(self) -> None:
        check_flag(self.bias, "bias")
        check_scale(self.scale)

    def settings(self) -> dict[str, Any]:
        return asdict(self)

    def bind(self, frontier: Frontier, *, generator: torch.Generator, dtype: torch.dtype) -> BoundHead:
        n = frontier.num_spins
        sigma = self.scale / math.sqrt(n)
        weight = sigma * torch.randn(n * (n - 1) // 2, generator=generator, dtype=dtype)
        bias = sigma * torch.randn(n, generator=generator, dtype=dtype) if self.bias else None
        return _SingleLayer(weight, bias)


class _SingleLayer(LinearHead):
    reads = Reads.EARLIER

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.bias = None if bias is None else nn.Parameter(bias)

    def forward(self, inputs: SiteInputs) -> Tensor:
        assert inputs.read is not None
        logits = inputs.read.weighted_sum(inputs.read.select(self.weight)) + 2 * inputs.beta * inputs.field
        return logits if self.bias is None else logits + self.bias[inputs.ranks, None]

    def coefficients(self, beta: float, field: Tensor) -> LinearCoefficients:
        constant = 2 * beta * field if self.bias is None else 2 * beta * field + self.bias
        return LinearCoefficients(constant, torch.zeros_like(field), self.weight)
