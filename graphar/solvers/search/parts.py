"""A Hamiltonian in parts that are solved one by one: reduced, and split into its connected components."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from graphar.exact.scale import scale
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.hamiltonians.kinds import is_symmetric
from graphar.solvers.bounds.rounding import sum_down
from graphar.solvers.bounds.trivial import trivial_bound
from graphar.solvers.reductions import Components, Reduction, components, reduce
from graphar.solvers.search.pool import Pool

__all__ = ["Part", "Parts"]

_MOST_EDGES, _MOST_NEIGHBOURS = 2**20, 64  # of graphs that are reduced: of denser ones hardly a site would go
_MOST_MEMBERS = 2**17  # sites of all interactions of a hypergraph, and sites, up to which it is reduced
_MAX_ELITE = 64  # low configurations that a part keeps for what starts from them


@dataclass(eq=False)
class Part:
    """A component of what the reduction leaves.

    Attributes:
        graph: of it, float64.
        rows: its best configurations, different ones, lowest first, int8, (M, n).
        energies: of these, (M,).
        bound: no energy of it is below.
        solved: whether an exact method has had it.
        found_by: how often which method has found a lower one.
        promising: whether the last configurations taken went to the lower half of the pool.
    """

    graph: IsingGraph | SpinHypergraph
    rows: Tensor
    energies: Tensor
    bound: float
    solved: bool = False
    found_by: dict[str, int] = field(default_factory=dict)
    promising: bool = False

    @cached_property
    def pool(self) -> Pool:
        """Low configurations that differ."""
        return Pool(self.graph.num_spins, is_symmetric(self.graph))

    @classmethod
    def of(cls, graph: IsingGraph | SpinHypergraph) -> Part:
        """A part of which nothing is known."""
        n = graph.num_spins
        rows, energies = torch.empty(0, n, dtype=torch.int8), torch.empty(0, dtype=torch.float64)
        return cls(graph, rows, energies, trivial_bound(graph))

    @property
    def tolerance(self) -> float:
        """Energies closer than this are equal."""
        return 1e-12 * scale(self.graph)

    def take(self, spins: Tensor, method: str) -> bool:
        """Keep the lowest of these configurations (M, n) with those there are; whether one is the lowest."""
        before = float(self.energies[0]) if len(self.energies) else np.inf
        known = len(self.rows)
        rows = torch.cat([self.rows, spins.reshape(-1, self.graph.num_spins).to(torch.int8)])
        energies = torch.cat([self.energies, self.graph.energy(rows[known:])])
        self.promising = self.pool.take(rows[known:], energies[known:])
        order = torch.argsort(energies, stable=True)
        kept: dict[bytes, int] = {}
        for place in order.tolist():
            kept.setdefault(rows[place].numpy().tobytes(), place)
            if len(kept) == _MAX_ELITE:
                break
        places = torch.tensor(list(kept.values()))
        self.rows, self.energies = rows[places], energies[places]
        better = float(self.energies[0]) < before - self.tolerance
        if better:
            self.found_by[method] = self.found_by.get(method, 0) + 1
        return better

    @property
    def best(self) -> Tensor:
        """All configurations of the lowest energy that are kept."""
        return self.rows[self.energies <= self.energies[0] + self.tolerance]


class Parts:
    """All parts, and the way back to the whole.

    Attributes:
        graph: the whole.
        parts: largest first.
    """

    def __init__(self, graph: IsingGraph | SpinHypergraph) -> None:
        self.graph = graph
        self._reduction: Reduction | None = None
        self._components: Components | None = None
        self._constant, self._rounding = 0.0, 0.0
        if _is_small(graph) if isinstance(graph, SpinHypergraph) else not _is_dense(graph):
            self._reduction = reduce(graph)
            self._components = components(self._reduction.graph)
            self._constant = float(self._reduction.graph.offset.item())
            self._rounding = self._reduction.rounding
            self.parts = [Part.of(part) for part in self._components.graphs]
        else:
            self.parts = [Part.of(graph)]

    def join(self, rows: Sequence[Tensor]) -> Tensor:
        """Configurations of the whole, (M, N), of those of each part, (M, n)."""
        if self._reduction is None or self._components is None:
            return rows[0]
        return self._reduction.restore(self._components.join(rows))

    def inside(self, spins: Tensor) -> list[Tensor]:
        """Of a configuration of the whole, (N,), that of each part, (n,)."""
        if self._reduction is None or self._components is None:
            return [spins]
        left = spins[self._reduction.sites]
        return [left[sites] for sites in self._components.sites]

    def inside_of(self, spins: Tensor, parts: Sequence[Part]) -> list[Tensor]:
        """The same of some parts alone."""
        return [given for part, given in zip(self.parts, self.inside(spins), strict=True) if part in parts]

    def whole(self, part: Part | None = None, most: int = 1) -> Tensor:
        """Best configurations of the whole, up to so many, (M, N); of all parts have some."""
        choices = [each.best if each is part or part is None else each.best[:1] for each in self.parts]
        picked = list(itertools.islice(itertools.product(*(range(len(rows)) for rows in choices)), most))
        return self.join([rows[list(places)] for rows, places in zip(choices, zip(*picked, strict=True), strict=True)])

    @property
    def bound(self) -> float:
        """No energy of the whole is below it."""
        return sum_down([self._constant, -self._rounding], [part.bound for part in self.parts])


def _is_small(graph: SpinHypergraph) -> bool:
    """Whether the reduction of a hypergraph, whose rules are not compiled, takes a few seconds at most."""
    return graph.hyperedge_index.shape[1] + graph.num_spins <= _MOST_MEMBERS


def _is_dense(graph: IsingGraph) -> bool:
    return graph.num_couplings > max(_MOST_EDGES, _MOST_NEIGHBOURS * graph.num_spins // 2)
