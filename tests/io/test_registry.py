"""Formats by name and suffix; files that are missing, and files written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from graphar.hamiltonians import IsingGraph
from graphar.io import FORMATS, read, write

EDGE = [[0], [1]]


def saved(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_registry_describes_every_format() -> None:
    suffixes = [suffix for entry in FORMATS.values() for suffix in entry.suffixes]
    assert len(suffixes) == len(set(suffixes))
    for name, entry in FORMATS.items():
        assert entry.name == name
        assert entry.convention.isascii()
        assert "\n" not in entry.convention


def test_unknown_names(tmp_path: Path) -> None:
    graph = IsingGraph.from_edges(EDGE)
    for arguments, match in (
        (("x.unknown",), r"format must be told .*\.mc mc"),
        (("x.mc", "mps"), "format must be one of edge_list"),
        (("x.npz.gz",), "which is compressed"),
        ((3,), "path must be"),
    ):
        with pytest.raises(ValueError, match=match):
            read(*arguments)
        with pytest.raises(ValueError, match=match):
            write(graph, *arguments)
    with pytest.raises(ValueError, match=r"options of the format 'mc' must be among \[\], got 'base'"):
        read("x.mc", base=1)
    for other in ("graph", torch.zeros(2)):
        with pytest.raises(ValueError, match="graph must be an IsingGraph or a SpinHypergraph"):
            write(other, tmp_path / "x.mc")


def test_missing_files_and_directories(tmp_path: Path) -> None:
    for name in ("x.mc", "x.npz", "x.edges.gz"):
        with pytest.raises(FileNotFoundError):
            read(tmp_path / name)
    with pytest.raises(ValueError, match="path must be a file"):
        read(tmp_path, "mc")
    with pytest.raises(ValueError, match="path must be a file"):
        write(IsingGraph.from_edges(EDGE), tmp_path, "mc")


def test_writing_is_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path, "x.mc", "before")
    link = tmp_path / "link.mc"
    link.symlink_to(path)

    def fail(*_: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", fail)
        with pytest.raises(OSError, match="disk full"):
            write(IsingGraph.from_edges(EDGE), link)
    assert path.read_text() == "before"
    write(IsingGraph.from_edges(EDGE), link)
    assert path.read_text() == "2 1\n1 2 -1\n"
    assert link.is_symlink()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["link.mc", "x.mc"]


def test_equal_graphs_give_equal_gzip_files(tmp_path: Path) -> None:
    for name in ("a.mc.gz", "b.mc.gz"):
        write(IsingGraph.from_edges(EDGE), tmp_path / name)
    assert (tmp_path / "a.mc.gz").read_bytes() == (tmp_path / "b.mc.gz").read_bytes()
