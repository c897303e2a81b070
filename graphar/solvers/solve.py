"""The best configuration under a budget: exact methods where they fit, a portfolio of searches elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from os import PathLike
from typing import Any, overload

import numpy as np
import torch
from torch import Tensor

from graphar._support.checks import check_count, check_number, check_spins
from graphar._support.interrupt import finish_step_first
from graphar._support.seeds import check_seed
from graphar.exact.scale import check_scale
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.hamiltonians.disjoint import as_members
from graphar.hamiltonians.kinds import check_hamiltonian
from graphar.kernels.compiled.threads import torch_alone
from graphar.montecarlo.watch import check_time_limit
from graphar.problems import Problem
from graphar.problems.written import answer_text
from graphar.solvers.bounds.trivial import trivial_bound
from graphar.solvers.each import solve_each
from graphar.solvers.result import Solution
from graphar.solvers.search.incumbent import Incumbent
from graphar.solvers.search.members import ALWAYS, MEMBERS
from graphar.solvers.search.portfolio import first_candidate, search
from graphar.solvers.watcher import Progress, Watcher, write_text

__all__ = ["solve"]

_TICK = 0.02  # seconds between two looks at Ctrl-C and the clock
_MARGIN = 0.02  # seconds kept for the way home


@overload
def solve(
    graph: IsingGraph | SpinHypergraph | Problem[Any],
    time_limit: float | None = ...,
    target: float | None = ...,
    seed: int = ...,
    initial: Any = ...,
    callback: Callable[[Progress], Any] | None = ...,
    *,
    steps: int | None = ...,
    without: Sequence[str] = ...,
    max_solutions: int = ...,
    out: str | PathLike[str] | None = ...,
    progress: bool = ...,
) -> Solution: ...
@overload
def solve(
    graph: Sequence[IsingGraph | SpinHypergraph | Problem[Any]],
    time_limit: float | None = ...,
    target: float | None = ...,
    seed: int = ...,
    initial: None = ...,
    callback: None = ...,
    *,
    steps: int | None = ...,
    without: Sequence[str] = ...,
    max_solutions: int = ...,
    out: None = ...,
    progress: bool = ...,
) -> tuple[Solution, ...]: ...
def solve(
    graph: Any,
    time_limit: float | None = 60.0,
    target: float | None = None,
    seed: int = 0,
    initial: Any = None,
    callback: Callable[[Progress], Any] | None = None,
    *,
    steps: int | None = None,
    without: Sequence[str] = (),
    max_solutions: int = 16,
    out: str | PathLike[str] | None = None,
    progress: bool = True,
) -> Any:
    r"""A configuration of as low an energy as a time allows, with a bound, and a proof where there is one.

    .. math:: \min_x H(x) \le \text{energy}, \qquad \text{bound} \le \min_x H(x)

    What is planar or on a torus without fields goes to matching. Else the graph is reduced and split into components
    (:mod:`graphar.solvers.reductions`), and narrow ones are eliminated. What is left goes to rounds of a portfolio
    whose members share a pool of low configurations that differ: simulated annealing, of random configurations and of
    the pool; tabu search from crossovers (`Wu and Hao 2012 <https://doi.org/10.1007/978-3-642-32964-7_30>`_); on
    sparse graphs also annealing of the clusters on which parents agree
    (`Houdayer and Martin 2001 <https://doi.org/10.1103/PhysRevE.64.056704>`_), optimal re-solution of large subgraphs
    of small width (`Hamze and de Freitas 2004 <https://arxiv.org/abs/1207.4149>`_,
    `Selby 2014 <https://arxiv.org/abs/1409.3934>`_), tempering with clusters, and annealing of a network. Each has a
    turn a round, and those that found something lower have as many turns again; turns do twice the work every
    round, up to a share of the limit. Lower bounds are looked for between rounds.

    The search ends with a proof, at the target, at the time limit, after ``steps`` rounds, when the callback returns
    True, or with Ctrl-C, and always has a configuration. A limit of time is kept within 0.2 s + 2 %, also while
    compiled loops are loaded or made for the first time, which then goes on in another thread. Equal arguments,
    without a limit that is reached, give equal configurations on any number of threads; under a limit of time only the
    order of what is tried is the same.

    Args:
        graph: couplings and fields, a hypergraph, or a problem (:mod:`graphar.problems`); or a list of them, or a PyG
            batch. Narrow graphs of a list are eliminated side by side, in less than a thousandth of a second for each
            of 20 to 60 spins; the others follow one by one, number k by seed + k.
        time_limit: seconds ≥ 0 for each graph; None for no limit, where Ctrl-C ends it.
        target: an energy, or an objective of a problem, that is enough; for every member of a list.
        seed: of all random bits.
        initial: configurations to begin with, ±1, shape (N,) or (M, N), or an answer of the problem.
        callback: called with :class:`Progress` after improvements; where they come fast, with the last alone.
        steps: rounds of the portfolio; as many as there is time for by default.
        without: members of the portfolio that are left out, to see what each is worth: ``"annealing"``,
            ``"reheating"``, ``"tabu"``, ``"crossover"``, ``"re-solution"``, ``"tempering"``, ``"neural"``; one of the
            first three has to stay.
        max_solutions: different configurations of the lowest energy that are kept.
        out: a file that gets the spins, one a line, after each improvement, whole or not at all; of a problem, the
            answer as :meth:`graphar.problems.Problem.read_answer` reads it, once it is feasible, and at the end.
        progress: whether to show a bar with best, bound and gap.

    Returns:
        The best configuration and what is known of it; see :class:`Solution`. Of a list, a tuple of them; after Ctrl-C,
        of those begun.

    Raises:
        ValueError: a batch of several graphs, numbers that are not finite, an argument that breaks its rule.

    >>> import graphar as ga
    >>> found = solve(ga.grid((12, 12), couplings="pm1", field=0.5, seed=1), time_limit=10, progress=False)
    >>> found.energy, found.optimal, found.method
    (-205.0, True, 'elimination')
    """
    members = as_members(graph)
    if members is not None:
        for name, value in (("initial", initial), ("callback", callback), ("out", out)):
            if value is not None:
                raise ValueError(f"{name} must be None for a list of graphs, got {value!r}: take them in turn")
        options = {"steps": steps, "without": _members(without), "max_solutions": max_solutions, "progress": progress}
        return solve_each(members, time_limit, target, seed, options, solve)
    start = time.monotonic()
    problem = graph if isinstance(graph, Problem) else None
    given = check_hamiltonian(graph if problem is None else problem.graph, alone=True)
    limit, seed = check_time_limit(time_limit), check_seed(seed)
    enough = -np.inf if target is None else _target(problem, target)
    count = None if steps is None else check_count(steps, "steps", 0)
    left_out = _members(without)
    if callback is not None and not callable(callback):
        raise ValueError(f"callback must be a function of Progress, or None, got {callback!r}")
    with torch_alone():  # too little work for barriers, which take seconds on a machine that others use
        given.validate()
        check_scale(given, 0.0)
        whole = given.to_ising() if isinstance(given, SpinHypergraph) and given.order <= 2 else given
        first = first_candidate(whole, _initial(problem, whole.num_spins, initial), seed)
        best = Incumbent(whole, enough, check_count(max_solutions, "max_solutions"), start)
        best.offer(first, "start" if initial is None else "initial")
        best.raise_bound(trivial_bound(best.graph), "trivial")
    failed: list[BaseException] = []

    def work() -> None:
        try:
            with torch.no_grad():
                search(best, seed, limit, count, left_out, problem)
        except BaseException as error:
            failed.append(error)
        finally:
            best.changed.set()

    thread = threading.Thread(target=work, name="graphar solve")
    watcher = Watcher(best, problem, callback, out, progress)
    with finish_step_first() as flag, watcher:
        watcher.tell()
        if not best.stop.is_set() and not watcher.stopped and best.seconds < limit - _MARGIN:
            thread.start()
            while thread.is_alive() and not (best.stop.is_set() or flag.requested or watcher.stopped):
                left = limit - _MARGIN - best.seconds
                if left <= 0:
                    break
                if best.changed.wait(min(_TICK, left)):
                    watcher.tell()
                elif not thread.is_alive():
                    break
    alive = thread.is_alive()
    solutions = best.close()
    watcher.tell()
    if failed:
        raise failed[0]
    reason = _reason(best, flag.requested, watcher.stopped, alive or thread.ident is None, count)
    found = Solution(
        spins=best.spins,
        energy=best.energy,
        bound=min(best.bound, best.energy),
        optimal=best.proven,
        method=best.history[-1].method,
        bound_method=best.bound_method,
        history=tuple(best.history),
        solutions=solutions,
        seconds=best.seconds,
        reason=reason,
        problem=problem,
    )
    if out is not None and problem is not None:
        write_text(out, answer_text(problem, found.answer))
    return found


def _reason(best: Incumbent, interrupted: bool, stopped: bool, unfinished: bool, steps: int | None) -> str:
    if best.proven:
        return "proof"
    if best.energy <= best.target + best.tolerance:
        return "target"
    if interrupted:
        return "interrupted"
    if stopped:
        return "callback"
    return "time" if unfinished or steps is None else "steps"


def _members(without: Any) -> list[str]:
    """Names of members that are left out."""
    if not isinstance(without, Iterable):
        raise ValueError(f"without must be a list of names of members, got {without!r}")
    names = [without] if isinstance(without, str) else list(without)
    for name in names:
        if name not in MEMBERS:
            raise ValueError(f"without must name members of {', '.join(map(repr, MEMBERS))}, got {name!r}")
    if set(ALWAYS) <= set(names):
        raise ValueError(f"without must leave one of {', '.join(map(repr, ALWAYS))}, got {names}")
    return names


def _target(problem: Problem[Any] | None, target: Any) -> float:
    """The energy that is enough."""
    value = check_number(target, "target")
    return value if problem is None else problem.energy_of(value)


def _initial(problem: Problem[Any] | None, num_spins: int, initial: Any) -> Tensor | None:
    """Configurations to begin with, (M, N)."""
    if initial is None:
        return None
    if problem is not None and not isinstance(initial, Tensor | np.ndarray):
        initial = problem.encode(initial)
    spins = check_spins(initial, num_spins, "initial").detach().cpu().to(torch.int8)
    if spins.dim() > 2 or not len(spins):
        raise ValueError(f"initial must have shape ({num_spins},) or (M, {num_spins}), got {tuple(spins.shape)}")
    return spins.reshape(-1, num_spins)
