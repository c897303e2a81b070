r"""A hypergraph with sites removed, by rules for a site of one interaction at most, or of a field that decides.

A site i that one interaction alone holds, :math:`-J x_i P - h x_i` with P the product of the others, is folded:

.. math:: \max_{x_i} x_i (h + J P) = |h + J P| = \max(|h|, |J|) + \mathrm{sgn}(hJ) \min(|h|, |J|)\, P,

a constant and an interaction with a site less, a field if one is left. None of these numbers is rounded; only sums of
interactions that come to have the same sites are. A site of :math:`|h_i| \ge \sum_{a \ni i} |J_a|` is fixed at
sgn h_i. Forests of interactions, each of which shares at most one site with those before it, vanish.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from graphar.hamiltonians import SpinHypergraph

__all__ = ["ManyBodyStage", "remove_sites_of_many"]

Sites = frozenset[int]


class _Step(NamedTuple):
    """x_site = sgn(field + coupling · Π x_others), + where that is 0."""

    site: int
    field: float
    coupling: float
    others: list[int]


class ManyBodyStage(NamedTuple):
    """A hypergraph with sites removed.

    Attributes:
        reduced: the hypergraph that is left.
        sites: those of its sites in the hypergraph before, shape (n,).
        steps: the sites removed, in order.
        rounding: ground energies before and after differ by this at most.
        removed: how many by which rule.
    """

    reduced: SpinHypergraph
    sites: Tensor
    steps: list[_Step]
    rounding: float
    removed: Counter[str]

    def restore(self, spins: Tensor, num_spins: int) -> Tensor:
        """Configurations (M, n) with the sites removed, (M, N), int8."""
        columns = np.zeros((num_spins, len(spins)), np.int8)
        columns[self.sites.numpy()] = spins.numpy().T
        for site, field, coupling, others in reversed(self.steps):
            local = field + coupling * columns[others].prod(axis=0, dtype=np.int8)
            columns[site] = np.where(local >= 0, 1, -1)
        return torch.from_numpy(np.ascontiguousarray(columns.T))


class _Terms:
    """Interactions by their sites, fields, and what the sums have lost by rounding."""

    def __init__(self, graph: SpinHypergraph) -> None:
        self.fields = graph.h.tolist()
        self.coupling: dict[Sites, float] = {}
        self.of_site: list[set[Sites]] = [set() for _ in range(graph.num_spins)]
        self.constants, self.rounding = [float(graph.offset.item())], 0.0
        self.changed = set(range(graph.num_spins))
        for sites, J in graph.listed():
            self.add(frozenset(sites), J)

    def plus(self, first: float, second: float) -> float:
        """Their sum; what it lost is noted."""
        total = first + second
        self.rounding += abs(math.fsum([first, second, -total]))
        return total

    def add(self, sites: Sites, J: float) -> None:
        """−J Π x of some sites, of none or one too."""
        if len(sites) == 0:
            self.constants.append(-J)
            return
        self.changed |= sites
        if len(sites) == 1:
            (site,) = sites
            self.fields[site] = self.plus(self.fields[site], J)
            return
        total = self.plus(self.coupling[sites], J) if sites in self.coupling else J
        self.take(sites)
        if total != 0:
            self.coupling[sites] = total
            for site in sites:
                self.of_site[site].add(sites)

    def take(self, sites: Sites) -> float:
        """Take an interaction out, if it is there; its coupling."""
        for site in sites:
            self.of_site[site].discard(sites)
        self.changed |= sites
        return self.coupling.pop(sites, 0.0)


def remove_sites_of_many(graph: SpinHypergraph) -> ManyBodyStage:
    """Everything that the rules above remove; of all sites one stays."""
    terms, steps, removed = _Terms(graph), list[_Step](), Counter[str]()
    live = set(range(graph.num_spins))
    while terms.changed and len(live) > 1:
        waiting, terms.changed = sorted(terms.changed & live), set()
        for site in waiting:
            if len(live) == 1:
                break
            held, h = sorted(terms.of_site[site], key=sorted), terms.fields[site]
            if math.fsum([abs(h), *(-abs(terms.coupling[each]) for each in held)]) >= 0:
                spin = 1.0 if h >= 0 else -1.0
                for each in held:
                    terms.add(each - {site}, spin * terms.take(each))
                terms.constants.append(-abs(h))
                steps.append(_Step(site, h, 0.0, []))
                removed["fixed"] += 1
            elif len(held) == 1:
                J, others = terms.take(held[0]), held[0] - {site}
                terms.constants.append(-abs(J))  # |h| < |J| here
                terms.add(others, math.copysign(abs(h), h * J) if h else 0.0)
                steps.append(_Step(site, h, J, sorted(others)))
                removed["folded"] += 1
            else:
                continue
            live.discard(site)
    sites = sorted(live)
    place = {site: k for k, site in enumerate(sites)}
    offset = math.fsum(terms.constants)
    reduced = SpinHypergraph.from_hyperedges(
        [tuple(place[site] for site in sorted(each)) for each in terms.coupling],
        list(terms.coupling.values()),
        torch.tensor([terms.fields[site] for site in sites], dtype=torch.float64),
        len(sites),
        offset=offset,
        dtype=torch.float64,
    )
    if graph.labels is not None:
        reduced.labels = tuple(graph.labels[site] for site in sites)
    rounding = (terms.rounding + abs(math.fsum([*terms.constants, -offset]))) * (1 + 1e-9)
    return ManyBodyStage(reduced, torch.tensor(sites), steps, rounding, removed)
