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
from graphar.kernels.spins_read import spins_read
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
    """What of a distribution is asked here, of configurations (batch, N)."""

    def _logits(self, spins: Tensor) -> Tensor: ...
    def _log_prob(self, spins: Tensor) -> Tensor: ...


def flip_passes(core: Core | None, frontier: Frontier, head: BoundHead | None) -> list[FlipPass]:
    """The passes of a model: of few, where each conditional reads few spins.

    Args:
        core: of a model with exact sites.
        frontier, head: of the sites that are learned.
    """
    whole = frontier if core is None else core.frontier
    sites, n = whole.ordering.sites, whole.num_spins
    known = None if head is None else spins_read(frontier, head)
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
    before, whole = _log_conditionals(q, spins), q._log_prob(spins).double()
    ratios = torch.zeros_like(before)
    for sites, readers, owners in passes:
        flipped = spins.clone()
        flipped[:, sites] *= -1
        if sites.numel() == 1:  # all of the change is its own
            ratios[:, sites[0]] = q._log_prob(flipped).double() - whole
        else:
            change = _log_conditionals(q, flipped).sub_(before)
            ratios.index_add_(1, owners.to(spins.device), change[:, readers])
    return ratios


def _log_conditionals(q: _Conditionals, spins: Tensor) -> Tensor:
    return logsigmoid(spins.double() * q._logits(spins).double())


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
