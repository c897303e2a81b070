"""What kernels in torch share: batches in and out as rows, spins from random bits, log q."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from graphar.kernels import random_bits
from graphar.kernels.base import Couplings, Kernel, Samples

__all__ = ["TorchKernel", "decide"]


class TorchKernel(Kernel):
    """Spins as (N, batch), drawn level by level.

    Attributes:
        sites: of each row, (N,).
        row_of_site: row of each site, (N,).
    """

    sites: Tensor
    row_of_site: Tensor

    @abstractmethod
    def _draw(self, beta: float, couplings: Couplings, words: Tensor) -> tuple[Tensor, ...]:
        """Spins and logits, (N, batch), energies, and what :meth:`_logits` need not find again; no gradient."""

    @abstractmethod
    def _logits(self, beta: float, couplings: Couplings, rows: Tensor, *known: Tensor) -> Tensor:
        """Logits of given spins, (N, batch); differentiable."""

    def sample(
        self, beta: float, couplings: Couplings, key: int, first: int, count: int, differentiable: bool = False
    ) -> Samples:
        with torch.no_grad():
            words = random_bits.words(key, self.sites, first, count)
            spins, logits, energy, *known = self._draw(beta, couplings, words)
        if differentiable:
            with torch.enable_grad():
                logits = self._logits(beta, couplings, spins, *known)
        return Samples(spins[None], self.row_of_site, _sum_log_prob(spins, logits), energy)

    def log_prob(self, beta: float, couplings: Couplings, spins: Tensor) -> Tensor:
        rows = self._rows(spins)
        return _sum_log_prob(rows, self._logits(beta, couplings, rows))

    def logits(self, beta: float, couplings: Couplings, spins: Tensor) -> Tensor:
        return self._logits(beta, couplings, self._rows(spins))[self.row_of_site].T

    def _rows(self, spins: Tensor) -> Tensor:
        return spins.to(self.device, self.dtype)[:, self.sites].T.contiguous()


def decide(logit: Tensor, words: Tensor) -> Tensor:
    """Spins from logits and 32 random bits each.

    The less likely sign is taken where the bits, as a number (k + ½)/2³² of (0, 1), are below σ(−|logit|), which
    has full relative precision however small; for positive logits the bits are reversed, so that the spin is
    monotone in the logit.

    >>> decide(torch.tensor([-50.0, 0.0, 50.0]), torch.tensor([0, 2**30, 2**32 - 1]))
    tensor([-1.,  1.,  1.])
    """
    sign = torch.where(logit < 0, -1.0, 1.0).to(logit)
    bits = torch.where(logit < 0, words, 0xFFFFFFFF - words)
    decay = torch.exp(-logit.abs())
    unlikely = decay * (1 / (1 + decay))
    return torch.where((bits.to(logit) + 0.5) * 2.0**-32 < unlikely, -sign, sign)


def _sum_log_prob(spins: Tensor, logits: Tensor) -> Tensor:
    return logsigmoid(spins * logits).sum(0, dtype=torch.float64)
