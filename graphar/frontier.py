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

Of a hypergraph, components and parents are those of the primal graph, in which interactions are cliques. What messages
reach is then what is left of an interaction, a residual set R, and ξ_iR multiplies Π_{l ∈ R} x_l:

    E(x) = −Σ_R (J_R + ξ_iR) Π_{l ∈ R} x_l + const   given the spins before i,

over the sets of undrawn spins, J_R being the coupling of R where it is an interaction itself. The frontier F(i) are the
R ⊂ C(i) that some earlier spin has sent to, i itself in them or not; arrivals are explained in
:mod:`graphar.ordering.residual_sets`. Where all interactions are pairs, sets are spins and nothing changes.

A **radius** r keeps what is near: F_r(i) are the frontier spins at most r steps from i along edges between ranks
≥ i, and P_r(i) = {j < i : j adjacent to some l ∈ F_r(i)} the spins that their messages come from. Sets are kept whose
spins are all that near, and P_r(i) are those that have sent to them or to their factors. Sparse graphs then have O(N)
pairs. Outside the component distances are infinite, so both kinds are cut to the same pairs.

Elimination trees: J. W. H. Liu, `SIAM J. Matrix Anal. Appl. 11, 134 (1990) <https://doi.org/10.1137/0611010>`_.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.ordering import Ordering
from graphar.ordering.reads import Reads
from graphar.ordering.residual_sets import ResidualSets
from graphar.ordering.structure import Structure, pointers

__all__ = ["Frontier", "build_frontier"]


def build_frontier(ordering: Ordering, kind: str = "component", radius: int | None = None) -> Frontier:
    """Frontier of a graph under an ordering; arguments as for :class:`Frontier`."""
    return Frontier(ordering, kind, radius)


