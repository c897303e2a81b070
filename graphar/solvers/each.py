"""Lists of graphs and problems: narrow ones are eliminated side by side, the others solved in turn."""

from __future__ import annotations

import math
import time
from typing import Any

from graphar._support.checks import check_count
from graphar._support.files import naming
from graphar._support.seeds import choose_first_seed
from graphar.exact.ground_state import GroundState
from graphar.exact.scale import check_scale
from graphar.exact.side_by_side import ground_states_of_narrow
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.hamiltonians.kinds import check_hamiltonian
from graphar.montecarlo.watch import check_time_limit
from graphar.problems import Problem
from graphar.solvers.result import Solution
from graphar.solvers.search.incumbent import Improvement
from graphar.solvers.search.portfolio import LONGEST, SHARE

__all__ = ["solve_each"]


def solve_each(
    members: list[Any], time_limit: float | None, target: float | None, seed: int, options: dict[str, Any], solve: Any
) -> tuple[Solution, ...]:
    """A solution of each member: what is narrow side by side, the rest one by one, by ``solve``."""
    limit, first = check_time_limit(time_limit), choose_first_seed(seed, None, "", len(members))
    check_count(options["max_solutions"], "max_solutions")
    if options["steps"] is not None:
        check_count(options["steps"], "steps", 0)
    graphs = []
    for number, member in enumerate(members):
        with naming(f"graph[{number}]"):
            graph = check_hamiltonian(member.graph if isinstance(member, Problem) else member, alone=True)
            graph.validate()
            check_scale(graph, 0.0)
            graphs.append(graph.to_ising() if isinstance(graph, SpinHypergraph) and graph.order <= 2 else graph)
    started = time.monotonic()
    lowest = {} if target is not None else _narrow_ones(graphs, LONGEST if math.isinf(limit) else SHARE * limit)
    seconds = (time.monotonic() - started) / max(1, len(lowest))
    found = []
    for number, member in enumerate(members):
        if number in lowest:
            found.append(_proven(member, lowest[number], seconds))
        else:
            found.append(solve(member, time_limit, target, first + number, **options))
        if found[-1].reason == "interrupted":
            break
    return tuple(found)


def _narrow_ones(graphs: list[Any], seconds: float) -> dict[int, GroundState]:
    pairs = [k for k, graph in enumerate(graphs) if isinstance(graph, IsingGraph)]
    found = ground_states_of_narrow([graphs[k] for k in pairs], seconds)
    return {pairs[k]: ground for k, ground in found.items()}


def _proven(member: Any, ground: GroundState, seconds: float) -> Solution:
    """Of a ground state by elimination."""
    return Solution(
        spins=ground.spins,
        energy=ground.energy,
        bound=ground.energy,
        optimal=True,
        method=ground.method,
        bound_method=ground.method,
        history=(Improvement(seconds, ground.energy, ground.method),),
        solutions=ground.spins[None],
        seconds=seconds,
        reason="proof",
        problem=member if isinstance(member, Problem) else None,
    )
