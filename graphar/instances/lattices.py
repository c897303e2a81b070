"""Regular lattices: chains, hypercubic grids, triangular lattices.

Sites are numbered row by row, the last axis fastest. ``pos`` holds their places, component k along axis k, in
lattice spacings. Periodic lattices carry the places of the open ones, where the bonds that wrap around
cross others: such places are for pictures, not a planar embedding.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from graphar._support.checks import check_count
from graphar.hamiltonians.ising import IsingGraph
from graphar.instances.couplings import assemble, check_memory, check_size

__all__ = ["chain", "grid", "triangular"]


def chain(
    num_spins: int, *, periodic: bool = False, couplings: Any = "pm1", field: Any = None, seed: int = 0
) -> IsingGraph:
    """Chain of N spins, E = N − 1 couplings, or a ring of N when periodic.

    Args: as for :func:`grid`, of which it is the one-dimensional case.

    >>> chain(4, couplings=[1.0, -1.0, 0.5]).undirected()[2]
    tensor([ 1.0000, -1.0000,  0.5000], dtype=torch.float64)
    """
    return grid((check_size(num_spins),), periodic=periodic, couplings=couplings, field=field, seed=seed)


def grid(
    shape: Sequence[int],
    *,
    periodic: bool | Sequence[bool] = False,
    couplings: Any = "pm1",
    field: Any = None,
    seed: int = 0,
) -> IsingGraph:
    """Hypercubic lattice of any dimension d: every site is coupled to its neighbours along each axis.

    With couplings ``"uniform"``, an open square is the Edwards–Anderson model as variational neural annealing has it
    (`arXiv:2101.10154 <https://arxiv.org/abs/2101.10154>`_); with ``"gaussian"`` and ``"pm1"``, the usual ones.

    An axis of length L has L − 1 bonds a line when open and L when periodic. Each pair of neighbours is *one*
    coupling: a periodic axis of length 2 has a single bond a line, as an open one, and one of length 1 none.

    Args:
        shape: lengths (L_1, …, L_d); N is their product.
        periodic: whether lines close on themselves, for all axes or for each.
        couplings: ``"pm1"`` (±1 with equal probability), ``"gaussian"`` (mean 0, variance 1), ``"uniform"``
            (in [−1, 1]), ``"ferromagnet"`` (+1), a number, or an array of shape (E,) in the order of
            :meth:`graphar.IsingGraph.undirected`.
        field: none, a number, ``"pm1"``, ``"gaussian"``, ``"uniform"``, or an array of shape (N,).
        seed: of the random numbers, at least 0.

    Returns:
        A graph with ``pos`` of shape (N, d).

    Raises:
        ValueError: lengths below 1, names that are unknown, shapes that disagree.

    >>> grid((4, 4), periodic=(True, False))
    IsingGraph(16 spins, 28 couplings ±1, no field)
    """
    lengths = _as_lengths(shape, "shape")
    wraps = _as_flags(periodic, len(lengths))
    num_spins = check_size(prod(lengths), "the product of shape")
    check_memory(num_spins, num_spins * sum(length > 1 for length in lengths))
    site = np.arange(num_spins, dtype=np.int64).reshape(lengths)
    source, target = [], []
    for axis, (length, wrap) in enumerate(zip(lengths, wraps, strict=True)):
        line = np.moveaxis(site, axis, 0)
        source.append(line[:-1].ravel())
        target.append(line[1:].ravel())
        if wrap and length > 2:  # shorter lines would close on a bond they have, or on the site itself
            source.append(line[-1].ravel())
            target.append(line[0].ravel())
    pos = np.stack(np.unravel_index(np.arange(num_spins), lengths), axis=1).astype(np.float64)
    return assemble(np.concatenate(source), np.concatenate(target), num_spins, couplings, field, seed, pos=pos)


def triangular(shape: Sequence[int], *, couplings: Any = "pm1", field: Any = None, seed: int = 0) -> IsingGraph:
    """Open triangular lattice, a planar graph with six neighbours in the bulk, cut as a parallelogram.

    Site (r, c) is coupled to (r, c+1), (r+1, c) and (r+1, c−1), all at distance 1 in ``pos``, so that
    E = 3RC − 2R − 2C + 1 for R rows and C columns.

    Args:
        shape: (rows, columns).
        couplings, field, seed: as for :func:`grid`.

    Returns:
        A graph with ``pos`` of shape (N, 2), a straight-line planar embedding.

    Raises:
        ValueError: as for :func:`grid`.

    >>> triangular((3, 3), couplings=-1.0)
    IsingGraph(9 spins, 16 couplings = -1, no field)
    """
    lengths = _as_lengths(shape, "shape")
    if len(lengths) != 2:
        raise ValueError(f"shape must be (rows, columns), got {lengths}")
    num_spins = check_size(prod(lengths), "the product of shape")
    check_memory(num_spins, 3 * num_spins)
    site = np.arange(num_spins, dtype=np.int64).reshape(lengths)
    bonds = [(site[:, :-1], site[:, 1:]), (site[:-1], site[1:]), (site[:-1, 1:], site[1:, :-1])]
    source, target = (np.concatenate([bond[end].ravel() for bond in bonds]) for end in (0, 1))
    row, column = np.divmod(np.arange(num_spins), lengths[1])
    pos = np.stack([row * np.sqrt(0.75), column + 0.5 * row], axis=1)
    return assemble(source, target, num_spins, couplings, field, seed, pos=pos)


def _as_lengths(shape: Any, name: str) -> tuple[int, ...]:
    if isinstance(shape, str) or not isinstance(shape, (Sequence, np.ndarray)) or len(shape) == 0:
        raise ValueError(f"{name} must be a sequence of lengths, got {shape!r}")
    return tuple(check_count(length, name) for length in shape)


def _as_flags(periodic: Any, dimension: int) -> tuple[bool, ...]:
    flags = (periodic,) * dimension if isinstance(periodic, (bool, np.bool_)) else periodic
    if (
        not isinstance(flags, (Sequence, np.ndarray))
        or len(flags) != dimension
        or not all(isinstance(flag, (bool, np.bool_)) for flag in flags)
    ):
        raise ValueError(f"periodic must be True, False or one of them for each of {dimension} axes, got {periodic!r}")
    return tuple(map(bool, flags))
