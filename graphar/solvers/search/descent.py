"""Descent of one configuration of a large graph: sites in their order turn where that gains."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from graphar._support.compile import njit
from graphar._support.segments import pointers
from graphar.hamiltonians import IsingGraph

__all__ = ["descend"]

_PASSES = 20


def descend(graph: IsingGraph, spins: Tensor, stop: Callable[[], bool]) -> Tensor:
    """Spins (N,) after at most 20 passes, fewer where none turns or when told to stop.

    Args:
        graph: on the CPU, float64.
        spins: int8, (N,); not changed.
        stop: asked between passes.
    """
    (source, target), weight = graph.edge_index, graph.edge_weight
    if bool((source[1:] < source[:-1]).any()):  # graphs are made with sorted edges, but transforms may shuffle them
        order = source.argsort(stable=True)
        source, target, weight = source[order], target[order], weight[order]
    start, x = pointers(source, graph.num_spins), spins.clone()
    arrays = [each.detach().numpy() for each in (start, target, weight, graph.h, x)]
    for _ in range(_PASSES):
        if stop() or turn_down(*arrays) == 0:
            break
    return x


@njit(nogil=True, cache=True)
def turn_down(start: Any, neighbours: Any, coupling: Any, h: Any, spins: Any) -> int:
    """One pass; how many sites turned."""
    turned = 0
    for i in range(len(spins)):
        field = h[i]
        for e in range(start[i], start[i + 1]):
            field += coupling[e] * spins[neighbours[e]]
        if field * spins[i] < 0:
            spins[i] = -spins[i]
            turned += 1
    return turned
