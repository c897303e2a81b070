"""Files of runs: what a killed process leaves, and what no run ever wrote."""

import math
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch

import graphar as ga
from graphar._support.files import atomic_write
from graphar.cli import commands, main

QUICK = ["--steps", "2", "--warmup", "0", "--batch-size", "8", "--samples", "10", "--quiet"]


def test_the_last_row_of_metrics_survives_a_death_before_its_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    write = commands._write_metrics

    def dies(folder: Path, run: ga.Run) -> None:
        if len(run.history) == 3:
            raise SystemExit(9)  # as if killed between the checkpoint and the report
        write(folder, run)

    monkeypatch.setattr(commands, "_write_metrics", dies)
    with pytest.raises(SystemExit):
        main(["anneal", "chain:4", "--beta", "0.5", "1", "3", *QUICK, "--out", str(out)])
    monkeypatch.undo()
    assert len((out / "metrics.jsonl").read_text().splitlines()) == 2
    assert main(["anneal", "--resume", str(out), "--quiet"]) == 0
    assert len((out / "metrics.jsonl").read_text().splitlines()) == 3


def test_processes_that_start_together_have_folders_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda _: commands._new_folder("x"), range(40)))
    assert len(set(folders)) == 40
    assert all(folder.is_dir() for folder in folders)


@pytest.mark.skipif(os.name != "posix", reason="asks whether a process lives")
def test_what_a_killed_writer_left_is_removed_and_a_live_one_is_let_be(tmp_path: Path) -> None:
    target = tmp_path / "model.pt"
    code = f"""
import os, signal
from graphar._support.files import atomic_write
with atomic_write({str(target)!r}) as file:
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], timeout=120, check=False)
    assert done.returncode == -9
    assert len(list(tmp_path.iterdir())) == 1
    with atomic_write(target) as file:  # a live writer's part stands beside that of another write
        file.write(b"first")
        with atomic_write(target) as other:
            other.write(b"second")
        assert target.read_bytes() == b"second"
    assert target.read_bytes() == b"first"
    assert [path.name for path in tmp_path.iterdir()] == ["model.pt"]


def test_a_file_that_unpacks_to_more_than_itself_is_refused(tmp_path: Path) -> None:
    ga.save(ga.Autoregressive(ga.chain(4)), tmp_path / "model.pt")
    with (
        zipfile.ZipFile(tmp_path / "model.pt") as whole,
        zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as bomb,
    ):
        for member in whole.infolist():
            bomb.writestr(member.filename, whole.read(member))
        bomb.writestr("archive/data/999", bytes(50_000_000))
    assert (tmp_path / "bomb.pt").stat().st_size < 100_000
    with pytest.raises(ValueError, match="bomb"):
        ga.load(tmp_path / "bomb.pt")


def _leaves(state: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(state, dict):
        for key, value in state.items():
            yield from _leaves(value, (*path, key))
    elif isinstance(state, list) and state and not isinstance(state[0], float | int | str):
        for index, value in enumerate(state):
            yield from _leaves(value, (*path, index))
    else:
        yield path


def _replaced(state: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copy = dict(state) if isinstance(state, dict) else list(state)
    if value is _MISSING and len(path) == 1:
        del copy[path[0]]
    else:
        copy[path[0]] = _replaced(state[path[0]], path[1:], value)
    return copy


_MISSING = object()
TAMPERED = [None, -1, 10**30, math.nan, "x", [], torch.zeros(2, 2), torch.tensor(math.inf)]


def test_every_tampered_field_is_refused_or_harmless(tmp_path: Path) -> None:
    graph = ga.grid((2, 3), couplings="pm1", field=0.1, seed=0)
    path = tmp_path / "run.pt"

    def new_model() -> ga.Autoregressive:
        return ga.Autoregressive(graph, exact_width=1)

    def go_on(checkpoint: Path) -> ga.Run:
        return ga.anneal(new_model(), [0.5, 1.0], steps=1, warmup=0, batch_size=8, progress=False, resume=checkpoint)

    ga.anneal(
        new_model(),
        [0.5, 1.0],
        steps=1,
        warmup=0,
        batch_size=8,
        progress=False,
        checkpoint=path,
        callbacks=[lambda run: True],
    )
    state = torch.load(path, weights_only=True)
    paths = list(_leaves(state))
    assert len(paths) > 40
    refused = 0
    for field in paths:
        for value in (_MISSING, *TAMPERED):
            torch.save(_replaced(state, field, value), tmp_path / "bad.pt")
            for read in (ga.load, go_on) if field[0] in ("run", "optimizer", "weights") else (ga.load,):
                try:
                    found = read(tmp_path / "bad.pt")
                except ValueError as error:
                    refused += "bad.pt" in str(error)
                else:
                    if isinstance(found, ga.Autoregressive):
                        with torch.no_grad():
                            assert bool(torch.isfinite(found.at(0.7).log_prob(torch.ones(6))).all()), field
                    else:
                        assert len(found.history) == 2, field
    assert refused > len(paths)
