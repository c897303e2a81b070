"""The order of a search: exact methods where they fit, then rounds of the portfolio, and bounds between them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from graphar._support.seeds import hash_key
from graphar.exact.ground_state import GroundState
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.montecarlo.base import random_spins
from graphar.problems import Problem
from graphar.solvers.bounds import lower_bound
from graphar.solvers.bounds.rounding import sum_down
from graphar.solvers.search.bench import Bench
from graphar.solvers.search.exactly import by_elimination, by_matching, by_parities
from graphar.solvers.search.incumbent import Incumbent
from graphar.solvers.search.members import FIRST_BUDGET, MEMBERS, members_of
from graphar.solvers.search.parts import Part, Parts

__all__ = ["LONGEST", "SHARE", "first_candidate", "search"]

_LARGE = 20_000  # spins
SHARE = 0.4  # of the time, that an exact method may be predicted to take
LONGEST = 30.0  # seconds of it where there is no limit
_GROWTH = 5  # doublings of the budget of a turn, one a round
_SHORTEST = 4.0  # seconds of a limit for each unit of the largest budget
_MEMORY = 0.7  # of a member's credit, that is left after its next turn
_OWN_BUDGET, _OWN_SWEEPS = 2**22, 2**8  # steps, for each spin, of a problem's own search in its first turn
_FIRST_SWEEPS, _OWN_GROWTH = 2**13, 10  # of the last turn before anything else, and most doublings
_OWN_FIRST = 6  # turns of it before the rounds
_AT_ONCE = 2000  # spins beyond which it goes before reductions and exact methods
_OWN_EVERY = 4  # rounds of it, from one of the portfolio to the next
_BOUND_SHARES = {2: 0.05, 6: 0.1, 12: 0.1}  # of the time that bounds may take, after which rounds
_BOUND_LONGEST = 60.0
_DESCENT_WATCHED = 2**20  # sites and couplings, beyond which a descent takes long enough to be watched by the clock
_GREEDY_PASSES, _GREEDY_WORK = 50, 2**21  # flips of the first candidate; each looks at all couplings


def first_candidate(graph: IsingGraph | SpinHypergraph, initial: torch.Tensor | None, seed: int) -> torch.Tensor:
    """Configurations (M, N) to begin with, at once: the given ones, or random ones, of small graphs after a descent."""
    if initial is not None:
        return initial
    size = _size(graph)
    if size > _DESCENT_WATCHED:
        rng = torch.Generator().manual_seed(hash_key(seed, "first candidate"))
        return 1 - 2 * torch.randint(2, (1, graph.num_spins), generator=rng, dtype=torch.int8)
    double = graph.to(torch.device("cpu"), torch.float64)
    x = random_spins(1, graph.num_spins, hash_key(seed, "first candidate"))[0]
    energy = float(double.energy(x))
    rng = torch.Generator().manual_seed(hash_key(seed, "descent"))
    for _ in range(min(_GREEDY_PASSES, _GREEDY_WORK // (size + 1))):
        better = double.flip_delta(x) < 0
        trial = torch.where(better & (torch.rand(len(x), generator=rng) < 0.3), -x, x)
        lower = float(double.energy(trial))
        if lower < energy:
            x, energy = trial, lower
        elif not bool(better.any()):
            break
    return x[None]


def _size(graph: IsingGraph | SpinHypergraph) -> int:
    interactions = graph.num_couplings if isinstance(graph, IsingGraph) else graph.num_interactions
    return graph.num_spins + interactions


def search(
    best: Incumbent,
    seed: int,
    limit: float,
    steps: int | None,
    without: Sequence[str] = (),
    problem: Problem[Any] | None = None,
) -> None:
    """Look for better configurations and bounds until told to stop; all goes to ``best``.

    Args:
        best: what is known so far.
        seed: of all random bits.
        limit: seconds, ∞ for none: how much may be tried. Whoever waits for the search stops it.
        steps: rounds of the portfolio, None for as many as there is time for.
        without: members that get no turns.
        problem: whose own search takes its turns, if it has one.
    """
    if isinstance(best.graph, IsingGraph) and _size(best.graph) > _DESCENT_WATCHED:
        from graphar.solvers.search.descent import descend

        best.offer(descend(best.graph, best.spins, best.stop.is_set), "descent")
    seconds = LONGEST if math.isinf(limit) else SHARE * limit
    ground = _of_whole(best.graph, seconds)
    if ground is not None:
        best.offer(ground.spins, ground.method)
        best.raise_bound(ground.energy - ground.gap, ground.method)
        return
    if best.stop.is_set():
        return
    own = problem if problem is not None and problem.searches else None
    if own is not None and best.graph.num_spins > _AT_ONCE:  # even reductions take seconds
        _first_searches(best, own, seed)
    parts = Parts(best.graph)
    for part, given in zip(parts.parts, parts.inside(best.spins), strict=True):
        part.take(given, "start")
    best.offer(parts.whole(), "reductions")
    method = "reductions"
    for number, part in enumerate(parts.parts):
        if best.stop.is_set():
            return
        if part.graph.num_spins > _LARGE:  # exact methods take seconds to see that they do not fit
            key = hash_key(seed, "first", number) >> 1
            part.take(MEMBERS["annealing"](Bench(part, best.stop.is_set), FIRST_BUDGET, key, 0), "annealing")
            best.offer(parts.whole(), "annealing")
        ground = by_elimination(part.graph, seconds) or by_matching(part.graph, seconds)
        if ground is None:
            continue
        part.take(ground.spins, ground.method)
        part.bound, part.solved = ground.energy - ground.gap, True
        method = ground.method if part.graph.num_spins > 1 else method
    best.offer(parts.whole(), method)
    _raise(best, parts, method)
    hard = [part for part in parts.parts if not part.solved]
    if hard:
        if own is not None and best.graph.num_spins <= _AT_ONCE:
            _first_searches(best, own, seed)
        _rounds(best, parts, hard, seed, limit, steps, without, own)


def _of_whole(graph: IsingGraph | SpinHypergraph, seconds: float) -> GroundState | None:
    """Ground state by what needs a graph's places, or its interactions, as they are."""
    if isinstance(graph, IsingGraph):
        return by_matching(graph, seconds)
    return by_parities(graph) or by_elimination(graph, seconds)


