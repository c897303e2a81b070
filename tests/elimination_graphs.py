"""Small graphs for elimination: those of the laws and 32 at random."""

from __future__ import annotations

import itertools

import numpy as np
from small_graphs import GRAPHS

from graphar import IsingGraph

__all__ = ["ALL", "SOME", "random_graph"]


def random_graph(seed: int) -> IsingGraph:
    """2 to 12 spins, any density, fields and offset; every third one integer, with ties."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 13))
    pairs = np.array(list(itertools.combinations(range(n), 2)))
    pairs = pairs[rng.random(len(pairs)) < rng.uniform(0.1, 0.9)].reshape(-1, 2)
    J, h = rng.normal(size=len(pairs)), rng.normal(size=n)
    if seed % 3 == 0:
        J, h = np.sign(J), np.round(h)
    return IsingGraph.from_edges(pairs.T, J, h, n, offset=rng.normal())


ALL = GRAPHS | {f"random {seed}": random_graph(seed) for seed in range(32)}
SOME = [*GRAPHS, "random 2", "random 3", "random 6", "random 11"]
