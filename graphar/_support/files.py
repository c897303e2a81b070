"""Files that are whole or not there, and of tensors that are read without executing anything."""

from __future__ import annotations

import hashlib
import os
import pickle
import platform
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from secrets import token_hex
from typing import Any, BinaryIO

# torch is imported by what needs it: workers of a sweep write files, and may need nothing else of graphar

__all__ = ["atomic_write", "naming", "read_state", "write_state"]

DAMAGE = (
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    OSError,
    RuntimeError,
    EOFError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    OverflowError,
    MemoryError,
)
"""What torch and zip raise for files that torch did not write, or not to the end."""


def write_state(path: str | PathLike[str], state: dict[str, Any]) -> None:
    """Tensors, numbers, strings, lists and dictionaries of them, whole or not at all."""
    import torch

    with atomic_write(path) as file:
        torch.save(state, file)


def read_state(path: str | PathLike[str], form: str, check: Callable[[Any, str], None]) -> dict[str, Any]:
    """What :func:`write_state` wrote, with the entry ``"format"`` that is asked for.

    Args:
        path: the file.
        form: its format.
        check: complains of fields that break their rules, see :mod:`graphar._support.schema`.

    Raises:
        ValueError: it is something else, or damaged; or a field breaks its rule, which names file and field.
    """
    import torch

    with open(path, "rb") as file:  # a missing file is no damaged one: outside the try
        try:
            with zipfile.ZipFile(file) as archive:
                _refuse_expansion(archive, os.fstat(file.fileno()).st_size)
                damaged = archive.testzip()  # torch itself compares no checksums
            if damaged is not None:
                raise ValueError(f"{damaged} differs from its checksum")
            file.seek(0)
            state = torch.load(file, map_location="cpu", weights_only=True)
        except DAMAGE as error:
            reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            raise ValueError(f"{path}: not a file of format {form!r}, or damaged ({reason})") from error
    found = state.get("format") if isinstance(state, dict) else None
    if found != form:
        other = f", but of {found!r}, which another version of graphar wrote" if isinstance(found, str) else ""
        raise ValueError(f"{path}: not a file of format {form!r}{other}")
    try:
        check(state, "")
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return state


def _refuse_expansion(archive: zipfile.ZipFile, size: int) -> None:
    """torch stores without compressing: what would unpack to more than the file itself is none of its files."""
    members = archive.infolist()
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise ValueError("torch compresses nothing, got compressed parts")
    if sum(member.file_size for member in members) > size:
        raise ValueError("parts must not be larger than the file")


@contextmanager
def atomic_write(path: str | PathLike[str]) -> Iterator[BinaryIO]:
    """A binary file that takes the place of ``path`` when the block ends without error.

    No reader sees half of it and no crash leaves half of it; a link stays a link. What a killed process had begun to
    write beside ``path`` is removed by the next one that writes there.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():  # or a device would give way to a file
        raise ValueError(f"path must be a file, got {str(path)!r}, which is none")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"no folder to write {path} in")
    own = f".graphar-{_short_hash(target.name)}-{_short_hash(platform.node())}-"
    beside = target.with_name(f"{own}{os.getpid()}-{token_hex(4)}.tmp")
    _remove_orphans(target.parent, own)
    try:
        with beside.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, target)
    finally:
        beside.unlink(missing_ok=True)


def _short_hash(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=6).hexdigest()


def _remove_orphans(folder: Path, own: str) -> None:
    """Remove what processes of this machine that are no more had begun to write under names that begin with ``own``."""
    if os.name != "posix":  # elsewhere there is no harmless way to ask whether a process lives
        return
    for path in folder.glob(f"{own}*.tmp"):
        process = path.name.removeprefix(own).partition("-")[0]
        if not process.isdecimal():
            continue
        try:
            os.kill(int(process), 0)
        except ProcessLookupError:
            path.unlink(missing_ok=True)
        except (PermissionError, OverflowError):
            continue


@contextmanager
def naming(path: Path | str) -> Iterator[None]:
    """Put the file's name in front of the complaints about its content."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
