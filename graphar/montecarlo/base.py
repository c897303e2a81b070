"""What all samplers have in common: ``init`` makes a state, ``step`` makes the next one and says what happened.

A state is spins and a count. Random bits follow from the seed, the replica, the step and the site alone, so that equal
states give equal steps on any number of threads, and a state may go from one sampler to another.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from graphar._support.checks import as_float_tensor, check_count, check_spins
from graphar._support.group import BLOCK
from graphar._support.seeds import check_seed, hash_key
from graphar.exact.scale import check_scale
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.hamiltonians.kinds import check_hamiltonian
from graphar.kernels.random_bits import words

__all__ = ["MAX_STEPS", "Info", "Replicas", "Sampler", "State", "random_spins"]

MAX_STEPS = 2**32 - 1
"""Sweeps that a seed has random bits for."""


@dataclass(frozen=True, eq=False)
class State:
    """Where the replicas of a Markov chain are.

    Attributes:
        spins: ±1, int8, shape (R, N), where their sampler runs.
        seed: of all random bits.
        sweeps: done so far.
        first: number of the first replica, where other processes have those before it.
        whole: replicas of all processes, None where these are all.
    """

    spins: Tensor
    seed: int
    sweeps: int
    first: int = 0
    whole: int | None = None

    @property
    def replicas(self) -> int:
        """R."""
        return len(self.spins)

    def __repr__(self) -> str:
        replicas, n = self.spins.shape
        return f"State({replicas} replica{'s' * (replicas != 1)} of {n} spins after {self.sweeps} sweeps)"


@dataclass(frozen=True, eq=False)
class Info:
    """What happened in the sweeps of a step.

    Attributes:
        energies: at equal distances, the last ones at the end, extensive, float64, shape (times, R).
        flipped: share of the spins that were flipped in a sweep, on average, or in the last one where spins are bits,
            shape (R,).
        accepted: share of the proposals that were accepted, of samplers that propose many spins at once, shape (R,).
    """

    energies: Tensor
    flipped: Tensor
    accepted: Tensor | None = None


class Replicas:
    """A result that ends with replicas: their spins (R, N) and energies (R,)."""

    spins: Tensor
    energy: Tensor

    @property
    def best_energy(self) -> float:
        """Lowest energy among the replicas."""
        return float(self.energy.min())

    @property
    def best_spins(self) -> Tensor:
        """Configuration of it, shape (N,)."""
        return self.spins[int(self.energy.argmin())]


class Sampler(ABC):
    """A Markov chain that leaves P(x) = exp(−βH(x))/Z as it is; each replica at a β of its own.

    Args:
        graph: one Hamiltonian, whose numbers are taken as they are now.

    Attributes:
        cost: of a spin's update, in those of a single-spin sampler; runs choose by it when to look at the clock.
        divisible: whether processes may have a part of the replicas each.
        device: where the spins of its states are.
    """

    cost = 1
    divisible = True
    device = torch.device("cpu")

    def __init__(self, graph: IsingGraph | SpinHypergraph) -> None:
        self._check(graph).validate()
        self.graph = graph.to(torch.device("cpu"), torch.float64)
        check_scale(self.graph, 0.0)

    @staticmethod
    def _check(graph: Any) -> Any:
        return check_hamiltonian(graph, alone=True)

    @property
    def num_spins(self) -> int:
        """N."""
        return self.graph.num_spins

    def init(self, replicas: int = 64, *, seed: int = 0, spins: Any = None) -> State:
        """Replicas to start from.

        Args:
            replicas: how many, R.
            seed: of all random bits, from the first spins to the last step.
            spins: to start from, ±1, shape (N,) or (R, N); random ones by default.

        Raises:
            ValueError: an argument breaks its rule.
        """
        replicas, seed = check_count(replicas, "replicas"), check_seed(seed)
        if spins is None:
            return State(random_spins(replicas, self.num_spins, seed, self.device), seed, 0)
        given = check_spins(spins, self.num_spins).detach().to(self.device, torch.int8)
        if given.shape not in ((self.num_spins,), (replicas, self.num_spins)):
            rule = f"({self.num_spins},) or ({replicas}, {self.num_spins})"
            raise ValueError(f"spins must have shape {rule}, got {tuple(given.shape)}")
        return State(given.expand(replicas, -1).contiguous(), seed, 0)

    def step(self, state: State, beta: Any, sweeps: int = 1, *, measure: int = 1) -> tuple[State, Info]:
        """The state after some more sweeps, and what happened in them; ``state`` itself stays as it is.

        Args:
            state: of :meth:`init`, or of a step of this or any other sampler of the same spins.
            beta: inverse temperature β ≥ 0, a number, or one for each replica, shape (R,); or for each sweep and
                replica, shape (sweeps, R) or (sweeps, 1).
            sweeps: how many.
            measure: how many times energies are taken, every ⌊sweeps / measure⌋ sweeps up to the last; 0 to ``sweeps``.

        Raises:
            ValueError: an argument breaks its rule.
        """
        if not isinstance(state, State):
            raise ValueError(f"state must come from init or step, got {type(state).__name__}")
        if state.spins.shape[1] != self.num_spins:
            raise ValueError(f"state must be of {self.num_spins} spins, got {state.spins.shape[1]}")
        sweeps, measure = check_count(sweeps, "sweeps"), check_count(measure, "measure", 0)
        if measure > sweeps:
            raise ValueError(f"measure must be at most the number of sweeps, {sweeps}, got {measure}")
        if state.sweeps + sweeps > MAX_STEPS:
            raise ValueError(f"sweeps must not exceed {MAX_STEPS} for one seed, got {state.sweeps + sweeps}")
        betas = check_betas(beta, sweeps, state.replicas)
        check_scale(self.graph, betas.max().item())
        state = replace(state, spins=state.spins.to(self.device))
        spins, info = self._advance(state, betas.numpy(), sweeps, measure)
        return replace(state, spins=spins, sweeps=state.sweeps + sweeps), info

    @abstractmethod
    def _advance(self, state: State, betas: np.ndarray, sweeps: int, measure: int) -> tuple[Tensor, Info]:
        """Spins after sweeps ``state.sweeps + 1`` and following at β of shape (1 or sweeps, 1 or R), float64."""

    def keys(self, state: State) -> np.ndarray:
        """Of the random bits of replicas and of those that all share, and the first replica's number, (3,)."""
        name = type(self).__name__
        keys = [hash_key(state.seed, f"{name}, {use}") for use in ("spins", "shared")]
        return np.array([*keys, state.first], np.uint64)

    def unit(self, replicas: int) -> int:
        """Where so many replicas may be divided: at multiples of this."""
        return BLOCK


