"""log q of all configurations one flip away, of heads whose logits are linear, by compiled loops."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from graphar.heads.base import LinearCoefficients
from graphar.kernels.compiled.flip_plans import FlipPlan
from graphar.kernels.compiled.threads import share_out

__all__ = ["change_by_flips", "weights_of_spins"]


def weights_of_spins(plan: FlipPlan, coefficients: LinearCoefficients, coupling: Tensor) -> np.ndarray:
    """W by entry of the plan's rows, for couplings by arrival."""
    from graphar.kernels.compiled.loops.flips import read_weights

    parts = (part.detach().to(coupling.dtype).contiguous().numpy() for part in (*coefficients[1:], coupling))
    found = np.zeros(plan.weights.read.size, coupling.numpy().dtype)
    read_weights(plan.weights, *parts, found)
    return found[plan.entry]


def change_by_flips(plan: FlipPlan, weight: np.ndarray, spins: Tensor, logits: Tensor) -> Tensor:
    """log q(x^i) − log q(x) from spins and logits, all (blocks, N, width); float64."""
    from graphar.kernels.compiled.loops.flips import flips

    found = torch.empty(spins.shape, dtype=torch.float64)
    share_out(len(spins), flips, plan.ptr, plan.reader, weight, spins.numpy(), logits.numpy(), found.numpy())
    return found
