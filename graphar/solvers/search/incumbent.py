"""The best that a search has found: kept under a lock, as the search and whoever waits for it are two threads."""

from __future__ import annotations

import threading
import time
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from graphar.exact.scale import scale
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.solvers.bounds.integrality import Ladder, ladder_of
from graphar.solvers.bounds.pairs import as_pairs

__all__ = ["Improvement", "Incumbent"]

_ROUNDING = 1e-12  # of Σ|J| + Σ|h|: energies closer than this are equal

RESOLUTION = 1e-7
"""Of the energy: where couplings have no unit, a bound so close proves the lowest energy; matching rounds to 2⁻²⁴."""


class Improvement(NamedTuple):
    """A lower energy than all before.

    Attributes:
        seconds: since the search began.
        energy: offset included.
        method: that found it.
    """

    seconds: float
    energy: float
    method: str


class Incumbent:
    """Best configurations, best bound and how they came about.

    Attributes:
        energy: lowest energy met, offset included; ∞ before the first.
        spins: a configuration of it, int8, (N,).
        bound: no energy is below it.
        bound_method: what gave it.
        history: of improvements.
        changed: set at each improvement of energy or bound.
        stop: set by whoever wants the search to end.
    """

    def __init__(self, graph: IsingGraph | SpinHypergraph, target: float, max_solutions: int, start: float) -> None:
        self.graph = graph.to(torch.device("cpu"), torch.float64)
        self.tolerance = _ROUNDING * scale(self.graph)
        self.target, self._max_solutions, self._start = target, max_solutions, start
        self.energy, self.bound, self.bound_method = np.inf, -np.inf, ""
        self.spins = torch.ones(graph.num_spins, dtype=torch.int8)
        self.history: list[Improvement] = []
        self.changed, self.stop = threading.Event(), threading.Event()
        self._solutions: dict[bytes, Tensor] = {}
        self._lock = threading.Lock()
        self._closed = False

    @property
    def seconds(self) -> float:
        """Since the search began."""
        return time.monotonic() - self._start

    @property
    def proven(self) -> bool:
        """Whether no energy is below the lowest met, but for rounding."""
        if self.bound == -np.inf or self.energy > self.bound + max(self.tolerance, RESOLUTION * abs(self.bound)):
            return False  # whatever the steps of energies, which take long to find for many couplings
        return self.energy <= self.bound + max(self.tolerance, self._resolution * abs(self.bound))

    @cached_property
    def ladder(self) -> Ladder | None:
        """Steps of the energies, the offset left out; of pairs alone."""
        return ladder_of(as_pairs(self.graph)) if isinstance(self.graph, IsingGraph) else None

    @property
    def _resolution(self) -> float:
        """None for energies in steps: bounds are then rounded up to one of them."""
        stepped = isinstance(self.graph, SpinHypergraph) or self.ladder is not None
        return 0.0 if stepped else RESOLUTION

    @property
    def finished(self) -> bool:
        """Whether nothing is left to be looked for."""
        return self.proven or self.energy <= self.target + self.tolerance

    def offer(self, spins: Tensor, method: str) -> bool:
        """Take configurations (M, N) or (N,) that are as low as the best or lower; whether one is lower."""
        rows = spins.reshape(-1, self.graph.num_spins)
        energies = self.graph.energy(rows)
        lowest = float(energies.min())
        if lowest > self.energy + self.tolerance:
            return False
        first = rows[int(energies.argmin())].clone()
        # as the graph says of this configuration alone: among others, its sum may be rounded otherwise
        alone = lowest if len(rows) == 1 else float(self.graph.energy(first))
        with self._lock:
            if self._closed or lowest > self.energy + self.tolerance:
                return False
            better = lowest < self.energy - self.tolerance
            if better:
                self.spins, self.energy = first, alone
                self._solutions.clear()
                self.history.append(Improvement(self.seconds, alone, method))
                self.changed.set()
            for row in rows[energies <= self.energy + self.tolerance]:
                if len(self._solutions) >= self._max_solutions:
                    break
                self._solutions.setdefault(row.numpy().tobytes(), row.clone())
            if self.finished:
                self.stop.set()
            return better

    def raise_bound(self, bound: float, method: str) -> None:
        """Take a lower bound on the energy where it is better than the one there is."""
        with self._lock:
            if self._closed or not bound > self.bound:
                return
            self.bound, self.bound_method = bound, method
            self.changed.set()
            if self.finished:
                self.stop.set()

    def close(self) -> Tensor:
        """Take nothing more; all different solutions, (M, N)."""
        with self._lock:
            self._closed = True
            self.stop.set()
            return torch.stack(list(self._solutions.values()))
