"""log Z of a graph at several β, by whichever exact method is cheap enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from graphar.elimination.cost import within
from graphar.exact.curie_weiss import curie_weiss
from graphar.exact.eliminate import eliminate
from graphar.exact.enumerate import MAX_SPINS, enumerate
from graphar.exact.parities import parities
from graphar.exact.planar.partition import planar
from graphar.exact.planar.toroidal import toroidal
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.ordering.adjacency import edges_of

__all__ = ["Exact", "Floats", "cheapest_exact", "cheapest_log_partition"]

Floats = NDArray[np.float64]

MEMORY, SECONDS = 1e9, 30.0  # that an elimination may take, and memory for the energies of an enumeration
MAX_SPINS_ENUMERATED_FIRST = 20  # spins whose configurations are visited before a narrow order would be found
WIDTH_TOO_LARGE = 25  # separators that no elimination has room for
MAX_SPINS_PLANAR = 4_096  # spins of planar graphs, half a second for each β
AVERAGES = 3.0  # times what log Z takes that an elimination takes with its averages
SECONDS_PLANAR, SECONDS_TOROIDAL = 0.5, 3.0  # of log Z and energy of 1024 spins at one β
STEP = 1e-3  # of β, in differences of what has no formula for its energy


class Exact(NamedTuple):
    """log Z and ⟨E⟩ at each β, shape (K,), energies only where asked for; and where they are from, in words."""

    log_partition: Floats
    energy: Floats | None
    source: str


def cheapest_log_partition(
    graph: IsingGraph | SpinHypergraph, beta: Sequence[float], memory: float = MEMORY, seconds: float = SECONDS
) -> tuple[Floats, str] | None:
    """log Z at each β and where it is from, in words; None where nothing exact is cheap enough.

    >>> import graphar as ga
    >>> cheapest_log_partition(ga.chain(100, couplings="ferromagnet"), [1.0])
    (array([112.25902027]), 'log Z by elimination')
    """
    found = cheapest_exact(graph, beta, memory, seconds, energy=False)
    return None if found is None else (found.log_partition, found.source)


def cheapest_exact(
    graph: IsingGraph | SpinHypergraph,
    beta: Sequence[float],
    memory: float = MEMORY,
    seconds: float = SECONDS,
    *,
    energy: bool = True,
) -> Exact | None:
    """:func:`cheapest_log_partition` with the mean energies."""

    def each(at: Callable[[float], Any], label: str, offset: float = 0.0) -> Exact:
        found = [(exact.log_partition, exact.energy if energy else 0.0) for exact in map(at, beta)]
        log_z, mean = np.array(found, float).reshape(-1, 2).T
        return Exact(log_z - np.array(beta) * offset, mean + offset if energy else None, label)

    if isinstance(graph, SpinHypergraph) and graph.order <= 2:
        graph = graph.to_ising()
    pairs = graph if isinstance(graph, IsingGraph) else None
    n, weights, h = graph.num_spins, graph.couplings, graph.h
    alike = weights.numel() == n * (n - 1) // 2 and bool((weights == weights[:1]).all()) and bool((h == h[:1]).all())
    if pairs is not None and alike and n > 1:
        J, field, offset = n * float(weights[0]), float(h[0]), float(graph.offset)
        return each(lambda b: curie_weiss(n, b, J, field), "log Z by the sum over M", offset)
    # as a graph of width w has at most wN edges
    narrow = (weights.numel() if pairs is not None else edges_of(graph).shape[1] // 2) <= WIDTH_TOO_LARGE * n
    if n > MAX_SPINS_ENUMERATED_FIRST and narrow:
        found = _by_elimination(graph, beta, memory, seconds, energy)
        if found is not None:
            return found
    if n <= MAX_SPINS and 8 * 2**n <= memory:
        return each(lambda b: enumerate(graph, b), "log Z by enumeration")
    if pairs is None:
        try:
            return _by_parities(graph, beta, energy)
        except ValueError:
            return None  # too many dependencies, or sums that cancel
    if n <= MAX_SPINS_PLANAR and not graph.has_field:
        for exact, how, cost in (
            (planar, "the Kac–Ward determinant", SECONDS_PLANAR),
            (toroidal, "Kac–Ward Pfaffians", SECONDS_TOROIDAL),
        ):
            if energy and cost * (n / 1024) ** 1.5 * len(beta) > seconds:
                continue
            try:
                return each(lambda b, exact=exact: exact(pairs, b), f"log Z by {how}")  # type: ignore[misc]
            except (ValueError, ImportError):
                continue  # not on a plane or torus, or too cold
    return None


def _by_elimination(
    graph: IsingGraph | SpinHypergraph, beta: Sequence[float], memory: float, seconds: float, energy: bool
) -> Exact | None:
    each = seconds / max(1, len(beta)) / (AVERAGES if energy else 1.0)
    frontier = within(graph, each, memory)
    if frontier is None:
        return None
    try:
        exact = eliminate(graph, list(beta), frontier.ordering)
        mean = exact.energy.cpu().numpy() if energy else None
    except ValueError:
        return None  # β times energies leave float64
    return Exact(exact.log_partition.cpu().numpy(), mean, "log Z by elimination")


def _by_parities(graph: SpinHypergraph, beta: Sequence[float], energy: bool) -> Exact:
    """Energies by central differences of fourth order: log Z has all its digits, and is smooth."""
    log_z = parities(graph).log_partition

    def slope(b: float) -> float:
        h = STEP * min(1.0, b)
        near, far = log_z(b + h) - log_z(b - h), log_z(b + 2 * h) - log_z(b - 2 * h)
        return (8 * near - far) / (12 * h)

    mean = [-slope(b) if b else float(graph.offset) for b in beta] if energy else None
    found = np.array([log_z(b) for b in beta])
    return Exact(found, None if mean is None else np.array(mean), "log Z by linear algebra over GF(2)")
