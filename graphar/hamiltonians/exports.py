"""How Ising graphs are given back in the forms that others have, each by the file that knows it."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import torch
from torch import Tensor

from graphar.hamiltonians import dimod_models, matrices, networkx_graphs, qubo
from graphar.hamiltonians._parts import Parts
from graphar.hamiltonians._sites import SiteData

__all__ = ["Exports"]


class Exports(SiteData):
    """A graph with couplings, fields and an offset, to other forms."""

    def to_scipy(self) -> Any:
        """Symmetric ``csr_array`` of shape (N, N) with J_ij at (i, j) and (j, i), so −½ xᵀJx is the coupling energy."""
        return matrices.to_scipy(self._parts())

    def to_dense(self) -> Tensor:
        """Symmetric (N, N) tensor of couplings, in the graph's dtype and on its device."""
        return matrices.to_dense(self._parts())

    def to_networkx(self) -> Any:
        """``networkx.Graph`` on labels, or 0…N−1: ``J`` on edges, ``h`` and ``pos`` on nodes, ``offset`` on it."""
        return networkx_graphs.to_networkx(self._parts())

    def to_qubo(self) -> tuple[Any, float]:
        r"""Upper-triangular ``csr_array`` Q and a constant with xᵀQx + constant = H(2x − 1) for x ∈ {0, 1}^N.

        .. math:: Q_{ij} = -4 J_{ij}, \quad Q_{ii} = 2 \sum_j J_{ij} - 2 h_i, \quad
                  \text{constant} = \text{offset} - \sum_{(i,j)} J_{ij} + \sum_i h_i
        """
        return qubo.to_qubo(self._parts())

    def to_qubo_dict(self) -> tuple[dict[tuple[Hashable, Hashable], float], float]:
        """The same as a dict ``{(i, j): Q_ij}`` of labels, or of sites 0…N−1 if there are none, and the constant.

        Diagonal entries come first and are there for all sites, zeros too, so that none is lost and their order stays.

        >>> from graphar import IsingGraph
        >>> IsingGraph.from_edge_list([("a", "b", 0.25)]).to_qubo_dict()
        ({('a', 'a'): 0.5, ('b', 'b'): 0.5, ('a', 'b'): -1.0}, -0.25)
        """
        return qubo.to_qubo_dict(self._parts())

    def to_dimod(self) -> Any:
        """dimod ``BinaryQuadraticModel`` of spin type on the labels, or 0…N−1, with the same energies."""
        return dimod_models.to_dimod(self._parts())

    def undirected(self) -> tuple[Tensor, Tensor, Tensor]:
        """Sites i < j and couplings J_ij of every edge once, sorted by (i, j); each of shape (E,)."""
        source, target = self.edge_index
        once = source < target
        return source[once], target[once], self.edge_weight[once]

    def _parts(self) -> Parts:
        """What the graph is made of; of a batch, all graphs as one, with the sum of their constants."""
        i, j, J = self.undirected()
        offset = float(self.offset.double().sum())
        return Parts(torch.stack([i, j]), J, self.h, self.num_spins, self.labels, offset, self.pos)
