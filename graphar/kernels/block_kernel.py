"""What compiled kernels that walk over blocks of samples share: batches in, batches out, and their gradient."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from graphar.kernels.base import Interactions, Kernel, Sampled, to_site_order
from graphar.kernels.blocks import new_blocks, spins_from_blocks, spins_to_blocks

__all__ = ["BlockKernel", "weigh"]


class BlockKernel(Kernel):
    """Samples, densities and logits from a walk over blocks.

    Attributes:
        sites: of each row of a block, (N,).
        places: rows of each site, (N,).
    """

    sites: Tensor
    places: Tensor
    compiled = True

    def sample(
        self, beta: float, of: Interactions, key: int, first: int, count: int, differentiable: bool = False
    ) -> Sampled:
        assert first % 64 == 0
        spins = new_blocks(count, self.num_spins, self.dtype)
        with torch.set_grad_enabled(differentiable):
            log_prob, _, energy = self._walk(beta, of, spins, (key, first), False)
        return Sampled(spins, self.places, log_prob[:count], energy[:count], spins_from_blocks)

    def log_prob(self, beta: float, of: Interactions, spins: Tensor) -> Tensor:
        return self._walk(beta, of, spins_to_blocks(spins, self.sites, self.dtype), None, False)[0][: len(spins)]

    def logits(self, beta: float, of: Interactions, spins: Tensor) -> Tensor:
        rows = self._walk(beta, of, spins_to_blocks(spins, self.sites, self.dtype), None, True)[1]
        return to_site_order(rows, self.places, len(spins))

    @abstractmethod
    def _walk(
        self, beta: float, of: Interactions, spins: Tensor, stream: tuple[int, int] | None, want_logits: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        """log q, logits by row and energy of spins, drawn into place from a stream or given."""


def weigh(slopes: Tensor, by_log_prob: Tensor, by_logits: Tensor) -> tuple[Tensor, Tensor]:
    """Slopes, (blocks, N, width), and factors, (blocks, width), whose products are derivatives by logits.

    From d log q / d logit, and the derivatives by log q and, unless empty, by the logits themselves.
    """
    factor = by_log_prob.view(len(slopes), -1).to(slopes.dtype)
    if by_logits.numel():
        return slopes * factor[:, None] + by_logits, torch.ones_like(factor)
    return slopes, factor.contiguous()
