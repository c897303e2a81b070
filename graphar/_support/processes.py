"""Processes that share one run, each its own part of the samples; a lone process never gets further than a look.

torchrun starts k processes and tells each by RANK and WORLD_SIZE which of how many it is. They join at the first call
that can be shared. Samples are numbered and their random bits follow from the number
(:mod:`graphar.kernels.random_bits`), so process r takes an interval of numbers that no other has, and the samples are
those of one process. How results are brought together, :mod:`graphar._support.group` says.

In float32 a rounding may change the draw of a spin once in some 10^7 draws, and runs part there, as equal as any two.

All of them execute the same program and make the same calls in the same order; each call compares what it was given.
"""

from __future__ import annotations

import atexit
import math
import multiprocessing
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from os import PathLike
from typing import TYPE_CHECKING

import torch

from graphar._support.group import LONE, Group, ProcessLost, hearing

if TYPE_CHECKING:
    from graphar._support.shared_memory import Exchange

__all__ = ["alone", "joined", "naming_checkpoint"]

TIMEOUT = timedelta(minutes=10)  # for a process that hangs; one that ends is noticed at once
JOIN_SECONDS = 120.0  # for one that does not come; GRAPHAR_JOIN_SECONDS says otherwise
TOLD = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")

_mine = threading.local()
_exchange: Exchange | None = None


@contextmanager
def alone() -> Iterator[None]:
    """What is called within runs in this process alone, under ``torchrun`` too, where calls are shared otherwise.

    For what one process is to do by itself, or each with a model of its own.

    >>> import graphar as ga
    >>> q = ga.Autoregressive(ga.chain(4, couplings="ferromagnet")).at(0.5)
    >>> with alone():
    ...     found = ga.free_energy(q, 1000)
    >>> found.num_samples
    1000
    """
    before = getattr(_mine, "alone", False)
    _mine.alone = True
    try:
        yield
    finally:
        _mine.alone = before


def joined() -> Group:
    """The processes that share a call made here; one alone within :func:`alone`, in other threads and child processes.

    Raises:
        ValueError: the environment tells of several processes, but not all that is needed to join them.
        ProcessLost: others do not come within ``GRAPHAR_JOIN_SECONDS``, two minutes by default.
    """
    if getattr(_mine, "alone", False) or threading.current_thread() is not threading.main_thread():
        return LONE
    distributed = torch.distributed
    if distributed.is_available() and distributed.is_initialized():
        return Group(distributed.get_rank(), distributed.get_world_size(), _exchange)
    world = os.environ.get("WORLD_SIZE")
    if world in (None, "1") or multiprocessing.parent_process() is not None:
        return LONE
    return _join()


def _join() -> Group:
    numbers = {}
    for name in TOLD:
        value = os.environ.get(name)
        if value is None or (name != "MASTER_ADDR" and not value.isdecimal()):
            rule = "torchrun sets it, or your job file must" if value is None else "it is a whole number"
            raise ValueError(f"{name} must be set where WORLD_SIZE is, {rule}; got {value!r}")
        numbers[name] = value
    rank, world = int(numbers["RANK"]), int(numbers["WORLD_SIZE"])
    if rank >= world:
        raise ValueError(f"RANK must be less than WORLD_SIZE, {world}, got {rank}")
    if not torch.distributed.is_available():
        raise ImportError("several processes need a torch built with torch.distributed, and this one is not")
    backend = "gloo"
    if torch.cuda.is_available() and torch.distributed.is_nccl_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
        backend = "cpu:gloo,cuda:nccl"
    global _exchange
    store, _exchange = _meet(rank, world, _join_seconds())
    with hearing():
        torch.distributed.init_process_group(backend, store=store, rank=rank, world_size=world, timeout=TIMEOUT)
    atexit.register(_leave)
    return Group(rank, world, _exchange)


def _join_seconds() -> float:
    value = os.environ.get("GRAPHAR_JOIN_SECONDS", str(JOIN_SECONDS))
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < 10**6:
        raise ValueError(f"GRAPHAR_JOIN_SECONDS must be a positive number of seconds, got {value!r}")
    return seconds


def _meet(rank: int, world: int, seconds: float) -> tuple[torch.distributed.Store, Exchange | None]:
    """What processes tell each other their addresses by, once all have come, and the memory of one machine's.

    Raises:
        ProcessLost: some have not.
    """
    wait = timedelta(seconds=seconds)
    try:
        store: torch.distributed.Store = next(torch.distributed.rendezvous("env://", rank, world, timeout=wait))[0]
        store.set(f"graphar {rank}", "here")
        store.wait([f"graphar {other}" for other in range(world)], wait)
        exchange = None
        if sys.platform == "linux":
            from graphar._support.shared_memory import open_exchange

            hear = lambda name: store.get(name).decode()  # noqa: E731
            exchange = open_exchange(rank, world, store.set, hear, TIMEOUT.total_seconds())
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise ProcessLost(
            f"process {rank} has waited {seconds:g} s for all {world} processes, and not all have come; the "
            f"environment variable GRAPHAR_JOIN_SECONDS says how long they wait ({reason})"
        ) from error
    return store, exchange


def _leave() -> None:
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


@contextmanager
def naming_checkpoint(path: str | PathLike[str] | None) -> Iterator[None]:
    """Where a process is lost, say where the work is."""
    try:
        yield
    except ProcessLost as error:
        kept = "no checkpoint was asked for"
        if path is not None:
            written = os.path.exists(path)
            kept = f"go on from the checkpoint {os.fspath(path)}" if written else "no checkpoint was written yet"
        raise ProcessLost(f"{error}; {kept}") from error.__cause__
