"""Rounds of parallel tempering; imported where they are used, so that numba loads on first use.

A block holds whole systems, each at all temperatures: system s at lanes sT … sT + T − 1. Configurations stay in their
lanes and temperatures move, so that blocks have nothing to wait for.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from graphar._support.compile import njit
from graphar.kernels.compiled.loops.shares import Work, borrowed, hold, shares
from graphar.montecarlo.loops.clusters import exchange_cluster
from graphar.montecarlo.loops.random import philox, uniform_below
from graphar.montecarlo.loops.sweep import block_energy, sweep_block
from graphar.montecarlo.plan import Terms

__all__ = ["Ladder", "Places", "temper"]

_FULL = np.uint64(0xFFFFFFFF)
_UNIT = 2.0**-32


class Ladder(NamedTuple):
    """What stays the same in a run.

    Attributes:
        betas: rising, (T,), float64.
        twice_beta: 2β × scale, (T,), float32.
        rule: of the updates.
        order: of the sites in a sweep, (N,).
        at_random: whether sites are drawn at random instead.
        sweeps: of a round.
        clusters: index of the first β at which clusters are exchanged, T for none.
        symmetric: whether H(−x) = H(x).
        ptr, neighbour: sites that interact.
        keys: of spins, of what replicas share, of swaps and clusters, and the number of the first block, (4,).
    """

    betas: np.ndarray
    twice_beta: np.ndarray
    rule: int
    order: np.ndarray
    at_random: bool
    sweeps: int
    clusters: int
    symmetric: bool
    ptr: np.ndarray
    neighbour: np.ndarray
    keys: np.ndarray


class Places(NamedTuple):
    """Where lanes are on the ladder and what has been counted; m systems in each block.

    Attributes:
        lane: at each β of each system, (blocks, m, T).
        came_from: of each lane, −1 if it has been at the coldest β since it was at the hottest, +1 the other way, 0 if
            at neither, (blocks, width).
        trips: of each system from one end to the other, (blocks, m).
        from_hot, from_cold: how often the lane at a β came from that end, (blocks, T).
        swapped: accepted swaps of neighbouring β, (blocks, T − 1).
        tried: those tried.
        flips: at each β, (blocks, T).
        cluster_sites: in all clusters exchanged at each β, (blocks, T).
        best_energy: lowest met, (blocks, m).
        best: its spins, int8, (blocks, m, N).
    """

    lane: np.ndarray
    came_from: np.ndarray
    trips: np.ndarray
    from_hot: np.ndarray
    from_cold: np.ndarray
    swapped: np.ndarray
    tried: np.ndarray
    flips: np.ndarray
    cluster_sites: np.ndarray
    best_energy: np.ndarray
    best: np.ndarray


@njit
def _random_pair(key: np.uint64, step: int, system: int, place: int) -> tuple[np.uint32, np.uint32]:
    a, b, _, _ = philox(key, np.uint64(system) & _FULL, np.uint64(place), np.uint64(0), np.uint64(step))
    return np.uint32(a), np.uint32(b)


@njit
def _exchange_clusters(ladder, places, block, step, spins, stack, seen):  # type: ignore[no-untyped-def]
    """Between systems of neighbouring numbers, in pairs that change from round to round, at every cold β."""
    m, temperatures = places.lane.shape[1], ladder.betas.size
    shift = step // ladder.sweeps % 2 if m > 2 else 0
    first = (block + np.int64(ladder.keys[3])) * m
    for s in range(0, m - 1, 2):
        one, other = (s + shift) % m, (s + 1 + shift) % m
        for k in range(ladder.clusters, temperatures):
            word, _ = _random_pair(ladder.keys[2], step, first + s, temperatures + k)
            lanes = places.lane[block, one, k], places.lane[block, other, k]
            start = uniform_below(word, spins.shape[0])
            places.cluster_sites[block, k] += exchange_cluster(
                ladder.ptr, ladder.neighbour, spins, lanes[0], lanes[1], start, ladder.symmetric, stack, seen
            )


@njit
def _swap(ladder, places, block, step, energy):  # type: ignore[no-untyped-def]
    """Neighbouring temperatures, every other pair, with probability min(1, exp(Δβ ΔE))."""
    m, temperatures = places.lane.shape[1], ladder.betas.size
    first = (block + np.int64(ladder.keys[3])) * m
    for s in range(m):
        lane = places.lane[block, s]
        for k in range(step // ladder.sweeps % 2, temperatures - 1, 2):
            gain = (ladder.betas[k + 1] - ladder.betas[k]) * (energy[lane[k + 1]] - energy[lane[k]])
            word, low = _random_pair(ladder.keys[2], step, first + s, k)
            places.tried[block, k] += 1
            if gain >= 0 or ((np.float64(low) + 0.5) * _UNIT + np.float64(word)) * _UNIT < np.exp(gain):
                lane[k], lane[k + 1] = lane[k + 1], lane[k]
                places.swapped[block, k] += 1


@njit
def _follow(ladder, places, block, energy, flips, spins):  # type: ignore[no-untyped-def]
    """Counts where lanes come from, and keeps the lowest energy."""
    m, temperatures = places.lane.shape[1], ladder.betas.size
    for s in range(m):
        for k in range(temperatures):
            lane = places.lane[block, s, k]
            if energy[lane] < places.best_energy[block, s]:
                places.best_energy[block, s] = energy[lane]
                for i in range(spins.shape[0]):
                    places.best[block, s, i] = np.int8(spins[i, lane])
            places.flips[block, k] += flips[lane]
            flips[lane] = 0
        if temperatures > 1:
            hot, cold = places.lane[block, s, 0], places.lane[block, s, temperatures - 1]
            places.trips[block, s] += (places.came_from[block, hot] < 0) + (places.came_from[block, cold] > 0)
            places.came_from[block, hot], places.came_from[block, cold] = 1, -1
        for k in range(temperatures):
            came = places.came_from[block, places.lane[block, s, k]]
            places.from_hot[block, k] += came > 0
            places.from_cold[block, k] += came < 0


@njit(nogil=True, cache=True, fastmath={"contract"})
def temper(
    work: Work, terms: Terms, ladder: Ladder, step: int, spins: np.ndarray, places: Places, energies: np.ndarray
) -> None:
    """Rounds of sweeps, exchanges of clusters and swaps of temperatures, of every block.

    Args:
        step: of the first sweep.
        spins: (blocks, N, width).
        energies: written at each β of each system before the swaps of a round, (rounds, T, blocks × m).
    """
    n, width, m = spins.shape[1], spins.shape[2], places.lane.shape[1]
    temperatures = ladder.betas.size
    scratch = (
        np.zeros(-(-width // 64) * 64, np.uint32),
        np.zeros((3, width), np.float32),
        ladder.order.copy(),
        np.zeros(n, np.int64),
        np.zeros(n, np.bool_),
        np.zeros(width),
        np.zeros(width, np.int32),
    )
    words, rows, order, stack, seen, energy, flips = borrowed(scratch)
    terms, ladder, spins, places, energies = borrowed((terms, ladder, spins, places, energies))
    product, field, beta = rows[0], rows[1], rows[2]
    for block in shares(work, spins.shape[0]):
        x, first = spins[block], (block + np.int64(ladder.keys[3])) * (-(-width // 64) * 64)
        for r in range(energies.shape[0]):
            now = step + r * ladder.sweeps
            for s in range(m):
                for k in range(temperatures):
                    beta[places.lane[block, s, k]] = ladder.twice_beta[k]
            for s in range(ladder.sweeps):
                sweep_block(
                    terms, ladder.rule, order, ladder.at_random, ladder.keys, now + s, first, x, beta, words, product,
                    field, flips,
                )  # fmt: skip
            if ladder.clusters < temperatures:
                _exchange_clusters(ladder, places, block, now, x, stack, seen)
            block_energy(terms, x, product, field, energy)
            for s in range(m):
                for k in range(temperatures):
                    energies[r, k, block * m + s] = energy[places.lane[block, s, k]]
            _follow(ladder, places, block, energy, flips, x)
            _swap(ladder, places, block, now, energy)
    hold(scratch)
