"""Boltzmann samples at fixed β by each of the samplers, in one call."""

from __future__ import annotations

from typing import Any

from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.montecarlo.base import Sampler
from graphar.montecarlo.chains import Chains, run_chains
from graphar.montecarlo.metropolis_sampler import Metropolis
from graphar.montecarlo.single_spin import HeatBath

__all__ = ["heat_bath", "metropolis", "sample"]


def heat_bath(
    graph: IsingGraph | SpinHypergraph,
    beta: Any,
    sweeps: int = 1000,
    replicas: int = 64,
    seed: int = 0,
    *,
    order: str = "typewriter",
    burn_in: int | None = None,
    keep: int = 10,
    spins: Any = None,
    time_limit: float | None = None,
    progress: bool = True,
) -> Chains:
    r"""Boltzmann samples by heat-bath sweeps: every spin is drawn anew, given its neighbours.

    .. math:: P(x_i \mid \text{rest}) = \sigma(2 \beta x_i f_i)

    Args:
        graph: couplings, or interactions of any numbers of spins, and fields.
        beta: inverse temperature β ≥ 0, a number, or one for each replica, shape (R,).
        sweeps: in all, of N updates each.
        replicas: independent chains R; multiples of 64 use vector registers best.
        seed: of all random bits. Results do not depend on the number of threads.
        order: of the sites in a sweep, ``"typewriter"``, ``"coloured"`` or ``"random"``, see
            :class:`graphar.montecarlo.HeatBath`.
        burn_in: sweeps before the first measurement; half of all by default.
        keep: configurations of each replica to keep, at equal distances.
        spins: to start from, ±1, shape (N,) or (R, N); random ones by default.
        time_limit: seconds after which to stop with what there is; none by default. Ctrl-C does the same.
        progress: whether to show a progress bar once a second has passed.

    Returns:
        Configurations, energies, autocorrelation time, R̂.

    Raises:
        ValueError: an argument breaks its rule.

    >>> import graphar as ga
    >>> chains = heat_bath(ga.grid((8, 8), couplings="pm1", seed=1), beta=0.5, sweeps=200, seed=0)
    >>> chains.spins.shape, chains.r_hat < 1.01
    (torch.Size([64, 10, 64]), True)
    """
    return run_chains(
        HeatBath(graph, order=order),
        beta,
        sweeps,
        replicas,
        seed,
        burn_in=burn_in,
        keep=keep,
        spins=spins,
        time_limit=time_limit,
        progress=progress,
    )


def metropolis(
    graph: IsingGraph | SpinHypergraph,
    beta: Any,
    sweeps: int = 1000,
    replicas: int = 64,
    seed: int = 0,
    *,
    order: str = "typewriter",
    coding: str = "auto",
    burn_in: int | None = None,
    keep: int = 10,
    spins: Any = None,
    time_limit: float | None = None,
    progress: bool = True,
) -> Chains:
    r"""Boltzmann samples by Metropolis sweeps: flips made with probability 7/8 min(1, exp(−βΔH)).

    Args:
        coding: ``"auto"``, ``"rows"`` or ``"bits"``, see :class:`graphar.montecarlo.Metropolis`.

    All others, and the result, are those of :func:`heat_bath`.

    >>> import graphar as ga
    >>> metropolis(ga.chain(8, couplings="ferromagnet"), beta=[0.0, 5.0], sweeps=200, replicas=2)
    Chains(2 replicas of 8 spins, 200 sweeps, 10 kept of each, lowest energy -7)
    """
    return run_chains(
        Metropolis(graph, order=order, coding=coding),
        beta,
        sweeps,
        replicas,
        seed,
        burn_in=burn_in,
        keep=keep,
        spins=spins,
        time_limit=time_limit,
        progress=progress,
    )


def sample(
    sampler: Sampler,
    beta: Any,
    sweeps: int = 1000,
    replicas: int = 64,
    seed: int = 0,
    *,
    burn_in: int | None = None,
    keep: int = 10,
    spins: Any = None,
    time_limit: float | None = None,
    progress: bool = True,
) -> Chains:
    """Boltzmann samples by any sampler, made of a graph with settings of its own.

    Args:
        sampler: such as ``ga.montecarlo.Wolff(graph)`` or ``ga.montecarlo.SubgraphHeatBath(graph, width=4)``.

    All others, and the result, are those of :func:`heat_bath`; what a sweep is the sampler says.

    Raises:
        ValueError: an argument breaks its rule.

    >>> import graphar as ga
    >>> from graphar.montecarlo import SwendsenWang
    >>> magnet = ga.grid((16, 16), couplings="ferromagnet", periodic=True)
    >>> chains = sample(SwendsenWang(magnet), beta=0.44, sweeps=400, seed=0)
    >>> chains.autocorrelation_time < 10
    True
    """
    if not isinstance(sampler, Sampler):
        raise ValueError(f"sampler must be a sampler made of a graph, got {sampler!r}")
    return run_chains(
        sampler,
        beta,
        sweeps,
        replicas,
        seed,
        burn_in=burn_in,
        keep=keep,
        spins=spins,
        time_limit=time_limit,
        progress=progress,
    )
