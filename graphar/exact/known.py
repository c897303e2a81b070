"""What exact methods say of a graph at one β, each tried where its cost is moderate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from graphar.elimination.cost import within
from graphar.exact.eliminate import eliminate
from graphar.exact.elimination import Elimination
from graphar.exact.enumerate import MAX_GROUND_STATES, enumerate
from graphar.exact.ground_state import planar_ground_state
from graphar.exact.parities import Parities, satisfiable_parities
from graphar.exact.planar.partition import planar
from graphar.exact.scale import scale
from graphar.hamiltonians import IsingGraph, SpinHypergraph

__all__ = ["Known", "find_known"]

MAX_SPINS_ENUMERATED = 20
MEMORY, SECONDS = 1e9, 10.0  # that an elimination may take
MAX_LISTED = 2**10  # ground states that are looked for among exact samples
ROUNDS = 20
_TIE = 1e-12  # gaps below this part of Σ|J| + Σ|h| are rounding, as in enumeration


@dataclass(frozen=True, eq=False)
class Known:
    """Exact answers, None where no method that was tried gives one.

    Attributes:
        ground_energy: lowest energy, offset included.
        degeneracy: number of configurations that have it.
        ground_states: all of them, int8, (K, N), where they are few.
        log_partition: log Z.
        entropy: of the Boltzmann distribution, in nats.
        sample: perfect samples, as a function of their number and of the keyword ``seed``.
        sources: methods used, in words.
    """

    ground_energy: float | None = None
    degeneracy: int | None = None
    ground_states: Tensor | None = field(default=None, repr=False)
    log_partition: float | None = None
    entropy: float | None = None
    sample: Callable[..., Tensor] | None = field(default=None, repr=False)
    sources: tuple[str, ...] = ()


def find_known(graph: IsingGraph | SpinHypergraph, beta: float) -> Known:
    """Exact answers by enumeration, elimination, linear algebra over GF(2), Kac–Ward determinant and matching.

    >>> import graphar as ga
    >>> known = find_known(ga.newman_moore(6), 1.0)
    >>> known.ground_energy, known.degeneracy, known.sources
    (-18.0, 16, ('elimination', 'parities'))
    """
    if graph.num_spins <= MAX_SPINS_ENUMERATED:
        all_of = enumerate(graph, beta)
        listed = all_of.ground_states if all_of.degeneracy <= MAX_GROUND_STATES else None
        return Known(
            all_of.ground_energy,
            all_of.degeneracy,
            listed,
            all_of.log_partition,
            all_of.entropy,
            all_of.sample,
            ("enumeration",),
        )
    known = _by_elimination(graph, beta)
    equations = satisfiable_parities(graph)
    if equations is not None:
        known = replace(
            known,
            ground_energy=equations.ground_energy,
            degeneracy=equations.degeneracy,
            ground_states=equations.ground_states if equations.degeneracy <= MAX_GROUND_STATES else None,
            log_partition=_series(equations, beta) if known.log_partition is None else known.log_partition,
            sources=(*known.sources, "parities"),
        )
    if known.log_partition is None and isinstance(graph, IsingGraph) and not graph.has_field:
        known = _by_planarity(graph, beta, known)
    return known


def _by_elimination(graph: IsingGraph | SpinHypergraph, beta: float) -> Known:
    frontier = within(graph if isinstance(graph, IsingGraph) else graph.skeleton(), SECONDS, MEMORY)
    if frontier is None:
        return Known()
    exact = eliminate(graph, beta, frontier.ordering)
    count = exact.degeneracy.item()
    degeneracy = int(count) if count < 2**53 else None
    return Known(
        exact.ground_energy.item(),
        degeneracy,
        _listed(exact, degeneracy),
        exact.log_partition.item(),
        exact.entropy.item(),
        exact.sample,
        ("elimination",),
    )


def _listed(exact: Elimination, degeneracy: int | None) -> Tensor | None:
    """All ground states: as many different ones as there are, from samples so cold that hardly others are drawn."""
    if degeneracy is None or degeneracy > MAX_LISTED:
        return None
    graph, lowest = exact.graph.to(torch.float64), exact.ground_energy.item()
    total = scale(graph)
    if total == 0:
        return None
    cold = eliminate(exact.graph, 1e3 * graph.num_spins / total, exact.ordering)
    found = exact.ground_state[None]
    for round_ in range(ROUNDS):
        drawn = cold.sample(16 + 4 * degeneracy, seed=round_)
        low = drawn[graph.energy(drawn) <= lowest + _TIE * total]
        found = torch.cat([found, low]).unique(dim=0)
        if len(found) == degeneracy:
            return found
    return None


def _series(equations: Parities, beta: float) -> float | None:
    try:
        return equations.log_partition(beta)
    except ValueError:
        return None  # too many dependencies


def _by_planarity(graph: IsingGraph, beta: float, known: Known) -> Known:
    try:
        exact = planar(graph, beta)
        known = replace(
            known,
            log_partition=exact.log_partition,
            entropy=exact.entropy,
            sources=(*known.sources, "the Kac–Ward determinant"),
        )
        if known.ground_energy is None:
            lowest = planar_ground_state(graph)
            to = f" to {lowest.gap:.1g}" if lowest.gap else ""
            known = replace(known, ground_energy=lowest.energy, sources=(*known.sources, f"matching{to}"))
    except (ValueError, ImportError):
        return known  # not planar, too cold, or without the extra: what was found before
    return known
