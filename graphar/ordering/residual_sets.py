r"""What is left of interactions as their spins are drawn, and who sends to it.

An interaction a whose spins of ranks < i are drawn leaves its **residual set** R = {l ∈ a : l ≥ i}, with the partial
product J_a Π_{j ∈ a, j < i} x_j. Residual sets are the suffixes of the interactions sorted by rank. Let J_S be the
coupling of S where S is an interaction itself, else 0, and ξ_S the sum of all partial products that leave S. When
t = min S is drawn and |S| ≥ 2, S sends once:

.. math:: ξ_R \mathrel{+}= (J_S + ξ_S) x_t, \qquad R = S \setminus \{t\},

so an **arrival** at R is such a step, and ξ_S its **factor**, absent where nothing ever reaches S. Of pairs S = {j, l},
R = {l}, no arrival has a factor. Sets that share suffixes share messages: there are at most Σ_a (|a| − 1) arrivals.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = ["ResidualSets", "residual_sets"]


class ResidualSets(NamedTuple):
    """Residual sets that messages reach, and all {i}, M in all, by anchor, size and members; and E arrivals at them.

    Attributes:
        anchor: smallest rank of each set, (M,).
        ptr: where the sets of each anchor start, the first of which is {i}, (N + 1,).
        further_ptr, further: where the other ranks of each set start, (M + 1,), and these, rising.
        first: smallest sender to each set, or its anchor where there is none, (M,).
        arrival_ptr: where the arrivals at each set start, senders rising, (M + 1,).
        source: t, who sends each arrival, (E,).
        size: |S|, (E,).
        factor: the set S that is multiplied with, −1 where nothing reaches it, (E,).
        interaction: which interaction S is, −1 for none, (E,).
    """

    anchor: np.ndarray
    ptr: np.ndarray
    further_ptr: np.ndarray
    further: np.ndarray
    first: np.ndarray
    arrival_ptr: np.ndarray
    source: np.ndarray
    size: np.ndarray
    factor: np.ndarray
    interaction: np.ndarray


def residual_sets(ranks: np.ndarray, orders: np.ndarray, num_spins: int) -> ResidualSets:
    """Residual sets of interactions.

    Args:
        ranks: of the members of all interactions, one after the other, shape (Σ_a |a|,).
        orders: number of members of each, 2 or more, shape (A,).
        num_spins: N.
    """
    above, source, size, interaction = _suffixes(ranks, orders, num_spins)
    n, count = num_spins, num_spins + source.size
    smallest = np.concatenate([np.arange(n), source])  # of {0}, {1}, … and then of S, numbered as they are found
    reached = np.bincount(above, minlength=count) > 0
    reached[:n] = True
    found = np.flatnonzero(reached)
    found = found[np.lexsort((found, smallest[found]))]
    number = np.full(count, -1)
    number[found] = np.arange(found.size)
    anchor = smallest[found]

    order = np.lexsort((source, number[above]))
    arrival_ptr = _pointers(np.bincount(number[above], minlength=found.size))
    first = anchor.copy()
    some = arrival_ptr[1:] > arrival_ptr[:-1]
    first[some] = source[order][arrival_ptr[:-1][some]]
    further_ptr, further = _further(found, above, smallest, size, n)
    return ResidualSets(
        anchor,
        _pointers(np.bincount(anchor, minlength=n)),
        further_ptr,
        further,
        first,
        arrival_ptr,
        source[order],
        size[order],
        number[n + order],
        interaction[order],
    )


def _suffixes(ranks: np.ndarray, orders: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Suffixes S of two ranks and more, numbered from N on by size: number of S ∖ min S, min S, |S|, interaction.

    {l} has the number l. Found from the last rank of the interactions to the first, a size at a time.
    """
    of = np.repeat(np.arange(orders.size), orders)
    member = ranks[np.lexsort((-ranks, of))]
    start = np.cumsum(orders) - orders
    suffix = member[start] if orders.size else member
    parts = [np.zeros((4, 0), np.int64)]
    alive, count = np.arange(orders.size), n
    for size in range(2, int(orders.max(initial=0)) + 1):
        alive = alive[orders[alive] >= size]
        key, place = np.unique(suffix[alive] * n + member[start[alive] + size - 1], return_inverse=True)
        which = np.full(key.size, -1)
        ends = orders[alive] == size
        which[place[ends]] = alive[ends]
        suffix[alive] = count + place
        count += key.size
        parts.append(np.stack([key // n, key % n, np.full(key.size, size), which]))
    above, source, size_of, interaction = np.concatenate(parts, axis=1)
    return above, source, size_of, interaction


def _further(
    found: np.ndarray, above: np.ndarray, smallest: np.ndarray, size: np.ndarray, n: int
) -> tuple[np.ndarray, np.ndarray]:
    """All ranks but the smallest of the sets ``found``, as pointers and a list."""
    more = np.zeros(found.size, np.int64)
    more[found >= n] = size[found[found >= n] - n] - 1
    ptr = _pointers(more)
    further = np.empty(ptr[-1], np.int64)
    here, at = np.flatnonzero(found >= n), found[found >= n]
    for k in range(int(more.max(initial=0))):
        at = above[at - n]
        further[ptr[here] + k] = smallest[at]
        here, at = here[at >= n], at[at >= n]
    return ptr, further


def _pointers(count: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
