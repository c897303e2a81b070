"""numba's ``njit``, which compiles in memory where there is no folder to keep what it compiled."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache as once
from typing import Any

import numba

__all__ = ["njit"]


def njit(*arguments: Any, cache: bool = False, **options: Any) -> Any:
    """As numba's own, but that loops release the interpreter's lock, so that a thread that keeps time can do so.

    ``cache=True`` fails with numba's, at import, where neither package nor home can be written.
    """
    options.setdefault("nogil", True)
    if not cache:
        return numba.njit(*arguments, **options)

    def compiled(function: Callable[..., Any]) -> Any:
        try:
            return numba.njit(*arguments, cache=True, **options)(function)
        except RuntimeError as error:
            if "no locator available" not in str(error):
                raise
            _warn_once()
            return numba.njit(*arguments, **options)(function)

    return compiled


@once
def _warn_once() -> None:
    warnings.warn(
        "compiled loops cannot be kept, as neither the folder of graphar nor a cache folder of this user can be "
        "written: each process compiles its own, which takes from seconds to a minute; set NUMBA_CACHE_DIR to a folder "
        "that can be written",
        stacklevel=4,
    )
