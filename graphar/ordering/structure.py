"""What an order costs: its elimination tree, separators, frontiers and levels, counted from arrays.

The definitions are those of :mod:`graphar.frontier`, which lists the messages that are only counted here. With m(l)
the smallest neighbour of l, l is in the frontier of its ancestors i (itself included) for which i > m(l); with depths
in the tree the number of pairs is therefore Σ_l depth(l) − depth(m(l)), known before any pair is made.

Of a hypergraph, tree and separators are those of its primal graph, in which interactions are cliques. What messages
reach are residual sets R (:mod:`graphar.ordering.residual_sets`), subsets of cliques: R lies in C(i) where its smallest
rank does, its **anchor**. So the same holds with sets in the place of spins, a(R) in that of l and m(R), the smallest
sender to R, in that of m(l). Of pairs, sets are single spins.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data

from graphar._support.checks import check_count
from graphar._support.words import format_bytes
from graphar.hamiltonians import SpinHypergraph
from graphar.ordering.adjacency import edges_of
from graphar.ordering.reads import Reads
from graphar.ordering.residual_sets import ResidualSets, residual_sets

__all__ = ["MAX_PAIRS", "Structure", "pointers"]

MAX_PAIRS = 2**31 - 1  # what int32 counts; 26 GB of indices and weights


class Structure:
    """Elimination tree, separators, numbers of pairs and levels of a graph under an order. Immutable.

    Everything is in rank space and computed when first asked for; nothing is N × N.

    Args:
        graph: a graph, or a hypergraph of spins.
        ranks: of each site, shape (N,).
        kind, radius: which spins are read, as for :class:`graphar.Frontier`.
        name: of the order, for tables and errors.

    Raises:
        ValueError: an unknown ``kind``, or a ``radius`` that is no integer or below 0.
    """

    def __init__(
        self, graph: Data, ranks: Tensor, kind: str = "component", radius: int | None = None, name: str = "given"
    ) -> None:
        if kind not in ("component", "all"):
            raise ValueError(f'frontier must be "component" or "all", got {kind!r}')
        self.edge_index, self.ranks = edges_of(graph).cpu().numpy(), ranks.numpy()
        self._members = graph.members() if isinstance(graph, SpinHypergraph) else None
        self.kind = kind
        self.radius = None if radius is None else check_count(radius, "radius", minimum=0)
        self.name = name

    @property
    def num_spins(self) -> int:
        return self.ranks.size

    # Neighbours by rank.

    @cached_property
    def neighbours(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """CSR of the graph in rank space, neighbours rising: pointers, ranks, columns of ``edge_index``; int32."""
        n = self.num_spins
        source, target = self.ranks[self.edge_index]
        if source.size > MAX_PAIRS:
            raise ValueError(f"graph must have at most {MAX_PAIRS // 2} couplings, got {source.size // 2}")
        ptr = np.zeros(n + 1, np.int32)
        np.cumsum(np.bincount(source, minlength=n), out=ptr[1:])
        column = np.argsort(source * n + target, kind="stable").astype(np.int32)
        return ptr, target[column].astype(np.int32), column

    # Residual sets, which are the spins where all interactions are pairs.

    @cached_property
    def residual(self) -> ResidualSets | None:
        """Those of a hypergraph; None for a graph, whose sets are its spins."""
        if self._members is None:
            return None
        site, orders = (part.cpu().numpy() for part in self._members)
        return residual_sets(self.ranks[site], orders, self.num_spins)

    @cached_property
    def anchor(self) -> np.ndarray:
        """a(R): smallest rank of each set that messages reach, rising; that of a spin is its own."""
        return np.arange(self.num_spins) if self.residual is None else self.residual.anchor

    @cached_property
    def set_of_spin(self) -> np.ndarray:
        """Number of the set {i} of each rank, shape (N,)."""
        return np.arange(self.num_spins) if self.residual is None else self.residual.ptr[:-1]

    @cached_property
    def first(self) -> np.ndarray:
        """m(R): smallest sender to each set; of a spin without earlier neighbours the spin itself."""
        if self.residual is not None:
            return self.residual.first
        ptr, nbr, _ = self.neighbours
        first = np.arange(self.num_spins)
        has = ptr[1:] > ptr[:-1]
        first[has] = np.minimum(first[has], nbr[ptr[:-1][has]])
        return first

    # Elimination tree.

    @cached_property
    def parent(self) -> Tensor:
        """Parent of each rank in the elimination tree, −1 for the roots, shape (N,)."""
        from graphar.ordering.compiled import elimination_tree as tree

        ptr, nbr, _ = self.neighbours
        return torch.from_numpy(tree.elimination_tree(ptr, nbr))

    @cached_property
    def depth(self) -> Tensor:
        """Depth of each rank in the elimination tree, roots at 0, shape (N,)."""
        from graphar.ordering.compiled import elimination_tree as tree

        return torch.from_numpy(tree.tree_depth(self.parent.numpy()))

    @cached_property
    def arrival_ptr(self) -> Tensor:
        """Where the arrivals at each set start, shape (sets + 1,): at a spin one for each earlier neighbour."""
        if self.residual is not None:
            return torch.from_numpy(self.residual.arrival_ptr)
        ptr, nbr, _ = self.neighbours
        target = np.repeat(np.arange(self.num_spins), np.diff(ptr))
        count = np.bincount(target[nbr < target], minlength=self.num_spins)
        return pointers(torch.from_numpy(count), "arrivals")

    # Pairs.

    @cached_property
    def up(self) -> np.ndarray:
        """Where a spin's message is read next, going back in rank: the tree, or every rank for ``"all"``."""
        if self.kind == "component":
            return self.parent.numpy()
        return np.arange(self.num_spins) - 1

    @property
    def num_pairs(self) -> int:
        """Σ|F(i)|, the number of weights of a linear head; no pair is made."""
        if self.radius is not None:
            return int(self._counts_within[0].sum())
        at = self.depth if self.kind == "component" else torch.arange(self.num_spins)
        return int((at[torch.from_numpy(self.anchor)] - at[torch.from_numpy(self.first)]).sum())

    @cached_property
    def pair_ptr(self) -> Tensor:
        """Where each F(i) starts in :attr:`pair_set`, shape (N + 1,)."""
        from graphar.ordering.compiled import elimination_tree as tree

        if self.num_pairs > MAX_PAIRS:
            raise ValueError(
                f"ordering must leave at most {MAX_PAIRS} frontier pairs, got {self.num_pairs} "
                f"({self.name} order, {self.num_spins} spins); try another ordering or a smaller radius"
            )
        if self.radius is not None:
            return pointers(self._counts_within[0], "pairs")
        return pointers(torch.from_numpy(tree.count_pairs(self.up, self.anchor, self.first)), "pairs")

    # What a radius leaves: pairs and parents counted, then listed.

    @cached_property
    def _counts_within(self) -> tuple[Tensor, Tensor]:
        from graphar.ordering.compiled import balls, set_balls

        if self.residual is None:
            pairs, parents = balls.count_within(*self._balls)
        else:
            pairs, parents = set_balls.count_sets_within(*self._balls, self._sets_of_anchors)
        return torch.from_numpy(pairs), torch.from_numpy(parents)

    @cached_property
    def lists_within(self) -> tuple[Tensor, Tensor, Tensor]:
        from graphar.ordering.compiled import balls, set_balls

        starts = self.pair_ptr.numpy(), self.parents_ptr.numpy()
        if self.residual is None:
            sets, arrivals, parents = balls.fill_within(*self._balls, *starts, self.arrival_ptr.numpy())
        else:
            sets, arrivals, parents = set_balls.fill_sets_within(*self._balls, self._sets_of_anchors, *starts)
        return torch.from_numpy(sets), torch.from_numpy(arrivals), torch.from_numpy(parents)

    @property
    def _balls(self) -> tuple[int, np.ndarray, np.ndarray, int]:
        assert self.radius is not None
        ptr, nbr, _ = self.neighbours
        return min(self.radius, self.num_spins), ptr, nbr, torch.get_num_threads()

    @property
    def _sets_of_anchors(self) -> Any:
        from graphar.ordering.compiled.set_balls import SetsOfAnchors

        return SetsOfAnchors(*(getattr(self.residual, name) for name in SetsOfAnchors._fields))

    # Parents.

    @cached_property
    def num_parents(self) -> Tensor:
        """|P(i)| of each rank, or |P_r(i)| under a radius, shape (N,)."""
        from graphar.ordering.compiled import elimination_tree as tree

        if self.radius is not None:
            return self._counts_within[1]
        ptr, nbr, _ = self.neighbours
        return torch.from_numpy(tree.count_parents(self.parent.numpy(), ptr, nbr))

    @property
    def width(self) -> int:
        """Largest separator, max |P(i)|; max |P_r(i)| under a radius."""
        return int(self.num_parents.max())

    @cached_property
    def parents_ptr(self) -> Tensor:
        """Where each P(i) starts in :attr:`parents_spin`, shape (N + 1,)."""
        return pointers(self.num_parents, "parents")

    @cached_property
    def parents_spin(self) -> Tensor:
        """Ranks j ∈ P(i), or P_r(i) under a radius, rising within each i, int32 of shape (Σ|P|,)."""
        from graphar.ordering.compiled import elimination_tree as tree

        if self.radius is not None:
            return self.lists_within[2]
        ptr, nbr, _ = self.neighbours
        spins = tree.fill_parents(self.parent.numpy(), ptr, nbr, self.parents_ptr.numpy())
        return torch.from_numpy(spins)

    # Levels.

    def levels(self, reads: str = "messages") -> Tensor:
        """Step at which each rank can be drawn: longest path in the DAG of what heads read, shape (N,).

        Args:
            reads: ``"messages"`` for heads that read ξ_il on the frontier, ``"parents"`` for those that read
                the spins of P(i). Under a radius they wait for the same spins, P_r(i). ``"local"`` for ξ_ii alone,
                ``"earlier"``, ``"magnetisation"`` or ``"memory"`` for all earlier spins, their sum, or what is passed
                on from spin to spin: then one spin a step.
        """
        if reads not in list(Reads):
            raise ValueError(f"reads must be one of {', '.join(Reads)}, got {reads!r}")
        what = Reads(reads)
        if what.in_turn:
            return torch.arange(self.num_spins)
        return self.depth if what.waits_for_component(self.kind, self.radius) else self._levels

    @cached_property
    def _levels(self) -> Tensor:
        """Where levels are not depths in the tree: under a radius, and with TwoBo's pairs."""
        from graphar.ordering.compiled import elimination_tree as tree

        if self.radius is not None:
            return torch.from_numpy(tree.longest_path(self.parents_ptr.numpy(), self.parents_spin.numpy()))
        ptr, nbr, _ = self.neighbours
        return torch.from_numpy(tree.levels_of_all(ptr, nbr))

    def describe(self, batch_size: int = 1024) -> str:
        """Table of width, pairs, parents, levels, memory and predicted cost of this order.

        Memory counts what the reference kernel holds: structure and linear weights, and for a batch the
        spins, logits and arrivals in float32. The cost is in multiply-adds of a linear head.
        """
        steps = int(self.levels().max()) + 1
        num_arrivals = int(self.arrival_ptr[-1])
        held = 4 * batch_size * (num_arrivals + 4 * self.num_spins)
        lists = 8 * (2 * self.num_pairs + 4 * num_arrivals + 4 * self.num_spins) + 12 * self.num_pairs
        operations = self.num_pairs + num_arrivals
        rows = [
            ("spins", f"{self.num_spins:,}"),
            ("couplings (arrivals)" if self.residual is None else "messages (arrivals)", f"{num_arrivals:,}"),
            ("width (largest separator)" if self.radius is None else "width (most spins read)", f"{self.width:,}"),
            ("pairs (linear weights)", f"{self.num_pairs:,}"),
            ("parents, summed", f"{int(self.num_parents.sum()):,}"),
            ("levels (sequential steps)", f"{steps:,}"),
            ("spins per level, mean", f"{self.num_spins / steps:.1f}"),
            ("memory, structure", format_bytes(lists)),
            (f"memory, batch of {batch_size}", format_bytes(held)),
            ("cost per sample", f"{operations:,} multiply-adds"),
            (f"cost per batch of {batch_size}", f"{operations * batch_size:.2e} multiply-adds"),
        ]
        cut = "" if self.radius is None else f", radius={self.radius}"
        title = f"{self.name} order, frontier={self.kind!r}{cut}"
        return "\n".join([title, *(f"  {name:<28}{value:>16}" for name, value in rows)])


def pointers(count: Tensor, what: str) -> Tensor:
    ptr = torch.zeros(count.numel() + 1, dtype=torch.int64)
    torch.cumsum(count, 0, out=ptr[1:])
    if int(ptr[-1]) > MAX_PAIRS:
        raise ValueError(f"ordering must leave at most {MAX_PAIRS} {what}, got {int(ptr[-1])}; try another ordering")
    return ptr
