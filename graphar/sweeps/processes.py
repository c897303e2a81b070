"""Local processes, each with one task at a time: one that is killed takes no other's work with it.

The standard library's pool ends all its processes when one is killed, and does not say which task it was.
"""

from __future__ import annotations

import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from typing import Any

from graphar.sweeps.worker import THREAD_VARIABLES

__all__ = ["Processes", "WorkerKilled"]

_starting = threading.Lock()


class WorkerKilled(RuntimeError):
    """A process ended before it answered."""


class Processes(Executor):
    """Calls in ``workers`` processes, which are started afresh and know that they have ``threads`` threads each.

    A future raises what the call raises, or :class:`WorkerKilled` where its process ended; the next call gets another.
    """

    def __init__(self, workers: int, threads: int = 1) -> None:
        self._threads = threads
        self._slots = ThreadPoolExecutor(workers, thread_name_prefix="graphar-sweep")
        self._of_slot = threading.local()
        self._lock = threading.Lock()
        self._alive: list[_Worker] = []
        self._closed = False

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return self._slots.submit(self._call, function, args, kwargs)

    def _call(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        job = pickle.dumps((function, args, kwargs))
        worker: _Worker | None = getattr(self._of_slot, "worker", None)
        if worker is None:
            worker = self._of_slot.worker = _Worker(self._threads)
            with self._lock:
                self._alive.append(worker)
                if self._closed:  # meanwhile
                    worker.end()
        try:
            raised, answer = worker.ask(job)
        except WorkerKilled:
            self._of_slot.worker = None
            with self._lock:
                self._alive.remove(worker)
            worker.end()
            raise
        if raised:
            raise answer
        return answer

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes, after the calls submitted, or at once without the ones not begun."""
        if not wait:
            cancel_futures = True
            with self._lock:
                self._closed = True
                for worker in self._alive:
                    worker.end()
        self._slots.shutdown(True, cancel_futures=cancel_futures)
        with self._lock:
            for worker in self._alive:
                worker.end()
            self._alive.clear()


class _Worker:
    """A process that answers one question after the other."""

    def __init__(self, threads: int) -> None:
        context = get_context("spawn")  # a fork would inherit threads and their locks
        self.link, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs,), name="graphar-sweep")
        with _starting, _environment(threads):
            self.process.start()
        theirs.close()

    def ask(self, job: bytes) -> tuple[bool, Any]:
        try:
            self.link.send_bytes(job)
            wait([self.link, self.process.sentinel])
            if self.link.poll():
                return pickle.loads(self.link.recv_bytes())
        except (EOFError, OSError):
            pass
        self.process.join()
        code = self.process.exitcode or 0
        if code < 0:
            name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
            memory = ", as the system does where memory runs out" if name == "SIGKILL" else ""
            raise WorkerKilled(f"the process was killed by {name}{memory}")
        raise WorkerKilled(f"the process ended with exit code {code}")

    def end(self) -> None:
        """At once; a process between two questions loses nothing."""
        if self.process.is_alive():
            self.process.terminate()
            self.process.join(2)
            if self.process.is_alive():
                self.process.kill()
        self.process.join()


@contextmanager
def _environment(threads: int) -> Iterator[None]:
    """Variables that a new process reads when it loads its libraries, before any code of ours can run there."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _serve(link: Connection) -> None:
    """Answer until nobody asks."""
    # Ctrl-C is the parent's to answer: a run that ended itself here would pass for a whole one
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            job = link.recv_bytes()
        except (EOFError, OSError):
            return
        try:
            function, args, kwargs = pickle.loads(job)
            answer = (False, function(*args, **kwargs))
        except BaseException as error:
            answer = (True, error)
        try:
            packed = pickle.dumps(answer)
            pickle.loads(packed)
        except Exception:  # an error that does not survive the way
            packed = pickle.dumps((True, RuntimeError(f"{type(answer[1]).__name__}: {answer[1]}")))
        link.send_bytes(packed)


def _end_with_parent() -> None:
    """A sweep that was killed and started again must not find its tasks still at work."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
