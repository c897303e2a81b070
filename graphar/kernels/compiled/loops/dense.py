"""Products of small dense matrices with lists of rows, and sums of outer products, written in vectors.

Rows are those of samples: the numbers of one sample lie side by side, filled up with zeros to whole vectors. Lists
name the rows, so that samples whose spins choose the same matrix are taken together. Some rows and vectors of a result
are held in registers until it is done.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from graphar._support.compile import njit

__all__ = ["VECTOR", "add_outer", "add_product"]

_WIDE = bool(llvm.get_host_cpu_features().get("avx512f", False))
VECTOR = 64 if _WIDE else 32
"""Bytes of a vector."""

_ROWS = (8, 4, 2, 1) if _WIDE else (4, 2, 1)  # of the result, at a time: with three vectors each, they fit in registers
_VECTORS = (3, 2, 1)
_INT = ir.IntType(64)


class _Matrix:
    """A contiguous array of two dimensions."""

    def __init__(self, context: Any, builder: Any, kind: Any, value: Any) -> None:
        struct = context.make_array(kind)(context, builder, value)
        self.builder, self.data = builder, struct.data
        self.size = kind.dtype.bitwidth // 8
        self.lanes = VECTOR // self.size
        self.vector = ir.VectorType(context.get_data_type(kind.dtype), self.lanes)
        self.width = cgutils.unpack_tuple(builder, struct.shape)[-1]

    def place(self, row: Any, column: Any) -> Any:
        return self.builder.add(self.builder.mul(row, self.width), column)

    def _vector_place(self, start: Any) -> Any:
        return self.builder.bitcast(self.builder.gep(self.data, [start]), self.vector.as_pointer())

    def load(self, start: Any) -> Any:
        return self.builder.load(self._vector_place(start), align=self.size)

    def store(self, start: Any, vector: Any) -> None:
        self.builder.store(vector, self._vector_place(start), align=self.size)

    def broadcast(self, start: Any) -> Any:
        """A vector of one number in each lane."""
        number = self.builder.load(self.builder.gep(self.data, [start]))
        none = ir.Constant(self.vector, ir.Undefined)
        single = self.builder.insert_element(none, number, ir.IntType(32)(0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), [0] * self.lanes)
        return self.builder.shuffle_vector(single, none, zeros)


def _parts(builder: Any, start: Any, stop: Any, sizes: tuple[int, ...]) -> Iterator[tuple[int, Any]]:
    """Loops over a range in steps of the first size, then what is left in steps of the next, down to one."""
    for size in sizes:
        whole = builder.sub(stop, builder.srem(builder.sub(stop, start), _INT(size)))
        with cgutils.for_range_slice(builder, start, whole, _INT(size), _INT) as (k, _):
            yield size, k
        start = whole


def _tile(builder: Any, result: _Matrix, places: list[Any], vectors: int, steps: Any, terms: Any) -> None:
    """result[places] += Σ over ``steps`` of the products that ``terms(step)`` gives: factors of rows, and vectors."""
    lanes = _INT(result.lanes)
    at = [[builder.add(place, builder.mul(lanes, _INT(v))) for v in range(vectors)] for place in places]
    sums = [[cgutils.alloca_once(builder, result.vector) for _ in range(vectors)] for _ in places]
    for row, registers in zip(at, sums, strict=True):
        for place, register in zip(row, registers, strict=True):
            builder.store(result.load(place), register)
    with cgutils.for_range_slice(builder, *steps, _INT(1), _INT) as (step, _):
        factors, values = terms(step)
        for factor, registers in zip(factors, sums, strict=True):
            for value, register in zip(values, registers, strict=True):
                product = builder.fmul(factor, value, flags=("contract",))
                builder.store(builder.fadd(product, builder.load(register), flags=("contract",)), register)
    for row, registers in zip(at, sums, strict=True):
        for place, register in zip(row, registers, strict=True):
            result.store(place, builder.load(register))


@intrinsic
def _add_product(typingctx, a, a_row, a_column, count, weight, total, total_row, total_column, index, start, stop):  # type: ignore[no-untyped-def]
    """As :func:`add_product`."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        def matrix(k: int) -> _Matrix:
            return _Matrix(context, builder, signature.args[k], values[k])

        a, weight, total = matrix(0), matrix(4), matrix(5)
        _, a_row, a_column, count, _, _, total_row, total_column, _, start, stop = values
        index = context.make_array(signature.args[8])(context, builder, values[8]).data
        vectors = builder.sdiv(weight.width, _INT(weight.lanes))
        for rows, first in _parts(builder, start, stop, _ROWS):
            names = [builder.load(builder.gep(index, [builder.add(first, _INT(m))])) for m in range(rows)]
            read = [a.place(builder.add(name, a_row), a_column) for name in names]
            written = [total.place(builder.add(name, total_row), total_column) for name in names]
            for size, v in _parts(builder, _INT(0), vectors, _VECTORS):
                column = builder.mul(v, _INT(weight.lanes))

                def terms(k: Any, size: int = size, column: Any = column, read: list[Any] = read) -> Any:
                    place = weight.place(k, column)
                    row = [weight.load(builder.add(place, _INT(m * weight.lanes))) for m in range(size)]
                    return [a.broadcast(builder.add(one, k)) for one in read], row

                _tile(builder, total, [builder.add(one, column) for one in written], size, (_INT(0), count), terms)
        return context.get_dummy_value()

    whole = types.int64
    arguments = (a, whole, whole, whole, weight, total, whole, whole, index, whole, whole)
    return types.void(*arguments), codegen


