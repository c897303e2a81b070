"""An Ising graph from, and as, quadratic binary optimisation: minimise xᵀQx + constant over x ∈ {0, 1}^N.

Nothing is lost but rounding: a field of one side is a sum of couplings of the other.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from graphar._support.checks import check_count, check_number
from graphar.hamiltonians._build import build
from graphar.hamiltonians._entries import as_float64, constant, dense_entries, dict_entries, is_dense, sparse_entries

if TYPE_CHECKING:
    from graphar.hamiltonians.ising import IsingGraph

__all__ = ["from_binary", "from_qubo", "to_qubo", "to_qubo_dict"]


def from_qubo(
    cls: type[IsingGraph],
    Q: Any,
    offset: float = 0.0,
    num_nodes: int | None = None,
    *,
    labels: Any = None,
    dtype: torch.dtype | None = None,
) -> IsingGraph:
    r"""Graph of a QUBO, minimise xᵀQx + offset over x ∈ {0, 1}^N, through x = (1 + s)/2.

    .. math:: J_{ij} = -\tfrac14 q_{ij}, \quad h_i = -\tfrac12 Q_{ii} - \tfrac14 \sum_j q_{ij}, \quad
              q_{ij} = Q_{ij} + Q_{ji}

    Args:
        cls: class of the graph.
        Q: (N, N) dense, scipy sparse, or a dict ``{(i, j): Q_ij}``. The entries (i, j) and (j, i) add, so
            that triangular and symmetric Q both mean what xᵀQx says; the diagonal is the linear part. Keys of
            a dict that all are whole numbers are sites; else they become ``labels``, in the order in which
            they first appear.
        offset: constant added to xᵀQx.
        num_nodes: N, for a dict; by default its largest site plus one.
        labels: names of all sites, in their order, which the keys of a dict are then among.
        dtype: floating type of the graph; that of Q by default.

    Raises:
        ValueError: Q is not square or not finite, keys that are not pairs of sites.

    >>> from graphar import IsingGraph
    >>> graph = IsingGraph.from_qubo({(0, 0): -1.0, (1, 1): -1.0, (0, 1): 2.0})  # exactly one of the two
    >>> graph.energy([[-1, -1], [-1, 1], [1, 1]])
    tensor([ 0., -1.,  0.], dtype=torch.float64)
    """
    if isinstance(Q, Mapping):
        (size, rows, columns, values), labels = dict_entries(Q, num_nodes, labels)
    else:
        size, rows, columns, values = dense_entries(Q, "Q") if is_dense(Q) else sparse_entries(Q, "Q")
        if num_nodes is not None and check_count(num_nodes, "num_nodes") != size:
            raise ValueError(f"num_nodes must be the size of Q, {size}, got {num_nodes}")
    diagonal = rows == columns
    linear = values.new_zeros(size).index_add_(0, rows[diagonal], values[diagonal])
    pairs = torch.stack([rows[~diagonal], columns[~diagonal]])
    return from_binary(cls, linear, pairs, values[~diagonal], offset, dtype, labels)


def to_qubo(graph: IsingGraph) -> tuple[Any, float]:
    r"""Upper-triangular ``csr_array`` Q and a constant with xᵀQx + constant = H(2x − 1) for x ∈ {0, 1}^N.

    .. math:: Q_{ij} = -4 J_{ij}, \quad Q_{ii} = 2 \sum_j J_{ij} - 2 h_i, \quad
              \text{constant} = \text{offset} - \sum_{(i,j)} J_{ij} + \sum_i h_i
    """
    from scipy.sparse import coo_array

    n = graph.num_spins
    lower, upper, couplings = graph.undirected()
    i, j, J, h = lower.cpu().numpy(), upper.cpu().numpy(), as_float64(couplings), as_float64(graph.h)
    linear = 2 * (np.bincount(i, J, n) + np.bincount(j, J, n) - h)
    sites = np.flatnonzero(linear)
    rows, columns = np.concatenate([i, sites]), np.concatenate([j, sites])
    Q = coo_array((np.concatenate([-4 * J, linear[sites]]), (rows, columns)), shape=(n, n)).tocsr()
    return Q, float(constant(graph) - J.sum() + h.sum())


def to_qubo_dict(graph: IsingGraph) -> tuple[dict[tuple[Hashable, Hashable], float], float]:
    """The same as a dict ``{(i, j): Q_ij}`` of labels, or of sites 0…N−1 if there are none, and the constant.

    Diagonal entries come first and are there for all sites, zeros too, so that none is lost and their order stays.

    >>> from graphar import IsingGraph
    >>> IsingGraph.from_edge_list([("a", "b", 0.25)]).to_qubo_dict()
    ({('a', 'a'): 0.5, ('b', 'b'): 0.5, ('a', 'b'): -1.0}, -0.25)
    """
    Q, shift = to_qubo(graph)
    names = range(graph.num_spins) if graph.labels is None else graph.labels
    entries = {(name, name): value for name, value in zip(names, Q.diagonal().tolist(), strict=True)}
    Q = Q.tocoo()
    for i, j, value in zip(Q.row.tolist(), Q.col.tolist(), Q.data.tolist(), strict=True):
        entries[names[i], names[j]] = value
    return entries, shift


def from_binary(
    cls: type[IsingGraph],
    linear: Tensor,
    pairs: Tensor,
    quadratic: Tensor,
    offset: Any,
    dtype: torch.dtype | None,
    labels: Any,
) -> IsingGraph:
    """Graph of Σ linear x + Σ quadratic x x + offset over 0/1; pairs listed twice add."""
    dtype = dtype or linear.dtype
    linear, quarter = linear.double() / 2, quadratic.double() / 4
    field = linear.index_add(0, pairs[0], quarter).index_add(0, pairs[1], quarter)
    given = check_number(offset, "offset")
    shift = given + (linear.sum() + quarter.sum()).item()
    # 0 − y, not −y: no negative zeros
    return build(
        cls, pairs, 0.0 - quarter, 0.0 - field, labels=labels, offset=shift, duplicates="sum", dtype=dtype, name="Q"
    )
