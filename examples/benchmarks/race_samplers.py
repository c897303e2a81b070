"""Runs of other solvers: each gives an iterator of configurations of a graph, (M, N), for as long as it is asked.

Models are made when the function is called, before the clock starts; all else when configurations are asked for.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

import graphar as ga

AT_LEAST = 0.05  # seconds of a call: more reads go into one where they are faster
Found = Iterator[np.ndarray]


def pairs_of(made: Any) -> ga.IsingGraph:
    """Pairs alone: of many-body interactions with ancillas after the N spins."""
    graph = made.graph if isinstance(made, ga.problems.Problem) else made
    return graph.to_pairwise().graph if isinstance(graph, ga.SpinHypergraph) else graph


def in_order(found: Any, graph: Any) -> np.ndarray:
    """Spins of a dimod SampleSet in the order of sites, the first N."""
    places = np.argsort(np.asarray(found.variables))
    return found.record.sample[:, places][:, : getattr(graph, "graph", graph).num_spins].astype(np.int8)


def again(call: Callable[[int, int], np.ndarray], seed: int) -> Found:
    """Calls with other seeds, of more reads where one takes a moment."""
    reads, turn = 1, 0
    while True:
        start = time.monotonic()
        yield call(reads, (seed * 1_000_003 + turn) % 2**31)
        reads, turn = reads * (1 + (time.monotonic() - start < AT_LEAST)), turn + 1


def annealing(made: Any, sweeps: int, seed: int, seconds: float) -> Found:
    from dwave.samplers import SimulatedAnnealingSampler

    sampler, model = SimulatedAnnealingSampler(), pairs_of(made).to_dimod()
    betas = sampler.sample(model, num_reads=1, num_sweeps=1).info["beta_range"]  # once: it takes longer than sweeps
    options = {"num_sweeps": sweeps, "beta_range": betas}
    return again(lambda n, s: in_order(sampler.sample(model, num_reads=n, seed=s, **options), made), seed)


def tabu(made: Any, share: float, seed: int, seconds: float) -> Found:
    from dwave.samplers import TabuSampler

    model, timeout = pairs_of(made).to_dimod(), int(1000 * share * seconds)
    options = {"num_reads": 1, "timeout": max(20, timeout)}
    return again(lambda n, s: in_order(TabuSampler().sample(model, seed=s, **options), made), seed)


def descent(made: Any, sparse: bool, seed: int, seconds: float) -> Found:
    from dwave.samplers import SteepestDescentSampler

    model, options = pairs_of(made).to_dimod(), {"large_sparse_opt": sparse}
    sampler = SteepestDescentSampler()
    return again(lambda n, s: in_order(sampler.sample(model, num_reads=n, seed=s, **options), made), seed)


def tree_decomposition(made: Any, _: None, seed: int, seconds: float) -> Found:
    from dwave.samplers import TreeDecompositionSolver

    model = pairs_of(made).to_dimod()
    return (in_order(TreeDecompositionSolver().sample(model), made) for _ in range(1))


def openjij(made: Any, sweeps: int, seed: int, seconds: float) -> Found:
    from openjij import SASampler

    sampler, options = SASampler(), {"num_sweeps": sweeps}
    if isinstance(made, ga.SpinHypergraph):
        members, orders = made.members()
        rows = torch.split(members, orders.tolist())
        terms = {tuple(row.tolist()): -float(J) for row, J in zip(rows, made.hyperedge_weight, strict=True)}
        call = lambda n, s: sampler.sample_hubo(terms, vartype="SPIN", num_reads=n, seed=s, **options)  # noqa: E731
    else:
        model, sparse = pairs_of(made).to_dimod(), pairs_of(made).num_spins > 400
        call = lambda n, s: sampler.sample(model, num_reads=n, seed=s, sparse=sparse, **options)  # noqa: E731
    return again(lambda n, s: in_order(call(n, s), made), seed)
