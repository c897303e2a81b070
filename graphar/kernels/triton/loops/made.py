"""Masked dense layers in the fused sweep, spin after spin, and their gradient, layer after layer.

Rows of units are those of :mod:`graphar.kernels.compiled.loops.made`: that of channel o at spin i in layer k stands at
((k copies + copy) N + i) channels + o, weights of a layer by output channel, pair of spins and input channel.
"""

from __future__ import annotations

from graphar.kernels.triton.compile import jit, tl

__all__ = ["logit", "through_mixture", "units_gradient", "weights_gradient"]


@jit
def _log_sigmoid(x):  # type: ignore[no-untyped-def]
    return tl.minimum(x, 0.0) - tl.log(1 + tl.exp(-tl.abs(x)))


@jit
def _sigmoid(x):  # type: ignore[no-untyped-def]
    e = tl.exp(-tl.abs(x))
    return tl.where(x > 0, 1 / (1 + e), e / (1 + e))


@jit
def _log_sum(a, b):  # type: ignore[no-untyped-def]
    return tl.maximum(a, b) + tl.log(1 + tl.exp(-tl.abs(a - b)))


@jit
def _pairs(k, i):  # type: ignore[no-untyped-def]
    """Pairs of a layer whose later spin is before i: layers above the first read spin i too."""
    i = tl.cast(i, tl.int64)
    return i * (i + 1) // 2 if k > 0 else i * (i - 1) // 2


@jit
def _first(k, i, o, num_spins, CHANNELS: tl.constexpr):  # type: ignore[no-untyped-def]
    """Where the weights of channel o of spin i start in a layer."""
    pair = o * _pairs(k, num_spins) + _pairs(k, i)
    return pair * CHANNELS if k > 0 else pair


@jit
def _load_rows(rows, row, inside, column):  # type: ignore[no-untyped-def]
    mask = inside[:, None] & (column >= 0)[None, :]
    return tl.load(rows + row[:, None] * column.shape[0] + column[None, :], mask=mask, other=0.0)


@jit
def _weighted_sum(rows, weights, count, column, TILE: tl.constexpr):  # type: ignore[no-untyped-def]
    """Σ weights × rows over ``count`` rows in succession, read TILE at a time."""
    total = tl.zeros((TILE, column.shape[0]), rows.dtype.element_ty)
    for k in range(0, count, TILE):
        row = k + tl.arange(0, TILE)
        inside = row < count
        weight = tl.load(weights + row, mask=inside, other=0.0)
        total += weight[:, None] * _load_rows(rows, row, inside, column)
    return tl.sum(total, 0)


@jit
def _network(  # type: ignore[no-untyped-def]
    i, num_spins, numbers, read, column, units, inner, COPY: tl.constexpr, KEEP: tl.constexpr, CHOICE: tl.constexpr,
    TILE: tl.constexpr,
):  # fmt: skip
    """The last layer at spin i, of x or, as COPY 1, of −x."""
    CHANNELS: tl.constexpr = CHOICE[0]
    DEPTH: tl.constexpr = CHOICE[1]
    COPIES: tl.constexpr = CHOICE[2]
    BLOCK: tl.constexpr = column.shape[0]
    SIGN: tl.constexpr = 1 - 2 * COPY  # of spins; units above have theirs
    place = tl.cast(i, tl.int64)
    for k in tl.static_range(DEPTH - 1):
        rows, count, sign = read, place, SIGN
        if k > 0:
            rows = units + ((k - 1) * COPIES + COPY) * num_spins * CHANNELS * BLOCK
            count, sign = (place + 1) * CHANNELS, 1
        for o in range(CHANNELS):
            weights = tl.load(numbers.starts + k) + _first(k, i, o, num_spins, CHANNELS)
            total = _weighted_sum(rows, numbers.weight + weights, count, column, TILE) * sign
            own = (k * num_spins + place) * CHANNELS + o
            total += tl.load(numbers.bias + own)
            row = ((k * COPIES + COPY) * num_spins + place) * CHANNELS + o
            tl.store(units + row * BLOCK + column, tl.where(total > 0, total, tl.load(numbers.slope + own) * total))
            if KEEP:
                tl.store(inner + row * BLOCK + column, total)
        tl.debug_barrier()
    last = (DEPTH - 1) * num_spins + place
    weights = numbers.weight + tl.load(numbers.starts + DEPTH - 1)
    if DEPTH > 1:
        rows = units + ((DEPTH - 2) * COPIES + COPY) * num_spins * CHANNELS * BLOCK
        weights += _pairs(DEPTH - 1, i) * CHANNELS
        up = _weighted_sum(rows, weights, (place + 1) * CHANNELS, column, TILE)
    else:
        up = _weighted_sum(read, weights + _pairs(0, i), place, column, TILE) * SIGN
    return up + tl.load(numbers.bias + last * CHANNELS)


