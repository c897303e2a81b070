"""The entries of a square matrix, whatever holds it: dense, scipy sparse, or a dict of pairs; numbers that go out."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from graphar._support.checks import as_float_tensor, check_count
from graphar.hamiltonians.labels import MAX_SPINS, number

if TYPE_CHECKING:
    from graphar.hamiltonians.ising import IsingGraph

__all__ = ["Entries", "as_float64", "constant", "dense_entries", "dict_entries", "is_dense", "sparse_entries"]

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
    n = _check_square(values.shape, name)
    rows, columns = values.nonzero(as_tuple=True)
    return n, rows, columns, values[rows, columns]


def dict_entries(Q: Mapping[Any, Any], num_nodes: int | None, labels: Any) -> tuple[Entries, list[Hashable] | None]:
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
    _check_square((n, n), "Q")
    rows, columns = torch.as_tensor(sites).T
    return (n, rows, columns, values), names


def _check_square(shape: tuple[int, ...], name: str) -> int:
    if len(shape) != 2 or shape[0] != shape[1]:
        raise ValueError(f"{name} must be square, got shape {tuple(shape)}")
    if not 1 <= shape[0] <= MAX_SPINS:
        raise ValueError(f"{name} must have between 1 and {MAX_SPINS} rows, got {shape[0]}")
    return int(shape[0])


def as_float64(values: Tensor) -> Any:
    """Numbers of a graph as others take them."""
    return values.detach().cpu().double().numpy()


def constant(graph: IsingGraph) -> float:
    """The constant of the energy; for a batch, of its graphs together."""
    return float(graph.offset.double().sum())
