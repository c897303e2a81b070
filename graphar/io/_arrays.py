"""Arrays in ``.npz`` archives, read within bounds.

Nothing is unpickled. Before an array is expanded, its own header and the size that the archive states must agree, and
arrays that nothing else bounds may expand by the same factor as gzip text.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from graphar.io._files import expansion_limit
from graphar.io.site_names import shown

__all__ = ["Arrays", "open_arrays"]


class Arrays:
    """What has been read of an archive, by name, and the shapes."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.archive = archive
        self.members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.found: dict[str, np.ndarray] = {}

    def __contains__(self, name: str) -> bool:
        return name in self.members

    def load(self, name: str, kinds: str, shape: tuple[int, ...] | None, bounded: bool = True) -> np.ndarray:
        """Read an array of one of the kinds of dtypes; ``bounded`` where nothing read before bounds its size."""
        if name not in self.members:
            raise ValueError(f"an array {name!r} expected, got {shown(sorted(self.members))}")
        info = self.members[name]
        with self.archive.open(info) as file:
            found, dtype = _header(file)
            if dtype.kind not in kinds or (shape is not None and found != shape):
                raise ValueError(
                    f"{name} must have the shape {shape} and a kind of {kinds}, got {shown((found, dtype))}"
                )
            if math.prod(found) * dtype.itemsize + file.tell() != info.file_size:
                raise ValueError(
                    f"{name} must fill its place in the archive, {info.file_size} bytes, got {shown(found)}"
                )
        if bounded and info.file_size > expansion_limit(info.compress_size):
            raise ValueError(f"{name} may expand to {expansion_limit(info.compress_size)} bytes, got {info.file_size}")
        self.shapes[name] = found
        with self.archive.open(info) as file:
            self.found[name] = np.lib.format.read_array(file, allow_pickle=False)
        return self.found[name]


@contextmanager
def open_arrays(path: Path, writer: str) -> Iterator[Arrays]:
    """The arrays of an archive that ``writer`` wrote; any damage is a ValueError."""
    with path.open("rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                yield Arrays(archive)
        except ValueError:
            raise
        except Exception as error:  # a damaged archive fails in every way that zip, zlib and npy know
            raise ValueError(f"a whole archive of {writer} expected, got {error!r}") from error


def _header(file: Any) -> tuple[tuple[int, ...], np.dtype]:
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    elif version == (2, 0):
        shape, _, dtype = np.lib.format.read_array_header_2_0(file)
    else:
        raise ValueError(f"arrays must be npy 1.0 or 2.0, got {version}")
    return shape, dtype
