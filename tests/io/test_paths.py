"""Names that are no file's, files that cannot be read or written: plain words with the name, of the right kind."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from graphar.hamiltonians import IsingGraph
from graphar.io import read, write

GRAPH = IsingGraph.from_edges([[0], [1]])
SUFFIXES = ["mc", "npz", "edges", "txt.gz"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_names_that_no_file_has(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / "file"
    file.write_text("")
    loop = tmp_path / f"loop.{suffix}"
    loop.symlink_to(loop)
    cases: list[tuple[Any, type[Exception], str]] = [
        (tmp_path / f"{'a' * 300}.{suffix}", ValueError, "file name too long"),
        (f"{tmp_path}/{'a/' * 3000}a.{suffix}", ValueError, "file name too long"),
        (f"{tmp_path}/a\0.{suffix}", ValueError, "path must have letters and none of code 0, got '.*a.x00"),
        (f"a\0.{suffix}".encode(), ValueError, "path must be a string or a path, got bytes"),
        (tmp_path / f"a.{suffix}", FileNotFoundError, "no such file or directory"),
        (file / f"a.{suffix}", FileNotFoundError, "not a directory"),
        (loop, ValueError, "too many levels of symbolic links"),
    ]
    for path, kind, words in cases:
        with pytest.raises(kind, match=words) as caught:
            read(path)
        assert "Errno" not in str(caught.value)
    for path, kind, _ in cases[:4]:
        with pytest.raises(kind):
            write(GRAPH, path)
    with pytest.raises(FileNotFoundError, match="no folder to write"):
        write(GRAPH, file / f"a.{suffix}")
    with pytest.raises(ValueError, match="path must have letters"):
        read("", "mc")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", loop.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_there_and_no_file(tmp_path: Path, suffix: str) -> None:
    folder, pipe, device = tmp_path / f"folder.{suffix}", tmp_path / f"pipe.{suffix}", tmp_path / f"device.{suffix}"
    folder.mkdir()
    os.mkfifo(pipe)  # opening it would wait for ever
    device.symlink_to("/dev/zero")  # reading it would never end, and replacing it is worse
    for path in (folder, pipe, device):
        with pytest.raises(ValueError, match="path must be a file, got"):
            read(path)
        with pytest.raises(ValueError, match="path must be a file, got"):
            write(GRAPH, path)
    assert device.is_char_device()
    assert pipe.is_fifo()


@pytest.mark.parametrize(
    ("code", "kind"), [(errno.EACCES, PermissionError), (errno.EPERM, PermissionError), (errno.EIO, OSError)]
)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_files_that_the_system_withholds(
    tmp_path: Path, suffix: str, code: int, kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"a.{suffix}"
    write(GRAPH, path)

    def withheld(self: Path, *_: Any, **__: Any) -> None:
        raise OSError(code, os.strerror(code), str(self))

    monkeypatch.setattr(Path, "open", withheld)
    for act in (lambda: read(path), lambda: write(GRAPH, path)):
        with pytest.raises(kind) as caught:
            act()
        assert type(caught.value) is kind
        assert str(caught.value) == f"{path}: {os.strerror(code).lower()}"


def test_a_full_disk_is_no_bad_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match=r"x\.mc: no space left on device"):
        write(GRAPH, tmp_path / "x.mc")
    assert not list(tmp_path.iterdir())
