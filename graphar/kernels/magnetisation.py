r"""The compiled kernel of heads that read M_i = Σ_{j<i} x_j alone: O(N) per sample, on the CPU.

What a spin reads is one number, kept from spin to spin. Energies take O(N) too where all pairs of spins have one
coupling, ξ_ii = J̄ M_i, and O(E) elsewhere. Logits come in one of two forms:

- of numbers by rank: logit_i = 2βh_i + slope_i M_i + step_i φ(gain_i (h_i + J̄M_i)), with φ the sign or tanh;
- as a table of the logits at all N(N + 1)/2 values of (i, M_i), for heads whose function of M_i has no such form. On
  a graph that couples all pairs of spins it is as large as the graph.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from graphar.frontier import Frontier
from graphar.heads.base import BoundHead
from graphar.heads.magnetisation import MagnetisationForm, ReadsMagnetisation
from graphar.kernels._threads import numba_threads
from graphar.kernels.base import Interactions, Kernel, Sampled, to_site_order
from graphar.kernels.blocks import empty, new_blocks, spins_from_blocks, spins_to_blocks

__all__ = ["MagnetisationKernel"]


class MagnetisationKernel(Kernel):
    """Compiled walks over the spins in order of rank, each thread taking blocks of samples."""

    def __init__(self, frontier: Frontier, head: BoundHead, dtype: torch.dtype, device: torch.device) -> None:
        super().__init__(frontier, head, dtype, device)
        assert isinstance(head, ReadsMagnetisation)
        self._bound = head
        self._sites = frontier.ordering.sites
        self.places = frontier.ordering.ranks
        source = frontier.arrival_source.to(torch.int32)
        arrival = torch.arange(source.numel(), dtype=torch.int32)
        lists = (self._sites, frontier.arrival_ptr, source, arrival)
        self._plan = tuple(part.numpy() for part in lists)
        self.num_arrivals = 0  # none is held for any sample

    def _in_order(self, coupling: Tensor, field: Tensor) -> Interactions:
        n = self.num_spins
        if coupling.numel() == n * (n - 1) // 2 > 1 and bool((coupling == coupling[0]).all()):
            coupling = coupling[:1]
        return Interactions(coupling, field, field)

    def sample(
        self, beta: float, of: Interactions, key: int, first: int, count: int, differentiable: bool = False
    ) -> Sampled:
        assert first % 64 == 0
        spins = new_blocks(count, self.num_spins, self.dtype)
        with torch.set_grad_enabled(differentiable):
            log_prob, _, energy = self._walk(beta, of, spins, (key, first), False)
        return Sampled(spins, self.places, log_prob[:count], energy[:count], spins_from_blocks)

    def log_prob(self, beta: float, of: Interactions, spins: Tensor) -> Tensor:
        return self._walk(beta, of, spins_to_blocks(spins, self._sites, self.dtype), None, False)[0][: len(spins)]

    def logits(self, beta: float, of: Interactions, spins: Tensor) -> Tensor:
        rows = self._walk(beta, of, spins_to_blocks(spins, self._sites, self.dtype), None, True)[1]
        return to_site_order(rows, self.places, len(spins))

    def _walk(
        self, beta: float, of: Interactions, spins: Tensor, stream: tuple[int, int] | None, want_logits: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        """log q, logits by rank and energy of spins, drawn into place from a stream or given."""
        form = self._bound.magnetisation_form(beta, of.field)
        return _Walk.apply(self, beta, of, spins, stream, want_logits, *form)

    def walk(
        self,
        beta: float,
        of: Interactions,
        spins: Tensor,
        stream: tuple[int, int] | None,
        form: MagnetisationForm,
        keep: bool,
        want_logits: bool,
    ) -> tuple[Tensor, ...]:
        """As :meth:`_walk`, in numbers; also M_i and slopes, d log q / d logit_i, to ``keep``."""
        from graphar.kernels._numba_magnetisation import walk

        blocks, n, width = spins.shape
        magnetisation, slopes = (empty((blocks if keep else 0, n, width), self.dtype) for _ in range(2))
        logits = empty((blocks if want_logits else 0, n, width), self.dtype)
        log_prob, energy = torch.zeros(2, blocks, width, dtype=torch.float64)
        key, first = (0, 0) if stream is None else stream
        numbers = (2 * beta * of.field, *form, of.field, of.coupling)
        with numba_threads():
            walk(
                self._plan,
                tuple(part.detach().contiguous().numpy() for part in numbers),
                self._bound.coupling,
                self._bound.tanh,
                stream is None,
                keep,
                np.uint64(key),
                first,
                *(part.numpy() for part in (spins, magnetisation, logits, slopes, log_prob, energy)),
            )
        return log_prob.flatten(), logits, energy.flatten(), magnetisation, slopes

    def gradient(
        self, of: Interactions, magnetisation: Tensor, slopes: Tensor, factor: Tensor, form: MagnetisationForm
    ) -> MagnetisationForm:
        """Σ_b factor_b ∇ log q_b by the numbers of the form."""
        from graphar.kernels._numba_magnetisation import gradient

        found = MagnetisationForm(*(torch.zeros(part.shape, dtype=self.dtype) for part in form))
        numbers = (of.field, form.step, form.gain)
        kept = (magnetisation, slopes, factor.to(self.dtype), *found)
        with numba_threads():
            gradient(
                tuple(part.detach().contiguous().numpy() for part in numbers),
                self._bound.coupling,
                self._bound.tanh,
                *(part.numpy() for part in kept),
            )
        return found


class _Walk(torch.autograd.Function):
    """Walk and gradient as one differentiable operation of the form: log q, logits, energy."""

    @staticmethod
    def forward(
        ctx: Any,
        kernel: MagnetisationKernel,
        beta: float,
        of: Interactions,
        spins: Tensor,
        stream: tuple[int, int] | None,
        want_logits: bool,
        *numbers: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        ctx.kernel, ctx.of, ctx.form = kernel, of, MagnetisationForm(*numbers)
        keep = any(ctx.needs_input_grad)
        log_prob, logits, energy, *kept = kernel.walk(beta, of, spins, stream, ctx.form, keep, want_logits)
        if keep:
            ctx.save_for_backward(*kept)
        ctx.mark_non_differentiable(energy)
        return log_prob, logits, energy

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        magnetisation, slopes = ctx.saved_tensors
        by_log_prob, by_logits, _ = gradients
        factor = by_log_prob.view(len(slopes), -1)
        if by_logits.numel():
            slopes = slopes * factor[:, None].to(slopes.dtype) + by_logits
            factor = torch.ones_like(factor)
        found = ctx.kernel.gradient(ctx.of, magnetisation, slopes, factor.contiguous(), ctx.form)
        return None, None, None, None, None, None, *found
