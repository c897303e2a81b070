"""Places of sites on a lattice."""

from __future__ import annotations

import numpy as np
from torch_geometric.data import Data

__all__ = ["lattice"]

RULE = "graph must have pos with the integer coordinates of a lattice, one site at each, got"


def lattice(graph: Data) -> np.ndarray:
    """The integer coordinates in ``graph.pos``, (N, d).

    Raises:
        ValueError: there are none, or two sites are at the same place.
    """
    pos, num_sites = graph.pos, int(graph.num_nodes or 0)
    if pos is None or pos.dim() != 2 or len(pos) != num_sites or not pos.shape[1]:
        raise ValueError(f"{RULE} {'none' if pos is None else f'shape {tuple(pos.shape)}'}")
    place = pos.detach().cpu().double().numpy()
    whole = np.rint(place)
    between = ~(np.abs(place - whole) < 1e-6).all(1)
    if between.any():
        raise ValueError(f"{RULE} {place[between][0].tolist()}")
    place = whole.astype(np.int64)
    different, times = np.unique(place, axis=0, return_counts=True)
    if (times > 1).any():
        raise ValueError(f"{RULE} {int(times.max())} sites at {different[times.argmax()].tolist()}")
    return place
