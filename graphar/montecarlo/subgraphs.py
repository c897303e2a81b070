r"""Subgraph heat bath: many spins drawn at once, exactly, given all others.

A random induced subgraph S of width at most w is summed out spin by spin, as :func:`graphar.exact.eliminate` does with
a whole graph, and drawn back,

.. math:: x_S \sim P(x_S \mid x_{\text{rest}}) \propto e^{-\beta H(x_S, x_{\text{rest}})},

with tables of up to 2^w entries. S is chosen without regard to the spins: no proposal is ever refused. At w = 1 it is a
forest (F. Hamze and N. de Freitas, `UAI 2004 <https://arxiv.org/abs/1207.4149>`_); a larger w takes more of the graph,
all of it where w reaches the graph's own width, and each sweep is then an independent sample.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from torch import Tensor

from graphar._support.checks import check_count
from graphar.hamiltonians import IsingGraph
from graphar.hamiltonians.kinds import check_ising
from graphar.montecarlo.base import Info, Sampler, State
from graphar.montecarlo.plan import Terms, plan_terms
from graphar.montecarlo.single_spin import advance_rows

__all__ = ["MAX_WIDTH", "SubgraphHeatBath"]

MAX_WIDTH = 10


class SubgraphHeatBath(Sampler):
    """Draws all spins of a random subgraph anew, given the others; a sweep is one subgraph.

    The subgraph grows from random sites, by sites that are tried in random order and join if the width allows it.

    Args:
        graph: couplings of pairs, and fields.
        width: largest width w of the subgraphs, 1 to 10; 1 for forests. Tables take up to N 2^w numbers for each of 64
            replicas.

    >>> import graphar as ga
    >>> sampler = SubgraphHeatBath(ga.chain(100, couplings="pm1", seed=1), width=1)
    >>> state, info = sampler.step(sampler.init(replicas=64, seed=0), beta=5.0)
    >>> float(info.energies.mean())  # a chain is a tree: one sweep is enough
    -99.0
    """

    def __init__(self, graph: IsingGraph, *, width: int = 1) -> None:
        super().__init__(graph)
        self.width = check_count(width, "width")
        if width > MAX_WIDTH:
            raise ValueError(f"width must be at most {MAX_WIDTH}, got {width}")

    @staticmethod
    def _check(graph: Any) -> Any:
        return check_ising(graph, alone=True)

    @cached_property
    def terms(self) -> Terms:
        return plan_terms(self.graph)

    def _advance(self, state: State, betas: np.ndarray, sweeps: int, measure: int) -> tuple[Tensor, Info]:
        from graphar.montecarlo.loops.subgraph import subgraph_sweeps

        settings = self.terms, self.width, self.keys(state)
        return advance_rows(subgraph_sweeps, settings, state, betas, sweeps, measure)
