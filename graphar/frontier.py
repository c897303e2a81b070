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

Elimination trees: J. W. H. Liu, `SIAM J. Matrix Anal. Appl. 11, 134 (1990) <https://doi.org/10.1137/0611010>`_.
"""

from __future__ import annotations

import heapq
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from graphar.hamiltonians import IsingGraph
from graphar.ordering import Ordering

__all__ = ["Frontier", "build_frontier"]

MAX_PAIRS = 2**31 - 1  # 34 GB of indices and weights: past any machine this is meant for


def build_frontier(ordering: Ordering, kind: str = "component") -> Frontier:
    """Frontier of a graph under an ordering; ``kind`` is ``"component"`` (ours) or ``"all"`` (TwoBo's pairs)."""
    return Frontier(ordering, kind)


class Frontier:
    """Elimination tree, parents, frontier pairs, arrivals and levels of an ordering. Immutable.

    Everything is in rank space and computed when first asked for; nothing is N × N.

    Args:
        ordering: the sampling order, which knows its graph.
        kind: ``"component"`` for F(i) within the component of i, ``"all"`` for TwoBo's own pairs.

    >>> import graphar as ga
    >>> frontier = build_frontier(ga.natural(ga.chain(4)))
    >>> frontier.num_pairs, frontier.pair_spin.tolist(), frontier.width
    (3, [1, 2, 3], 1)
    """

    def __init__(self, ordering: Ordering, kind: str = "component") -> None:
        if kind not in ("component", "all"):
            raise ValueError(f'frontier must be "component" or "all", got {kind!r}')
        self.ordering = ordering
        self.kind = kind

    @property
    def graph(self) -> IsingGraph:
        return self.ordering.graph

    @property
    def num_spins(self) -> int:
        return self.graph.num_spins

    def __repr__(self) -> str:
        return f"Frontier({self.ordering.name} order, {self.num_spins} spins, {self.num_pairs} pairs, {self.kind})"

    # Neighbours by rank.

    @cached_property
    def _neighbours(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """CSR of the graph in rank space, neighbours rising: pointers, ranks, couplings."""
        n = self.num_spins
        ranks = self.ordering.ranks.numpy()
        source, target = ranks[self.graph.edge_index.cpu().numpy()]
        order = np.argsort(source * n + target, kind="stable")
        ptr = np.zeros(n + 1, np.int64)
        np.cumsum(np.bincount(source, minlength=n), out=ptr[1:])
        return ptr, np.ascontiguousarray(target[order]), self.graph.edge_weight.cpu().numpy()[order]

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
        from graphar import _symbolic

        ptr, nbr, _ = self._neighbours
        return torch.from_numpy(_symbolic.elimination_tree(ptr, nbr))

    @cached_property
    def depth(self) -> Tensor:
        """Depth of each rank in the elimination tree, roots at 0, shape (N,)."""
        from graphar import _symbolic

        return torch.from_numpy(_symbolic.tree_depth(self.parent.numpy()))

    # Parents.

    @cached_property
    def num_parents(self) -> Tensor:
        """|P(i)| of each rank, shape (N,)."""
        from graphar import _symbolic

        ptr, nbr, _ = self._neighbours
        return torch.from_numpy(_symbolic.count_parents(self.parent.numpy(), ptr, nbr))

    @property
    def width(self) -> int:
        """Largest separator, max |P(i)|."""
        return int(self.num_parents.max())

    @cached_property
    def parents_ptr(self) -> Tensor:
        """Where each P(i) starts in :attr:`parents_spin`, shape (N + 1,)."""
        return _pointers(self.num_parents, "parents")

    @cached_property
    def parents_spin(self) -> Tensor:
        """Ranks j ∈ P(i), rising within each i, shape (Σ|P|,)."""
        from graphar import _symbolic

        ptr, nbr, _ = self._neighbours
        spins = _symbolic.fill_parents(self.parent.numpy(), ptr, nbr, self.parents_ptr.numpy())
        return torch.from_numpy(spins)

    # Arrivals: edges towards the later spin, grouped by it.

    @cached_property
    def _arrivals(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        ptr, nbr, coupling = self._neighbours
        target = np.repeat(np.arange(self.num_spins), np.diff(ptr))
        earlier = nbr < target
        count = torch.from_numpy(np.bincount(target[earlier], minlength=self.num_spins))
        return (
            _pointers(count, "arrivals"),
            torch.from_numpy(nbr[earlier]),
            torch.from_numpy(target[earlier]),
            torch.from_numpy(coupling[earlier]),
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
        """Σ|F(i)|, the number of weights of a linear head; closed form, no pair is made."""
        first = torch.from_numpy(self._first)
        at = self.depth if self.kind == "component" else torch.arange(self.num_spins)
        return int((at - at[first]).sum())

    @cached_property
    def pair_ptr(self) -> Tensor:
        """Where each F(i) starts in :attr:`pair_spin`, shape (N + 1,)."""
        from graphar import _symbolic

        if self.num_pairs > MAX_PAIRS:
            raise ValueError(
                f"ordering must leave at most {MAX_PAIRS} frontier pairs, got {self.num_pairs} "
                f"({self.ordering.name} order, {self.num_spins} spins); try another ordering"
            )
        return _pointers(torch.from_numpy(_symbolic.count_pairs(self._up, self._first)), "pairs")

    @cached_property
    def _pairs(self) -> tuple[Tensor, Tensor]:
        from graphar import _symbolic

        ptr, source = self.arrival_ptr.numpy(), self.arrival_source.numpy()
        spins, arrivals = _symbolic.fill_pairs(self._up, self._first, self.pair_ptr.numpy(), ptr, source)
        return torch.from_numpy(spins), torch.from_numpy(arrivals)

    @property
    def pair_spin(self) -> Tensor:
        """Frontier spin l of each pair, rising within each i, shape (Σ|F|,)."""
        return self._pairs[0]

    @property
    def pair_arrival(self) -> Tensor:
        """The arrival that holds ξ_il for each pair, shape (Σ|F|,)."""
        return self._pairs[1]

    @cached_property
    def pair_reader(self) -> Tensor:
        """Spin i that reads each pair, shape (Σ|F|,)."""
        return torch.repeat_interleave(torch.arange(self.num_spins), self.pair_ptr.diff())

    # Levels.

    def levels(self, reads: str = "messages") -> Tensor:
        """Step at which each rank can be drawn: longest path in the DAG of what heads read, shape (N,).

        Args:
            reads: ``"messages"`` for heads that read ξ_il on the frontier, ``"parents"`` for those that read
                the spins of P(i).
        """
        if reads not in ("messages", "parents"):
            raise ValueError(f'reads must be "messages" or "parents", got {reads!r}')
        if reads == "parents" or self.kind == "component":
            return self.depth
        return self._levels_all

    @cached_property
    def _levels_all(self) -> Tensor:
        # With TwoBo's pairs, i reads every j < i that still has a neighbour of rank ≥ i.
        ptr, nbr, _ = self._neighbours
        last = np.full(self.num_spins, -1)
        has = ptr[1:] > ptr[:-1]
        last[has] = nbr[ptr[1:][has] - 1]
        level = np.zeros(self.num_spins, np.int64)
        open_spins: list[tuple[int, int]] = []
        for i, closes in enumerate(last.tolist()):
            while open_spins and open_spins[0][1] < i:
                heapq.heappop(open_spins)
            if open_spins:
                level[i] = 1 - open_spins[0][0]
            if closes > i:
                heapq.heappush(open_spins, (-int(level[i]), closes))
        return torch.from_numpy(level)

    def describe(self, batch_size: int = 1024) -> str:
        """Table of width, pairs, parents, levels, memory and predicted cost of this order.

        Memory counts what the reference kernel holds: structure and linear weights, and for a batch the
        spins, logits and arrivals in float32. The cost is in multiply-adds of a linear head.
        """
        steps = int(self.levels().max()) + 1
        parents = int(self.num_parents.sum())
        held = 4 * batch_size * (self.num_arrivals + 4 * self.num_spins)
        structure = 8 * (2 * self.num_pairs + 4 * self.num_arrivals + 4 * self.num_spins) + 12 * self.num_pairs
        operations = self.num_pairs + self.num_arrivals
        rows = [
            ("spins", f"{self.num_spins:,}"),
            ("couplings (arrivals)", f"{self.num_arrivals:,}"),
            ("width (largest separator)", f"{self.width:,}"),
            ("pairs (linear weights)", f"{self.num_pairs:,}"),
            ("parents, summed", f"{parents:,}"),
            ("levels (sequential steps)", f"{steps:,}"),
            ("spins per level, mean", f"{self.num_spins / steps:.1f}"),
            ("memory, structure", _bytes(structure)),
            (f"memory, batch of {batch_size}", _bytes(held)),
            ("cost per sample", f"{operations:,} multiply-adds"),
            (f"cost per batch of {batch_size}", f"{operations * batch_size:.2e} multiply-adds"),
        ]
        title = f"{self.ordering.name} order, frontier={self.kind!r}"
        return "\n".join([title, *(f"  {name:<28}{value:>16}" for name, value in rows)])


def _pointers(count: Tensor, what: str) -> Tensor:
    ptr = torch.zeros(count.numel() + 1, dtype=torch.int64)
    torch.cumsum(count, 0, out=ptr[1:])
    if int(ptr[-1]) > MAX_PAIRS:
        raise ValueError(f"ordering must leave at most {MAX_PAIRS} {what}, got {int(ptr[-1])}; try another ordering")
    return ptr


def _bytes(number: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000 or unit == "GB":
            return f"{number:.0f} B" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    raise AssertionError("unreachable")
