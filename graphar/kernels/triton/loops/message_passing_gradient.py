"""Gradient of message passing in the fused sweep, by walking back, as
:mod:`graphar.kernels.compiled.loops.message_passing_gradient` does.

Of spins given, a program walks a part of the turns with a tape of what each message was before it was renewed, and then
back: the tape restores messages one group at a time, and what became of them is worked out anew.
"""

from __future__ import annotations

from graphar.kernels.triton.compile import jit, tl
from graphar.kernels.triton.launching import FEATURES
from graphar.kernels.triton.loops.gates import apply_gates, belief_message, belief_slope, features, gates_back, sign
from graphar.kernels.triton.loops.message_passing import (
    clear,
    collect,
    collections,
    events,
    message_features,
    pairs_of,
    renew,
    rows_at,
)

__all__ = ["gradient", "pair_gradient"]

_FEATURES = FEATURES if tl is None else tl.constexpr(FEATURES)


@jit
def _add(rows, row, mask, more, column):  # type: ignore[no-untyped-def]
    """Add to rows of which none comes twice."""
    at = rows + rows_at(row, column)
    tl.debug_barrier()  # what was added before is there
    before = tl.load(at, mask=mask, other=0.0)
    tl.debug_barrier()
    tl.store(at, before + more, mask=mask)


@jit
def _copy(rows, to, count, column, TILE: tl.constexpr):  # type: ignore[no-untyped-def]
    for k in range(0, count, TILE):
        row = k + tl.arange(0, TILE)
        mask = (row < count)[:, None] & (column >= 0)[None, :]
        tl.store(to + rows_at(row, column), tl.load(rows + rows_at(row, column), mask=mask, other=0.0), mask=mask)


@jit
def _tell(i, factor, sent, coupling, x, local, column, TILE: tl.constexpr):  # type: ignore[no-untyped-def]
    """Add the field of the spin of turn i, times ``factor``, to those on its undrawn neighbours."""
    stop = tl.load(sent.ptr + i + 1)
    for k in range(tl.load(sent.ptr + i), stop, TILE):
        at = k + tl.arange(0, TILE)
        inside = at < stop
        row = tl.load(sent.row + at, mask=inside, other=0)
        strength = factor * tl.load(coupling + at, mask=inside, other=0.0)
        mask = inside[:, None] & (column >= 0)[None, :]
        _add(local, row, mask, strength[:, None] * x[None, :], column)
    tl.debug_barrier()


@jit
def _slope(block, i, num_spins, dlogq_dlogit, factor, column):  # type: ignore[no-untyped-def]
    """Derivatives by the logits of turn i of a block."""
    own = (block * num_spins + i) * column.shape[0] + column
    return tl.load(dlogq_dlogit + own) * tl.load(factor + block * column.shape[0] + column)


@jit
def _undo(  # type: ignore[no-untyped-def]
    turn, reads, numbers, messages, local, num_edges, by_messages, tape, before, column, sums,
    HIDDEN: tl.constexpr, T: tl.constexpr,
):  # fmt: skip
    """Undo :func:`renew`, and go from derivatives by what was made to those by what it was made of."""
    first_group, last_group = tl.load(reads.turn_ptr + turn), tl.load(reads.turn_ptr + turn + 1)
    here = (column >= 0)[None, :]
    for later in range(last_group - first_group):
        g = last_group - 1 - later
        begin, end = tl.load(reads.group_ptr + g), tl.load(reads.group_ptr + g + 1)
        start, stop_event = tl.load(reads.event_ptr + begin), tl.load(reads.event_ptr + end)
        tl.debug_barrier()
        for e in range(start, stop_event, T):
            at = e + tl.arange(0, T)
            has = at < stop_event
            row = tl.load(reads.back + tl.load(reads.edge + at, mask=has, other=0), mask=has, other=0)
            mask = has[:, None] & here
            by = tl.load(by_messages + rows_at(row, column), mask=mask, other=0.0)
            was = tl.load(tape + rows_at(at - before, column), mask=mask, other=0.0)
            tl.debug_barrier()
            tl.store(by_messages + rows_at(num_edges + at - start, column), by, mask=mask)
            tl.store(by_messages + rows_at(row, column), tl.zeros_like(by), mask=mask)
            tl.store(messages + rows_at(row, column), was, mask=mask)
        tl.debug_barrier()
        for c in range(begin, end, T):
            inside, k, first, stop, event, last = collections(reads, c, end, T)
            _, total, sizes, count, reach = collect(inside, k, first, stop, numbers, messages, local, column)
            by_total, by_sizes = tl.zeros_like(total), tl.zeros_like(total)
            for j in range(tl.max(last - event, 0)):
                mask, edge, row, a, received, back = events(j, event, last, reads, numbers, messages, column)
                by_sent = tl.load(by_messages + rows_at(num_edges + event + j - start, column), mask=mask, other=0.0)
                b = total - received
                v = belief_message(a[:, None], b)
                f = message_features(total, sizes, count, reach, a, received, back, v)
                one, two = apply_gates(numbers.message_gates, f, HIDDEN)
                by0, by1, by2, by3, sums = gates_back(
                    numbers.message_gates, f, by_sent * v, by_sent * (back - v), sums, HIDDEN
                )
                by_change = by3 * sign(back - v)
                by_back = by_sent * two + by2 * sign(back) + by_change
                by_b = (by_sent * (1 + one - two) - by_change) * belief_slope(a[:, None], b) + by0 * sign(b)
                by_total += by_b
                by_sizes += by1
                _add(by_messages, row, mask, by_back, column)
                _add(by_messages, edge, mask, -by_b - by1 * sign(received), column)
            received_by = tl.where(inside, stop - first, 0)
            for j in range(tl.max(received_by, 0)):
                mask = (j < received_by)[:, None] & here
                u = tl.load(messages + rows_at(first + j, column), mask=mask, other=0.0)
                _add(by_messages, first + j, mask, by_total + by_sizes * sign(u), column)
    return sums


