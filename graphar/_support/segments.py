"""Sums over groups of rows: the sites of each graph of a batch, the messages that reach each spin.

By torch-scatter's ``segment_csr`` where it is installed, and by torch where it is not, or where that is faster: on a
CPU, rows of more than 16 numbers. The order of additions is always the same, on a GPU too, where ``scatter_add_`` takes
rows as they come.
"""

from __future__ import annotations

from typing import Any

import torch
import torch_geometric.typing
from torch import Tensor
from torch_geometric.utils import segment

__all__ = ["Segments", "pointers"]

NARROW = 16  # numbers in a row, up to which torch-scatter is the faster on a CPU; at 128, torch takes a half to a sixth


def pointers(group: Tensor, count: int) -> Tensor:
    """Where each of ``count`` groups starts once rows are sorted, and the end, shape (count + 1,).

    >>> pointers(torch.tensor([0, 0, 2]), 3)
    tensor([0, 2, 2, 3])
    """
    ptr = torch.zeros(count + 1, dtype=torch.int64, device=group.device)
    torch.cumsum(torch.bincount(group, minlength=count), 0, out=ptr[1:])
    return ptr


class Segments:
    """Groups of rows.

    Args:
        group: number of the group of each row, shape (rows,); sums are fastest if they rise.
        count: number of groups, which may be empty.

    Attributes:
        group: the same, in rising order.
        ptr: where each group starts in that order, shape (count + 1,).

    >>> Segments(torch.tensor([0, 0, 2]), 3).sum(torch.tensor([1.0, 2.0, 5.0]))
    tensor([3., 0., 5.])
    """

    def __init__(self, group: Tensor, count: int) -> None:
        self._order = group.argsort(stable=True) if bool((group[1:] < group[:-1]).any()) else None
        self.group = group if self._order is None else group[self._order]
        self.ptr = pointers(group, count)

    @classmethod
    def from_ptr(cls, ptr: Tensor, num_rows: int) -> Segments:
        """Groups of rows in their order, from where each starts; nothing is read back from a GPU."""
        made = cls.__new__(cls)
        made._order, made.ptr = None, ptr
        groups = torch.arange(ptr.numel() - 1, device=ptr.device)
        made.group = groups.repeat_interleave(ptr.diff(), output_size=num_rows)
        return made

    def sum(self, values: Tensor) -> Tensor:
        """Sum of the rows of each group, (rows, …) to (count, …); differentiable, any number of times."""
        return _Sum.apply(values if self._order is None else values[self._order], self.group, self.ptr)


class _Sum(torch.autograd.Function):
    """Sums whose gradient is a look-up.

    torch-scatter's own gradient carries none itself: second derivatives would lack a term, and nothing would say so.
    """

    @staticmethod
    def forward(ctx: Any, values: Tensor, group: Tensor, ptr: Tensor) -> Tensor:
        ctx.save_for_backward(group)
        shape = values.shape[1:]
        if not values.is_cpu or (torch_geometric.typing.WITH_TORCH_SCATTER and shape.numel() <= NARROW):
            return segment(values, ptr)  # by torch-scatter, or else by torch's segment_reduce
        # that takes ten times as long as this on a CPU, where this is as ordered
        return values.new_zeros(ptr.numel() - 1, *shape).index_add_(0, group, values)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (group,) = ctx.saved_tensors
        return gradients[0].index_select(0, group), None, None
