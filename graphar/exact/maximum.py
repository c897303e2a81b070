"""Ground states by elimination: the largest −H takes the place of the log-sum, and ties are counted.

Counts are products and sums of non-negative numbers in float64, so they are exact below 2^53. Each table of counts is
divided by a power of two, so that a long graph of many ground states does not overflow.
"""

from __future__ import annotations

import torch
from torch import Tensor

from graphar.elimination.tables import Eliminator, take

__all__ = ["count_ties"]


def count_ties(plan: Eliminator, gaps: Tensor, tolerance: Tensor) -> tuple[Tensor, Tensor]:
    """Number of maximising configurations; turns the gaps, in place, into log-odds among these configurations.

    Args:
        plan: what was maximised.
        gaps: as made by :meth:`Eliminator.sum_out` with ``torch.maximum``; those of at most ``tolerance`` are ties.
        tolerance: in units of energy, shape (B,).

    Returns:
        The numbers of each outgoing table's first entry, (B, roots), and the binary exponent (B,) that multiplies
        their product.
    """
    batch = gaps.shape[0]
    counts = torch.empty_like(gaps)
    exponent = gaps.new_zeros(batch)
    tolerance = tolerance[:, None, None]
    for group in plan.groups:
        gap = group.of(gaps)
        up = (gap >= -tolerance).to(gaps)
        down = (gap <= tolerance).to(gaps)
        for rows, below, above in group.children(batch):
            spread = rows[None, :, None].expand(batch, *below.shape)
            down.scatter_reduce_(1, spread, take(counts, below), "prod")
            up.scatter_reduce_(1, spread, take(counts, above), "prod")
        number = up + down
        power = torch.frexp(number.amax(-1)).exponent.to(number) - 1
        exponent += power.sum(1)
        torch.mul(number, torch.pow(2.0, -power)[..., None], out=group.of(counts))
        torch.sub(up.log_(), down.log_(), out=gap)
    return counts[:, plan.offset[plan.outgoing].to(plan.device)], exponent
