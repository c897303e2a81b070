"""The mean of the weights over the later steps at a β: it lies nearer to the optimum than the weights themselves.

At a constant learning rate weights wander about the optimum; the mean of where they have been wanders less. B. Polyak,
A. Juditsky, `SIAM J. Control Optim. 30, 838 (1992) <https://doi.org/10.1137/0330046>`_.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from graphar._support.schema import like

__all__ = ["WeightAverage"]


class WeightAverage:
    """Running mean of weights over the second half of the steps at each β; the model holds either it or the weights.

    As a context, it leaves the model with the mean, whatever ends it.

    Args:
        weights: those that are trained.
        warmup, steps: before the first β, whose weights count in no mean, and at each β.
        wanted: whether there is to be a mean at all.

    Attributes:
        trained: the weights that training goes on from, while the model holds the mean.
    """

    def __init__(self, weights: list[nn.Parameter], warmup: int, steps: int, wanted: bool) -> None:
        self._weights, self._warmup, self._steps, self._wanted = weights, warmup, steps, wanted
        self._mean: list[Tensor] = []
        self.trained: list[Tensor] | None = None

    def __enter__(self) -> None:
        pass

    def __exit__(self, *reason: object) -> None:
        self.show()

    @torch.no_grad()
    def follow(self, step: int) -> None:
        """Take in the weights after so many steps of the run."""
        count = self._count(step)
        if count <= 1:
            self._mean = [weight.detach().clone() for weight in self._weights] if count else []
        else:
            for mean, weight in zip(self._mean, self._weights, strict=True):
                mean.lerp_(weight.detach(), 1 / count)

    @torch.no_grad()
    def show(self) -> None:
        """The model holds the mean, where there is one."""
        if self._mean and self.trained is None:
            self.trained = [weight.detach().clone() for weight in self._weights]
            for weight, mean in zip(self._weights, self._mean, strict=True):
                weight.copy_(mean)

    @torch.no_grad()
    def hide(self) -> None:
        """The model holds the weights that training goes on from."""
        if self.trained is not None:
            for weight, trained in zip(self._weights, self.trained, strict=True):
                weight.copy_(trained)
            self.trained = None

    def check(self, trained: Any, step: int) -> None:
        """Whether these are what :meth:`show` left after so many steps.

        Raises:
            ValueError: they are not.
        """
        if self._count(step):
            like(self._weights)(trained, "trained")
        elif trained is not None:
            raise ValueError(f"trained must be None after {step} steps, which no mean takes in, got {trained!r}")

    def restore(self, trained: list[Tensor] | None) -> None:
        """What :meth:`show` left: the mean in the model, and these as ``trained``."""
        if trained is not None:
            self._mean = [weight.detach().clone() for weight in self._weights]
            self.trained = [part.to(mean.device) for part, mean in zip(trained, self._mean, strict=True)]

    def _count(self, step: int) -> int:
        """Weights in the mean after so many steps."""
        if not self._wanted or step <= self._warmup:
            return 0
        return max(0, (step - self._warmup - 1) % self._steps + 1 - self._steps // 2)
