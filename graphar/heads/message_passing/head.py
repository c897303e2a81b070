r"""Message passing on the spins that are not drawn yet: belief propagation, and what learning adds to it.

    logit_i = 2 [β(h_i + ξ_ii) + Σ_l u_{l→i}],   l the neighbours of i drawn later,
    u_{k→l} = ½ [log cosh(a + b) − log cosh(a − b)],
    a = βJ_kl,   b = β(h_k + ξ_k) + Σ_{m ≠ l} u_{m→k},   m the undrawn neighbours of k,

both corrected by learned gates if there are any (:mod:`graphar.heads.message_passing.rule`). Drawn spins enter
through the fields ξ alone: a drawn spin's own messages are dropped. On a tree the fixed point is exact (R. Gallager
1962, J. Pearl 1982; M. Mézard and A. Montanari, *Information, Physics, and Computation*, 2009). Elsewhere log q is
what the **schedule** makes of it, which is part of the distribution:

- messages start at zero; before the first spin of a connected component, ``rounds`` sweeps pass over it;
- after spin i, ``refresh="outward"`` makes one pass away from i through the undrawn spins of its component C(i), shell
  by shell at the distances d = 1 … ``radius``. First the messages between spins of shell d are renewed, all from the
  values before, then those from shell d to shell d + 1; those towards i stay as they are;
- ``refresh="return"`` goes on with a pass towards i, from the last shell to the first, in the same way;
- ``refresh="full"`` makes ``rounds`` sweeps over all of C(i) without i instead.

A sweep renews, spin by spin, all messages that the spin sends, in depth-first order of the elimination tree and then,
every other sweep, against it. Messages on a subtree depend on its ancestors alone. The 4N architecture of L. M. Del
Bono, F. Ricci-Tersenghi and F. Zamponi (`arXiv:2407.19483 <https://arxiv.org/abs/2407.19483>`_) passes messages anew
around every spin; here only those near the spin just drawn are renewed, so that cost is linear in N at fixed radius.
"""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from graphar._support.checks import check_count, check_flag
from graphar.frontier import Frontier
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.hamiltonians.kinds import pairs_alone
from graphar.heads.base import BoundHead, CompiledHead, Head
from graphar.heads.inputs import SiteInputs
from graphar.heads.message_passing.rule import Gates, MessageRule
from graphar.heads.message_passing.weights import MessageWeights
from graphar.ordering import Ordering, nested_dissection

__all__ = ["BoundMessagePassing", "MessagePassing", "MessagePassingCoefficients", "Received"]

SCHEDULE = {"radius": 10, "rounds": 4, "refresh": "return"}


@dataclass(frozen=True)
class MessagePassing(Head):
    r"""Conditionals from belief propagation on the undrawn graph: exact on trees without a weight, and learning beyond.

    .. math:: \text{logit}_i = 2\Big[\beta(h_i + \xi_{ii}) + \sum_l u_{l\to i}\Big], \qquad
        u_{k\to l} = \tfrac12 \log\frac{\cosh(a + b)}{\cosh(a - b)}

    with :math:`a = \beta J_{kl}` and b the field on k without l. Holds at every β; good where the graph is locally
    like a tree and β is below the spin-glass transition. ESS tells how good.

    With ``hidden`` units, small networks shared by all sites correct messages and logits, from no correction at the
    start; no weight depends on N, the graph or the order, so that what :func:`graphar.pretrain` makes of them on many
    graphs serves every other. With ``linear``, Σ_{l ∈ F(i)} w_il ξ_il + b_i is added, for one graph, from zero on.

    Args:
        radius: how far the outward pass goes from the spin just drawn; accuracy and time rise with it. On a tree, a
            radius and rounds that reach across make conditionals exact. No part of a full refresh. By default that
            of the training of ``weights``, or 10 without; so for the next two, or 4 and ``"return"``.
        rounds: sweeps over a component before its first spin, and over the rest of it after each under a full refresh.
        refresh: ``"outward"``, time O(N × spins within the radius), ``"return"``, about twice that and more exact, or
            ``"full"``, O(N × spins in the component).
        hidden: hidden units of the shared networks; 0 for belief propagation as it is.
        linear: whether to add the linear head of one graph.
        weights: of the shared networks, which fix ``hidden``: one of those that come with graphar by its name
            (``MessageWeights.names()``), a file, or the ``weights`` of what :func:`graphar.pretrain` returned.

    Raises:
        ValueError: ``radius``, ``rounds`` or ``hidden`` is no integer of at least 0, 1 and 0, ``refresh`` is not one of
            the three, or there are no such weights.

    >>> import graphar as ga
    >>> model = ga.Autoregressive(ga.random_regular(100, degree=3, couplings="pm1", seed=0), MessagePassing())
    >>> model.num_parameters
    0
    >>> ga.free_energy(model.at(0.5), 100, seed=0).ess > 90
    True
    """

    radius: int | None = None
    rounds: int | None = None
    refresh: str | None = None
    hidden: int = 0
    linear: bool = False
    weights: str | PathLike[str] | MessageWeights | None = None

    def __post_init__(self) -> None:
        weights = self.weights
        if weights is not None and not isinstance(weights, MessageWeights):
            weights = MessageWeights.load(weights)
            object.__setattr__(self, "weights", weights)
        schedule = SCHEDULE if weights is None else SCHEDULE | weights.schedule
        for name, value in schedule.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        check_count(self.radius, "radius", 0)
        check_count(self.rounds, "rounds")
        check_count(self.hidden, "hidden", 0)
        check_flag(self.linear, "linear")
        if self.refresh not in ("outward", "return", "full"):
            raise ValueError(f'refresh must be "outward", "return" or "full", got {self.refresh!r}')
        if weights is not None:
            if self.hidden not in (0, weights.hidden):
                raise ValueError(f"hidden must be that of weights, {weights.hidden}, got {self.hidden}")
            object.__setattr__(self, "hidden", weights.hidden)

    @property
    def schedule(self) -> tuple[int, int, str]:
        """Radius, rounds and refresh."""
        assert self.radius is not None
        assert self.rounds is not None
        assert self.refresh is not None
        return self.radius, self.rounds, self.refresh

    def check_graph(self, graph: IsingGraph | SpinHypergraph) -> None:
        """Messages pass along pairs.

        Raises:
            ValueError: interactions of more than two spins.
        """
        pairs_alone(graph, "MessagePassing, whose messages pass along pairs")

    def default_ordering(self, graph: IsingGraph | SpinHypergraph) -> Ordering:
        return nested_dissection(graph)

    def settings(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("radius", "rounds", "refresh", "hidden", "linear")}

    def bind(self, frontier: Frontier, *, generator: torch.Generator, dtype: torch.dtype) -> BoundHead:
        if frontier.radius is not None and not self.linear:
            raise ValueError(f"radius must be the head's, MessagePassing(radius={frontier.radius}), got the model's")
        rule = MessageRule(self.hidden, generator, dtype)
        if isinstance(self.weights, MessageWeights):
            rule.load_state_dict(self.weights.tensors)
        return BoundMessagePassing(self, rule, _Linear(frontier, dtype) if self.linear else None)


