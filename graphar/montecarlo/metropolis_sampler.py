"""Metropolis updates, on rows of numbers or, for couplings that are small integers, on bits."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.kernels.compiled.threads import share_out
from graphar.montecarlo.base import Info, State
from graphar.montecarlo.coding import LANES, Coded, code, to_bits, to_coded_spins
from graphar.montecarlo.lanes import spread
from graphar.montecarlo.single_spin import SingleSpin, twice_beta

if TYPE_CHECKING:
    from graphar.montecarlo.triton.coded import Bits

__all__ = ["CODINGS", "Metropolis"]

CODINGS = ("auto", "rows", "bits")
_MANY = LANES // 2
"""Replicas from which on bits are the faster: a block of them takes as long for one replica as for all 512."""


class Metropolis(SingleSpin):
    """Flips each spin with probability λ min(1, exp(−βΔH)), λ = 7/8.

    With λ = 1 and sites in a fixed order, flips that cost nothing would always be made: spins that are free would then
    flip together for ever.

    Args:
        graph, order, kernel: as of :class:`graphar.montecarlo.HeatBath`.
        coding: ``"rows"`` of numbers; ``"bits"``, a word of 64 bits for as many replicas, which takes pairs whose J and
            h are multiples of the smallest and at most 31 times it around any site: ±1 couplings on sparse graphs, for
            instance, at several times the speed; ``"auto"``, bits for 256 replicas or more where they can be. Both have
            the same distribution and random bits of their own.

    Raises:
        ValueError: coding in bits of a graph that has none, which the message explains.

    >>> import graphar as ga
    >>> sampler = Metropolis(ga.random_regular(64, degree=3, couplings="pm1", seed=1), coding="bits")
    >>> state, info = sampler.step(sampler.init(replicas=512, seed=0), beta=1.0, sweeps=100)
    >>> bool((info.energies[-1] == sampler.graph.energy(state.spins)).all())
    True
    """

    def __init__(
        self,
        graph: IsingGraph | SpinHypergraph,
        *,
        order: str = "typewriter",
        coding: str = "auto",
        kernel: str = "auto",
    ) -> None:
        super().__init__(graph, order=order, kernel=kernel)
        if coding not in CODINGS:
            raise ValueError(f"coding must be one of {', '.join(map(repr, CODINGS))}, got {coding!r}")
        self.coding = coding
        if coding == "bits" and isinstance(self.coded, str):
            raise ValueError(f"coding='bits' needs pairs of small integers, got {self.coded}")

    @property
    def rule(self) -> int:
        return 1

    @cached_property
    def coded(self) -> Coded | str:
        return code(self.graph)

    def _by_rows(self, replicas: int) -> bool:
        few = self.coding == "auto" and replicas < _MANY
        return self.coding == "rows" or few or isinstance(self.coded, str)

    def unit(self, replicas: int) -> int:
        return super().unit(replicas) if self._by_rows(replicas) else LANES

    @cached_property
    def bits(self) -> Bits:
        """The coded Hamiltonian on the device."""
        from graphar.montecarlo.triton.coded import Bits

        assert not isinstance(self.coded, str)
        return Bits(self.coded, self.device)

    def _advance(self, state: State, betas: np.ndarray, sweeps: int, measure: int) -> tuple[Tensor, Info]:
        if self._by_rows(state.replicas if state.whole is None else state.whole) or isinstance(self.coded, str):
            return super()._advance(state, betas, sweeps, measure)
        if self.on_device is not None:
            from graphar.montecarlo.triton.coded import advance_bits

            key, shared, _ = map(int, self.keys(state))
            twice = twice_beta(betas, self.coded.unit)
            return advance_bits(self.bits, self.device_order(shared), key, state, twice, sweeps, measure)
        from graphar.montecarlo.loops.bits import bit_sweeps

        words = to_bits(state.spins)
        count, lanes = state.replicas, LANES * len(words)
        flips, energies = np.zeros(lanes), np.zeros((measure, lanes))
        share_out(
            len(words),
            bit_sweeps,
            self.coded.terms,
            self.sites,
            self.order == "random",
            self.keys(state),
            state.sweeps + 1,
            sweeps,
            words,
            twice_beta(spread(betas, lanes), self.coded.unit),
            self.coded.unit,
            self.coded.lowest,
            flips,
            energies,
        )
        flipped = torch.from_numpy(flips[:count] / self.num_spins)
        return to_coded_spins(words, count), Info(torch.from_numpy(energies[:, :count].copy()), flipped)
