"""Derivatives through one recurrent cell: its activation, gates, and what is read out of it."""

from __future__ import annotations

import numpy as np

from graphar._support.compile import njit
from graphar.kernels.compiled.loops.spin import add_scaled

__all__ = ["add_read_out", "through_activation", "through_gru", "through_mix", "through_reset"]


@njit(fastmath={"contract"})
def through_activation(kind: int, value: np.ndarray, by: np.ndarray) -> None:
    """Derivatives by φ(z) turned to those by z."""
    zero, one = value.dtype.type(0), value.dtype.type(1)
    if kind == 0:
        for k in range(by.size):
            by[k] *= one if value[k] > zero else value[k] + one
    else:
        for k in range(by.size):
            by[k] *= one - value[k] * value[k]


@njit(fastmath={"contract"})
def through_mix(gates: np.ndarray, mean: np.ndarray, share: float, by: np.ndarray, inner: np.ndarray) -> None:
    """From those by a state: by the new one to ``inner``, by the keeping gate to its part, by each slot to ``by``."""
    size = by.size
    one = by.dtype.type(1)
    for k in range(size):
        keep = gates[2 * size + k]
        inner[k] = by[k] * (one - keep)
        gates[2 * size + k] = by[k] * (mean[k] - gates[k]) * keep * (one - keep)
        by[k] = by[k] * keep * share


@njit(fastmath={"contract"})
def through_reset(gates: np.ndarray, inner: np.ndarray) -> None:
    """From those by what the new state was made of, to all parts."""
    size = inner.size
    one = inner.dtype.type(1)
    for k in range(size):
        reset, heard = gates[size + k], gates[3 * size + k]
        gates[k] = inner[k]
        gates[size + k] = inner[k] * heard * reset * (one - reset)
        gates[3 * size + k] = inner[k] * reset


@njit
def through_gru(kind: int, gates: np.ndarray, mean: np.ndarray, share: float, by: np.ndarray) -> None:
    """Parts of a GRU, (width, 4 padded), turned to derivatives by what they were made of, and ``by`` to that by s̄."""
    size = by.shape[1]
    inner = np.empty(size, by.dtype)
    for b in range(by.shape[0]):
        through_mix(gates[b], mean[b], by.dtype.type(share), by[b], inner)
        through_activation(kind, gates[b, :size], inner)
        through_reset(gates[b], inner)


@njit
def add_read_out(slope: np.ndarray, weight: np.ndarray, by: np.ndarray) -> None:
    for b in range(slope.size):
        add_scaled(slope[b], weight, by[b])
