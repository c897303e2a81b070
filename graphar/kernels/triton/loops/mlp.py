"""A network for each spin beside the linear skip, and the gradient of its weights.

Units are computed UNITS at a time, (UNITS, BLOCK), from rows read one by one, each with the weights of all of them. Of
several layers, each but the last writes its units to rows that the next one reads.
"""

from __future__ import annotations

from graphar.kernels.triton.compile import jit, tl
from graphar.kernels.triton.loops.linear import logit as linear_logit

__all__ = ["activate", "gradient", "logit"]


@jit
def activate(z, ACTIVATION: tl.constexpr):  # type: ignore[no-untyped-def]
    """φ(z) and φ'(z), by place in :data:`graphar.heads.mlp.ACTIVATIONS`."""
    if ACTIVATION == 0:
        e = tl.exp(-tl.abs(z))
        likely = 1 / (1 + e)
        likely = tl.where(z < 0, e * likely, likely)
        value, slope = z * likely, likely * (1 + z * (1 - likely))
    elif ACTIVATION == 1:
        below = 0.5 * (1 + tl.erf(0.7071067811865476 * z))
        value, slope = z * below, below + z * 0.3989422804014327 * tl.exp(-0.5 * z * z)
    else:
        e = tl.exp(-2 * tl.abs(z))
        size = (1 - e) / (1 + e)
        value, slope = tl.where(z < 0, -size, size), 1 - size * size
    return value, slope


@jit
def _first_layer(  # type: ignore[no-untyped-def]
    i, numbers, reads, read, column, unit, has, HIDDEN: tl.constexpr, DEPTH: tl.constexpr
):
    """Units of spin i from what it reads, before φ."""
    bias = tl.load(numbers.units + tl.cast(i, tl.int64) * (DEPTH + 1) * HIDDEN + unit, mask=has, other=0.0)
    z = bias[:, None] + tl.zeros_like(column).to(bias.dtype)[None, :]
    for k in range(tl.load(reads.ptr + i), tl.load(reads.ptr + i + 1)):
        row = tl.load(read + tl.load(reads.row + k).to(tl.int64) * column.shape[0] + column)
        weight = tl.load(numbers.first + tl.cast(k, tl.int64) * HIDDEN + unit, mask=has, other=0.0)
        z += weight[:, None] * row[None, :]
    return z


@jit
def _next_layer(  # type: ignore[no-untyped-def]
    i, k, numbers, rows, column, unit, has, HIDDEN: tl.constexpr, DEPTH: tl.constexpr
):
    """Units of layer k > 0 of spin i from those of the layer below, ``rows``, before φ."""
    place = tl.cast(i, tl.int64)
    bias = tl.load(numbers.units + (place * (DEPTH + 1) + k) * HIDDEN + unit, mask=has, other=0.0)
    z = bias[:, None] + tl.zeros_like(column).to(bias.dtype)[None, :]
    weights = numbers.layers + (place * (DEPTH - 1) + k - 1) * HIDDEN * HIDDEN + unit * HIDDEN
    for h in range(HIDDEN):
        weight = tl.load(weights + h, mask=has, other=0.0)
        z += weight[:, None] * tl.load(rows + h * column.shape[0] + column)[None, :]
    return z


