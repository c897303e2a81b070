"""Spins as compiled loops hold them: in blocks of samples, (blocks, N, width), a row of a block in one piece."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from graphar.kernels.compiled.threads import share_out

__all__ = ["Batch", "Drawn", "empty", "new_blocks", "spins_from_blocks", "spins_to_blocks"]


class Batch(NamedTuple):
    """What every sweep is told and what it writes, whatever the head.

    Attributes:
        beta: inverse temperature.
        field, coupling: of the graph, in the kernel's order.
        given: whether spins are given and not drawn.
        keep: whether slopes are written down for the gradient, and what else it needs.
        keys, first: of the stream that each part is drawn from, (parts,), and its first sample.
        part, part_ptr: which part each spin belongs to, (N,), and where parts start, (parts + 1,); all one but for
            unions of graphs, whose sites are counted within each.
        spins: (blocks, N, width).
        logits, dlogq_dlogit: the same, or no blocks where they are not wanted.
        log_prob, energy: of each part, (blocks, parts, width).
    """

    beta: float
    field: np.ndarray
    coupling: np.ndarray
    given: bool
    keep: bool
    keys: np.ndarray
    first: int
    part: np.ndarray
    part_ptr: np.ndarray
    spins: np.ndarray
    logits: np.ndarray
    dlogq_dlogit: np.ndarray
    log_prob: np.ndarray
    energy: np.ndarray


class Drawn(NamedTuple):
    """What every gradient starts from: that of Σ_b factor_b log q_b, plus any by the logits themselves.

    Attributes:
        field: of the graph, in the kernel's order.
        spins: (blocks, N, width).
        dlogq_dlogit, factor: (blocks, N, width) and (blocks, parts, width), whose products are derivatives by logits.
        rows: what the sweep has kept.
        beta, coupling: inverse temperature, and couplings in the kernel's order.
        part: which part each spin belongs to, (N,).
    """

    field: np.ndarray
    spins: np.ndarray
    dlogq_dlogit: np.ndarray
    factor: np.ndarray
    rows: tuple[np.ndarray, ...]
    beta: float
    coupling: np.ndarray
    part: np.ndarray


def empty(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """Memory from numpy, which asks for huge pages (a fifth of the time where it is new), on a cache line."""
    size = 8 if dtype == torch.float64 else 4
    count, line = math.prod(shape), 64 // size
    memory = np.empty(count + line, np.float64 if size == 8 else np.float32)
    first = -(memory.ctypes.data // size) % line
    return torch.from_numpy(memory[first : first + count].reshape(shape))


def new_blocks(count: int, num_spins: int, dtype: torch.dtype) -> Tensor:
    """Room for so many samples."""
    # narrow blocks where there are few samples, so that there is work for more than one thread
    width = 64 if count > 64 else 32
    return empty((-(-count // width), num_spins, width), dtype)


def spins_to_blocks(spins: Tensor, sites: Tensor, dtype: torch.dtype) -> Tensor:
    """Blocks of spins (batch, N) with row p holding site ``sites[p]``, the last block filled up with ones."""
    from graphar.kernels.compiled.loops.layout import to_blocks

    rows = new_blocks(len(spins), sites.numel(), dtype)
    share_out(len(rows), to_blocks, spins.to(dtype).index_select(1, sites).numpy(), rows.numpy())
    return rows


def spins_from_blocks(rows: Tensor, row_of_site: Tensor, count: int) -> Tensor:
    """Spins (count, N) in site order, site i from row ``row_of_site[i]``."""
    from graphar.kernels.compiled.loops.layout import to_sites

    spins = empty((count, rows.shape[1]), rows.dtype)
    share_out(len(rows), to_sites, rows.numpy(), row_of_site.numpy(), spins.numpy())
    return spins