class Frontier(Structure):
    """Elimination tree, parents, frontier pairs, arrivals and levels of an ordering. Immutable.

    Everything is in rank space and computed when first asked for; nothing is N × N. Tensors are int64, but the
    long lists ``pair_set``, ``pair_spin``, ``pair_arrival`` and ``parents_spin`` are int32. Sets are numbered by rising
    anchor, their smallest rank, the set {i} first; where all interactions are pairs, they are the ranks themselves.

    Args:
        ordering: the sampling order, which knows its graph or hypergraph.
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
        super().__init__(ordering.graph, ordering.ranks, kind, radius, ordering.name)
        self.ordering = ordering

    @property
    def graph(self) -> IsingGraph | SpinHypergraph:
        return self.ordering.graph

    def __repr__(self) -> str:
        cut = "" if self.radius is None else f", radius {self.radius}"
        pairs = f"{self.num_spins} spins, {self.num_pairs} pairs"
        return f"Frontier({self.ordering.name} order, {pairs}, {self.kind}{cut})"

    # Arrivals: edges towards the later spin, or interactions of which a spin is drawn, grouped by what they reach.

    @cached_property
    def _arrivals(self) -> tuple[Tensor, Tensor, Tensor]:
        if self.residual is not None:
            return self._arrivals_at_sets(self.residual)
        ptr, nbr, column = self.neighbours
        target = np.repeat(np.arange(self.num_spins), np.diff(ptr))
        earlier = nbr < target
        return (
            torch.from_numpy(nbr[earlier].astype(np.int64)),
            torch.from_numpy(target[earlier]),
            self.graph.edge_weight.cpu()[torch.from_numpy(column[earlier])],
        )

    def _arrivals_at_sets(self, sets: ResidualSets) -> tuple[Tensor, Tensor, Tensor]:
        target = np.repeat(np.arange(sets.anchor.size), np.diff(sets.arrival_ptr))
        weight = self.couplings_by_arrival(self.graph.hyperedge_weight.cpu())
        return torch.from_numpy(sets.source), torch.from_numpy(target), weight

    def couplings_by_arrival(self, couplings: Tensor) -> Tensor:
        """J_S of each arrival, (E,), from those of the interactions of a hypergraph, (A,); zero where S is none."""
        assert self.residual is not None
        which = torch.from_numpy(self.residual.interaction)
        return torch.cat([couplings, couplings.new_zeros(1)])[which]

    @property
    def num_arrivals(self) -> int:
        """E: |E| of a graph, at most Σ_a (|a| − 1) of a hypergraph."""
        return self.arrival_source.numel()

    @property
    def arrival_source(self) -> Tensor:
        """Spin t that sends each arrival, rising within each target; an earlier neighbour; shape (E,)."""
        return self._arrivals[0]

    @property
    def arrival_target(self) -> Tensor:
        """Set that each arrival reaches, which of pairs is the spin l, shape (E,)."""
        return self._arrivals[1]

    @property
    def arrival_weight(self) -> Tensor:
        """Coupling J_S of each arrival, J_jl of pairs, shape (E,)."""
        return self._arrivals[2]

    @cached_property
    def arrival_factor(self) -> Tensor | None:
        """The arrival that holds ξ_S, which multiplies the sender with J_S, −1 for none, (E,); None if there are none.

        An arrival is then the one before it at its target plus (J_S + ξ_S) x_t.
        """
        if self.residual is None or not (self.residual.factor >= 0).any():
            return None
        factor = torch.from_numpy(self.residual.factor)
        return torch.where(factor >= 0, self.arrival_ptr[factor + 1] - 1, -1)

    @cached_property
    def edges(self) -> tuple[Tensor, Tensor, Tensor]:
        """Arrivals that pairs of spins send: their numbers, and the ranks j < l of the two, sorted by (l, j)."""
        source, target = self.arrival_source, self.arrival_target
        if self.residual is None:
            return torch.arange(self.num_arrivals), source, target
        which = torch.from_numpy(np.flatnonzero(self.residual.size == 2))
        return which, source[which], torch.from_numpy(self.anchor)[target[which]]

    @cached_property
    def local_arrival(self) -> Tensor:
        """The arrival that holds ξ_ii, the field on i when it is drawn; −1 where none came, shape (N,)."""
        ptr = self.arrival_ptr
        last = torch.where(ptr[1:] > ptr[:-1], ptr[1:] - 1, -1)
        return last if self.residual is None else last[torch.from_numpy(self.set_of_spin)]

    @cached_property
    def many(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Interactions of more than two spins by their last one: as the energy needs them where no message is kept.

        Where those of each rank start, (N + 1,); the arrivals that have their couplings; where the other spins of each
        start; and these spins, by rank.
        """
        if self.residual is None:
            none, starts = torch.zeros(0, dtype=torch.int64), torch.zeros(self.num_spins + 1, dtype=torch.int64)
            return starts, none, starts[:1], none
        sets = self.residual
        which = np.flatnonzero((sets.size > 2) & (sets.interaction >= 0))
        site, orders = (part.cpu() for part in self.graph.members())
        ranks, start = self.ranks[site.numpy()], (orders.cumsum(0) - orders).numpy()
        last = np.maximum.reduceat(ranks, start)[sets.interaction[which]]
        which, last = which[np.argsort(last, kind="stable")], np.sort(last)
        count = sets.size[which]
        first = start[sets.interaction[which]]
        number = np.repeat(np.arange(which.size), count)
        members = ranks[np.arange(number.size) - np.repeat(np.cumsum(count) - count, count) + first[number]]
        others = members != last[number]
        return (
            pointers(torch.from_numpy(np.bincount(last, minlength=self.num_spins)), "interactions"),
            torch.from_numpy(which),
            pointers(torch.from_numpy(count - 1), "members"),
            torch.from_numpy(members[others]),
        )

    def arrivals_by_size(self) -> list[Tensor]:
        """Numbers of the arrivals at sets of one size, from the largest on: their factors are of those before."""
        if not self.num_arrivals:
            return []
        if self.residual is None:
            return [torch.arange(self.num_arrivals)]
        size = torch.from_numpy(self.residual.size)
        return [(size == k).nonzero()[:, 0] for k in range(int(size.max()), 1, -1)]

    # Pairs.

    @cached_property
    def _pairs(self) -> tuple[Tensor, Tensor]:
        from graphar.ordering.compiled import elimination_tree as tree

        if self.radius is not None:
            return self.lists_within[:2]
        ptr, source = self.arrival_ptr.numpy(), self.arrival_source.numpy()
        sets, arrivals = tree.fill_pairs(self.up, self.anchor, self.first, self.pair_ptr.numpy(), ptr, source)
        return torch.from_numpy(sets), torch.from_numpy(arrivals)

    @property
    def pair_set(self) -> Tensor:
        """Frontier set R of each pair, rising within each i, int32 of shape (Σ|F|,); of pairs, the spin l."""
        return self._pairs[0]

    @cached_property
    def pair_spin(self) -> Tensor:
        """Smallest rank in the frontier set of each pair, rising within each i, int32 of shape (Σ|F|,)."""
        if self.residual is None:
            return self.pair_set
        return torch.from_numpy(self.anchor.astype(np.int32)[self.pair_set.numpy()])

    @property
    def pair_arrival(self) -> Tensor:
        """The arrival that holds ξ_iR for each pair, int32 of shape (Σ|F|,)."""
        return self._pairs[1]

    @property
    def pair_is_local(self) -> Tensor:
        """Whether the frontier set of each pair is {i}, so that its message is ξ_ii, shape (Σ|F|,)."""
        own = torch.from_numpy(self.set_of_spin)
        return self.pair_set == (self.pair_reader if self.residual is None else own[self.pair_reader])

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
