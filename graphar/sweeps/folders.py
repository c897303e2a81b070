"""The folder of a sweep: a list of its tasks, and for each a folder with settings, log, and result or failure.

::

    sweep.json            what task, and the settings of all by name
    NAME/settings.json    of one
    NAME/log.txt          what it printed and warned of; there as soon as it has begun
    NAME/result.json      once it is done
    NAME/failure.json     error and traceback, where it raised or its worker was killed

All but the log is whole or not there. Nothing read back is executed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from graphar._support.files import atomic_write
from graphar.sweeps.settings import name_of

__all__ = [
    "FAILURE",
    "LOG",
    "RESULT",
    "SETTINGS",
    "StorageError",
    "locked",
    "read_json",
    "read_tasks",
    "register",
    "storing",
    "write_json",
]

SWEEP, LOCK = "sweep.json", "sweep.lock"
SETTINGS, LOG, RESULT, FAILURE = "settings.json", "log.txt", "result.json", "failure.json"
FORMAT = "graphar sweep 1"


class StorageError(OSError):
    """What a sweep has to keep could not be written: of no use to go on."""


@contextmanager
def storing(folder: Path) -> Iterator[None]:
    """Say of what cannot be written where it was to be."""
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        raise StorageError(f"{folder}: the sweep cannot write there: {error.strerror or error}") from error


def write_json(path: Path, content: Any) -> None:
    with storing(path.parent), atomic_write(path) as file:
        file.write((json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())


def read_json(path: Path) -> dict[str, Any]:
    """A mapping from a file.

    Raises:
        ValueError: the file holds something else.
    """
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not a file of a sweep, or damaged ({error})") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: not a file of a sweep, or damaged (got a {type(content).__name__})")
    return content


def register(folder: Path, task: str, settings: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Write the tasks down beside those of former sweeps in this folder; those of this one by name.

    Raises:
        ValueError: the folder holds a sweep of another task, or other things.
    """
    path = folder / SWEEP
    known: dict[str, dict[str, Any]] = {}
    if path.exists():
        former, known = _read(path)
        if former != task:
            raise ValueError(f"out must be a folder of its own for each task, got {folder}, a sweep of {former}")
    elif any(entry.name != LOCK for entry in folder.iterdir()):
        raise ValueError(f"out must be a new folder or that of a sweep, got {folder}, which holds something else")
    mine = {name_of(one): one for one in settings}
    if not mine.keys() <= known.keys():
        write_json(path, {"format": FORMAT, "task": task, "tasks": known | mine})
    return mine


def read_tasks(folder: Path) -> dict[str, dict[str, Any]]:
    """The settings of each task, by name.

    Raises:
        ValueError: no sweep was done in that folder, or its list is damaged.
    """
    if not (folder / SWEEP).is_file():
        raise ValueError(f"folder must be that of a sweep, got {str(folder)!r}, which has no {SWEEP}")
    return _read(folder / SWEEP)[1]


def _read(path: Path) -> tuple[str, dict[str, dict[str, Any]]]:
    content = read_json(path)
    task, tasks = content.get("task"), content.get("tasks")
    if content.get("format") != FORMAT or not isinstance(task, str) or not isinstance(tasks, dict):
        raise ValueError(f"{path}: not a file of format {FORMAT!r}")
    for name, settings in tasks.items():
        if not isinstance(settings, Mapping) or name_of(settings) != name:  # nor does a name lead out of the folder
            raise ValueError(f"{path}: {name!r} is not the name that its settings give")
    return task, tasks


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One sweep at a time in a folder, where the system has locks; a killed process leaves none.

    Raises:
        ValueError: another process sweeps there.
    """
    try:
        import fcntl
    except ImportError:  # not on Windows
        yield
        return
    with (folder / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ValueError(f"out must be a folder where no other sweep is under way, got {folder}") from error
        yield
