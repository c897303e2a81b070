r"""Samplers side by side for the same time: what their chains are worth, by energy and by overlap.

.. math:: n_\text{eff} = \frac{n}{\tau}, \qquad q = \frac{1}{N} \sum_i x_i x'_i

The overlap q of pairs of replicas sees what the energy may not: chains that stay in valleys of their own.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from graphar._support.checks import check_count, check_positive
from graphar._support.interrupt import finish_step_first
from graphar._support.seeds import check_seed
from graphar.comparison.sampler_result import SamplerComparison, measure
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.hamiltonians.kinds import check_hamiltonian
from graphar.models.distribution import Distribution, check_distribution
from graphar.montecarlo.base import Sampler
from graphar.montecarlo.chains import Chains
from graphar.montecarlo.metropolis_sampler import Metropolis
from graphar.montecarlo.neural import IndependenceMetropolis
from graphar.montecarlo.sampling import sample
from graphar.montecarlo.single_spin import HeatBath
from graphar.montecarlo.subgraphs import SubgraphHeatBath
from graphar.montecarlo.tempered import Tempering
from graphar.montecarlo.tempering import parallel_tempering

__all__ = ["compare_samplers"]

Result = Chains | Tempering
Runner = Callable[..., Result]

MOST_KEPT = 1000  # configurations of a replica
LEAST, MOST = 16, 2**24  # sweeps of a run
TRIAL = 0.05  # of the seconds that a trial must take to tell the pace
WIDTH = 4  # of the subgraphs that are drawn by default
HOTTEST = 0.2  # β at the hot end of a ladder, unless the cold one is less than twice it


def compare_samplers(
    graph: IsingGraph | SpinHypergraph,
    beta: float,
    seconds: float = 10.0,
    samplers: Mapping[str, Any] | None = None,
    *,
    q: Distribution | None = None,
    replicas: int = 64,
    seed: int = 0,
    progress: bool = True,
) -> SamplerComparison:
    r"""Run several samplers on a graph for about the same time, and tell what their samples are worth.

    .. math:: \text{effective samples a second} = \frac{n / \tau}{\text{seconds}}

    Half of each run is burn-in, which does not count. The number of sweeps is found by trials, so that results depend
    on the machine; they are single measurements. A chain that has not mixed, as R̂ above 1.1 tells, has a τ and a number
    of effective samples that mean nothing. Ctrl-C ends the comparison and returns the samplers that are done.

    Reference: `Sokal 1997 <https://doi.org/10.1007/978-1-4899-0319-8_6>`_,
    `Vehtari et al. 2021 <https://arxiv.org/abs/1903.08008>`_.

    Args:
        graph: couplings, or interactions of any numbers of spins, and fields.
        beta: inverse temperature β > 0 of the samples.
        seconds: for each sampler.
        samplers: what is compared, by name: a sampler of the graph, a class of them, or a function of the keyword
            arguments ``sweeps``, ``keep``, ``replicas`` and ``seed`` that returns ``Chains`` or a ``Tempering`` whose
            last β is ``beta``. By default Metropolis, heat bath, subgraph heat bath, and tempering without and with
            clusters, of √N temperatures; the latter and subgraphs where there are pairs alone.
        q: a model at an inverse temperature; independence Metropolis from it, with ten sweeps of heat bath after each
            proposal, is then compared too. Its training is not in the time.
        replicas: configurations side by side, at least 4; in tempering, those at all temperatures together.
        seed: of all samples.
        progress: whether to show a progress bar.

    Returns:
        A record for each; printed, a table; ``plot()`` makes a picture.

    Raises:
        ValueError: an argument breaks its rule, or a function returns something else than chains.

    >>> import graphar as ga
    >>> graph = ga.grid((4, 4), couplings="pm1", seed=1)
    >>> some = {"heat bath": ga.montecarlo.HeatBath, "subgraphs": ga.montecarlo.SubgraphHeatBath}
    >>> result = compare_samplers(graph, 0.5, seconds=0.2, samplers=some, progress=False)
    >>> [record.name for record in result.records]
    ['heat bath', 'subgraphs']
    """
    check_hamiltonian(graph, alone=True)
    beta, seconds = check_positive(beta, "beta"), check_positive(seconds, "seconds")
    replicas, seed = check_count(replicas, "replicas", 4), check_seed(seed)
    if samplers is not None and (not isinstance(samplers, Mapping) or not samplers):
        raise ValueError(f"samplers must hold samplers by name, got {samplers!r}")
    runners = _defaults(graph, beta) if samplers is None else {}
    for name, entry in ({} if samplers is None else samplers).items():
        runners[str(name)] = _runner(graph, beta, str(name), entry)
    if q is not None:
        if check_distribution(q).graph.num_spins != graph.num_spins:
            raise ValueError(f"q must be of {graph.num_spins} spins, got a model of {q.graph.num_spins}")
        runners["independence Metropolis"] = _of_sampler(IndependenceMetropolis(q, between=HeatBath, sweeps=10), beta)
    result = SamplerComparison(graph, beta, seconds)
    with finish_step_first() as stop:
        for name, runner in _bar(runners, progress):
            found = _run(name, runner, seconds, replicas, seed)
            result.interrupted = stop.requested or found.interrupted
            if result.interrupted:
                break
            result.records.append(measure(name, found, beta))
    return result


def _run(name: str, runner: Runner, seconds: float, replicas: int, seed: int) -> Result:
    """A run of about so many seconds, or the one that Ctrl-C ended."""
    sweeps, took = LEAST, 0.0
    for number in itertools.count():
        started = time.perf_counter()
        trial = runner(sweeps=sweeps, keep=4, replicas=replicas, seed=seed)
        took = time.perf_counter() - started
        if not isinstance(trial, Chains | Tempering):
            raise ValueError(f"samplers must return Chains or Tempering, got {type(trial).__name__} of {name!r}")
        if trial.interrupted:
            return trial
        if number and (took > TRIAL * seconds or sweeps >= MOST):  # the first trial compiles loops
            break
        sweeps *= 2 if number else 1
    sweeps = min(MOST, max(LEAST, int(sweeps * seconds / took)))
    return runner(sweeps=sweeps, keep=min(MOST_KEPT, sweeps // 4), replicas=replicas, seed=seed)


def _defaults(graph: IsingGraph | SpinHypergraph, beta: float) -> dict[str, Runner]:
    size = max(2, round(math.sqrt(graph.num_spins)))
    ladder = np.geomspace(min(HOTTEST, beta / 2), beta, size)
    found = {
        "Metropolis": _of_sampler(Metropolis(graph), beta),
        "heat bath": _of_sampler(HeatBath(graph), beta),
    }
    pairs = isinstance(graph, IsingGraph)
    if pairs:
        found["subgraph heat bath"] = _of_sampler(SubgraphHeatBath(graph, width=WIDTH), beta)
    found["tempering"] = _of_tempering(graph, ladder, False)
    if pairs:
        found["tempering, clusters"] = _of_tempering(graph, ladder, True)
    return found


def _runner(graph: Any, beta: float, name: str, entry: Any) -> Runner:
    if isinstance(entry, type) and issubclass(entry, Sampler):
        entry = entry(graph)
    if isinstance(entry, Sampler):
        if entry.num_spins != graph.num_spins:
            raise ValueError(f"samplers must be of {graph.num_spins} spins, got {entry.num_spins} of {name!r}")
        return _of_sampler(entry, beta)
    if not callable(entry):
        raise ValueError(f"samplers must be samplers, classes of them or functions, got {entry!r} of {name!r}")
    made: Runner = entry
    return made


def _of_sampler(sampler: Sampler, beta: float) -> Runner:
    def run(sweeps: int, keep: int, replicas: int, seed: int) -> Result:
        return sample(sampler, beta, sweeps, replicas, seed, keep=keep, progress=False)

    return run


def _of_tempering(graph: IsingGraph | SpinHypergraph, ladder: np.ndarray, clusters: bool) -> Runner:
    def run(sweeps: int, keep: int, replicas: int, seed: int) -> Result:
        systems = max(4, replicas // len(ladder))
        return parallel_tempering(graph, ladder, sweeps, systems, seed, clusters=clusters, keep=keep, progress=False)

    return run


def _bar(runners: dict[str, Runner], show: bool) -> Iterator[tuple[str, Runner]]:
    from tqdm.auto import tqdm

    with tqdm(runners.items(), disable=not show, unit="sampler", leave=None, dynamic_ncols=True) as bar:
        for name, runner in bar:
            bar.set_description(name)
            yield name, runner
