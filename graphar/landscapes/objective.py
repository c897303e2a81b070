r"""βF_q as a function of the weights of one model, everything else held fixed.

From samples, with random bits of one key at all weights, so that values at two points share most of their noise; or
exactly, as a sum over all configurations of at most 16 spins. The model is a copy: the caller's is never touched.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn

from graphar._support.checks import check_count
from graphar.exact.enumerate import spins_from_codes
from graphar.kernels.compiled.threads import torch_alone
from graphar.models.autoregressive import check_model
from graphar.models.distribution import Distribution, check_distribution
from graphar.training.objective import does_little

__all__ = [
    "DEFAULT_SAMPLES",
    "MAX_SPINS_EXACT",
    "Direction",
    "Objective",
    "Value",
    "Weights",
    "make_objective",
    "trainable",
]

MAX_SPINS_EXACT = 16
DEFAULT_SAMPLES = 1000

Direction = dict[str, Tensor]
"""A change of weights, by the name of each tensor that is trained."""


class Value(NamedTuple):
    """βF_q and its standard error; the losses of the samples behind it, empty where it is exact."""

    mean: float
    stderr: float
    losses: Tensor


def trainable(model: nn.Module) -> dict[str, nn.Parameter]:
    """The tensors that are trained, by name, those without numbers left out."""
    return {name: weight for name, weight in model.named_parameters() if weight.requires_grad and weight.numel()}


class Weights:
    """A copy of a model at one β, and its weights, which move along directions.

    Attributes:
        q: the copy at β.
        weights: its tensors that are trained, by name.
        start: what they were.
    """

    def __init__(self, q: Distribution, dtype: torch.dtype | None = None) -> None:
        model = copy.deepcopy(check_model(check_distribution(q).model))
        if dtype is not None:
            model = model.to(dtype)
        self.q: Distribution = model.at(q.beta)
        self.weights = trainable(model)
        if not self.weights:
            raise ValueError("q must have weights to be trained, got a model with none")
        self.start = {name: weight.detach().clone() for name, weight in self.weights.items()}
        if not all(bool(torch.isfinite(weight).all()) for weight in self.start.values()):
            raise ValueError("weights must be finite, got NaN or inf")

    @torch.no_grad()
    def move(self, *steps: tuple[float, Direction]) -> None:
        """Put the weights at the start plus so much of each direction."""
        for name, weight in self.weights.items():
            moved = self.start[name].clone()
            for length, direction in steps:
                moved.add_(direction[name].to(moved), alpha=length)
            weight.copy_(moved)


class Objective(ABC):
    """βF_q at the weights where they are; offset included."""

    def __init__(self, weights: Weights) -> None:
        self._weights, self.q = weights, weights.q
        self._offset = self.q.beta * float(self.q.graph.offset)

    @torch.no_grad()
    def at(self, *steps: tuple[float, Direction]) -> Value:
        """βF_q at the start plus so much of each direction."""
        self._weights.move(*steps)
        with torch_alone(does_little(self.q)):
            return self._value()

    @abstractmethod
    def _value(self) -> Value: ...


class _Sampled(Objective):
    def __init__(self, weights: Weights, num_samples: int, key: int) -> None:
        super().__init__(weights)
        self._num_samples, self._key = num_samples, key

    def _value(self) -> Value:
        drawn = self.q.draw(self._num_samples, self._key)
        losses = torch.cat([part.log_prob.cpu() + self.q.beta * part.energy.cpu() for part in drawn]) + self._offset
        return Value(float(losses.mean()), float(losses.std()) / len(losses) ** 0.5, losses)


class _Enumerated(Objective):
    def __init__(self, weights: Weights) -> None:
        super().__init__(weights)
        n = self.q.graph.num_spins
        self._spins = spins_from_codes(torch.arange(2**n), n)
        self._energy = self.q.beta * self.q.graph.energy(self._spins).double().cpu()

    def _value(self) -> Value:
        log_q = self.q.log_prob(self._spins).cpu()
        # a configuration of probability 0 counts nothing, whatever its log q
        loss = torch.where(log_q > -torch.inf, log_q + self._energy, 0.0)
        return Value(float(log_q.exp() @ loss), 0.0, torch.empty(0, dtype=torch.float64))


def make_objective(q: Distribution, num_samples: int | None, key: int) -> Objective:
    """Exact where the number of samples is left open and the graph is small."""
    exact, weights = num_samples is None, Weights(q)
    if exact and weights.q.graph.num_spins <= MAX_SPINS_EXACT:
        return _Enumerated(weights)
    return _Sampled(weights, DEFAULT_SAMPLES if exact else check_count(num_samples, "num_samples", 2), key)
