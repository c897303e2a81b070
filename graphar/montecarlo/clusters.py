r"""Cluster updates: bonds hold where Jx_i x_j > 0, with probability 1 − exp(−2βJx_i x_j), and clusters flip as one.

Fields are left out of the bonds: a cluster is flipped with a probability by its own :math:`\sum_{i \in C} h_i x_i`. On
graphs without frustration (each cycle has an even number of J < 0) this moves all correlated spins together, and
critical slowing down is all but gone; on frustrated graphs it stays right, but clusters soon span the graph.

R. H. Swendsen and J.-S. Wang, `Phys. Rev. Lett. 58, 86 (1987) <https://doi.org/10.1103/PhysRevLett.58.86>`_; U. Wolff,
`Phys. Rev. Lett. 62, 361 (1989) <https://doi.org/10.1103/PhysRevLett.62.361>`_.
"""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from graphar.hamiltonians import IsingGraph
from graphar.hamiltonians.kinds import check_ising
from graphar.kernels.compiled.threads import share_out
from graphar.montecarlo.base import Info, Sampler, State
from graphar.montecarlo.plan import plan_terms

if TYPE_CHECKING:
    from graphar.montecarlo.loops.clusters import ClusterTerms

__all__ = ["SwendsenWang", "Wolff"]


class _Clusters(Sampler):
    """What both share; energies are measured by calls of their own."""

    def __init__(self, graph: IsingGraph) -> None:
        super().__init__(graph)

    @staticmethod
    def _check(graph: Any) -> Any:
        return check_ising(graph, alone=True)

    @property
    @abstractmethod
    def single(self) -> bool:
        """Whether a step makes one cluster."""

    @cached_property
    def _terms(self) -> tuple[ClusterTerms, float]:
        from graphar.montecarlo.loops.clusters import ClusterTerms

        terms = plan_terms(self.graph)
        source = np.repeat(np.arange(self.num_spins), np.diff(terms.ptr))
        twin = np.lexsort((source, terms.neighbour))  # sorted by the other site first
        return ClusterTerms(terms.ptr, terms.neighbour, terms.weight, terms.field, twin), terms.scale

    def _advance(self, state: State, betas: np.ndarray, sweeps: int, measure: int) -> tuple[Tensor, Info]:
        from graphar.montecarlo.loops.clusters import cluster_sweeps

        terms, scale = self._terms
        count = state.replicas
        spins, flips, energies = state.spins.clone(), np.zeros(count, np.int64), []
        betas = np.ascontiguousarray(np.broadcast_to(betas * scale, (len(betas), count)))
        stride = sweeps // measure if measure else 0
        stops = [sweeps - k * stride for k in range(measure)][::-1] or [sweeps]
        done = 0
        for stop in stops:
            part = betas if len(betas) == 1 else betas[done:stop]
            share_out(
                count,
                cluster_sweeps,
                terms,
                self.single,
                self.keys(state),
                state.sweeps + 1 + done,
                stop - done,
                spins.numpy(),
                part,
                flips,
            )
            done = stop
            if measure:
                energies.append(self.graph.energy(spins))
        seen = torch.stack(energies) if measure else torch.zeros(0, count, dtype=torch.float64)
        return spins, Info(seen, torch.from_numpy(flips / (sweeps * self.num_spins)))


class Wolff(_Clusters):
    """One cluster, that of a random site, in each step: a sweep is one cluster, flipped with probability 7/8 at most.

    Args:
        graph: couplings of pairs, best without frustration, and fields.

    >>> import graphar as ga
    >>> sampler = Wolff(ga.grid((8, 8), couplings="ferromagnet", periodic=True))
    >>> state, info = sampler.step(sampler.init(replicas=200, seed=0), beta=1.0, sweeps=200)
    >>> float(info.energies.mean()) < -127  # all aligned, half of the replicas up
    True
    """

    @property
    def single(self) -> bool:
        return True


class SwendsenWang(_Clusters):
    """All clusters in each step, every one flipped with the probability of the heat bath, ½ without fields.

    Args:
        graph: couplings of pairs, best without frustration, and fields.
    """

    @property
    def single(self) -> bool:
        return False
