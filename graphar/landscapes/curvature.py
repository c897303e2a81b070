r"""Products of the objective's Hessian with directions, in float64.

With ℓ = log q and L = ℓ + βE, from βF_q = E_q[L] and E_q[∇ℓ] = 0,

.. math:: \nabla \beta F_q = E_q[(L - b) \nabla \ell], \qquad
    H = E_q\bigl[(L - b)\,(\nabla\nabla \ell + \nabla\ell\, \nabla\ell^T) + \nabla\ell\, \nabla\ell^T\bigr]

for any constant b. The first bracket has mean zero by itself: where L is constant, at q = p, H is the Fisher matrix.
From n samples, with b the mean of L, the unbiased estimate of H is at the present weights the Hessian of

.. math:: f(w) = \frac{1}{n-1} \sum_s (L_s - \bar L)\, e^{\ell_s(w) - \ell_s}
    + \frac{1}{2n} \sum_s (\ell_s(w) - \ell_s)^2

an ordinary function of the weights, samples and L being fixed. So its products with directions are differences of its
gradient, which every kernel gives: central ones, with steps for which truncation and rounding are both about 1e-8.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graphar._support.checks import check_count
from graphar._support.seeds import hash_key
from graphar.estimators.partition import Estimate
from graphar.exact.enumerate import spins_from_codes
from graphar.kernels.base import Samples
from graphar.kernels.compiled.threads import torch_alone
from graphar.landscapes.objective import DEFAULT_SAMPLES, MAX_SPINS_EXACT, Direction, Weights
from graphar.models.distribution import Distribution
from graphar.training.objective import does_little

__all__ = ["Curvature", "make_curvature"]

STEP = 1e-5  # of weights along a unit vector, for first differences of gradients
WIDE_STEP = 1e-3  # for second differences of log q

Vector = NDArray[np.float64]


class Curvature(ABC):
    """The Hessian of βF_q at a model's weights, by its products; weights as one vector.

    Attributes:
        num_samples: behind it, 0 where it is exact.
    """

    num_samples = 0

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self.q = weights.q
        self.shapes = {name: weight.shape for name, weight in weights.start.items()}
        self.size = sum(shape.numel() for shape in self.shapes.values())

    def product(self, vector: Vector) -> Vector:
        """H v."""
        length = float(np.linalg.norm(vector))
        if length == 0:
            return np.zeros(self.size)
        direction = self.direction(vector / length)
        ends = []
        for sign in (1, -1):
            self._weights.move((sign * STEP, direction))
            ends.append(self._gradient())
        self._weights.move()
        return np.asarray((ends[0] - ends[1]) * (length / (2 * STEP)))

    def direction(self, vector: Vector) -> Direction:
        """A vector as tensors by name."""
        parts = torch.from_numpy(np.array(vector)).split([shape.numel() for shape in self.shapes.values()])
        return {name: part.view(shape) for (name, shape), part in zip(self.shapes.items(), parts, strict=True)}

    def _gradient(self) -> Vector:
        for weight in self._weights.weights.values():
            weight.grad = None
        with torch.enable_grad(), torch_alone(does_little(self.q)):
            self._backward()
        grads = [
            torch.zeros_like(weight) if weight.grad is None else weight.grad
            for weight in self._weights.weights.values()
        ]
        return np.asarray(torch.cat([grad.flatten() for grad in grads]).double().cpu().numpy())

    @abstractmethod
    def _backward(self) -> None:
        """Leave the gradient of the function whose Hessian this is, at the weights where they are."""

    @abstractmethod
    def along(self, vector: Vector) -> Estimate:
        """vᵀHv of a unit vector, from samples that it does not depend on."""


class _Enumerated(Curvature):
    def __init__(self, weights: Weights) -> None:
        super().__init__(weights)
        n = self.q.graph.num_spins
        self._spins = spins_from_codes(torch.arange(2**n), n)
        self._energy = self.q.beta * (self.q.graph.energy(self._spins).double().cpu() - float(self.q.graph.offset))

    def _backward(self) -> None:
        log_q = self.q.log_prob(self._spins)
        with torch.no_grad():
            share, loss = log_q.exp(), log_q + self._energy.to(log_q.device)
            factor = share * (loss - share @ loss)
        (factor @ log_q).backward()

    def along(self, vector: Vector) -> Estimate:
        return Estimate(float(vector @ self.product(vector)), 0.0)


class _Sampled(Curvature):
    def __init__(self, weights: Weights, num_samples: int, key: int) -> None:
        super().__init__(weights)
        self.num_samples, self._key = num_samples, key
        self._batch, self._log_q, loss = self._drawn(key)
        self._factor = (loss - loss.mean()) / (num_samples - 1)

    @torch.no_grad()
    def _drawn(self, key: int) -> tuple[list[Tensor], Tensor, Tensor]:
        parts: list[Samples] = list(self.q.draw(self.num_samples, key))
        log_q = torch.cat([part.log_prob for part in parts])
        energy = torch.cat([part.energy for part in parts]).to(log_q.device)
        return [part.learned for part in parts], log_q, log_q + self.q.beta * energy

    def _backward(self) -> None:
        sizes = [len(part) for part in self._batch]
        each = zip(self._batch, self._log_q.split(sizes), self._factor.split(sizes), strict=True)
        for spins, before, factor in each:
            log_q = self.q.learned_part.log_prob(spins)
            with torch.no_grad():
                change = log_q - before
                slope = factor * change.exp() + change / self.num_samples
            (slope @ log_q).backward()

    @torch.no_grad()
    def along(self, vector: Vector) -> Estimate:
        spins, middle, loss = self._drawn(hash_key(self._key, "fresh samples"))
        direction, ends = self.direction(vector), []
        for sign in (1, -1):
            self._weights.move((sign * WIDE_STEP, direction))
            ends.append(torch.cat([self.q.learned_part.log_prob(part) for part in spins]))
        self._weights.move()
        slope = (ends[0] - ends[1]) / (2 * WIDE_STEP)
        bend = (ends[0] - 2 * middle + ends[1]) / WIDE_STEP**2
        count = self.num_samples
        values = count / (count - 1) * (loss - loss.mean()) * (bend + slope**2) + slope**2
        return Estimate(float(values.mean()), float(values.std()) / count**0.5)


def make_curvature(q: Distribution, num_samples: int | None, key: int) -> Curvature:
    """Exact where the number of samples is left open and the graph is small."""
    exact = num_samples is None
    weights = Weights(q, torch.float64)
    if exact and weights.q.graph.num_spins <= MAX_SPINS_EXACT:
        return _Enumerated(weights)
    return _Sampled(weights, DEFAULT_SAMPLES if exact else check_count(num_samples, "num_samples", 2), key)
