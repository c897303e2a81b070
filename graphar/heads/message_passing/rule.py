r"""How a spin answers the messages it receives: belief propagation, and what learning adds to it.

With a = βJ_kl, b = β(h_k + ξ_k) + Σ_{m ≠ l} u_{m→k}, and w the message that k sent to l before,

    v = ½ [log cosh(a + b) − log cosh(a − b)]         the message of belief propagation,
    u_{k→l} = v + γ v + δ (w − v),                     γ an amplification and δ a damping,
    logit_i = 2 [(1 + γ') s + (1 + δ') U]              with s = β(h_i + ξ_i) and U = Σ_l u_{l→i}.

γ, δ, γ' and δ' are **gates**: small networks, one for messages and one for logits, whose weights all sites of all
graphs share, zero at the start. They read magnitudes alone, as |b|, Σ|u_m|, |w|, |w − v| or |a|, so that u is odd in J
and in the fields and flipping a spin with its couplings and its field (a gauge transformation) changes nothing. β
enters through βJ and βh alone: units of energy do not matter either.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch_geometric.nn import MessagePassing as GraphMessagePassing

from graphar._support.segments import Segments

__all__ = ["LOGIT_FEATURES", "MESSAGE_FEATURES", "Gates", "MessageRule", "belief_message", "squashed"]

MESSAGE_FEATURES = ("b", "sum of |u|", "w", "w - v", "a", "neighbours", "sum of |a|")
STEEPNESS = 6.0
LOGIT_FEATURES = ("s", "U", "s + U", "sum of |u|", "neighbours", "sum of |a|")


def belief_message(coupling: Tensor, field: Tensor) -> Tensor:
    """v from a = βJ and b, of any shapes that broadcast.

    >>> a, b = torch.tensor([0.3, -50.0, 0.2]), torch.tensor([-0.7, 40.0, 0.0])
    >>> belief_message(a, b)
    tensor([ -0.1779, -40.0000,   0.0000])
    """
    plus, minus = (coupling + field).abs(), (coupling - field).abs()
    # log cosh z = |z| + log(1 + exp(−2|z|)) − log 2; differences of like terms first, so that v is odd to the bit
    return 0.5 * ((plus - minus) + (torch.log1p(torch.exp(-2 * plus)) - torch.log1p(torch.exp(-2 * minus))))


def squashed(x: Tensor) -> Tensor:
    """|x|/(1 + |x|): even, and the same for all that is large."""
    size = x.abs()
    return size / (1 + size)


class Gates(nn.Module):
    """Two numbers from magnitudes, g = V y + c with y = z/(1 + |z|) and z = W f + b; V = c = 0 at the start."""

    def __init__(self, features: int, hidden: int, generator: torch.Generator, dtype: torch.dtype) -> None:
        super().__init__()
        # each unit bends somewhere among the features, which lie between 0 and 1, and within a part of their range
        weight = torch.empty(hidden, features, dtype=dtype).uniform_(-STEEPNESS, STEEPNESS, generator=generator)
        bends = torch.empty(hidden, features, dtype=dtype).uniform_(generator=generator)
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(-(weight * bends).sum(1))
        self.out = nn.Parameter(torch.zeros(2, hidden, dtype=dtype))
        self.constant = nn.Parameter(torch.zeros(2, dtype=dtype))

    def forward(self, *magnitudes: Tensor) -> tuple[Tensor, Tensor]:
        """The two gates, each of the shape to which the magnitudes broadcast."""
        features = torch.stack(torch.broadcast_tensors(*(squashed(x) for x in magnitudes)), dim=-1)
        z = features @ self.weight.T + self.bias
        first, second = ((z / (1 + z.abs())) @ self.out.T + self.constant).unbind(-1)
        return first, second


class MessageRule(GraphMessagePassing):
    """Messages anew on a graph of undrawn spins, and their read-out; a PyG module, for rows of a batch of samples.

    Args:
        hidden: hidden units of each gate; with 0 there are no gates, and this is belief propagation.
        generator: draws the first weights.
        dtype: of the weights.

    Attributes:
        gradient_decay: part of the gradient by messages that goes back from each spin drawn to the ones before: below
            1, in training, where messages are so sensitive to those before that their true gradient says little.
    """

    gradient_decay = 1.0

    def __init__(self, hidden: int, generator: torch.Generator, dtype: torch.dtype) -> None:
        super().__init__(aggr="sum", node_dim=0)
        self.message_gates: Gates | None = None
        self.logit_gates: Gates | None = None
        if hidden:
            self.message_gates = Gates(len(MESSAGE_FEATURES), hidden, generator, dtype)
            self.logit_gates = Gates(len(LOGIT_FEATURES), hidden, generator, dtype)

    def forward(
        self,
        field: Tensor,
        edge_index: Tensor,
        coupling: Tensor,
        messages: Tensor,
        back: Tensor,
        renewed: Tensor,
        incoming: Segments | None = None,
    ) -> Tensor:
        """u that the receivers of some edges send back along them, all from the messages before.

        Args:
            field: s = β(h + ξ), one row a spin, (n, batch).
            edge_index: sender and receiver of each edge, (2, P).
            coupling: a = βJ of each edge, (P,).
            messages: u that comes along each edge, (P, batch).
            back: u that went the other way, of those renewed, (R, batch).
            renewed: which edges are answered, (R,).
            incoming: the edges by their receivers, if they are known already.

        Returns:
            The answers, (R, batch).
        """
        ones = torch.ones_like(coupling)
        parts = [messages, messages.abs(), ones[:, None], coupling.abs()[:, None]]
        incoming = incoming or Segments(edge_index[1], len(field))
        size = len(field), len(field)
        received = self.propagate(edge_index, size=size, rows=torch.cat(parts, dim=1), incoming=incoming)
        total, sizes, count, strength = received.split([part.shape[1] for part in parts], dim=1)
        k, a, u = edge_index[1, renewed], coupling[renewed, None], messages[renewed]
        b = field[k] + total[k] - u
        v = belief_message(a, b)
        if self.message_gates is None:
            return v
        gates = self.message_gates(b, sizes[k] - u.abs(), back, back - v, a, count[k] - 1, strength[k] - a.abs())
        return v + v * gates[0] + (back - v) * gates[1]

    def message(self, rows: Tensor) -> Tensor:
        return rows

    def aggregate(self, rows: Tensor, incoming: Segments) -> Tensor:
        return incoming.sum(rows)

    def logits(self, field: Tensor, total: Tensor, sizes: Tensor, count: Tensor, strength: Tensor) -> Tensor:
        """Read-out of spins: s, Σu and Σ|u|, (n, batch); undrawn neighbours and Σ|a| over them, (n, 1)."""
        if self.logit_gates is None:
            return 2 * (field + total)
        gates = self.logit_gates(field, total, field + total, sizes, count, strength)
        return 2 * (field + total + field * gates[0] + total * gates[1])
