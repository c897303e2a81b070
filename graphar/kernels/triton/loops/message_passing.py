"""Message passing in the fused sweep: what is renewed before a spin is drawn, and its logits.

Lists of :class:`graphar.kernels.triton.renewals.Renewals` say what is renewed. A program takes T collections at a time,
messages that T spins renew, and of each one event after the other, (T, BLOCK). Rows of messages are those of directed
edges; messages kept aside until a group is done follow them. Fields ξ are rows (N, BLOCK).
"""

from __future__ import annotations

from graphar.kernels.triton.compile import jit, tl
from graphar.kernels.triton.loops.gates import apply_gates, belief_message, features

__all__ = ["clear", "collect", "collections", "events", "logit", "message_features", "pairs_of", "renew", "rows_at"]


@jit
def rows_at(row, column):  # type: ignore[no-untyped-def]
    """Where some rows lie, (T, BLOCK)."""
    return row.to(tl.int64)[:, None] * column.shape[0] + column[None, :]


@jit
def clear(rows, count, column, TILE: tl.constexpr):  # type: ignore[no-untyped-def]
    """Zeros in the first rows."""
    zero = tl.zeros((TILE, column.shape[0]), rows.dtype.element_ty)
    for k in range(0, count, TILE):
        row = k + tl.arange(0, TILE)
        tl.store(rows + rows_at(row, column), zero, mask=(row < count)[:, None] & (column >= 0)[None, :])


@jit
def collections(reads, c, end, T: tl.constexpr):  # type: ignore[no-untyped-def]
    """Which of T collections there are, the spin of each, and where edges into it and its events start and end."""
    at = c + tl.arange(0, T)
    inside = at < end
    k = tl.load(reads.spin + at, mask=inside, other=0)
    first = tl.load(reads.first + at, mask=inside, other=0)
    stop = tl.load(reads.ptr + k + 1, mask=inside, other=0)
    event = tl.load(reads.event_ptr + at, mask=inside, other=0)
    last = tl.load(reads.event_ptr + at + 1, mask=inside, other=0)
    return inside, k, first, stop, event, last


@jit
def collect(inside, k, first, stop, numbers, messages, local, column):  # type: ignore[no-untyped-def]
    """s, s + Σu and Σ|u|, (T, BLOCK), how many neighbours and Σ|a|, (T,), over all that each k receives."""
    here = (column >= 0)[None, :]
    field = tl.load(numbers.field + k, mask=inside, other=0.0)
    xi = tl.load(local + rows_at(k, column), mask=inside[:, None] & here, other=0.0)
    s = tl.load(numbers.beta) * (field[:, None] + xi)
    total, sizes, reach = s, tl.zeros_like(s), tl.zeros_like(field)
    count = tl.where(inside, stop - first, 0)
    for j in range(tl.max(count, 0)):
        has = j < count
        u = tl.load(messages + rows_at(first + j, column), mask=has[:, None] & here, other=0.0)
        total += u
        sizes += tl.abs(u)
        reach += tl.abs(tl.load(numbers.strength + first + j, mask=has, other=0.0))
    return s, total, sizes, count.to(s.dtype), reach


@jit
def events(j, event, last, reads, numbers, messages, column):  # type: ignore[no-untyped-def]
    """The j-th event of each collection: its edge, the row it renews, a, and the messages received and sent before."""
    has = event + j < last
    edge = tl.load(reads.edge + event + j, mask=has, other=0)
    row = tl.load(reads.back + edge, mask=has, other=0)
    a = tl.load(numbers.strength + edge, mask=has, other=0.0)
    mask = has[:, None] & (column >= 0)[None, :]
    received = tl.load(messages + rows_at(edge, column), mask=mask, other=0.0)
    back = tl.load(messages + rows_at(row, column), mask=mask, other=0.0)
    return mask, edge, row, a, received, back


@jit
def message_features(total, sizes, count, reach, a, received, back, v):  # type: ignore[no-untyped-def]
    """|b|, Σ|u|, |w|, |w − v|, |a|, neighbours and Σ|a|, squashed; rounding may leave a sum less a term below zero."""
    rest = tl.maximum(sizes - tl.abs(received), 0.0)
    return features(total - received, rest, back, back - v, a, count - 1, tl.maximum(reach - tl.abs(a), 0.0))


