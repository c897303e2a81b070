"""Colours of sites, none of which has a neighbour of its own; imported where it is used."""

from __future__ import annotations

import numpy as np

from graphar._support.compile import njit

__all__ = ["colour"]


@njit(cache=True)
def colour(ptr: np.ndarray, neighbour: np.ndarray) -> np.ndarray:
    """The least colour that no neighbour has, site by site, (N,)."""
    n = ptr.size - 1
    colours, seen = np.full(n, -1), np.full(n + 1, -1)
    for i in range(n):
        for k in range(ptr[i], ptr[i + 1]):
            if colours[neighbour[k]] >= 0:
                seen[colours[neighbour[k]]] = i
        colours[i] = 0
        while seen[colours[i]] == i:
            colours[i] += 1
    return colours
