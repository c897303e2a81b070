"""Threads of compiled loops: Python's own, which release the interpreter's lock while they compute.

They are not OpenMP's. Its threads wait for each other in loops that keep a core busy, which costs whole time slices
where other processes are at work, and a forked child hangs in its first parallel region. Here a thread that waits looks
for some microseconds and then sleeps, nobody waits for a thread that has not begun, and a forked child starts threads
of its own when it needs them.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np
import torch

__all__ = ["guard_forks", "num_threads", "share_out", "torch_alone"]

LOOKS = 1000  # of about 50 ns, before a thread that waits goes to sleep

_mine = threading.local()
_team: _Team | None = None


def num_threads(shares: int | None = None) -> int:
    """How many threads compiled loops run on: torch's number, and no more than there are shares of work."""
    threads = getattr(_mine, "wanted", None) or torch.get_num_threads()
    return threads if shares is None else max(1, min(threads, shares))


@contextmanager
def torch_alone(when: bool = True) -> Iterator[None]:
    """torch's own operations on this thread alone while inside, compiled loops on as many as before.

    For operations on so little that a barrier of OpenMP, and what it costs other processes, is more than their work.
    """
    if not when:
        yield
        return
    before, threads = getattr(_mine, "wanted", None), torch.get_num_threads()
    _mine.wanted = before or threads
    torch.set_num_threads(1)
    try:
        yield
    finally:
        _mine.wanted = before
        torch.set_num_threads(threads)


def share_out(shares: int, loop: Callable[..., None], *arguments: Any) -> None:
    """Run ``loop((words, thread), *arguments)`` on :func:`num_threads` of ``shares`` threads, this one being 0.

    ``loop`` takes its shares by :func:`graphar.kernels.compiled.loops.shares.shares`, and releases the interpreter's
    lock. Where another of Python's threads has the helpers, this one works alone.
    """
    guard_forks()
    threads = num_threads(shares)
    team = _free_team() if threads > 1 else None
    if team is None:
        loop((_new_words(), 0), *arguments)
        return
    try:
        team.run(threads, loop, arguments)
    except BaseException:
        team.close()  # what its threads are at is not known
        raise
    finally:
        team.lock.release()


def _new_words() -> np.ndarray:
    from graphar.kernels.compiled.loops.shares import WORDS

    return np.zeros(WORDS, np.int64)


def _free_team() -> _Team | None:
    """The team, locked, unless it is busy."""
    global _team
    team = _team
    if team is None or team.closed:
        team = _team = _Team()
    return team if team.lock.acquire(blocking=False) else None


class _Team:
    """Threads that help the one that calls; with ``lock`` held, one call at a time."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.words = _new_words()
        self.queues: list[SimpleQueue[_Job | None]] = []
        self.closed = False

    def run(self, threads: int, loop: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        from graphar.kernels.compiled.loops.shares import DONE, TAKEN, reaches

        words, helpers = self.words, threads - 1
        words[TAKEN] = words[DONE] = 0
        while len(self.queues) < helpers:
            self.queues.append(SimpleQueue())
            arguments_of_helper = (self.words, self.queues[-1], len(self.queues))
            threading.Thread(target=_help, args=arguments_of_helper, name="graphar", daemon=True).start()
        jobs = [_Job(loop, arguments) for _ in range(helpers)]
        for queue, job in zip(self.queues, jobs, strict=False):
            queue.put(job)
        loop((words, 0), *arguments)
        begun = [job for queue, job in zip(self.queues, jobs, strict=False) if not _taken_back(queue)]
        if begun and not reaches(words, DONE, 1 + len(begun), LOOKS):
            for job in begun:
                job.finished.acquire()
                if job.error is not None:
                    raise job.error

    def close(self) -> None:
        self.closed = True
        for queue in self.queues:
            queue.put(None)


class _Job:
    """A loop that a helper is to join."""

    def __init__(self, loop: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        self.loop, self.arguments = loop, arguments
        self.error: BaseException | None = None
        self.finished = threading.Lock()
        self.finished.acquire()


def _taken_back(queue: SimpleQueue[_Job | None]) -> bool:
    """Whether the job was still waiting there."""
    try:
        queue.get_nowait()
    except Empty:
        return False
    return True


def _help(words: np.ndarray, queue: SimpleQueue[_Job | None], thread: int) -> None:
    """Join one loop after the other. The next often comes soon: a helper awake begins at once, one asleep late."""
    from graphar.kernels.compiled.loops.shares import BEGUN, reaches

    while True:
        if queue.empty():
            reaches(words, BEGUN, int(words[BEGUN]) + 1, LOOKS)
        job = queue.get()
        if job is None:
            return
        try:
            job.loop((words, thread), *job.arguments)
        except BaseException as error:
            job.error = error
        finally:
            job.finished.release()
            del job  # and the arrays that it holds


@cache
def guard_forks() -> None:
    """See to it that children of this process can compute.

    torch's operations run on one thread there: in a child that was forked after a parallel one, the next would wait for
    threads that only the parent has.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_in_child)


def _in_child() -> None:
    global _team
    _team = None
    _mine.wanted = None
    torch.set_num_threads(1)
