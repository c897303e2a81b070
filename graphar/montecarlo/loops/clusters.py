"""Moves of whole clusters; imported where they are used, so that numba loads on first use."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from graphar._support.compile import njit
from graphar.kernels.compiled.loops.shares import Work, borrowed, hold, shares
from graphar.montecarlo.loops.random import philox, uniform_below

__all__ = ["ClusterTerms", "cluster_sweeps", "exchange_cluster"]


class ClusterTerms(NamedTuple):
    """A Hamiltonian of pairs, as :class:`graphar.montecarlo.plan.Terms`.

    Attributes:
        ptr, neighbour, weight, field: as there.
        twin: place of each coupling in the list of its other site, (2E,).
    """

    ptr: np.ndarray
    neighbour: np.ndarray
    weight: np.ndarray
    field: np.ndarray
    twin: np.ndarray


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


@njit
def _uniform(key: np.uint64, step: int, site: int, replica: int) -> np.float64:
    """A random number of (0, 1), of 53 bits."""
    a, b, _, _ = philox(key, np.uint64(replica), np.uint64(site), np.uint64(0), np.uint64(step))
    return (np.float64(a << np.uint64(21) ^ b >> np.uint64(11)) + 0.5) * 2.0**-53


@njit
def _grow(terms, x, beta, key, step, replica, start, seen, mark, stack):  # type: ignore[no-untyped-def]
    """Cluster of a site by bonds that hold with probability 1 − exp(−2βJxx) where Jxx > 0; its size and field.

    Every coupling is tried once for each step: its random number is that of its place in the list of its smaller site.
    """
    stack[0], size, done, field = start, 1, 0, 0.0
    seen[start] = mark
    while done < size:
        i = stack[done]
        done += 1
        field += np.float64(terms.field[i]) * x[i]
        for k in range(terms.ptr[i], terms.ptr[i + 1]):
            j = terms.neighbour[k]
            pull = np.float64(terms.weight[k]) * x[i] * x[j]
            if seen[j] == mark or pull <= 0:
                continue
            if _uniform(key, step, min(k, terms.twin[k]), replica) < -np.expm1(-2 * beta * pull):
                seen[j] = mark
                stack[size] = j
                size += 1
    return size, field


@njit(nogil=True, cache=True)
def cluster_sweeps(
    work: Work,
    terms: ClusterTerms,
    single: bool,
    keys: np.ndarray,
    step: int,
    count: int,
    spins: np.ndarray,
    betas: np.ndarray,
    flips: np.ndarray,
) -> None:
    """``count`` steps of every replica: one cluster from a random site (Wolff), or all (Swendsen and Wang).

    Args:
        terms: the Hamiltonian.
        single: whether one cluster is made.
        keys: of the bonds, of the flips, and the number of the first replica, (3,).
        spins: (R, N), int8.
        betas: β × scale, (1 or count, R).
        flips: to which flips made are added, (R,).
    """
    n = spins.shape[1]
    scratch = np.zeros(n, np.int64), np.zeros(n, np.int64)
    seen, stack = borrowed(scratch)
    terms, keys, spins, betas, flips = borrowed((terms, keys, spins, betas, flips))
    for replica in shares(work, spins.shape[0]):
        x = spins[replica]
        seen[:] = -1
        number = replica + np.int64(keys[2])
        for s in range(count):
            beta = betas[min(s, betas.shape[0] - 1), replica]
            first, last = 0, n
            if single:
                a, _, _, _ = philox(keys[1], np.uint64(number), np.uint64(n), np.uint64(0), np.uint64(step + s))
                first = uniform_below(np.uint32(a), n)
                last = first + 1
            for start in range(first, last):
                if seen[start] == s:
                    continue
                size, field = _grow(terms, x, beta, keys[0], step + s, number, start, seen, s, stack)
                u = _uniform(keys[1], step + s, start, number)
                if single:  # Metropolis, given the cluster; with the share proposed as for single spins
                    flip = u < 0.875 * np.exp(-2 * beta * max(field, 0.0))
                else:  # heat bath
                    z = 2 * beta * field
                    e = np.exp(-abs(z))
                    flip = u < (e / (1 + e) if z > 0 else 1 / (1 + e))
                if flip:
                    flips[replica] += size
                    for k in range(size):
                        x[stack[k]] = -x[stack[k]]
    hold(scratch)
