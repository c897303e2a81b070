"""``graphar sweep``: TOML files, ready tasks, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pandas
import pytest

import graphar as ga
from graphar.cli import main
from graphar.sweeps import tasks
from graphar.sweeps.table import rows_of
from graphar.sweeps.toml_files import read_sweep


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_file_becomes_a_folder_and_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    Path("glass.toml").write_text(
        """
        task = "solve"
        workers = 1
        [settings]
        instance = ["grid:4x4,couplings=gaussian,seed={0..2}", "grid:3x3,periodic=maybe"]
        seed = "{0..1}"
        """
    )
    assert main(["sweep", "glass.toml", "--table", "glass.csv", "--quiet"]) == 1  # one instance is none
    said = capsys.readouterr().out
    assert "8 tasks, 6 done, 0 done before, 2 failed" in said
    assert "ValueError: grid" in said
    table = pandas.read_csv("glass.csv")
    energies = [ga.exact.ground_state(ga.grid((4, 4), couplings="gaussian", seed=k)).energy for k in range(3)]
    assert table["energy"][0] == pytest.approx(sum(energies) / 3)
    assert list(table[["num_independent", "task_done", "task_failed"]].iloc[0]) == [3, 6, 2]
    assert main(["sweep", "glass.toml", "--quiet", "--workers", "1", "--over"]) == 1
    assert "0 done, 6 done before, 2 failed" in capsys.readouterr().out
    assert {settings["seed"] for settings, _ in rows_of("runs/glass")} == {0, 1}


def test_a_function_of_ones_own_beside_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    Path("my_task_of_a_sweep.py").write_text("def double(instance):\n    return {'twice': 2 * instance}\n")
    Path("own.toml").write_text('task = "my_task_of_a_sweep:double"\nout = "here"\n[[tasks]]\ninstance = 4\n')
    assert main(["sweep", "own.toml", "--quiet", "--workers", "1"]) == 0
    assert [results["twice"] for _, results in rows_of("here")] == [8]


def test_files_by_pattern() -> None:
    for name in ("b.edges", "a.edges", "c.txt"):
        ga.write(ga.chain(3), name) if name != "c.txt" else Path(name).touch()
    Path("files.toml").write_text('task = "solve"\n[settings]\ninstance = "*.edges"\nstart = [[1, 2]]\n')
    found = read_sweep("files.toml")
    assert found["settings"] == {"instance": ["a.edges", "b.edges"], "start": [[1, 2]]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("task = ", "sweep.toml: not a TOML file"),
        ("[settings]\ninstance = 1", "task must be a name, got None"),
        ('task = "solve"', r"either a table \[settings\] or tables \[\[tasks\]\]"),
        ('task = "solve"\nseeds = 3\n[settings]\ninstance = 1', "entries must be among.*got 'seeds'"),
        ('task = "solve"\n[settings]\ninstance = "{3..1}"', "a range that rises"),
        ('task = "solve"\n[settings]\ninstance = "none*.edges"', "matches none"),
        ('task = "solve"\ndask = 3\n[settings]\ninstance = 1', "dask must be the address"),
        ('task = "solve"\nsettings = 3', "settings must be a table"),
    ],
)
def test_bad_files(text: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("sweep.toml").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_sweep("sweep.toml")
    assert main(["sweep", "sweep.toml"]) == 2
    assert not Path("runs").exists()


def test_annealing_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    told = {"instance": "rrg:12,couplings=pm1,seed=1", "start": 0.2, "stop": 1.0, "num": 3, "steps": 8, "warmup": 4}
    told |= {"batch_size": 64, "samples": 500, "seed": 3}
    whole = tasks.anneal(**told, folder=tmp_path)
    before = (tmp_path / tasks.CHECKPOINT).read_bytes()
    again = tasks.anneal(**told, folder=tmp_path)
    whole.pop("training_seconds"), again.pop("training_seconds")
    assert again == whole
    assert (tmp_path / tasks.CHECKPOINT).read_bytes() == before
    exact = ga.exact.enumerate(ga.random_regular(12, couplings="pm1", seed=1), 1.0)
    assert abs(whole["log_partition"] - exact.log_partition) < 6 * whole["log_partition_stderr"]
    assert json.loads(json.dumps(whole)) == whole
    with pytest.raises(ValueError, match="head must be one of linear"):
        tasks.anneal("chain:4", head="none")


def test_free_energies() -> None:
    found = tasks.free_energy("grid:4x5,couplings=gaussian", 0.7, 5.0)
    exact = ga.exact.enumerate(ga.grid((4, 5), couplings="gaussian"), 0.7)
    assert found["log_partition"] == pytest.approx(float(exact.log_partition))
    assert found["free_energy"] == pytest.approx(-float(exact.log_partition) / 0.7)
    assert tasks.free_energy("grid:4x5", 0.0)["free_energy"] is None
