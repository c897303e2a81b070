"""How functions in Triton are compiled; they can be imported without it, and not run.

Triton looks whether it is to interpret them when it decorates them: ``TRITON_INTERPRET`` must be set before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphar.kernels.triton.availability import installed

__all__ = ["jit", "tl"]

if installed():
    import triton
    import triton.language as tl
else:
    tl = None


def jit(function: Callable[..., Any]) -> Any:
    """``triton.jit``, or the function itself where there is no Triton: nothing asks for it then."""
    return triton.jit(function) if installed() else function
