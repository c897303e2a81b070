r"""Smaller graphs with the same ground energy, and the way back from their configurations.

Every rule replaces the graph by one with a site less. With sums over the neighbours of a site i:

- a **field that decides**, :math:`|h_i| \ge \sum_j |J_{ij}|`: x_i = sgn h_i in some ground state, and is fixed;
- a **fold** of a site of one, two or three neighbours, over which it is minimised,

  .. math:: \max_{x_i} x_i \Big(h_i + \sum_j J_{ij} x_j\Big) = \Big| h_i + \sum_j J_{ij} x_j \Big|,

  is a constant with fields and couplings of the neighbours: always for one and two of them, and for three where the
  product of the three is missing, as it is without a field (the star–triangle transformation at zero temperature);
- a **coupling that decides**, :math:`|J_{ij}| \ge |h_i| + \sum_{k \ne j} |J_{ik}|`: x_i = sgn(J_ij) x_j in some ground
  state, and i is contracted into j.

They keep one ground state at least, not all of them. Hypergraphs have the first rule and a fold of their own
(:mod:`graphar.solvers.reductions.many_body`), and all of these once only pairs are left.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from graphar._support.checks import check_count, check_flag, check_spins
from graphar.exact.scale import check_scale
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.hamiltonians.kinds import check_hamiltonian
from graphar.solvers.reductions.many_body import ManyBodyStage, remove_sites_of_many
from graphar.solvers.reductions.roof_duality import persistent_spins
from graphar.solvers.reductions.stage import Stage, fix_spins, remove_sites

__all__ = ["Reduction", "reduce"]

MAX_DEGREE = 3


def reduce(
    graph: IsingGraph | SpinHypergraph, *, max_degree: int = MAX_DEGREE, roof_duality: bool = False
) -> Reduction:
    r"""Remove sites that some ground state can do without, until no rule applies.

    A site is fixed where :math:`|h_i| \ge \sum_j |J_{ij}|`, contracted into j where :math:`|J_{ij}|` is at least all
    else at i (`Lange, Andres and Swoboda 2019 <https://arxiv.org/abs/1812.01426>`_), and folded into its neighbours
    where these are few. Trees, chains and ladders vanish but for one spin. In time about linear in the edges. Of
    hypergraphs, sites of a field that decides are fixed, and those of one interaction are folded into its others.

    Args:
        graph: couplings and fields, or interactions of any numbers of spins.
        max_degree: neighbours up to which a site of pairs is folded, 0 to 3. Folds at 3 put three couplings between the
            neighbours, of half the size for ±J.
        roof_duality: whether spins are fixed by roof duality as well
            (`Boros and Hammer 2002 <https://doi.org/10.1016/S0166-218X(01)00341-9>`_), by the package
            ``dwave-preprocessing`` (extra ``preprocessing``). It finds some only where there are fields.

    Returns:
        The reduced graph and the way back; see :class:`Reduction`.

    Raises:
        ValueError: a batch of several graphs, ``max_degree`` beyond 3.
        ImportError: ``roof_duality`` without the package.

    >>> import graphar as ga
    >>> reduce(ga.chain(1000, couplings="gaussian", field=0.1, seed=1))
    Reduction(1000 spins to 1, 148 fixed, 851 folded)
    >>> reduce(ga.random_regular(1000, degree=3, couplings="pm1", seed=1))
    Reduction(1000 spins to 614, 385 folded, 1 contracted)
    >>> reduce(ga.random_hypergraph(1000, order=3, mean_degree=2.5, couplings="gaussian", seed=1))
    Reduction(1000 spins to 587, 108 fixed, 305 folded)
    """
    check_hamiltonian(graph, alone=True)
    graph.validate()
    check_scale(graph, 0.0)
    by_flow = check_flag(roof_duality, "roof_duality")
    if check_count(max_degree, "max_degree", minimum=0) > MAX_DEGREE:
        raise ValueError(f"max_degree must be at most {MAX_DEGREE}, where folds leave pairs, got {max_degree}")
    left, stages = graph.to(torch.device("cpu"), torch.float64), list[Stage | ManyBodyStage]()
    if isinstance(left, SpinHypergraph) and left.order > 2:
        stages.append(remove_sites_of_many(left))
        left = stages[0].reduced
    if isinstance(left, SpinHypergraph) and left.order <= 2:
        left = left.to_ising()
    if isinstance(left, SpinHypergraph):
        return Reduction(graph, left, tuple(stages))
    stages.append(remove_sites(left, max_degree))
    while by_flow and stages[-1].reduced.num_spins > 1:
        fixed = persistent_spins(last := _pairs(stages))
        if not fixed.any():
            break
        stages.append(fix_spins(last, fixed))
        stages.append(remove_sites(_pairs(stages), max_degree))
    return Reduction(graph, stages[-1].reduced, tuple(stages))


def _pairs(stages: list[Stage | ManyBodyStage]) -> IsingGraph:
    last = stages[-1].reduced
    assert isinstance(last, IsingGraph)
    return last


@dataclass(frozen=True, eq=False)
class Reduction:
    """A graph with sites removed and the same ground energy; made by :func:`reduce`.

    Attributes:
        original: the graph before.
        graph: the graph after, float64, of one spin at least; its sites have the labels that they had. That of a
            hypergraph is an :class:`graphar.IsingGraph` if nothing but pairs and fields is left.
    """

    original: IsingGraph | SpinHypergraph
    graph: IsingGraph | SpinHypergraph
    _stages: tuple[Stage | ManyBodyStage, ...] = field(repr=False)

    @property
    def sites(self) -> Tensor:
        """Sites of the original that are left, in the order of the reduced graph's, shape (n,)."""
        sites = self._stages[0].sites
        for stage in self._stages[1:]:
            sites = sites[stage.sites]
        return sites

    @property
    def removed(self) -> dict[str, int]:
        """How many sites went by which rule; those of none are left out."""
        rules = ("fixed", "folded", "contracted", "fixed by roof duality")
        return {rule: number for rule in rules if (number := sum(stage.removed[rule] for stage in self._stages))}

    @property
    def rounding(self) -> float:
        """The ground energies of both graphs differ by this at most; 0 where all sums were exact, as for ±J."""
        return math.fsum(stage.rounding for stage in self._stages) * (1 + 1e-9)

    def restore(self, spins: Any) -> Tensor:
        """Configurations of the original with its removed spins at their best.

        Args:
            spins: ±1, of the reduced graph, shape (..., n).

        Returns:
            int8, shape (..., N), of the energy that ``spins`` have on the reduced graph, but for rounding.
        """
        x = check_spins(spins, self.graph.num_spins).detach().cpu()
        rows = x.reshape(-1, self.graph.num_spins).to(torch.int8)
        before = [self.original.num_spins, *(stage.reduced.num_spins for stage in self._stages[:-1])]
        for stage, num_spins in zip(reversed(self._stages), reversed(before), strict=True):
            rows = stage.restore(rows, num_spins)
        return rows.reshape(*x.shape[:-1], self.original.num_spins)

    def __repr__(self) -> str:
        counts = [f"{number} {rule}" for rule, number in self.removed.items()] or ["nothing removed"]
        return f"Reduction({self.original.num_spins} spins to {self.graph.num_spins}, {', '.join(counts)})"
