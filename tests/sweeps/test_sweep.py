"""Each task once, whatever happens to others: results, logs, failures, restarts, executors of all kinds."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
import sweep_tasks

import graphar as ga
from graphar._support import files
from graphar.sweeps import StorageError
from graphar.sweeps.table import rows_of

posix = pytest.mark.skipif(os.name != "posix", reason="signals")


def statuses(folder: Path) -> dict[int, str]:
    return {settings["instance"]: results["task_status"] for settings, results in rows_of(folder)}


def test_each_task_leaves_settings_log_and_result(tmp_path: Path) -> None:
    settings = {"instance": range(4), "seed": [0, 1]}
    found = ga.sweep(sweep_tasks.noisy_square, settings, tmp_path / "out", workers=2, progress=False)
    assert len(found.tasks) == len(found.done) == 8
    assert not found.failures
    for name in found.tasks:
        home = tmp_path / "out" / name
        told = json.loads((home / "settings.json").read_text())
        result = json.loads((home / "result.json").read_text())["result"]
        assert result["square"] == told["instance"] ** 2 + told["seed"]
        log = (home / "log.txt").read_text()
        assert f"instance {told['instance']}\n" in log
        assert "a word of warning\n" in log
        assert sorted(path.name for path in home.iterdir()) == ["log.txt", "result.json", "settings.json"]
    again = ga.sweep(sweep_tasks.noisy_square, settings, tmp_path / "out", progress=False)
    assert not again.done
    assert again.skipped == found.tasks


@posix
def test_what_raises_or_is_killed_ends_no_other(tmp_path: Path) -> None:
    found = ga.sweep(sweep_tasks.troubled, {"instance": range(8)}, tmp_path, workers=2, progress=False)
    assert statuses(tmp_path) == {k: "failed" if k in (1, 2, 4, 5) else "done" for k in range(8)}
    assert len(found.done) == 4
    failed = {settings["instance"]: name for settings, results in rows_of(tmp_path) for name in [results["task"]]}
    errors = {k: found.failures[failed[k]] for k in (1, 2, 4, 5)}
    assert errors[1] == "ArithmeticError: no such number"
    assert "killed by SIGKILL" in errors[2]
    assert "twice, the second time alone" in errors[2]
    assert errors[4] == "SystemExit: 3"
    assert "result['x'] must be a number" in errors[5]
    failure = json.loads((tmp_path / failed[1] / "failure.json").read_text())
    assert 'raise ArithmeticError("no such number")' in failure["traceback"]
    assert "ArithmeticError" in (tmp_path / failed[1] / "log.txt").read_text()
    attempts = {k: len(list((tmp_path / failed[k]).glob("attempt_*"))) for k in range(8)}
    assert attempts == {k: 2 if k in (2, 3) else 1 for k in range(8)}
    assert "no such number" in repr(found)
    # failed ones are left alone where that is asked for, else tried again
    left = ga.sweep(sweep_tasks.troubled, {"instance": range(8)}, tmp_path, retry_failed=False, progress=False)
    assert left.failures == found.failures
    assert not left.done
    with ThreadPoolExecutor(1) as executor:
        more = ga.sweep(sweep_tasks.troubled, {"instance": [1, 9]}, tmp_path, executor, progress=False)
    assert list(more.failures.values()) == ["ArithmeticError: no such number"]
    assert len(more.done) == 1


PROGRAM = """
import sys
import sweep_tasks
from graphar.sweeps import sweep
if __name__ == "__main__":
    settings = {"instance": range(12), "diary": sys.argv[2], "seconds": 0.15}
    print(sweep(sweep_tasks.counted, settings, sys.argv[1], workers=2, progress=False), flush=True)
