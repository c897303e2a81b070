"""From an ordering to the structure that carries the messages.

Let ranks 0 … N−1 be the sampling order and C(i) the connected component of i among the ranks ≥ i. Then

- the **parents** (separator) of i are P(i) = {j < i : j adjacent to C(i)}; the largest is i's parent in the
  **elimination tree**, and C(i) is i's subtree;
- the **frontier** of i is F(i) = {l ∈ C(i) : l adjacent to some j < i};
- the **message** ξ_il = Σ_{j<i} J_jl x_j, l ∈ F(i), is all that x_i's conditional needs of the past. It changes
  only when a neighbour of l is drawn, so there are |E| distinct ones, the **arrivals**: the running partial
  field of l after each of its earlier neighbours. A pair (i, l) points to one of them.

``kind="all"`` gives the pairs of TwoBo (`arXiv:2402.16579 <https://arxiv.org/abs/2402.16579>`_), without
the component: l ≥ i with any earlier neighbour.

A **radius** r keeps what is near: F_r(i) are the frontier spins at most r steps from i along edges between ranks
≥ i, and P_r(i) = {j < i : j adjacent to some l ∈ F_r(i)} the spins that their messages come from. Sparse graphs
then have O(N) pairs. Outside the component distances are infinite, so both kinds are cut to the same pairs.

Elimination trees: J. W. H. Liu, `SIAM J. Matrix Anal. Appl. 11, 134 (1990) <https://doi.org/10.1137/0611010>`_.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from graphar.hamiltonians import IsingGraph
from graphar.ordering import Ordering
from graphar.ordering.reads import Reads
from graphar.ordering.structure import Structure, pointers

__all__ = ["Frontier", "build_frontier"]


def build_frontier(ordering: Ordering, kind: str = "component", radius: int | None = None) -> Frontier:
    """Frontier of a graph under an ordering; arguments as for :class:`Frontier`."""
    return Frontier(ordering, kind, radius)


class Frontier(Structure):
    """Elimination tree, parents, frontier pairs, arrivals and levels of an ordering. Immutable.

    Everything is in rank space and computed when first asked for; nothing is N × N. Tensors are int64, but the
    long lists ``pair_spin``, ``pair_arrival`` and ``parents_spin`` are int32.

    Args:
        ordering: the sampling order, which knows its graph.
        kind: ``"component"`` for F(i) within the component of i, ``"all"`` for TwoBo's own pairs.
        radius: largest distance r of a frontier spin from its reader i along edges between ranks ≥ i, at least 0;
            by default no spin is too far. Both kinds are the same under a radius. Takes time in proportion to the
            balls of that radius.

    Raises:
        ValueError: an unknown ``kind``, or a ``radius`` that is no integer or below 0.

    >>> import graphar as ga
    >>> frontier = build_frontier(ga.natural(ga.grid((3, 3))))
    >>> frontier.num_pairs, frontier.width
    (20, 3)
    >>> build_frontier(frontier.ordering, radius=1)
    Frontier(natural order, 9 spins, 12 pairs, component, radius 1)
    """

    def __init__(self, ordering: Ordering, kind: str = "component", radius: int | None = None) -> None:
        super().__init__(ordering.graph.edge_index, ordering.ranks, kind, radius, ordering.name)
        self.ordering = ordering

    @property
    def graph(self) -> IsingGraph:
        return self.ordering.graph

    def __repr__(self) -> str:
        cut = "" if self.radius is None else f", radius {self.radius}"
        pairs = f"{self.num_spins} spins, {self.num_pairs} pairs"
        return f"Frontier({self.ordering.name} order, {pairs}, {self.kind}{cut})"

    # Arrivals: edges towards the later spin, grouped by it.

    @cached_property
    def _arrivals(self) -> tuple[Tensor, Tensor, Tensor]:
        ptr, nbr, column = self.neighbours
        target = np.repeat(np.arange(self.num_spins), np.diff(ptr))
        earlier = nbr < target
        return (
            torch.from_numpy(nbr[earlier].astype(np.int64)),
            torch.from_numpy(target[earlier]),
            self.graph.edge_weight.cpu()[torch.from_numpy(column[earlier])],
        )

    @property
    def num_arrivals(self) -> int:
        """|E|."""
        return self.arrival_source.numel()

    @property
    def arrival_source(self) -> Tensor:
        """Earlier neighbour j that sends each arrival, rising within each target, shape (E,)."""
        return self._arrivals[0]

    @property
    def arrival_target(self) -> Tensor:
        """Spin l that each arrival reaches, shape (E,)."""
        return self._arrivals[1]

    @property
    def arrival_weight(self) -> Tensor:
        """Coupling J_jl of each arrival, shape (E,)."""
        return self._arrivals[2]

    @cached_property
    def local_arrival(self) -> Tensor:
        """The arrival that holds ξ_ii, the field on i when it is drawn; −1 where none came, shape (N,)."""
        ptr = self.arrival_ptr
        return torch.where(ptr[1:] > ptr[:-1], ptr[1:] - 1, -1)

    # Pairs.

    @cached_property
    def _pairs(self) -> tuple[Tensor, Tensor]:
        from graphar.ordering.compiled import elimination_tree as tree

        if self.radius is not None:
            return self.lists_within[:2]
        ptr, source = self.arrival_ptr.numpy(), self.arrival_source.numpy()
        spins, arrivals = tree.fill_pairs(self.up, self.first, self.pair_ptr.numpy(), ptr, source)
        return torch.from_numpy(spins), torch.from_numpy(arrivals)

    @property
    def pair_spin(self) -> Tensor:
        """Frontier spin l of each pair, rising within each i, int32 of shape (Σ|F|,)."""
        return self._pairs[0]

    @property
    def pair_arrival(self) -> Tensor:
        """The arrival that holds ξ_il for each pair, int32 of shape (Σ|F|,)."""
        return self._pairs[1]

    @property
    def pair_reader(self) -> Tensor:
        """Spin i that reads each pair, shape (Σ|F|,)."""
        return torch.repeat_interleave(torch.arange(self.num_spins), self.pair_ptr.diff())

    # What is read, as lists.

    def read_lists(self, reads: Reads) -> tuple[Tensor, Tensor]:
        """Where each rank's list of what it reads starts, (N + 1,), and the lists: arrivals, or ranks of spins."""
        if reads is Reads.MESSAGES:
            return self.pair_ptr, self.pair_arrival
        if reads is Reads.PARENTS:
            return self.parents_ptr, self.parents_spin
        if reads is Reads.EARLIER:
            ranks = torch.arange(self.num_spins)
            ptr = pointers(ranks, "earlier spins")
            return ptr, (torch.arange(int(ptr[-1])) - torch.repeat_interleave(ptr[:-1], ranks)).int()
        return torch.zeros(self.num_spins + 1, dtype=torch.int64), torch.zeros(0, dtype=torch.int32)
