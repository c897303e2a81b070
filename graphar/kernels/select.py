"""Which kernel serves which head on which device: the one table.

A head without a row of its own is served by the last one: level by level, its sums over messages compiled.
"""

from __future__ import annotations

from typing import NamedTuple

import torch

from graphar.heads.base import BoundHead, LinearHead
from graphar.heads.made import BoundMADE
from graphar.heads.magnetisation import ReadsMagnetisation
from graphar.heads.message_passing import BoundMessagePassing
from graphar.heads.mlp import BoundMLP
from graphar.heads.recurrent import BoundRecurrent
from graphar.heads.sherrington_kirkpatrick import BoundSherringtonKirkpatrick
from graphar.kernels.base import Kernel
from graphar.kernels.compiled.levels import LevelsKernel
from graphar.kernels.compiled.linear import LinearKernel
from graphar.kernels.compiled.made import MADEKernel
from graphar.kernels.compiled.magnetisation import MagnetisationKernel
from graphar.kernels.compiled.message_passing import MessagePassingKernel
from graphar.kernels.compiled.mlp import MLPKernel
from graphar.kernels.compiled.recurrent import RecurrentKernel
from graphar.kernels.compiled.sherrington_kirkpatrick import SherringtonKirkpatrickKernel
from graphar.kernels.reference.cuda_graph import CudaGraphKernel
from graphar.kernels.reference.levels import ReferenceKernel
from graphar.kernels.reference.message_passing import MessagePassingReferenceKernel
from graphar.kernels.triton.availability import check_runs, installed
from graphar.kernels.triton.linear import LinearTritonKernel
from graphar.kernels.triton.made import MADETritonKernel
from graphar.kernels.triton.message_passing import MessagePassingTritonKernel
from graphar.kernels.triton.mlp import MLPTritonKernel

__all__ = ["NAMES", "TABLE", "Row", "select_kernel"]

NAMES = ("auto", "reference", "numba", "triton")


class Row(NamedTuple):
    """The kernels of a kind of head: the definition of truth, compiled for the CPU, for other devices, and fused."""

    head: type  # a bound head, often an abstract one
    reference: type[Kernel]
    compiled: type[Kernel]
    device: type[Kernel] = CudaGraphKernel
    fused: type[Kernel] | None = None  # by Triton, for a GPU


TABLE = (
    Row(LinearHead, ReferenceKernel, LinearKernel, fused=LinearTritonKernel),
    Row(BoundMLP, ReferenceKernel, MLPKernel, fused=MLPTritonKernel),
    Row(BoundSherringtonKirkpatrick, ReferenceKernel, SherringtonKirkpatrickKernel),
    Row(ReadsMagnetisation, ReferenceKernel, MagnetisationKernel),
    Row(BoundMADE, ReferenceKernel, MADEKernel, fused=MADETritonKernel),
    Row(BoundRecurrent, ReferenceKernel, RecurrentKernel),
    Row(
        BoundMessagePassing,
        MessagePassingReferenceKernel,
        MessagePassingKernel,
        MessagePassingReferenceKernel,
        MessagePassingTritonKernel,
    ),
    Row(BoundHead, ReferenceKernel, LevelsKernel),
)


def select_kernel(name: str, head: BoundHead, device: torch.device) -> type[Kernel]:
    """The kernel that ``"auto"``, ``"reference"``, ``"numba"`` or ``"triton"`` means for a head on a device.

    Raises:
        ValueError: ``"numba"`` away from the CPU, ``"triton"`` without a GPU, or for a head without a fused kernel.
        ImportError: ``"triton"`` where it is not installed.
    """
    row = next(row for row in TABLE if isinstance(head, row.head))
    if name == "reference":
        return row.reference
    if name == "triton":
        check_runs()
        if row.fused is None:
            served = ", ".join(row.head.__name__ for row in TABLE if row.fused is not None)
            raise ValueError(f'kernel="triton" serves {served}, got a {type(head).__name__}: "auto" serves every head')
        return row.fused
    if device.type == "cpu":
        return row.compiled
    if name == "numba":
        raise ValueError(f'kernel must be "auto" or "reference" for a model on {device}, got "numba"')
    if row.fused is not None and device.type == "cuda" and installed():
        return row.fused
    return row.device
