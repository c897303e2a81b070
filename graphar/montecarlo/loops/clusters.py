"""Moves of whole clusters; imported where they are used, so that numba loads on first use."""

from __future__ import annotations

import numpy as np

from graphar._support.compile import njit

__all__ = ["exchange_cluster"]


@njit
def exchange_cluster(
    ptr: np.ndarray,
    neighbour: np.ndarray,
    spins: np.ndarray,
    one: int,
    other: int,
    start: int,
    symmetric: bool,
    stack: np.ndarray,
    seen: np.ndarray,
) -> int:
    """Houdayer's move: a cluster of sites where two replicas differ goes from each to the other.

    The sum of both energies stays, as any interaction of two sites and more has all its differing sites in one cluster.
    To exchange spins that differ is to flip them in both. Where H(−x) = H(x), one replica may be turned over before and
    after: then clusters of equal spins are flipped in both, if these are the fewer. The overlap of the replicas at each
    site stays, and it alone says which cluster is taken: the move is its own inverse.

    Args:
        ptr, neighbour: sites that interact.
        spins: (N, width).
        one, other: columns of the two replicas.
        start: the cluster is that of the first site from here on, around the end, that can be in one.
        symmetric: whether H(−x) = H(x).
        stack, seen: room for N sites each; ``seen`` is all False before and after.

    Returns:
        Number of sites in the cluster.
    """
    n = spins.shape[0]
    differ = 0
    for i in range(n):
        differ += spins[i, one] != spins[i, other]
    equal = symmetric and 2 * differ > n
    first = -1
    for k in range(n):
        i = start + k if start + k < n else start + k - n
        if (spins[i, one] == spins[i, other]) == equal:
            first = i
            break
    if first < 0:
        return 0
    stack[0], size, done = first, 1, 0
    seen[first] = True
    while done < size:
        i = stack[done]
        done += 1
        for k in range(ptr[i], ptr[i + 1]):
            j = neighbour[k]
            if not seen[j] and (spins[j, one] == spins[j, other]) == equal:
                seen[j] = True
                stack[size] = j
                size += 1
    for k in range(size):
        i = stack[k]
        seen[i] = False
        spins[i, one] = -spins[i, one]
        spins[i, other] = -spins[i, other]
    return size