class _Linear(nn.Module):
    """Σ_{l ∈ F(i)} w_il ξ_il + b_i, from zero on."""

    def __init__(self, frontier: Frontier, dtype: torch.dtype) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(frontier.num_pairs, dtype=dtype))
        self.bias = nn.Parameter(torch.zeros(frontier.num_spins, dtype=dtype))


class Received(NamedTuple):
    """What undrawn neighbours sent: Σu and Σ|u|, (n, batch); how many they are, and Σ|βJ| over them, (n, 1)."""

    total: Tensor
    sizes: Tensor
    neighbours: Tensor
    strength: Tensor


class MessagePassingCoefficients(NamedTuple):
    """Weights of the gates and of the linear part, empty where there are none, at any β and in any field.

    Attributes:
        message_weight, message_bias, message_out, message_constant: of the gates of messages, as their module has them.
        logit_weight, logit_bias, logit_out, logit_constant: of those of logits.
        pairs, constant: of the linear part, by pair and by rank.
    """

    message_weight: Tensor
    message_bias: Tensor
    message_out: Tensor
    message_constant: Tensor
    logit_weight: Tensor
    logit_bias: Tensor
    logit_out: Tensor
    logit_constant: Tensor
    pairs: Tensor
    constant: Tensor


class BoundMessagePassing(CompiledHead):
    """Message passing on one graph; kernels of its own keep the messages up to date."""

    def __init__(self, config: MessagePassing, rule: MessageRule, linear: _Linear | None) -> None:
        super().__init__()
        self.config, self.rule, self.linear = config, rule, linear

    def forward(self, inputs: SiteInputs) -> Tensor:
        assert isinstance(inputs.received, Received)
        logits = self.rule.logits(inputs.beta * (inputs.field + inputs.local), *inputs.received)
        if self.linear is None or inputs.read is None:
            return logits
        received = inputs.read.weighted_sum(inputs.read.select(self.linear.weight))
        return logits + received + self.linear.bias[inputs.ranks, None]

    def filters(self, frontier: Frontier) -> dict[str, Tensor]:
        found = super().filters(frontier)
        if self.linear is not None:
            found["linear.weight"] = frontier.pair_reader
        return found

    def coefficients(self, beta: float, field: Tensor) -> MessagePassingCoefficients:
        none = field.new_zeros(0)
        found: list[Tensor] = []
        for gates in (self.rule.message_gates, self.rule.logit_gates):
            assert gates is None or isinstance(gates, Gates)
            no_gates = (none[None], none, none[None], none)
            found += no_gates if gates is None else [gates.weight, gates.bias, gates.out, gates.constant]
        found += (none, none) if self.linear is None else (self.linear.weight, self.linear.bias)
        return MessagePassingCoefficients(*found)
