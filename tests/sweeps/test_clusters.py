"""The executors of dask and submitit, where they are installed."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

import pytest
import sweep_tasks

import graphar as ga


@pytest.mark.filterwarnings("ignore")
def test_dask_gives_the_table_of_local_processes(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    settings = {"instance": range(20), "scale": [1.0, 2.0], "seed": range(5)}
    ga.sweep(sweep_tasks.noisy_square, settings, tmp_path / "own", workers=2, progress=False)
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        found = ga.sweep(sweep_tasks.noisy_square, settings, tmp_path / "dask", client, progress=False)
        assert len(found.done) == 200
        assert ga.collect(tmp_path / "dask").equals(ga.collect(tmp_path / "own"))
        told = {"instance": [0, 1, 2, 6, 7]}
        found = ga.sweep(sweep_tasks.troubled, told, tmp_path / "troubled", client.get_executor(), progress=False)
    assert len(found.done) == 3
    assert sorted(error.split(":")[0] for error in found.failures.values()) == ["ArithmeticError", "KilledWorker"]


def test_submitit_on_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    submitit = pytest.importorskip("submitit")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))  # jobs import the task
    executor = submitit.LocalExecutor(tmp_path / "jobs")
    executor.update_parameters(timeout_min=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = ga.sweep(sweep_tasks.noisy_square, {"instance": range(3)}, tmp_path / "out", executor, progress=False)
    assert len(found.done) == 3
    assert len(ga.collect(tmp_path / "out", over=())) == 3
