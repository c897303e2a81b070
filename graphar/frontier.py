"""From an ordering to the structure that carries the messages.

Let ranks 0 … N−1 be the sampling order and C(i) the connected component of i among the ranks ≥ i. Then

- the **parents** (separator) of i are P(i) = {j < i : j adjacent to C(i)}; the largest is i's parent in the
  **elimination tree**, and C(i) is i's subtree;
- the **frontier** of i is F(i) = {l ∈ C(i) : l adjacent to some j < i};
- the **message** ξ_il = Σ_{j<i} J_jl x_j, l ∈ F(i), is all that x_i's conditional needs of the past. It changes
  only when a neighbour of l is drawn, so there are |E| distinct ones, the **arrivals**: the running partial
  field of l after each of its earlier neighbours. A pair (i, l) points to one of them.

l is in the frontier of its ancestors i (itself included) for which i > m(l), m(l) its smallest neighbour;
with depths in the tree the number of pairs is therefore Σ_l depth(l) − depth(m(l)), known before any pair is
made. ``kind="all"`` gives the pairs of TwoBo (`arXiv:2402.16579 <https://arxiv.org/abs/2402.16579>`_), without
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

from graphar._support.checks import check_count
from graphar.hamiltonians import IsingGraph
from graphar.ordering import Ordering

__all__ = ["Frontier", "build_frontier"]

READS = ("messages", "parents", "local", "earlier", "magnetisation")
MAX_PAIRS = 2**31 - 1  # what int32 counts; 26 GB of indices and weights


def build_frontier(ordering: Ordering, kind: str = "component", radius: int | None = None) -> Frontier:
    """Frontier of a graph under an ordering; arguments as for :class:`Frontier`."""
    return Frontier(ordering, kind, radius)


class Frontier:
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
        if kind not in ("component", "all"):
            raise ValueError(f'frontier must be "component" or "all", got {kind!r}')
        self.ordering = ordering
        self.kind = kind
        self.radius = None if radius is None else check_count(radius, "radius", minimum=0)

    @property
    def graph(self) -> IsingGraph:
        return self.ordering.graph

    @property
    def num_spins(self) -> int:
        return len(self.ordering)

    def __repr__(self) -> str:
        cut = "" if self.radius is None else f", radius {self.radius}"
        pairs = f"{self.num_spins} spins, {self.num_pairs} pairs"
        return f"Frontier({self.ordering.name} order, {pairs}, {self.kind}{cut})"

    # Neighbours by rank.

    @cached_property
    def _neighbours(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """CSR of the graph in rank space, neighbours rising: pointers, ranks, columns of ``edge_index``; int32."""
        n = self.num_spins
        source, target = self.ordering.ranks.numpy()[self.graph.edge_index.cpu().numpy()]
        if source.size > MAX_PAIRS:
            raise ValueError(f"graph must have at most {MAX_PAIRS // 2} couplings, got {source.size // 2}")
        ptr = np.zeros(n + 1, np.int32)
        np.cumsum(np.bincount(source, minlength=n), out=ptr[1:])
        column = np.argsort(source * n + target, kind="stable").astype(np.int32)
        return ptr, target[column].astype(np.int32), column

    @cached_property
    def _first(self) -> np.ndarray:
        """m(l): smallest neighbour of l, or l itself where that is larger (no message ever reaches l)."""
        ptr, nbr, _ = self._neighbours
        first = np.arange(self.num_spins)
        has = ptr[1:] > ptr[:-1]
        first[has] = np.minimum(first[has], nbr[ptr[:-1][has]])
        return first

    # Elimination tree.

    @cached_property
    def parent(self) -> Tensor:
        """Parent of each rank in the elimination tree, −1 for the roots, shape (N,)."""
        from graphar.ordering.compiled import elimination_tree as _symbolic

        ptr, nbr, _ = self._neighbours
        return torch.from_numpy(_symbolic.elimination_tree(ptr, nbr))

    @cached_property
    def depth(self) -> Tensor:
        """Depth of each rank in the elimination tree, roots at 0, shape (N,)."""
        from graphar.ordering.compiled import elimination_tree as _symbolic

        return torch.from_numpy(_symbolic.tree_depth(self.parent.numpy()))

    # What a radius leaves: pairs and parents counted, then listed.

    @cached_property
    def _counts_within(self) -> tuple[Tensor, Tensor]:
        from graphar.ordering.compiled import balls as _radius

        pairs, parents = _radius.count_within(*self._balls)
        return torch.from_numpy(pairs), torch.from_numpy(parents)

    @cached_property
    def _lists_within(self) -> tuple[Tensor, Tensor, Tensor]:
        from graphar.ordering.compiled import balls as _radius

        starts = (self.pair_ptr.numpy(), self.parents_ptr.numpy(), self.arrival_ptr.numpy())
        spins, arrivals, parents = _radius.fill_within(*self._balls, *starts)
        return torch.from_numpy(spins), torch.from_numpy(arrivals), torch.from_numpy(parents)

    @property
    def _balls(self) -> tuple[int, np.ndarray, np.ndarray, int]:
        assert self.radius is not None
        ptr, nbr, _ = self._neighbours
        return min(self.radius, self.num_spins), ptr, nbr, torch.get_num_threads()

    # Parents.

    @cached_property
    def num_parents(self) -> Tensor:
        """|P(i)| of each rank, or |P_r(i)| under a radius, shape (N,)."""
        from graphar.ordering.compiled import elimination_tree as _symbolic

        if self.radius is not None:
            return self._counts_within[1]
        ptr, nbr, _ = self._neighbours
        return torch.from_numpy(_symbolic.count_parents(self.parent.numpy(), ptr, nbr))

    @property
    def width(self) -> int:
        """Largest separator, max |P(i)|; max |P_r(i)| under a radius."""
        return int(self.num_parents.max())

    @cached_property
    def parents_ptr(self) -> Tensor:
        """Where each P(i) starts in :attr:`parents_spin`, shape (N + 1,)."""
        return _pointers(self.num_parents, "parents")

    @cached_property
    def parents_spin(self) -> Tensor:
        """Ranks j ∈ P(i), or P_r(i) under a radius, rising within each i, int32 of shape (Σ|P|,)."""
        from graphar.ordering.compiled import elimination_tree as _symbolic

        if self.radius is not None:
            return self._lists_within[2]
        ptr, nbr, _ = self._neighbours
        spins = _symbolic.fill_parents(self.parent.numpy(), ptr, nbr, self.parents_ptr.numpy())
        return torch.from_numpy(spins)

    # Arrivals: edges towards the later spin, grouped by it.

    @cached_property
    def _arrivals(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        ptr, nbr, column = self._neighbours
        target = np.repeat(np.arange(self.num_spins), np.diff(ptr))
        earlier = nbr < target
        count = torch.from_numpy(np.bincount(target[earlier], minlength=self.num_spins))
        return (
            _pointers(count, "arrivals"),
            torch.from_numpy(nbr[earlier].astype(np.int64)),
            torch.from_numpy(target[earlier]),
            self.graph.edge_weight.cpu()[torch.from_numpy(column[earlier])],
        )

    @property
    def num_arrivals(self) -> int:
        """|E|."""
        return self.arrival_source.numel()

    @property
    def arrival_ptr(self) -> Tensor:
        """Where the arrivals at each rank start, shape (N + 1,)."""
        return self._arrivals[0]

    @property
    def arrival_source(self) -> Tensor:
        """Earlier neighbour j that sends each arrival, rising within each target, shape (E,)."""
        return self._arrivals[1]

    @property
    def arrival_target(self) -> Tensor:
        """Spin l that each arrival reaches, shape (E,)."""
        return self._arrivals[2]

    @property
    def arrival_weight(self) -> Tensor:
        """Coupling J_jl of each arrival, shape (E,)."""
        return self._arrivals[3]

    @cached_property
    def local_arrival(self) -> Tensor:
        """The arrival that holds ξ_ii, the field on i when it is drawn; −1 where none came, shape (N,)."""
        ptr = self.arrival_ptr
        return torch.where(ptr[1:] > ptr[:-1], ptr[1:] - 1, -1)

    # Pairs.

    @cached_property
    def _up(self) -> np.ndarray:
        """Where a spin's message is read next, going back in rank: the tree, or every rank for ``"all"``."""
        if self.kind == "component":
            return self.parent.numpy()
        return np.arange(self.num_spins) - 1

    @property
    def num_pairs(self) -> int:
        """Σ|F(i)|, the number of weights of a linear head; no pair is made."""
        if self.radius is not None:
            return int(self._counts_within[0].sum())
        first = torch.from_numpy(self._first)
        at = self.depth if self.kind == "component" else torch.arange(self.num_spins)
        return int((at - at[first]).sum())

    @cached_property
    def pair_ptr(self) -> Tensor:
        """Where each F(i) starts in :attr:`pair_spin`, shape (N + 1,)."""
        from graphar.ordering.compiled import elimination_tree as _symbolic

        if self.num_pairs > MAX_PAIRS:
            raise ValueError(
                f"ordering must leave at most {MAX_PAIRS} frontier pairs, got {self.num_pairs} "
                f"({self.ordering.name} order, {self.num_spins} spins); try another ordering or a smaller radius"
            )
        if self.radius is not None:
            return _pointers(self._counts_within[0], "pairs")
        return _pointers(torch.from_numpy(_symbolic.count_pairs(self._up, self._first)), "pairs")

    @cached_property
    def _pairs(self) -> tuple[Tensor, Tensor]:
        from graphar.ordering.compiled import elimination_tree as _symbolic

        if self.radius is not None:
            return self._lists_within[:2]
        ptr, source = self.arrival_ptr.numpy(), self.arrival_source.numpy()
        spins, arrivals = _symbolic.fill_pairs(self._up, self._first, self.pair_ptr.numpy(), ptr, source)
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

    # Levels.

    def levels(self, reads: str = "messages") -> Tensor:
        """Step at which each rank can be drawn: longest path in the DAG of what heads read, shape (N,).

        Args:
            reads: ``"messages"`` for heads that read ξ_il on the frontier, ``"parents"`` for those that read
                the spins of P(i). Under a radius they wait for the same spins, P_r(i). ``"local"`` for ξ_ii alone,
                ``"earlier"`` or ``"magnetisation"`` for all earlier spins or their sum: then one spin a step.
        """
        if reads not in READS:
            raise ValueError(f"reads must be one of {', '.join(READS)}, got {reads!r}")
        if reads in ("earlier", "magnetisation"):
            return torch.arange(self.num_spins)
        if reads == "local" or (self.radius is None and (reads == "parents" or self.kind == "component")):
            return self.depth
        return self._levels

    # What is read, as lists.

    def read_lists(self, reads: str) -> tuple[Tensor, Tensor]:
        """Where each rank's list of what it reads starts, (N + 1,), and the lists: arrivals, or ranks of spins."""
        if reads == "messages":
            return self.pair_ptr, self.pair_arrival
        if reads == "parents":
            return self.parents_ptr, self.parents_spin
        if reads == "earlier":
            ranks = torch.arange(self.num_spins)
            ptr = _pointers(ranks, "earlier spins")
            return ptr, (torch.arange(int(ptr[-1])) - torch.repeat_interleave(ptr[:-1], ranks)).int()
        return torch.zeros(self.num_spins + 1, dtype=torch.int64), torch.zeros(0, dtype=torch.int32)

    @cached_property
    def _levels(self) -> Tensor:
        """Where levels are not depths in the tree: under a radius, and with TwoBo's pairs."""
        from graphar.ordering.compiled import elimination_tree as _symbolic

        if self.radius is not None:
            return torch.from_numpy(_symbolic.longest_path(self.parents_ptr.numpy(), self.parents_spin.numpy()))
        ptr, nbr, _ = self._neighbours
        return torch.from_numpy(_symbolic.levels_of_all(ptr, nbr))

    def describe(self, batch_size: int = 1024) -> str:
        """Table of width, pairs, parents, levels, memory and predicted cost of this order.

        Memory counts what the reference kernel holds: structure and linear weights, and for a batch the
        spins, logits and arrivals in float32. The cost is in multiply-adds of a linear head.
        """
        from graphar._description import describe

        return describe(self, batch_size)


def _pointers(count: Tensor, what: str) -> Tensor:
    ptr = torch.zeros(count.numel() + 1, dtype=torch.int64)
    torch.cumsum(count, 0, out=ptr[1:])
    if int(ptr[-1]) > MAX_PAIRS:
        raise ValueError(f"ordering must leave at most {MAX_PAIRS} {what}, got {int(ptr[-1])}; try another ordering")
    return ptr
