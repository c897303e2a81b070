"""Files of models: nothing is executed when one is read, and a failed write leaves the old one."""

from __future__ import annotations

import os

import pytest
import torch
from short_runs import fresh

import graphar as ga


def test_nothing_is_executed_when_a_file_is_read(tmp_path) -> None:
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sprung"),)

    torch.save({"format": "graphar checkpoint 3", "graph": Trap()}, tmp_path / "trap.pt")
    with pytest.raises(ValueError, match="damaged"):
        ga.load(tmp_path / "trap.pt")
    assert not (tmp_path / "sprung").exists()


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.pt"
    ga.save(fresh(), path)
    before = path.read_bytes()

    def fail(state, file) -> None:
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        ga.save(fresh(), path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.pt"]
