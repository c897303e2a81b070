"""Couplings as sparse matrices: a product with spins takes no memory of the size of edges times configurations."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from graphar._support.segments import pointers

__all__ = ["csr", "csr_matrix"]

with warnings.catch_warnings():  # torch says once per process that CSR tensors are in beta
    warnings.simplefilter("ignore")
    torch.sparse_csr_tensor(torch.tensor([0, 0]), torch.empty(0, dtype=torch.int64), torch.empty(0), (1, 1))


def csr(ptr: Tensor, column: Tensor, values: Tensor, num_columns: int) -> Tensor:
    """Matrix whose row r has entries from ``ptr[r]`` to ``ptr[r + 1]``; nothing is checked."""
    return torch.sparse_csr_tensor(ptr, column, values, (ptr.numel() - 1, num_columns), check_invariants=False)


def csr_matrix(reader: Tensor, source: Tensor, weight: Tensor, num_spins: int) -> Tensor:
    """Square matrix with a row for each spin that reads, from edges in any order."""
    if bool((reader[1:] < reader[:-1]).any()):  # graphs are made with sorted edges, but transforms may shuffle them
        order = reader.argsort(stable=True)
        reader, source, weight = reader[order], source[order], weight[order]
    return csr(pointers(reader, num_spins), source, weight, num_spins)
