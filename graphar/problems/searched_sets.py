"""The search of independent sets: annealed chains, and exchanges from the best set, side by side."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from graphar._support.seeds import hash_key
from graphar.problems.annealed_sets import anneal_sets
from graphar.problems.exchanged_sets import exchange_sets

__all__ = ["search_sets"]

VERTICES, MOST = 2**13, 4  # in all chains together, and most chains


def search_sets(
    start: np.ndarray,
    neighbours: np.ndarray,
    weight: np.ndarray,
    chosen: np.ndarray,
    seed: int,
    work: int,
    stop: Callable[[], bool],
    tell: Callable[[np.ndarray], None],
) -> np.ndarray:
    """The heaviest independent set that exchanges or some chains meet, or the given one.

    Half of the work is exchanges from the given set. Chains have the other half; large graphs have one, as a slow chain
    ends lower than several fast ones. Every second begins from the given set.

    Args:
        start, neighbours: of each vertex, (N + 1,) and (2E,).
        weight: of the vertices, (N,), positive.
        chosen: an independent set, (N,), bool.
        seed: of the random numbers.
        work: steps and looks at vertices, together.
        stop: asks whether to end before.
        tell: gets better sets while it runs, on another thread.
    """
    chains = int(np.clip(VERTICES // max(1, len(weight)), 1, MOST))

    def job(number: int) -> np.ndarray:
        key = hash_key(seed, "job", number) >> 1
        if number == 0:
            return exchange_sets(start, neighbours, weight, chosen, key, work // 2, stop, tell)
        warm = key % 2 == 1 if chains == 1 else number % 2 == 0
        return anneal_sets(start, neighbours, weight, chosen if warm else None, key, work // 2 // chains, stop)

    with ThreadPoolExecutor(min(1 + chains, torch.get_num_threads())) as pool:
        found = list(pool.map(job, range(1 + chains)))
    best = max(found, key=lambda each: float(weight[each].sum()))
    return best if float(weight[best].sum()) > float(weight[chosen].sum()) else chosen
