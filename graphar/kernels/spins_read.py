"""Which earlier spins a conditional depends on, however its head hears of them."""

from __future__ import annotations

import torch
from torch import Tensor

from graphar.frontier import Frontier
from graphar.heads.base import BoundHead
from graphar.heads.message_passing import BoundMessagePassing
from graphar.ordering.reads import Reads

__all__ = ["spins_read"]


def spins_read(frontier: Frontier, head: BoundHead) -> Tensor | None:
    """Pairs of ranks, the one that reads and the one that is read, (2, n); None where they may be all earlier ones."""
    remembers = type(head).new_memory is not BoundHead.new_memory
    anywhere = frontier.kind == "all" and frontier.radius is None and head.reads is Reads.MESSAGES
    if isinstance(head, BoundMessagePassing):  # a message knows of all spins drawn before it was sent
        return None if anywhere else _ancestors(frontier)
    if head.reads.in_turn or remembers:
        return None
    if anywhere:
        return _with_later_neighbours(frontier)
    reader = torch.repeat_interleave(torch.arange(frontier.num_spins), frontier.parents_ptr.diff())
    return torch.stack([reader, frontier.parents_spin.long()])


def _ancestors(frontier: Frontier) -> Tensor:
    """Every rank with each of its ancestors in the elimination tree."""
    reader = read = torch.arange(frontier.num_spins)
    found = []
    while reader.numel():
        read = frontier.parent[read]
        reader, read = reader[read >= 0], read[read >= 0]
        found.append(torch.stack([reader, read]))
    return torch.cat(found, 1)


def _with_later_neighbours(frontier: Frontier) -> Tensor:
    """Every rank with the earlier ones that have a neighbour there or later: whose messages TwoBo's pairs read."""
    ptr, nbr, _ = (torch.from_numpy(part).long() for part in frontier.neighbours)
    rank = torch.arange(frontier.num_spins)
    last = rank.clone()
    has = ptr.diff() > 0
    last[has] = torch.maximum(rank[has], nbr[ptr[1:][has] - 1])
    count = last - rank
    read = torch.repeat_interleave(rank, count)
    turn = torch.arange(read.numel()) - torch.repeat_interleave(count.cumsum(0) - count, count)
    return torch.stack([read + 1 + turn, read])
