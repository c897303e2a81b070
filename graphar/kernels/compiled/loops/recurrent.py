"""Compiled sweep of recurrent heads; imported where it is used, so that numba loads on first use.

Here a sample's numbers lie side by side, not a row's samples: the tensor cell then multiplies each state with the one
matrix that the spins of its slots choose, a third of the work of T_0 + x T_1 + x' T_2 for two slots.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphar._support.compile import njit
from graphar.kernels.compiled.batch_layout import Batch
from graphar.kernels.compiled.loops.dense import add_product
from graphar.kernels.compiled.loops.pairs import send_spin
from graphar.kernels.compiled.loops.recurrent_cells import (
    GRU,
    activate,
    fill_features,
    filled_slots,
    find_classes,
    gru,
    load_weights,
    mean_state,
    num_classes,
    sort_samples,
)
from graphar.kernels.compiled.loops.shares import Work, borrowed, hold, shares
from graphar.kernels.compiled.loops.spin import Drawing, finish_spin
from graphar.kernels.compiled.plans import RecurrentPlan

__all__ = ["MOST_BLOCKS", "load_inputs", "sweep"]

MOST_BLOCKS = 8  # that take the weights of a site together


@njit(fastmath={"contract", "reassoc", "nsz"})
def _read_out(constant, slope, local, weight, states, logit) -> None:  # type: ignore[no-untyped-def]
    """Logits of a block's samples from their states, (width, padded)."""
    for b in range(logit.size):
        own, total = states[b], logit.dtype.type(0)
        for k in range(weight.size):
            total += weight[k] * own[k]
        logit[b] = constant + slope * local[b] + total


@njit
def load_inputs(plan: RecurrentPlan, numbers: Any, own: int, layer: int, features: Any, below: Any) -> None:
    """Weights of features and of the state below, (…, gates × padded), filled up with what they hold: zeros."""
    size = plan.hidden
    for gate in range(numbers.features.shape[3] // size):
        place, column = gate * plan.padded, gate * size
        for k in range(features.shape[0]):
            features[k, place : place + size] = numbers.features[own, layer, k, column : column + size]
        if layer:
            for k in range(size):
                below[k, place : place + size] = numbers.below[own, layer - 1, k, column : column + size]


@njit(nogil=True, cache=True, fastmath={"contract"})
def sweep(work: Work, plan: RecurrentPlan, numbers: Any, batch: Batch, rows: Any) -> None:
    """Spins, drawn or given, their log q and energy; with ``keep`` also messages, states and the parts of GRUs.

    ``rows`` are these three, of each block where they are kept, else of each thread and as often used again.
    """
    plan, numbers, batch, (received, held_states, held_gates) = borrowed((plan, numbers, batch, rows))
    layers, num_spins, slots = plan.slots.shape
    blocks, _, width = batch.spins.shape
    size, padded, kind, own = plan.hidden, plan.padded, batch.spins.dtype, 0
    states = held_states.reshape(held_states.size // padded, padded)
    gates = held_gates.reshape(held_gates.size // (4 * padded), 4 * padded)
    inner = numbers.recurrent.shape[5] // size * padded
    outer, inner_column = (3 * padded, padded) if plan.cell == GRU else (padded, 0)
    group = max(1, min(MOST_BLOCKS, blocks // plan.threads)) if batch.keep else 1
    scratch = (
        np.zeros((layers, slots, num_classes(plan, slots), size, inner), kind),
        np.zeros((layers, numbers.features.shape[2], outer), kind),
        np.zeros((layers, size, outer), kind),
        np.zeros((size, padded), kind),
        np.zeros(padded, kind),
        np.zeros((width, numbers.features.shape[2]), kind),
        np.zeros((width, padded), kind),
        np.zeros((1, width), np.int64),
        np.zeros(num_classes(plan, slots) + 2, np.int64),
        np.zeros(width, np.int64),
        np.zeros(slots, np.int64),
        np.zeros(slots, np.int64),
        np.zeros(width, kind),
        np.zeros(width, kind),
        np.ones((group, width), np.float64),
        np.zeros(max(width, 64), np.uint32),
        np.arange(width),
    )
    (
        matrices, by_feature, by_below, square, out, features, mean, code, start, index, filled, heard,
        logit, decay, product, words, each,
    ) = borrowed(scratch)  # fmt: skip
    masks = np.full(layers, -1)
    for share in shares(work, (blocks + group - 1) // group):
        first, last = share * group, min(blocks, (share + 1) * group)
        product[:] = 1
        for block in range(first, last):
            received[block if batch.keep else work[1]][-1] = 0
        for i in range(num_spins):
            own = 0 if plan.shared else i
            for layer in range(layers):
                count, mask = filled_slots(plan, layer, i, filled)
                if masks[layer] != mask or not plan.shared:
                    if masks[layer] < 0 or not plan.shared:
                        load_inputs(plan, numbers, own, layer, by_feature[layer], by_below[layer])
                    masks[layer] = mask
                    load_weights(plan, numbers, own, layer, filled, count, False, square, matrices[layer])
                for block in range(first, last):
                    place = block if batch.keep else work[1]
                    base, mine = place * plan.num_rows * width, plan.row[layer, i] * width
                    local = received[place][plan.sent.local_row[i]]
                    spins = batch.spins[block]
                    fill_features(plan, layer, i, batch.beta, batch.field[i], batch.coupling, spins, local, features)
                    state = states[base + mine : base + mine + width]
                    into = gates if plan.cell == GRU else states
                    into[base + mine : base + mine + width] = 0
                    find_classes(plan, layer, i, filled, count, spins, code[0])
                    sort_samples(code, base, 0, start, index)
                    add_product(
                        features, -base, 0, features.shape[1], by_feature[layer], into, mine, 0, index, 0, width
                    )
                    for p in range(count):
                        heard[p] = base + plan.row[layer, plan.slots[layer, i, filled[p]]] * width
                        for c in range(num_classes(plan, count)):
                            add_product(
                                states, heard[p] - base, 0, size, matrices[layer, p, c],
                                into, mine, inner_column, index, start[c], start[c + 1],
                            )  # fmt: skip
                    if layer:
                        lower = plan.row[layer - 1, i] * width
                        add_product(states, lower, 0, size, by_below[layer], into, mine, 0, index, 0, width)
                    if plan.cell == GRU:
                        mean_state(states, heard, count, mean)
                        gru(plan.activation, gates[base + mine : base + mine + width], mean, state)
                    else:
                        activate(plan.activation, state.reshape(-1))
            out[:size] = numbers.out[own]
            for block in range(first, last):
                place = block if batch.keep else work[1]
                messages = received[place]
                top = (place * plan.num_rows + plan.row[layers - 1, i]) * width
                local = messages[plan.sent.local_row[i]]
                _read_out(numbers.constant[i], numbers.local[i], local, out, states[top : top + width], logit)
                begin = batch.first + block * width
                aligned = begin // 64 * 64
                drawing = Drawing(decay, product[block - first], aligned, words, words[begin - aligned :])
                finish_spin(i, i, plan.sent.site[i], logit, block, batch, drawing)
                send_spin(i, block, plan.sent, batch, messages)
    hold(scratch)
    hold(each)
