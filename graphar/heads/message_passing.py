r"""Message passing on the spins that are not drawn yet: belief propagation, with nothing to train.

    logit_i = 2 [β(h_i + ξ_ii) + Σ_l u_{l→i}],   l the neighbours of i drawn later,
    u_{k→l} = ½ [log cosh(a + b) − log cosh(a − b)],
    a = βJ_kl,   b = β(h_k + ξ_k) + Σ_{m ≠ l} u_{m→k},   m the undrawn neighbours of k.

Drawn spins enter through the fields ξ alone: a drawn spin's own messages are dropped. On a tree the fixed point is
exact (R. Gallager 1962, J. Pearl 1982; M. Mézard and A. Montanari, *Information, Physics, and Computation*, 2009).
Elsewhere log q is what the **schedule** makes of it, which is part of the distribution:

- messages start at zero; before the first spin of a connected component, ``rounds`` sweeps pass over it;
- after spin i, ``refresh="outward"`` makes one pass away from i through the undrawn spins of its component C(i), shell
  by shell at the distances d = 1 … ``radius``. First the messages between spins of shell d are renewed, all from the
  values before, then those from shell d to shell d + 1; those towards i stay as they are;
- ``refresh="full"`` makes ``rounds`` sweeps over all of C(i) without i instead.

A sweep renews, spin by spin, all messages that the spin sends, in depth-first order of the elimination tree and then,
every other sweep, against it. Messages on a subtree depend on its ancestors alone. The 4N architecture of L. M. Del
Bono, F. Ricci-Tersenghi and F. Zamponi (`arXiv:2407.19483 <https://arxiv.org/abs/2407.19483>`_) passes messages anew
around every spin; here only those near the spin just drawn are renewed, so that cost is linear in N at fixed radius.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from graphar._checks import check_count
from graphar.frontier import Frontier
from graphar.heads.base import BoundHead, Head, SiteInputs

if TYPE_CHECKING:
    from graphar.kernels.base import Kernel

__all__ = ["BoundMessagePassing", "MessagePassing"]


@dataclass(frozen=True)
class MessagePassing(Head):
    r"""Conditionals from belief propagation on the undrawn graph: exact on trees, without a weight.

    .. math:: \text{logit}_i = 2\Big[\beta(h_i + \xi_{ii}) + \sum_l u_{l\to i}\Big], \qquad
        u_{k\to l} = \tfrac12 \log\frac{\cosh(a + b)}{\cosh(a - b)}

    with :math:`a = \beta J_{kl}` and b the field on k without l. Holds at every β; good where the graph is locally
    like a tree and β is below the spin-glass transition. ESS tells how good.

    Args:
        radius: how far the outward pass goes from the spin just drawn; accuracy and time rise with it. On a tree, a
            radius and rounds that reach across make conditionals exact. No part of a full refresh.
        rounds: sweeps over a component before its first spin, and over the rest of it after each under a full refresh.
        refresh: ``"outward"``, time O(N × spins within the radius), or ``"full"``, O(N × spins in the component).

    Raises:
        ValueError: ``radius`` or ``rounds`` is no integer of at least 0 or 1, or ``refresh`` is not one of the two.

    >>> import graphar as ga
    >>> model = ga.Autoregressive(ga.random_regular(100, degree=3, couplings="pm1", seed=0), MessagePassing())
    >>> model.num_parameters
    0
    >>> ga.free_energy(model.at(0.5), 100, seed=0).ess > 90
    True
    """

    radius: int = 10
    rounds: int = 4
    refresh: str = "outward"

    def __post_init__(self) -> None:
        check_count(self.radius, "radius", 0)
        check_count(self.rounds, "rounds")
        if self.refresh not in ("outward", "full"):
            raise ValueError(f'refresh must be "outward" or "full", got {self.refresh!r}')

    def settings(self) -> dict[str, Any]:
        return asdict(self)

    def bind(self, frontier: Frontier, *, generator: torch.Generator, dtype: torch.dtype) -> BoundHead:
        if frontier.radius is not None:
            raise ValueError(f"radius must be the head's, MessagePassing(radius={frontier.radius}), got the model's")
        return BoundMessagePassing(self)


class BoundMessagePassing(BoundHead):
    """Belief propagation on one graph; its inbox holds the u_{l→i}, which kernels of its own keep up to date."""

    def __init__(self, config: MessagePassing) -> None:
        super().__init__()
        self.config = config

    def own_kernels(self) -> tuple[type[Kernel], type[Kernel]]:
        from graphar.kernels.message_passing import MessagePassingKernel, MessagePassingReferenceKernel

        return MessagePassingReferenceKernel, MessagePassingKernel

    def forward(self, inputs: SiteInputs) -> Tensor:
        assert inputs.messages is not None
        received = inputs.messages.weighted_sum(torch.ones_like(inputs.messages.source, dtype=inputs.field.dtype))
        return 2 * (inputs.beta * (inputs.field + inputs.local) + received)

    @staticmethod
    def message(coupling: Tensor, field: Tensor) -> Tensor:
        """u from a = βJ and b, of any shapes that broadcast.

        >>> a, b = torch.tensor([0.3, -50.0, 0.2]), torch.tensor([-0.7, 40.0, 0.0])
        >>> BoundMessagePassing.message(a, b)
        tensor([ -0.1779, -40.0000,   0.0000])
        """
        plus, minus = (coupling + field).abs(), (coupling - field).abs()
        # log cosh z = |z| + log(1 + exp(−2|z|)) − log 2; differences of like terms first, so that u is odd to the bit
        return 0.5 * ((plus - minus) + (torch.log1p(torch.exp(-2 * plus)) - torch.log1p(torch.exp(-2 * minus))))
