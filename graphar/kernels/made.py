"""The compiled kernel of the MADE head: whole walks over the spins, on the CPU."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from graphar.heads.made import BoundMADE, MADEForm
from graphar.kernels._threads import numba_threads
from graphar.kernels.base import Interactions
from graphar.kernels.blocks import empty
from graphar.kernels.numba_cpu import CACHE
from graphar.kernels.walks import WalkKernel

__all__ = ["MADEKernel"]


class MADEKernel(WalkKernel):
    """Compiled walks of masked dense layers: a batch is drawn with the work of one density."""

    head: BoundMADE

    def _form(self, beta: float, of: Interactions) -> MADEForm:
        return self.head.form()

    @property
    def _shape(self) -> tuple[int, int]:
        """Copies of the network, and units of a sample."""
        copies = 1 + self.head.z2
        return copies, copies * sum(slope.shape[0] * slope.shape[1] for slope in self.head.slopes)

    def walk(
        self,
        beta: float,
        of: Interactions,
        spins: Tensor,
        stream: tuple[int, int] | None,
        form: tuple[Tensor, ...],
        keep: bool,
        want_logits: bool,
    ) -> tuple[Tensor, ...]:
        from graphar.kernels._numba_made import walk

        (blocks, n, width), (copies, num_units) = spins.shape, self._shape
        log_prob, energy = torch.zeros(2, blocks, width, dtype=torch.float64)
        slopes = empty((blocks if keep else 0, n, width), self.dtype)
        logits = empty((blocks if want_logits else 0, n, width), self.dtype)
        key, first = (0, 0) if stream is None else stream
        numbers = (2 * beta * of.field, *form, of.field, of.coupling)
        with numba_threads() as threads:
            held = blocks if keep else threads
            units, inner = (empty((held, num_units, width), self.dtype) for _ in range(2))
            ups = empty((held, copies * n, width), self.dtype)
            walk(
                self._plan,
                tuple(part.detach().contiguous().numpy() for part in numbers),
                self.head.starts,
                copies,
                stream is None,
                keep,
                np.uint64(key),
                first,
                *(part.numpy() for part in (spins, units, inner, ups, logits, slopes, log_prob, energy)),
            )
        return log_prob.flatten(), logits, energy.flatten(), slopes, units, inner, ups

    def gradient(
        self,
        of: Interactions,
        spins: Tensor,
        slopes: Tensor,
        factor: Tensor,
        kept: list[Tensor],
        form: tuple[Tensor, ...],
    ) -> MADEForm:
        from graphar.kernels._numba_made import gradient

        weight, bias, slope = (part.detach().contiguous() for part in form)
        found = MADEForm(torch.zeros_like(weight), torch.zeros_like(bias), torch.zeros_like(slope))
        copies, _ = self._shape
        units, inner, ups = kept
        row = spins.shape[2] * spins.element_size()
        with numba_threads():
            gradient(
                (weight.numpy(), slope.numpy()),
                self.head.starts,
                copies,
                max(1, min(4, CACHE // (row * bias.shape[1] * bias.shape[2]))),
                *(part.numpy() for part in (spins, units, inner.clone(), ups.clone(), slopes, factor, *found)),
            )
        return found
