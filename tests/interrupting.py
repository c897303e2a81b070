"""Ctrl-C for a run that has begun, however long a busy machine takes until then."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["ctrl_c"]


@contextmanager
def ctrl_c(seconds: float) -> Iterator[None]:
    """One SIGINT, so long after what runs within has taken its handling over; earlier it would end the tests."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    over = threading.Event()

    def begun() -> bool:
        return signal.getsignal(signal.SIGINT) is not signal.default_int_handler

    def send() -> None:
        while not begun():
            if over.wait(0.01):
                return
        if not over.wait(seconds) and begun():
            os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        signal.signal(signal.SIGINT, before)
