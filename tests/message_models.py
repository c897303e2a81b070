"""Message passing by every schedule, with corrections that matter."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from small_graphs import KERNELS

import graphar as ga
from graphar.heads import MessagePassing

__all__ = [
    "BETA",
    "SCHEDULES",
    "SHARED",
    "WITH_WEIGHTS",
    "model_of",
    "random_tree",
    "with_all_kernels",
    "with_all_schedules",
]

BETA = 0.7
SCHEDULES = {
    "radius 0": MessagePassing(radius=0, rounds=2),
    "radius 1": MessagePassing(radius=1, rounds=1, refresh="outward"),
    "radius 3": MessagePassing(radius=3, rounds=3, refresh="outward"),
    "return": MessagePassing(radius=2, rounds=2, refresh="return"),
    "full": MessagePassing(rounds=2, refresh="full"),
    "learned": MessagePassing(radius=2, rounds=2, refresh="outward", hidden=3),
    "learned return": MessagePassing(radius=2, rounds=1, refresh="return", hidden=2, linear=True),
    "learned full": MessagePassing(rounds=3, refresh="full", hidden=3),
}
WITH_WEIGHTS = [name for name, head in SCHEDULES.items() if head.hidden]
SHARED = [name for name, head in SCHEDULES.items() if not head.linear]
with_all_schedules = pytest.mark.parametrize("schedule", SCHEDULES)
with_all_kernels = pytest.mark.parametrize("kernel", KERNELS)


def model_of(graph: ga.IsingGraph, head: MessagePassing, order: Any = ga.rcm, **options: Any) -> ga.Autoregressive:
    """A model with corrections that matter and do not run away, those shared by all graphs the same on each."""
    model = ga.Autoregressive(graph, head, order, **{"dtype": torch.float64, "seed": 1} | options)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.add_(0.1 * noise.to(parameter.dtype))
    return model


def random_tree(n: int, seed: int) -> ga.IsingGraph:
    """Every site joins an earlier one, chosen at random; Gaussian couplings and fields."""
    generator = torch.Generator().manual_seed(seed)
    joined = [int(torch.randint(k, (), generator=generator)) for k in range(1, n)]
    weights = torch.randn(n - 1, generator=generator, dtype=torch.float64)
    h = torch.randn(n, generator=generator, dtype=torch.float64)
    return ga.IsingGraph.from_edges([joined, list(range(1, n))], weights, h)
