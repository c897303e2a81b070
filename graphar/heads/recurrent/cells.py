"""What a spin's state becomes, by the states that it hears: the cells, and their weights as numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

__all__ = ["ACTIVATIONS", "CELLS", "RecurrentCoefficients", "new_states"]

CELLS = ("vanilla", "gru", "tensor")
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"elu": nn.functional.elu, "tanh": torch.tanh}


class RecurrentCoefficients(NamedTuple):
    """The same logits as numbers; weights of sites have a first axis of length N, or 1 where they are shared.

    Attributes:
        constant, local: by rank, (N,), of the skip: a :class:`~graphar.heads.base.LinearCoefficients`.
        features: (sites, layers, features, gates × hidden).
        recurrent: A, and B by the slot of the spin where there are any, (sites, layers, terms, slots, hidden, gates ×
            hidden).
        below: of the state below, (sites, layers − 1, hidden, gates × hidden).
        out: u, (sites, hidden).
    """

    constant: Tensor
    local: Tensor
    features: Tensor
    recurrent: Tensor
    below: Tensor
    out: Tensor


def new_states(
    cell: str, activation: str, weights: Tensor, into: Tensor, spins: Tensor, heard: Tensor, slots: Tensor
) -> Tensor:
    """States by the formulas of :class:`~graphar.heads.recurrent.Recurrent`.

    Args:
        cell: one of :data:`CELLS`.
        activation: φ, one of :data:`ACTIVATIONS`.
        weights: A, and B by the slot of the spin, (n, terms, slots, hidden, gates × hidden).
        into: what features and the state below bring, (n, gates × hidden, batch).
        spins: x of the slots, 0 where empty, (n, slots, batch).
        heard: states of the slots, zero where empty, (n, slots, hidden, batch).
        slots: ranks, −1 where empty, (n, slots).

    Returns:
        (n, hidden, batch).
    """
    received = torch.einsum("nkhg,nkhb->ngb", weights[:, 0], heard)
    if cell == "tensor":
        received = received + torch.einsum("njkhg,njb,nkhb->ngb", weights[:, 1:], spins, heard)
    phi = ACTIVATIONS[activation]
    if cell != "gru":
        return phi(into + received)
    new, reset, keep = into.chunk(3, 1)
    new_heard, reset_heard, keep_heard = received.chunk(3, 1)
    new = phi(new + torch.sigmoid(reset + reset_heard) * new_heard)
    keep = torch.sigmoid(keep + keep_heard)
    mean = heard.sum(1) / (slots >= 0).sum(1).clamp(min=1)[:, None, None]
    return (1 - keep) * new + keep * mean
