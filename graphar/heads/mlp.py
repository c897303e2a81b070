r"""A small network for each spin beside the linear skip: TwoBo in full.

    logit_i = linear_i + v_i · φ(… φ(W_i ξ_i + c_i) …),   ξ_i = (ξ_il), l ∈ F(i), l ≠ i

I. Biazzo, D. Wu, G. Carleo, `arXiv:2402.16579 <https://arxiv.org/abs/2402.16579>`_.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from graphar._support.checks import check_count
from graphar.frontier import Frontier
from graphar.heads.base import BoundHead, CompiledHead, Head, LinearHead, readers_of
from graphar.heads.inputs import SiteInputs, checkpointed_chunks
from graphar.heads.linear import Linear
from graphar.ordering.reads import Reads

__all__ = ["MLP"]

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "silu": nn.functional.silu,
    "gelu": nn.functional.gelu,
    "tanh": torch.tanh,
}


@dataclass(frozen=True)
class MLP(Head):
    r"""A dense network for each spin on the messages of its frontier, beside the linear skip (TwoBo in full).

    .. math:: \text{logit}_i = \text{Linear}_i + v_i \cdot z_i^{(d)}, \quad
        z_i^{(1)} = \phi\Bigl(c_i^{(1)} + \sum_{l \in F(i),\, l \ne i} W^{(1)}_{il}\, \xi_{il}\Bigr), \quad
        z_i^{(k)} = \phi(c_i^{(k)} + W_i^{(k)} z_i^{(k-1)})

    ``Linear`` is :class:`graphar.heads.Linear` with the same inputs. The v start as small as its weights do, so that
    the untrained model is the linear one; W^(k) as normals of variance one over the number of inputs.

    Of a hypergraph, l runs over the sets of spins of the frontier, whose messages count in their products.

    Weights: those of ``Linear``; ``hidden`` for each pair of a first layer; N · ``hidden`` (``hidden`` + 1) for each
    further layer; 2N · ``hidden`` for c^(1) and v. Nothing of size (pairs, batch) is stored.

    Reference: `arXiv:2402.16579 <https://arxiv.org/abs/2402.16579>`_.

    Args:
        hidden: units of a layer.
        depth: hidden layers d.
        inputs: ``"messages"`` for ξ_il, l ∈ F(i); ``"parents"`` for the spins x_j, j ∈ P(i).
        bias: whether there are biases b_i and c_i; without them, with ``"tanh"`` and without fields, the model keeps
            the ± symmetry.
        activation: φ, ``"silu"``, ``"gelu"`` or ``"tanh"``.
        scale: size of the starting weights of the skip and of v, times 1/√N.

    Raises:
        ValueError: ``hidden`` or ``depth`` below 1, another activation, or what ``Linear`` refuses.

    >>> import graphar as ga
    >>> graph = ga.grid((4, 4))
    >>> models = [ga.Autoregressive(graph, head) for head in (MLP(hidden=8), ga.heads.Linear)]
    >>> models[0].num_parameters - models[1].num_parameters
    504
    """

    learning_rate: ClassVar[float] = 3e-3
    weights_by_site: ClassVar[bool] = True

    hidden: int = 32
    depth: int = 1
    inputs: str = "messages"
    bias: bool = True
    activation: str = "silu"
    scale: float = 1e-2

    def __post_init__(self) -> None:
        check_count(self.hidden, "hidden")
        check_count(self.depth, "depth")
        if not isinstance(self.activation, str) or self.activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}, got {self.activation!r}")
        Linear(self.inputs, self.bias, self.scale)

    @classmethod
    def default_on_core(cls) -> Head:
        return cls(inputs="parents")

    def settings(self) -> dict[str, Any]:
        return asdict(self)

    def bind(self, frontier: Frontier, *, generator: torch.Generator, dtype: torch.dtype) -> BoundHead:
        skip = Linear(self.inputs, self.bias, self.scale).bind(frontier, generator=generator, dtype=dtype)
        n, hidden = frontier.num_spins, self.hidden

        def normal(scale: float, *shape: int) -> Tensor:
            return scale * torch.randn(shape, generator=generator, dtype=dtype)

        ptr, read = frontier.read_lists(Reads(self.inputs))
        feeds = torch.ones(read.numel(), dtype=torch.bool)
        if Reads(self.inputs) is Reads.MESSAGES:
            feeds = ~frontier.pair_is_local
        reader = torch.repeat_interleave(torch.arange(n), ptr.diff())[feeds]
        fan_in = torch.bincount(reader, minlength=n)[reader]
        first = normal(1.0, hidden, reader.numel()) / fan_in.sqrt()
        deeper = [normal(1 / math.sqrt(hidden), n, hidden, hidden) for _ in range(self.depth - 1)]
        biases = [torch.zeros(hidden, n, dtype=dtype) for _ in range(self.depth)] if self.bias else []
        out = normal(self.scale / math.sqrt(n), hidden, n)
        return BoundMLP(skip, feeds, first, deeper, biases, out, self.activation)


class MLPCoefficients(NamedTuple):
    """The same logits as numbers, for the compiled kernel.

    Attributes:
        constant, local: by rank, (N,), of the skip: a :class:`~graphar.heads.base.LinearCoefficients`.
        pairs: of each pair of the inbox, its weight in the skip and in each unit of the first layer, (1 + hidden, P).
        layers: weights of further layers, (N, depth − 1, hidden²).
        units: biases of each layer, and the weights of the last one's output, (N, depth + 1, hidden).
    """

    constant: Tensor
    local: Tensor
    pairs: Tensor
    layers: Tensor
    units: Tensor


class BoundMLP(CompiledHead):
    def __init__(
        self,
        skip: LinearHead,
        feeds: Tensor,
        first: Tensor,
        deeper: list[Tensor],
        biases: list[Tensor],
        out: Tensor,
        activation: str,
    ) -> None:
        super().__init__()
        self.reads = skip.reads
        self.skip = skip
        self.first = nn.Parameter(first)
        self.deeper = nn.ParameterList(deeper)
        self.biases = nn.ParameterList(biases)
        self.out = nn.Parameter(out)
        self.activation = activation
        self.feeds: Tensor  # pairs of the inbox that the network reads: all but the diagonal
        self.column: Tensor
        self.register_buffer("feeds", feeds, persistent=False)
        self.register_buffer("column", (feeds.cumsum(0) - 1).clamp(min=0), persistent=False)

    def forward(self, inputs: SiteInputs) -> Tensor:
        numbers = 4 * self.first.shape[0] * (1 + len(self.deeper)) * inputs.ranks.numel()
        return self.skip(inputs) + checkpointed_chunks(self._network, inputs, numbers)

    def coefficients(self, beta: float, field: Tensor) -> MLPCoefficients:
        skip = self.skip.coefficients(beta, field)
        hidden, n = self.out.shape
        none = self.first.new_zeros(hidden, self.feeds.numel())
        first = none.index_copy(1, self.feeds.nonzero()[:, 0], self.first)
        biases = list(self.biases) or [torch.zeros_like(self.out)] * (1 + len(self.deeper))
        deeper = [layer.flatten(1) for layer in self.deeper]
        return MLPCoefficients(
            skip.constant,
            skip.local,
            torch.cat([skip.pairs[None], first]),
            torch.stack(deeper, 1) if deeper else self.out.new_zeros(n, 0, hidden * hidden),
            torch.stack([*biases, self.out]).permute(2, 0, 1).contiguous(),
        )

    def filters(self, frontier: Frontier) -> dict[str, Tensor]:
        hidden, n = self.out.shape
        unit, site = torch.arange(hidden), torch.arange(n)
        first = unit[:, None] * n + readers_of(frontier, self.reads)[self.feeds.cpu()]
        own = {"first": first, "out": site} | {f"biases.{layer}": site for layer in range(len(self.biases))}
        own |= {f"deeper.{k}": (site[:, None] * hidden + unit)[..., None] for k in range(len(self.deeper))}
        return own | {f"skip.{name}": labels for name, labels in self.skip.filters(frontier).items()}

    def _network(self, inputs: SiteInputs) -> Tensor:
        inbox = inputs.read
        assert inbox is not None
        if not self.first.shape[1]:
            inbox = inbox.emptied
        z = inbox.weighted_sums(self.first[:, inbox.select(self.column)] * inbox.select(self.feeds))
        for layer in range(len(self.deeper) + 1):
            if layer:
                z = torch.einsum("noh,hnb->onb", self.deeper[layer - 1][inputs.ranks], z)
            if len(self.biases):
                z = z + self.biases[layer][:, inputs.ranks, None]
            z = ACTIVATIONS[self.activation](z)
        return (self.out[:, inputs.ranks, None] * z).sum(0)
