"""Spins that roof duality fixes, by the package dwave-preprocessing."""

from __future__ import annotations

import numpy as np

from graphar.hamiltonians import IsingGraph

__all__ = ["persistent_spins"]


def persistent_spins(graph: IsingGraph) -> np.ndarray:
    """Spins ±1 that every ground state has, 0 where roof duality does not tell; int8, shape (N,).

    Raises:
        ImportError: no ``dwave-preprocessing``.
    """
    spins = np.zeros(graph.num_spins, np.int8)
    if not graph.has_field:
        return spins  # x and −x have the same energy
    try:
        from dwave.preprocessing.lower_bounds import roof_duality
    except ImportError as error:
        raise ImportError(
            'roof duality needs dwave-preprocessing: pip install "graphar-arnn[preprocessing]"'
        ) from error
    import dimod

    i, j, J = (each.numpy() for each in graph.undirected())
    # in the order of the sites: roof_duality names the variables 0…N−1 as they stand, whatever they are called
    model = dimod.BinaryQuadraticModel.from_numpy_vectors(-graph.h.numpy(), (i, j, -J), 0.0, "SPIN")
    for site, value in roof_duality(model, strict=True)[1].items():
        spins[site] = value
    return spins
