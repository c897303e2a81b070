"""What is done where a task runs: one call, its log, and a file with its result or its failure.

Nothing heavy is imported here: a process that runs tasks loads what these need, and no more.
"""

from __future__ import annotations

import os
import platform
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from inspect import signature
from pathlib import Path
from typing import Any, TextIO

from graphar.sweeps.folders import FAILURE, LOG, RESULT, SETTINGS, read_json, storing, write_json
from graphar.sweeps.settings import plain

__all__ = ["THREAD_VARIABLES", "run_task", "takes_folder"]

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")

_log: ContextVar[TextIO | None] = ContextVar("log of the task under way", default=None)
_routes = threading.Lock()
_routed = 0


def run_task(task: Callable[..., Any], settings: dict[str, Any], folder: str, threads: int) -> dict[str, Any]:
    """Call the task unless that was done; what it raises becomes a file.

    Some executors call again where an answer was lost on its way back: what there is in the folder is the answer.

    Returns:
        ``{"failed": None}``, or of a failure type and message.

    Raises:
        StorageError: something cannot be written.
    """
    home = Path(folder)
    if (home / RESULT).exists():
        return {"failed": None}
    if (home / FAILURE).exists():
        return {"failed": read_json(home / FAILURE).get("error")}
    with storing(home):
        home.mkdir(exist_ok=True)
        write_json(home / SETTINGS, settings)
        log = (home / LOG).open("w", encoding="utf-8", errors="backslashreplace", buffering=1)
    started, failed = time.perf_counter(), None
    try:
        with _own_threads(threads), _logged(log):
            given = {**settings, "folder": home} if takes_folder(task) else settings
            result = _checked(task(**given))
    except (Exception, SystemExit) as error:
        failed = "".join(traceback.format_exception_only(error)).strip()
        text = "".join(traceback.format_exception(error))
    seconds = time.perf_counter() - started
    with storing(home), log:
        if failed is not None:
            log.write(text)
    about = {"seconds": round(seconds, 3), "host": platform.node(), "threads": threads}
    if failed is None:
        write_json(home / RESULT, {"result": result, **about})
    else:
        write_json(home / FAILURE, {"error": failed, "traceback": text, **about})
    return {"failed": failed}


def takes_folder(task: Callable[..., Any]) -> bool:
    """Whether a task wants to know its folder, for checkpoints or files of its own."""
    return "folder" in signature(task).parameters


def _checked(result: Any) -> Any:
    if not isinstance(result, Mapping):
        raise ValueError(f"a task must return a mapping of names to plain values, got {type(result).__name__}")
    return plain(result, "result")


@contextmanager
def _own_threads(number: int) -> Iterator[None]:
    """torch, and with it compiled loops, on so many threads."""
    torch = sys.modules.get("torch")
    if torch is None:  # a fresh process: what it loads later reads these
        os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(number)))
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _Route:
    """A standard stream that goes to the log of the task which this thread runs, if it runs one."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(_log.get() or self.stream, name)


@contextmanager
def _logged(log: TextIO) -> Iterator[None]:
    """What this thread prints while inside goes to the log; other threads may run other tasks."""
    global _routed
    token = _log.set(log)
    with _routes:
        _routed += 1
        if _routed == 1:
            sys.stdout, sys.stderr = _Route(sys.stdout), _Route(sys.stderr)
    try:
        yield
    finally:
        with _routes:
            _routed -= 1
            if _routed == 0:
                sys.stdout, sys.stderr = _original(sys.stdout), _original(sys.stderr)
        _log.reset(token)


def _original(stream: Any) -> Any:
    """The stream itself, unless somebody has put another in its place meanwhile."""
    return stream.stream if isinstance(stream, _Route) else stream
