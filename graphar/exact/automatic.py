"""log Z of a graph at several β, by whichever exact method is cheap enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from graphar.elimination.cost import choose, predict
from graphar.exact.curie_weiss import curie_weiss
from graphar.exact.eliminate import eliminate
from graphar.exact.enumerate import MAX_SPINS, enumerate
from graphar.exact.parities import parities
from graphar.exact.planar.partition import planar
from graphar.exact.planar.toroidal import toroidal
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.ordering.adjacency import edges_of

__all__ = ["Floats", "cheapest_log_partition"]

Floats = NDArray[np.float64]

MEMORY, SECONDS = 1e9, 30.0  # that an elimination may take, and memory for the energies of an enumeration
MAX_SPINS_ENUMERATED_FIRST = 20  # spins whose configurations are visited before a narrow order would be found
WIDTH_TOO_LARGE = 25  # separators that no elimination has room for
MAX_SPINS_PLANAR = 4_096  # spins of planar graphs, half a second for each β


def cheapest_log_partition(
    graph: IsingGraph | SpinHypergraph, beta: Sequence[float], memory: float = MEMORY, seconds: float = SECONDS
) -> tuple[Floats, str] | None:
    """log Z at each β and where it is from, in words; None where nothing exact is cheap enough.

    >>> import graphar as ga
    >>> cheapest_log_partition(ga.chain(100, couplings="ferromagnet"), [1.0])
    (array([112.25902027]), 'log Z by elimination')
    """

    def each(log_partition: Callable[[float], float], label: str) -> tuple[Floats, str]:
        return np.array([log_partition(value) for value in beta]), label

    if isinstance(graph, SpinHypergraph) and graph.order <= 2:
        graph = graph.to_ising()
    pairs = graph if isinstance(graph, IsingGraph) else None
    n, weights, h = graph.num_spins, graph.couplings, graph.h
    alike = weights.numel() == n * (n - 1) // 2 and bool((weights == weights[:1]).all()) and bool((h == h[:1]).all())
    if pairs is not None and alike and n > 1:
        J, field, offset = n * float(weights[0]), float(h[0]), float(graph.offset)
        return each(lambda b: curie_weiss(n, b, J, field).log_partition - b * offset, "log Z by the sum over M")
    # as a graph of width w has at most wN edges
    narrow = (weights.numel() if pairs is not None else edges_of(graph).shape[1] // 2) <= WIDTH_TOO_LARGE * n
    if n > MAX_SPINS_ENUMERATED_FIRST and narrow:
        try:
            frontier = choose(graph, None, memory)
            if predict(frontier)[1] * len(beta) <= seconds:
                log_partition = eliminate(graph, list(beta), frontier.ordering).log_partition
                return log_partition.cpu().numpy(), "log Z by elimination"
        except ValueError:
            pass  # too wide
    if n <= MAX_SPINS and 8 * 2**n <= memory:
        return each(lambda b: enumerate(graph, b).log_partition, "log Z by enumeration")
    if pairs is None:
        try:
            return each(parities(graph).log_partition, "log Z by linear algebra over GF(2)")
        except ValueError:
            return None  # too many dependencies, or sums that cancel
    if n <= MAX_SPINS_PLANAR and not graph.has_field:
        for exact, how in ((planar, "the Kac–Ward determinant"), (toroidal, "Kac–Ward Pfaffians")):
            try:
                return each(lambda b, exact=exact: exact(pairs, b).log_partition, f"log Z by {how}")  # type: ignore[misc]
            except (ValueError, ImportError):
                continue  # not on a plane or torus, or too cold
    return None
