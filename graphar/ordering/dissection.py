"""Nested dissection: a small separator first, then each side on its own."""

from __future__ import annotations

import numpy as np
from torch_geometric.data import Data

from graphar._checks import check_count
from graphar.ordering._adjacency import Ints, adjacency
from graphar.ordering.base import Ordering

__all__ = ["nested_dissection"]

TRIALS=16; BUDGET=60000; COARSEST=60; IMB=0.6; SEEDS=6; PASSES=4; PAT=50; ALPHA=1.0

def nested_dissection(graph: Data, seed: int = 0, *, method: str = "builtin", leaf_size: int = 64) -> Ordering:
    indptr, indices = adjacency(graph)
    check_count(seed, "seed", minimum=0)
    if method == "builtin":
        sites = _dissect(indptr, indices, np.random.default_rng(seed), check_count(leaf_size, "leaf_size"))
        return Ordering(graph, sites, f"nested dissection, seed {seed}")


def _dissect(indptr: Ints, indices: Ints, rng: np.random.Generator, leaf_size: int) -> Ints:
    from graphar.ordering import _separator_kernels as kernels
    from graphar.ordering._min_degree_kernels import minimum_degree

    n = len(indptr) - 1
    order = np.empty(n, np.int64)
    local = np.full(n, -1, np.int64)
    touched, inside = np.zeros(n, np.bool_), np.ones(n, np.bool_)

    def leaf(sites: Ints, rank: int) -> None:
        halo = kernels.boundary(indptr, indices, sites, local, inside)
        part = kernels.induced(indptr, indices, np.concatenate([sites, halo]), local, len(halo))
        kept = np.arange(len(sites) + len(halo)) >= len(sites)
        order[rank : rank + len(sites)] = sites[minimum_degree(*part, kept)[::-1]]

    stack = [(np.arange(n), 0)]
    while stack:
        sites, rank = stack.pop()
        if len(sites) <= leaf_size:
            leaf(sites, rank)
            continue
        part = kernels.induced(indptr, indices, sites, local, 0)
        label, count = kernels.components(*part)
        if count > 1:
            size = np.bincount(label)
            small = size[label] <= leaf_size
            if small.any():
                leaf(sites[small], rank)
                rank += int(small.sum())
            for c in np.flatnonzero(size > leaf_size):
                stack.append((sites[label == c], rank))
                rank += int(size[c])
            continue
        side = _separator(*part, rng)
        if side is None:
            leaf(sites, rank)
            continue
        separator = kernels.sweep(indptr, indices, sites[side == 2], local, touched, inside)
        order[rank : rank + len(separator)] = separator
        rank += len(separator)
        for s in (0, 1):
            half = sites[side == s]
            stack.append((half, rank))
            rank += len(half)
    return order


def _separator(indptr: Ints, indices: Ints, rng: np.random.Generator) -> Ints | None:
    best, best_score = None, np.inf
    n = len(indptr) - 1
    for _ in range(int(np.clip(BUDGET // n, 1, TRIALS))):
        side = _multilevel(indptr, indices, rng)
        if side is None: continue
        sizes = np.bincount(side, minlength=3)
        if sizes[0]==0 or sizes[1]==0: continue
        score = sizes[2] / min(sizes[0], sizes[1]) ** ALPHA
        if score < best_score:
            best, best_score = side, score
    return best


def _multilevel(indptr, indices, rng):
    from graphar.ordering import _separator_kernels as kernels
    n = len(indptr) - 1
    level = (indptr, indices, np.ones(len(indices), np.int64), np.ones(n, np.int64))
    limit = max(int(IMB * n), 1)
    levels = []
    heaviest = max(2, int(1.5 * n / COARSEST))
    while len(level[3]) > COARSEST:
        coarse, *coarser = kernels.coarsen(*level, rng.permutation(len(level[3])), heaviest)
        if len(coarser[3]) > 0.95 * len(level[3]): break
        levels.append((level, coarse))
        level = tuple(coarser)
    best, best_score = None, np.inf
    for s in rng.integers(len(level[3]), size=SEEDS):
        side = kernels.grow(level[0], level[1], level[3], s)
        kernels.refine(level[0], level[1], level[3], side, limit, PASSES, PAT)
        sizes = np.bincount(side, weights=level[3], minlength=3)
        if sizes[0]==0 or sizes[1]==0: continue
        score = sizes[2] / min(sizes[0], sizes[1]) ** ALPHA
        if score < best_score:
            best, best_score = side, score
    if best is None: return None
    for level, coarse in reversed(levels):
        best = best[coarse]
        kernels.refine(level[0], level[1], level[3], best, limit, PASSES, PAT)
    return best
