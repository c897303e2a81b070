"""The optimiser of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from torch import nn
from torch.optim import LBFGS, Adam, Optimizer

__all__ = ["make_stepper"]


def make_stepper(
    weights: list[nn.Parameter], make: Callable[[Iterable[nn.Parameter]], Optimizer] | None, learning_rate: float
) -> Optimizer | None:
    """The optimiser of a run, Adam by default; none where there is nothing to learn."""
    if not weights:
        return None
    stepper = Adam(weights, lr=learning_rate, fused=True) if make is None else make(weights)
    if isinstance(stepper, LBFGS):
        raise ValueError("optimizer must step on noisy gradients, got LBFGS, which needs the objective itself")
    return stepper
