"""Races that are written as they end, and not run again where they are there already."""

import csv
import json
import math
import os
from pathlib import Path
from typing import Any

from race import race
from race_child import REFUSED
from race_instances import FAMILIES, format_and_path
from race_peers import PEERS

import graphar as ga

DATASETS = Path(__file__).resolve().parents[2] / "datasets"
ROUNDING = 1e-9  # of a target that counts as reached
TUNED_ON = 10_000  # seed of the instances that settings are tried on


def key_of(record: dict[str, Any]) -> str:
    return json.dumps([record[k] for k in ("family", "seed", "method", "setting", "seconds", "cores")])


def read(path: Path | None) -> list[dict[str, Any]]:
    """Races that are there; a last line that was cut off is taken away."""
    if path is None or not path.exists():
        return []
    whole = path.read_bytes()
    whole = whole[: whole.rfind(b"\n") + 1]
    if len(whole) < path.stat().st_size:
        os.truncate(path, len(whole))
    return [json.loads(line) for line in whole.splitlines()]


class Races:
    """All races so far, the new ones written as they end."""

    def __init__(self, path: Path | None, cores: int, again: list[dict[str, Any]]) -> None:
        self.path, self.cores, self.records = path, cores, again
        self._done = {key_of(record): record for record in again}

    def run(
        self, family: str, seed: int, method: str, setting: Any, seconds: float, target: float | None = None
    ) -> dict[str, Any]:
        key = {"family": family, "seed": seed, "method": method, "setting": setting}
        key |= {"seconds": seconds, "cores": self.cores}
        if key_of(key) in self._done:
            return self._done[key_of(key)]
        record = {**key, "load": os.getloadavg()[0], **self._race(key, target)}
        self.records.append(record)
        self._done[key_of(key)] = record
        if self.path is not None:
            with self.path.open("a") as file:
                file.write(json.dumps(record) + "\n")
        best = record["improvements"][-1] if record["improvements"] else record.get("refused", "nothing in time")
        print(f"{family} {seed} {method} {setting if setting is not None else ''} {best}", flush=True)
        return record

    def _race(self, key: dict[str, Any], target: float | None) -> dict[str, Any]:
        names = ("family", "seed", "method", "setting", "seed", "seconds", "cores")
        return race(*(key[name] for name in names), -math.inf if target is None else target + ROUNDING * abs(target))

    def best_setting(self, family: str, method: str, seconds: float) -> Any:
        """Of those that are tried briefly: lowest energy, the earliest of them."""
        settings = PEERS[method].settings if method in PEERS else (None,)
        if len(settings) == 1:
            return settings[0]
        tried = []
        for setting in settings:
            record = self.run(family, TUNED_ON, method, setting, seconds)
            if record.get("refused") == REFUSED:
                return settings[0]
            tried.append(record["improvements"])
        last = [(each[-1][1], each[-1][0]) if each else (float("inf"), 0.0) for each in tried]
        return settings[last.index(min(last))]


def known_energy(name: str, table: str | None) -> float | None:
    """Of a file: the lowest known, by our own datasets, or by a table with columns ``instance`` and ``best_known``,
    the best cut of each."""
    if name in FAMILIES:
        return None
    form, path = format_and_path(name)
    if path.resolve().parent == DATASETS:
        held = json.loads((DATASETS / "index.json").read_text())["instances"]
        return next(float(each["ground_state"]["energy"]) for each in held if each["file"] == path.name)
    if table is not None:
        with open(table, newline="") as file:
            cuts = {row["instance"]: float(row["best_known"]) for row in csv.DictReader(file)}
        if path.stem in cuts:
            return ga.problems.MaxCut.from_file(path, form).energy_of(cuts[path.stem])
    return None
