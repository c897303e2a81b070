"""Many tasks, each done once: :func:`sweep`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass, field
from importlib import import_module
from inspect import signature
from os import PathLike
from pathlib import Path
from typing import Any

from graphar.sweeps.executors import Calls, ExecutorError
from graphar.sweeps.folders import FAILURE, LOG, RESULT, StorageError, locked, read_json, register, storing, write_json
from graphar.sweeps.processes import Processes, WorkerKilled
from graphar.sweeps.settings import expand
from graphar.sweeps.worker import run_task, takes_folder

__all__ = ["READY", "Sweep", "sweep"]

READY = {name: f"graphar.sweeps.tasks:{name}" for name in ("anneal", "free_energy", "solve")}
SHOWN = 5  # failures that a summary prints


@dataclass(frozen=True)
class Sweep:
    """What became of a sweep's tasks; made by :func:`sweep`.

    Attributes:
        folder: that holds all of it; :func:`collect` makes a table.
        tasks: folders of all tasks of this call, by name, in order.
        done: names of those done now.
        skipped: names of those that were done before.
        failures: error of each that failed, by name; ``failure.json`` in its folder has the traceback.
    """

    folder: Path
    tasks: tuple[str, ...]
    done: tuple[str, ...]
    skipped: tuple[str, ...]
    failures: dict[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        lines = [
            f"{self.folder}: {len(self.tasks)} tasks, {len(self.done)} done, {len(self.skipped)} done before, "
            f"{len(self.failures)} failed"
        ]
        lines += [f"  {name}: {error.splitlines()[0]}" for name, error in list(self.failures.items())[:SHOWN]]
        if len(self.failures) > SHOWN:
            lines.append(f"  and {len(self.failures) - SHOWN} more")
        return "\n".join(lines)


def sweep(
    task: str | Callable[..., Any],
    settings: Any,
    out: str | PathLike[str],
    executor: Any = None,
    *,
    workers: int | None = None,
    threads: int = 1,
    retry_failed: bool = True,
    progress: bool = True,
) -> Sweep:
    """Do a task with each of many settings, once, in local processes or on a cluster.

    Each combination of settings has a folder of its own in ``out``, with ``settings.json``, ``log.txt`` and, whole or
    not there, ``result.json`` or ``failure.json``. The same call again does what is missing. A task that raises, or
    whose process is killed, does not end the others; one that was killed is tried once more, alone, after all others.

    Ctrl-C, and the death of this process, end tasks under way in local processes; those done stay.

    Args:
        task: a function of keyword settings that returns a mapping of names to plain values (numbers, strings, flags,
            None, lists and mappings of them; arrays become lists). One with an argument ``folder`` gets the path of its
            own, for checkpoints. Other processes import it: it must stand in a file, and a program that calls ``sweep``
            does so below ``if __name__ == "__main__":``. Or ``"anneal"``, ``"free_energy"``, ``"solve"``, of
            :mod:`graphar.sweeps.tasks`; or ``"module:function"``.
        settings: a mapping of names to values or lists of values, for all combinations; or a list of mappings. Plain
            values, as above.
        out: folder of the sweep; one of the same task may get more settings.
        executor: any with ``submit``: of :mod:`concurrent.futures`, ``mpi4py.futures``, submitit, a client of
            dask.distributed; local processes by default. ``out`` must be the same folder for all its workers.
        workers: local processes, by default as many as the cores allow.
        threads: of each task.
        retry_failed: whether tasks that failed in a former call are tried again.
        progress: whether to show a progress bar, with the number failed.

    Returns:
        What was done, skipped and failed.

    Raises:
        ValueError: an argument breaks its rule, the task has no such settings, or another sweep is at work in ``out``.
        graphar.sweeps.StorageError: an OSError, where results cannot be written: a full disk.
        graphar.sweeps.ExecutorError: a RuntimeError, where the executor refuses a task, or breaks.

    >>> import tempfile
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as executor:
    ...     settings = {"instance": "grid:4x4,couplings=pm1,seed=0", "seed": [0, 1, 2]}
    ...     found = sweep("solve", settings, folder, executor, progress=False)
    >>> len(found.tasks), len(found.done), found.failures
    (3, 3, {})
    """
    from graphar._support.checks import check_count, check_flag

    function, called = _resolve(task)
    every = expand(settings)
    for one in every:
        _check_arguments(function, called, one)
    check_count(threads, "threads")
    check_flag(retry_failed, "retry_failed")
    check_flag(progress, "progress")
    if workers is not None and executor is not None:
        raise ValueError(f"workers must be left out where an executor is given, got {workers}")
    count = max(1, _cores() // threads) if workers is None else check_count(workers, "workers")
    if executor is None:
        _check_importable(function, called)
    folder = Path(out).absolute()
    with storing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        tasks = register(folder, called, every)
        skipped = [name for name in tasks if (folder / name / RESULT).exists()]
        failures = {}
        if not retry_failed:
            left = [name for name in tasks if name not in set(skipped) and (folder / name / FAILURE).exists()]
            failures = {name: str(read_json(folder / name / FAILURE).get("error")) for name in left}
        do = {name: one for name, one in tasks.items() if name not in set(skipped) and name not in failures}
        if not do:
            return Sweep(folder, tuple(tasks), (), tuple(skipped), failures)
        own = Processes(min(count, len(do)), threads) if executor is None else None
        calls = Calls(executor if own is None else own)
        rounds = _Rounds(folder, function, threads, do, calls)
        from tqdm.auto import tqdm

        try:
            with tqdm(
                total=len(tasks),
                initial=len(skipped),
                disable=not progress,
                unit="task",
                desc="sweep",
                dynamic_ncols=True,
            ) as bar:
                failures |= rounds.run(bar)
        finally:
            calls.cancel()
            if own is not None:
                own.shutdown(wait=False)
    done = tuple(name for name in do if name not in failures)
    return Sweep(folder, tuple(tasks), done, tuple(skipped), failures)


class _Rounds:
    """All tasks side by side; then those whose process was killed, one by one."""

    def __init__(
        self, folder: Path, task: Callable[..., Any], threads: int, tasks: dict[str, dict[str, Any]], calls: Calls
    ) -> None:
        self.folder, self.task, self.threads, self.tasks, self.calls = folder, task, threads, tasks, calls
        self.failures: dict[str, str] = {}
        self.killed: list[str] = []
        self.lost: set[str] = set()

    def run(self, bar: Any) -> dict[str, str]:
        self.submit(list(self.tasks))
        self.take(bar, alone=False)
        for name in self.killed:
            self.submit([name])
            self.take(bar, alone=True)
        return self.failures

    def submit(self, names: list[str]) -> None:
        with storing(self.folder):
            for name in names:
                for file in (FAILURE, LOG):  # of a former attempt; a log shows that a task has begun
                    (self.folder / name / file).unlink(missing_ok=True)
        self.calls.submit(
            {name: (run_task, (self.task, self.tasks[name], str(self.folder / name), self.threads)) for name in names}
        )

    def take(self, bar: Any, alone: bool) -> None:
        while len(self.calls):
            name, answer, error = self.calls.next()
            if isinstance(error, StorageError):
                raise error
            if error is not None and (self.folder / name / RESULT).exists():  # killed between its result and its answer
                answer, error = {"failed": None}, None
            begun = (self.folder / name / LOG).exists()
            if isinstance(error, WorkerKilled) and begun and not alone:
                self.killed.append(name)
                continue
            if isinstance(error, BrokenExecutor):
                raise ExecutorError(
                    f"the executor broke while task {name} was under way or waiting ({error}); what is done is kept, "
                    "and the same sweep with a new executor goes on"
                ) from error
            if error is not None and not begun:
                self.submit_again(name, error)
                continue
            failed = answer["failed"] if error is None else self.note(name, error, alone)
            if failed is not None:
                self.failures[name] = failed
                bar.set_postfix_str(f"{len(self.failures)} failed", refresh=False)
            bar.update()

    def submit_again(self, name: str, error: BaseException) -> None:
        """A task that never began may have been lost with another one; but not twice."""
        if name in self.lost or isinstance(error, WorkerKilled):
            hint = ""
            if isinstance(error, WorkerKilled):
                hint = (
                    "; the task must stand in a file that other processes can import, and a program must call sweep "
                    'below `if __name__ == "__main__":`'
                )
            raise ExecutorError(f"task {name} never began: {type(error).__name__}: {error}{hint}") from error
        self.lost.add(name)
        self.submit([name])

    def note(self, name: str, error: BaseException, alone: bool) -> str:
        """Write down a failure of which the task's own process could not speak."""
        failed = f"{type(error).__name__}: {error}" + (", twice, the second time alone" if alone else "")
        write_json(self.folder / name / FAILURE, {"error": failed, "traceback": None})
        return failed


