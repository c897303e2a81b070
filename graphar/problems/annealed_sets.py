r"""Annealing of independent sets: particles on vertices that exclude their neighbours, as the chemical potential rises.

Configurations are independent sets of probability :math:`\propto e^{\mu \sum_i w_i b_i}`. A step tries a random vertex:
what is in the set leaves it with probability :math:`e^{-\mu w}`, what has no neighbour in it enters, and what has one
takes its place with probability :math:`\min(1, e^{\mu \Delta w})`. The exchanges keep dense sets moving, where
steps of a penalty freeze. Reference: M. C. Angelini and F. Ricci-Tersenghi, `Phys. Rev. E 100, 013302 (2019)
<https://doi.org/10.1103/PhysRevE.100.013302>`_, on random regular graphs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphar._support.compile import njit
from graphar._support.seeds import hash_key

__all__ = ["anneal_sets", "neighbours_inside"]

HOT, WARM, COLD = 2.0, 4.0, 10.0  # μ times the mean weight, at the beginning, from a good set, at the end
CHUNK = 2**21  # steps between two looks at whether to stop, and between two values of μ at most
STAGES = 256  # values of μ


def anneal_sets(
    start: np.ndarray,
    neighbours: np.ndarray,
    weight: np.ndarray,
    chosen: np.ndarray | None,
    seed: int,
    work: int,
    stop: Callable[[], bool],
) -> np.ndarray:
    """The heaviest independent set that a chain meets.

    Args:
        start, neighbours: of each vertex, (N + 1,) and (2E,).
        weight: of the vertices, (N,), positive.
        chosen: an independent set, (N,), bool, from which it starts, less hot; None for no vertex.
        seed: of the random numbers.
        work: steps.
        stop: asks whether to end before.
    """
    n = len(weight)
    scaled = weight / weight.mean()
    state = np.array([hash_key(seed, "chain")], np.uint64)
    inside = np.zeros(n, np.bool_) if chosen is None else chosen.copy()
    best, total = inside.copy(), float(weight[inside].sum())
    tight = neighbours_inside(start, neighbours, inside)
    steps = max(n, work)
    pieces = max(STAGES, steps // CHUNK)
    for mu in np.linspace(HOT if chosen is None else WARM, COLD, pieces):
        if stop():
            break
        exchange(start, neighbours, scaled, inside, tight, mu, steps // pieces + 1, state)
        now = float(weight[inside].sum())
        if now > total:
            best[:], total = inside, now
    return best


@njit(nogil=True, cache=True)
def neighbours_inside(start: Any, neighbours: Any, inside: Any) -> Any:
    """How many neighbours of each vertex are in a set, (N,), int32."""
    tight = np.zeros(len(inside), np.int32)
    for v in range(len(inside)):
        if inside[v]:
            for e in range(start[v], start[v + 1]):
                tight[neighbours[e]] += 1
    return tight


@njit(nogil=True, cache=True)
def exchange(
    start: Any, neighbours: Any, weight: Any, inside: Any, tight: Any, mu: float, steps: int, random: Any
) -> None:
    """Steps at one μ; ``inside``, ``tight`` and the state of the random numbers, (1,), change in place."""
    n, state = np.uint64(len(weight)), random[0]
    most = np.exp(-mu * weight.min())
    for _ in range(steps):
        state = state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
        v = np.int64(((state >> np.uint64(32)) * n) >> np.uint64(32))
        if inside[v]:
            state = state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
            u = np.float64(state >> np.uint64(11)) * 2.0**-53
            if u < most and u < np.exp(-mu * weight[v]):
                inside[v] = False
                for e in range(start[v], start[v + 1]):
                    tight[neighbours[e]] -= 1
        elif tight[v] <= 1:
            if tight[v] == 1:
                out = -1
                for e in range(start[v], start[v + 1]):
                    if inside[neighbours[e]]:
                        out = neighbours[e]
                        break
                if weight[v] < weight[out]:
                    state = state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
                    if np.float64(state >> np.uint64(11)) * 2.0**-53 >= np.exp(mu * (weight[v] - weight[out])):
                        continue
                inside[out] = False
                for e in range(start[out], start[out + 1]):
                    tight[neighbours[e]] -= 1
            inside[v] = True
            for e in range(start[v], start[v + 1]):
                tight[neighbours[e]] += 1
    random[0] = state
