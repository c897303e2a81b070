"""Data sets on disk: what is read is what was built, and damage is named."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from dataset_families import BETAS, FAMILIES, RRG, same_sets

from graphar.instances import _families
from graphar.instances.dataset import InstanceDataset


@pytest.mark.parametrize("name", FAMILIES)
def test_what_is_read_is_what_was_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    options = {**FAMILIES[name], "betas": BETAS, "memory": 3000.0}
    built = InstanceDataset(**options, root=tmp_path)
    assert same_sets(built, InstanceDataset(**options))
    monkeypatch.setattr(_families.Recipe, "build", lambda *_: pytest.fail("built anew"))
    read = InstanceDataset(**options, root=str(tmp_path))
    assert same_sets(read, built)
    assert repr(read) == repr(built)
    (file,) = (tmp_path / "processed").iterdir()
    assert str(file) == read.processed_paths[0]


OTHERS: list[dict[str, Any]] = [
    {"sizes": (12, 8)},
    {"sizes": 8},
    {"num_graphs": 6},
    {"degree": 4},
    {"couplings": "gaussian"},
    {"field": 0.1},
    {"split": "test"},
    {"seed": 1},
    {"betas": (0.3,)},
    {"betas": (0.3, 1.1000001)},
    {"memory": 3000.0},
    {"seconds": 0.5},
]


def test_other_settings_have_another_file(tmp_path: Path) -> None:
    first = InstanceDataset(**RRG, betas=BETAS, root=tmp_path)
    for other in OTHERS:
        dataset = InstanceDataset(**{**RRG, "betas": BETAS, **other}, root=tmp_path)
        assert same_sets(dataset, InstanceDataset(**{**RRG, "betas": BETAS, **other}))
    assert len(list((tmp_path / "processed").iterdir())) == 1 + len(OTHERS)
    alike = {**RRG, "sizes": [np.int64(8), 12], "degree": np.int32(3), "couplings": "pm1", "seed": np.int64(0)}
    assert InstanceDataset(**alike, betas=np.array(BETAS), root=tmp_path).processed_paths == first.processed_paths


def test_a_damaged_file_is_named_and_not_served(tmp_path: Path) -> None:
    path = Path(InstanceDataset(**RRG, betas=BETAS, root=tmp_path).processed_paths[0])
    data = path.read_bytes()
    damaged = {"empty": b"", "text": b"hello", "half a zip": b"PK\x03\x04" + b"0" * 99}
    damaged |= {f"cut at {k} of 8": data[: k * len(data) // 8] for k in range(1, 8)}
    damaged["last byte"] = data[:-1]
    for name, value in torch.load(path, weights_only=True).items():
        content = value.encode() if isinstance(value, str) else value.numpy().tobytes()
        at = data.find(content) + len(content) // 2
        damaged[f"a bit of {name}"] = data[:at] + bytes([data[at] ^ 16]) + data[at + 1 :]
    for name, content in damaged.items():
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"not the data set that was written there, or damaged") as caught:
            InstanceDataset(**RRG, betas=BETAS, root=tmp_path)
        assert str(path) in str(caught.value), name
    path.unlink()
    assert same_sets(InstanceDataset(**RRG, betas=BETAS, root=tmp_path), InstanceDataset(**RRG, betas=BETAS))


def test_a_file_of_other_contents_is_refused(tmp_path: Path) -> None:
    path = Path(InstanceDataset(**RRG, betas=BETAS, root=tmp_path).processed_paths[0])
    other = Path(InstanceDataset(**{**RRG, "seed": 1}, betas=BETAS, root=tmp_path).processed_paths[0])
    state = torch.load(path, weights_only=True)
    counts, ends = state["counts"].clone(), state["edge_index"].clone()
    counts[0, 1] += 1
    ends[0, 0] = 99
    for change in (
        {"settings": torch.load(other, weights_only=True)["settings"]},
        {"format": "graphar dataset 0"},
        {"log_partition": state["log_partition"].float()},
        {"log_partition": state["log_partition"][:, :1]},
        {"counts": counts},
        {"edge_index": ends},
        {"h": state["h"] * torch.inf},
    ):
        torch.save({**state, **change}, path)
        with pytest.raises(ValueError, match="not the data set that was written there"):
            InstanceDataset(**RRG, betas=BETAS, root=tmp_path)
    torch.save([1, 2], path)
    with pytest.raises(ValueError, match="not the data set that was written there"):
        InstanceDataset(**RRG, betas=BETAS, root=tmp_path)


def test_nothing_is_executed_when_a_file_is_read(tmp_path: Path) -> None:
    path = Path(InstanceDataset(**RRG, root=tmp_path).processed_paths[0])

    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "sprung"),)

    torch.save({"format": Trap()}, path)
    with pytest.raises(ValueError, match="UnpicklingError"):
        InstanceDataset(**RRG, root=tmp_path)
    assert not (tmp_path / "sprung").exists()


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(state: Any, file: Any) -> None:
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        InstanceDataset(**RRG, root=tmp_path)
    assert not list((tmp_path / "processed").iterdir())
