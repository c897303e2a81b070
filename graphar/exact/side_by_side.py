"""Variable elimination of many small graphs at once, as one graph of many components.

Sites of equal height and width are summed out together, whichever graph they are of: a thousand graphs take as many
steps as one. log Z of a graph is the sum of what is left at the roots of its trees.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from graphar.elimination.cost import SECONDS_PER_ENTRY
from graphar.elimination.tables import Eliminator
from graphar.exact.ground_state import GroundState
from graphar.frontier import Frontier, build_frontier
from graphar.hamiltonians import IsingGraph
from graphar.hamiltonians.disjoint import side_by_side
from graphar.ordering import Ordering, min_degree

__all__ = ["SideBySide", "ground_states_of_narrow", "narrow"]

SPINS_ORDERED = 2**16  # spins that are ordered at once
ENTRIES = 2**22  # of the tables of all graphs at once, at one β
LARGEST = 2**18  # entries of the tables of one graph; larger ones are worth an elimination by themselves


class SideBySide:
    """Graphs that are summed out together.

    Args:
        graphs: that :func:`narrow` has put together, with their sites in its order.
    """

    def __init__(self, graphs: Sequence[IsingGraph], sites: Sequence[Tensor]) -> None:
        self._graphs = graphs
        union, ptr = side_by_side(graphs)
        order = torch.cat([each + start for each, start in zip(sites, ptr.tolist(), strict=False)])
        self._frontier = frontier = build_frontier(Ordering(union, order, "min degree"))
        self._plan = plan = Eliminator(frontier)
        self._roots = plan.offset[plan.outgoing]
        self._part = torch.repeat_interleave(torch.arange(len(graphs)), ptr.diff())  # of sites, and of ranks
        self._part_of_root = self._part[plan.outgoing]
        self._starts, self._offset = ptr, torch.tensor([float(graph.offset) for graph in graphs], dtype=torch.float64)
        self._coupling = frontier.arrival_weight[None]
        self._field = union.h[frontier.ordering.sites][None]

    def log_partition(self, beta: float) -> tuple[Tensor, Tensor]:
        """log Z and ⟨E⟩ of each graph, float64, (graphs,)."""
        odds, sums = self._plan.sum_out(beta * self._coupling, beta * self._field)
        log_z = self._by_graph(sums[0, self._roots], self._part_of_root) - beta * self._offset
        weights = torch.zeros_like(odds)
        weights[:, self._roots] = 1.0
        by_arrival, mean = self._plan.pull_back(odds, weights)
        bonds = self._by_graph((by_arrival * self._coupling)[0], self._part[self._frontier.arrival_target])
        energy = self._offset - bonds - self._by_graph((mean * self._field)[0], self._part)
        return log_z, energy

    def ground_states(self) -> list[GroundState]:
        """A configuration of the lowest energy of each graph."""
        gaps, _ = self._plan.sum_out(self._coupling, self._field, join=torch.maximum)
        up = torch.zeros(self._frontier.num_spins, 1, dtype=torch.int64)
        self._plan.draw(gaps[0], up, gaps.new_zeros(up.shape))
        spins = (2 * up[self._frontier.ordering.ranks, 0] - 1).to(torch.int8)
        found = []
        for graph, own in zip(self._graphs, spins.split(self._starts.diff().tolist()), strict=True):
            energy = float(graph.to(torch.device("cpu"), torch.float64).energy(own))
            found.append(GroundState(own.clone(), energy, 0.0, "elimination"))
        return found

    def _by_graph(self, values: Tensor, part: Tensor) -> Tensor:
        return values.new_zeros(len(self._graphs)).index_add_(0, part, values)


def narrow(graphs: Sequence[IsingGraph], seconds: float) -> Iterator[tuple[list[int], SideBySide]]:
    """Graphs that are cheap to eliminate, several at a time: their numbers, and they side by side.

    Args:
        graphs: any.
        seconds: that the elimination of one may be predicted to take.
    """
    members: list[int] = []
    sites: list[Tensor] = []
    total = 0.0
    for first, some in _ordered_at_once(graphs):
        union, ptr = side_by_side(some)
        ordering = min_degree(union)
        frontier = build_frontier(ordering)
        part = np.repeat(np.arange(len(some)), ptr.diff().numpy())[ordering.sites.numpy()]
        order = np.argsort(part, kind="stable")  # of each graph the ranks in their order
        each = torch.from_numpy(ordering.sites.numpy()[order] - ptr.numpy()[part[order]]).split(ptr.diff().tolist())
        entries, work = _tables(frontier, part, len(some))
        for k in np.flatnonzero((entries <= LARGEST) & (work * SECONDS_PER_ENTRY <= seconds)):
            if members and total + entries[k] > ENTRIES:
                yield members, SideBySide([graphs[m] for m in members], sites)
                members, sites, total = [], [], 0.0
            members.append(first + int(k))
            sites.append(each[k])
            total += entries[k]
    if members:
        yield members, SideBySide([graphs[m] for m in members], sites)


def ground_states_of_narrow(graphs: Sequence[IsingGraph], seconds: float) -> dict[int, GroundState]:
    """Ground states of the graphs that are narrow enough, by their numbers; ``seconds`` as for :func:`narrow`."""
    found: dict[int, GroundState] = {}
    for members, together in narrow(graphs, seconds):
        found |= zip(members, together.ground_states(), strict=True)
    return found


def _ordered_at_once(graphs: Sequence[IsingGraph]) -> Iterator[tuple[int, list[IsingGraph]]]:
    some: list[IsingGraph] = []
    first = total = 0
    for k, graph in enumerate(graphs):
        if some and total + graph.num_spins > SPINS_ORDERED:
            yield first, some
            first, some, total = k, [], 0
        some.append(graph)
        total += graph.num_spins
    if some:
        yield first, some


def _tables(frontier: Frontier, part: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Entries of the tables of each graph, and entries times what reads them."""
    parent = frontier.parent.numpy()
    children = np.bincount(parent[parent >= 0], minlength=len(parent))
    size = np.exp2(np.minimum(frontier.num_parents.numpy(), 1000).astype(np.float64))
    return np.bincount(part, size, count), np.bincount(part, size * (1 + children), count)
