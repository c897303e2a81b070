"""One pass of a reduction: arrays in, a smaller graph and the steps back out."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from graphar.hamiltonians import IsingGraph

if TYPE_CHECKING:
    from graphar.solvers.reductions.loops import Lists, Steps

__all__ = ["Stage", "fix_spins", "remove_sites"]


class Stage(NamedTuple):
    """A graph with sites removed.

    Attributes:
        reduced: the graph that is left.
        sites: those of its sites in the graph before, shape (n,).
        steps: the sites removed, in order.
        num_steps: how many of them there are.
        rounding: ground energies before and after differ by this at most.
        removed: how many by which rule.
    """

    reduced: IsingGraph
    sites: Tensor
    steps: Steps
    num_steps: int
    rounding: float
    removed: Counter[str]

    def restore(self, spins: Tensor, num_spins: int) -> Tensor:
        """Configurations (M, n) with the sites removed, (M, N), int8."""
        from graphar.solvers.reductions.loops import restore_rows

        rows = np.zeros((len(spins), num_spins), np.int8)
        rows[:, self.sites.numpy()] = spins.numpy()
        restore_rows(rows, self.steps, self.num_steps)
        return torch.from_numpy(rows)


def remove_sites(graph: IsingGraph, max_degree: int) -> Stage:
    """Everything that the rules of :mod:`graphar.solvers.reductions.reduction` remove."""
    from graphar.solvers.reductions.loops import CONTRACTED, FIXED, FOLDED, reduce_lists

    lists, steps = _as_lists(graph), _room(graph.num_spins)
    count = reduce_lists(lists, steps, max_degree)
    names = {FIXED: "fixed", FOLDED: "folded", CONTRACTED: "contracted"}
    removed = Counter({names[kind]: number for kind, number in Counter(steps.kind[:count].tolist()).items()})
    live = np.flatnonzero(lists.live)
    owner = lists.target.reshape(-1, 2)[:, ::-1].ravel()  # half-edges of one edge name each other's owner
    standing = _standing(lists)
    place = np.full(graph.num_spins, -1)
    place[live] = np.arange(len(live))
    ends = place[np.stack([owner[standing], lists.target[standing]])]
    constants = [float(graph.offset.item()), *steps.constant[:count].tolist()]
    offset = math.fsum(constants)
    rounding = float(lists.error[0]) * (1 + 1e-9) + abs(math.fsum([*constants, -offset]))
    reduced = _graph(graph, live, ends, lists.coupling[standing], lists.field[live], offset)
    return Stage(reduced, torch.from_numpy(live), steps, count, rounding, removed)


def fix_spins(graph: IsingGraph, spins: np.ndarray) -> Stage:
    """Sites where ``spins`` is ±1 are fixed there; those of 0 stay, and one of all at least."""
    from graphar.solvers.reductions.loops import FIXED

    fixed = spins.astype(np.float64)
    if (fixed != 0).all():
        fixed[-1] = 0
    i, j, J = (each.numpy() for each in graph.undirected())
    terms: dict[int, list[float]] = {}  # of the fields that change
    constants = [float(graph.offset.item())]
    for a, b, strength in zip(i.tolist(), j.tolist(), J.tolist(), strict=True):
        if fixed[a] and fixed[b]:
            constants.append(-strength * fixed[a] * fixed[b])
        elif fixed[a] or fixed[b]:
            free, held = (b, a) if fixed[a] else (a, b)
            terms.setdefault(free, []).append(strength * fixed[held])
    h = graph.h.numpy().copy()
    gone = np.flatnonzero(fixed)
    constants += (-h[gone] * fixed[gone]).tolist()
    rounding = 0.0
    for site, parts in terms.items():
        total = math.fsum([h[site], *parts])
        rounding += abs(math.fsum([h[site], *parts, -total]))
        h[site] = total
    offset = math.fsum(constants)
    rounding += abs(math.fsum([*constants, -offset]))
    live = np.flatnonzero(fixed == 0)
    place = np.full(graph.num_spins, -1)
    place[live] = np.arange(len(live))
    kept = (fixed[i] == 0) & (fixed[j] == 0)
    steps = _room(len(gone))
    steps.site[:], steps.kind[:], steps.field[:] = gone, FIXED, fixed[gone]
    reduced = _graph(graph, live, place[np.stack([i[kept], j[kept]])], J[kept], h[live], offset)
    removed = Counter({"fixed by roof duality": len(gone)})
    return Stage(reduced, torch.from_numpy(live), steps, len(gone), rounding * (1 + 1e-9), removed)


def _as_lists(graph: IsingGraph) -> Lists:
    from graphar.solvers.reductions.loops import Lists

    i, j, J = (each.numpy() for each in graph.undirected())
    n, size = graph.num_spins, 2 * len(J)
    owner, target = np.stack([i, j], axis=1).ravel(), np.stack([j, i], axis=1).ravel()
    order = np.argsort(owner, kind="stable")
    same = owner[order][1:] == owner[order][:-1]
    after, before, first = np.full(size, -1), np.full(size, -1), np.full(n, -1)
    after[order[:-1][same]], before[order[1:][same]] = order[1:][same], order[:-1][same]
    length = np.bincount(owner, minlength=n)
    first[length > 0] = order[(np.cumsum(length) - length)[length > 0]]
    h = graph.h.numpy().copy()
    return Lists(first, length, after, before, target, np.repeat(J, 2), h, np.ones(n, np.bool_), np.zeros(1))


def _room(num_steps: int) -> Steps:
    from graphar.solvers.reductions.loops import Steps

    site, kind = np.zeros(num_steps, np.int64), np.zeros(num_steps, np.int64)
    to, coupling = np.full((num_steps, 3), -1), np.zeros((num_steps, 3))
    return Steps(site, kind, to, coupling, np.zeros(num_steps), np.zeros(num_steps))


def _standing(lists: Lists) -> np.ndarray:
    """One half-edge of each edge that is left: both ends live, and reached from its list."""
    from graphar.solvers.reductions.loops import reached

    both = reached(lists)
    return np.flatnonzero(both.reshape(-1, 2).all(axis=1)) * 2


def _graph(
    before: IsingGraph, sites: np.ndarray, ends: np.ndarray, J: np.ndarray, h: np.ndarray, offset: float
) -> IsingGraph:
    labels = None if before.labels is None else [before.labels[site] for site in sites]
    return IsingGraph.from_edges(ends, J, h, len(sites), labels=labels, offset=offset)