def check_betas(beta: Any, sweeps: int, replicas: int) -> Tensor:
    """β as (1 or sweeps, 1 or R), float64."""
    betas = as_float_tensor(beta, "beta").detach().cpu().double()
    if betas.dim() < 2:
        betas = betas.reshape(1, -1)
    rows, columns = betas.shape[0], betas.shape[-1]
    if betas.dim() != 2 or rows not in (1, sweeps) or columns not in (1, replicas):
        rule = f"a number, or of shape ({replicas},), ({sweeps}, 1) or ({sweeps}, {replicas})"
        raise ValueError(f"beta must be {rule}, got {tuple(betas.shape)}")
    if bool((betas < 0).any()):
        raise ValueError(f"beta must not be negative, got {betas.min().item()}")
    return betas


def random_spins(replicas: int, num_spins: int, seed: int, device: torch.device | None = None) -> Tensor:
    """Independent fair spins, int8, (R, N); those of a replica are the same whatever the number of others."""
    key, parts = hash_key(seed, "first spins"), []
    for sites in torch.arange(num_spins, device=device).split(max(1, 2**22 // (replicas + 64))):
        parts.append(((words(key, sites, 0, replicas) >> 31) * 2 - 1).to(torch.int8).T)
    return torch.cat(parts, dim=1).contiguous()
