"""Quadratic binary optimisation, minimise xᵀQx + constant over x ∈ {0, 1}^N, as an Ising graph, and back.

Nothing is lost but rounding: a field of one side is a sum of couplings of the other.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from graphar._support.checks import as_float_tensor, check_count, check_number
from graphar.hamiltonians._parts import Parts, as_float64
from graphar.hamiltonians.labels import number
from graphar.hamiltonians.matrices import Entries, check_square, dense_entries, is_dense, sparse_entries

__all__ = ["from_binary", "from_qubo", "to_qubo", "to_qubo_dict"]


def from_qubo(Q: Any, offset: Any, num_nodes: int | None, labels: Any, dtype: torch.dtype | None) -> Parts:
    """Minimise xᵀQx + offset, by spins x = (1 + s)/2; pairs may be listed twice."""
    if isinstance(Q, Mapping):
        (size, rows, columns, values), labels = _dict_entries(Q, num_nodes, labels)
    else:
        size, rows, columns, values = dense_entries(Q, "Q") if is_dense(Q) else sparse_entries(Q, "Q")
        if num_nodes is not None and check_count(num_nodes, "num_nodes") != size:
            raise ValueError(f"num_nodes must be the size of Q, {size}, got {num_nodes}")
    diagonal = rows == columns
    linear = values.new_zeros(size).index_add_(0, rows[diagonal], values[diagonal])
    pairs = torch.stack([rows[~diagonal], columns[~diagonal]])
    return from_binary(linear, pairs, values[~diagonal], offset, labels, dtype)


def from_binary(
    linear: Tensor, pairs: Tensor, quadratic: Tensor, offset: Any, labels: Any, dtype: torch.dtype | None
) -> Parts:
    """Σ linear x + Σ quadratic x x + offset over 0/1; pairs may be listed twice."""
    dtype = dtype or linear.dtype
    linear, quarter = linear.double() / 2, quadratic.double() / 4
    field = linear.index_add(0, pairs[0], quarter).index_add(0, pairs[1], quarter)
    given = check_number(offset, "offset")
    shift = given + (linear.sum() + quarter.sum()).item()
    # 0 − y, not −y: no negative zeros
    couplings = as_float_tensor(0.0 - quarter, "weights", dtype)
    return Parts(pairs, couplings, as_float_tensor(0.0 - field, "h", dtype), labels=labels, offset=shift)


def to_qubo(parts: Parts) -> tuple[Any, float]:
    """Upper-triangular ``csr_array`` Q and a constant."""
    from scipy.sparse import coo_array

    (i, j), J, h = parts.ends.cpu().numpy(), as_float64(parts.couplings), as_float64(parts.fields)
    n = len(h)
    linear = 2 * (np.bincount(i, J, n) + np.bincount(j, J, n) - h)
    sites = np.flatnonzero(linear)
    rows, columns = np.concatenate([i, sites]), np.concatenate([j, sites])
    Q = coo_array((np.concatenate([-4 * J, linear[sites]]), (rows, columns)), shape=(n, n)).tocsr()
    return Q, float(parts.offset - J.sum() + h.sum())


def to_qubo_dict(parts: Parts) -> tuple[dict[tuple[Hashable, Hashable], float], float]:
    """The same as a dict of names, diagonal first, and the constant."""
    Q, shift = to_qubo(parts)
    names = parts.names
    entries = {(name, name): value for name, value in zip(names, Q.diagonal().tolist(), strict=True)}
    Q = Q.tocoo()
    for i, j, value in zip(Q.row.tolist(), Q.col.tolist(), Q.data.tolist(), strict=True):
        entries[names[i], names[j]] = value
    return entries, shift


def _dict_entries(Q: Mapping[Any, Any], num_nodes: int | None, labels: Any) -> tuple[Entries, list[Hashable] | None]:
    """Entries of ``{(i, j): Q_ij}``, and the labels of all sites; without labels the size is ``num_nodes`` or the
    largest site plus one."""
    values = as_float_tensor(list(Q.values()), "Q")
    if values.dim() != 1:
        raise ValueError(f"Q must have one number per pair, got values of shape {tuple(values.shape[1:])}")
    for key in Q:
        if not isinstance(key, tuple) or len(key) != 2:
            raise ValueError(f"Q must have pairs of sites (i, j) as keys, got {key!r}")
    found, names = number(itertools.chain.from_iterable(Q), labels, "Q")
    sites = found.reshape(-1, 2)
    if num_nodes is None and names is None and not Q:
        raise ValueError("num_nodes must be given when Q is empty")
    if num_nodes is None:
        num_nodes = int(sites.max()) + 1 if names is None else len(names)
    n = check_count(num_nodes, "num_nodes")
    if names is not None and n != len(names):
        raise ValueError(f"num_nodes must be the number of labels, {len(names)}, got {n}")
    outside = (sites >= n).any(axis=1)
    if outside.any():
        raise ValueError(f"Q must have sites 0…{n - 1} in its keys, got {tuple(sites[outside][0].tolist())}")
    check_square((n, n), "Q")
    rows, columns = torch.as_tensor(sites).T
    return (n, rows, columns, values), names
