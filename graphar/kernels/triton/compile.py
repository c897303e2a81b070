"""How functions in Triton are compiled; they can be imported without it, and not run.

Triton looks whether it is to interpret them when it decorates them: ``TRITON_INTERPRET`` must be set before.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

from graphar.kernels.triton.availability import installed

__all__ = ["jit", "tl"]

# Of which no other machine code is made where they are 1 or multiples of 16: rows are wide enough to be aligned anyhow.
NUMBERS = {"key", "first", "step", "shift", "blocks", "group", "parts", "start", "stop", "part", "count", "n", "pairs"}
NUMBERS |= {"systems", "per_block", "num_spins", "num_rows", "num_read", "num_pairs", "num_weights", "num_taped"}
NUMBERS |= {"order_row", "beta_row", "table_row"}

if installed():
    import triton
    import triton.language as tl
else:
    tl = None


def jit(function: Callable[..., Any]) -> Any:
    """``triton.jit``, or the function itself where there is no Triton: nothing asks for it then."""
    if not installed():
        return function
    return triton.jit(function, do_not_specialize=NUMBERS.intersection(signature(function).parameters))
