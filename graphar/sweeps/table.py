"""One table of what a sweep found: :func:`collect`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from graphar.sweeps.folders import FAILURE, RESULT, read_json, read_tasks
from graphar.sweeps.settings import text_of

__all__ = ["collect", "rows_of"]

OWN_ERROR = "_stderr"  # ends the name of a result's standard error, in tables and in what tasks return


def collect(folder: str | PathLike[str], over: str | Sequence[str] = ("instance", "seed")) -> Any:
    r"""What a sweep has found so far, as a table: settings, means over instances, and errors of these means.

    .. math:: \bar X = \frac1n \sum_{a=1}^n X_a, \qquad
        \sigma_{\bar X}^2 = \frac{1}{n (n-1)} \sum_{a=1}^n (X_a - \bar X)^2

    X_a is the mean over an instance's tasks, such as those of its seeds: the first name in ``over`` that tasks have
    counts what is independent, n of them, and the others are averaged within it. The scatter of the X_a contains the
    errors that results have themselves, so these, ``X_stderr`` beside ``X``, are left out.

    Args:
        folder: of :func:`sweep`, also while it is under way.
        over: names of settings to average over, the independent one first; none of them for a row a task.

    Returns:
        A ``pandas.DataFrame``. For means: settings; ``num_independent``, n; numbers of tasks done, failed and
        unfinished, ``task_done``, …; the mean X and its standard error ``X_stderr``, NaN for n = 1, of each numeric
        result. For ``over=()``: settings, results, ``task`` (its folder), ``task_status``, ``task_seconds`` and
        ``task_error``; a result that shares its name with one of these has ``_result`` at its end.

    Raises:
        ValueError: no sweep was done in the folder, a file of it is damaged, or a name in ``over`` is no setting of any
            task (but for the two of the default).
        ImportError: no ``pandas``.

    >>> import tempfile
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> from graphar.sweeps import sweep
    >>> settings = {"instance": [f"grid:4x4,couplings=gaussian,seed={k}" for k in range(3)], "seed": [0, 1]}
    >>> with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as executor:
    ...     sweep("solve", settings, folder, executor, progress=False).failures
    ...     collect(folder)[["num_independent", "task_done", "energy", "energy_stderr"]].round(3)
    {}
       num_independent  task_done  energy  energy_stderr
    0                3          6 -18.159          0.656
    """
    try:
        import pandas
    except ImportError as error:
        raise ImportError('tables of sweeps need pandas: pip install "graphar-arnn[pandas]"') from error
    names = (over,) if isinstance(over, str) else tuple(over)
    rows = rows_of(folder)
    present = [name for name in names if any(name in settings for settings, _ in rows)]
    if missing := [name for name in names if name not in present and name not in ("instance", "seed")]:
        raise ValueError(f"over must hold names of settings, got {missing[0]!r}, which no task has")
    if not names:
        return pandas.DataFrame([settings | _renamed(results, settings) for settings, results in rows])
    return pandas.DataFrame(_averaged(rows, present))


def rows_of(folder: str | PathLike[str]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Settings of each task, and what is known of it; results under their own names, and ``task``, ``task_status``, …

    Raises:
        ValueError: no sweep was done in the folder, or a file of it is damaged.
    """
    home = Path(folder)
    rows = []
    for name, settings in read_tasks(home).items():
        about: dict[str, Any] = {
            "task": name,
            "task_status": "unfinished",
            "task_seconds": math.nan,
            "task_error": None,
        }
        results: dict[str, Any] = {}
        if (home / name / RESULT).is_file():
            found = read_json(home / name / RESULT)
            if not isinstance(found.get("result"), dict):
                raise ValueError(f"{home / name / RESULT}: not a file of a sweep, or damaged (no result)")
            results = found["result"]
            about |= {"task_status": "done", "task_seconds": found.get("seconds", math.nan)}
        elif (home / name / FAILURE).is_file():
            found = read_json(home / name / FAILURE)
            about |= {"task_status": "failed", "task_error": str(found.get("error"))}
            about["task_seconds"] = found.get("seconds", math.nan)
        rows.append((settings, _renamed(results, about) | about))
    return rows


def _renamed(results: dict[str, Any], taken: dict[str, Any]) -> dict[str, Any]:
    return {f"{name}_result" if name in taken else name: value for name, value in results.items()}


def _averaged(rows: list[tuple[dict[str, Any], dict[str, Any]]], over: list[str]) -> list[dict[str, Any]]:
    """A row for each combination of the settings that are not averaged over, in order of appearance."""
    groups: dict[str, tuple[dict[str, Any], list[tuple[str, dict[str, Any]]]]] = {}
    for settings, results in rows:
        kept = {name: value for name, value in settings.items() if name not in over}
        unit = text_of({"unit": settings.get(over[0])}) if over else str(results["task"])
        groups.setdefault(text_of(kept), (kept, []))[1].append((unit, _renamed(results, kept)))
    table = []
    for kept, members in groups.values():
        states = [results["task_status"] for _, results in members]
        done = [(unit, results) for unit, results in members if results["task_status"] == "done"]
        row = dict(kept) | {"num_independent": len({unit for unit, _ in done})}
        row |= {f"task_{state}": states.count(state) for state in ("done", "failed", "unfinished")}
        numeric = {name: None for _, results in done for name in results if _is_number(results[name])}
        for name in numeric:
            if name.startswith("task_") or (
                name.removesuffix(OWN_ERROR) != name and name.removesuffix(OWN_ERROR) in numeric
            ):
                continue
            per_unit: dict[str, list[float]] = {}
            for unit, results in done:
                if _is_number(results.get(name)):
                    per_unit.setdefault(unit, []).append(float(results[name]))
            mean, error = _mean([math.fsum(values) / len(values) for values in per_unit.values()])
            row |= {name: mean, f"{name}{OWN_ERROR}": error}
        table.append(row)
    return table


def _mean(values: list[float]) -> tuple[float, float]:
    """Mean and its standard error."""
    n, mean = len(values), sum(values) / len(values)
    if n == 1:
        return mean, math.nan
    return mean, math.sqrt(sum((value - mean) ** 2 for value in values) / (n * (n - 1)))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)