"""


@posix
@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGINT], ids=["killed", "interrupted"])
def test_a_sweep_that_ended_early_goes_on(blow: signal.Signals, tmp_path: Path) -> None:
    program, diary = tmp_path / "program.py", tmp_path / "diary"
    program.write_text(PROGRAM)
    folders = [str(Path(sweep_tasks.__file__).parent), str(Path(ga.__file__).parent.parent)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(folders)}
    command = [sys.executable, str(program), str(tmp_path / "out"), str(diary)]
    first = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (diary.exists() and diary.read_text().count("end") >= 3) and time.monotonic() < deadline:
        time.sleep(0.01)
    first.send_signal(blow)
    assert first.wait(30) != 0
    time.sleep(0.5)  # workers end with their parent
    finished = len(list((tmp_path / "out").glob("*/result.json")))
    before = diary.read_text()
    assert 3 <= before.count("end") < 12
    time.sleep(0.3)
    assert diary.read_text() == before, "a worker outlived the sweep"
    settings = {"instance": range(12), "diary": str(diary), "seconds": 0.15}
    second = ga.sweep(sweep_tasks.counted, settings, tmp_path / "out", workers=2, progress=False)
    assert (len(second.done), len(second.skipped)) == (12 - finished, finished)
    after = diary.read_text()[len(before) :].splitlines()
    assert sum(line.startswith("begin") for line in after) == 12 - finished
    assert set(statuses(tmp_path / "out").values()) == {"done"}
    assert len(statuses(tmp_path / "out")) == 12


def test_workers_have_one_thread_unless_told_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    settings = {"instance": 0, "load": [True, False]}
    ga.sweep(sweep_tasks.threads, settings, tmp_path / "one", workers=1, progress=False)
    assert [results["number"] for _, results in rows_of(tmp_path / "one")] == [1, 1]
    ga.sweep(sweep_tasks.threads, settings | {"load": False}, tmp_path / "two", threads=2, workers=1, progress=False)
    assert [results["number"] for _, results in rows_of(tmp_path / "two")] == [2]
    with ThreadPoolExecutor(1) as executor:
        settings = {"instance": 1, "load": True}
        ga.sweep(sweep_tasks.threads, settings, tmp_path / "two", executor, threads=2, progress=False)
    assert [results["number"] for _, results in rows_of(tmp_path / "two")] == [2, 2]
    assert os.environ["OMP_NUM_THREADS"] == "2"


def test_the_same_tables_by_any_executor(tmp_path: Path) -> None:
    settings = {"instance": range(6), "scale": [1.0, 2.0], "seed": [0, 1]}
    own = ga.sweep(sweep_tasks.noisy_square, settings, tmp_path / "own", workers=2, progress=False)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        ga.sweep(sweep_tasks.noisy_square, settings, tmp_path / "pool", pool, progress=False)
    with ThreadPoolExecutor(3) as threads:
        ga.sweep(sweep_tasks.noisy_square, settings, tmp_path / "threads", threads, progress=False)
    table = ga.collect(own.folder)
    for other in ("pool", "threads"):
        assert ga.collect(tmp_path / other).equals(table)
    for _, results in rows_of(tmp_path / "threads"):  # each log is of its own task, whatever ran beside it
        assert (tmp_path / "threads" / results["task"] / "log.txt").read_text().count("instance ") == 1


class Refusing(Executor):
    def submit(self, *arguments: Any, **keywords: Any) -> Future[Any]:
        raise RuntimeError("no more today")


class Losing(Executor):
    """Futures fail before the call begins, as where it cannot be packed."""

    def __init__(self, times: int) -> None:
        self.times = times

    def submit(self, function: Any, /, *arguments: Any, **keywords: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.times -= 1
        if self.times >= 0:
            future.set_exception(OSError("lost on the way"))
        else:
            future.set_result(function(*arguments, **keywords))
        return future


def test_an_executor_that_refuses(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"refused task instance_0.*no more today"):
        ga.sweep(sweep_tasks.noisy_square, {"instance": range(3)}, tmp_path, Refusing(), progress=False)
    with pytest.raises(RuntimeError, match="never began: OSError: lost on the way"):
        ga.sweep(sweep_tasks.noisy_square, {"instance": range(3)}, tmp_path, Losing(100), progress=False)
    found = ga.sweep(sweep_tasks.noisy_square, {"instance": range(3)}, tmp_path, Losing(2), progress=False)
    assert len(found.done) == 3
    with pytest.raises(ValueError, match=r"executor must be a concurrent\.futures\.Executor.*got int"):
        ga.sweep(sweep_tasks.noisy_square, {"instance": 7}, tmp_path, 3, progress=False)


@posix
def test_a_pool_of_the_callers_that_breaks(tmp_path: Path) -> None:
    with (
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool,
        pytest.raises(RuntimeError, match=r"executor broke while task instance_2.*new executor goes on"),
    ):
        ga.sweep(sweep_tasks.troubled, {"instance": [0, 2, 6]}, tmp_path, pool, progress=False)
    assert statuses(tmp_path) == {0: "done", 2: "unfinished", 6: "unfinished"}


def test_a_full_disk_ends_the_sweep_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, count = os.fsync, 0

    def full(descriptor: int) -> None:
        nonlocal count
        count += 1
        if count > 6:  # sweep.json, two files of each of two tasks, settings.json
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(files.os, "fsync", full)
    with ThreadPoolExecutor(1) as executor, pytest.raises(StorageError, match="cannot write there: No space left"):
        ga.sweep(sweep_tasks.noisy_square, {"instance": range(9)}, tmp_path, executor, progress=False)
    monkeypatch.undo()
    assert sorted(statuses(tmp_path).values()) == ["done"] * 2 + ["unfinished"] * 7
    with ThreadPoolExecutor(1) as executor:
        found = ga.sweep(sweep_tasks.noisy_square, {"instance": range(9)}, tmp_path, executor, progress=False)
    assert (len(found.done), len(found.skipped)) == (7, 2)


@pytest.mark.parametrize(
    ("task", "settings", "more", "message"),
    [
        (3, {"instance": 1}, {}, "task must be a function or its name, got int"),
        ("no_such_task", {"instance": 1}, {}, "task must be one of anneal, free_energy, solve, or module:function"),
        ("math:no_such", {"instance": 1}, {}, "can be imported, got 'math:no_such'"),
        ("math:pi", {"instance": 1}, {}, "must be a function, got 'math:pi'"),
        (sweep_tasks.noisy_square, {"instances": 1}, {}, "arguments of sweep_tasks:noisy_square, got instances"),
        (sweep_tasks.noisy_square, {"seed": 1}, {}, "missing a required argument: 'instance'"),
        (sweep_tasks.noisy_square, {"instance": 1}, {"threads": 0}, "threads must be at least 1"),
        (sweep_tasks.noisy_square, {"instance": 1}, {"workers": 0}, "workers must be at least 1"),
        (sweep_tasks.noisy_square, {"instance": 1}, {"progress": 1}, "progress must be True or False"),
        (sweep_tasks.noisy_square, {"instance": 1}, {"workers": 1, "executor": Refusing()}, "workers must be left out"),
        (partial(sweep_tasks.echo, 1), {}, {}, "must be a function with a name, got a partial"),
        (lambda instance: {}, {"instance": 1}, {}, "a function that other processes can import"),
    ],
)
def test_bad_arguments(task: Any, settings: Any, more: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        ga.sweep(task, settings, tmp_path / "out", **({"progress": False} | more))
    assert not (tmp_path / "out").exists()


def test_a_folder_belongs_to_one_task_and_to_one_sweep_at_a_time(tmp_path: Path) -> None:
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "thesis.tex").touch()
    with pytest.raises(ValueError, match="holds something else"):
        ga.sweep(sweep_tasks.noisy_square, {"instance": 1}, tmp_path / "else", Losing(0), progress=False)
    ga.sweep(sweep_tasks.noisy_square, {"instance": 1}, tmp_path / "out", Losing(0), progress=False)
    with pytest.raises(ValueError, match="a sweep of sweep_tasks:noisy_square"):
        ga.sweep(sweep_tasks.threads, {"instance": 1, "load": True}, tmp_path / "out", Losing(0), progress=False)
    with ThreadPoolExecutor(2) as executor:
        settings = {"instance": 0, "diary": str(tmp_path / "diary"), "seconds": 1.0}
        slow = executor.submit(ga.sweep, sweep_tasks.counted, settings, tmp_path / "slow", Losing(0), progress=False)
        while not (tmp_path / "diary").exists():
            time.sleep(0.01)
        with pytest.raises(ValueError, match="no other sweep is under way"):
            ga.sweep(sweep_tasks.counted, settings, tmp_path / "slow", Losing(0), progress=False)
        assert len(slow.result().done) == 1
