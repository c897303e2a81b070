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

__all__ = ["NAMES", "TABLE", "Row", "select_kernel"]

NAMES = ("auto", "reference", "numba")


class Row(NamedTuple):
    """The kernels of a kind of head: the definition of truth, compiled for the CPU, and for other devices."""

    head: type  # a bound head, often an abstract one
    reference: type[Kernel]
    compiled: type[Kernel]
    device: type[Kernel] = CudaGraphKernel


TABLE = (
    Row(LinearHead, ReferenceKernel, LinearKernel),
    Row(BoundMLP, ReferenceKernel, MLPKernel),
    Row(BoundSherringtonKirkpatrick, ReferenceKernel, SherringtonKirkpatrickKernel),
    Row(ReadsMagnetisation, ReferenceKernel, MagnetisationKernel),
    Row(BoundMADE, ReferenceKernel, MADEKernel),
    Row(BoundRecurrent, ReferenceKernel, RecurrentKernel),
    Row(BoundMessagePassing, MessagePassingReferenceKernel, MessagePassingKernel, MessagePassingReferenceKernel),
    Row(BoundHead, ReferenceKernel, LevelsKernel),
)


def select_kernel(name: str, head: BoundHead, device: torch.device) -> type[Kernel]:
    """The kernel that ``"auto"``, ``"reference"`` or ``"numba"`` means for a head on a device.

    Raises:
        ValueError: ``"numba"`` away from the CPU.
    """
    row = next(row for row in TABLE if isinstance(head, row.head))
    if name == "reference":
        return row.reference
    if device.type == "cpu":
        return row.compiled
    if name == "numba":
        raise ValueError(f'kernel must be "auto" or "reference" for a model on {device}, got "numba"')
    return row.device