def _first_searches(best: Incumbent, problem: Problem[Any], seed: int) -> None:
    """Turns of the problem's own search, as long as they are short for each spin."""
    turn = 0
    while not best.stop.is_set() and _OWN_SWEEPS << turn <= _FIRST_SWEEPS:
        _own_search(best, problem, seed, turn)
        turn += 1


def _own_search(best: Incumbent, problem: Problem[Any], seed: int, turn: int) -> None:
    """The problem's own search, twice as long each turn."""
    work = max(_OWN_BUDGET, _OWN_SWEEPS * best.graph.num_spins) << min(turn, _OWN_GROWTH)
    key = hash_key(seed, "own", turn) >> 1

    def tell(spins: torch.Tensor) -> None:
        best.offer(spins, "exchanges")

    tell(problem.improve(best.spins, key, work, best.stop.is_set, tell))


def _rounds(
    best: Incumbent,
    parts: Parts,
    hard: list[Part],
    seed: int,
    limit: float,
    steps: int | None,
    without: Sequence[str],
    own: Problem[Any] | None,
) -> None:
    """A round gives each member a turn, and then as many turns to those of most credit, or to tempering."""
    benches = [Bench(part, best.stop.is_set) for part in hard]
    credits: list[dict[str, float]] = [{} for _ in hard]
    longest = _GROWTH if math.isinf(limit) else int(np.clip(math.log2(max(1.0, limit / _SHORTEST)), 0, _GROWTH))
    late = int(best.graph.num_spins > _AT_ONCE)  # the portfolio takes seconds, and comes after three turns of its own
    turn = 0
    while (steps is None or turn < steps) and not best.stop.is_set():
        budget = FIRST_BUDGET << min(turn, longest)
        if own is not None:
            _own_search(best, own, seed, turn + _OWN_FIRST)
            for bench, given in zip(benches, parts.inside_of(best.spins, hard), strict=True):
                bench.part.take(given, "exchanges")
            if (turn + late) % _OWN_EVERY:
                turn += 1
                continue
        for number, (bench, credit) in enumerate(zip(benches, credits, strict=True)):
            names = [name for name in members_of(bench.graph, turn) if name not in without]
            for place in range(len(names) if turn == 0 else 2 * len(names)):
                if best.stop.is_set():
                    return
                name = names[place] if place < len(names) else _next(bench, names, credit, place)
                key = hash_key(seed, f"{name}, {number}, {place}", turn) >> 1
                found = MEMBERS[name](bench, budget, key, turn + place)
                better = bench.part.take(found, name)
                credit[name] = _MEMORY * credit.get(name, 0.0) + (1.0 if better else 0.1 * bench.part.promising)
                if bool((bench.graph.energy(found) <= bench.part.energies[0] + bench.part.tolerance).any()):
                    best.offer(parts.whole(bench.part, 64), name)
        turn += 1
        if turn in _BOUND_SHARES:
            _look_for_bounds(best, parts, hard, _BOUND_SHARES[turn] * limit)


def _next(bench: Bench, names: list[str], credit: dict[str, float], place: int) -> str:
    """The member that found most lately; where none did, the one that has the pool to start from.

    Every other turn is tempering's where clusters span the graph: what it finds comes late, and is the lowest.
    """
    if place % 2 and "tempering" in names and not bench.clustered:
        return "tempering"
    return max(names, key=lambda name: (round(credit.get(name, 0.0), 2), name == "reheating"))


def _look_for_bounds(best: Incumbent, parts: Parts, hard: list[Part], most: float) -> None:
    for part in hard:
        seconds = min(_BOUND_LONGEST, max(1.0, best.seconds), most) / len(hard)
        if best.stop.is_set():
            return
        lowest = float(part.energies[0])
        found = lower_bound(part.graph, time_limit=seconds, target=lowest)
        part.bound = max(part.bound, found.value)
        _raise(best, parts, found.method)


def _raise(best: Incumbent, parts: Parts, method: str) -> None:
    """The bound of the parts as one of the whole, rounded up to what its energies may be."""
    bound = parts.bound
    if best.ladder is not None:
        offset = float(best.graph.offset.item())
        bound = max(bound, sum_down([best.ladder.up(sum_down([bound, -offset])), offset]))
    best.raise_bound(bound, method)
