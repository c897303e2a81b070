"""Matrices of couplings and of quadratic forms, sparse or dense: their entries, and an Ising graph as one.

Couplings of 0 that a sparse matrix lists stay edges; a zero of a dense matrix is no edge.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from graphar._support.checks import as_float_tensor
from graphar.hamiltonians._parts import Parts, as_float64
from graphar.hamiltonians.labels import MAX_SPINS

__all__ = [
    "Entries",
    "check_square",
    "dense_entries",
    "is_dense",
    "sparse_entries",
    "symmetric_edges",
    "to_dense",
    "to_scipy",
]

Entries = tuple[int, Tensor, Tensor, Tensor]  # size of the matrix; rows, columns and values of its entries


def is_dense(matrix: Any) -> bool:
    """Whether ``matrix`` is not one of scipy's sparse kinds."""
    from scipy.sparse import issparse

    return not issparse(matrix)


def sparse_entries(matrix: Any, name: str) -> Entries:
    """Stored entries of a scipy sparse matrix, repeated ones added, zeros kept."""
    from scipy.sparse import coo_array

    if is_dense(matrix):
        raise ValueError(f"{name} must be a scipy sparse matrix or array, got {type(matrix)}")
    n = check_square(matrix.shape, name)
    entries = coo_array(matrix, copy=True)
    if entries.dtype.kind in "biu":  # sums of repeated entries would overflow, or stay True
        entries = entries.astype(np.float64)
    entries.sum_duplicates()
    rows, columns = (torch.as_tensor(index.astype(np.int64)) for index in (entries.row, entries.col))
    values = as_float_tensor(entries.data, f"{name}.data")
    return n, rows, columns, values


def dense_entries(matrix: Any, name: str) -> Entries:
    """Entries of a dense matrix that are not zero."""
    if not is_dense(matrix):
        raise ValueError(f"{name} must be a dense matrix, got {type(matrix)}, which from_scipy takes")
    values = as_float_tensor(matrix, name)
    n = check_square(values.shape, name)
    rows, columns = values.nonzero(as_tuple=True)
    return n, rows, columns, values[rows, columns]


def check_square(shape: tuple[int, ...], name: str) -> int:
    if len(shape) != 2 or shape[0] != shape[1]:
        raise ValueError(f"{name} must be square, got shape {tuple(shape)}")
    if not 1 <= shape[0] <= MAX_SPINS:
        raise ValueError(f"{name} must have between 1 and {MAX_SPINS} rows, got {shape[0]}")
    return int(shape[0])


def symmetric_edges(entries: Entries) -> tuple[Tensor, Tensor, int]:
    """Ends (2, E), couplings and N from a matrix J, symmetric or strictly triangular, each edge once."""
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
    return torch.stack([edges // n, edges % n]), couplings, n


def to_scipy(parts: Parts) -> Any:
    """Symmetric ``csr_array`` of couplings, (N, N)."""
    from scipy.sparse import coo_array

    (i, j), J, n = parts.ends.cpu().numpy(), as_float64(parts.couplings), len(parts.fields)
    both = np.concatenate([i, j]), np.concatenate([j, i])
    matrix = coo_array((np.concatenate([J, J]), both), shape=(n, n)).tocsr()
    matrix.sort_indices()
    return matrix


def to_dense(parts: Parts) -> Tensor:
    """Symmetric (N, N) tensor of couplings."""
    (i, j), n = parts.ends, len(parts.fields)
    J = parts.couplings.new_zeros(n, n)
    J[i, j] = J[j, i] = parts.couplings
    return J