@jit
def logit(  # type: ignore[no-untyped-def]
    i, num_spins, numbers, reads, read, local, column, scratch, mine, KEEP: tl.constexpr, CHOICE: tl.constexpr,
    BLOCK: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """The skip, and v_i · φ(… φ(W_i ξ_i + c_i) …); CHOICE is units of a layer, layers, φ, units at a time."""
    HIDDEN: tl.constexpr = CHOICE[0]
    DEPTH: tl.constexpr = CHOICE[1]
    UNITS: tl.constexpr = CHOICE[3]
    total = linear_logit(i, num_spins, numbers, reads, read, local, column, scratch, mine, KEEP, CHOICE, BLOCK, TILE)
    units = scratch[0] + tl.program_id(0).to(tl.int64) * (DEPTH - 1) * HIDDEN * BLOCK
    for k in tl.static_range(DEPTH):
        for start in range(0, HIDDEN, UNITS):
            unit = start + tl.arange(0, UNITS)
            has = unit < HIDDEN
            if k == 0:
                z = _first_layer(i, numbers, reads, read, column, unit, has, HIDDEN, DEPTH)
            else:
                z = _next_layer(i, k, numbers, units + (k - 1) * HIDDEN * BLOCK, column, unit, has, HIDDEN, DEPTH)
            value, _ = activate(z, CHOICE[2])
            if k < DEPTH - 1:
                place = (k * HIDDEN + unit)[:, None] * BLOCK + column[None, :]
                tl.store(units + place, value, mask=has[:, None] & (column >= 0)[None, :])
            else:
                out = numbers.units + (tl.cast(i, tl.int64) * (DEPTH + 1) + DEPTH) * HIDDEN + unit
                total += tl.sum(tl.load(out, mask=has, other=0.0)[:, None] * value, 0)
        if k < DEPTH - 1:
            tl.debug_barrier()
    return total


@jit
def _add(to, more, mask):  # type: ignore[no-untyped-def]
    """Sums of a program's own, in place."""
    before = tl.load(to, mask=mask, other=0.0)
    tl.debug_barrier()  # threads that hold the same number have all read it
    tl.store(to, before + more, mask=mask)


@jit
def _times_units(rows, mask, units, unit, has, column):  # type: ignore[no-untyped-def]
    """Sums over samples of some rows, (ROWS, BLOCK), times units of a layer: (ROWS, UNITS)."""
    both = has[:, None] & (column >= 0)[None, :]
    read = tl.load(units + unit[:, None] * column.shape[0] + column[None, :], mask=both, other=0.0)
    values = tl.load(rows, mask=mask, other=0.0)
    return tl.dot(values, tl.trans(read), input_precision="ieee", out_dtype=values.dtype)


@jit
def gradient(  # type: ignore[no-untyped-def]
    sent, reads, numbers, rows, read, num_rows, num_read, dlogq_dlogit, factor, blocks, group, num_spins, num_pairs,
    scratch, by_constant, by_local, by_pairs, by_first, by_layers, by_units,
    CHOICE: tl.constexpr, WANT_LOCAL: tl.constexpr, BLOCK: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """Derivatives by the coefficients of spins, of ``group`` blocks of the batch, added to rows of their own.

    ``scratch`` has units and their slopes, (programs, 2, layers, units, BLOCK): slopes by which φ rises, and then those
    of the logits by what φ takes. ROWS are read at a time.
    """
    HIDDEN: tl.constexpr = CHOICE[0]
    DEPTH: tl.constexpr = CHOICE[1]
    UNITS: tl.constexpr = CHOICE[4]
    column, first = tl.arange(0, BLOCK), tl.program_id(1) * group
    share = tl.program_id(1).to(tl.int64)
    program = share * tl.num_programs(0) + tl.program_id(0)
    values = scratch + program * 2 * DEPTH * HIDDEN * BLOCK
    slopes = values + DEPTH * HIDDEN * BLOCK
    for i in range(tl.program_id(0), num_spins, tl.num_programs(0)):
        mine = share * num_spins + i
        own = tl.load(sent.local_row + i).to(tl.int64)
        start, stop = tl.load(reads.ptr + i), tl.load(reads.ptr + i + 1)
        to_units = by_units + mine * (DEPTH + 1) * HIDDEN
        constant = tl.zeros((BLOCK,), rows.dtype.element_ty)
        skip = tl.zeros((BLOCK,), rows.dtype.element_ty)
        for block in range(first, tl.minimum(first + group, blocks)):
            here = tl.cast(block, tl.int64)
            by_logit = tl.load(dlogq_dlogit + (here * num_spins + i) * BLOCK + column)
            by_logit *= tl.load(factor + here * BLOCK + column)
            constant += by_logit
            if WANT_LOCAL:
                skip += by_logit * tl.load(rows + (here * num_rows + own) * BLOCK + column)
            for k in tl.static_range(DEPTH):
                tl.debug_barrier()
                for begin in range(0, HIDDEN, UNITS):
                    unit = begin + tl.arange(0, UNITS)
                    has = unit < HIDDEN
                    if k == 0:
                        at_block = read + here * num_read * BLOCK
                        z = _first_layer(i, numbers, reads, at_block, column, unit, has, HIDDEN, DEPTH)
                    else:
                        below = values + (k - 1) * HIDDEN * BLOCK
                        z = _next_layer(i, k, numbers, below, column, unit, has, HIDDEN, DEPTH)
                    value, rise = activate(z, CHOICE[2])
                    if k == DEPTH - 1:
                        out = numbers.units + (tl.cast(i, tl.int64) * (DEPTH + 1) + DEPTH) * HIDDEN + unit
                        rise *= tl.load(out, mask=has, other=0.0)[:, None] * by_logit[None, :]
                        _add(to_units + DEPTH * HIDDEN + unit, tl.sum(value * by_logit[None, :], 1), has)
                    mask = has[:, None] & (column >= 0)[None, :]
                    place = (k * HIDDEN + unit)[:, None] * BLOCK + column[None, :]
                    tl.store(values + place, value, mask=mask)
                    tl.store(slopes + place, rise, mask=mask)
            for k in tl.static_range(DEPTH - 1, -1, -1):
                tl.debug_barrier()
                above = slopes + k * HIDDEN * BLOCK
                for begin in range(0, HIDDEN, UNITS):
                    unit = begin + tl.arange(0, UNITS)
                    has = unit < HIDDEN
                    mask = has[:, None] & (column >= 0)[None, :]
                    by_unit = tl.load(above + unit[:, None] * BLOCK + column[None, :], mask=mask, other=0.0)
                    _add(to_units + k * HIDDEN + unit, tl.sum(by_unit, 1), has)
                    if k > 0:
                        weights = (tl.cast(i, tl.int64) * (DEPTH - 1) + k - 1) * HIDDEN * HIDDEN
                        to_layer = by_layers + (mine * (DEPTH - 1) + k - 1) * HIDDEN * HIDDEN
                        total = tl.zeros((UNITS, BLOCK), rows.dtype.element_ty)
                        for h in range(HIDDEN):
                            weight = tl.load(numbers.layers + weights + h * HIDDEN + unit, mask=has, other=0.0)
                            total += weight[:, None] * tl.load(above + h * BLOCK + column)[None, :]
                        place = ((k - 1) * HIDDEN + unit)[:, None] * BLOCK + column[None, :]
                        rise = tl.load(slopes + place, mask=mask, other=0.0)
                        tl.store(slopes + place, total * rise, mask=mask)
                        for o in range(0, HIDDEN, ROWS):
                            row = o + tl.arange(0, ROWS)
                            inside = row < HIDDEN
                            more = _times_units(
                                above + row[:, None] * BLOCK + column[None, :],
                                inside[:, None] & (column >= 0)[None, :],
                                values + (k - 1) * HIDDEN * BLOCK, unit, has, column,
                            )  # fmt: skip
                            to = to_layer + row[:, None] * HIDDEN + unit[None, :]
                            _add(to, more, inside[:, None] & has[None, :])
                    else:
                        for p in range(start, stop, ROWS):
                            pair = p + tl.arange(0, ROWS)
                            inside = pair < stop
                            row = tl.load(reads.row + pair, mask=inside, other=0).to(tl.int64)
                            at = read + (here * num_read + row)[:, None] * BLOCK + column[None, :]
                            wide = inside[:, None] & (column >= 0)[None, :]
                            more = _times_units(at, wide, above, unit, has, column)
                            to = by_first + (share * num_pairs + pair)[:, None] * HIDDEN + unit[None, :]
                            _add(to, more, inside[:, None] & has[None, :])
                            if begin == 0:
                                skips = tl.load(at, mask=wide, other=0.0) * by_logit[None, :]
                                _add(by_pairs + share * num_pairs + pair, tl.sum(skips, 1), inside)
        tl.store(by_constant + mine, tl.sum(constant, 0))
        if WANT_LOCAL:
            tl.store(by_local + mine, tl.sum(skip, 0))
