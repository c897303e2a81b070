r"""How log q changes when one spin is turned over, for every spin at once.

    log q(x^i) − log q(x) = Σ_{j : i ∈ S_j} [log q(x_j^i | x_<j^i) − log q(x_j | x_<j)],   S_j = {j} ∪ P(j)

A conditional changes only where its spin is turned over, or reads one that is. So two spins that no S_j holds both may
be turned over in one pass, and every changed conditional tells whose change it is. Passes are the colours of the graph
whose cliques are the S_j. For separators P(j) that is the filled graph, which is chordal; taken in the order of
sampling it needs max |S_j| = width + 1 colours, as few as there are: two passes for a chain of any length, not N.

Heads that look at all earlier spins take N passes, and those that pass messages on as many as their tree is high.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from graphar.frontier import Frontier
from graphar.heads import BoundHead
from graphar.heads.message_passing import BoundMessagePassing
from graphar.ordering.reads import Reads
from graphar.partial_elimination.plan import Core

__all__ = ["FlipPass", "flip_log_ratios", "flip_passes"]


class FlipPass(NamedTuple):
    """Sites that are turned over together, and whom each changed conditional speaks of.

    Attributes:
        sites: those turned over.
        readers: sites whose conditionals change.
        owners: the site among ``sites`` by which each of them does.
    """

    sites: Tensor
    readers: Tensor
    owners: Tensor


class _Conditionals(Protocol):
    """What of a distribution is asked here: logits of configurations (batch, N)."""

    def _logits(self, spins: Tensor) -> Tensor: ...


def flip_passes(core: Core | None, frontier: Frontier, head: BoundHead | None) -> list[FlipPass]:
    """The passes of a model: of few, where each conditional reads few spins.

    Args:
        core: of a model with exact sites.
        frontier, head: of the sites that are learned.
    """
    whole = frontier if core is None else core.frontier
    sites, n = whole.ordering.sites, whole.num_spins
    known = None if head is None else _spins_read(frontier, head)
    if head is not None and known is None:
        return [FlipPass(sites[r : r + 1], sites[r:], sites[r : r + 1].expand(n - r)) for r in range(n)]
    parts = [torch.arange(n).expand(2, n)]  # each conditional is of its own spin
    if known is not None:
        parts.append(known if core is None else core.ranks[known])
    if core is not None:
        reader = torch.repeat_interleave(torch.arange(n), whole.parents_ptr.diff())
        exact = core.exact[reader]
        parts.append(torch.stack([reader[exact], whole.parents_spin.long()[exact]]))
    reader, read = torch.cat(parts, 1)
    colour = _colours(reader, read, n)[read]
    by_colour = torch.argsort(colour, stable=True)
    pieces = by_colour.split(torch.bincount(colour).tolist())
    return [FlipPass(sites[read[piece].unique()], sites[reader[piece]], sites[read[piece]]) for piece in pieces]


def flip_log_ratios(q: _Conditionals, passes: list[FlipPass], spins: Tensor) -> Tensor:
    """log q(x^i) − log q(x) of configurations (batch, N) for every site i, float64, (batch, N)."""
    before = _log_conditionals(q, spins)
    ratios = torch.zeros_like(before)
    for sites, readers, owners in passes:
        flipped = spins.clone()
        flipped[:, sites] *= -1
        change = _log_conditionals(q, flipped).sub_(before)
        ratios.index_add_(1, owners.to(spins.device), change[:, readers])
    return ratios


def _log_conditionals(q: _Conditionals, spins: Tensor) -> Tensor:
    return logsigmoid(spins.double() * q._logits(spins).double())


def _spins_read(frontier: Frontier, head: BoundHead) -> Tensor | None:
    """Ranks that read and ranks that are read, in pairs, by a head's conditionals; None where it may be any earlier."""
    n, remembers = frontier.num_spins, type(head).new_memory is not BoundHead.new_memory
    anywhere = frontier.kind == "all" and frontier.radius is None and head.reads is Reads.MESSAGES
    if isinstance(head, BoundMessagePassing) and not anywhere:  # a message knows of all spins drawn before it was sent
        parent, ancestors = frontier.parent, []
        reader = read = torch.arange(n)
        while reader.numel():
            read = parent[read]
            reader, read = reader[read >= 0], read[read >= 0]
            ancestors.append(torch.stack([reader, read]))
        return torch.cat(ancestors, 1)
    if head.reads.in_turn or remembers or isinstance(head, BoundMessagePassing):
        return None
    if anywhere:  # messages at any later spin: of earlier spins with a neighbour at j or after it
        ptr, nbr, _ = (torch.from_numpy(part).long() for part in frontier.neighbours)
        last = torch.arange(n)
        last[ptr.diff() > 0] = torch.maximum(last, nbr[(ptr[1:] - 1).clamp(min=0)])[ptr.diff() > 0]
        count = last - torch.arange(n)
        read = torch.repeat_interleave(torch.arange(n), count)
        turn = torch.arange(read.numel()) - torch.repeat_interleave(count.cumsum(0) - count, count)
        return torch.stack([read + 1 + turn, read])
    reader = torch.repeat_interleave(torch.arange(n), frontier.parents_ptr.diff())
    return torch.stack([reader, frontier.parents_spin.long()])


def _colours(reader: Tensor, read: Tensor, n: int) -> Tensor:
    """A colour for each rank, by rank, such that no reader reads two of one colour: the first that is free."""
    by_read = torch.argsort(read, stable=True)
    readers = [part.tolist() for part in reader[by_read].split(torch.bincount(read, minlength=n).tolist())]
    taken, colours = [0] * n, []  # by what each reader reads, as bits
    for mine in readers:
        met = 0
        for j in mine:
            met |= taken[j]
        free = ~met & (met + 1)
        colours.append(free.bit_length() - 1)
        for j in mine:
            taken[j] |= free
    return torch.tensor(colours)
