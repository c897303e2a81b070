"""What members of the portfolio share of a part: samplers, tables and scales, made when first asked for."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from torch import Tensor

from graphar.exact.scale import scale
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.hamiltonians.kinds import is_symmetric
from graphar.montecarlo.metropolis_sampler import Metropolis
from graphar.montecarlo.subgraphs import SubgraphHeatBath
from graphar.montecarlo.tempering import has_clusters
from graphar.solvers.search.parts import Part
from graphar.solvers.search.tabu import Tabu

__all__ = ["Bench"]

_TABLES = 2**18  # entries of tables of subgraphs, for each replica


@dataclass(eq=False)
class Bench:
    """A part with what its members need of it, made when first asked for.

    Attributes:
        part: the part.
        stop: asks whether to stop.
        ladder: where the replicas of tempering are, (T, R, N); None before its first turn.
    """

    part: Part
    stop: Callable[[], bool]
    ladder: Tensor | None = None

    @property
    def graph(self) -> IsingGraph | SpinHypergraph:
        return self.part.graph

    @cached_property
    def metropolis(self) -> Metropolis:
        return Metropolis(self.graph)

    @cached_property
    def tabu(self) -> Tabu:
        return Tabu(self.graph)

    def elite(self, turn: int) -> Tensor:
        """Configurations to start from: the lowest that there are, or the pool of such that differ."""
        return self.part.pool.rows if turn % 2 else self.part.rows

    @cached_property
    def subgraphs(self) -> SubgraphHeatBath:
        assert isinstance(self.graph, IsingGraph)
        width = int(np.clip(math.log2(_TABLES / self.graph.num_spins), 2, 8))
        return SubgraphHeatBath(self.graph, width=width)

    @cached_property
    def swept(self) -> int:
        """Work of annealing in place of one of other members: bits, and then rows, are that much quicker."""
        return 4 if isinstance(self.metropolis.coded, str) else 8

    @cached_property
    def clustered(self) -> bool:
        """Whether clusters on which two configurations differ are many."""
        return has_clusters(self.graph)

    @cached_property
    def symmetric(self) -> bool:
        return is_symmetric(self.graph)

    @cached_property
    def size(self) -> int:
        """Spins, and places of spins in interactions."""
        if isinstance(self.graph, IsingGraph):
            return self.graph.num_spins + 2 * self.graph.num_couplings
        return self.graph.num_spins + int((self.graph.orders**2).sum())

    @cached_property
    def unit(self) -> float:
        """1 / the typical field at a site, root of the mean square: what β is measured in."""
        if isinstance(self.graph, IsingGraph):
            squares = float((self.graph.edge_weight**2).sum())
        else:
            squares = float((self.graph.hyperedge_weight**2 * self.graph.orders).sum())
        typical = math.sqrt((squares + float((self.graph.h**2).sum())) / self.graph.num_spins)
        return 1.0 / typical if typical > 1e-250 else 1e-9 / max(scale(self.graph), 1e-250)

    def replicas(self, most: int) -> int:
        """In whole halves of blocks, fewer of large parts."""
        return int(np.clip(2**23 // self.size // 32 * 32, 32, most))
