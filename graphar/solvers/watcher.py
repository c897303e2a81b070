"""Who is told of a search while it runs: a bar, a file, a callback."""

from __future__ import annotations

import math
from collections.abc import Callable
from os import PathLike
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from graphar._support.files import atomic_write
from graphar.problems import Problem
from graphar.problems.written import answer_text
from graphar.solvers.search.incumbent import Incumbent

__all__ = ["Progress", "Watcher", "write_text"]


class Progress(NamedTuple):
    """What a callback is told.

    Attributes:
        seconds: since the beginning.
        energy: lowest so far.
        bound: best so far.
        spins: of the lowest energy, int8, (N,).
        method: that found them.
    """

    seconds: float
    energy: float
    bound: float
    spins: Tensor
    method: str


class Watcher:
    """Tells of improvements, on the thread of whoever called: bar, file, callback."""

    def __init__(
        self,
        best: Incumbent,
        problem: Problem[Any] | None,
        callback: Callable[[Progress], Any] | None,
        out: str | PathLike[str] | None,
        progress: bool,
    ) -> None:
        self._best, self._problem, self._callback, self._out = best, problem, callback, out
        self._show, self._told = progress, 0
        self.stopped = False

    def __enter__(self) -> Watcher:
        from tqdm.auto import tqdm

        form = "{desc} {elapsed}{postfix}"
        self._bar = tqdm(disable=not self._show, desc="solving", leave=None, delay=1.0, bar_format=form)
        return self

    def __exit__(self, *error: object) -> None:
        self._best.stop.set()
        self._bar.close()

    def tell(self) -> None:
        """What is new, if anything is."""
        best = self._best
        best.changed.clear()
        energy, bound = best.energy, best.bound
        gap = "" if math.isinf(bound) else f"  bound {bound:.8g}  gap {max(0.0, energy - bound):.3g}"
        self._bar.set_postfix_str(f"best {energy:.8g}{gap}", refresh=False)
        self._bar.update(0)
        if self._told == len(best.history):
            return
        self._told, last = len(best.history), best.history[-1]
        spins = best.spins
        self._write(spins)
        if self._callback is not None:
            answer = self._callback(Progress(last.seconds, last.energy, bound, spins, last.method))
            self.stopped |= isinstance(answer, bool | np.bool_) and bool(answer)

    def _write(self, spins: Tensor) -> None:
        if self._out is None:
            return
        if self._problem is None:
            text = np.where(spins.numpy() > 0, b"+1\n", b"-1\n").tobytes().decode()
        else:
            answer = self._problem.decode(spins)
            if not self._problem.feasible(answer):
                return  # a repair may take long: it is left to the end
            text = answer_text(self._problem, answer)
        write_text(self._out, text)


def write_text(path: str | PathLike[str], text: str) -> None:
    """A text file, whole or not at all."""
    with atomic_write(path) as file:
        file.write(text.encode())
