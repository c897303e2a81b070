"""Ctrl-C between steps, never within one."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

__all__ = ["StopFlag", "finish_step_first"]


@dataclass
class StopFlag:
    requested: bool = False


@contextmanager
def finish_step_first() -> Iterator[StopFlag]:
    """First SIGINT sets the flag, a second one raises KeyboardInterrupt; outside the main thread, nothing changes."""
    flag = StopFlag()
    if threading.current_thread() is not threading.main_thread():
        yield flag
        return

    def handle(signum: int, frame: FrameType | None) -> None:
        if flag.requested:
            raise KeyboardInterrupt
        flag.requested = True

    previous = signal.signal(signal.SIGINT, handle)
    try:
        yield flag
    finally:
        signal.signal(signal.SIGINT, previous)
