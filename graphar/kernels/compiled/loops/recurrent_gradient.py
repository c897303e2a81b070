"""Back-propagation through the memory DAG; imported where it is used, so that numba loads on first use.

The first pass goes from the last spin to the first, sample by sample, and leaves derivatives by what every state was
made of: in ``by_states``, or in the four parts of a GRU. The second sums over the samples what they say of the weights,
spin by spin, in an order that the batch alone fixes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphar._support.compile import njit
from graphar.kernels.compiled.batch_layout import Drawn
from graphar.kernels.compiled.loops.dense import add_outer, add_product
from graphar.kernels.compiled.loops.recurrent import MOST_BLOCKS
from graphar.kernels.compiled.loops.recurrent_cells import (
    GRU,
    TENSOR,
    fill_features,
    filled_slots,
    find_classes,
    load_weights,
    mean_state,
    num_classes,
    sort_samples,
)
from graphar.kernels.compiled.loops.recurrent_slopes import (
    add_read_out,
    through_activation,
    through_gru,
)
from graphar.kernels.compiled.loops.shares import Work, borrowed, hold, shares
from graphar.kernels.compiled.loops.spin import add_scaled, dot, weighted_slope
from graphar.kernels.compiled.plans import RecurrentPlan

__all__ = ["gradient", "states_gradient"]


@njit
def _load_below(plan: RecurrentPlan, numbers: Any, own: int, layer: int, into: np.ndarray) -> None:
    """Weights of the state below, transposed, gate under gate, (gates × hidden, padded)."""
    source = numbers.below[own, layer - 1]
    for k in range(source.shape[1]):
        for m in range(plan.hidden):
            into[k, m] = source[m, k]


@njit(nogil=True, cache=True, fastmath={"contract"})
def states_gradient(
    work: Work, plan: RecurrentPlan, numbers: Any, drawn: Drawn, held_by_states: np.ndarray, held_gates: np.ndarray
) -> None:
    """Derivatives by what every state was made of, from the last spin to the first; ``held_by_states`` is empty."""
    plan, numbers, drawn, held_by_states, held_gates = borrowed((plan, numbers, drawn, held_by_states, held_gates))
    layers, num_spins, slots = plan.slots.shape
    blocks, _, width = drawn.spins.shape
    size, padded, kind = plan.hidden, plan.padded, drawn.spins.dtype
    states = drawn.rows[1].reshape(drawn.rows[1].size // padded, padded)
    by_states = held_by_states.reshape(held_by_states.size // padded, padded)
    gates = held_gates.reshape(held_gates.size // (4 * padded), 4 * padded)
    num_gates = numbers.recurrent.shape[5] // size
    group = max(1, min(MOST_BLOCKS, blocks // plan.threads))
    scratch = (
        np.zeros((layers, slots, num_classes(plan, slots), num_gates * size, padded), kind),
        np.zeros((layers, num_gates * size, padded), kind),
        np.zeros((size, padded), kind),
        np.zeros(padded, kind),
        np.zeros((width, padded), kind),
        np.zeros((1, width), np.int64),
        np.zeros(num_classes(plan, slots) + 2, np.int64),
        np.zeros(width, np.int64),
        np.zeros(slots, np.int64),
        np.zeros(slots, np.int64),
        np.zeros(width, kind),
    )
    matrices, by_below, square, out, mean, code, start, index, filled, heard, slope = borrowed(scratch)
    masks = np.full(layers, -1)
    for share in shares(work, (blocks + group - 1) // group):
        first, last = share * group, min(blocks, (share + 1) * group)
        held_by_states[first:last] = 0
        for i in range(num_spins - 1, -1, -1):
            own = 0 if plan.shared else i
            out[:size] = numbers.out[own]
            for layer in range(layers - 1, -1, -1):
                count, mask = filled_slots(plan, layer, i, filled)
                if masks[layer] != mask or not plan.shared:
                    if layer and (masks[layer] < 0 or not plan.shared):
                        _load_below(plan, numbers, own, layer, by_below[layer])
                    masks[layer] = mask
                    load_weights(plan, numbers, own, layer, filled, count, True, square, matrices[layer])
                for block in range(first, last):
                    base, mine = block * plan.num_rows * width, plan.row[layer, i] * width
                    by = by_states[base + mine : base + mine + width]
                    if layer == layers - 1:
                        weighted_slope(drawn, block, i, slope)
                        add_read_out(slope, out, by)
                    for p in range(count):
                        heard[p] = base + plan.row[layer, plan.slots[layer, i, filled[p]]] * width
                    if plan.cell == GRU:
                        mean_state(states, heard, count, mean)
                        own_gates = gates[base + mine : base + mine + width]
                        through_gru(plan.activation, own_gates, mean, 1 / max(1, count), by)
                        for p in range(count):
                            by_states[heard[p] : heard[p] + width] += by
                    else:
                        value = states[base + mine : base + mine + width]
                        through_activation(plan.activation, value.reshape(-1), by.reshape(-1))
                    find_classes(plan, layer, i, filled, count, drawn.spins[block], code[0])
                    sort_samples(code, base, 0, start, index)
                    source, column = (gates, padded) if plan.cell == GRU else (by_states, 0)
                    for p in range(count):
                        for c in range(num_classes(plan, count)):
                            for gate in range(num_gates):
                                add_product(
                                    source, mine, column + gate * padded, size, matrices[layer, p, c, gate * size :],
                                    by_states, heard[p] - base, 0, index, start[c], start[c + 1],
                                )  # fmt: skip
                    if layer:
                        lower = plan.row[layer - 1, i] * width
                        for gate in range(num_gates):
                            add_product(
                                source, mine, gate * padded, size, by_below[layer, gate * size :],
                                by_states, lower, 0, index, 0, width,
                            )  # fmt: skip
    hold(scratch)


@njit
def _join(low: np.ndarray, high: np.ndarray, total: np.ndarray) -> None:
    """low + high into low, and high − low added to the total."""
    for k in range(total.size):
        a, b = low[k], high[k]
        low[k] = a + b
        total[k] += b - a


@njit
def _flush(plan: RecurrentPlan, filled: np.ndarray, count: int, by_class: np.ndarray, found: np.ndarray) -> None:
    """Sums by class, (slots, classes, hidden, gates × padded), to those by T_0 and T_k; they are zero after."""
    size, gates = plan.hidden, found.shape[3] // plan.hidden
    for p in range(count):
        if plan.cell == TENSOR:
            half = num_classes(plan, count) // 2
            for q in range(count - 1, -1, -1):
                for c in range(half):
                    for k in range(size):
                        total = found[1 + filled[q], filled[p], k]
                        _join(by_class[p, c, k, :size], by_class[p, c + half, k, :size], total)
                half //= 2
        for k in range(size):
            for gate in range(gates):
                place, column = gate * plan.padded, (gate + 1) % gates * size
                total = found[0, filled[p], k, column : column + size]
                add_scaled(total.dtype.type(1), by_class[p, 0, k, place : place + size], total)
    by_class[:count] = 0


@njit
def _add_parts(plan: RecurrentPlan, source: np.ndarray, total: np.ndarray) -> None:
    """Rows of gates, each filled up, to rows without that; the source is zero after."""
    size = plan.hidden
    for k in range(total.shape[0]):
        for gate in range(total.shape[1] // size):
            place, column = gate * plan.padded, gate * size
            own = total[k, column : column + size]
            add_scaled(own.dtype.type(1), source[k, place : place + size], own)
    source[:] = 0


@njit(nogil=True, cache=True, fastmath={"contract"})
def gradient(
    work: Work, plan: RecurrentPlan, numbers: Any, drawn: Drawn, held_by_states: np.ndarray, held_gates: np.ndarray,
    found: Any,
) -> None:  # fmt: skip
    """Derivatives of a batch by the coefficients, from what :func:`states_gradient` leaves, added to ``found``.

    Where weights are shared, ``found`` has room for those of each share of the spins.
    """
    plan, numbers, drawn, held_by_states, held_gates, found = borrowed(
        (plan, numbers, drawn, held_by_states, held_gates, found)
    )
    layers, _, slots = plan.slots.shape
    blocks, _, width = drawn.spins.shape
    size, padded, kind = plan.hidden, plan.padded, drawn.spins.dtype
    states = drawn.rows[1].reshape(drawn.rows[1].size // padded, padded)
    by_states = held_by_states.reshape(held_by_states.size // padded, padded)
    gates = held_gates.reshape(held_gates.size // (4 * padded), 4 * padded)
    inner = numbers.recurrent.shape[5] // size * padded
    outer, inner_column = (3 * padded, padded) if plan.cell == GRU else (padded, 0)
    stride, num_features = plan.num_rows * width, numbers.features.shape[2]
    scratch = (
        np.zeros((layers, slots, num_classes(plan, slots), size, inner), kind),
        np.zeros((num_features, outer), kind),
        np.zeros((size, outer), kind),
        np.zeros((width, num_features), kind),
        np.zeros((MOST_BLOCKS, width), np.int64),
        np.zeros(num_classes(plan, slots) + 2, np.int64),
        np.zeros(MOST_BLOCKS * width, np.int64),
        np.arange(width),
        np.zeros((2, slots), np.int64),
        np.zeros(width, kind),
        np.ones(width, kind),
    )
    by_class, by_features, by_below, features, code, start, index, each, lists, slope, ones = borrowed(scratch)
    masks = np.full(layers, -1)
    source = gates if plan.cell == GRU else by_states
    for share in shares(work, plan.ranges.size - 1):
        for i in range(plan.ranges[share], plan.ranges[share + 1]):
            own = share if plan.shared else i
            for layer in range(layers):
                filled = lists[0]
                count, mask = filled_slots(plan, layer, i, filled)
                mine = plan.row[layer, i] * width
                if mask != masks[layer] and masks[layer] >= 0:
                    _flush_mask(plan, masks[layer], lists[1], by_class[layer], found.recurrent[own, layer])
                masks[layer] = mask
                for first in range(0, blocks, MOST_BLOCKS):
                    last = min(blocks, first + MOST_BLOCKS)
                    base = first * stride
                    for block in range(first, last):
                        find_classes(plan, layer, i, filled, count, drawn.spins[block], code[block - first])
                    sort_samples(code[: last - first], base, stride, start, index)
                    for p in range(count):
                        heard = plan.row[layer, plan.slots[layer, i, filled[p]]] * width
                        for c in range(num_classes(plan, count)):
                            add_outer(
                                states, heard, 0, size, source, mine, inner_column, by_class[layer, p, c],
                                index, start[c], start[c + 1],
                            )  # fmt: skip
                    if layer:
                        lower, samples = plan.row[layer - 1, i] * width, (last - first) * width
                        add_outer(states, lower, 0, size, source, mine, 0, by_below, index, 0, samples)
                    for block in range(first, last):
                        local, here = drawn.rows[0][block, plan.sent.local_row[i]], block * stride + mine
                        fill_features(
                            plan, layer, i, drawn.beta, drawn.field[i], drawn.coupling, drawn.spins[block], local,
                            features,
                        )  # fmt: skip
                        add_outer(features, 0, 0, num_features, source, here, 0, by_features, each, 0, width)
                        if layer == layers - 1:
                            weighted_slope(drawn, block, i, slope)
                            found.constant[i] += dot(slope, ones)
                            found.local[i] += dot(slope, local)
                            for b in range(width):
                                add_scaled(slope[b], states[here + b, :size], found.out[own])
                _add_parts(plan, by_features, found.features[own, layer])
                if layer:
                    _add_parts(plan, by_below, found.below[own, layer - 1])
                if not plan.shared or i == plan.ranges[share + 1] - 1:
                    _flush(plan, filled, count, by_class[layer], found.recurrent[own, layer])
                    masks[layer] = -1
    hold(scratch)


@njit
def _flush_mask(plan: RecurrentPlan, mask: int, filled: np.ndarray, by_class: np.ndarray, found: np.ndarray) -> None:
    """As :func:`_flush`, for the slots of a mask."""
    count = 0
    for s in range(filled.size):
        if mask >> s & 1:
            filled[count] = s
            count += 1
    _flush(plan, filled, count, by_class, found)
