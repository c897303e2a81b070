r"""The compiled kernel of heads that read M_i = Σ_{j<i} x_j alone: O(N) per sample, on the CPU.

What a spin reads is one number, kept from spin to spin. Energies take O(N) too where all pairs of spins have one
coupling, ξ_ii = J̄ M_i, and O(E) elsewhere. Logits come in one of two forms:

- of numbers by rank: logit_i = 2βh_i + slope_i M_i + step_i φ(gain_i (h_i + J̄M_i)), with φ the sign or tanh;
- as a table of the logits at all N(N + 1)/2 values of (i, M_i), for heads whose function of M_i has no such form. On
  a graph that couples all pairs of spins it is as large as the graph.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from graphar.heads.magnetisation import MagnetisationForm, ReadsMagnetisation
from graphar.kernels._threads import share_out
from graphar.kernels.base import Interactions
from graphar.kernels.blocks import empty
from graphar.kernels.walks import WalkKernel

__all__ = ["MagnetisationKernel"]


class MagnetisationKernel(WalkKernel):
    """Compiled walks of heads whose logits are numbers by rank and M_i."""

    head: ReadsMagnetisation

    def _in_order(self, coupling: Tensor, field: Tensor) -> Interactions:
        n = self.num_spins
        if coupling.numel() == n * (n - 1) // 2 > 1 and bool((coupling == coupling[0]).all()):
            coupling = coupling[:1]
        return Interactions(coupling, field, field)

    def _form(self, beta: float, of: Interactions) -> MagnetisationForm:
        return self.head.magnetisation_form(beta, of.field)

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
        from graphar.kernels._numba_magnetisation import walk

        blocks, n, width = spins.shape
        magnetisation, slopes = (empty((blocks if keep else 0, n, width), self.dtype) for _ in range(2))
        logits = empty((blocks if want_logits else 0, n, width), self.dtype)
        log_prob, energy = torch.zeros(2, blocks, width, dtype=torch.float64)
        key, first = (0, 0) if stream is None else stream
        numbers = (2 * beta * of.field, *form, of.field, of.coupling)
        share_out(
            blocks,
            walk,
            self._plan,
            tuple(part.detach().contiguous().numpy() for part in numbers),
            self.head.coupling,
            self.head.tanh,
            stream is None,
            keep,
            np.uint64(key),
            first,
            *(part.numpy() for part in (spins, magnetisation, logits, slopes, log_prob, energy)),
        )
        return log_prob.flatten(), logits, energy.flatten(), slopes, magnetisation

    def gradient(
        self,
        of: Interactions,
        spins: Tensor,
        slopes: Tensor,
        factor: Tensor,
        kept: list[Tensor],
        form: tuple[Tensor, ...],
    ) -> MagnetisationForm:
        from graphar.kernels._numba_magnetisation import gradient

        form = MagnetisationForm(*form)
        found = MagnetisationForm(*(torch.zeros(part.shape, dtype=self.dtype) for part in form))
        numbers = (of.field, form.step, form.gain)
        share_out(
            self.num_spins,
            gradient,
            tuple(part.detach().contiguous().numpy() for part in numbers),
            self.head.coupling,
            self.head.tanh,
            *(part.numpy() for part in (*kept, slopes, factor, *found)),
        )
        return found
