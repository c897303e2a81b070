r"""log Z and edge correlations of a planar graph without fields in three ways, each with its rounding error.

Errors are against exact arithmetic on β and the couplings as they stand in float64, and stated to be bounds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from graphar.elimination.cost import predict
from graphar.exact.eliminate import eliminate
from graphar.exact.planar.faces import PlanarMap, connected
from graphar.exact.planar.kac_ward import KacWard, RoundingError
from graphar.exact.planar.matching import lowest_spins
from graphar.frontier import Frontier, build_frontier
from graphar.hamiltonians import IsingGraph
from graphar.ordering import min_degree

__all__ = ["Expansion", "around_ground_state", "around_infinity", "by_elimination", "rounding_floor"]

Floats = NDArray[np.float64]

_EPSILON = float(np.finfo(np.float64).eps)
_SAFE = 1e-13  # a priori error of log Z, per site, up to which a determinant is believed
_SAFE_REGION = 1e-12  # and the share of any one region, as a few bad sites may hide in a large graph
_FEW = 2_000  # faces up to which more determinants cost little
_MARGIN = 8.0  # of the error stated over the differences seen
_SECONDS, _MEMORY = 1.0, 1e9  # that an elimination may take


class Expansion(NamedTuple):
    """One way to log Z, the offset left out.

    Attributes:
        log_partition: log Z.
        error: of log Z, absolute.
        correlations: computes ⟨x_i x_j⟩ of every edge and how far each is off, (E,) both. The second says how errors
            are spread; what bounds them all is the largest.
    """

    log_partition: float
    error: float
    correlations: Callable[[], tuple[Floats, Floats]]


def around_infinity(drawn: PlanarMap, K: Floats, num_spins: int) -> Expansion | None:
    """Even subgraphs with weights t = tanh βJ; None where rounding may matter."""
    t, size = np.tanh(K), np.abs(K)
    decay = np.exp(-2 * size)
    kac_ward = KacWard.around_sites(drawn)
    try:
        det = kac_ward.log_det(t)
    except RoundingError:
        return None
    if det.error > _SAFE * num_spins or det.worst > _SAFE_REGION:
        return None
    log_cosh = math.fsum(size + np.log1p(decay)) - len(K) * math.log(2)
    floor = rounding_floor(K, num_spins)

    def correlations() -> tuple[Floats, Floats]:
        found = t + 4 * decay / (1 + decay) ** 2 * kac_ward.slope(t)
        return found, np.full_like(found, 100 * det.worst + floor)

    return Expansion(num_spins * math.log(2) + log_cosh + det.value, det.error + floor, correlations)


def around_ground_state(drawn: PlanarMap, beta: float, couplings: Floats, num_spins: int) -> Expansion:
    """Domain walls with weights w = exp(−2βJ x_i x_j) around a ground state x.

    Errors are what changes where every step is disturbed by more than rounding does, and taken in another order.

    Raises:
        RoundingError: nothing is left of the determinant.
    """
    spins, _ = lowest_spins(drawn, couplings, num_spins)
    lower, upper = drawn.ends
    bonds = (spins[lower] * spins[upper]).astype(np.float64)
    K = beta * couplings * bonds
    if float(-K.min(initial=0)) > 300:
        raise RoundingError("weights of unsatisfied edges leave the range of float64")
    w, floor = np.exp(-2 * K), rounding_floor(K, num_spins)
    kac_ward, other = KacWard.around_faces(drawn), KacWard.around_faces(drawn, mirrored=True)
    few = int(drawn.faces.max(initial=0)) < _FEW
    log_det = kac_ward.log_det(w).value
    changes = [(other, kac_ward)[seed % 2].log_det(w, seed).value - log_det for seed in range(4 if few else 2)]

    def correlations() -> tuple[Floats, Floats]:
        slope = kac_ward.slope(w)
        again = [(other, kac_ward)[seed % 2].slope(w, seed) for seed in range(4 if few else 1)]
        changes = [np.abs(w * (value - slope)) for value in again]
        return bonds * (1 - 2 * w * slope), 2 * _MARGIN * np.max(changes, axis=0) + floor

    components, _ = connected(lower, upper, num_spins)
    log_sum = components * math.log(2) + math.fsum(K) + log_det
    return Expansion(log_sum, _MARGIN * max(map(abs, changes)) + floor, correlations)


def by_elimination(drawn: PlanarMap, beta: float, couplings: Floats, num_spins: int) -> Expansion | None:
    """Sums of positive numbers in logarithms, which no temperature spoils; None on graphs too wide for it."""
    graph = IsingGraph.from_edges(drawn.ends, couplings, num_nodes=num_spins)
    frontier = build_frontier(min_degree(graph))
    held, seconds = predict(frontier)
    if held > _MEMORY or seconds > _SECONDS:
        return None
    exact = eliminate(graph, beta, frontier.ordering)
    error = _error_of_elimination(frontier, beta)

    def correlations() -> tuple[Floats, Floats]:
        # The tables are exact for weights that are off by factors of at most exp(±error).
        found = exact.edge_correlations.numpy()
        return found, np.full_like(found, 4 * error + 2.0**frontier.width * _EPSILON)

    return Expansion(exact.log_partition.item(), error, correlations)


def rounding_floor(K: Floats, num_spins: int) -> float:
    """What rounding takes from the sum of N log 2 and all |K|, however it is made."""
    return 4 * _EPSILON * (num_spins + math.fsum(np.abs(K)))


def _error_of_elimination(frontier: Frontier, beta: float) -> float:
    """Bound on the rounding of log Z: no table entry is beyond Σ log 2 + |K| of its subtree, made in few additions."""
    target, parent = frontier.arrival_target.numpy(), frontier.parent.numpy()
    strength = np.abs(beta * frontier.arrival_weight.numpy())
    below = (math.log(2) + np.bincount(target, weights=strength, minlength=len(parent))).tolist()
    for rank in range(len(below) - 1, 0, -1):
        if parent[rank] >= 0:
            below[parent[rank]] += below[rank]
    children = np.bincount(parent[parent >= 0], minlength=len(parent))
    additions = frontier.num_parents.numpy() + children + 4
    return _EPSILON * math.fsum(additions * below)
