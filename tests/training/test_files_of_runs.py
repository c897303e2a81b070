"""Files of runs: what a killed process leaves, and what no run ever wrote."""

import json
import os
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

import graphar as ga
from graphar._support.files import atomic_write
from graphar.cli import annealing, main, run_folder

QUICK = ["--steps", "2", "--warmup", "0", "--batch-size", "8", "--samples", "10", "--quiet"]


def test_the_last_row_of_metrics_survives_a_death_before_its_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    write = run_folder.write_metrics

    def dies(folder: Path, run: ga.Run) -> None:
        if len(run.history) == 3:
            raise SystemExit(9)  # as if killed between the checkpoint and the report
        write(folder, run)

    monkeypatch.setattr(annealing, "write_metrics", dies)
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
        folders = list(pool.map(lambda _: run_folder.new_folder("x"), range(40)))
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


@pytest.mark.parametrize(("name", "odd"), [("samples", "x"), ("steps", 0), ("schedule", [-1.0]), ("schedule", None)])
def test_settings_that_no_run_has_are_refused_before_a_step(
    name: str, odd: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert main(["anneal", "chain:4", "--beta", "0.5", "1", "2", *QUICK, "--out", str(out)]) == 0
    settings = json.loads((out / "settings.json").read_text())
    (out / "settings.json").write_text(json.dumps(settings | {name: odd}))
    assert main(["anneal", "--resume", str(out), "--quiet"]) == 2
    assert "settings.json: not the settings of a run (" in capsys.readouterr().err


def test_names_of_sites_come_back_with_the_model(tmp_path: Path) -> None:
    graph = ga.IsingGraph.from_edge_list([("a", "b", 1.0), ("b", ("c", 0), -2.0)])
    ga.save(ga.Autoregressive(graph), tmp_path / "model.pt")
    assert ga.load(tmp_path / "model.pt").graph.labels == ("a", "b", ("c", 0))
    ga.anneal(ga.Autoregressive(graph), [0.5], steps=1, warmup=0, batch_size=8, checkpoint=tmp_path / "run.pt")
    assert ga.load(tmp_path / "run.pt").graph.labels == ("a", "b", ("c", 0))


def test_names_that_no_file_keeps_are_refused_before_a_step(tmp_path: Path) -> None:
    model = ga.Autoregressive(ga.IsingGraph.from_edges([[0], [1]], labels=(frozenset("a"), "b")))
    before = model.head.weight.detach().clone()
    for use in (
        lambda: ga.save(model, tmp_path / "run.pt"),
        lambda: ga.anneal(model, [0.5], steps=1, warmup=0, batch_size=8, checkpoint=tmp_path / "run.pt"),
    ):
        with pytest.raises(ValueError, match="labels must be strings, finite numbers or tuples of them"):
            use()
    assert torch.equal(model.head.weight, before)
    assert not list(tmp_path.iterdir())
