"""What processes of one run do together: draw an interval of samples each, gather, sum, compare what they were given.

What samples are asked for, their log q, their energies, is gathered in the order of their numbers: every process then
holds the columns that one process would, and means, errors and tails made of them are the same to the last bit. Sums of
gradients and of what is as long are sums of sums, in the order of the processes: the same bits on all of them, and
those of one process but for rounding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from graphar._support.digests import digest

if TYPE_CHECKING:
    from graphar._support.shared_memory import Exchange

__all__ = ["BLOCK", "LONE", "Group", "ProcessLost", "first_of_lowest", "hearing"]

BLOCK = 64
"""Samples and replicas are split at multiples of this many, as vector registers and random bits hold them."""

_GATHERED = 2**26  # numbers of all processes' gradients up to which they are gathered, to be summed in their order


class ProcessLost(RuntimeError):
    """Another process of the run has ended, or has not been heard of."""


@contextmanager
def hearing() -> Iterator[None]:
    """What torch says of a process that is no more, in words."""
    try:
        yield
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise ProcessLost(f"another process of the run has ended or hangs, so this one ends too ({reason})") from error


@dataclass(frozen=True)
class Group:
    """The processes of a run, and which of them this one is.

    Attributes:
        rank: number of this process, from 0 on; process 0 writes files and prints.
        world: how many there are.
        exchange: memory that all of them see, where they are on one machine.
    """

    rank: int
    world: int
    exchange: Exchange | None = field(default=None, repr=False, compare=False)

    @property
    def first(self) -> bool:
        """Whether this is process 0, which alone writes and prints."""
        return self.rank == 0

    def share(self, count: int, rank: int | None = None, unit: int = BLOCK) -> range:
        """Numbers of the samples, of ``count``, that a process has, by default this one; whole units of them.

        >>> [Group(rank, 3).share(300) for rank in range(3)]
        [range(0, 64), range(64, 192), range(192, 300)]
        """
        rank, units = self.rank if rank is None else rank, -(-count // unit)
        start, stop = (min(count, units * r // self.world * unit) for r in (rank, rank + 1))
        return range(start, stop)

    def gather(self, *parts: Tensor) -> list[list[Tensor]]:
        """For each part, which has the same shape and type on every process, those of all, by rank; on the CPU."""
        if self.world == 1:
            return [[part] for part in parts]
        flat = [part.detach().cpu().contiguous() for part in parts]
        data = torch.cat([part.reshape(-1).view(torch.uint8) for part in flat])
        with hearing():
            if self.exchange is not None:
                received = torch.from_numpy(self.exchange.gather(data.numpy()))
            else:
                received = torch.empty(self.world, data.numel(), dtype=torch.uint8)
                torch.distributed.all_gather(list(received.unbind(0)), data)
        pieces = received.split([part.numel() * part.element_size() for part in flat], dim=1)
        return [
            [_as_whole_words(row, part).view(part.dtype).view(part.shape) for row in piece]
            for part, piece in zip(flat, pieces, strict=True)
        ]

    def gather_rows(self, part: Tensor, count: int, unit: int = BLOCK, dim: int = 0) -> Tensor:
        """Rows of all samples by their numbers along an axis, from each process's own share of them."""
        if self.world == 1:
            return part
        return self.gather_samples([part.movedim(dim, 0)], count, unit=unit)[0][0].movedim(0, dim).contiguous()

    def gather_samples(
        self, columns: Sequence[Tensor], count: int, *others: Tensor, unit: int = BLOCK
    ) -> tuple[list[Tensor], list[Any]]:
        """Several columns at once, (count, …) each, and ``others`` as :meth:`gather` does."""
        if self.world == 1:
            return list(columns), [[part] for part in others]
        shares = [self.share(count, rank, unit) for rank in range(self.world)]
        most = max(map(len, shares))
        padded = []
        for column in columns:
            room = column.detach()
            if len(column) < most:
                room = torch.cat([room, torch.zeros(most - len(column), *column.shape[1:], dtype=column.dtype)])
            padded.append(room)
        found = self.gather(*padded, *others)
        whole = [
            torch.cat([piece[: len(share)] for piece, share in zip(pieces, shares, strict=True)])
            for pieces in found[: len(columns)]
        ]
        return whole, found[len(columns) :]

    def sum(self, part: Tensor) -> Tensor:
        """Of one tensor of each process, the same bits on all."""
        if self.world == 1:
            return part
        if not part.is_cuda and self.world * part.numel() <= _GATHERED:
            if self.exchange is None:
                return in_order(self.gather(part)[0])
            with hearing():
                return torch.from_numpy(self.exchange.sum(part.detach().numpy()))
        total = part.detach().contiguous().clone()
        with hearing():
            torch.distributed.all_reduce(total)
        return total

    def any(self, flag: bool) -> bool:
        """Whether it is set on any process."""
        if self.world == 1:
            return flag
        return bool(self.sum(torch.tensor(int(flag))).item())

    def of_first(self, number: float) -> float:
        """That of process 0, such as a time by its clock."""
        return number if self.world == 1 else float(self.gather(torch.tensor(number, dtype=torch.float64))[0][0])

    def text_of_first(self, text: str) -> str:
        """That of process 0."""
        if self.world == 1:
            return text
        data = torch.frombuffer(bytearray(text.encode()) or bytearray(1), dtype=torch.uint8)
        size = int(self.gather(torch.tensor(len(text.encode())))[0][0])
        room = torch.zeros(max(1, size), dtype=torch.uint8)
        room[: min(len(data), len(room))] = data[: len(room)]
        return bytes(self.gather(room)[0][0].tolist())[:size].decode()

    def lowest(self, energy: float, spins: Tensor) -> tuple[float, Tensor]:
        """The lowest energy that a process gives, and its configuration; of equal ones, the first process's."""
        if self.world == 1:
            return energy, spins
        energies, configurations = self.gather(torch.tensor(energy, dtype=torch.float64), spins.to(torch.int8))
        at = first_of_lowest(energies)
        return float(energies[at]), configurations[at]

    def agree(self, **given: Any) -> None:
        """That every process was given the same.

        Raises:
            ValueError: what differs, and on which process.
        """
        if self.world == 1:
            return
        digests = torch.tensor([[digest(name), digest(value)] for name, value in given.items()])
        together = self.gather(torch.tensor(digest(digests)))[0]
        if all(bool(other == together[0]) for other in together):
            return
        counts = self.gather(torch.tensor(len(digests)))[0]
        rows = torch.zeros(int(max(counts)), 2, dtype=torch.int64)
        rows[: len(digests)] = digests
        theirs = self.gather(rows)[0]
        for rank, other in enumerate(theirs):
            if not torch.equal(other[:, 0], theirs[0][:, 0]):
                raise ValueError(f"processes must make the same calls in the same order, process {rank} made another")
            for name, mine, of_first in zip(given, other[:, 1], theirs[0][:, 1], strict=False):
                if mine != of_first:
                    own = "" if isinstance(given[name], Tensor | dict | list) else f" (here {given[name]!r})"
                    raise ValueError(
                        f"{name} must be the same on all {self.world} processes, got another on process {rank} than on "
                        f"process 0{own}; ga.alone() is for what one process does by itself"
                    )


def _as_whole_words(row: Tensor, part: Tensor) -> Tensor:
    """Bytes of a part where they can be read as its numbers: in a piece of memory of their own."""
    return row if part.element_size() == 1 else row.clone()


def in_order(parts: Sequence[Tensor]) -> Tensor:
    """Sum of parts, of which the first is written over."""
    total = parts[0]
    for part in parts[1:]:
        total += part
    return total


def first_of_lowest(energies: Sequence[Tensor]) -> int:
    """Which process has the lowest energy, the first of those that have it."""
    return min(range(len(energies)), key=lambda rank: float(energies[rank]))


LONE = Group(0, 1)
"""One process by itself."""
