"""An Ising graph from, and as, a matrix of couplings, sparse or dense.

Couplings of 0 that a sparse matrix lists stay edges; a zero of a dense matrix is no edge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from graphar.hamiltonians._build import build
from graphar.hamiltonians._entries import Entries, as_float64, dense_entries, sparse_entries

if TYPE_CHECKING:
    from graphar.hamiltonians.ising import IsingGraph

__all__ = ["from_dense", "from_scipy", "to_dense", "to_scipy"]


def from_scipy(
    cls: type[IsingGraph],
    J: Any,
    h: Any = None,
    *,
    labels: Any = None,
    offset: float = 0.0,
    pos: Any = None,
    dtype: torch.dtype | None = None,
) -> IsingGraph:
    r"""Graph of :math:`H = -\sum_{i<j} J_{ij} x_i x_j - \sum_i h_i x_i` + offset from a sparse matrix J.

    Args:
        cls: class of the graph.
        J: scipy sparse (N, N), either symmetric, J_ij standing at both places for *one* edge of coupling
            J_ij, or strictly triangular, each edge once. Stored zeros are edges of coupling 0, repeated
            entries add up.
        h: fields, shape (N,), or ``{site: h}``, or one number for all; none by default.
        labels: names of the rows, N distinct hashables.
        offset: constant added to the energy.
        pos: places of the sites, shape (N, d).
        dtype: floating type of the graph; that of J by default.

    Raises:
        ValueError: J is not square, has a diagonal, or is neither symmetric nor triangular.

    >>> from scipy.sparse import csr_array
    >>> from graphar import IsingGraph
    >>> IsingGraph.from_scipy(csr_array([[0.0, 2.0], [2.0, 0.0]]))
    IsingGraph(2 spins, 1 coupling = 2, no field)
    """
    return _from_matrix(cls, sparse_entries(J, "J"), h, labels=labels, offset=offset, pos=pos, dtype=dtype)


def from_dense(
    cls: type[IsingGraph],
    J: Any,
    h: Any = None,
    *,
    labels: Any = None,
    offset: float = 0.0,
    pos: Any = None,
    dtype: torch.dtype | None = None,
) -> IsingGraph:
    """Graph from a dense matrix J, symmetric or strictly triangular; zeros are no edges. Else as :func:`from_scipy`."""
    return _from_matrix(cls, dense_entries(J, "J"), h, labels=labels, offset=offset, pos=pos, dtype=dtype)


def to_scipy(graph: IsingGraph) -> Any:
    """Symmetric ``csr_array`` of shape (N, N) with J_ij at (i, j) and (j, i), so −½ xᵀJx is the coupling energy."""
    from scipy.sparse import coo_array

    rows, columns = graph.edge_index.cpu().numpy()
    shape = (graph.num_spins, graph.num_spins)
    return coo_array((as_float64(graph.edge_weight), (rows, columns)), shape=shape).tocsr()


def to_dense(graph: IsingGraph) -> Tensor:
    """Symmetric (N, N) tensor of couplings, in the graph's dtype and on its device."""
    J = graph.edge_weight.new_zeros(graph.num_spins, graph.num_spins)
    J[graph.edge_index[0], graph.edge_index[1]] = graph.edge_weight
    return J


def _from_matrix(cls: type[IsingGraph], entries: Entries, h: Any, **options: Any) -> IsingGraph:
    n, rows, columns, values = entries
    loops = (rows == columns) & (values != 0)
    if bool(loops.any()):
        at = int(loops.nonzero()[0])
        raise ValueError(f"J must have a zero diagonal, got {values[at].item()} at {(int(rows[at]), int(rows[at]))}")
    upper, lower = rows < columns, rows > columns
    keys = [rows[upper] * n + columns[upper], columns[lower] * n + rows[lower]]
    edges = torch.cat(keys).unique()  # sorted
    halves = [values.new_zeros(edges.numel()) for _ in keys]
    for half, key, side in zip(halves, keys, (upper, lower), strict=True):
        half[torch.searchsorted(edges, key)] = values[side]
    above, below = halves
    if bool(upper.any()) and bool(lower.any()) and not torch.equal(above, below):
        at = int((above != below).nonzero()[0])
        i, j = divmod(int(edges[at]), n)
        raise ValueError(
            f"J must be symmetric or strictly triangular, got {above[at].item()} at {(i, j)} "
            f"and {below[at].item()} at {(j, i)}"
        )
    couplings = above if bool(upper.any()) else below
    return build(cls, torch.stack([edges // n, edges % n]), couplings, h, num_nodes=n, **options)
