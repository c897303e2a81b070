"""Plans of compiled sweeps: lists of rows and pairs in the order in which spins are drawn, made once for a frontier.

Spins are visited depth first in the elimination tree, so that what a subtree reads stays in cache. A message is a row,
that of ξ_li after some neighbour of l was drawn; rows are numbered by sender. Where messages are not kept for the
gradient, rows are slots that are used again once nobody reads them any more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np

from graphar.frontier import Frontier
from graphar.ordering.reads import Reads

__all__ = [
    "MADEPlan",
    "MagnetisationPlan",
    "MessagePlans",
    "PairReads",
    "PartEnergies",
    "RankPlan",
    "RecurrentPlan",
    "SharedReads",
    "SweepPlan",
    "no_reads",
    "pair_reads",
    "plan_messages",
    "rank_plan",
    "shared_reads",
]

SHARES = 64  # parts that the readers are divided in for the gradient: enough for any number of threads


class SharedReads(NamedTuple):
    """Pairs of two readers in succession that read the same row, by two readers, and the rest, by reader.

    Attributes:
        both_ptr, both_row, both_a, both_b: where each two start; the row, and the pair of each of the two.
        rest_ptr, rest_row, rest_pair: where each reader's rest starts; row and pair.
    """

    both_ptr: np.ndarray
    both_row: np.ndarray
    both_a: np.ndarray
    both_b: np.ndarray
    rest_ptr: np.ndarray
    rest_row: np.ndarray
    rest_pair: np.ndarray


class PairReads(NamedTuple):
    """Where each reader's pairs start, their rows, their numbers, and those numbers plus that of all pairs."""

    ptr: np.ndarray
    row: np.ndarray
    pair: np.ndarray
    next_pair: np.ndarray


Lists = TypeVar("Lists", SharedReads, PairReads)


class Sent(NamedTuple):
    """Messages by the spins that send them, in drawing order.

    Attributes:
        site, local_row: of each spin, and the row of ξ_ii.
        ptr, before, row: where the messages start that each spin sends; the row that one adds to, and its own.
        factor: the row that is added to the coupling of each, −1 for none; empty where none has one.
    """

    site: np.ndarray
    local_row: np.ndarray
    ptr: np.ndarray
    before: np.ndarray
    row: np.ndarray
    factor: np.ndarray


class SweepPlan(NamedTuple):
    """What sweeps that read by pairs read.

    Attributes:
        sent: messages by sender.
        reads: :class:`SharedReads` or :class:`PairReads`.
        reads_spins: whether rows that are read are those of spins and not of messages.
        ranges: of two readers each, with about equal work in the gradient.
        widest: most rows that one reader reads.
        choice: a number that the head's sweep chooses by.
    """

    sent: Sent
    reads: Any
    reads_spins: bool
    ranges: np.ndarray
    widest: int
    choice: int


class MessagePlans(NamedTuple):
    """Plans that keep every message and that do not.

    Attributes:
        order, place: ranks in drawing order, and where each rank is in it.
        sends: arrivals by row.
        keeping, reusing: the plans.
        num_slots: rows of the second, without the last one, of zeros.
    """

    order: np.ndarray
    place: np.ndarray
    sends: np.ndarray
    keeping: SweepPlan
    reusing: SweepPlan
    num_slots: int


def plan_messages(
    frontier: Frontier,
    reads: Reads,
    make_reads: Callable[[np.ndarray, np.ndarray, np.ndarray, int], tuple[Lists, np.ndarray]],
    choice: int = 0,
) -> MessagePlans:
    """Plans for what a head reads, ``make_reads`` being :func:`shared_reads` or the like."""
    from graphar.kernels.compiled.loops.layout import preorder, reuse_slots

    n, num_arrivals = frontier.num_spins, frontier.num_arrivals
    # TwoBo's own pairs reach beyond the component: their readers must wait for all earlier ranks
    anywhere = frontier.kind == "all" and frontier.radius is None and reads is Reads.MESSAGES
    order = np.arange(n) if anywhere or reads.in_turn else preorder(frontier.parent.numpy())
    place = np.argsort(order)

    sent_by = place[frontier.arrival_source.numpy()]
    sends = np.argsort(sent_by, kind="stable")
    row_of_arrival = np.full(num_arrivals + 1, num_arrivals, np.int32)  # the last row stays zero
    row_of_arrival[sends] = np.arange(num_arrivals)
    arrival, first = np.arange(num_arrivals), frontier.arrival_ptr.numpy()[frontier.arrival_target.numpy()]
    before = row_of_arrival[np.where(arrival == first, -1, arrival - 1)][sends]
    local_row = row_of_arrival[frontier.local_arrival.numpy()[order]]
    send_ptr = pointers(np.bincount(sent_by, minlength=n))
    factor = np.zeros(0, np.int32)
    if frontier.arrival_factor is not None:
        factor = frontier.arrival_factor.numpy()
        factor = np.where(factor >= 0, row_of_arrival[factor], -1)[sends].astype(np.int32)

    ptr, row = (part.numpy() for part in frontier.read_lists(reads))
    row = place[row].astype(np.int32) if reads.spins else row_of_arrival[row]
    lists, cost = make_reads(order, ptr, row, max(n, num_arrivals + 1))
    widest = int(np.diff(ptr).max()) if n else 0

    own = np.arange(num_arrivals, dtype=np.int32)
    sent = Sent(frontier.ordering.sites.numpy()[order], local_row, send_ptr, before, own, factor)
    keeping = SweepPlan(sent, lists, reads.spins, _ranges(cost), widest, choice)
    read = np.zeros_like(ptr) if reads.spins else ptr
    slot, num_slots = reuse_slots(order, read, row, local_row, send_ptr, before, factor)
    if not reads.spins:
        lists = lists._replace(**{name: slot[part] for name, part in lists._asdict().items() if name.endswith("row")})
    factor = np.where(factor >= 0, slot[factor], -1).astype(np.int32)
    sent = sent._replace(local_row=slot[local_row], before=slot[before], row=slot[:-1], factor=factor)
    return MessagePlans(order, place, sends, keeping, keeping._replace(sent=sent, reads=lists), num_slots)