@intrinsic
def _add_outer(typingctx, a, a_row, a_column, count, b, b_row, b_column, total, index, start, stop):  # type: ignore[no-untyped-def]
    """As :func:`add_outer`."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        def matrix(k: int) -> _Matrix:
            return _Matrix(context, builder, signature.args[k], values[k])

        a, b, total = matrix(0), matrix(4), matrix(7)
        _, a_row, a_column, count, _, b_row, b_column, _, _, start, stop = values
        index = context.make_array(signature.args[8])(context, builder, values[8]).data
        vectors = builder.sdiv(total.width, _INT(total.lanes))
        for rows, first in _parts(builder, _INT(0), count, _ROWS):
            for size, v in _parts(builder, _INT(0), vectors, _VECTORS):
                column = builder.mul(v, _INT(total.lanes))
                places = [total.place(builder.add(first, _INT(m)), column) for m in range(rows)]

                def terms(n: Any, size: int = size, column: Any = column, rows: int = rows, first: Any = first) -> Any:
                    name = builder.load(builder.gep(index, [n]))
                    read = a.place(builder.add(name, a_row), builder.add(a_column, first))
                    factors = [a.broadcast(builder.add(read, _INT(m))) for m in range(rows)]
                    place = b.place(builder.add(name, b_row), builder.add(b_column, column))
                    return factors, [b.load(builder.add(place, _INT(m * b.lanes))) for m in range(size)]

                _tile(builder, total, places, size, (start, stop), terms)
        return context.get_dummy_value()

    whole = types.int64
    arguments = (a, whole, whole, whole, b, whole, whole, total, index, whole, whole)
    return types.void(*arguments), codegen


# One copy of each for all who call: they are long, and compilers take their time.


@njit
def add_product(a, a_row, a_column, count, weight, total, total_row, total_column, index, start, stop) -> None:  # type: ignore[no-untyped-def]
    """total[n + total_row, total_column:] += Σ_k a[n + a_row, a_column + k] weight[k] for n in index[start:stop].

    The sum is over k < count; ``weight`` is (≥ count, whole vectors).
    """
    _add_product(a, a_row, a_column, count, weight, total, total_row, total_column, index, start, stop)


@njit
def add_outer(a, a_row, a_column, count, b, b_row, b_column, total, index, start, stop) -> None:  # type: ignore[no-untyped-def]
    """total[k] += Σ_n a[n + a_row, a_column + k] b[n + b_row, b_column:] over n in index[start:stop], for k < count.

    ``total`` is (≥ count, whole vectors).
    """
    _add_outer(a, a_row, a_column, count, b, b_row, b_column, total, index, start, stop)
