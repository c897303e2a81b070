r"""What good configurations agree on, contracted: a smaller graph whose spins are clusters.

A coupling is agreed upon where :math:`x_i x_j` is the same in all of some configurations; sites joined by such
couplings move as one, :math:`x_i = s_i \sigma_{c(i)}`, with

.. math:: J_{cd} = \sum_{i \in c, j \in d} J_{ij} s_i s_j, \qquad h_c = \sum_{i \in c} h_i s_i.

Each of the configurations is one of the σ, and a low σ is a child of them all. J. Houdayer and O. C. Martin,
`Phys. Rev. E 64, 056704 (2001) <https://doi.org/10.1103/PhysRevE.64.056704>`_.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from graphar.hamiltonians import IsingGraph

__all__ = ["Contraction", "contract"]


class Contraction(NamedTuple):
    """A graph of clusters.

    Attributes:
        graph: of these, float64; energies are those of the whole but for a constant.
        cluster: of each site, (N,).
        signs: s, int8, (N,).
    """

    graph: IsingGraph
    cluster: Tensor
    signs: Tensor

    def lift(self, spins: Tensor) -> Tensor:
        """Configurations of the whole, (M, N), of those of the clusters, (M, n)."""
        return spins[:, self.cluster] * self.signs


def contract(graph: IsingGraph, rows: Tensor) -> Contraction:
    """The clusters on which configurations (M, N) agree, up to a flip of each; the first has all σ = 1."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = graph.num_spins
    i, j, J = graph.undirected()
    products = rows[:, i] * rows[:, j]
    agreed = (products == products[:1]).all(0)
    joined = coo_array((np.ones(int(agreed.sum())), (i[agreed].numpy(), j[agreed].numpy())), shape=(n, n))
    count, label = connected_components(joined, directed=False)
    cluster, signs = torch.from_numpy(label).long(), rows[0].to(torch.int8)
    ends = cluster[torch.stack([i, j])].sort(0).values
    between = ends[0] != ends[1]
    pairs, which = (ends[0] * count + ends[1])[between].unique(return_inverse=True)
    weight = torch.zeros(len(pairs), dtype=torch.float64)
    weight.index_add_(0, which, (J * products[0])[between].double())
    field = torch.zeros(count, dtype=torch.float64).index_add_(0, cluster, graph.h.double() * signs)
    ends = torch.stack([pairs // count, pairs % count])[:, weight != 0]
    return Contraction(
        IsingGraph.from_edges(ends, weight[weight != 0], field, count, dtype=torch.float64), cluster, signs
    )
