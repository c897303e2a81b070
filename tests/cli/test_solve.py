"""``graphar solve``: answers that ``graphar check`` reads, and how it ends."""

from __future__ import annotations

from pathlib import Path

import pytest

import graphar as ga
from graphar.cli import main

SQUARE = "4 4\n1 2 1\n2 3 1\n3 4 1\n1 4 1\n"


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("square.gset").write_text(SQUARE)
    return tmp_path


@pytest.mark.parametrize(
    ("kind", "options", "best"),
    [
        ("max-cut", [], 4),
        ("independent-set", [], 2),
        ("vertex-cover", [], 2),
        ("colouring", ["--colours", "2"], 0),
    ],
)
def test_what_is_written_is_what_check_reads(
    kind: str, options: list[str], best: int, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--as", kind, *options]
    assert main(["solve", "square.gset", *asked, "--out", "answer.txt", "--quiet"]) == 0
    out = capsys.readouterr().out
    assert f"): {best}\n" in out
    assert "feasible: yes" in out
    assert "proven best" in out
    assert "ended by proof" in out
    assert main(["check", "square.gset", "answer.txt", *asked]) == 0
    assert f"): {best}\n" in capsys.readouterr().out


def test_max_cut_is_what_a_gset_file_asks_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["solve", "square.gset", "--quiet"]) == 0
    assert capsys.readouterr().out.startswith("MaxCut(4 vertices, 4 edges")


def test_a_builder_a_target_and_a_beginning(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["solve", "sk:200,seed=1", "--quiet", "--out", "best.txt"]
    assert main([*asked, "--steps", "0"]) == 0
    first = capsys.readouterr().out
    assert "ended by steps" in first
    assert main([*asked, "--target", "-100", "--initial", "best.txt"]) == 0
    assert "ended by target" in capsys.readouterr().out
    problem = ga.problems.LowestEnergy(ga.sherrington_kirkpatrick(200, seed=1))
    assert problem.objective(problem.read_answer("best.txt")) <= -100


def test_what_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for wrong in (["--time", "-1"], ["--time", "nan"], ["--target", "nan"], ["--colours", "3"], ["--steps", "-1"]):
        assert main(["solve", "square.gset", "--quiet", *wrong]) == 2
    Path("empty.gset").write_text("0 0\n")
    Path("nan.gset").write_text("2 1\n1 2 nan\n")
    Path("answer.txt").write_text("1 A\n9 B\n")
    for file, *wrong in (
        ("empty.gset",),
        ("nan.gset",),
        ("square.gset", "--as", "max-sat"),
        ("square.gset", "--as", "colouring"),
        ("square.gset", "--initial", "answer.txt"),
        ("square.gset", "--initial", "nowhere.txt"),
    ):
        assert main(["solve", file, "--quiet", *wrong]) == 2
        assert "Traceback" not in capsys.readouterr().err
    assert main(["solve", "square.gset", "--time", "0", "--quiet"]) == 0
    assert main(["solve", "missing.gset"]) == 2
    assert main(["solve", "square.gset", "--out", "no/folder.txt", "--quiet"]) == 2
    assert "graphar solve: " in capsys.readouterr().err
