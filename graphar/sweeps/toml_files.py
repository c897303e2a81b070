"""Sweeps written in TOML files.

::

    task = "anneal"                 # or "free_energy", "solve", "module:function"
    out = "runs/widths"
    workers = 2
    threads = 1

    [settings]                      # all combinations; or [[tasks]], a table for each task
    instance = "rrg:256,degree=3,couplings=pm1,seed={0..99}"
    exact_width = [0, 8]
    seed = "{0..3}"

``{0..99}`` stands for all integers from 0 to 99; an instance with ``*`` or ``?`` for the files of such names.
"""

from __future__ import annotations

import re
import tomllib
from glob import glob
from os import PathLike
from typing import Any

from graphar._support.checks import check_count
from graphar._support.files import naming

__all__ = ["executor_of", "read_sweep"]

KNOWN = {"task", "out", "workers", "threads", "retry_failed", "settings", "tasks", "dask", "slurm"}
RANGE = re.compile(r"\{(-?[0-9]{1,18})\.\.(-?[0-9]{1,18})\}")
MAX_RANGE = 1_000_000


def read_sweep(path: str | PathLike[str]) -> dict[str, Any]:
    """Arguments of :func:`graphar.sweep` from a file: task, settings, out, perhaps workers and threads.

    Entries ``dask`` and ``slurm`` are as in the file, for :func:`executor_of`.

    Raises:
        ValueError: the file is no TOML, or an entry is unknown, missing or of the wrong kind.
    """
    with open(path, "rb") as file:  # a missing file is no wrong one: outside
        content = file.read()
    with naming(str(path)):
        try:
            found = tomllib.loads(content.decode())
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ValueError(f"not a TOML file ({error})") from error
        return _arguments(found)


def _arguments(found: dict[str, Any]) -> dict[str, Any]:
    if odd := sorted(found.keys() - KNOWN):
        raise ValueError(f"entries must be among {', '.join(sorted(KNOWN))}, got {odd[0]!r}")
    if not isinstance(found.get("task"), str):
        raise ValueError(f"task must be a name, got {found.get('task')!r}")
    if not isinstance(found.get("out", ""), str):
        raise ValueError(f"out must be the name of a folder, got {found['out']!r}")
    if ("settings" in found) == ("tasks" in found):
        raise ValueError("give either a table [settings] or tables [[tasks]], not both or neither")
    if "dask" in found and "slurm" in found:
        raise ValueError("give either dask or slurm, not both")
    if not isinstance(found.get("dask", ""), str):
        raise ValueError(f"dask must be the address of a scheduler, got {found['dask']!r}")
    if not isinstance(found.get("slurm", {}), dict):
        raise ValueError(f"slurm must be a table of submitit's parameters, got {found['slurm']!r}")
    if "settings" in found:
        if not isinstance(found["settings"], dict):
            raise ValueError(f"settings must be a table, got {found['settings']!r}")
        settings: Any = {name: _choices(name, value) for name, value in found["settings"].items()}
    else:
        settings = found["tasks"]
    return {name: value for name, value in found.items() if name != "tasks"} | {"settings": settings}


def _choices(name: str, value: Any) -> list[Any]:
    """All values of one setting, ranges and patterns of files written out."""
    entries = value if isinstance(value, list) else [value]
    return [each for entry in entries for each in (_expanded(name, entry) if isinstance(entry, str) else [entry])]


def _expanded(name: str, text: str) -> list[Any]:
    found = RANGE.search(text)
    if found is not None:
        first, last = int(found[1]), int(found[2])
        if not 0 <= last - first < MAX_RANGE:
            raise ValueError(f"{name} must have a range that rises, of at most {MAX_RANGE} values, got {text!r}")
        if found[0] == text:
            return list(range(first, last + 1))
        front, back = text[: found.start()], text[found.end() :]
        return [each for k in range(first, last + 1) for each in _expanded(name, f"{front}{k}{back}")]
    if name == "instance" and re.search(r"[*?\[]", text):
        files = sorted(glob(text, recursive=True))
        if not files:
            raise ValueError(f"instance must match a file, got {text!r}, which matches none")
        return files
    return [text]


def executor_of(found: dict[str, Any], out: str) -> Any:
    """A client of dask for ``dask = "tcp://…"``, an executor of submitit for a table ``[slurm]``, None for neither.

    Raises:
        ImportError: the package is missing.
        ValueError: submitit knows no such parameter.
    """
    if "dask" in found:
        try:
            from distributed import Client
        except ImportError as error:
            raise ImportError('dask = … needs distributed: pip install "graphar-arnn[dask]"') from error
        return Client(found["dask"])
    if "slurm" not in found:
        return None
    try:
        from submitit import AutoExecutor
    except ImportError as error:
        raise ImportError('[slurm] needs submitit: pip install "graphar-arnn[slurm]"') from error
    settings = dict(found["slurm"])
    cluster = settings.pop("cluster", "slurm")  # "local" tries the same on this machine
    try:
        executor = AutoExecutor(folder=f"{out}-jobs", cluster=cluster)
        executor.update_parameters(cpus_per_task=check_count(found.get("threads", 1), "threads"))
        executor.update_parameters(**settings)
    except (TypeError, NameError, ValueError, RuntimeError) as error:
        raise ValueError(f"slurm must be a table of submitit's parameters, and found here: {error}") from error
    return executor
