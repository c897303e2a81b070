"""Every head of the registry, and every setting that a kernel has a branch for."""

from __future__ import annotations

from curved_head import Curved

import graphar as ga
from graphar.heads import MADE, MLP, CurieWeissInfinite, Linear, MessagePassing, Recurrent
from graphar.heads.registry import HEADS as REGISTRY

__all__ = ["HEADS"]

VARIANTS: tuple[ga.heads.Head, ...] = (
    Curved(),
    Linear(bias=False),
    MLP(1, 1, activation="tanh"),
    MLP(6, 2, "parents", bias=False, activation="gelu"),
    MLP(5, 3, activation="gelu"),
    MLP(3, 2, "parents", activation="tanh"),
    ga.heads.SherringtonKirkpatrick(3),
    CurieWeissInfinite("tanh", shared=False),
    CurieWeissInfinite("gain"),
    CurieWeissInfinite("gain", shared=False),
    MADE(1, 1),
    MADE(2, 3, bias=False),
    MADE(3, 2),
    Recurrent("graph", "gru", 5, layers=2, slots=2),
    Recurrent("graph", "vanilla", 17, shared=True, couplings=True, activation="tanh"),
    Recurrent("chain", "tensor", 3, layers=2, couplings=True),
    Recurrent("dilated", "gru", 4, layers=3, activation="elu", skip=False),
    Recurrent("dilated", "tensor", 6, shared=True),
    MessagePassing(radius=0, rounds=2),
    MessagePassing(radius=3, rounds=3, refresh="outward"),
    MessagePassing(rounds=2, refresh="full"),
    MessagePassing(radius=2, rounds=2, hidden=3),
    MessagePassing(radius=2, rounds=1, refresh="outward", hidden=2, linear=True),
)
HEADS: dict[str, ga.heads.Head] = {name: head for name, head in REGISTRY.items() if name != "exact"}
HEADS |= {repr(head): head for head in VARIANTS}
