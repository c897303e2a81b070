"""The entries of a square matrix, whatever holds it: dense, scipy sparse, or a dict of pairs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from graphar._checks import as_float_tensor, check_count
from graphar.hamiltonians.ising import MAX_SPINS

__all__ = ["Entries", "dense_entries", "dict_entries", "is_dense", "sparse_entries"]

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
    n = _check_square(matrix.shape, name)
    entries = coo_array(matrix, copy=True)
    entries.sum_duplicates()
    rows, columns = (torch.as_tensor(index.astype(np.int64)) for index in (entries.row, entries.col))
    values = as_float_tensor(entries.data, f"{name}.data")
    return n, rows, columns, values


def dense_entries(matrix: Any, name: str) -> Entries:
    """Entries of a dense matrix that are not zero."""
    values = as_float_tensor(matrix, name)
    n = _check_square(values.shape, name)
    rows, columns = values.nonzero(as_tuple=True)
    return n, rows, columns, values[rows, columns]


def dict_entries(Q: Mapping[Any, Any], num_nodes: int | None) -> Entries:
    """Entries of ``{(i, j): Q_ij}``; the size is ``num_nodes``, or the largest index plus one."""
    values = as_float_tensor(list(Q.values()), "Q")
    if not Q:
        sites = np.zeros((0, 2), dtype=np.int64)
    elif all(isinstance(key, tuple) and len(key) == 2 for key in Q):
        sites = np.array(list(Q))
    else:
        wrong = next(key for key in Q if not (isinstance(key, tuple) and len(key) == 2))
        raise ValueError(f"Q must have pairs of sites (i, j) as keys, got {wrong!r}")
    if sites.dtype.kind != "i":
        raise ValueError(f"Q must have pairs of integers as keys, got {next(iter(Q))!r}")
    if num_nodes is None and not Q:
        raise ValueError("num_nodes must be given when Q is empty")
    n = check_count(int(sites.max()) + 1 if num_nodes is None else num_nodes, "num_nodes")
    outside = ((sites < 0) | (sites >= n)).any(axis=1)
    if outside.any():
        raise ValueError(f"Q must have sites 0…{n - 1} in its keys, got {tuple(sites[outside][0].tolist())}")
    _check_square((n, n), "Q")
    rows, columns = torch.as_tensor(sites.astype(np.int64)).T
    return n, rows, columns, values


def _check_square(shape: tuple[int, ...], name: str) -> int:
    if len(shape) != 2 or shape[0] != shape[1]:
        raise ValueError(f"{name} must be square, got shape {tuple(shape)}")
    if not 1 <= shape[0] <= MAX_SPINS:
        raise ValueError(f"{name} must have between 1 and {MAX_SPINS} rows, got {shape[0]}")
    return int(shape[0])
