"""Lower bounds on the energy: the best of several methods that the time allows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from graphar._support.checks import check_number, check_positive
from graphar.exact.scale import check_scale
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.hamiltonians.kinds import check_hamiltonian
from graphar.solvers.bounds.integrality import Ladder, coarse_ladder, ladder_of
from graphar.solvers.bounds.low_rank import semidefinite, spectral
from graphar.solvers.bounds.odd_cycles import odd_cycles
from graphar.solvers.bounds.pairs import Pairs, as_pairs
from graphar.solvers.bounds.rounding import sum_down
from graphar.solvers.bounds.words import strengths, words
from graphar.solvers.reductions import Reduction, reduce

__all__ = ["METHODS", "LowerBound", "lower_bound"]


def _trivial(pairs: Pairs, deadline: float) -> Iterator[float]:
    """−Σ|J| − Σ|h|."""
    yield sum_down(-np.abs(pairs.couplings))


METHODS: dict[str, Callable[[Pairs, float], Iterator[float]]] = {
    "trivial": _trivial,
    "spectral": spectral,
    "semidefinite": semidefinite,
    "odd_cycles": odd_cycles,
}
_MANY_NEIGHBOURS = 12  # on average, above which the semidefinite bound is the better one at small cost
_SHARE = 0.25  # of the time that it gets on sparser graphs


@dataclass(frozen=True)
class LowerBound:
    """A number that no energy of the graph is below; made by :func:`lower_bound`.

    Attributes:
        value: the bound, offset included. It holds in exact arithmetic for the couplings as they are stored.
        method: what gave it: ``"trivial"``, ``"spectral"``, ``"semidefinite"``, ``"odd_cycles"`` or ``"words"``.
        seconds: spent.
        history: method, value and seconds of each better bound on the way.
    """

    value: float
    method: str
    seconds: float
    history: tuple[tuple[str, float, float], ...] = field(repr=False)

    def __repr__(self) -> str:
        return f"LowerBound({self.value:.10g}, by {self.method.replace('_', ' ')}, {self.seconds:.2g} s)"


def lower_bound(
    graph: IsingGraph | SpinHypergraph, *, time_limit: float = 10.0, method: str = "auto", target: float | None = None
) -> LowerBound:
    r"""A bound :math:`B \le \min_x H(x)`, valid with all rounding counted.

    - ``"trivial"``: −Σ|J| − Σ|h|.
    - ``"spectral"``: −N λ_max(J)/2.
    - ``"semidefinite"``: the relaxation to unit vectors
      (`Goemans and Williamson 1995 <https://doi.org/10.1145/227683.227684>`_), best on dense graphs, up to 6,000 spins.
    - ``"odd_cycles"``: a linear program (`Barahona and Mahjoub 1986 <https://doi.org/10.1007/BF02592023>`_), exact on
      planar graphs without fields and on trees, best on sparse graphs.
    - ``"auto"``: the graph is reduced first (:func:`graphar.solvers.reductions.reduce`), then the semidefinite bound
      and, on sparse graphs or where time is left, odd cycles. Of a hypergraph that is reduced to pairs, theirs; of
      others ``"words"``, interactions that cannot all be satisfied (:mod:`graphar.solvers.bounds.words`), up to 4,096
      interactions and fields.

    Where couplings and fields are integers times a unit, bounds are rounded up to the next energy that may be
    reached. A bound of what the reduction leaves, less its rounding, is one of the graph.

    Args:
        graph: couplings and fields, or interactions of any numbers of spins, for which there are ``"auto"`` and
            ``"trivial"`` alone, unless all are pairs.
        time_limit: seconds, about: methods stop at the first step past it, and the first bound is always made.
        method: one of the above.
        target: an energy that is enough to reach, as that of a configuration, which is then proven lowest.

    Returns:
        The best bound found; see :class:`LowerBound`.

    Raises:
        ValueError: a batch of several graphs, an unknown method, one of pairs for interactions of more, a time limit
            that is not positive.

    >>> import graphar as ga
    >>> lower_bound(ga.grid((8, 8), couplings="pm1", seed=1), method="odd_cycles").value
    -80.0
    >>> ga.exact.ground_state(ga.grid((8, 8), couplings="pm1", seed=1)).energy
    -80.0
    """
    check_hamiltonian(graph, alone=True)
    graph.validate()
    check_scale(graph, 0.0)
    limit = check_positive(time_limit, "time_limit")
    enough = np.inf if target is None else check_number(target, "target")
    if method != "auto" and method not in METHODS:
        names = ", ".join(f'"{name}"' for name in ("auto", *METHODS))
        raise ValueError(f"method must be one of {names}, got {method!r}")
    start = time.monotonic()
    given = graph.to_ising() if isinstance(graph, SpinHypergraph) and graph.order <= 2 else graph
    if isinstance(given, SpinHypergraph):
        if method not in ("auto", "trivial"):
            raise ValueError(
                f'method must be "auto" or "trivial" for interactions of three sites and more, got "{method}"'
            )
        ladder, bounds = coarse_ladder(strengths(given)), _bounds_of_many(given, method, start, limit)
    else:
        whole = as_pairs(given)
        ladder, bounds = ladder_of(whole), _bounds(given, whole, method, start, limit)
    offset = float(graph.offset.item())
    best, by, history = -np.inf, "trivial", list[tuple[str, float, float]]()
    for name, bound in bounds:
        if bound == -np.inf:  # no factorisation in time, or nothing to factorise
            continue
        value = _with_offset(bound, ladder, offset)
        if value > best:
            best, by = value, name
            history.append((name, value, time.monotonic() - start))
        if best >= enough or time.monotonic() - start > limit:
            break
    return LowerBound(best, by, time.monotonic() - start, tuple(history))


def _with_offset(bound: float, ladder: Ladder | None, offset: float) -> float:
    """A bound of the energies without their offset, rounded up to what may be reached, and the offset."""
    return sum_down([bound if ladder is None else ladder.up(bound), offset])


def _bounds(graph: IsingGraph, whole: Pairs, method: str, start: float, limit: float) -> Iterator[tuple[str, float]]:
    """Bounds of the energies of the whole graph, its offset left out."""
    yield from (("trivial", bound) for bound in _trivial(whole, start + limit))
    if method != "auto":
        if method != "trivial":
            yield from ((method, bound) for bound in METHODS[method](whole, start + limit))
        return
    yield from _bounds_of_reduced(graph, reduce(graph), start, limit)


def _bounds_of_many(graph: SpinHypergraph, method: str, start: float, limit: float) -> Iterator[tuple[str, float]]:
    """The same of interactions of any numbers of sites."""
    yield "trivial", sum_down(-np.abs(strengths(graph)))
    if method == "auto":
        yield from _bounds_of_reduced(graph, reduce(graph), start, limit)


def _bounds_of_reduced(
    graph: IsingGraph | SpinHypergraph, smaller: Reduction, start: float, limit: float
) -> Iterator[tuple[str, float]]:
    """Bounds of the energies of the whole, its offset left out, by those of what the reduction leaves."""
    lost = [-float(graph.offset.item()), float(smaller.graph.offset.item()), -smaller.rounding]
    # minimum of the whole, offsets included ≥ minimum of what is left − rounding
    if isinstance(smaller.graph, SpinHypergraph):
        yield "trivial", sum_down(-np.abs(strengths(smaller.graph)), lost)
        yield from (("words", sum_down([bound, *lost])) for bound in words(smaller.graph, start + limit))
        return
    left = as_pairs(smaller.graph)
    if smaller.graph.num_spins == 1:  # its field alone, of which −|h| is the least energy
        yield "trivial", sum_down(-np.abs(left.couplings), lost)
        return
    methods = [("trivial", start + limit)]
    dense = 2 * len(left.couplings) > _MANY_NEIGHBOURS * left.num_sites
    methods.append(("semidefinite", start + limit * (1.0 if dense else _SHARE)))
    methods.append(("odd_cycles", start + limit))
    for name, deadline in methods:
        yield from ((name, sum_down([bound, *lost])) for bound in METHODS[name](left, deadline) if bound > -np.inf)
