"""Numbers that processes of one machine exchange in memory that all of them see.

A message by gloo goes through a socket and wakes two threads, which takes up to milliseconds where a step takes ten.
Here a process copies its part into a slot of its own, counts up, and looks at the counts of the others until they have
done the same; it looks often at first, then sleeps between looks. Each slot has two halves: who writes a part has read
the part before the last of all others, so that a count is all that has to be waited for.

The file behind the memory has no name once all have opened it, and is gone with the last of them. Each process holds a
lock on a byte of its own, which the system takes away from a process that ends in whatever way: so others notice.

Counts are written after what they count, and seen by others in this order on x86-64, where alone this is done.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import platform
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

__all__ = ["Exchange", "Gone", "open_exchange"]

FOLDER = "/dev/shm"
MOST = 2**25  # bytes of all slots
LINE = 64  # bytes of a cache line
LOOKING = 1e-3  # seconds of looking without sleep, where each process has a processor
SLEEP = 5e-5
ROUND = 0.02  # seconds between two looks at whether all are still there


class Gone(RuntimeError):
    """Another process has ended, or has been silent for too long."""


class Exchange:
    """Slots of all processes, of which this one writes its own.

    Args:
        file: descriptor of the file, open for as long as this one lives.
        rank, world: which process this is, and of how many.
        patience: seconds after which a process counts as lost.
    """

    def __init__(self, file: int, rank: int, world: int, patience: float) -> None:
        self._file, self._rank, self._world, self._patience = file, rank, world, patience
        self._memory = mmap.mmap(file, _size(world))
        lines = np.frombuffer(self._memory, np.int64, world * LINE // 8, LINE).reshape(world, -1)
        self._counts, self._sizes = lines[:, 0], (lines[:, 1], lines[:, 2])  # of the message that a half is part of
        slots = np.frombuffer(self._memory, np.uint8, 2 * world * _slot(world), _head(world))
        self._slots = slots.reshape(2, world, -1)
        self._count = 0
        self._looking = LOOKING if world <= len(os.sched_getaffinity(0)) else 0.0
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, rank)

    def gather(self, part: np.ndarray) -> np.ndarray:
        """Bytes of every process, (processes, bytes), of as many on each."""
        whole = np.empty((self._world, part.size), np.uint8)
        for first, pieces in self._pieces(part):
            whole[:, first : first + pieces.shape[1]] = pieces
        return whole

    def sum(self, part: np.ndarray) -> np.ndarray:
        """Sum over processes in their order, the same bits on all of them."""
        flat = np.ascontiguousarray(part).reshape(-1)
        total = np.empty_like(flat)
        for first, pieces in self._pieces(flat.view(np.uint8)):
            rows = pieces.view(part.dtype)
            mine = total[first // part.itemsize :][: rows.shape[1]]
            np.add(rows[0], rows[1], out=mine)
            for row in rows[2:]:
                mine += row
        return total.reshape(part.shape)

    def _pieces(self, part: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """Where each piece begins, and those of all processes, which are to be read before the next is asked for."""
        slot = self._slots.shape[2]
        for first in range(0, max(1, part.size), slot):
            half, mine = self._count % 2, part[first : first + slot]
            slots, sizes = self._slots[half], self._sizes[half]
            slots[self._rank, : mine.size], sizes[self._rank] = mine, part.size
            self._count += 1
            self._counts[self._rank] = self._count
            self._wait()
            if int(sizes.min()) != int(sizes.max()):
                raise Gone("processes have sent messages of other lengths, so they have not made the same calls")
            yield first, slots[:, : mine.size]

    def _wait(self) -> None:
        """Until all have counted as far as this one."""
        counts, count, began = self._counts, self._count, time.monotonic()
        looked = began
        while int(counts.min()) < count:
            now = time.monotonic()
            if now - began < self._looking:
                continue
            time.sleep(SLEEP)
            if now - looked > ROUND:
                looked = now
                self._check(count, now - began)

    def _check(self, count: int, waited: float) -> None:
        """That those who are behind still live."""
        for other in range(self._world):
            if other == self._rank or self._counts[other] >= count:
                continue
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, other)
            except OSError:
                if waited > self._patience:
                    raise Gone(f"process {other} has been silent for {waited:.0f} s") from None
                continue
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, other)
            if self._counts[other] < count:  # it may have counted and ended since
                raise Gone(f"process {other} is no more")


def open_exchange(
    rank: int, world: int, tell: Callable[[str, str], Any], hear: Callable[[str], str], patience: float
) -> Exchange | None:
    """What processes exchange numbers by, if all of them are on one machine that can do it.

    Args:
        rank, world: which process this is, and of how many.
        tell, hear: a word by its name to all processes, and one that any of them told, once it has.
        patience: seconds after which a process counts as lost.
    """
    path, word, exchange = "", "", None
    if rank == 0:
        with contextlib.suppress(OSError):
            path, word = _make(world)
        tell("exchange", f"{path} {word}")
    else:
        path, word = hear("exchange").split(" ")
    if path:
        with contextlib.suppress(OSError):
            exchange = _open(path, word, rank, world, patience)
    tell(f"exchange {rank}", "yes" if exchange else "no")
    answers = [hear(f"exchange {other}") for other in range(world)]  # of all, before the file loses its name
    if rank == 0 and path:
        os.unlink(path)
    return exchange if set(answers) == {"yes"} else None


def _make(world: int) -> tuple[str, str]:
    """Path of a new file, and the word that stands at its beginning."""
    if platform.machine() != "x86_64" or not os.path.isdir(FOLDER) or not _slot(world):
        return "", ""
    word = secrets.token_hex(16)
    file, path = tempfile.mkstemp(prefix="graphar-", dir=FOLDER)
    try:
        os.posix_fallocate(file, 0, _size(world))  # a file that has no room for what is written to it ends a process
        os.pwrite(file, word.encode(), 0)
    except OSError:
        os.unlink(path)
        raise
    finally:
        os.close(file)
    return path, word


def _open(path: str, word: str, rank: int, world: int, patience: float) -> Exchange | None:
    """None where the file is another's of the same name, on another machine."""
    file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    if os.pread(file, len(word), 0) != word.encode():
        os.close(file)
        return None
    return Exchange(file, rank, world, patience)


def _slot(world: int) -> int:
    """Bytes of a slot: whole pages."""
    return min(2**20, MOST // (2 * world) // 4096 * 4096)


def _head(world: int) -> int:
    """Bytes before the slots: the word, then counts; whole pages."""
    return -(-(1 + world) * LINE // 4096) * 4096


def _size(world: int) -> int:
    return _head(world) + 2 * world * _slot(world)
