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

from graphar.heads.magnetisation import MagnetisationCoefficients, ReadsMagnetisation
from graphar.kernels.base import Couplings
from graphar.kernels.compiled.batch_layout import empty
from graphar.kernels.compiled.sequential import SequentialKernel
from graphar.kernels.compiled.threads import share_out

__all__ = ["MagnetisationKernel"]


class MagnetisationKernel(SequentialKernel):
    """Compiled walks of heads whose logits are numbers by rank and M_i."""

    head: ReadsMagnetisation

    def _in_order(self, coupling: Tensor, field: Tensor) -> Couplings:
        n = self.num_spins
        if coupling.numel() == n * (n - 1) // 2 > 1 and bool((coupling == coupling[0]).all()):
            coupling = coupling[:1]
        return Couplings(coupling, field, field)

    def _coefficients(self, beta: float, couplings: Couplings) -> MagnetisationCoefficients:
        return self.head.coefficients(beta, couplings.field)

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
        from graphar.kernels.compiled.loops.magnetisation import walk

        blocks, n, width = spins.shape
        magnetisation, dlogq_dlogit = (empty((blocks if keep else 0, n, width), self.dtype) for _ in range(2))
        logits = empty((blocks if want_logits else 0, n, width), self.dtype)
        log_prob, energy = torch.zeros(2, blocks, width, dtype=torch.float64)
        key, first = (0, 0) if stream is None else stream
        numbers = (2 * beta * couplings.field, *coefficients, couplings.field, couplings.coupling)
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
            *(part.numpy() for part in (spins, magnetisation, logits, dlogq_dlogit, log_prob, energy)),
        )
        return log_prob.flatten(), logits, energy.flatten(), dlogq_dlogit, magnetisation

    def gradient(
        self,
        couplings: Couplings,
        spins: Tensor,
        dlogq_dlogit: Tensor,
        factor: Tensor,
        kept: list[Tensor],
        coefficients: tuple[Tensor, ...],
    ) -> MagnetisationCoefficients:
        from graphar.kernels.compiled.loops.magnetisation import gradient

        coefficients = MagnetisationCoefficients(*coefficients)
        found = MagnetisationCoefficients(*(torch.zeros(part.shape, dtype=self.dtype) for part in coefficients))
        numbers = (couplings.field, coefficients.step, coefficients.gain)
        share_out(
            self.num_spins,
            gradient,
            tuple(part.detach().contiguous().numpy() for part in numbers),
            self.head.coupling,
            self.head.tanh,
            *(part.numpy() for part in (*kept, dlogq_dlogit, factor, *found)),
        )
        return found
