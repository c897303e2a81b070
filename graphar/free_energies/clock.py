"""A limit in seconds, and Ctrl-C."""

from __future__ import annotations

import time

from graphar._support.interrupt import StopFlag
from graphar._support.processes import joined

__all__ = ["Clock"]


class Clock:
    """Seconds since the start, and whether to go on; of several processes, all go by the clock of the first."""

    def __init__(self, limit: float, flag: StopFlag) -> None:
        self._start, self.limit, self._flag, self._group = time.monotonic(), limit, flag, joined()

    @property
    def shown(self) -> float:
        """Seconds by this process's own clock, for what decides nothing."""
        return time.monotonic() - self._start

    @property
    def seconds(self) -> float:
        return self._group.of_first(self.shown)

    @property
    def left(self) -> float:
        return max(0.0, self.limit - self.seconds)

    @property
    def interrupted(self) -> bool:
        return self._group.any(self._flag.requested)

    def stop(self) -> None:
        """What ran within has met Ctrl-C."""
        self._flag.requested = True

    def until(self, share: float) -> float:
        """Seconds left to this share of the limit."""
        return max(0.0, share * self.limit - self.seconds)
