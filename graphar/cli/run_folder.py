"""The folder of a run: its files, made new or taken empty, each written whole or not at all."""

from __future__ import annotations

import json
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import Any

from graphar._support.files import atomic_write
from graphar.estimators import FreeEnergy
from graphar.training import Run

__all__ = [
    "CHECKPOINT",
    "METRICS",
    "PICTURE",
    "SETTINGS",
    "SUMMARY",
    "empty_folder",
    "new_folder",
    "summary_of",
    "write_json",
    "write_metrics",
]

SETTINGS = "settings.json"
METRICS = "metrics.jsonl"
CHECKPOINT = "checkpoint.pt"
SUMMARY = "summary.json"
PICTURE = "run.png"


def new_folder(name: str) -> Path:
    """A numbered folder that no other process has."""
    for number in count(1):
        try:
            Path("runs", f"{name}-{number}").mkdir(parents=True)
        except FileExistsError:
            continue
        return Path("runs", f"{name}-{number}")
    raise AssertionError("unreachable")


def empty_folder(folder: Path) -> Path:
    """A folder with nothing in it, or only with the settings of a run that failed before its first checkpoint."""
    if folder.exists() and not (folder.is_dir() and {entry.name for entry in folder.iterdir()} <= {SETTINGS}):
        raise ValueError(f"--out must be a new or empty folder, got {folder}; --resume goes on with a run")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def write_json(path: Path, content: dict[str, Any]) -> None:
    with atomic_write(path) as file:
        file.write((json.dumps(content, indent=1) + "\n").encode())


def write_metrics(folder: Path, run: Run) -> None:
    with atomic_write(folder / METRICS) as file:
        for record in run.history:
            file.write((json.dumps(asdict(record)) + "\n").encode())


def summary_of(run: Run, result: FreeEnergy | None, exact: dict[str, Any] | None) -> dict[str, Any]:
    final = None
    if result is not None:
        final = {name: value for name, value in asdict(result).items() if name != "best_spins"}
    return {
        "finished": result is not None,
        "steps": run.step,
        "seconds": round(run.seconds, 3),
        "best_energy": run.best_energy if run.history or run.step else None,
        "best_spins": "".join("+" if spin > 0 else "-" for spin in run.best_spins.tolist()),
        "final": final,
        "exact": exact,
    }
