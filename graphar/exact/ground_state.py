"""Configurations of lowest energy, proven: by matching on planar graphs, by elimination on narrow ones."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
import torch
from torch import Tensor

from graphar.exact.eliminate import eliminate
from graphar.exact.planar.embedding import DrawingError
from graphar.exact.planar.matching import lowest_bonds, lowest_spins, spins_of_bonds
from graphar.exact.planar.partition import map_of
from graphar.exact.planar.torus import draw_on_torus, winding_of_bonds
from graphar.exact.scale import check_scale
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.hamiltonians.kinds import check_field_free, check_hamiltonian, check_ising

__all__ = ["GroundState", "ground_state", "matched_ground_state", "planar_ground_state", "toroidal_ground_state"]


@dataclass(frozen=True, eq=False)
class GroundState:
    """One configuration of lowest energy; made by :func:`ground_state` and its siblings.

    Attributes:
        spins: ±1, int8, shape (N,).
        energy: its energy, offset included.
        gap: no configuration has an energy below ``energy − gap``; 0 where the couplings are integers up to a factor.
        method: ``"matching"`` or ``"elimination"``.
    """

    spins: Tensor
    energy: float
    gap: float
    method: str

    def __repr__(self) -> str:
        gap = f", gap={self.gap:.1g}" if self.gap else ""
        return f"GroundState({len(self.spins)} spins, energy={self.energy:g}{gap}, by {self.method})"


def ground_state(graph: IsingGraph | SpinHypergraph) -> GroundState:
    """Configuration of lowest energy of a planar graph without fields, or of any of small treewidth, hypergraphs too.

    By :func:`planar_ground_state` or :func:`toroidal_ground_state` if one of them applies and ``pymatching`` (extra
    ``planar``) is there, otherwise by :func:`graphar.exact.eliminate`.

    Raises:
        ValueError: a graph that is neither; a batch of several graphs.

    >>> import graphar as ga
    >>> ga.exact.ground_state(ga.random_regular(24, degree=3, field=0.5, seed=1)).method
    'elimination'
    """
    check_hamiltonian(graph, alone=True)
    matched = matched_ground_state(graph)
    if matched is not None:
        return matched
    exact = eliminate(graph, beta=1.0)
    return GroundState(exact.ground_state, exact.ground_energy.item(), 0.0, "elimination")


def matched_ground_state(graph: IsingGraph | SpinHypergraph) -> GroundState | None:
    """By matching on a plane or on a torus; None of other graphs, without ``pymatching``, and where it proves none."""
    if not isinstance(graph, IsingGraph) or graph.has_field or find_spec("pymatching") is None:
        return None
    if graph.num_couplings > 3 * graph.num_spins:  # as no drawing on a plane or a torus has
        return None
    for embedding in ("auto", "networkx"):  # any drawing does: the answer does not depend on it
        try:
            return planar_ground_state(graph, embedding=embedding)
        except DrawingError:
            continue
    try:
        return toroidal_ground_state(graph)
    except ValueError:
        return None  # no drawing on a torus, or one whose cheapest bonds are of no configuration


def planar_ground_state(graph: IsingGraph, *, embedding: str = "auto") -> GroundState:
    r"""Configuration of lowest energy of a planar graph without fields, of any couplings and any size.

    .. math:: E_0 = -\sum_e |J_e| + 2 \min \sum_{e \text{ unsatisfied}} |J_e| + \text{offset}

    where the unsatisfied edges pair the frustrated faces: a minimum-weight perfect matching on the dual graph
    (`Bieche, Maynard, Rammal and Uhry 1980 <https://doi.org/10.1088/0305-4470/13/8/005>`_), solved by ``pymatching``
    (`Higgott and Gidney 2025 <https://doi.org/10.22331/q-2025-01-20-1600>`_). A Gaussian grid of 200×200 takes two
    seconds, one of ±1 some more: degenerate matchings of 256×256 have taken from two seconds to a minute.

    The matching adds integers below 2²⁴. Couplings that are integers up to a factor, ±J above all, are solved
    exactly; others are rounded down to 2⁻²⁴ of the largest |J|, and ``gap`` bounds what that may have cost: about
    1e-7 a site for Gaussian couplings. The configuration found is then nearly always the lowest itself.

    Args:
        graph: planar, h = 0.
        embedding: as for :func:`graphar.exact.planar.partition`.

    Raises:
        ValueError: fields, a graph that is not planar, places that give crossing edges, a batch of several graphs.
        ImportError: a frustrated graph without ``pymatching``.

    >>> import graphar as ga
    >>> triangle = ga.IsingGraph.from_edges([[0, 1, 0], [1, 2, 2]], [-1.0, -2.0, -3.0])
    >>> ground = planar_ground_state(triangle)
    >>> ground
    GroundState(3 spins, energy=-4, by matching)
    >>> ground.spins.tolist()
    [1, 1, -1]
    """
    drawn = map_of(graph, embedding)
    check_scale(graph, 0.0)
    return _matched(graph, *lowest_spins(drawn, _couplings(graph), graph.num_spins))


def toroidal_ground_state(graph: IsingGraph, *, period: tuple[float, float] | None = None) -> GroundState:
    """Configuration of lowest energy of a graph on a torus without fields, where matching finds it.

    Matching finds the cheapest bonds that agree with spins around every face. Along paths that wind around the torus
    they may still change sign, in about three of four large random instances; they are then those of a graph with other
    couplings across the ends of the periods, and no configuration of this one is proven lowest.

    Args:
        graph: drawn on a torus, h = 0; see :func:`graphar.exact.toroidal`.
        period: as there.

    Raises:
        ValueError: as there, and where the cheapest bonds are of no configuration.
        ImportError: a frustrated graph without ``pymatching``.

    >>> import graphar as ga
    >>> toroidal_ground_state(ga.grid((6, 6), periodic=True, couplings="ferromagnet"))
    GroundState(36 spins, energy=-72, by matching)
    """
    check_ising(graph, alone=True)
    check_field_free(graph)
    torus = draw_on_torus(graph, period)
    check_scale(graph, 0.0)
    opposite, gap = lowest_bonds(torus.drawn, _couplings(graph))
    if winding_of_bonds(torus, opposite, graph.num_spins) != (0, 0):
        raise ValueError("graph must have cheapest bonds that are of a configuration, got some that wind")
    return _matched(graph, spins_of_bonds(torus.drawn.ends, opposite, graph.num_spins), gap)


def _couplings(graph: IsingGraph) -> np.ndarray:
    return graph.undirected()[2].detach().cpu().double().numpy()


def _matched(graph: IsingGraph, spins: np.ndarray, gap: float) -> GroundState:
    configuration = torch.from_numpy(spins).to(torch.int8)
    return GroundState(configuration, graph.to(torch.float64).energy(configuration).item(), gap, "matching")
