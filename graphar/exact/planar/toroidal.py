r"""Exact statistical mechanics of graphs on a torus without fields, by four Kac–Ward Pfaffians.

Along paths that wind around the torus the turning angles of the Kac–Ward matrix add up otherwise than on the plane,
and its Pfaffian counts an even subgraph of windings (a, b), mod 2, with the sign (−1)^{a + b + ab}. Turning the sign
of all edges across the end of the first or second period makes it (−1)^{a + b + ab + ra + sb}. The four together
leave every even subgraph once,

.. math:: Z = 2^N \prod_e \cosh βJ_e \; \tfrac12 (−P_{00} + P_{10} + P_{01} + P_{11})

(`Galluccio and Loebl 1999 <https://doi.org/10.37236/1466>`_, `Cimasoni 2010 <https://arxiv.org/abs/0910.4547>`_). At
low temperature and with frustration the same is done with domain walls on the dual graph. They are taken around the
bonds that cost least, x_i x_j of a configuration but for signs along windings; the walls counted are then those that
wind so as to make up for them, and ¼ Σ_{rs} (−1)^{a + b + ab + ra + sb} P_{rs} takes those of windings (a, b).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graphar._support.checks import check_beta
from graphar.exact.planar.expansions import Expansion, by_elimination, rounding_floor
from graphar.exact.planar.kac_ward import KacWard, RoundingError
from graphar.exact.planar.matching import lowest_bonds
from graphar.exact.planar.partition import TOO_COLD, Planar, finish
from graphar.exact.planar.torus import TorusMap, draw_on_torus, winding_of_bonds
from graphar.exact.scale import check_scale
from graphar.hamiltonians import IsingGraph
from graphar.hamiltonians.kinds import check_field_free, check_ising

__all__ = ["Toroidal", "around_infinity", "around_lowest_bonds", "toroidal"]

Floats = NDArray[np.float64]

_TWISTS = ((0, 0), (1, 0), (0, 1), (1, 1))
_MARGIN = 8.0  # of the error stated over the differences seen
_SAFE = 1e-12  # error of log Z, per site, up to which even subgraphs are believed
_SEEDS = 3  # of disturbed evaluations


def toroidal(graph: IsingGraph, beta: float, *, period: tuple[float, float] | None = None) -> Toroidal:
    r"""Exact log Z, energy and correlations of neighbours of a graph on a torus without fields, in float64.

    .. math:: Z = 2^N \prod_e \cosh βJ_e \; \tfrac12 (−P_{00} + P_{10} + P_{01} + P_{11})

    Four sparse eliminations, one for each way to turn signs around the torus
    (`Cimasoni 2010 <https://arxiv.org/abs/0910.4547>`_), and as many again with every step disturbed by more than
    rounding does: what that changes is the error that is stated. A grid of 32×32 spins takes one to three seconds.
    Where temperature and frustration would lose digits, narrow graphs are solved as by
    :func:`graphar.exact.eliminate`, and wide ones around the cheapest bonds (extra ``planar``).

    Args:
        graph: drawn by ``graph.pos`` on a torus without crossings, h = 0: every edge goes the short way. Periodic
            grids of :func:`graphar.grid` with both lengths above 2 are.
        beta: inverse temperature β ≥ 0.
        period: lengths after which places repeat; those of periodic grids by default.

    Returns:
        Partition function and averages; see :class:`Toroidal`.

    Raises:
        ValueError: fields, a drawing that crosses itself or does not cut the torus into discs, a batch of several
            graphs, β negative, not finite, or so large that rounding leaves less than nine digits.
        ImportError: low temperature and frustration without ``pymatching`` (extra ``planar``).

    >>> import graphar as ga
    >>> toroidal(ga.grid((16, 16), periodic=True, couplings="ferromagnet"), beta=0.44)
    Toroidal(256 spins, beta=0.44, log_partition=238.387247)
    """
    beta = check_beta(beta)
    check_ising(graph, alone=True)
    check_field_free(graph)
    torus = draw_on_torus(graph, period)
    size = beta * check_scale(graph, beta)
    couplings = graph.undirected()[2].detach().cpu().double().numpy()
    expansion = around_infinity(torus, beta * couplings, graph.num_spins)
    if expansion is None or expansion.error > _SAFE * graph.num_spins:
        expansion = by_elimination(torus.drawn, beta, couplings, graph.num_spins)
    if expansion is None:
        try:
            expansion = around_lowest_bonds(torus, beta, couplings, graph.num_spins)
        except RoundingError as lost:
            raise ValueError(TOO_COLD.format("nine digits", beta, "")) from lost
    return Toroidal(*finish(graph, beta, size, expansion))


@dataclass(frozen=True, eq=False, repr=False)
class Toroidal(Planar):
    """A graph on a torus without fields at one temperature; made by :func:`toroidal`.

    All that is said of :class:`Planar` holds: energies extensive, the entropy in nats, ⟨x_i⟩ = 0, averages computed
    when first asked for, and a rounding error beside every number.
    """


class _Sum:
    """Σ_k c_k P_k over four Pfaffians: log, sign, error and slopes."""

    def __init__(self, make: Callable[[Floats, bool], KacWard], torus: TorusMap, factors: tuple[float, ...]) -> None:
        self.factors = np.array(factors)
        self.parts = [[make(torus.twist(along), mirrored) for along in _TWISTS] for mirrored in (False, True)]

    def log(self, weights: Floats, seed: int | None = None) -> tuple[float, Floats]:
        """log of the sum, and the share of each Pfaffian in it."""
        found = [part.log_det(weights, seed) for part in self.parts[(seed or 0) % 2]]
        values = np.array([part.value for part in found])
        top = values.max()
        terms = self.factors * np.array([part.sign for part in found]) * np.exp(values - top)
        total = terms.sum()
        if not total > 0:
            raise RoundingError("the sum of Pfaffians is lost in rounding")
        return float(top + math.log(total)), terms / total

    def error(self, weights: Floats, log: float) -> float:
        """What disturbing every step changes."""
        return _MARGIN * max(abs(self.log(weights, seed)[0] - log) for seed in range(1, _SEEDS + 1))

    def slope(self, weights: Floats, seed: int | None = None) -> Floats:
        """Derivatives of the log by the weights, (E,)."""
        _, shares = self.log(weights, seed)
        parts = self.parts[(seed or 0) % 2]
        return np.sum([share * part.slope(weights, seed) for share, part in zip(shares, parts, strict=True)], axis=0)


def around_infinity(torus: TorusMap, K: Floats, num_spins: int) -> Expansion | None:
    """Even subgraphs with weights tanh βJ; None where they are lost."""
    t, size = np.tanh(K), np.abs(K)
    decay = np.exp(-2 * size)
    sums = _Sum(
        lambda twist, mirrored: KacWard.around_sites(torus.drawn, mirrored, twist), torus, (-0.5, 0.5, 0.5, 0.5)
    )
    try:
        log, _ = sums.log(t)
        error = sums.error(t, log)
    except RoundingError:
        return None
    log_cosh = math.fsum(size + np.log1p(decay)) - len(K) * math.log(2)
    floor = rounding_floor(K, num_spins)

    def correlations() -> tuple[Floats, Floats]:
        scale, slope = 4 * decay / (1 + decay) ** 2, sums.slope(t)
        changes = [np.abs(scale * (sums.slope(t, seed) - slope)) for seed in range(1, _SEEDS)]
        return t + scale * slope, 2 * _MARGIN * np.max(changes, axis=0) + floor

    return Expansion(num_spins * math.log(2) + log_cosh + log, error + floor, correlations)


def around_lowest_bonds(torus: TorusMap, beta: float, couplings: Floats, num_spins: int) -> Expansion:
    """Domain walls with weights w = exp(−2βJ b) around bonds b = ±1 that meet the frustration at least cost."""
    opposite, _ = lowest_bonds(torus.drawn, couplings)
    second, first = winding_of_bonds(torus, opposite, num_spins)  # walls across paths along x wind along y
    bonds = np.where(opposite, -1.0, 1.0)
    K = beta * couplings * bonds
    if float(-K.min(initial=0)) > 300:
        raise RoundingError("weights of unsatisfied edges leave the range of float64")
    w, floor = np.exp(-2 * K), rounding_floor(K, num_spins)
    factors = [0.25 * (-1.0) ** (first + second + first * second + r * first + s * second) for r, s in _TWISTS]
    sums = _Sum(lambda twist, mirrored: KacWard.around_faces(torus.drawn, mirrored, twist), torus, tuple(factors))
    log, _ = sums.log(w)

    def correlations() -> tuple[Floats, Floats]:
        slope = sums.slope(w)
        changes = [np.abs(w * (sums.slope(w, seed) - slope)) for seed in range(1, _SEEDS)]
        return bonds * (1 - 2 * w * slope), 2 * _MARGIN * np.max(changes, axis=0) + floor

    return Expansion(math.log(2) + math.fsum(K) + log, sums.error(w, log) + floor, correlations)
