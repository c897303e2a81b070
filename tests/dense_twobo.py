"""TwoBo with dense matrices, written for clarity alone: the oracle that the sparse one is held against.

For every i, in the order given: J[:i, i:] has the couplings between earlier and not-yet-drawn spins. The messages
are x[:i] @ J[:i, i:]; those whose column is not zero are multiplied by weights and summed.
"""

from __future__ import annotations

import torch
from torch import Tensor


def messages(J: Tensor, x: Tensor, i: int) -> Tensor:
    """ξ_il for l = i … N−1, zeros included, (batch, N − i)."""
    return x[:, :i] @ J[:i, i:]


def weight_mask(J: Tensor) -> Tensor:
    """Which (i, l) carry a weight: l ≥ i with an earlier neighbour j < i, (N, N)."""
    n = J.shape[0]
    mask = torch.zeros(n, n, dtype=torch.bool)
    for i in range(n):
        mask[i, i:] = (J[:i, i:] != 0).any(dim=0)
    return mask


def logits(J: Tensor, h: Tensor, W: Tensor, b: Tensor, beta: float, x: Tensor) -> Tensor:
    """logit_i = 2β h_i + w_ii 2β ξ_ii + Σ_{l > i} w_il ξ_il + b_i for x (batch, N) in sampling order."""
    columns = []
    for i in range(J.shape[0]):
        xi = messages(J, x, i)
        skip = 2 * beta * (h[i] + W[i, i] * xi[:, 0])
        columns.append(skip + xi[:, 1:] @ W[i, i + 1 :] + b[i])
    return torch.stack(columns, dim=1)
