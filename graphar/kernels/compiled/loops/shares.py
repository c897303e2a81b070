"""How compiled loops deal out their shares of work: one counter in memory that all threads of a call draw from.

A thread that comes late, or that another program holds up, takes fewer shares, and none waits for it but for the
share it is at. The words of a call, on cache lines of their own: shares taken, calls begun, threads done.
"""

from __future__ import annotations

import platform
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from graphar._support.compile import njit

__all__ = ["BEGUN", "DONE", "TAKEN", "WORDS", "Work", "borrowed", "hold", "reaches", "shares"]

Work = tuple[np.ndarray, int]
"""What a loop takes its shares by: the words of a call, and the number of the thread."""

TAKEN, BEGUN, DONE, WORDS = 0, 16, 32, 48
_PAUSE = "llvm.x86.sse2.pause" if platform.machine() in ("x86_64", "AMD64") else None
_INT = ir.IntType(64)


def _word(context: Any, builder: Any, kind: Any, array: Any, place: Any) -> Any:
    """Pointer to a word of an array."""
    return builder.gep(context.make_array(kind)(context, builder, array).data, [place])


@intrinsic
def _add_one(typingctx, words, place):  # type: ignore[no-untyped-def]
    """The word before one was added to it, in a single step that all threads see."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        word = _word(context, builder, signature.args[0], *values)
        return builder.atomic_rmw("add", word, _INT(1), "seq_cst")

    return types.int64(words, types.int64), codegen


@intrinsic
def _look(typingctx, words, place):  # type: ignore[no-untyped-def]
    """The word as it is now, after a moment's rest."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        if _PAUSE:
            pause = cgutils.get_or_insert_function(builder.module, ir.FunctionType(ir.VoidType(), []), _PAUSE)
            builder.call(pause, [])
        return builder.load_atomic(_word(context, builder, signature.args[0], *values), "seq_cst", 8)

    return types.int64(words, types.int64), codegen


@intrinsic
def borrowed(typingctx, values):  # type: ignore[no-untyped-def]
    """Arrays, in tuples of any depth, as views whose references are not counted: the caller holds them.

    Counting takes a step that all threads see for each view, of which inner loops make several for each spin.
    """

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        def bare(kind: Any, value: Any) -> Any:
            if isinstance(kind, types.Array):
                array = context.make_array(kind)(context, builder, value)
                array.meminfo = cgutils.get_null_value(array.meminfo.type)
                array.parent = cgutils.get_null_value(array.parent.type)
                return array._getvalue()
            if isinstance(kind, types.BaseTuple):
                parts = cgutils.unpack_tuple(builder, value, len(kind.types))
                made = [bare(*part) for part in zip(kind.types, parts, strict=True)]
                return context.make_tuple(builder, kind, made)
            return value

        return bare(signature.args[0], arguments[0])

    return values(values), codegen


@njit
def hold(values: Any) -> None:
    """Nothing; but arrays that a loop made for itself, and borrowed, live until here."""


@njit
def _take(words: np.ndarray, count: int) -> int:
    """Number of the next share of ``count``; ``count`` or more where none is left, and the thread is done."""
    share = _add_one(words, TAKEN)
    if share == 0:
        _add_one(words, BEGUN)
    if share >= count:
        _add_one(words, DONE)
    return share


@njit(cache=True, nogil=True)
def reaches(words: np.ndarray, place: int, value: int, looks: int) -> bool:
    """Whether a word reaches ``value`` within so many looks."""
    for _ in range(looks):  # noqa: SIM110 — a generator would be compiled to more
        if _look(words, place) >= value:
            return True
    return False


@njit
def shares(work: Work, count: int):  # type: ignore[no-untyped-def]
    """Numbers of the shares that fall to this thread, of ``count``."""
    share = _take(work[0], count)
    while share < count:
        yield share
        share = _take(work[0], count)
