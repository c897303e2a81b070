r"""Tabu search by single flips, of several configurations side by side.

Each step makes the flip of the lowest gain, up or down, and forbids it for a while,

.. math:: \Delta_i = 2 x_i \Big( \sum_j J_{ij} x_j + h_i \Big), \qquad
          \text{tenure} = N / a + b + \text{a random number below } N / c,

but for a flip that leads below all that was met. F. Glover, `ORSA J. Comput. 1, 190 (1989)
<https://doi.org/10.1287/ijoc.1.3.190>`_; for max-cut Q. Wu and J.-K. Hao, `LNCS 7492, 297 (2012)
<https://doi.org/10.1007/978-3-642-32964-7_30>`_.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.kernels.compiled.threads import share_out
from graphar.solvers.search.tabu_terms import plan_tabu

__all__ = ["Tabu"]

_TENURES = ((50, 5, 20), (20, 3, 20), (10**9, 3, 10), (100, 5, 20))  # by configuration: N / a + b + below N / c
_STEP = 2**26  # spins looked at by a configuration between two looks at whether to stop


class Tabu:
    """Tabu search of one Hamiltonian.

    Args:
        graph: float64, one graph or hypergraph.
    """

    def __init__(self, graph: IsingGraph | SpinHypergraph) -> None:
        self.graph, self.terms = graph, plan_tabu(graph)

    def search(self, spins: Tensor, flips: int, seed: int, stop: Callable[[], bool] = lambda: False) -> Tensor:
        """The best that each configuration (R, N) meets in so many flips, int8; the same on any number of threads.

        Args:
            spins: to start from, ±1.
            flips: of each, below 2^31.
            seed: of the random bits, below 2^64.
            stop: asked now and then whether to stop.
        """
        from graphar.solvers.search.loops.tabu import tabu_flips

        terms, (count, n) = self.terms, spins.shape
        x = spins.numpy().astype(terms.field.dtype)
        energy = np.rint(((self.graph.energy(spins) - self.graph.offset) / terms.unit).numpy()).astype(np.int64)
        best, lowest = x.copy(), energy.copy()
        gains, until = np.empty_like(x), np.zeros(x.shape, np.int32)
        tenure = np.array([_tenure(n, k) for k in range(count)])
        step, done = max(1, _STEP // (n + 500)), 0
        while done < flips and not stop():
            now = min(step, flips - done)
            settings = terms, np.uint64(seed), done, now, tenure
            share_out(count, tabu_flips, *settings, x, gains, until, energy, best, lowest)
            done += now
        return torch.from_numpy(best.astype(np.int8))


def _tenure(n: int, row: int) -> tuple[int, int]:
    """Fewest flips that a spin stays, and how many numbers follow: plateaus of ±1 couplings need longer ones."""
    part, first, more = _TENURES[row % len(_TENURES)]
    fewest = min(first + n // part, n // 4)
    return fewest, max(1, min(n // more, n // 2))
