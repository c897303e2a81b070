r"""Parallel tempering: replicas at many β that exchange them, so that cold ones get out of valleys by way of hot ones.

Neighbouring β are swapped with probability min(1, exp(ΔβΔE)), which leaves the product of their Boltzmann distributions
as it is (K. Hukushima and K. Nemoto, `J. Phys. Soc. Jpn. 65, 1604 (1996) <https://doi.org/10.1143/JPSJ.65.1604>`_).
Two replicas of one β may exchange clusters of the sites where they differ, which changes both energies but not their
sum (J. Houdayer, `Eur. Phys. J. B 22, 479 (2001) <https://doi.org/10.1007/PL00011151>`_): that helps as long as such
clusters do not span the graph, in two dimensions and on graphs of few neighbours.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from graphar._support.checks import check_count, check_flag
from graphar._support.seeds import check_seed
from graphar.exact.scale import check_scale
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.montecarlo.annealing import read_schedule
from graphar.montecarlo.base import MAX_STEPS
from graphar.montecarlo.chains import TIMES
from graphar.montecarlo.shares import joined_by
from graphar.montecarlo.single_spin import HeatBath, SingleSpin
from graphar.montecarlo.systems import Systems
from graphar.montecarlo.tempered import Tempering
from graphar.montecarlo.watch import CHUNK, watched

__all__ = ["has_clusters", "parallel_tempering"]

_FEW_NEIGHBOURS = 4.5  # mean degree up to which clusters of half the sites do not span most graphs


def parallel_tempering(
    graph: IsingGraph | SpinHypergraph,
    betas: Any,
    sweeps: int = 1000,
    replicas: int = 4,
    seed: int = 0,
    *,
    sampler: type[SingleSpin] | SingleSpin = HeatBath,
    exchange_every: int = 1,
    clusters: bool | None = None,
    burn_in: int | None = None,
    keep: int = 10,
    spins: Any = None,
    time_limit: float | None = None,
    progress: bool = True,
) -> Tempering:
    r"""Boltzmann samples at many β at once, by replicas that swap them.

    .. math:: P(\text{swap}) = \min(1, e^{(\beta' - \beta)(E' - E)})

    References: `J. Phys. Soc. Jpn. 65, 1604 (1996) <https://doi.org/10.1143/JPSJ.65.1604>`_; clusters,
    `Eur. Phys. J. B 22, 479 (2001) <https://doi.org/10.1007/PL00011151>`_.

    Args:
        graph: couplings, or interactions of any numbers of spins, and fields.
        betas: inverse temperatures β ≥ 0, rising, close enough for ``swap_rate`` to be 0.2 or more everywhere.
        sweeps: of every configuration, in all.
        replicas: independent systems R, each with a configuration at every β.
        seed: of all random bits. Results do not depend on the number of threads.
        sampler: what sweeps, ``ga.montecarlo.HeatBath`` or ``Metropolis``, or one already made of the graph.
        exchange_every: sweeps between two exchanges.
        clusters: whether replicas also exchange clusters, which takes two of them; by default on graphs of at most 4.5
            neighbours on average, where there are two replicas or more.
        burn_in: sweeps before the first measurement; half of all by default.
        keep: configurations to keep of each replica at each β.
        spins: to start from, ±1, shape (N,) or (R, N) at every β, or (T, R, N); random ones by default.
        time_limit: seconds after which to stop with what there is; none by default. Ctrl-C does the same.
        progress: whether to show a progress bar once a second has passed.

    Returns:
        ``.spins[k]`` kept at ``betas[k]``, energies, swap rates, round trips, autocorrelation times, R̂, and the
        configuration of lowest energy that was met.

    Raises:
        ValueError: an argument breaks its rule.

    >>> import graphar as ga
    >>> graph = ga.grid((8, 8), couplings="gaussian", seed=1)
    >>> result = parallel_tempering(graph, ga.linear(0.2, 2.0, 10), sweeps=500, seed=0)
    >>> abs(result.best_energy - ga.exact.ground_state(graph).energy) < 1e-9
    True
    """
    chain = _sampler(sampler, graph)
    ladder = _rising(betas)
    check_scale(chain.graph, ladder[-1])
    sweeps, every = check_count(sweeps, "sweeps"), check_count(exchange_every, "exchange_every")
    replicas, keep, seed = check_count(replicas, "replicas"), check_count(keep, "keep"), check_seed(seed)
    rounds = sweeps // every
    if not rounds:
        raise ValueError(f"exchange_every must be at most the number of sweeps, {sweeps}, got {exchange_every}")
    if sweeps > MAX_STEPS:
        raise ValueError(f"sweeps must not exceed {MAX_STEPS} for one seed, got {sweeps}")
    first = rounds // 2 if burn_in is None else -(-check_count(burn_in, "burn_in", 0) // every)
    if rounds - first < keep:
        raise ValueError(f"keep must be at most the exchanges after burn_in, {rounds - first}, got {keep}")
    stride = max(1, min((rounds - first) // TIMES, (rounds - first) // keep))
    interval = (rounds - first) // keep // stride * stride
    first = rounds - keep * interval
    with_clusters = _wanted(clusters, chain.graph, replicas)
    group = joined_by(
        chain, betas=ladder, sweeps=[sweeps, every, first, keep], replicas=replicas, seed=seed, clusters=with_clusters,
        spins=spins,
    )  # fmt: skip
    systems = Systems(chain, ladder, replicas, seed, every, with_clusters, spins, group)
    chunk = max(1, CHUNK // (systems.size * every) // stride) * stride
    kept, seen = [], []
    with watched(rounds * every, time_limit, progress, "parallel tempering", group) as watch:
        for stop in range(first, rounds + 1, interval):
            while watch.done < stop * every and watch.goes_on():
                if watch.done == first * every:
                    systems.forget()
                count = min(chunk, stop - watch.done // every)
                energies = systems.advance(watch.done, count)
                if stop > first:
                    seen.append(energies[stride - 1 :: stride])
                watch.add(count * every, f"lowest {systems.best_energy:g}")
            if watch.done == stop * every and stop > first:
                kept.append(systems.spins())
    own = torch.stack(kept or [systems.spins()], dim=2)
    samples, energy = systems.of_all(own, 1), systems.of_all(chain.graph.energy(own), 1)
    series = systems.of_all(torch.from_numpy(np.concatenate(seen)).permute(1, 2, 0), 1) if seen else energy
    return systems.result(samples, energy, series, stride * every, min(first * every, watch.done), watch)


def _sampler(sampler: Any, graph: Any) -> SingleSpin:
    if isinstance(sampler, type) and issubclass(sampler, SingleSpin):
        return sampler(graph)
    if not isinstance(sampler, SingleSpin):
        raise ValueError(f"sampler must be HeatBath or Metropolis, or one of them made of the graph, got {sampler!r}")
    if sampler.num_spins != graph.num_spins:
        raise ValueError(f"sampler must be of the graph's {graph.num_spins} spins, got one of {sampler.num_spins}")
    return sampler


def _rising(betas: Any) -> list[float]:
    ladder = list(read_schedule(betas, "betas"))
    for k in range(len(ladder) - 1):
        if not ladder[k] < ladder[k + 1]:
            raise ValueError(f"betas must rise, got {ladder[k]} before {ladder[k + 1]}")
    return ladder


def _wanted(clusters: Any, graph: IsingGraph | SpinHypergraph, replicas: int) -> bool:
    if clusters is not None:
        if check_flag(clusters, "clusters") and replicas < 2:
            raise ValueError(f"clusters needs at least 2 replicas, got {replicas}")
        return bool(clusters)
    return replicas > 1 and has_clusters(graph)


def has_clusters(graph: IsingGraph | SpinHypergraph) -> bool:
    """Whether clusters on which two configurations differ do not span the graph: it has few neighbours on average."""
    return isinstance(graph, IsingGraph) and 2 * graph.num_couplings <= _FEW_NEIGHBOURS * graph.num_spins