@jit
def _logit_back(  # type: ignore[no-untyped-def]
    i, reads, numbers, messages, local, by_messages, slope, column, sums, HIDDEN: tl.constexpr
):
    """From derivatives by the logits of turn i to those by the messages behind them."""
    this = tl.load(reads.place + i + tl.arange(0, 1))
    first, stop = tl.load(reads.start + i + tl.arange(0, 1)), tl.load(reads.ptr + this + 1)
    s, total, sizes, count, reach = collect(this >= 0, this, first, stop, numbers, messages, local, column)
    f = features(s, total - s, total, sizes, count, reach, tl.zeros_like(reach))
    _, two = apply_gates(numbers.logit_gates, f, HIDDEN)
    twice = 2 * slope[None, :]
    _, by1, by2, by3, sums = gates_back(numbers.logit_gates, f, twice * s, twice * (total - s), sums, HIDDEN)
    by_total = twice * (1 + two) + by1 * sign(total - s) + by2 * sign(total)
    for j in range(tl.max(stop - first, 0)):
        u = tl.load(messages + rows_at(first + j, column))
        _add(by_messages, first + j, (this >= 0)[:, None] & (column >= 0)[None, :], by_total + by3 * sign(u), column)
    return sums


@jit
def _no_sums(kind: tl.constexpr, UNITS: tl.constexpr):  # type: ignore[no-untyped-def]
    none, zero = tl.zeros((UNITS,), kind), tl.sum(tl.zeros((UNITS,), kind), 0)
    return tl.zeros((UNITS, _FEATURES), kind), none, none, zero, zero


@jit
def _write(sums, by_gates, HIDDEN: tl.constexpr):  # type: ignore[no-untyped-def]
    """Derivatives by both gates: weights, (hidden, FEATURES), rows of ``out`` and constants, one after the other."""
    by_weight, by_out0, by_out1, by_constant0, by_constant1 = sums
    unit, j = tl.arange(0, by_weight.shape[0]), tl.arange(0, _FEATURES)
    has = unit < HIDDEN
    tl.store(by_gates + unit[:, None] * _FEATURES + j[None, :], by_weight, mask=has[:, None] & (j >= 0)[None, :])
    outs = by_gates + HIDDEN * _FEATURES
    tl.store(outs + unit, by_out0, mask=has)
    tl.store(outs + HIDDEN + unit, by_out1, mask=has)
    tl.store(outs + 2 * HIDDEN, by_constant0)
    tl.store(outs + 2 * HIDDEN + 1, by_constant1)


