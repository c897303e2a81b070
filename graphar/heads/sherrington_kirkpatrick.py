r"""The head of the replica solution of the Sherrington–Kirkpatrick model.

With k steps of replica symmetry breaking, the log-sum over the later spins is a sum over them of k + 1 nested
functions log(1 + e^…) of what each receives, ξ_il. I. Biazzo,
`arXiv:2302.08347 <https://arxiv.org/abs/2302.08347>`_.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from graphar._support.checks import check_count
from graphar._support.segments import Segments
from graphar.frontier import Frontier
from graphar.heads.base import BoundHead, CompiledHead, Head, LinearCoefficients, check_scale, readers_of
from graphar.heads.inputs import SiteInputs, checkpointed_chunks
from graphar.ordering.reads import Reads

__all__ = ["SherringtonKirkpatrick"]


@dataclass(frozen=True)
class SherringtonKirkpatrick(Head):
    r"""Conditionals in the form of the k-step replica-symmetry-breaking solution (k-RSB).

    .. math:: \text{logit}_i = 2\beta (h_i + w_{ii}\, \xi_{ii} + b_i)
        + \sum_{s = \pm} \sum_{l \in F(i),\, l \ne i} u^s_{il}\, g^{(k)}(\xi_{il})

    .. math:: g^{(0)}(\xi) = \log\sigma(b^{s0}_{il} + w^{s0}_{il}\, \xi), \qquad
        g^{(r)} = \log\sigma(b^{sr}_{il} + w^{sr}_{il}\, g^{(r-1)})

    k = 0 is replica-symmetric. Dense on a complete graph, sparse by the frontier on any other. Of a hypergraph, l runs
    over sets of spins, as if each product were a spin.

    w^{s0} and b^{s0} are in units of 2β. The start takes the later spins for independent of each other: the part of l
    in ρ_i is then log cosh β(h_l + ξ_il + J_il) − log cosh β(h_l + ξ_il − J_il), which is the form above with k = 0,
    w = 1, b = h_l ± J_il, u = ∓1 and J_il in b_i; each further layer starts close to passing it on, within six
    per cent. To all comes a normal of standard deviation ``scale``/√N. Large steps lose what the start has: after 40
    at each β for N = 100, Adam with steps of 3e-4, the default, ends 1.4e-3 of F lower at β = 1 than with 1e-3. Sparse
    graphs bear 1e-3.

    Weights: 2(2k + 3) for each pair l ≠ i, and 2 for each spin. Nothing of size (pairs, batch) is stored, but for
    parts of a batch: the forward pass is made again, part by part, where the gradient is asked for.

    Reference: `arXiv:2302.08347 <https://arxiv.org/abs/2302.08347>`_.

    Args:
        k: steps of replica symmetry breaking, 0 or more.
        scale: size of the random part of the starting weights, times 1/√N.

    Raises:
        ValueError: ``k`` is no integer or below 0, or ``scale`` is negative or not finite.

    >>> import graphar as ga
    >>> graph = ga.sherrington_kirkpatrick(20, seed=0)
    >>> [ga.Autoregressive(graph, SherringtonKirkpatrick(k)).num_parameters for k in (0, 1, 2)]
    [1066, 1750, 2434]
    """

    learning_rate: ClassVar[float] = 3e-4
    weights_by_site: ClassVar[bool] = True

    k: int = 1
    scale: float = 1e-2

    def __post_init__(self) -> None:
        check_count(self.k, "k", 0)
        check_scale(self.scale)

    def settings(self) -> dict[str, Any]:
        return asdict(self)

    def bind(self, frontier: Frontier, *, generator: torch.Generator, dtype: torch.dtype) -> BoundHead:
        n = frontier.num_spins
        feeds = ~frontier.pair_is_local
        reader, target = frontier.pair_reader[feeds], frontier.pair_set[feeds].long()
        field = _fields(frontier)[target]
        sign = torch.tensor([[1.0], [-1.0]], dtype=torch.float64)
        ones = torch.ones(2, reader.numel(), dtype=torch.float64)
        coupling = _couplings(frontier, reader, target)
        bias = [field + sign * coupling]
        # log σ(z) is near to z well below 0: where messages are weak, g = −log 2 at first, every further layer starts
        # at z = −log 15, there log σ = −log 16 and its slope is 15/16. Further down, layers would be linear for long
        bias += [math.log(before / 15) * ones for before in [2, *[16] * self.k][: self.k]]
        weight = [ones] * (self.k + 1)
        out = -((16 / 15) ** self.k) * sign * ones

        def start(*parts: Tensor) -> Tensor:
            mean = torch.stack(parts)
            noise = torch.randn(mean.shape, generator=generator, dtype=dtype)
            return (mean + self.scale / math.sqrt(n) * noise).to(dtype)

        local = start(torch.ones(n), torch.zeros(n, dtype=torch.float64).index_add(0, reader, coupling))
        return BoundSherringtonKirkpatrick(feeds, start(*bias), start(*weight), start(out)[0], local)


class BoundSherringtonKirkpatrick(CompiledHead):
    reads = Reads.MESSAGES

    def __init__(self, feeds: Tensor, bias: Tensor, weight: Tensor, out: Tensor, local: Tensor) -> None:
        super().__init__()
        self.bias = nn.Parameter(bias)  # (k + 1, signs, pairs)
        self.weight = nn.Parameter(weight)
        self.out = nn.Parameter(out)  # (signs, pairs)
        self.local = nn.Parameter(local)  # w_ii and b_i, (2, N)
        self.feeds: Tensor  # pairs of the inbox off the diagonal
        self.column: Tensor
        self.register_buffer("feeds", feeds, persistent=False)
        self.register_buffer("column", (feeds.cumsum(0) - 1).clamp(min=0), persistent=False)

    def forward(self, inputs: SiteInputs) -> Tensor:
        assert inputs.read is not None
        skip, bias = self.local[:, inputs.ranks, None]
        logits = 2 * inputs.beta * (inputs.field + skip * inputs.local + bias)
        numbers = 4 * (self.weight.shape[0] + 1) * inputs.read.source.numel()
        return logits + checkpointed_chunks(self._later_spins, inputs, numbers)

    def coefficients(self, beta: float, field: Tensor) -> LinearCoefficients:
        """The same logits as numbers, for the compiled kernel: of each pair bias_r and weight_r, then u, (2, 2k + 3).

        These are of log σ(bias_r + weight_r g), innermost first, with the factor 2β taken in.
        """
        skip, bias = self.local
        scale = torch.ones(len(self.bias), dtype=self.bias.dtype)
        scale[0] = 2 * beta
        layers = torch.stack([self.bias, self.weight], 1).flatten(0, 1) * scale.repeat_interleave(2)[:, None, None]
        pairs = torch.cat([layers, self.out[None]]).permute(2, 1, 0)
        return LinearCoefficients(2 * beta * (field + bias), 2 * beta * skip, pairs)

    def filters(self, frontier: Frontier) -> dict[str, Tensor]:
        reader = readers_of(frontier, self.reads)[self.feeds.cpu()]
        shares = torch.arange(self.bias.shape[0] * 2).reshape(-1, 2, 1) * frontier.num_spins + reader  # layer and sign
        return super().filters(frontier) | {"bias": shares, "weight": shares, "out": shares[0]}

    def _later_spins(self, inputs: SiteInputs) -> Tensor:
        inbox = inputs.read
        assert inbox is not None
        if not self.out.shape[1]:
            inbox = inbox.emptied
        column = inbox.select(self.column)
        bias, weight = self.bias[:, :, column, None], self.weight[:, :, column, None]
        out = torch.where(inbox.select(self.feeds), self.out[:, column], 0.0)[:, :, None]
        messages = 2 * inputs.beta * inbox.rows[inbox.source]
        total = torch.zeros_like(messages)
        for sign in (0, 1):
            g = logsigmoid(2 * inputs.beta * bias[0, sign] + weight[0, sign] * messages)
            for r in range(1, len(bias)):
                g = logsigmoid(bias[r, sign] + weight[r, sign] * g)
            total = total + out[sign] * g
        return Segments.from_ptr(inbox.ptr, inbox.source.numel()).sum(total)


def _fields(frontier: Frontier) -> Tensor:
    """h_l of each set {l}, zero of those of several spins."""
    spins = torch.from_numpy(frontier.set_of_spin)
    fields = torch.zeros(len(frontier.anchor), dtype=torch.float64)
    return fields.index_copy_(0, spins, frontier.graph.h.double().cpu()[frontier.ordering.sites])


def _couplings(frontier: Frontier, reader: Tensor, target: Tensor) -> Tensor:
    """J of the reader i and the set that its pair is of, J_il of a spin, zero where the two are no interaction."""
    count = len(frontier.anchor)
    key, order = (frontier.arrival_source * count + frontier.arrival_target).sort()
    if not key.numel():
        return torch.zeros(reader.numel(), dtype=torch.float64)
    wanted = reader * count + target
    at = torch.searchsorted(key, wanted).clamp(max=key.numel() - 1)
    return torch.where(key[at] == wanted, frontier.arrival_weight.double()[order[at]], 0.0)
