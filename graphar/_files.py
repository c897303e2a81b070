"""Files that are whole or not there, and of tensors that are read without executing anything."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from secrets import token_hex
from typing import Any, BinaryIO

import torch

__all__ = ["atomic_write", "read_state", "write_state"]

DAMAGE = (pickle.UnpicklingError, zipfile.BadZipFile, OSError, RuntimeError, EOFError, LookupError, ValueError)
"""What torch and zip raise for files that torch did not write, or not to the end."""


def write_state(path: str | PathLike[str], state: dict[str, Any]) -> None:
    """Tensors, numbers, strings, lists and dictionaries of them, whole or not at all."""
    with atomic_write(path) as file:
        torch.save(state, file)


def read_state(path: str | PathLike[str], form: str) -> dict[str, Any]:
    """What :func:`write_state` wrote, with the entry ``"format"`` that is asked for.

    Raises:
        ValueError: it is something else, or damaged.
    """
    with open(path, "rb") as file:  # a missing file is no damaged one: outside the try
        try:
            with zipfile.ZipFile(file) as archive:  # torch itself compares no checksums
                damaged = archive.testzip()
            if damaged is not None:
                raise ValueError(f"{damaged} differs from its checksum")
            file.seek(0)
            state = torch.load(file, map_location="cpu", weights_only=True)
        except DAMAGE as error:
            raise ValueError(f"{path}: not a file of format {form!r}, or damaged ({type(error).__name__})") from error
    if not isinstance(state, dict) or state.get("format") != form:
        raise ValueError(f"{path}: not a file of format {form!r}")
    return state


@contextmanager
def atomic_write(path: str | PathLike[str]) -> Iterator[BinaryIO]:
    """A binary file that takes the place of ``path`` when the block ends without error.

    No reader sees half of it and no crash leaves half of it; a link stays a link.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():  # or a device would give way to a file
        raise ValueError(f"path must be a file, got {str(path)!r}, which is none")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"no folder to write {path} in")
    beside = target.with_name(f".{token_hex(8)}.tmp")
    try:
        with beside.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, target)
    finally:
        beside.unlink(missing_ok=True)
