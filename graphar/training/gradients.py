"""Gradients of weights, summed over the processes of a run."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from graphar._support.group import Group

__all__ = ["gradient_norm", "sum_gradients"]


@torch.no_grad()
def sum_gradients(group: Group, weights: Sequence[Tensor], flag: bool = False) -> bool:
    """Sum every weight's ``.grad`` over the processes, in place; whether ``flag`` is set on any of them."""
    if group.world == 1 or not weights:
        return group.any(flag)
    parts = [torch.zeros_like(weight) if weight.grad is None else weight.grad for weight in weights]
    told = torch.tensor([*(weight.grad is not None for weight in weights), flag]).to(parts[0])
    total = group.sum(torch.cat([*(part.reshape(-1) for part in parts), told]))
    *sums, told = total.split([*(part.numel() for part in parts), told.numel()])
    *found, flagged = (told > 0).tolist()
    for weight, part, has in zip(weights, sums, found, strict=True):
        weight.grad = part.view_as(weight) if has else None
    return bool(flagged)


def gradient_norm(weights: Sequence[Tensor], limit: float) -> float:
    """Euclidean norm of all gradients, which are scaled down to a limit, where there is one, if it is more."""
    if limit < math.inf:
        return float(nn.utils.clip_grad_norm_(weights, limit))
    return float(nn.utils.get_total_norm([weight.grad for weight in weights if weight.grad is not None]))
