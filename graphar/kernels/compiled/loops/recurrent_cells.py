"""What sweeps of recurrent heads and their gradients share: lists of samples by the signs of spins, weights, cells.

The states of a block's samples at one spin are a row of ``width × padded`` numbers, sample after sample, each filled up
with zeros, which the cells keep. GRUs keep four such parts of each state: the new one, reset, keep, and what the new
one hears before the reset.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphar._support.compile import njit
from graphar.kernels.compiled.loops.arithmetic import exp_of_negative
from graphar.kernels.compiled.plans import RecurrentPlan

__all__ = [
    "GRU",
    "TENSOR",
    "activate",
    "fill_features",
    "filled_slots",
    "find_classes",
    "gru",
    "load_weights",
    "mean_state",
    "num_classes",
    "sort_samples",
    "split",
]

GRU, TENSOR = 1, 2  # places in graphar.heads.recurrent.cells.CELLS


@njit(fastmath={"contract"}, error_model="numpy")
def _elu(z: np.ndarray) -> None:
    zero, one = z.dtype.type(0), z.dtype.type(1)
    for k in range(z.size):
        e = exp_of_negative(z[k])
        z[k] = z[k] if z[k] > zero else e - one


@njit(fastmath={"contract"}, error_model="numpy")
def _tanh(z: np.ndarray) -> None:
    one = z.dtype.type(1)
    for k in range(z.size):
        e = exp_of_negative(z[k] + z[k])
        size = (one - e) * (one / (one + e))
        z[k] = -size if z[k] < 0 else size


@njit(fastmath={"contract"}, error_model="numpy")
def _sigmoid(z: np.ndarray) -> None:
    one = z.dtype.type(1)
    for k in range(z.size):
        e = exp_of_negative(z[k])
        likely = one / (one + e)
        z[k] = e * likely if z[k] < 0 else likely


@njit
def activate(kind: int, z: np.ndarray) -> None:
    """By place in :data:`graphar.heads.recurrent.cells.ACTIVATIONS`."""
    if kind == 0:
        _elu(z)
    else:
        _tanh(z)


@njit(fastmath={"contract"})
def _mix(gates: np.ndarray, mean: np.ndarray, state: np.ndarray) -> None:
    size = state.size
    for k in range(size):
        state[k] = gates[k] + gates[2 * size + k] * (mean[k] - gates[k])


@njit(fastmath={"contract"})
def _reset(gates: np.ndarray, size: int) -> None:
    for k in range(size):
        gates[k] += gates[size + k] * gates[3 * size + k]


@njit
def gru(kind: int, gates: np.ndarray, mean: np.ndarray, state: np.ndarray) -> None:
    """States (width, padded) of a GRU from what its parts hear, (width, 4 padded), which become the parts."""
    size = state.shape[1]
    for b in range(state.shape[0]):
        own = gates[b]
        _sigmoid(own[size : 3 * size])
        _reset(own, size)
        activate(kind, own[:size])
        _mix(own, mean[b], state[b])


@njit(fastmath={"contract"})
def mean_state(states: np.ndarray, rows: np.ndarray, count: int, mean: np.ndarray) -> None:
    """Mean over ``count`` slots of the states that start at ``rows``; zero without slots."""
    width, size = mean.shape
    mean[:] = 0
    share = mean.dtype.type(1 / max(1, count))
    for p in range(count):
        for b in range(width):
            state = states[rows[p] + b]
            own = mean[b]
            for k in range(size):
                own[k] += share * state[k]


@njit
def num_classes(plan: RecurrentPlan, count: int) -> int:
    """Matrices of each slot: one for every setting of so many spins, or one in all."""
    return 1 << count if plan.cell == TENSOR else 1


@njit
def filled_slots(plan: RecurrentPlan, layer: int, i: int, filled: np.ndarray) -> tuple[int, int]:
    """How many slots hold a spin, and which as bits; they are listed in ``filled``."""
    count, mask = 0, 0
    for s in range(plan.slots.shape[2]):
        if plan.slots[layer, i, s] >= 0:
            filled[count] = s
            mask |= 1 << s
            count += 1
    return count, mask


@njit
def find_classes(plan: RecurrentPlan, layer, i, filled, count, spins, code) -> None:  # type: ignore[no-untyped-def]
    """Number of each sample's class, from the signs of the spins in the filled slots: zero but for the tensor cell."""
    code[:] = 0
    if plan.cell == TENSOR:
        for p in range(count):
            x, bit = spins[plan.slots[layer, i, filled[p]]], 1 << p
            for b in range(code.size):
                code[b] |= bit if x[b] > 0 else 0


