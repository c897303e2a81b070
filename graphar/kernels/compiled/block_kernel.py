"""What compiled kernels that walk over blocks of samples share: batches in, batches out, and their gradient."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from graphar.kernels.base import Couplings, Kernel, Samples, to_site_order
from graphar.kernels.compiled.batch_layout import new_blocks, spins_from_blocks, spins_to_blocks

__all__ = ["BlockKernel", "weigh"]


class BlockKernel(Kernel):
    """Samples, densities and logits from a walk over blocks.

    Attributes:
        sites: of each row of a block, (N,).
        row_of_site: rows of each site, (N,).
    """

    sites: Tensor
    row_of_site: Tensor
    compiled = True

    def sample(
        self, beta: float, couplings: Couplings, key: int, first: int, count: int, differentiable: bool = False
    ) -> Samples:
        assert first % 64 == 0
        spins = new_blocks(count, self.num_spins, self.dtype)
        with torch.set_grad_enabled(differentiable):
            log_prob, _, energy = self._walk(beta, couplings, spins, (key, first), False)
        return Samples(spins, self.row_of_site, log_prob[:count], energy[:count], spins_from_blocks)

    def log_prob(self, beta: float, couplings: Couplings, spins: Tensor) -> Tensor:
        return self._walk(beta, couplings, spins_to_blocks(spins, self.sites, self.dtype), None, False)[0][: len(spins)]

    def logits(self, beta: float, couplings: Couplings, spins: Tensor) -> Tensor:
        rows = self._walk(beta, couplings, spins_to_blocks(spins, self.sites, self.dtype), None, True)[1]
        return to_site_order(rows, self.row_of_site, len(spins))

    @abstractmethod
    def _walk(
        self, beta: float, couplings: Couplings, spins: Tensor, stream: tuple[int, int] | None, want_logits: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        """log q, logits by row and energy of spins, drawn into place from a stream or given."""


def weigh(dlogq_dlogit: Tensor, by_log_prob: Tensor, by_logits: Tensor) -> tuple[Tensor, Tensor]:
    """Slopes, (blocks, N, width), and factors, (blocks, width), whose products are derivatives by logits.

    From d log q / d logit, and the derivatives by log q and, unless empty, by the logits themselves.
    """
    factor = by_log_prob.view(len(dlogq_dlogit), -1).to(dlogq_dlogit.dtype)
    if by_logits.numel():
        return dlogq_dlogit * factor[:, None] + by_logits, torch.ones_like(factor)
    return dlogq_dlogit, factor.contiguous()
