"""Gradients of weights, summed part by part and over the processes of a run."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from graphar._support.group import Group, tree_sum

__all__ = ["Gradients", "put_gradients", "sum_gradients", "sum_of_parts", "take_gradients"]

Gradients = list[Tensor | None]
"""One for each weight; None of weights that nothing depends on."""


def take_gradients(weights: Sequence[Tensor]) -> Gradients:
    """Every ``.grad``, which is None after it."""
    found = [weight.grad for weight in weights]
    put_gradients(weights, [None] * len(weights))
    return found


def put_gradients(weights: Sequence[Tensor], gradients: Gradients) -> None:
    for weight, gradient in zip(weights, gradients, strict=True):
        weight.grad = gradient


def sum_of_parts(parts: Sequence[Gradients]) -> Gradients:
    """In the order of a binary tree; a part without a gradient counts as zero."""
    sums: Gradients = []
    for each in zip(*parts, strict=True):
        there = next((part for part in each if part is not None), None)
        full = [] if there is None else [torch.zeros_like(there) if part is None else part for part in each]
        sums.append(tree_sum(full) if full else None)
    return sums


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
    there = [part.view_as(weight) if has else None for weight, part, has in zip(weights, sums, found, strict=True)]
    put_gradients(weights, there)
    return bool(flagged)
