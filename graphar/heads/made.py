r"""MADE: dense layers under masks that let every spin see earlier ones alone.

A layer has ``width`` channels at every spin. The first reads x_j, j < i; further ones what the layer before has at
j ≤ i. M. Germain, K. Gregor, I. Murray, H. Larochelle, `arXiv:1502.03509 <https://arxiv.org/abs/1502.03509>`_; for spin
systems, with PReLU between layers, D. Wu, L. Wang, P. Zhang, `arXiv:1809.10606 <https://arxiv.org/abs/1809.10606>`_.

While a batch is drawn, layers keep what they have at the spins drawn already, so a batch takes the work of one
density.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from graphar._support.checks import check_count, check_flag
from graphar.frontier import Frontier
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.heads.base import BoundHead, CompiledHead, Head
from graphar.heads.inputs import SiteInputs
from graphar.ordering.reads import Reads

__all__ = ["MADE"]

PRELU = 0.5  # slope of PReLU at negative numbers, at the start


@dataclass(frozen=True)
class MADE(Head):
    r"""Masked dense network on all earlier spins (VAN); a baseline that knows nothing of the graph but the fields.

    .. math:: a^{(1)}_i = c^{(1)}_i + \sum_{j<i} W^{(1)}_{ij}\, x_j, \quad
        a^{(k)}_i = c^{(k)}_i + \sum_{j \le i} W^{(k)}_{ij}\, \text{PReLU}(a^{(k-1)}_j), \quad
        \text{logit}_i = 2\beta h_i + a^{(\text{depth})}_i

    With ``z2``, q(x) becomes ½ [q(x) + q(−x)]: the conditionals of that mixture take the network at x and at −x, so it
    stays autoregressive.

    Weights: with P = N(N − 1)/2, depth 1 has P; else P · width, (P + N) · width² for each inner layer and
    (P + N) · width for the last. A slope of PReLU for each hidden unit; with ``bias``, as many and N for the last.

    References: `arXiv:1502.03509 <https://arxiv.org/abs/1502.03509>`_,
    `arXiv:1809.10606 <https://arxiv.org/abs/1809.10606>`_.

    Args:
        depth: layers of weights; 1 is :class:`SingleLayer`.
        width: channels at each spin in hidden layers.
        z2: whether x and −x are made equally likely.
        bias: whether there are c; without them and fields, the first spin is fair.

    Raises:
        ValueError: ``depth`` or ``width`` below 1; at binding, ``z2`` on a graph with fields.

    >>> import graphar as ga
    >>> ga.Autoregressive(ga.grid((4, 4)), MADE(depth=2, width=2)).num_parameters
    592
    """

    depth: int = 2
    width: int = 1
    z2: bool = False
    bias: bool = True

    def __post_init__(self) -> None:
        check_count(self.depth, "depth")
        check_count(self.width, "width")
        check_flag(self.z2, "z2")
        check_flag(self.bias, "bias")

    def settings(self) -> dict[str, Any]:
        return asdict(self)

    def check_graph(self, graph: IsingGraph | SpinHypergraph) -> None:
        """Mixtures of x and −x are for graphs that do not tell them apart.

        Raises:
            ValueError: ``z2`` on a graph with fields.
        """
        if self.z2 and graph.has_field:
            raise ValueError(f"graph must have no fields for z2=True, got {graph!r}")

    def bind(self, frontier: Frontier, *, generator: torch.Generator, dtype: torch.dtype) -> BoundHead:
        """Module with masks of the order."""
        n, channels = frontier.num_spins, [1, *[self.width] * (self.depth - 1), 1]
        layers: list[Tensor] = []
        biases: list[Tensor] = []
        for k in range(self.depth):
            inputs = channels[k] * (n + (k > 0)) / 2  # of a spin, on average
            pairs = n * (n - 1) // 2 + (n if k else 0)
            # uniform, as torch starts its layers, and as wide as the pairs left by the mask allow
            bound = 1 / math.sqrt(max(1.0, inputs))
            for kept, shape in ((layers, (pairs, channels[k + 1], channels[k])), (biases, (n, channels[k + 1], 1))):
                kept.append(bound * (2 * torch.rand(shape, generator=generator, dtype=dtype) - 1))
        slopes = [torch.full((n, c, 1), PRELU, dtype=dtype) for c in channels[1:-1]]
        return BoundMADE(n, layers, biases if self.bias else [], slopes, self.z2)


class MADECoefficients(NamedTuple):
    """The weights as numbers, for the compiled kernel.

    Attributes:
        weight: of each layer by output channel, then by pair of spins, then by input channel.
        bias: (layers, N, channels).
        slope: of PReLU, (layers − 1, N, channels).
    """

    weight: Tensor
    bias: Tensor
    slope: Tensor


@dataclass
class _Memory:
    """What is known of a batch that is being drawn.

    Attributes:
        weights: dense, of every layer, (N, out, N, in).
        hidden: PReLU(a) of every hidden layer, (N, channels, columns), zero at spins not drawn yet.
        log_prob: log q of the spins drawn, of x and of −x, (2, 1, batch); with the mixture only.
        last: logits of the last spin, at x and −x, (2, 1, batch).
    """

    weights: list[Tensor]
    hidden: list[Tensor]
    log_prob: Tensor
    last: Tensor


class BoundMADE(CompiledHead):
    reads = Reads.EARLIER

    def __init__(
        self, num_spins: int, layers: list[Tensor], biases: list[Tensor], slopes: list[Tensor], z2: bool
    ) -> None:
        super().__init__()
        self.num_spins, self.z2 = num_spins, z2
        self.layers = nn.ParameterList(layers)
        self.biases = nn.ParameterList(biases)
        self.slopes = nn.ParameterList(slopes)
        self.starts = np.cumsum([0, *(layer.numel() for layer in layers)])  # of layers in the form's weight

    def _dense(self, k: int) -> Tensor:
        """Weights of a layer with zeros where it may not look, (N, out, N, in)."""
        n, layer = self.num_spins, self.layers[k]
        later, earlier = torch.tril_indices(n, n, offset=0 if k else -1, device=layer.device)
        dense = layer.new_zeros(n, n, *layer.shape[1:]).index_put((later, earlier), layer)
        return dense.transpose(1, 2)

    def coefficients(self, beta: float, field: Tensor) -> MADECoefficients:
        n, layers = self.num_spins, self.layers
        channels = max(layer.shape[1] for layer in layers)
        bias = layers[0].new_zeros(len(layers), n, channels)
        for k, own in enumerate(self.biases):
            bias[k, :, : own.shape[1]] = own[..., 0]
        slopes = [slope[..., 0] for slope in self.slopes]
        slope = torch.stack(slopes) if slopes else bias.new_zeros(0, n, channels)
        return MADECoefficients(torch.cat([layer.transpose(0, 1).flatten() for layer in layers]), bias, slope)

    def filters(self, frontier: Frontier) -> dict[str, Tensor]:
        found, n = super().filters(frontier), self.num_spins
        for k, layer in enumerate(self.layers):
            later = torch.tril_indices(n, n, offset=0 if k else -1)[0]
            found[f"layers.{k}"] = (later[:, None] * layer.shape[1] + torch.arange(layer.shape[1]))[..., None]
        return found

    def new_memory(self, batch: int) -> _Memory:
        n, columns = self.num_spins, batch * (1 + self.z2)
        weights = [self._dense(k).detach().contiguous() for k in range(len(self.layers))]
        hidden = [slope.new_zeros(n, slope.shape[1], columns) for slope in self.slopes]
        nothing = weights[0].new_zeros(2, 1, batch)
        return _Memory(weights, hidden, nothing, nothing.clone())

    def forward(self, inputs: SiteInputs) -> Tensor:
        assert inputs.read is not None
        spins, constant = inputs.read.rows, 2 * inputs.beta * inputs.field
        if not self.z2:
            return constant + self._network(spins, inputs)
        ups = self._network(torch.cat([spins, -spins], dim=1), inputs).unflatten(1, (2, -1)).transpose(0, 1)
        memory, sign = inputs.memory, spins.new_tensor([1.0, -1.0])[:, None, None]
        if memory is None:
            gains = logsigmoid(sign * spins * ups)
            before = torch.cat([torch.zeros_like(gains[:, :1]), gains.cumsum(1)[:, :-1]], dim=1)
        else:
            # a spin of value zero stands before the first: it adds the same to both
            newest = torch.where(inputs.ranks[:, None] > 0, spins[inputs.ranks - 1], 0.0)
            memory.log_prob += logsigmoid(sign * newest * memory.last)
            memory.last = ups
            before = memory.log_prob
        up = torch.logsumexp(before + logsigmoid(sign * ups), 0)
        return constant + up - torch.logsumexp(before + logsigmoid(-sign * ups), 0)

    def _network(self, spins: Tensor, inputs: SiteInputs) -> Tensor:
        """The last layer at the spins ``inputs.ranks``, (n, columns)."""
        memory, ranks, values = inputs.memory, inputs.ranks, spins[:, None]
        for k in range(len(self.layers)):
            weight = (self._dense(k) if memory is None else memory.weights[k])[ranks]
            z = (weight.flatten(2).flatten(0, 1) @ values.flatten(0, 1)).unflatten(0, (ranks.numel(), -1))
            if len(self.biases):
                z = z + self.biases[k][ranks]
            if k == len(self.slopes):
                return z[:, 0]
            values = torch.where(z > 0, z, self.slopes[k][ranks] * z)
            if memory is not None:
                values = memory.hidden[k].index_copy_(0, ranks, values)
        raise AssertionError("unreachable")
