"""The variational objective and its gradient.

    β F_q = E_q[L],  L = log q + βE;   ∇ β F_q = E_q[(L − b) ∇ log q]  for any constant b

As q → p every sample's L tends to the same −log Z, so with b the mean of L the gradient's variance vanishes at
the optimum. D. Wu, L. Wang, P. Zhang, `Phys. Rev. Lett. 122, 080602 (2019) <https://arxiv.org/abs/1809.10606>`_.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from graphar._support.seeds import Source
from graphar.kernels.compiled.threads import torch_alone
from graphar.models.distribution import Distribution, check_distribution

__all__ = ["VariationalStep", "does_little", "variational_step"]

FEW = 2**20  # weights that torch handles in the time of a few spins


class VariationalStep(NamedTuple):
    """What one batch said; energies without the offset."""

    loss: Tensor
    best_spins: Tensor


def variational_step(q: Distribution, batch_size: int, source: Source) -> VariationalStep:
    r"""Draw a batch and add the objective's gradient to the ``.grad`` of the model's weights.

    .. math:: \nabla \beta F_q \approx \frac{1}{n-1} \sum_b (L_b - \bar L) \nabla \log q(x_b)

    The mean L includes the sample itself; the factor 1/(n−1) makes up for it, so the estimate is unbiased.
    The random bits are those of a key, or of a generator that draws it.
    """
    with torch_alone(does_little(check_distribution(q))):
        return _step(q, batch_size, source)


def does_little(q: Distribution) -> bool:
    """Whether torch has so little to do in a step, beside compiled loops, that one thread does it as fast as more."""
    return q.learned_part.compiled and q.model.num_parameters < FEW


def _step(q: Distribution, batch_size: int, source: Source) -> VariationalStep:
    # One chunk's samples keep what their gradient needs; more chunks would keep more than memory is meant to hold.
    fits = bool(batch_size <= q.chunk_size)
    drawn = list(q.draw(batch_size, source, differentiable=fits))
    loss = torch.cat([part.log_prob.detach() + q.beta * part.energy for part in drawn])
    with torch_alone():  # the order of a long sum is that of one thread, whatever their number
        weight = (loss - loss.mean()) / (batch_size - 1)
    for part, share in zip(drawn, weight.split([len(part) for part in drawn]), strict=True):
        log_prob = part.log_prob if fits else q.learned_part.log_prob(part.learned)
        (share @ log_prob).backward()
    lowest = min(drawn, key=lambda part: float(part.energy.min()))
    spins = lowest.configuration(int(lowest.energy.argmin())).to("cpu", torch.int8)
    return VariationalStep(loss, spins)
