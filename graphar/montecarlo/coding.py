"""Couplings and fields that are small integers, up to a common unit, and spins as bits of words.

M. Creutz, L. Jacobs and C. Rebbi, `Phys. Rev. Lett. 42, 1390 (1979) <https://doi.org/10.1103/PhysRevLett.42.1390>`_,
coded many spins of one replica in a word; here a word holds one spin of 64 replicas, as in asynchronous multi-spin
coding, and every replica has random bits of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from graphar.hamiltonians import IsingGraph

if TYPE_CHECKING:
    from graphar.montecarlo.loops.bits import BitTerms

__all__ = ["LARGEST", "Coded", "code", "to_bits", "to_coded_spins"]

LANES = 512
LARGEST = 31


class Coded:
    """A Hamiltonian of integers.

    Attributes:
        terms: for the compiled loops.
        unit: smallest |J| or |h| other than zero.
        lowest: energy if all terms were satisfied.
    """

    def __init__(self, terms: BitTerms, unit: float, lowest: float) -> None:
        self.terms, self.unit, self.lowest = terms, unit, lowest


def code(graph: Any) -> Coded | str:
    """A graph in integers, or why it has none."""
    from graphar.montecarlo.loops.bits import BitTerms

    if not isinstance(graph, IsingGraph):
        return "interactions of more than two spins"
    i, j, J = (part.numpy() for part in graph.undirected())
    h = graph.h.numpy()
    site = np.concatenate([i, j, np.arange(len(h))])
    other = np.concatenate([j, i, np.full(len(h), -1)])
    value = np.concatenate([J, J, h])
    kept = value != 0
    site, other, value = site[kept], other[kept], value[kept]
    sizes = np.abs(value)
    unit = float(sizes.min(initial=np.inf)) if len(sizes) else 1.0
    number = np.round(sizes / unit)
    if not np.allclose(number * unit, sizes, rtol=1e-14, atol=0.0):  # as 3 × 0.3 and 0.9
        return "couplings and fields that are no multiples of the smallest"
    total = np.bincount(site, weights=number, minlength=len(h)).astype(np.int64)
    if total.max() > LARGEST:
        return f"couplings and fields of {total.max()} times the smallest around a site"
    earlier = (other >= 0) & (other < site)
    order = np.lexsort((~earlier, site))
    ptr = np.concatenate([[0], np.cumsum(np.bincount(site, minlength=len(h)))])
    terms = BitTerms(
        ptr,
        ptr[:-1] + np.bincount(site[earlier], minlength=len(h)),
        other[order],
        number[order].astype(np.int64),
        np.where(value[order] < 0, np.uint64(0xFFFFFFFFFFFFFFFF), np.uint64(0)),
        total,
    )
    lowest = float(graph.offset) - float(np.abs(J).sum()) - float(np.abs(h).sum())
    return Coded(terms, unit, lowest)


def to_bits(spins: Tensor) -> np.ndarray:
    """Spins (R, N) as words (blocks, N, 8); lanes beyond the last replica are −1."""
    count, n = spins.shape
    blocks = -(-count // LANES)
    up = np.zeros((blocks * LANES, n), np.bool_)
    up[:count] = spins.numpy() > 0
    packed = np.packbits(up.reshape(blocks, LANES, n).transpose(0, 2, 1), axis=2, bitorder="little")
    return np.ascontiguousarray(packed).view("<u8")


def to_coded_spins(words: np.ndarray, count: int) -> Tensor:
    """The first ``count`` replicas of words, int8, (count, N)."""
    up = np.unpackbits(words.view(np.uint8), axis=2, bitorder="little")  # (blocks, N, lanes)
    up = up.transpose(0, 2, 1).reshape(-1, words.shape[1])[:count]
    return torch.from_numpy(2 * up.astype(np.int8) - 1)
