"""The compiled kernel of the MADE head: whole walks over the spins, on the CPU."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from graphar.heads.made import BoundMADE, MADECoefficients
from graphar.kernels.base import Couplings
from graphar.kernels.compiled.batch_layout import empty
from graphar.kernels.compiled.linear import CACHE
from graphar.kernels.compiled.sequential import SequentialKernel
from graphar.kernels.compiled.threads import num_threads, share_out

__all__ = ["MADEKernel"]


class MADEKernel(SequentialKernel):
    """Compiled walks of masked dense layers: a batch is drawn with the work of one density."""

    head: BoundMADE

    def _coefficients(self, beta: float, couplings: Couplings) -> MADECoefficients:
        return self.head.coefficients(beta, couplings.field)

    @property
    def _shape(self) -> tuple[int, int]:
        """Copies of the network, and units of a sample."""
        copies = 1 + self.head.z2
        return copies, copies * sum(slope.shape[0] * slope.shape[1] for slope in self.head.slopes)

    def walk(
        self,
        beta: float,
        couplings: Couplings,
        spins: Tensor,
        stream: tuple[int, int] | None,
        coefficients: tuple[Tensor, ...],
        keep: bool,
        want_logits: bool,
    ) -> tuple[Tensor, ...]:
        from graphar.kernels.compiled.loops.made import walk

        (blocks, n, width), (copies, num_units) = spins.shape, self._shape
        log_prob, energy = torch.zeros(2, blocks, width, dtype=torch.float64)
        dlogq_dlogit = empty((blocks if keep else 0, n, width), self.dtype)
        logits = empty((blocks if want_logits else 0, n, width), self.dtype)
        key, first = (0, 0) if stream is None else stream
        numbers = (2 * beta * couplings.field, *coefficients, couplings.field, couplings.coupling)
        held = blocks if keep else num_threads(blocks)
        units, inner = (empty((held, num_units, width), self.dtype) for _ in range(2))
        ups = empty((held, copies * n, width), self.dtype)
        share_out(
            blocks,
            walk,
            self._plan,
            tuple(part.detach().contiguous().numpy() for part in numbers),
            self.head.starts,
            copies,
            stream is None,
            keep,
            np.uint64(key),
            first,
            *(part.numpy() for part in (spins, units, inner, ups, logits, dlogq_dlogit, log_prob, energy)),
        )
        return log_prob.flatten(), logits, energy.flatten(), dlogq_dlogit, units, inner, ups

    def gradient(
        self,
        couplings: Couplings,
        spins: Tensor,
        dlogq_dlogit: Tensor,
        factor: Tensor,
        kept: list[Tensor],
        coefficients: tuple[Tensor, ...],
    ) -> MADECoefficients:
        from graphar.kernels.compiled.loops.made import gradient, units_gradient

        weight, bias, slope = (part.detach().contiguous() for part in coefficients)
        found = MADECoefficients(torch.zeros_like(weight), torch.zeros_like(bias), torch.zeros_like(slope))
        units, inner, ups = kept[0].numpy(), kept[1].clone().numpy(), kept[2].clone().numpy()
        by_units = np.zeros_like(inner)
        shape = (bias.shape[0], self._shape[0], bias.shape[2])
        row = spins.shape[2] * spins.element_size()
        share_out(
            len(spins),
            units_gradient,
            (weight.numpy(), slope.numpy()),
            self.head.starts,
            shape,
            *(spins.numpy(), inner, ups, dlogq_dlogit.numpy(), factor.numpy(), by_units),
        )
        share_out(
            (self.num_spins + 1) // 2,
            gradient,
            self.head.starts,
            shape,
            max(1, min(4, CACHE // (row * bias.shape[1] * bias.shape[2]))),
            *(spins.numpy(), units, inner, ups, by_units),
            *(part.numpy() for part in found),
        )
        return found