def _resolve(task: Any) -> tuple[Callable[..., Any], str]:
    """The function, and what the folder of the sweep calls it."""
    if callable(task):
        if not hasattr(task, "__qualname__"):  # such as a partial: another one would pass for it in the same folder
            raise ValueError(f"task must be a function with a name, got a {type(task).__name__}")
        return task, f"{task.__module__}:{task.__qualname__}"
    if not isinstance(task, str):
        raise ValueError(f"task must be a function or its name, got {type(task).__name__}")
    module, colon, name = READY.get(task, task).partition(":")
    if not colon:
        raise ValueError(f"task must be one of {', '.join(READY)}, or module:function, got {task!r}")
    try:
        function = import_module(module)
        for part in name.split("."):
            function = getattr(function, part)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"task must be a function that can be imported, got {task!r} ({error})") from error
    if not callable(function):
        raise ValueError(f"task must be a function, got {task!r}, a {type(function).__name__}")
    return function, f"{module}:{name}"


def _check_arguments(function: Callable[..., Any], called: str, settings: dict[str, Any]) -> None:
    try:
        signature(function).bind(**settings, **({"folder": ""} if takes_folder(function) else {}))
    except TypeError as error:
        names = ", ".join(settings)
        raise ValueError(f"settings must be arguments of {called}, got {names}: {error}") from error


def _check_importable(function: Callable[..., Any], called: str) -> None:
    import pickle

    interactive = function.__module__ == "__main__" and not hasattr(sys.modules["__main__"], "__file__")
    try:
        pickle.dumps(function)
    except Exception as error:
        raise ValueError(f"task must be a function that other processes can import, got {called} ({error})") from error
    if interactive:
        raise ValueError(
            f"task must stand in a file that other processes can import, got {called} of an interactive session"
        )


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
