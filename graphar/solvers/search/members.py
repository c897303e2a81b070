"""Members of the portfolio: each takes a part, a budget of work and a seed, and gives configurations of low energy.

A member does the same for the same part, budget, seed and turns before, on any number of threads. It looks between two
steps, of about a tenth of a second, whether it is to stop.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from graphar._support.seeds import hash_key
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.heads import Linear
from graphar.models.autoregressive import Autoregressive
from graphar.montecarlo.annealing import interpolate
from graphar.montecarlo.base import Sampler, random_spins
from graphar.montecarlo.tempering import has_clusters, parallel_tempering
from graphar.solvers.search.bench import Bench
from graphar.solvers.search.contraction import contract
from graphar.solvers.search.parts import Part
from graphar.training import anneal

__all__ = ["ALWAYS", "FIRST_BUDGET", "MEMBERS", "members_of"]

FIRST_BUDGET = 2**28
"""Spins and neighbours looked at in a turn of the first round: about a tenth of a second."""

_STEP = 2**28  # of the same, between two looks at whether to stop
_HOT, _COLD = 0.15, 5.0  # β of annealing times the typical field at a site
_ANNEALED = ((1.5, 8.0), (_HOT, 2 * _COLD), (_HOT, _COLD))  # in turn: heterogeneous couplings freeze later
_REHEATED = (1.7, 2.5, 3.5, 5.0)
_QUENCH = 40.0  # β of its last sweeps
_FEW_NEIGHBOURS = 8.0  # on average, up to which subgraphs of small width, and clusters that differ, are many
_MOST_SWEEPS = 2**17
_NEURAL_EVERY, _NEURAL_SPINS = 4, 2048  # rounds from one neural annealing to the next, and most spins of it
_LADDER, _COLDEST = (32, 4), 4  # temperatures and replicas, and temperatures whose configurations are told
_WARM = (0.8, 8.0)  # β from the first to the last, times the typical field
_CLUSTER_COST = 4  # of a sweep with Houdayer's moves, times one without
_ROWS = 4  # work of rows of floats in place of one of other members
_TEMPERED_EVERY = 2  # rounds from one tempering to the next: without it, no family measured is worse
_NEURAL_BATCH, _NEURAL_BETAS = 256, 40
_TABU_ROWS, _TABU_FLIPS = 8, 2**24  # configurations side by side, and most flips of each
_CHILDREN, _PARENTS = 8, (2, 3, 4, 6, 8, 12, 16)  # crossovers of a turn, and of how many parents


def _annealing(bench: Bench, budget: int, seed: int, turn: int) -> Tensor:
    """Simulated annealing of random configurations."""
    return _swept(bench, bench.metropolis, list(_ANNEALED[turn % 3]), bench.size, 128, bench.swept * budget, seed, None)


def _reheating(bench: Bench, budget: int, seed: int, turn: int) -> Tensor:
    """Simulated annealing of the elite from a middle temperature: what is better takes the place of what is near."""
    warm, spins = _REHEATED[turn % len(_REHEATED)], bench.part.pool.rows
    return _swept(bench, bench.metropolis, [warm, 8.0], bench.size, 128, bench.swept * budget, seed, spins)


def _re_solution(bench: Bench, budget: int, seed: int, turn: int) -> Tensor:
    """Optimal re-solution of large subgraphs of small width of the best configurations, the rest held.

    By exact draws so cold that they are of the lowest energy; ties fall at random, and lead on.
    """
    cost = (bench.size << bench.subgraphs.width) // 4
    warm = (_QUENCH, 0.5 * _COLD)[turn % 2]
    return _swept(bench, bench.subgraphs, [warm, _QUENCH], cost, 64, budget, seed, bench.elite(turn))


def _tempering(bench: Bench, budget: int, seed: int, turn: int) -> Tensor:
    """Parallel tempering that goes on from turn to turn; where there are few neighbours, every other with clusters."""
    clusters = bench.clustered and turn % 2 == 0
    cost = bench.size * math.prod(_LADDER) * (_CLUSTER_COST if clusters else 1)
    left = max(20, min(_MOST_SWEEPS, _ROWS * budget // cost))
    betas = np.geomspace(*_WARM, _LADDER[0]) * bench.unit
    found = [bench.part.rows[:1]]
    while left > 0 and not bench.stop():
        sweeps = max(10, min(_ROWS * _STEP // cost, left))
        key = hash_key(seed, "tempering", len(found)) >> 1
        result = parallel_tempering(
            bench.graph,
            betas,
            sweeps,
            _LADDER[1],
            key,
            sampler=bench.metropolis,
            clusters=clusters,
            keep=1,
            spins=bench.ladder,
            burn_in=0,
            progress=False,
        )
        bench.ladder, left = result.spins[:, :, -1], left - sweeps
        found += [result.best_spins[None], bench.ladder[-_COLDEST:].flatten(0, 1)]
    return torch.cat(found)


def _tabu(bench: Bench, budget: int, seed: int, turn: int) -> Tensor:
    """Tabu search from children of two elite configurations: what they agree on, and chance elsewhere."""
    n, pool = bench.graph.num_spins, bench.part.pool.rows
    rng = torch.Generator().manual_seed(seed)
    first, second = (pool[torch.randint(len(pool), (_TABU_ROWS,), generator=rng)] for _ in range(2))
    chance = random_spins(_TABU_ROWS, n, hash_key(seed, "children") >> 1)
    if bench.symmetric:
        second = torch.where((first * second).sum(1, dtype=torch.int64)[:, None] < 0, -second, second)
    starts = torch.where(first == second, first, chance)
    starts[0] = chance[0]  # and one from anywhere
    cost = 300 + n // 2 + 4 * bench.size // n  # of a flip
    flips = int(np.clip(2 * budget // (_TABU_ROWS * cost), 1000, _TABU_FLIPS))
    return bench.tabu.search(starts, flips, seed, bench.stop)


def _crossover(bench: Bench, budget: int, seed: int, turn: int) -> Tensor:
    """Annealing of the clusters on which some of the elite agree."""
    assert isinstance(bench.graph, IsingGraph)
    pool, rng = bench.part.pool.rows, np.random.default_rng(seed)
    found = [bench.part.rows[:1]]
    for child in range(_CHILDREN):
        parents = min(len(pool), _PARENTS[(child + turn) % len(_PARENTS)])
        if parents < 2 or bench.stop():
            break
        clusters = contract(bench.graph, pool[rng.permutation(len(pool))[:parents]])
        if clusters.graph.num_couplings == 0:
            continue
        inner = Bench(Part.of(clusters.graph), bench.stop)
        key = hash_key(seed, "child", child) >> 1
        share = min(2 * budget // _CHILDREN, inner.size << 18)
        spins = _swept(inner, inner.metropolis, [(0.5, 1.0, 1.5)[child % 3], 8.0], inner.size, 64, share, key, None)
        lowest = inner.graph.energy(spins).argsort(stable=True)[:4]
        found.append(clusters.lift(spins[lowest]))
    return torch.cat(found)


def _neural(bench: Bench, budget: int, seed: int, turn: int) -> Tensor:
    """Variational annealing of TwoBo's linear conditionals, as many sites exact as have a small width."""
    assert isinstance(bench.graph, IsingGraph)
    width = (10, 12, 14)[turn // _NEURAL_EVERY % 3]
    model = Autoregressive(bench.graph, Linear, exact_width=width, seed=seed)
    betas = np.geomspace(0.1, _COLD, _NEURAL_BETAS) * bench.unit
    per_step = _NEURAL_BATCH * bench.size * 12
    steps = int(np.clip(budget // (per_step * _NEURAL_BETAS), 2, 100))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of runs too short to meet their own best energy: expected here
        try:
            run = anneal(
                model,
                betas,
                steps,
                warmup=5 * steps,
                batch_size=_NEURAL_BATCH,
                seed=seed,
                learning_rate=1e-2,
                average=False,
                evaluate_samples=16,
                callbacks=[lambda run: bench.stop()],
                progress=False,
            )
        except ValueError:  # training diverged, which is no reason to end the search
            return bench.part.rows[:1]
    return run.best_spins[None]


def _swept(
    bench: Bench,
    sampler: Sampler,
    betas: list[float],
    cost: int,
    most: int,
    budget: int,
    seed: int,
    spins: Tensor | None,
) -> Tensor:
    """Where replicas are after sweeps along a schedule of β, the last ones cold."""
    replicas = bench.replicas(most)
    sweeps = int(np.clip(budget // (replicas * cost), 20, _MOST_SWEEPS))
    schedule = interpolate(betas, sweeps)
    schedule[-max(3, sweeps // 50) :] = _QUENCH
    schedule *= bench.unit
    if spins is not None:
        spins = spins[torch.arange(replicas) % len(spins)]
    state = sampler.init(replicas, seed=seed, spins=spins)
    step, done = max(1, _STEP // (replicas * cost)), 0
    while done < sweeps and not bench.stop():
        count = min(step, sweeps - done)
        state, _ = sampler.step(state, schedule[done : done + count, None], count, measure=0)
        done += count
    return state.spins


MEMBERS: dict[str, Callable[[Bench, int, int, int], Tensor]] = {
    "annealing": _annealing,
    "re-solution": _re_solution,
    "tempering": _tempering,
    "reheating": _reheating,
    "tabu": _tabu,
    "crossover": _crossover,
    "neural": _neural,
}


ALWAYS = ("annealing", "tabu", "reheating")
"""Members that take graphs of any structure."""


def members_of(graph: IsingGraph | SpinHypergraph, turn: int) -> list[str]:
    """Members by the structure of a graph, in their order: of few neighbours, of many, or of many-body interactions.

    Where there are many neighbours, what elites agree on is one large cluster, and tempering is behind annealing at
    equal work; a network is trained in a time that N limits, and only on sparse graphs.
    """
    if not isinstance(graph, IsingGraph):
        return [*ALWAYS, "tempering"]
    if 2 * graph.num_couplings > _FEW_NEIGHBOURS * graph.num_spins:
        return [*ALWAYS, "tempering"]
    sparse = ["annealing", "reheating", "crossover", "re-solution", "tabu"]
    few = has_clusters(graph)
    if not few or turn % _TEMPERED_EVERY == _TEMPERED_EVERY - 1:
        sparse.append("tempering")
    neural = few and turn % _NEURAL_EVERY == _NEURAL_EVERY - 1 and graph.num_spins <= _NEURAL_SPINS
    return [*sparse, "neural"] if neural else sparse