@jit
def logit(  # type: ignore[no-untyped-def]
    i, num_spins, numbers, reads, read, local, column, scratch, mine, KEEP: tl.constexpr, CHOICE: tl.constexpr,
    BLOCK: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """The last layer, or the logit of ½ [q(x) + q(−x)]; CHOICE is channels, layers, copies.

    Of the mixture, logits of x and of −x and log q of the spins before are kept, of all spins or of the last two.
    """
    CHANNELS: tl.constexpr = CHOICE[0]
    DEPTH: tl.constexpr = CHOICE[1]
    COPIES: tl.constexpr = CHOICE[2]
    at = mine * (DEPTH - 1) * COPIES * num_spins * CHANNELS * BLOCK
    units, inner = scratch.units + at, scratch.inner
    if KEEP:
        inner += at
    up = _network(i, num_spins, numbers, read, column, units, inner, 0, KEEP, CHOICE, TILE)
    if COPIES > 1:
        other_up = _network(i, num_spins, numbers, read, column, units, inner, 1, KEEP, CHOICE, TILE)
        held = 2
        row, before = tl.cast(i, tl.int64) % 2, (tl.cast(i, tl.int64) + 1) % 2
        if KEEP:
            held = num_spins
            row, before = tl.cast(i, tl.int64), tl.maximum(tl.cast(i, tl.int64) - 1, 0)
        first = mine * 2 * held * BLOCK + column
        second = first + held * BLOCK
        has = (column >= 0) & (i > 0)  # a spin of value zero stands before the first: it adds the same to both
        x = tl.load(read + tl.maximum(i - 1, 0) * BLOCK + column, mask=has, other=0.0).to(tl.float64)
        u = tl.load(scratch.ups + first + before * BLOCK, mask=has, other=0.0).to(tl.float64)
        v = tl.load(scratch.ups + second + before * BLOCK, mask=has, other=0.0).to(tl.float64)
        a = tl.load(scratch.log_q + first + before * BLOCK, mask=has, other=0.0) + _log_sigmoid(x * u)
        b = tl.load(scratch.log_q + second + before * BLOCK, mask=has, other=0.0) + _log_sigmoid(-x * v)
        tl.store(scratch.ups + first + row * BLOCK, up)
        tl.store(scratch.ups + second + row * BLOCK, other_up)
        tl.store(scratch.log_q + first + row * BLOCK, a)
        tl.store(scratch.log_q + second + row * BLOCK, b)
        u, v = up.to(tl.float64), other_up.to(tl.float64)
        likely = _log_sum(a + _log_sigmoid(u), b + _log_sigmoid(-v))
        mixed = (likely - _log_sum(a + _log_sigmoid(-u), b + _log_sigmoid(v))).to(up.dtype)
    else:
        mixed = up + tl.load(numbers.constant + i)
    return mixed


@jit
def through_mixture(spins, ups, log_q, slope, num_spins, by_ups, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    """Derivatives by the logits of the mixture of a block turned to those by the logits of x and of −x."""
    column, block = tl.arange(0, BLOCK), tl.program_id(0).to(tl.int64)
    later = tl.zeros((BLOCK,), tl.float64)  # by log q of x, and minus that by log q of −x
    for back in range(num_spins):
        i = num_spins - 1 - back
        first = (block * 2 * num_spins + i) * BLOCK + column
        second = first + num_spins * BLOCK
        u, v = tl.load(ups + first).to(tl.float64), tl.load(ups + second).to(tl.float64)
        ahead = tl.load(log_q + first) - tl.load(log_q + second)
        own = (block * num_spins + i) * BLOCK + column
        x, by = tl.load(spins + own).to(tl.float64), tl.load(slope + own).to(tl.float64)
        likely = _sigmoid(ahead + _log_sigmoid(u) - _log_sigmoid(-v))
        other = _sigmoid(ahead + _log_sigmoid(-u) - _log_sigmoid(v))
        by_first = by * (likely * _sigmoid(-u) + other * _sigmoid(u)) + later * x * _sigmoid(-x * u)
        by_second = later * x * _sigmoid(x * v) - by * ((1 - likely) * _sigmoid(v) + (1 - other) * _sigmoid(-v))
        tl.store(by_ups + first, by_first.to(by_ups.dtype.element_ty))
        tl.store(by_ups + second, by_second.to(by_ups.dtype.element_ty))
        later += by * (likely - other)


@jit
def units_gradient(  # type: ignore[no-untyped-def]
    numbers, inner, by_ups, num_spins, by_units, by_slopes,
    K: tl.constexpr, CHOICE: tl.constexpr, BLOCK: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """Derivatives by units of layer K − 1, before PReLU, and by its slopes, from those by the layer above."""
    CHANNELS: tl.constexpr = CHOICE[0]
    DEPTH: tl.constexpr = CHOICE[1]
    COPIES: tl.constexpr = CHOICE[2]
    OUTS: tl.constexpr = CHANNELS if K < DEPTH - 1 else 1
    column = tl.arange(0, BLOCK)
    block, copy = tl.program_id(0).to(tl.int64), tl.program_id(2)
    rows_of_block = (DEPTH - 1) * COPIES * num_spins * CHANNELS
    if K < DEPTH - 1:
        above = by_units + (block * rows_of_block + (K * COPIES + copy) * num_spins * CHANNELS) * BLOCK
    else:
        above = by_ups + (block * COPIES + copy) * num_spins * BLOCK
    to = tl.program_id(1) * ROWS + tl.arange(0, ROWS)
    inside = to < num_spins * CHANNELS
    j, c = to // CHANNELS, to % CHANNELS
    weights = numbers.weight + tl.load(numbers.starts + K)
    total = tl.zeros((ROWS, BLOCK), by_units.dtype.element_ty)
    for start in range(tl.program_id(1) * ROWS // CHANNELS * OUTS, num_spins * OUTS, ROWS):
        reader = start + tl.arange(0, ROWS)
        i, o = reader // OUTS, reader % OUTS
        pair = o.to(tl.int64) * _pairs(K, num_spins) + _pairs(K, i)
        has = (i[None, :] >= j[:, None]) & (reader < num_spins * OUTS)[None, :] & inside[:, None]
        weight = tl.load(weights + (pair[None, :] + j[:, None]) * CHANNELS + c[:, None], mask=has, other=0.0)
        rows = _load_rows(above, reader, reader < num_spins * OUTS, column)
        total += tl.dot(weight, rows, input_precision="ieee", out_dtype=total.dtype)
    layer = ((K - 1) * COPIES + copy) * num_spins * CHANNELS
    place = (block * rows_of_block + layer + to)[:, None] * BLOCK + column[None, :]
    mask = inside[:, None] & (column >= 0)[None, :]
    z = tl.load(inner + place, mask=mask, other=0.0)
    slope = tl.load(numbers.slope + (K - 1) * num_spins * CHANNELS + to, mask=inside, other=0.0)
    tl.store(by_units + place, tl.where(z > 0, total, slope[:, None] * total), mask=mask)
    tl.store(by_slopes + place, tl.where(z > 0, 0.0, total * z), mask=mask)


@jit
def weights_gradient(  # type: ignore[no-untyped-def]
    numbers, spins, units, by_ups, by_units, blocks, group, num_spins, num_weights, by_weight,
    K: tl.constexpr, CHOICE: tl.constexpr, BLOCK: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """Derivatives by weights of layer K, ROWS by ROWS of them, of ``group`` blocks, to a row of their own."""
    CHANNELS: tl.constexpr = CHOICE[0]
    DEPTH: tl.constexpr = CHOICE[1]
    COPIES: tl.constexpr = CHOICE[2]
    OUTS: tl.constexpr = CHANNELS if K < DEPTH - 1 else 1
    INS: tl.constexpr = CHANNELS if K > 0 else 1
    column, first = tl.arange(0, BLOCK), tl.program_id(2) * group
    rows_of_block = (DEPTH - 1) * COPIES * num_spins * CHANNELS
    reader = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    source = tl.program_id(1) * ROWS + tl.arange(0, ROWS)
    i, o, j, c = reader // OUTS, reader % OUTS, source // INS, source % INS
    if (tl.program_id(0) * ROWS + ROWS - 1) // OUTS >= tl.program_id(1) * ROWS // INS:
        total = tl.zeros((ROWS, ROWS), by_weight.dtype.element_ty)
        for member in range(first, tl.minimum(first + group, blocks)):
            block = tl.cast(member, tl.int64)
            for copy in tl.static_range(COPIES):
                if K < DEPTH - 1:
                    above = by_units + (block * rows_of_block + (K * COPIES + copy) * num_spins * CHANNELS) * BLOCK
                else:
                    above = by_ups + (block * COPIES + copy) * num_spins * BLOCK
                if K > 0:
                    below = units + (block * rows_of_block + ((K - 1) * COPIES + copy) * num_spins * CHANNELS) * BLOCK
                else:
                    below = spins + block * num_spins * BLOCK
                by = _load_rows(above, reader, reader < num_spins * OUTS, column)
                if copy > 0 and K == 0:
                    by = -by
                values = _load_rows(below, source, source < num_spins * INS, column)
                total += tl.dot(by, tl.trans(values), input_precision="ieee", out_dtype=total.dtype)
        pair = (o.to(tl.int64) * _pairs(K, num_spins) + _pairs(K, i))[:, None] + j[None, :]
        reach = (i[:, None] >= j[None, :]) if K > 0 else (i[:, None] > j[None, :])
        mask = reach & (reader < num_spins * OUTS)[:, None] & (source < num_spins * INS)[None, :]
        place = tl.program_id(2).to(tl.int64) * num_weights + tl.load(numbers.starts + K)
        tl.store(by_weight + place + pair * INS + c[None, :], total, mask=mask)