@jit
def renew(  # type: ignore[no-untyped-def]
    turn, reads, numbers, messages, local, num_edges, tape, before, column,
    HIDDEN: tl.constexpr, T: tl.constexpr, TAPED: tl.constexpr,
):  # fmt: skip
    """All messages renewed before a turn.

    With TAPED, what each was is written to ``tape``, that of event ``before`` to its first row.
    """
    for g in range(tl.load(reads.turn_ptr + turn), tl.load(reads.turn_ptr + turn + 1)):
        begin, end = tl.load(reads.group_ptr + g), tl.load(reads.group_ptr + g + 1)
        aside, start = tl.load(reads.aside + g) != 0, tl.load(reads.event_ptr + begin)
        for c in range(begin, end, T):
            inside, k, first, stop, event, last = collections(reads, c, end, T)
            _, total, sizes, count, reach = collect(inside, k, first, stop, numbers, messages, local, column)
            for j in range(tl.max(last - event, 0)):
                mask, _edge, row, a, received, back = events(j, event, last, reads, numbers, messages, column)
                sent = belief_message(a[:, None], total - received)
                if HIDDEN > 0:
                    f = message_features(total, sizes, count, reach, a, received, back, sent)
                    one, two = apply_gates(numbers.message_gates, f, HIDDEN)
                    sent += sent * one + (back - sent) * two
                if TAPED:
                    tl.store(tape + rows_at(event + j - before, column), back, mask=mask)
                to = tl.where(aside, num_edges + event + j - start, row)
                tl.debug_barrier()  # threads that read what is overwritten have read it
                tl.store(messages + rows_at(to, column), sent, mask=mask)
        tl.debug_barrier()
        if aside:
            stop_event = tl.load(reads.event_ptr + end)
            for e in range(start, stop_event, T):
                at = e + tl.arange(0, T)
                has = at < stop_event
                row = tl.load(reads.back + tl.load(reads.edge + at, mask=has, other=0), mask=has, other=0)
                mask = has[:, None] & (column >= 0)[None, :]
                new = tl.load(messages + rows_at(num_edges + at - start, column), mask=mask, other=0.0)
                tl.store(messages + rows_at(row, column), new, mask=mask)
            tl.debug_barrier()


@jit
def pairs_of(k, stop, reads, local, column, TILE: tl.constexpr):  # type: ignore[no-untyped-def]
    """Some pairs of the linear part and the fields ξ that they read, (TILE, BLOCK)."""
    at = k + tl.arange(0, TILE)
    inside = at < stop
    row = tl.load(reads.pair_spin + at, mask=inside, other=0)
    xi = tl.load(local + rows_at(row, column), mask=inside[:, None] & (column >= 0)[None, :], other=0.0)
    return at, inside, xi


@jit
def logit(  # type: ignore[no-untyped-def]
    i, num_spins, numbers, reads, read, local, column, scratch, mine, KEEP: tl.constexpr, CHOICE: tl.constexpr,
    BLOCK: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """2[(1 + γ') s + (1 + δ') U] after all renewals, and the linear part.

    CHOICE is hidden units, whether there is a linear part, and T.
    """
    HIDDEN: tl.constexpr = CHOICE[0]
    T: tl.constexpr = CHOICE[2]
    num_edges = tl.load(reads.sizes)
    messages = scratch.messages + mine * (num_edges + tl.load(reads.sizes + 1)) * BLOCK
    if i == 0:
        clear(messages, num_edges, column, TILE)
        clear(read, num_spins, column, TILE)
        tl.debug_barrier()
    renew(i, reads, numbers, messages, read, num_edges, messages, 0, column, HIDDEN, T, False)
    p = tl.load(reads.place + i)
    this = tl.zeros((1,), tl.int32) + p
    first, stop = tl.load(reads.start + i + tl.arange(0, 1)), tl.load(reads.ptr + this + 1)
    s, total, sizes, count, reach = collect(this >= 0, this, first, stop, numbers, messages, read, column)
    if HIDDEN > 0:
        f = features(s, total - s, total, sizes, count, reach, tl.zeros_like(reach))
        one, two = apply_gates(numbers.logit_gates, f, HIDDEN)
        total += s * one + (total - s) * two
    answer = 2 * tl.sum(total, 0)
    if CHOICE[1]:
        skip = tl.zeros((TILE, BLOCK), answer.dtype)
        stop = tl.load(reads.pair_ptr + p + 1)
        for k in range(tl.load(reads.pair_ptr + p), stop, TILE):
            at, inside, xi = pairs_of(k, stop, reads, read, column, TILE)
            skip += tl.load(numbers.pairs + at, mask=inside, other=0.0)[:, None] * xi
        answer += tl.sum(skip, 0) + tl.load(numbers.constant + p)
    tl.debug_barrier()  # the spin adds to fields that others have read
    return answer
