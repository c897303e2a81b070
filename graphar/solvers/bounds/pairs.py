"""A Hamiltonian of pairs alone: fields are couplings to one more spin, which is up."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from graphar.hamiltonians import IsingGraph

__all__ = ["Floats", "Ints", "Pairs", "as_pairs"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Pairs(NamedTuple):
    """−Σ J_ij x_i x_j, without couplings of 0.

    Attributes:
        num_sites: N, and one more where there are fields: their spin is the last.
        lower, upper: sites i < j, shape (E,).
        couplings: J, float64, shape (E,).
    """

    num_sites: int
    lower: Ints
    upper: Ints
    couplings: Floats

    def matrix(self, diagonal: Floats | None = None) -> NDArray[np.float64]:
        """Dense −J/2 with the given diagonal."""
        dense = np.zeros((self.num_sites, self.num_sites))
        dense[self.lower, self.upper] = dense[self.upper, self.lower] = -0.5 * self.couplings
        if diagonal is not None:
            np.fill_diagonal(dense, diagonal)
        return dense

    def neighbours(self) -> tuple[Ints, Ints, Floats, Ints]:
        """Rows of a CSR matrix: pointers, sites, couplings, and the edge of each entry."""
        source, target = np.concatenate([self.lower, self.upper]), np.concatenate([self.upper, self.lower])
        order = np.lexsort((target, source))
        pointers = np.concatenate([[0], np.cumsum(np.bincount(source, minlength=self.num_sites))])
        return pointers, target[order], np.tile(self.couplings, 2)[order], order % max(1, len(self.couplings))


def as_pairs(graph: IsingGraph) -> Pairs:
    """Couplings and fields of a graph, float64; the offset is left out."""
    i, j, J = (each.detach().cpu().numpy() for each in graph.undirected())
    h = graph.h.detach().cpu().double().numpy()
    J, n = J.astype(np.float64), graph.num_spins
    (sites,), kept = h.nonzero(), J != 0
    lower, upper = np.concatenate([i[kept], sites]), np.concatenate([j[kept], np.full(len(sites), n)])
    return Pairs(n + bool(len(sites)), lower, upper, np.concatenate([J[kept], h[sites]]))
