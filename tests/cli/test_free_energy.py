"""``graphar free-energy``, and the check at the end of ``graphar anneal``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import graphar as ga
from graphar.cli import main

WIDE = "sk:40,seed=1"  # too wide for what is exact


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_exact_answers_in_a_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["free-energy", "grid:4x5,couplings=gaussian", "--beta", "1", "0", "0.5", "--out", "here"]) == 0
    summary = json.loads(Path("here/summary.json").read_text())
    assert [each["beta"] for each in summary["beta"]] == [1.0, 0.0, 0.5]
    assert summary["finished"]
    right = ga.log_partition(ga.grid((4, 5), couplings="gaussian"), 1.0).log_partition.value
    assert summary["beta"][0]["log_partition"]["value"] == pytest.approx(right)
    assert summary["beta"][1]["free_energy"] is None
    assert Path("here/free_energy.png").read_bytes().startswith(b"\x89PNG")
    assert "exact" in capsys.readouterr().out


def test_a_run_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["free-energy", WIDE, "--beta", "0.3", "0.8", "--time", "1.5", "--seed", "3", "--quiet"]) == 0
    folder = Path("runs/sk_40_seed_1-1")
    first = json.loads((folder / "summary.json").read_text())
    assert main(["free-energy", "--resume", str(folder), "--time", "2.5", "--quiet"]) == 0
    second = json.loads((folder / "summary.json").read_text())
    for before, after in zip(first["beta"], second["beta"], strict=True):
        assert before["log_partition"] != after["log_partition"]
        difference = before["log_partition"]["value"] - after["log_partition"]["value"]
        assert abs(difference) < 5 * before["log_partition"]["stderr"]
    assert "tempering from beta = 0" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["free-energy", WIDE], "--beta"),
        (["free-energy", "--beta", "1"], "source"),
        (["free-energy", WIDE, "--beta", "-1"], "beta must be"),
        (["free-energy", WIDE, "--beta", "1", "--time", "0"], "--time"),
        (["free-energy", "--resume", "nowhere"], "there is none"),
        (["free-energy", WIDE, "--resume", "nowhere"], "also source"),
    ],
)
def test_bad_arguments(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
    assert not Path("runs").exists()


def test_files_of_other_runs_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    graph = ga.sherrington_kirkpatrick(40, seed=1)
    ga.log_partition(graph, 0.5, time_limit=1, checkpoint="one.pt", progress=False)
    other = ga.sherrington_kirkpatrick(40, seed=2)
    with pytest.raises(ValueError, match="same graph"):
        ga.log_partition(other, 0.5, time_limit=1, resume="one.pt", progress=False)
    with pytest.raises(ValueError, match="same beta and seed"):
        ga.log_partition(graph, 0.6, time_limit=1, resume="one.pt", progress=False)
    Path("two.pt").write_bytes(Path("one.pt").read_bytes()[:-100])
    with pytest.raises(ValueError, match="damaged"):
        ga.log_partition(graph, 0.5, time_limit=1, resume="two.pt", progress=False)


def test_anneal_ends_with_a_check(capsys: pytest.CaptureFixture[str]) -> None:
    short = ["--beta", "0.1", "0.5", "4", "--steps", "5", "--warmup", "5", "--batch-size", "32", "--samples", "300"]
    short += ["--exact-width", "0", "--quiet"]
    assert main(["anneal", WIDE, *short, "--out", "checked"]) == 0
    assert "check by 3 s of tempering" in capsys.readouterr().out
    check = json.loads(Path("checked/summary.json").read_text())["check"]
    assert abs(check["joined"]["value"] - check["tempering"]["value"]) < 5 * (
        check["joined"]["stderr"] + check["tempering"]["stderr"]
    )
    assert main(["anneal", WIDE, *short, "--out", "unchecked", "--no-check"]) == 0
    assert "tempering" not in capsys.readouterr().out
    assert "check" not in json.loads(Path("unchecked/summary.json").read_text())
