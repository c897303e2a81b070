"""Weighted sums of neighbours' rows, 64 replicas at a time: four registers of sixteen numbers, where there are such.

:func:`graphar.kernels.compiled.loops.simd.add_rows` takes 32 at a time; twice as many share the look-up of a neighbour
and its coupling, which is much of the work on graphs of many neighbours.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["COLUMNS", "add_neighbours"]

COLUMNS = 64
_LANES = 16
_INT, _INT32 = ir.IntType(64), ir.IntType(32)
_VECTOR = ir.VectorType(ir.FloatType(), _LANES)


@intrinsic
def add_neighbours(typingctx, rows, index, weight, start, stop, total):  # type: ignore[no-untyped-def]
    """total += Σ_k weight[k] × rows[index[k]] for k from start to stop; float32, widths multiples of 64."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        arrays = [
            context.make_array(kind)(context, builder, value) if isinstance(kind, types.Array) else value
            for kind, value in zip(signature.args, values, strict=True)
        ]
        rows, index, weight, start, stop, total = arrays
        width = cgutils.unpack_tuple(builder, rows.shape)[1]

        def place(data: Any, at: Any) -> Any:
            return builder.bitcast(builder.gep(data, [at]), _VECTOR.as_pointer())

        with cgutils.for_range_slice(builder, _INT(0), width, _INT(COLUMNS), _INT) as (column, _):
            at = [builder.add(column, _INT(v * _LANES)) for v in range(COLUMNS // _LANES)]
            sums = [cgutils.alloca_once_value(builder, builder.load(place(total.data, c), align=4)) for c in at]
            with cgutils.for_range_slice(builder, start, stop, _INT(1), _INT) as (k, _):
                site = builder.sext(builder.load(builder.gep(index.data, [k])), _INT)
                first = builder.mul(site, width)
                single = ir.Constant(_VECTOR, ir.Undefined)
                single = builder.insert_element(single, builder.load(builder.gep(weight.data, [k])), _INT32(0))
                zeros = ir.Constant(ir.VectorType(_INT32, _LANES), [0] * _LANES)
                factor = builder.shuffle_vector(single, ir.Constant(_VECTOR, ir.Undefined), zeros)
                for c, register in zip(at, sums, strict=True):
                    row = builder.load(place(rows.data, builder.add(first, c)), align=4)
                    product = builder.fmul(factor, row, flags=("contract",))
                    builder.store(builder.fadd(product, builder.load(register), flags=("contract",)), register)
            for c, register in zip(at, sums, strict=True):
                builder.store(builder.load(register), place(total.data, c), align=4)
        return context.get_dummy_value()

    return types.void(rows, index, weight, types.int64, types.int64, total), codegen
