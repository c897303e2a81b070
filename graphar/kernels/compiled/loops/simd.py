"""Two inner loops written in vectors, for the compiled kernels: weighted sums of rows, and dot products of rows.

Compilers do not find these by themselves: they test at every entry whether arrays overlap, and keep running sums
in memory instead of registers, at half to a third of the speed. A vector has 32 bytes; where a processor's are
wider or narrower, LLVM splits or pairs them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["STEP", "add_rows", "add_rows_twice", "dot_rows", "dot_rows_twice"]

STEP = 32
"""Widths of rows are multiples of this many numbers."""

_BYTES = 32
_INT = ir.IntType(64)


class _Array:
    """A contiguous array argument, read and written a vector at a time."""

    def __init__(self, context: Any, builder: Any, kind: Any, value: Any) -> None:
        self.builder = builder
        struct = context.make_array(kind)(context, builder, value)
        self.data = struct.data
        size = kind.dtype.bitwidth // 8 if hasattr(kind.dtype, "bitwidth") else 8
        self.lanes = _BYTES // size
        self.vector = ir.VectorType(self.data.type.pointee, self.lanes)
        self.width = cgutils.unpack_tuple(builder, struct.shape)[-1]
        self.size = size

    def __getitem__(self, index: Any) -> Any:
        """One number."""
        return self.builder.load(self.builder.gep(self.data, [index]))

    def add_at(self, index: Any, value: Any) -> None:
        place = self.builder.gep(self.data, [index])
        self.builder.store(self.builder.fadd(self.builder.load(place), value), place)

    def row(self, index: Any) -> Any:
        """Where a row of a matrix starts."""
        return self.builder.mul(self.builder.sext(index, _INT), self.width)

    def place(self, start: Any) -> Any:
        return self.builder.bitcast(self.builder.gep(self.data, [start]), self.vector.as_pointer())

    def vector_at(self, start: Any) -> Any:
        return self.builder.load(self.place(start), align=self.size)

    def put(self, start: Any, vector: Any) -> None:
        self.builder.store(vector, self.place(start), align=self.size)

    def filled(self, number: Any) -> Any:
        """A vector of the same number in each lane."""
        none = ir.Constant(self.vector, ir.Undefined)
        single = self.builder.insert_element(none, number, ir.IntType(32)(0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), [0] * self.lanes)
        return self.builder.shuffle_vector(single, none, zeros)

    def lane_sum(self, vector: Any) -> Any:
        """Sum over the lanes, halving: the same order on every machine."""
        none, lanes = ir.Constant(self.vector, ir.Undefined), self.lanes
        while lanes > 1:
            lanes //= 2
            turned = [(k + lanes) % self.lanes for k in range(self.lanes)]
            shift = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), turned)
            vector = self.builder.fadd(vector, self.builder.shuffle_vector(vector, none, shift))
        return self.builder.extract_element(vector, ir.IntType(32)(0))


def _multiply_add(builder: Any, total: Any, a: Any, b: Any) -> None:
    """total += a × b, fused where the processor can; ``total`` is a variable that becomes a register."""
    product = builder.fmul(a, b, flags=("contract",))
    builder.store(builder.fadd(product, builder.load(total), flags=("contract",)), total)


def _variables(builder: Any, kind: Any, count: int) -> list[Any]:
    return [cgutils.alloca_once(builder, kind) for _ in range(count)]


def _between(builder: Any, start: Any, stop: Any, step: int = 1) -> Any:
    return cgutils.for_range_slice(builder, start, stop, _INT(step), _INT)


def _emit_add(
    builder: Any,
    rows: _Array,
    index: _Array,
    pairs: Sequence[_Array],
    weight: _Array,
    start: Any,
    stop: Any,
    totals: Sequence[_Array],
) -> None:
    vectors = STEP // 8  # running sums per reader: enough to hide the latency of the additions
    with _between(builder, _INT(0), rows.width, vectors * rows.lanes) as (column, _):
        places = [builder.add(column, _INT(k * rows.lanes)) for k in range(vectors)]
        sums = [_variables(builder, rows.vector, vectors) for _ in totals]
        for total, registers in zip(totals, sums, strict=True):
            for place, register in zip(places, registers, strict=True):
                builder.store(total.vector_at(place), register)
        with _between(builder, start, stop) as (k, _):
            first = rows.row(index[k])
            factors = [rows.filled(weight[builder.sext(pair[k], _INT)]) for pair in pairs]
            for v, place in enumerate(places):
                values = rows.vector_at(builder.add(first, place))
                for factor, registers in zip(factors, sums, strict=True):
                    _multiply_add(builder, registers[v], factor, values)
        for total, registers in zip(totals, sums, strict=True):
            for place, register in zip(places, registers, strict=True):
                total.put(place, builder.load(register))


def _emit_dot(
    builder: Any,
    rows: _Array,
    num_rows: Any,
    first: Any,
    last: Any,
    index: _Array,
    pairs: Sequence[_Array],
    dlogq_dlogit: Sequence[_Array],
    gradient: _Array,
    start: Any,
    stop: Any,
) -> None:
    whole = builder.sub(stop, builder.srem(builder.sub(stop, start), _INT(4)))
    for size, begin, end in ((4, start, whole), (1, whole, stop)):  # four rows at a time, then what is left
        with _between(builder, begin, end, size) as (k, _):
            members = [builder.add(k, _INT(r)) for r in range(size)]
            places = [rows.row(index[member]) for member in members]
            sums = [_variables(builder, rows.vector, len(dlogq_dlogit)) for _ in members]
            for register in (register for registers in sums for register in registers):
                builder.store(ir.Constant(rows.vector, [0.0] * rows.lanes), register)
            with _between(builder, first, last) as (block, _):
                shift = builder.mul(builder.mul(block, num_rows), rows.width)
                at = builder.mul(builder.sub(block, first), rows.width)
                with _between(builder, _INT(0), rows.width, rows.lanes) as (column, _):
                    factors = [slope.vector_at(builder.add(at, column)) for slope in dlogq_dlogit]
                    for place, registers in zip(places, sums, strict=True):
                        values = rows.vector_at(builder.add(builder.add(place, shift), column))
                        for factor, register in zip(factors, registers, strict=True):
                            _multiply_add(builder, register, factor, values)
            for member, registers in zip(members, sums, strict=True):
                for pair, register in zip(pairs, registers, strict=True):
                    gradient.add_at(builder.sext(pair[member], _INT), rows.lane_sum(builder.load(register)))


def _arrays(context: Any, builder: Any, signature: Any, values: Sequence[Any]) -> list[Any]:
    """Arguments with arrays wrapped."""
    return [
        _Array(context, builder, kind, value) if isinstance(kind, types.Array) else value
        for kind, value in zip(signature.args, values, strict=True)
    ]


def _compiled(emit: Callable[..., None], arguments: Sequence[Any]) -> tuple[Any, Callable[..., Any]]:
    def codegen(context: Any, builder: Any, signature: Any, values: Sequence[Any]) -> Any:
        emit(builder, *_arrays(context, builder, signature, values))
        return context.get_dummy_value()

    return types.void(*arguments), codegen


@intrinsic
def add_rows(typingctx, rows, index, pair, weight, start, stop, total):  # type: ignore[no-untyped-def]
    """total += Σ_k weight[pair[k]] × rows[index[k]] for k from start to stop."""

    def emit(builder, rows, index, pair, weight, start, stop, total):  # type: ignore[no-untyped-def]
        _emit_add(builder, rows, index, [pair], weight, start, stop, [total])

    return _compiled(emit, (rows, index, pair, weight, types.int64, types.int64, total))


@intrinsic
def add_rows_twice(typingctx, rows, index, pair, other_pair, weight, start, stop, total, other):  # type: ignore[no-untyped-def]
    """Two weighted sums of the same rows, each loaded once."""

    def emit(builder, rows, index, pair, other_pair, weight, start, stop, total, other):  # type: ignore[no-untyped-def]
        _emit_add(builder, rows, index, [pair, other_pair], weight, start, stop, [total, other])

    return _compiled(emit, (rows, index, pair, other_pair, weight, types.int64, types.int64, total, other))


@intrinsic
def dot_rows(typingctx, rows, num_rows, first, last, index, pair, start, stop, slope, gradient):  # type: ignore[no-untyped-def]
    """gradient[pair[k]] += Σ over blocks from first to last of slope · rows[block × num_rows + index[k]]."""

    def emit(builder, rows, num_rows, first, last, index, pair, start, stop, slope, gradient):  # type: ignore[no-untyped-def]
        _emit_dot(builder, rows, num_rows, first, last, index, [pair], [slope], gradient, start, stop)

    whole = types.int64
    return _compiled(emit, (rows, whole, whole, whole, index, pair, whole, whole, slope, gradient))


@intrinsic
def dot_rows_twice(  # type: ignore[no-untyped-def]
    typingctx, rows, num_rows, first, last, index, pair, other_pair, start, stop, slope, other, gradient
):
    """Dot products of the same rows with two slopes, each row loaded once."""

    def emit(builder, rows, num_rows, first, last, index, pair, other_pair, start, stop, slope, other, gradient):  # type: ignore[no-untyped-def]
        _emit_dot(
            builder, rows, num_rows, first, last, index, [pair, other_pair], [slope, other], gradient, start, stop
        )

    whole = types.int64
    return _compiled(emit, (rows, whole, whole, whole, index, pair, other_pair, whole, whole, slope, other, gradient))
