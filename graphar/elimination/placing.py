"""Which group of sites an interaction belongs to, and which bits of its tables."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from graphar.elimination.groups import Group
from graphar.elimination.terms import GroupTerms, Terms
from graphar.frontier import Frontier

__all__ = ["give_terms"]


def give_terms(groups: list[Group], frontier: Frontier, terms: Terms) -> list[Group]:
    """The groups with the interactions that belong to them; all latest spins must be in one of them."""
    n = frontier.num_spins
    ptr, spin = frontier.parents_ptr.numpy(), frontier.parents_spin.numpy()
    ranks, orders = frontier.ordering.ranks.numpy()[terms.sites.cpu().numpy()], terms.orders.cpu().numpy()
    starts = np.cumsum(orders) - orders
    owner = np.maximum.reduceat(ranks, starts)
    number = np.repeat(np.arange(len(orders)), orders)
    others = ranks != owner[number]
    keys = np.repeat(np.arange(n), np.diff(ptr)) * n + spin
    latest = owner[number[others]]
    bits = np.searchsorted(keys, latest * n + ranks[others]) - ptr[latest]
    masks = np.zeros(len(orders), np.int64)
    np.bitwise_or.at(masks, number[others], np.left_shift(1, bits))
    place = np.full((n, 2), -1)
    for g, group in enumerate(groups):
        sites = group.ranks.cpu().numpy()
        place[sites] = np.stack([np.full(len(sites), g), np.arange(len(sites))], axis=1)
    of_group, row = place[owner].T
    if (of_group < 0).any():
        raise ValueError(f"terms must end in sites that are summed out, got one at rank {owner[of_group < 0][0]}")
    order = np.argsort(of_group, kind="stable")
    cuts = np.searchsorted(of_group[order], np.arange(len(groups) + 1))
    given = []
    for g, group in enumerate(groups):
        which = order[cuts[g] : cuts[g + 1]]
        if not len(which):
            given.append(group)
            continue
        own = (torch.from_numpy(part).to(group.ranks.device) for part in (which, row[which], masks[which]))
        given.append(replace(group, terms=GroupTerms(group.width, *own)))
    return given
