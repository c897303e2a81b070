"""Replicas divided among the processes of a run: each sweeps its own, with random bits of their own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from graphar._support.group import Group
from graphar._support.processes import joined
from graphar.models.agreement import agree_on_graph
from graphar.montecarlo.base import Info, Sampler, State

__all__ = ["advance", "joined_by", "own_share", "shared_step"]


def joined_by(chain: Sampler, **given: Any) -> Group:
    """The processes that share a run of a sampler, all of which were given the same.

    Raises:
        ValueError: what differs, or replicas of this sampler cannot be divided.
    """
    group = joined()
    if group.world > 1 and not chain.divisible:
        raise ValueError(
            f"sampler must be one whose replicas can be divided among {group.world} processes, got "
            f"{type(chain).__name__}; within ga.alone() each process runs its own"
        )
    settings = {name: value for name, value in vars(chain).items() if isinstance(value, str | int | float)}
    agree_on_graph(group, chain.graph, sampler=[type(chain).__name__, settings], **given)
    return group


def own_share(group: Group, chain: Sampler, state: State) -> State:
    """The replicas of this process, of a state of all of them."""
    if group.world == 1:
        return state
    own = group.share(state.replicas, unit=chain.unit(state.replicas))
    return replace(state, spins=state.spins[own.start : own.stop], first=own.start, whole=state.replicas)


def advance(chain: Sampler, state: State, betas: Any, sweeps: int, measure: int) -> tuple[State, Info]:
    """:meth:`Sampler.step`, of no replicas too; β as (1 or sweeps, 1 or those of all processes)."""
    if state.whole is None:
        return chain.step(state, betas, sweeps, measure=measure)
    if not state.replicas:
        nothing = torch.zeros(0, dtype=torch.float64)
        return replace(state, sweeps=state.sweeps + sweeps), Info(torch.zeros(measure, 0, dtype=torch.float64), nothing)
    betas = np.asarray(betas, np.float64)
    if betas.ndim == 2 and betas.shape[1] > 1:
        betas = betas[:, state.first : state.first + state.replicas]
    return chain.step(state, betas, sweeps, measure=measure)


def shared_step(group: Group, chain: Sampler, state: State, beta: float, sweeps: int) -> tuple[State, torch.Tensor]:
    """All replicas after some sweeps, of which each process does its share; and their energies, (R,)."""
    unit, count = chain.unit(state.replicas), state.replicas
    own, info = advance(chain, own_share(group, chain, state), beta, sweeps, 1)
    (spins, energy), _ = group.gather_samples([own.spins, info.energies[-1]], count, unit=unit)
    return replace(state, spins=spins, sweeps=own.sweeps), energy
