"""The reference algorithm compiled for the CPU, for heads whose logits are linear in what they read.

Samples are independent, so each thread draws blocks of them spin by spin, with the messages of a block in cache:
no step of a level is ever waited for, and nothing of size (pairs, batch) exists. The same uniforms as the
reference kernel's give the same spins, up to ties at rounding, whatever the number of threads.

A process that has sampled has started OpenMP threads, after which a forked child cannot: use ``spawn`` for
workers, or ``kernel="reference"``.
"""

from __future__ import annotations

import torch
from torch import Tensor

from graphar.frontier import Frontier
from graphar.heads.base import BoundHead
from graphar.kernels.reference import ReferenceKernel, Sampled

__all__ = ["NumbaKernel"]

CACHE = 2**18  # bytes that a block's messages and spins may take: about half a core's second-level cache


class NumbaKernel(ReferenceKernel):
    """As :class:`ReferenceKernel`, with compiled sampling on the CPU; densities and gradients are the same code."""

    send_ptr: Tensor

    def __init__(self, frontier: Frontier, reads: str, dtype: torch.dtype, levels: Tensor | None = None) -> None:
        super().__init__(frontier, reads, dtype, levels)
        count = torch.bincount(self.source, minlength=self.num_spins)
        self.register_buffer("send_ptr", torch.cat([count.new_zeros(1), count.cumsum(0)]), persistent=False)

    @torch.no_grad()
    def sample(self, head: BoundHead, beta: float, uniforms: Tensor) -> Sampled:
        if uniforms.device.type != "cpu":
            return super().sample(head, beta, uniforms)
        import numba

        from graphar.kernels._numba_loops import draw

        form = head.linear_form(beta, self.field_of_rank)
        if form is None:
            raise ValueError(f"kernel must not be numba for {type(head).__name__}, which is not linear")
        threshold = self._threshold(uniforms)
        dtype = threshold.dtype
        bytes_per_sample = (self.num_arrivals + 1 + self.num_spins) * threshold.element_size()
        width = 16 * max(1, min(16, CACHE // (16 * bytes_per_sample)))
        spins, logits, fields = (torch.empty_like(threshold) for _ in range(3))
        threads = numba.get_num_threads()
        try:
            numba.set_num_threads(min(torch.get_num_threads(), numba.config.NUMBA_NUM_THREADS))
            draw(
                width,
                threshold.numpy(),
                form.constant[self.ranks].to(dtype).numpy(),
                form.local[self.ranks].to(dtype).numpy(),
                self.local.numpy(),
                form.pairs[self.pairs].to(dtype).numpy(),
                self.pair_ptr.numpy(),
                self.pair_row.numpy(),
                self.reads == "parents",
                self.send_ptr.numpy(),
                self.before.numpy(),
                self.coupling[:, 0].numpy(),
                spins.numpy(),
                logits.numpy(),
                fields.numpy(),
            )
        finally:
            numba.set_num_threads(threads)
        return self._sampled(spins, logits, fields)
