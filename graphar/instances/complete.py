"""Fully connected models: any couplings, Sherrington–Kirkpatrick, Curie–Weiss."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphar._support.checks import as_float_tensor
from graphar.hamiltonians.ising import IsingGraph
from graphar.instances.couplings import assemble, check_memory, check_size

__all__ = ["complete", "curie_weiss", "sherrington_kirkpatrick"]


def complete(num_spins: int, *, couplings: Any = "pm1", field: Any = None, seed: int = 0) -> IsingGraph:
    """Every pair of spins coupled, E = N(N − 1)/2, with no normalisation.

    Args:
        num_spins: N.
        couplings, field, seed: as for :func:`graphar.grid`.

    Raises:
        ValueError: as for :func:`graphar.grid`.

    >>> complete(4, couplings="ferromagnet", field=0.5)
    IsingGraph(4 spins, 6 couplings = 1, field = 0.5)
    """
    return _complete(num_spins, couplings, field, seed)


def sherrington_kirkpatrick(
    num_spins: int, *, couplings: str = "gaussian", field: Any = None, seed: int = 0
) -> IsingGraph:
    r"""Sherrington–Kirkpatrick spin glass: independent couplings of mean 0 and variance 1/N on every pair.

    .. math:: H(x) = -\sum_{i<j} J_{ij} x_i x_j - \sum_i h_i x_i, \qquad J_{ij} = g_{ij}/\sqrt N

    The glass transition is at β = 1 without field. Reference: Sherrington and Kirkpatrick,
    `Phys. Rev. Lett. 35, 1792 (1975) <https://doi.org/10.1103/PhysRevLett.35.1792>`_.

    Args:
        num_spins: N.
        couplings: the g, ``"gaussian"`` or ``"pm1"``.
        field, seed: as for :func:`graphar.grid`; fields are not scaled.

    Raises:
        ValueError: couplings of another kind; others as for :func:`graphar.grid`.

    >>> sherrington_kirkpatrick(100, couplings="pm1")
    IsingGraph(100 spins, 4950 couplings ±0.1, no field)
    """
    num_spins = check_size(num_spins)
    if not isinstance(couplings, str) or couplings not in ("gaussian", "pm1"):
        raise ValueError(f'couplings must be "gaussian" or "pm1", got {couplings!r}')
    return _complete(num_spins, couplings, field, seed, scale=float(1 / np.sqrt(num_spins)))


def curie_weiss(num_spins: int, *, coupling: float = 1.0, field: Any = None, seed: int = 0) -> IsingGraph:
    r"""Curie–Weiss ferromagnet: the same coupling J/N on every pair.

    .. math:: H(x) = -\frac{J}{N} \sum_{i<j} x_i x_j - \sum_i h_i x_i

    The transition is at βJ = 1 without field.

    Args:
        num_spins: N.
        coupling: J.
        field: h, one number for all; or random or given, as for :func:`graphar.grid`.
        seed: of random fields.

    Raises:
        ValueError: ``coupling`` that is not one finite number; others as for :func:`graphar.grid`.

    >>> curie_weiss(10, coupling=2.0)
    IsingGraph(10 spins, 45 couplings = 0.2, no field)
    """
    num_spins = check_size(num_spins)
    J = as_float_tensor(coupling, "coupling")
    if J.dim() != 0:
        raise ValueError(f"coupling must be one number, got shape {tuple(J.shape)}")
    return _complete(num_spins, float(J) / num_spins, field, seed)


def _complete(num_spins: Any, couplings: Any, field: Any, seed: int, scale: float = 1.0) -> IsingGraph:
    num_spins = check_size(num_spins)
    check_memory(num_spins, num_spins * (num_spins - 1) // 2)
    source, target = np.triu_indices(num_spins, k=1)
    return assemble(source, target, num_spins, couplings, field, seed, scale=scale)
