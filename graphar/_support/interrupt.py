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
    """First SIGINT sets the flag, a second one raises KeyboardInterrupt.

    Nothing changes outside the main thread, nor where SIGINT is ignored, as in a script's background jobs.
    """
    flag = StopFlag()
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
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