def shared_reads(order: np.ndarray, ptr: np.ndarray, row: np.ndarray, num_rows: int) -> tuple[SharedReads, np.ndarray]:
    """Lists in which two readers in succession share what they load, and the cost before each two and of all."""
    from graphar.kernels.compiled.loops.layout import share_rows

    lists = SharedReads(*share_rows(order, ptr, row, num_rows))
    ends = np.minimum(2 * np.arange(lists.both_ptr.size), order.size)
    # rows to read, those that two readers share for both, and four more for each reader
    return lists, 2 * lists.both_ptr + lists.rest_ptr[ends] + 4 * ends


def pair_reads(
    order: np.ndarray, ptr: np.ndarray, row: np.ndarray, num_rows: int, per_row: int, per_spin: int,
    chosen: np.ndarray | slice = slice(None),
) -> tuple[PairReads, np.ndarray]:  # fmt: skip
    """Lists of ``chosen`` pairs, which are numbered among themselves; ``per_row`` and ``per_spin`` give the cost."""
    n = order.size
    reader = np.repeat(np.argsort(order), np.diff(ptr))[chosen]
    pair = np.argsort(reader, kind="stable").astype(np.int32)
    ptr = pointers(np.bincount(reader, minlength=n))
    ends = np.minimum(2 * np.arange((n + 1) // 2 + 1), n)
    return PairReads(ptr, row[chosen][pair], pair, pair + np.int32(pair.size)), per_row * ptr[ends] + per_spin * ends


def pointers(count: np.ndarray) -> np.ndarray:
    """Where each of some runs starts, and the end, int64."""
    return np.concatenate([[0], np.cumsum(count)]).astype(np.int64)


def _ranges(cost: np.ndarray) -> np.ndarray:
    """Ranges of twos of readers with about equal work, from what there is before each two and the sum."""
    twos = cost.size - 1
    shares = min(SHARES, max(1, twos))
    cuts = np.searchsorted(cost, np.linspace(0, cost[-1], shares + 1))
    cuts[0], cuts[-1] = 0, twos
    return cuts


class RankPlan(NamedTuple):
    """Spins by rank, and the interactions that hold their energies, each at its last spin, for heads without messages.

    Attributes:
        site: of each rank.
        ptr, source, arrival: where the pairs with earlier spins start, these spins, and whose coupling each pair has.
        many_ptr, many_arrival: where the interactions of more spins start, and whose coupling each has.
        others_ptr, others: where the other spins of each of these start, and they.
    """

    site: np.ndarray
    ptr: np.ndarray
    source: np.ndarray
    arrival: np.ndarray
    many_ptr: np.ndarray
    many_arrival: np.ndarray
    others_ptr: np.ndarray
    others: np.ndarray


def rank_plan(frontier: Frontier) -> RankPlan:
    """Spins in order of rank."""
    arrival, source, target = (part.numpy() for part in frontier.edges)
    ptr = pointers(np.bincount(target, minlength=frontier.num_spins))
    pairs = ptr, source.astype(np.int32), arrival.astype(np.int32)
    return RankPlan(frontier.ordering.sites.numpy(), *pairs, *(part.numpy() for part in frontier.many))


class MagnetisationPlan(NamedTuple):
    """Spins by rank, and J̄ and φ of heads that read the running magnetisation."""

    ranks: RankPlan
    coupling: float
    tanh: bool


class MADEPlan(NamedTuple):
    """Spins by rank, where the weights of each layer start, and how many copies of the network there are."""

    ranks: RankPlan
    starts: np.ndarray
    copies: int


class RecurrentPlan(NamedTuple):
    """What sweeps along a memory DAG read; spins by rank.

    Attributes:
        sent: messages by sender.
        slots: ranks heard, −1 for none, (layers, N, slots).
        coupled: where the couplings to them are in a sweep's own order, −1 for none, as ``slots``.
        row: of the state of each spin and layer, (layers, N), ``num_rows`` in all.
        num_rows: of states that are held.
        cell, activation: by their places in :mod:`graphar.heads.recurrent.head`.
        couplings: whether they are features.
        hidden, padded: numbers of a state, and up to whole vectors.
        shared: whether all sites have the same weights.
        threads: that share a batch.
        ranges: of spins, the shares of the weights' gradient.
    """

    sent: Sent
    slots: np.ndarray
    coupled: np.ndarray
    row: np.ndarray
    num_rows: int
    cell: int
    activation: int
    couplings: bool
    hidden: int
    padded: int
    shared: bool
    threads: int
    ranges: np.ndarray


class PartEnergies(NamedTuple):
    """Couplings by the later of their two rows.

    Attributes:
        ptr, earlier, coupling: where those of each row start, (N + 1,); the other row and J of each.
        field: of each row, (N,).
        part: of each row, (N,).
    """

    ptr: np.ndarray
    earlier: np.ndarray
    coupling: np.ndarray
    field: np.ndarray
    part: np.ndarray


def no_reads(order: np.ndarray, ptr: np.ndarray, row: np.ndarray, num_rows: int) -> tuple[PairReads, np.ndarray]:
    """Lists for heads that read no pairs."""
    nothing = np.zeros(0, np.int32)
    return PairReads(ptr, nothing, nothing, nothing), np.arange((order.size + 1) // 2 + 1)
