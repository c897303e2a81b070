"""What runs the tasks: local processes, or an executor of the caller's; futures of all kinds by one queue.

Executors of :mod:`concurrent.futures` and of ``mpi4py.futures``, and dask's, tell when a call has ended. submitit's
jobs are asked every second, and are handed over together, as one array of SLURM.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError
from contextlib import nullcontext
from queue import Empty, SimpleQueue
from typing import Any

__all__ = ["Calls", "ExecutorError"]

ASK_SECONDS = 1.0  # between two looks at jobs that do not tell when they have ended


class ExecutorError(RuntimeError):
    """An executor did not take a call, lost it, or broke."""


class Calls:
    """Calls under way, by name.

    Args:
        executor: has ``submit(function, *arguments)``; or a client of dask.
    """

    def __init__(self, executor: Any) -> None:
        if hasattr(executor, "get_executor"):  # a client of dask: equal calls are not to be one
            executor = executor.get_executor(pure=False)
        if not callable(getattr(executor, "submit", None)):
            raise ValueError(
                "executor must be a concurrent.futures.Executor, a dask client or one of submitit, "
                f"got {type(executor).__name__}"
            )
        self._executor = executor
        self._ended: SimpleQueue[tuple[str, Any]] = SimpleQueue()
        self._asked: dict[str, Any] = {}
        self._open: dict[str, Any] = {}

    def __len__(self) -> int:
        return len(self._open)

    def submit(self, calls: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]]) -> None:
        """Hand over function and arguments of each name.

        Raises:
            ExecutorError: the executor raises.
        """
        batch = getattr(self._executor, "batch", None) if len(calls) > 1 else None
        begun, name = {}, ""
        try:
            with nullcontext() if batch is None else batch():
                for name, (function, arguments) in calls.items():
                    begun[name] = self._executor.submit(function, *arguments)
        except Exception as error:
            self._open |= begun
            text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            raise ExecutorError(f"the executor refused task {name}: {text}") from error
        for name, future in begun.items():
            self._open[name] = future
            if hasattr(future, "add_done_callback"):
                future.add_done_callback(lambda future, name=name: self._ended.put((name, future)))
            else:
                self._asked[name] = future

    def next(self) -> tuple[str, Any, BaseException | None]:
        """Name, answer and error of a call that has ended, once there is one."""
        while True:
            try:
                name, future = self._ended.get(timeout=ASK_SECONDS)
            except Empty:
                for name in [name for name, future in self._asked.items() if future.done()]:
                    self._ended.put((name, self._asked.pop(name)))
                continue
            self._open.pop(name)
            try:
                return name, future.result(), None
            except (Exception, CancelledError) as error:
                return name, None, error

    def cancel(self) -> None:
        """What has not begun is not to begin."""
        for future in self._open.values():
            future.cancel()
        self._open.clear()
