r"""Tables of variable elimination: every spin summed out becomes a function of its separator.

With the ranks of an ordering eliminated from the last to the first, spin i leaves the table

.. math:: T_i(x_{P(i)}) = \log \sum_{x_i} e^{x_i θ_i(x_{P(i)}) + \sum_c T_c},   \quad
          θ_i = k_i + \sum_{j ∈ P(i)} K_{ij} x_j + \sum_a K_a \prod_{j ∈ a, j ≠ i} x_j,

a running over the interactions of more than two whose latest spin is i, and c over its children in the elimination
tree; K = βJ and k = βh. The **log-odds** R_i(x_{P(i)}), the same sum at x_i = +1 less that at −1, is the exact logit of
x_i given all earlier spins.

Configurations of P(i) are integers, bit k set where its k-th parent (by rising rank) is +1. As i is the largest
parent of its child c, the upper half of T_c belongs to x_i = +1. What is linear in the bits of a code (θ_i, and where
a code of P(i) lands in T_c) is made from two tables of half the bits, of 2^{|P|/2} entries each.

Sites of one height in the tree and one width form a group and are summed out together.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from graphar.elimination.groups import Group, heights, make_groups
from graphar.elimination.placing import give_terms
from graphar.elimination.terms import Terms
from graphar.frontier import Frontier

__all__ = ["Eliminator", "hold", "take"]


class Eliminator:
    """What summing out the ranks of a frontier, all or some, has to do; made once, good for any β, J and h.

    Buffers of tables have shape (B, total), B a batch of couplings and fields: rank i has its 2^|P(i)| entries from
    ``offset[i]`` on.

    Args:
        frontier: elimination tree and separators.
        sites: ranks to sum out, a mask of shape (N,), with every rank all its descendants; all by default.
        device: of the tables; that of the graph by default.
        terms: interactions of the sites beside the couplings of the graph, on which they are cliques.

    Attributes:
        groups: in the order of elimination.
        offset: start of each rank's table, −1 for those that stay, shape (N,).
        total: entries of all tables.
        outgoing: ranks summed out whose parent in the tree is not: their tables are what remains. Those of roots have
            a single entry.

    Raises:
        ValueError: a mask that sums out a rank and not all its descendants.
    """

    def __init__(
        self,
        frontier: Frontier,
        sites: Tensor | None = None,
        device: torch.device | None = None,
        terms: Terms | None = None,
    ) -> None:
        self.frontier = frontier
        self.device = frontier.graph.edge_weight.device if device is None else device
        parent, width = frontier.parent.numpy(), frontier.num_parents.numpy()
        gone = np.ones(len(parent), np.bool_) if sites is None else sites.cpu().numpy()
        above = np.where(parent >= 0, gone[parent], False)
        if bool((above & ~gone).any()):
            rank = int((above & ~gone).nonzero()[0][0])
            raise ValueError(f"sites must hold all descendants of its ranks, got {parent[rank]} without {rank}")
        height = heights(parent)
        ranks = np.flatnonzero(gone)
        ranks = ranks[np.lexsort((ranks, width[ranks], height[ranks]))]
        sizes = np.left_shift(1, width[ranks])
        offset = np.full(len(parent), -1)
        offset[ranks] = np.cumsum(sizes) - sizes
        self.offset = torch.from_numpy(offset)
        self.total = int(sizes.sum())
        self.outgoing = torch.from_numpy(np.flatnonzero(gone & ~above))
        self.groups = list(make_groups(frontier, ranks, height, offset, self.device))
        self.num_terms = 0 if terms is None else len(terms.orders)
        if terms is not None and self.num_terms:
            self.groups = give_terms(self.groups, frontier, terms)
        self._slots, self._arrivals = self._place_couplings(ranks)
        self._num_dense = int(width[ranks].sum())

    def _tensor(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(array).to(self.device)

    def _place_couplings(self, ranks: np.ndarray) -> tuple[Tensor, Tensor]:
        """Where the coupling of each pair that ends in a rank summed out stands among the dense (rank, parent) ones."""
        frontier, n = self.frontier, self.frontier.num_spins
        ptr, width = frontier.parents_ptr.numpy(), frontier.num_parents.numpy()
        which, source, target = (part.numpy() for part in frontier.edges)
        first = np.full(n, -1)
        first[ranks] = np.cumsum(width[ranks]) - width[ranks]
        gone = np.flatnonzero(first[target] >= 0)
        arrivals, source, target = which[gone], source[gone], target[gone]
        keys = np.repeat(np.arange(n), width) * n + frontier.parents_spin.numpy()
        slots = first[target] + np.searchsorted(keys, target * n + source) - ptr[target]
        return self._tensor(slots), self._tensor(arrivals)

    def dense(self, coupling: Tensor) -> Tensor:
        """Couplings of the arrivals, (B, E), as those of every rank and parent, zero where there is no edge."""
        dense = coupling.new_zeros(coupling.shape[0], self._num_dense)
        dense[:, self._slots] = coupling[:, self._arrivals]
        return dense

    def sum_out(
        self,
        coupling: Tensor,
        field: Tensor,
        fixed: Tensor | None = None,
        many: Tensor | None = None,
        join: Callable[..., Tensor] = torch.logaddexp,
    ) -> tuple[Tensor, Tensor]:
        """Log-odds R and log-sums T.

        Args:
            coupling: K = βJ in the order of the frontier's arrivals, shape (B, E).
            field: k = βh by rank, shape (B, N).
            fixed: by rank, ±1 for a spin held there, 0 for a free one, shape (B, N).
            many: βJ of the terms, shape (B, M).
            join: what becomes of the two values of a spin summed out; ``torch.maximum``, of couplings and fields
                themselves, gives gaps and maxima, the limit of β → ∞ over β.

        Returns:
            Two buffers of shape (B, total). A held spin has log-odds ±∞.
        """
        batch, dense = field.shape[0], self.dense(coupling)
        odds = field.new_empty(batch, self.total)
        sums = torch.empty_like(odds)
        for group in self.groups:
            up = group.fields(dense, field, many)
            down = -up
            for rows, below, above in group.children(batch):
                down.index_add_(1, rows, take(sums, below))
                up.index_add_(1, rows, take(sums, above))
            if fixed is not None:
                up, down = hold(fixed[:, group.ranks, None], up, down)
            torch.sub(up, down, out=group.of(odds))
            join(up, down, out=group.of(sums))
        return odds, sums

    def pull_back(self, odds: Tensor, weights: Tensor, many: Tensor | None = None) -> tuple[Tensor, Tensor]:
        r"""Derivatives of the outgoing tables by K and k; for roots, of log Z: the averages ⟨x_i x_j⟩ and ⟨x_i⟩.

        From the top down, the derivative by T_i is the probability of each configuration of P(i).

        Args:
            odds: log-odds, shape (B, total).
            weights: of the entries of the outgoing tables, zero elsewhere, shape (B, total); overwritten.
            many: where derivatives by the K_a of the terms are written, shape (B, M).

        Returns:
            Derivatives by K, shape (B, E), and by k, shape (B, N); zero for what was not summed out.
        """
        batch = weights.shape[0]
        field = weights.new_zeros(batch, self.frontier.num_spins)
        dense = weights.new_empty(batch, self._num_dense)
        for group in reversed(self.groups):
            weight = group.of(weights)
            up = weight * group.of(odds).sigmoid()
            down = weight - up
            for rows, below, above in group.children(batch):
                weights.index_add_(1, below.flatten(), down[:, rows].flatten(1))
                weights.index_add_(1, above.flatten(), up[:, rows].flatten(1))
            difference = up.sub_(down)
            field[:, group.ranks], by_parent = group.moments(difference)
            if group.terms is not None and many is not None:
                group.terms.correlate(difference, many)
            dense[:, group.couplings] = by_parent.flatten(1)
        coupling = weights.new_zeros(batch, self.frontier.num_arrivals)
        coupling[:, self._arrivals] = dense[:, self._slots]
        return coupling, field

    def logits(self, odds: Tensor, up: Tensor) -> Tensor:
        """Exact logits of the ranks summed out for given spins; zero for the others.

        Args:
            odds: log-odds, shape (total,).
            up: 1 where a spin is +1 and 0 where it is −1, int64 by rank, shape (N, M).
        """
        logits = odds.new_zeros(up.shape)
        for group in self.groups:
            logits[group.ranks] = _look_up(group, odds, up)
        return logits

    def draw(self, odds: Tensor, up: Tensor, threshold: Tensor) -> Tensor:
        """Draws the ranks summed out into ``up``, +1 where the logit exceeds the threshold, (N, M); returns logits."""
        logits = odds.new_zeros(up.shape)
        for group in reversed(self.groups):
            logit = _look_up(group, odds, up)
            logits[group.ranks] = logit
            up[group.ranks] = (logit > threshold[group.ranks]).to(up)
        return logits


def hold(held: Tensor, up: Tensor, down: Tensor) -> tuple[Tensor, Tensor]:
    """Tables at x_i = ±1 with −∞ for the value that a held spin does not have."""
    return up.masked_fill(held < 0, -torch.inf), down.masked_fill(held > 0, -torch.inf)


def _look_up(group: Group, odds: Tensor, up: Tensor) -> Tensor:
    first = group.tables.start + (torch.arange(group.num_sites, device=up.device) << group.width)
    code = first[:, None].repeat(1, up.shape[1])
    for bit in range(group.width):
        code += up[group.parents[:, bit]] << bit
    return odds.take(code)


def take(buffer: Tensor, index: Tensor) -> Tensor:
    """Entries (B, *index.shape) of a buffer (B, total)."""
    return buffer.index_select(1, index.flatten()).unflatten(1, index.shape)
