"""The command line on files as people bring them: what it says of them, and in one line why it cannot read them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

import graphar as ga
from graphar.cli import main


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_info_says_how_a_file_was_read(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.csv").write_text("i,j,J\n1,2,0.5\n2,3,-1\n")
    assert main(["info", "a.csv", "--base", "1"]) == 0
    out = capsys.readouterr().out
    assert "3 spins, 2 couplings" in out
    for line in ("format: edge_list: ", "J > 0 aligns", "header row: i, j, J", "sites: numbered from 1, as told"):
        assert line in out
    Path("b.txt").write_text("alice bob 0.5\nbob carol -1\n")
    assert main(["info", "b.txt"]) == 0
    out = capsys.readouterr().out
    assert "sites: words, in the order in which they appear" in out
    assert "labels: alice, bob, carol\n" in out
    Path("c.mc").write_text("2 1\n1 2 1\n")
    assert main(["info", "c.mc"]) == 0
    assert "format: mc: 'n m', 'i j w'; 1-based max-cut weights, J = -w" in capsys.readouterr().out


def test_convert_keeps_labels() -> None:
    Path("a.txt").write_text("alice;bob;0.5\nbob;carol and dave;-1\n")
    assert main(["convert", "a.txt", "b.npz"]) == 0
    assert main(["convert", "b.npz", "c.csv"]) == 0
    assert main(["convert", "c.csv", "d.mc"]) == 0
    a, c, d = ga.read("a.txt"), ga.read("c.csv"), ga.read("d.mc")
    assert a.labels == c.labels == ("alice", "bob", "carol and dave")
    assert torch.equal(a.to_dense(), c.to_dense())
    assert torch.equal(a.to_dense(), d.to_dense())


LONG = "a" * 300


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("one.txt", "base must be told"),
        ("gset.txt", "format must be told"),
        (f"{LONG}.mc", "file name too long"),
        (f"chain:4,couplings={LONG}", "couplings must be"),
        ("nowhere.mc", "nowhere.mc: no such file or directory"),
        ("one.txt/a.mc", "one.txt/a.mc: not a directory"),
        ("folder.mc", "path must be a file, got the directory"),
        ("pipe.mc", "path must be a file, got"),
        ("device.mc", "path must be a file, got"),
        ("damaged.mc.gz", "damaged.mc.gz: a whole gzip file expected"),
        ("a\0.mc", "path must have letters and none of code 0"),
        ("", "path must have letters"),
        ("complete:6000000", "must fit in memory"),
        ("grid:1000000x1000000", "the product of shape must be at most"),
        ("sk:100000000", "must fit in memory"),
        ("rrg:1000000000000", "num_spins must be at most"),
        ("rrg:10^12", "num_spins must be an integer, got '10^12'"),
        ("chain:\u0663", "num_spins must be an integer, got '\u0663'"),
        ("chain:1_0", "num_spins must be an integer, got '1_0'"),
        ("grid:\u00b2x2", "shape must be a sequence of lengths"),
        ("chain:" + "1" * 5000, "num_spins must be an integer"),
    ],
)
def test_sources_that_are_refused(source: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("one.txt").write_text("1 2 0.5\n")
    Path("gset.txt").write_text("2 1\n1 2 0.5\n")
    Path("damaged.mc.gz").write_bytes(b"\x1f\x8b\x08")
    Path("folder.mc").mkdir()
    os.mkfifo("pipe.mc")
    Path("device.mc").symlink_to("/dev/zero")
    for arguments in (["info", source], ["convert", source, "out.edges"]):
        assert main(arguments) == 2
        captured = capsys.readouterr()
        assert message in captured.err
        assert captured.err.count("\n") == 1
        assert not captured.out
    assert not Path("out.edges").exists()


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (f"{LONG}.mc", "file name too long"),
        ("nowhere/a.mc", "no folder to write"),
        ("device.mc", "path must be a file, got"),
        ("a\0.mc", "path must have letters"),
        (".", "path must be a file, got the directory"),
    ],
)
def test_targets_that_are_refused(target: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("device.mc").symlink_to("/dev/null")
    assert main(["convert", "chain:4", target]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert [path.name for path in Path().iterdir()] == ["device.mc"]
    assert Path("device.mc").is_char_device()


def test_more_memory_than_there_is(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def too_much(*_: object) -> None:
        raise MemoryError("Unable to allocate 13.4 GiB")

    monkeypatch.setattr("graphar.cli.commands.build_frontier", too_much)
    assert main(["info", "chain:4"]) == 2
    assert capsys.readouterr().err == "graphar info: not enough memory (Unable to allocate 13.4 GiB)\n"