@jit
def gradient(  # type: ignore[no-untyped-def]
    sent, reads, numbers, spins, dlogq_dlogit, factor, blocks, num_spins, starts, parts, taped_before,
    messages, by_messages, local, tape, kept, decay, by_gates, num_rows, num_taped,
    CHOICE: tl.constexpr, DECAYS: tl.constexpr, BLOCK: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """Derivatives of each block by the weights of both gates, (blocks, 2, weights).

    Turns are walked in ``parts`` from one of ``starts`` to the next, the last part first; ``taped_before`` are the
    events before each turn. ``kept``, (programs, parts − 1, 2E + N, BLOCK), is for messages and fields at the others.
    Derivatives by messages are multiplied by ``decay`` from each spin to the one before.
    """
    HIDDEN: tl.constexpr = CHOICE[0]
    T: tl.constexpr = CHOICE[2]
    UNITS: tl.constexpr = CHOICE[3]
    WEIGHTS: tl.constexpr = HIDDEN * (_FEATURES + 2) + 2
    column, program = tl.arange(0, BLOCK), tl.program_id(0).to(tl.int64)
    num_edges = tl.load(reads.sizes)
    messages += program * num_rows * BLOCK
    by_messages += program * num_rows * BLOCK
    local += program * num_spins * BLOCK
    tape += program * num_taped * BLOCK
    state = (num_edges + num_spins).to(tl.int64) * BLOCK
    kept += program * (parts - 1) * state
    fields = num_edges.to(tl.int64) * BLOCK  # where they follow messages
    for block in range(tl.program_id(0), blocks, tl.num_programs(0)):
        here = tl.cast(block, tl.int64)
        x = spins + here * num_spins * BLOCK + column
        by_message_gates = _no_sums(spins.dtype.element_ty, UNITS)
        by_logit_gates = _no_sums(spins.dtype.element_ty, UNITS)
        tl.debug_barrier()
        clear(messages, num_edges, column, TILE)
        clear(by_messages, num_edges, column, TILE)
        clear(local, num_spins, column, TILE)
        tl.debug_barrier()
        for p in range(1, parts):
            for turn in range(tl.load(starts + p - 1), tl.load(starts + p)):
                renew(turn, reads, numbers, messages, local, num_edges, tape, 0, column, HIDDEN, T, False)
                _tell(turn, 1.0, sent, numbers.coupling, tl.load(x + turn * BLOCK), local, column, TILE)
            at = kept + tl.cast(p - 1, tl.int64) * state
            _copy(messages, at, num_edges, column, TILE)
            _copy(local, at + fields, num_spins, column, TILE)
        for done in range(parts):
            p = parts - 1 - done
            begin, end = tl.load(starts + p), tl.load(starts + p + 1)
            before = tl.load(taped_before + begin)
            tl.debug_barrier()
            if p == 0:
                clear(messages, num_edges, column, TILE)
                clear(local, num_spins, column, TILE)
            else:
                at = kept + tl.cast(p - 1, tl.int64) * state
                _copy(at, messages, num_edges, column, TILE)
                _copy(at + fields, local, num_spins, column, TILE)
            tl.debug_barrier()
            for turn in range(begin, end):
                renew(turn, reads, numbers, messages, local, num_edges, tape, before, column, HIDDEN, T, True)
                _tell(turn, 1.0, sent, numbers.coupling, tl.load(x + turn * BLOCK), local, column, TILE)
            for later in range(end - begin):
                turn = end - 1 - later
                if DECAYS:
                    p = tl.load(reads.place + turn)
                    low, high = tl.load(reads.ptr + p), tl.load(reads.ptr + tl.load(reads.stop + p))
                    tl.debug_barrier()
                    for k in range(low, high, TILE):
                        row = k + tl.arange(0, TILE)
                        mask = (row < high)[:, None] & (column >= 0)[None, :]
                        by = tl.load(by_messages + rows_at(row, column), mask=mask, other=0.0)
                        tl.store(by_messages + rows_at(row, column), tl.load(decay) * by, mask=mask)
                _tell(turn, -1.0, sent, numbers.coupling, tl.load(x + turn * BLOCK), local, column, TILE)
                slope = _slope(here, turn, num_spins, dlogq_dlogit, factor, column)
                by_logit_gates = _logit_back(
                    turn, reads, numbers, messages, local, by_messages, slope, column, by_logit_gates, HIDDEN
                )
                by_message_gates = _undo(
                    turn, reads, numbers, messages, local, num_edges, by_messages, tape, before, column,
                    by_message_gates, HIDDEN, T,
                )  # fmt: skip
        _write(by_message_gates, by_gates + here * 2 * WEIGHTS, HIDDEN)
        _write(by_logit_gates, by_gates + here * 2 * WEIGHTS + WEIGHTS, HIDDEN)


@jit
def pair_gradient(  # type: ignore[no-untyped-def]
    sent, reads, numbers, spins, dlogq_dlogit, factor, blocks, group, num_spins, num_pairs, local, by_pairs,
    by_constant, BLOCK: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """Derivatives by the linear part, of ``group`` blocks, added to rows of their own."""
    column, share = tl.arange(0, BLOCK), tl.program_id(0).to(tl.int64)
    local += share * num_spins * BLOCK
    by_pairs += share * num_pairs
    first = tl.program_id(0) * group
    for block in range(first, tl.minimum(first + group, blocks)):
        here = tl.cast(block, tl.int64)
        tl.debug_barrier()
        clear(local, num_spins, column, TILE)
        tl.debug_barrier()
        for i in range(num_spins):
            p = tl.load(reads.place + i)
            slope = _slope(here, i, num_spins, dlogq_dlogit, factor, column)
            to = by_constant + share * num_spins + p
            tl.store(to, tl.load(to) + tl.sum(slope, 0))
            stop = tl.load(reads.pair_ptr + p + 1)
            for k in range(tl.load(reads.pair_ptr + p), stop, TILE):
                at, inside, xi = pairs_of(k, stop, reads, local, column, TILE)
                more = tl.load(by_pairs + at, mask=inside, other=0.0) + tl.sum(slope[None, :] * xi, 1)
                tl.debug_barrier()
                tl.store(by_pairs + at, more, mask=inside)
            x = tl.load(spins + (here * num_spins + i) * BLOCK + column)
            _tell(i, 1.0, sent, numbers.coupling, x, local, column, TILE)
