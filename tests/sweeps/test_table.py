"""Means over instances and their errors, against numpy; what is unfinished, failed, damaged."""

from __future__ import annotations

import json
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import sweep_tasks

import graphar as ga


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    settings = {"scale": [1.0, 2.0], "instance": range(5), "seed": range(3)}
    with ThreadPoolExecutor(1) as executor:
        return ga.sweep(sweep_tasks.noisy_square, settings, tmp_path / "out", executor, progress=False).folder


def test_means_over_instances_have_the_error_of_independent_ones(folder: Path) -> None:
    table = ga.collect(folder)
    assert list(table["scale"]) == [1.0, 2.0]
    assert list(table["num_independent"]) == [5, 5]
    assert list(table["task_done"]) == [15, 15]
    for scale, mean, error in zip(table["scale"], table["square"], table["square_stderr"], strict=True):
        per_instance = scale * (np.arange(5.0) ** 2 + 1)
        assert mean == pytest.approx(per_instance.mean())
        assert error == pytest.approx(per_instance.std(ddof=1) / math.sqrt(5))
    assert not {"parity", "square_stderr_stderr"} & set(table.columns)


def test_over_other_names(folder: Path) -> None:
    seeds = ga.collect(folder, over="seed")
    assert len(seeds) == 10
    assert seeds["square_stderr"].iloc[0] == pytest.approx(1 / math.sqrt(3))
    rows = ga.collect(folder, over=())
    assert len(rows) == 30
    assert set(rows["task_status"]) == {"done"}
    assert list(rows[rows["instance"] == 3]["parity"].unique()) == ["odd"]
    one = ga.collect(folder, over="scale")
    assert one["square"].iloc[2] == pytest.approx(1.5 * 2)
    with pytest.raises(ValueError, match="names of settings, got 'scales'"):
        ga.collect(folder, over=("scales",))


def test_what_is_missing_is_counted_and_left_out(folder: Path) -> None:
    rows = ga.collect(folder, over=())
    names = {(row.scale, row.instance, row.seed): row.task for row in rows.itertuples()}
    (folder / names[1.0, 4, 0] / "result.json").unlink()
    home = folder / names[1.0, 4, 1]
    (home / "result.json").rename(home / "failure.json")
    table = ga.collect(folder)
    assert list(table[["task_done", "task_failed", "task_unfinished"]].iloc[0]) == [13, 1, 1]
    assert table["square"].iloc[0] == pytest.approx(np.mean([1, 2, 5, 10, 18]))


def test_names_that_are_taken(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as executor:
        folder = ga.sweep(sweep_tasks.echo, {"instance": [1, 2]}, tmp_path / "out", executor, progress=False).folder
    rows = ga.collect(folder, over=())
    assert list(rows["instance"]) == [1, 2]
    assert list(rows["instance_result"]) == [10, 20]
    assert list(rows["task_result"]) == ["mine", "mine"]


def test_damaged_folders_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"which has no sweep\.json"):
        ga.collect(tmp_path)
    name = ga.collect(folder, over=())["task"].iloc[0]
    (folder / name / "result.json").write_text("[1")
    with pytest.raises(ValueError, match=r"result\.json: not a file of a sweep, or damaged"):
        ga.collect(folder)
    listed = json.loads((folder / "sweep.json").read_text())
    listed["tasks"]["../../elsewhere"] = {"instance": 1}
    (folder / "sweep.json").write_text(json.dumps(listed))
    with pytest.raises(ValueError, match=r"'../../elsewhere' is not the name that its settings give"):
        ga.collect(folder)
