r"""log Z by whatever fits: exact methods, else tempering from β = 0 and models at each β, joined.

1. Exact where it is cheap: elimination, enumeration, planar graphs, tori, linear algebra over GF(2).
2. Tempering on a ladder from β = 0, where log Z = N log 2, by Bennett's acceptance ratio from rung to rung.
3. A population that is cooled once down that ladder, whose weights give log Z, and where tempering begins.
4. Models, whose log q is normalised: messages that need no training, and an annealed model with as many exact sites as
   the time allows. Each is joined to the replicas at its β by Bennett's acceptance ratio, which rests on no other β.
5. Tempering teaches the annealed model (its replicas are training samples), and the model tempering (its samples are
   moves of replicas).
6. All answers are averaged (:mod:`graphar.free_energies.combine`); what they differ by beyond their errors
   is part of the error.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from os import PathLike
from typing import Any, overload

import numpy as np

from graphar._support.checks import check_beta, check_flag, check_positive
from graphar._support.files import naming
from graphar._support.interrupt import finish_step_first
from graphar._support.processes import joined, naming_checkpoint
from graphar._support.seeds import check_seed, choose_first_seed
from graphar.estimators.estimate import Estimate
from graphar.exact.automatic import AVERAGES, cheapest_exact
from graphar.exact.scale import check_scale
from graphar.exact.side_by_side import narrow
from graphar.free_energies.clock import Clock
from graphar.free_energies.result import LogPartition, Opinion
from graphar.free_energies.search import Search
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.hamiltonians.disjoint import as_members
from graphar.hamiltonians.kinds import check_hamiltonian
from graphar.models.agreement import agree_on_graph

__all__ = ["log_partition"]

EXACT_SHARE = 0.5  # of the time that exact methods may be predicted to take
MAX_SPINS_EXACT = 20_000  # spins beyond which orders for elimination take too long to find
ROUNDING = 1e-12  # of log Z and energies by exact methods


@overload
def log_partition(
    graph: IsingGraph | SpinHypergraph,
    beta: float,
    time_limit: float = ...,
    seed: int = ...,
    *,
    error: float | None = ...,
    exact: bool = ...,
    models: bool = ...,
    checkpoint: str | PathLike[str] | None = ...,
    resume: str | PathLike[str] | None = ...,
    progress: bool = ...,
) -> LogPartition: ...
@overload
def log_partition(
    graph: Sequence[IsingGraph | SpinHypergraph],
    beta: float,
    time_limit: float = ...,
    seed: int = ...,
    *,
    error: float | None = ...,
    exact: bool = ...,
    models: bool = ...,
    checkpoint: None = ...,
    resume: None = ...,
    progress: bool = ...,
) -> tuple[LogPartition, ...]: ...
@overload
def log_partition(
    graph: Sequence[IsingGraph | SpinHypergraph],
    beta: Iterable[float],
    time_limit: float = ...,
    seed: int = ...,
    *,
    error: float | None = ...,
    exact: bool = ...,
    models: bool = ...,
    checkpoint: None = ...,
    resume: None = ...,
    progress: bool = ...,
) -> tuple[tuple[LogPartition, ...], ...]: ...
@overload
def log_partition(
    graph: IsingGraph | SpinHypergraph,
    beta: Iterable[float],
    time_limit: float = ...,
    seed: int = ...,
    *,
    error: float | None = ...,
    exact: bool = ...,
    models: bool = ...,
    checkpoint: str | PathLike[str] | None = ...,
    resume: str | PathLike[str] | None = ...,
    progress: bool = ...,
) -> tuple[LogPartition, ...]: ...
def log_partition(
    graph: Any,
    beta: Any,
    time_limit: float = 60.0,
    seed: int = 0,
    *,
    error: float | None = None,
    exact: bool = True,
    models: bool = True,
    checkpoint: str | PathLike[str] | None = None,
    resume: str | PathLike[str] | None = None,
    progress: bool = True,
) -> Any:
    r"""log Z, F, ⟨E⟩ and S at one β or several, with errors, by whichever methods fit the graph and the time.

    .. math:: Z = \sum_x e^{-\beta H(x)}, \quad F = -\log Z / \beta, \quad S = \beta \langle E \rangle + \log Z

    Exact where that is cheap; else tempering from β = 0 and models at each β, taught by each other, joined by Bennett's
    acceptance ratio. Errors contain what methods differ by, and what few independent samples cannot know.

    References: `Bennett 1976 <https://doi.org/10.1016/0021-9991(76)90078-4>`_, `Hukushima and Nemoto 1996
    <https://doi.org/10.1143/JPSJ.65.1604>`_, `DerSimonian and Laird 1986
    <https://doi.org/10.1016/0197-2456(86)90046-2>`_.

    Args:
        graph: the Hamiltonian; or a list or PyG batch of many. Narrow graphs of a list are eliminated side by side,
            which takes less than a thousandth of a second for each of 20 to 60 spins; the others follow one by one,
            number k by seed + k.
        beta: inverse temperature β ≥ 0, or several in any order.
        time_limit: seconds for each graph, above 0. Loading compiled loops for the first time comes on top.
        seed: of all random bits. How much is done depends on the time, and so do the last digits.
        error: standard error of log Z at which to stop before the time is over; none by default.
        exact: whether exact methods may answer. Without them the rest can be tested.
        models: whether models are used beside tempering, where there are 3 seconds or more.
        checkpoint: file for what tempering has measured, written about every minute and at the end; none where the
            answer is exact; of a single graph.
        resume: such a file, of the same graph, β and seed, to go on from for ``time_limit`` more seconds.
        progress: whether to show a progress bar.

    Returns:
        A :class:`~graphar.free_energies.LogPartition`; for a sequence of β a tuple of them, in its order. After Ctrl-C,
        the best so far. For a list of graphs, a tuple of what each of them gets; after Ctrl-C, of those begun.

    Raises:
        ValueError: β is negative or not finite, or there is none; time or error not positive, or too
            little time or memory for so large a graph; numbers that overflow; a
            file that is damaged or of another run.

    >>> import graphar as ga
    >>> found = log_partition(ga.grid((6, 6), couplings="pm1", seed=0), [0.5, 1.0])
    >>> found[1].method, found[1].log_partition.stderr < 1e-9
    ('exact: log Z by elimination', True)
    """
    members = as_members(graph)
    if members is not None:
        options = {"error": error, "exact": exact, "models": models, "progress": progress}
        for name, path in (("checkpoint", checkpoint), ("resume", resume)):
            if path is not None:
                raise ValueError(f"{name} must be None for a list of graphs, got {path}: take them in turn")
        return log_partition_of_each(members, beta, time_limit, seed, options)
    check_hamiltonian(graph, alone=True)
    graph.validate()
    one, betas = _betas(beta)
    limit, seed = check_positive(time_limit, "time_limit"), check_seed(seed)
    wanted = 0.0 if error is None else check_positive(error, "error")
    check_flag(exact, "exact")
    check_flag(models, "models")
    check_flag(progress, "progress")
    check_scale(graph, max(betas))
    group = joined()
    given = {"beta": betas, "time_limit": limit, "error": wanted, "exact": exact, "models": models}
    agree_on_graph(group, graph, seed=seed, resume=resume is not None, checkpoint=checkpoint is not None, **given)
    with naming_checkpoint(checkpoint), finish_step_first() as flag:
        clock = Clock(limit, flag)
        found = _trivial(graph, betas) or (_exact(graph, betas, clock) if exact and resume is None else None)
        if found is None:
            targets = sorted({b for b in betas if b > 0})
            search = Search(graph, targets, seed, clock, wanted, models, exact, progress, checkpoint, resume)
            sampled = search.run()
            free = _trivial(graph, [0.0]) or []
            table = {each.beta: each for each in (*sampled, *free)}
            found = [table[b] for b in betas]
    return found[0] if one else tuple(found)


def log_partition_of_each(
    graphs: list[Any], beta: Any, time_limit: float, seed: int, options: dict[str, Any]
) -> tuple[Any, ...]:
    """Of a list: what is narrow side by side, the rest one by one."""
    one, betas = _betas(beta)
    limit, first = check_positive(time_limit, "time_limit"), choose_first_seed(seed, None, "", len(graphs))
    for member, graph in enumerate(graphs):
        with naming(f"graph[{member}]"):
            check_hamiltonian(graph, alone=True)
            graph.validate()
            check_scale(graph, max(betas))
    found: dict[int, Any] = {}
    if check_flag(options["exact"], "exact"):
        pairs = [k for k, graph in enumerate(graphs) if isinstance(graph, IsingGraph) and graph.couplings.numel()]
        started = time.perf_counter()
        for members, together in narrow([graphs[k] for k in pairs], EXACT_SHARE * limit / len(betas) / AVERAGES):
            each = [[part.tolist() for part in together.log_partition(b)] for b in betas]
            seconds = (time.perf_counter() - started) / len(members)
            for place, member in enumerate(members):
                graph = graphs[pairs[member]]
                answers = [
                    _answer(graph, b, log_z[place], energy[place], "exact: log Z by elimination", seconds)
                    for b, (log_z, energy) in zip(betas, each, strict=True)
                ]
                found[pairs[member]] = answers[0] if one else tuple(answers)
            started = time.perf_counter()
    results = []
    for member, graph in enumerate(graphs):
        if member not in found:
            found[member] = log_partition(graph, beta if one else betas, limit, first + member, **options)
        results.append(found[member])
        if (results[-1] if one else results[-1][0]).interrupted:
            break
    return tuple(results)


def _betas(beta: Any) -> tuple[bool, list[float]]:
    """Whether one was given, and all of them."""
    one = np.ndim(beta) == 0 and not isinstance(beta, Iterable)
    found = [check_beta(b) for b in ([beta] if one else beta)]
    if not found:
        raise ValueError("beta must hold at least one inverse temperature, got none")
    return one, found


def _trivial(graph: IsingGraph | SpinHypergraph, betas: list[float]) -> list[LogPartition] | None:
    """Where spins are independent: at β = 0, and without couplings."""
    if graph.couplings.numel() and max(betas) > 0:
        return None
    h, found = graph.h.double().numpy(), []
    offset = float(graph.offset)
    for beta in betas:
        K = np.abs(beta * h)
        log_z = math.fsum(K + np.log1p(np.exp(-2 * K))) - beta * offset
        energy = offset - math.fsum(h * np.tanh(beta * h))
        found.append(_answer(graph, beta, log_z, energy, "exact: independent spins"))
    return found


def _exact(graph: IsingGraph | SpinHypergraph, betas: list[float], clock: Clock) -> list[LogPartition] | None:
    if graph.num_spins > MAX_SPINS_EXACT:
        return None
    found = cheapest_exact(graph, betas, seconds=EXACT_SHARE * clock.limit)
    if joined().any(found is None or found.energy is None):
        return None
    assert found is not None
    assert found.energy is not None
    return [
        _answer(graph, beta, float(log_z), float(energy), f"exact: {found.source}", clock.seconds)
        for beta, log_z, energy in zip(betas, found.log_partition, found.energy, strict=True)
    ]


def _answer(
    graph: IsingGraph | SpinHypergraph, beta: float, log_z: float, energy: float, method: str, seconds: float = 0.0
) -> LogPartition:
    of_z, of_energy = Estimate(log_z, ROUNDING * abs(log_z)), Estimate(energy, ROUNDING * abs(energy))
    entropy = beta * energy + log_z
    of_entropy = Estimate(entropy, math.hypot(of_z.stderr, beta * of_energy.stderr))
    opinion = Opinion(method, of_z)
    return LogPartition(beta, graph.num_spins, of_z, of_energy, of_entropy, method, (opinion,), seconds=seconds)
