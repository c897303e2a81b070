r"""Exact statistical mechanics of planar graphs without fields, by the Kac–Ward determinant.

.. math:: \log Z = N \log 2 + \sum_e \log \cosh \beta J_e + \tfrac12 \log \det(1 - T),\qquad
    T_{e,f} = \tanh(\beta J_e)\, e^{i\alpha(e,f)/2}

with T on directed edges, f leaving the head of e without turning back, and α the turning angle in a straight-line
drawing (`Kac and Ward 1952 <https://doi.org/10.1103/PhysRev.88.1332>`_; a proof:
`Aizenman and Warzel 2018 <https://arxiv.org/abs/1709.06052>`_).

At low temperature and with frustration the determinant is of order exp(−4β Σ |J| of unsatisfied edges) and drowns in
rounding. There the same formula is applied to the dual graph, with domain walls around a ground state x in place of
tanh: c connected components, w = exp(−2β J_ij x_i x_j), and a determinant of order one,

.. math:: \log Z = c \log 2 + \sum_e \beta J_e x_i x_j + \tfrac12 \log \det(1 - T^*(w)).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graphar._checks import check_beta
from graphar.exact._drawing import draw
from graphar.exact._kac_ward import KacWard, RoundingError
from graphar.exact._matching import lowest_spins
from graphar.exact._planar_map import PlanarMap, connected, planar_map
from graphar.hamiltonians import IsingGraph

__all__ = ["Planar", "map_of", "planar"]

Floats = NDArray[np.float64]

_TOO_COLD = "beta must leave nine digits to rounding, which frustration and low temperature take, got {}"
_SAFE = 1e-13  # estimated rounding error of log Z, per site, up to which tanh is used
_ROUNDING = 1e-9  # rounding error of log Z, relative to N + Σ β|J|, that is let pass


def planar(graph: IsingGraph, beta: float, *, embedding: str = "auto") -> Planar:
    r"""Exact log Z, energy and correlations of neighbours of a planar graph without fields, of any size, in float64.

    A sparse elimination of about N^{3/2} steps: 0.05 s for a grid of 10^3 spins, 6 s for 65,000, 10 s for 10^5, and
    as long again for the energy and the correlations (1.2 and 1.6 GB). Where temperature and frustration would lose
    digits, the determinant is taken around a ground state (extra ``planar``), and evaluated twice, in two orders, to
    measure what rounding leaves: at least nine digits, or an error. That takes three to five times as long. Grids of
    40×40 spins come to β ≈ 5 for ±1 couplings and β ≈ 8 for Gaussian ones, 256×256 to β = 3; graphs without
    frustration have no limit.

    Args:
        graph: planar, h = 0.
        beta: inverse temperature β ≥ 0.
        embedding: ``"pos"``, straight edges between the places ``graph.pos``; ``"networkx"``, a drawing made by
            networkx (some 15 s for 10^5 spins); ``"auto"``, the first where ``pos`` is two-dimensional, else the
            second.

    Returns:
        Partition function and averages; see :class:`Planar`.

    Raises:
        ValueError: fields, a graph that is not planar, places that give crossing edges (the message names them), a
            batch of several graphs, β negative, not finite, or so large that rounding leaves less than nine digits.
        ImportError: low temperature and frustration without ``pymatching``.

    >>> import graphar as ga
    >>> exact = ga.exact.planar(ga.grid((32, 32), couplings="ferromagnet"), beta=0.4)
    >>> exact
    Planar(1024 spins, beta=0.4, log_partition=892.908014)
    >>> round(exact.energy / 1024, 6)
    -1.045755
    """
    beta = check_beta(beta)
    drawn = map_of(graph, embedding)
    couplings = graph.undirected()[2].detach().cpu().double().numpy()
    expansion = _around_infinity(drawn, beta * couplings, graph.num_spins)
    if expansion is None:
        expansion = _around_ground_state(drawn, beta, couplings, graph.num_spins)
    return Planar(graph, beta, expansion.log_sum - beta * graph.offset.item(), expansion.error, expansion)


def map_of(graph: IsingGraph, embedding: str) -> PlanarMap:
    """The planar map of a graph without fields, drawn as ``embedding`` says."""
    if getattr(graph, "batch", None) is not None:
        raise ValueError(f"graph must be one graph, got a batch of {graph.num_graphs}; take its graphs in turn")
    if graph.has_field:
        raise ValueError(
            "graph must have no field (h = 0), got one; graphar.exact.eliminate takes fields, on graphs of small width"
        )
    lower, upper, _ = graph.undirected()
    return planar_map(draw(graph, embedding), torch.stack([lower, upper]).cpu().numpy())


@dataclass(frozen=True, eq=False)
class _Expansion:
    """log Z = constant + ½ log det(t), and ⟨x_i x_j⟩ = direct + chain · ∂(½ log det)/∂t of every edge."""

    kac_ward: KacWard
    t: Floats
    log_sum: float
    error: float
    direct: Floats
    chain: Floats


def _around_infinity(drawn: PlanarMap, K: Floats, num_spins: int) -> _Expansion | None:
    """Even subgraphs with weights t = tanh βJ; None where rounding may matter."""
    t, size = np.tanh(K), np.abs(K)
    decay = np.exp(-2 * size)
    kac_ward = KacWard.around_sites(drawn)
    try:
        log_det, error = kac_ward.log_det(t)
    except RoundingError:
        return None
    if error > _SAFE * num_spins:
        return None
    log_cosh = math.fsum(size + np.log1p(decay)) - len(K) * math.log(2)
    log_sum = num_spins * math.log(2) + log_cosh + log_det
    return _Expansion(kac_ward, t, log_sum, error, t, 4 * decay / (1 + decay) ** 2)


def _around_ground_state(drawn: PlanarMap, beta: float, couplings: Floats, num_spins: int) -> _Expansion:
    """Domain walls with weights w = exp(−2βJ x_i x_j)."""
    spins, _ = lowest_spins(drawn, couplings, num_spins)
    lower, upper = drawn.ends
    bonds = (spins[lower] * spins[upper]).astype(np.float64)
    K = beta * couplings * bonds
    if float(-K.min(initial=0)) > 300:
        raise ValueError(_TOO_COLD.format(beta))
    w = np.exp(-2 * K)
    allowed = _ROUNDING * (num_spins + math.fsum(np.abs(K)))
    try:
        kac_ward = KacWard.around_faces(drawn)
        log_det, error = kac_ward.log_det(w)
        if error > 0.01 * allowed:  # likely far too wide: see how much really changes
            again, _ = KacWard.around_faces(drawn, mirrored=True).log_det(w)
            error = abs(again - log_det)
    except RoundingError as lost:
        raise ValueError(_TOO_COLD.format(beta)) from lost
    if error > allowed:
        raise ValueError(f"{_TOO_COLD.format(beta)} (log Z has an error of {error:.1g})")
    components, _ = connected(lower, upper, num_spins)
    log_sum = components * math.log(2) + math.fsum(K) + log_det
    return _Expansion(kac_ward, w, log_sum, error, bonds, -2 * w * bonds)


@dataclass(frozen=True, eq=False)
class Planar:
    """A planar graph without fields at one temperature; made by :func:`planar`.

    The energy is extensive, the entropy in nats. The averages take twice the time of log Z; they are computed when
    first asked for and kept. ⟨x_i⟩ = 0.

    Attributes:
        graph: the graph.
        beta: inverse temperature β.
        log_partition: log Z = log Σ_x e^{−βH(x)}.
        rounding_error: of log Z, absolute, as estimated from condition numbers or from another order of summation.
    """

    graph: IsingGraph
    beta: float
    log_partition: float
    rounding_error: float = field(repr=False)
    _expansion: _Expansion = field(repr=False)

    @property
    def num_spins(self) -> int:
        """N."""
        return self.graph.num_spins

    @property
    def free_energy(self) -> float:
        """F = −log Z / β; a ValueError at β = 0, where it diverges."""
        if self.beta == 0:
            raise ValueError("free_energy needs beta > 0, got 0; log_partition is finite there")
        return -self.log_partition / self.beta

    @property
    def energy(self) -> float:
        """Mean energy ⟨H⟩ = −∂ log Z/∂β."""
        couplings = self.graph.undirected()[2].detach().cpu().double()
        return self.graph.offset.item() - math.fsum(couplings * self.edge_correlations)

    @property
    def entropy(self) -> float:
        """S = log Z + β⟨H⟩ in nats."""
        return self.log_partition + self.beta * self.energy

    @cached_property
    def edge_correlations(self) -> Tensor:
        """⟨x_i x_j⟩ = ∂ log Z/∂(βJ_ij) of every edge in the order of ``graph.undirected()``, shape (E,)."""
        parts = self._expansion
        correlations = parts.direct + parts.chain * parts.kac_ward.slope(parts.t)
        if float(np.abs(correlations).max(initial=0)) > 1 + 1e-6:
            raise ValueError(_TOO_COLD.format(self.beta))
        return torch.from_numpy(correlations)

    def __repr__(self) -> str:
        spins = f"{self.num_spins} spin{'' if self.num_spins == 1 else 's'}"
        return f"Planar({spins}, beta={self.beta:g}, log_partition={self.log_partition:.6f})"
