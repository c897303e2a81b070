"""Weights of order one, so that nothing holds merely because they are small."""

from __future__ import annotations

import torch

import graphar as ga

__all__ = ["add_noise"]

# What states are multiplied with from spin to spin: of order one, their numbers would grow beyond any digits.
AGAIN_AND_AGAIN = ("head.recurrent", "head.below")


@torch.no_grad()
def add_noise(model: ga.Autoregressive, size: float, seed: int) -> None:
    """Normals of standard deviation ``size`` to all weights, the same in every dtype."""
    generator = torch.Generator().manual_seed(seed)
    for name, weight in model.named_parameters():
        own = size / 5 if name in AGAIN_AND_AGAIN else size
        weight.add_((own * torch.randn(weight.shape, generator=generator, dtype=torch.float64)).to(weight.dtype))
