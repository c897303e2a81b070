"""Files as bytes, read within bounds.

Nothing is allocated for what a header claims, only for what the file holds. Two rules bound that as well:

- a gzip file may expand to at most 64 times its size plus 16 MiB (a million edges of coupling 1 on a grid expand to 4);
- a file may claim a million spins whatever it holds, and beyond that no more spins than it has bytes:
  isolated spins are legal, but a spin that is listed takes at least one byte.
"""

from __future__ import annotations

import errno
import gzip
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from graphar._support.files import naming
from graphar.hamiltonians.ising import MAX_SPINS

__all__ = ["as_path", "expansion_limit", "plainly", "read_bytes", "room"]

_FREE_SPINS = 2**20
_CHUNK = 2**20
_BAD_NAMES = (errno.ENAMETOOLONG, errno.EISDIR, errno.ELOOP, errno.EINVAL)


def room(size: int) -> int:
    """Number of spins that ``size`` bytes may claim."""
    return min(MAX_SPINS, max(_FREE_SPINS, size))


def expansion_limit(size: int) -> int:
    """Number of bytes that ``size`` compressed bytes may expand to."""
    return 64 * size + 2**24


def as_path(path: Any) -> Path:
    """A path to a file, or to where one could be written; what is there and no file is refused."""
    if not isinstance(path, str | os.PathLike):
        raise ValueError(f"path must be a string or a path, got {type(path).__name__}")
    name = os.fsdecode(path)
    if not name or "\0" in name:
        raise ValueError(f"path must have letters and none of code 0, got {name!r}")
    place = Path(name)
    with plainly(place):
        if place.exists() and not place.is_file():
            raise ValueError(f"path must be a file, got {'the directory ' if place.is_dir() else ''}{name!r}")
    return place


@contextmanager
def plainly(path: Path) -> Iterator[None]:
    """Say what the system says of a file in plain words behind its name; names that can be none are bad values."""
    try:
        yield
    except OSError as error:
        if error.errno is None:  # is plain
            raise
        kind: type[Exception] = ValueError if error.errno in _BAD_NAMES else OSError
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            kind = FileNotFoundError
        elif isinstance(error, PermissionError) or error.errno == errno.EROFS:
            kind = PermissionError
        raise kind(f"{path}: {os.strerror(error.errno).lower()}") from error


def read_bytes(path: Path) -> bytes:
    """The bytes of a text file; gzip is recognised by its first bytes."""
    with path.open("rb") as raw, naming(path):
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        if packed:
            return _expand(raw, expansion_limit(path.stat().st_size))
        if path.suffix.lower() == ".gz":
            raise ValueError("a gzip file expected, as the name says, got other bytes")
        return raw.read()


def _expand(raw: BinaryIO, limit: int) -> bytes:
    chunks, size = [], 0
    try:
        with gzip.GzipFile(fileobj=raw) as stream:
            while chunk := stream.read(_CHUNK):
                chunks.append(chunk)
                size += len(chunk)
                if size > limit:
                    raise ValueError(f"a gzip file of this size may expand to {limit} bytes, got more")
                if b"\0" in chunk:
                    raise ValueError("text expected in the gzip file, got bytes of 0")
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(f"a whole gzip file expected, got a damaged one ({error})") from error
    return b"".join(chunks)
