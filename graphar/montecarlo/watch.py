"""Runs that can be stopped: by Ctrl-C and by a time limit, between the steps alone; with a bar that shows how far."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from graphar._support.group import LONE, Group
from graphar._support.interrupt import StopFlag, finish_step_first

__all__ = ["Watch", "check_time_limit", "watched"]

CHUNK = 2**28
"""Updates between two looks at the clock and at Ctrl-C: about a quarter of a second."""


class Watch:
    """How far a run is, and whether it is to stop.

    Attributes:
        done: sweeps done.
        stopped: whether the run was told to stop before its end.
    """

    def __init__(self, flag: StopFlag, bar: Any, total: int, time_limit: float, group: Group = LONE) -> None:
        self._flag, self._bar, self._total, self._group = flag, bar, total, group
        self._start, self._limit = time.monotonic(), time_limit
        self.done, self.stopped = 0, False

    def goes_on(self) -> bool:
        """Whether sweeps are left and nobody stops them."""
        late = self._group.first and time.monotonic() - self._start >= self._limit  # by the clock that counts seconds
        if self.done < self._total and self._group.any(self._flag.requested or late):
            self.stopped = True
        return self.done < self._total and not self.stopped

    def add(self, sweeps: int, text: str = "") -> None:
        self.done += sweeps
        self._bar.update(sweeps)
        if text:
            self._bar.set_postfix_str(text, refresh=False)

    @property
    def seconds(self) -> float:
        return self._group.of_first(time.monotonic() - self._start)


@contextmanager
def watched(total: int, time_limit: float | None, progress: bool, name: str, group: Group = LONE) -> Iterator[Watch]:
    """A run of so many sweeps; a bar appears if it takes longer than a second. What stops one process stops all."""
    from tqdm.auto import tqdm

    limit = check_time_limit(time_limit)
    with finish_step_first() as flag:
        bar = tqdm(
            total=total,
            disable=not (progress and group.first),
            unit="sweep",
            desc=name,
            leave=None,
            delay=1.0,
            dynamic_ncols=True,
        )
        with bar:
            yield Watch(flag, bar, total, limit, group)


def check_time_limit(time_limit: Any) -> float:
    """Seconds ≥ 0; None for no limit."""
    if time_limit is None:
        return math.inf
    try:
        limit = float(time_limit)
    except (TypeError, ValueError) as error:
        raise ValueError(f"time_limit must be a number of seconds or None, got {time_limit!r}") from error
    if not limit >= 0:
        raise ValueError(f"time_limit must not be negative, got {time_limit!r}")
    return limit