@njit
def sort_samples(code: np.ndarray, base: int, stride: int, start: np.ndarray, index: np.ndarray) -> None:
    """Names of samples by class, those of class c from ``start[c]`` to ``start[c + 1]``; code is (blocks, width).

    Sample b of a block has the name base + block × stride + b.
    """
    blocks, width = code.shape
    start[:] = 0
    for block in range(blocks):
        for b in range(width):
            start[code[block, b] + 2] += 1
    for c in range(2, start.size):
        start[c] += start[c - 1]
    for block in range(blocks):
        for b in range(width):
            own = code[block, b] + 1
            index[start[own]] = base + block * stride + b
            start[own] += 1


@njit
def split(low: np.ndarray, by: np.ndarray, high: np.ndarray) -> None:
    """low ∓ by into low and high."""
    for k in range(by.size):
        value = low[k]
        low[k] = value - by[k]
        high[k] = value + by[k]


@njit
def _put(source: np.ndarray, across: bool, column: int, size: int, target: np.ndarray, place: int) -> None:
    """A square of a matrix, or its transpose, into columns of another from ``place`` on."""
    for k in range(size):
        row = target[k]
        if across:
            for m in range(size):
                row[place + m] = source[m, column + k]
        else:
            own = source[k]
            for m in range(size):
                row[place + m] = own[column + m]


@njit
def load_weights(plan: RecurrentPlan, numbers: Any, own, layer, filled, count, across, square, into) -> None:  # type: ignore[no-untyped-def]
    """Matrices of the filled slots for each class, (slots, classes, hidden, gates × padded), by columns of gates.

    With ``across`` they are transposed, gate under gate, (slots, classes, gates × hidden, padded). Those of GRUs come
    in the order reset, keep, new. ``square`` is scratch, (hidden, padded).
    """
    size, gates = plan.hidden, numbers.recurrent.shape[5] // plan.hidden
    for p in range(count):
        source = numbers.recurrent[own, layer, :, filled[p]]
        for gate in range(gates):
            column = (gate + 1) % gates * size
            first = gate * size if across else 0
            place = 0 if across else gate * plan.padded
            _put(source[0], across, column, size, into[p, 0, first:], place)
            if plan.cell == TENSOR:
                half = 1
                for q in range(count):
                    _put(source[1 + filled[q]], across, column, size, square, 0)
                    for c in range(half):
                        for k in range(size):
                            split(into[p, c, k], square[k], into[p, c + half, k])
                    half *= 2


@njit
def fill_features(plan: RecurrentPlan, layer, i, beta, field, coupling, spins, local, features) -> None:  # type: ignore[no-untyped-def]
    """Features of spin i by sample, (width, features)."""
    width, slots = features.shape[0], plan.slots.shape[2]
    for b in range(width):
        features[b, 0] = 1
    for s in range(slots):
        j, edge = plan.slots[layer, i, s], plan.coupled[layer, i, s]
        for b in range(width):
            features[b, 1 + s] = spins[j, b] if j >= 0 else 0
        if plan.couplings:
            J = beta * coupling[edge] if edge >= 0 else 0.0
            for b in range(width):
                features[b, 3 + slots + s] = J
                features[b, 3 + 2 * slots + s] = J * features[b, 1 + s]
    if plan.couplings:
        for b in range(width):
            features[b, 1 + slots] = beta * field
            features[b, 2 + slots] = beta * local[b]
