"""How many threads compiled loops run on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["numba_threads"]


@contextmanager
def numba_threads() -> Iterator[int]:
    """numba's threads set to torch's number while inside.

    Both may share one OpenMP, whose number of threads numba sets when it starts: torch's is put back.
    """
    import numba

    wanted, before = torch.get_num_threads(), numba.get_num_threads()
    numba.set_num_threads(min(wanted, numba.config.NUMBA_NUM_THREADS))
    try:
        yield numba.get_num_threads()
    finally:
        numba.set_num_threads(before)
        torch.set_num_threads(wanted)
