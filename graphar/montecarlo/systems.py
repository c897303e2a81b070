"""Replicas at many β in memory: where each of them is, how they advance, and what they have met."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from graphar._support.checks import check_spins
from graphar._support.group import Group
from graphar._support.seeds import hash_key
from graphar.hamiltonians import IsingGraph
from graphar.hamiltonians.kinds import is_symmetric
from graphar.kernels.compiled.threads import share_out
from graphar.montecarlo.base import random_spins
from graphar.montecarlo.single_spin import SingleSpin, twice_beta
from graphar.montecarlo.tempered import Tempering

__all__ = ["Systems"]


class Systems:
    """Systems of replicas at all β, as the compiled rounds take them."""

    def __init__(
        self,
        chain: SingleSpin,
        betas: list[float],
        replicas: int,
        seed: int,
        every: int,
        clusters: bool,
        spins: Any,
        group: Group,
    ) -> None:
        from graphar.montecarlo.loops.tempering import Ladder, Places

        self.per_block = m = min(replicas, max(2 if clusters else 1, 64 // len(betas)))
        self.chain, self.whole, self.group = chain, replicas, group
        self.own = group.share(replicas, unit=m)
        self.replicas = len(self.own)
        graph, n, size = chain.graph, chain.num_spins, len(betas)
        pairs = graph if isinstance(graph, IsingGraph) or not clusters else graph.primal_graph()
        ends = pairs.edge_index[1].numpy() if clusters else np.empty(0, np.int64)
        degrees = pairs.degree().numpy() if clusters else np.zeros(n, np.int64)
        keys = [hash_key(seed, f"tempering, {use}") for use in ("spins", "shared", "exchanges")]
        self.ladder = Ladder(
            np.array(betas),
            twice_beta(np.array(betas), chain.terms.scale),
            chain.rule,
            chain.sites,
            chain.order == "random",
            every,
            0 if clusters else size,
            is_symmetric(graph),
            np.concatenate([[0], np.cumsum(degrees)]),
            ends,
            np.array([*keys, self.own.start // m], np.uint64),
        )
        blocks, width = -(-self.replicas // m), -(-m * size // 32) * 32
        self.blocks = -(-replicas // m)
        self.size = self.blocks * n * width
        self.rows = np.ones((blocks, n, width), np.float32)
        self._start(spins, seed)
        self.places = Places(
            lane=np.tile(np.arange(m * size).reshape(m, size), (blocks, 1, 1)),
            came_from=np.zeros((blocks, width), np.int8),
            trips=np.zeros((blocks, m), np.int64),
            from_hot=np.zeros((blocks, size), np.int64),
            from_cold=np.zeros((blocks, size), np.int64),
            swapped=np.zeros((blocks, size - 1), np.int64),
            tried=np.zeros((blocks, size - 1), np.int64),
            flips=np.zeros((blocks, size), np.int64),
            cluster_sites=np.zeros((blocks, size), np.int64),
            best_energy=np.full((blocks, m), np.inf),
            best=np.ones((blocks, m, n), np.int8),
        )
        self.rounds, self._clusters, self._card = 0, clusters, None
        if chain.on_device is not None:
            from graphar.montecarlo.triton.ladder import LadderOnDevice

            order = chain.device_order(int(self.ladder.keys[1]))
            self._card = LadderOnDevice(chain.rows, order, self.ladder, self.places, self.rows)

    def _start(self, spins: Any, seed: int) -> None:
        size, n = len(self.ladder.betas), self.chain.num_spins
        if spins is None:
            given = random_spins(self.whole * size, n, seed).reshape(self.whole, size, n)
        else:
            x = check_spins(spins, n).detach().cpu().to(torch.int8)
            shapes = (n,), (self.whole, n), (size, self.whole, n)
            if tuple(x.shape) not in shapes:
                raise ValueError(f"spins must have one of the shapes {shapes}, got {tuple(x.shape)}")
            given = x.expand(size, self.whole, n).transpose(0, 1)
        for replica in range(self.replicas):
            block, s = divmod(replica, self.per_block)
            self.rows[block, :, s * size : (s + 1) * size] = given[self.own[replica]].T.numpy()

    def advance(self, done: int, rounds: int) -> np.ndarray:
        """Energies of the rounds, (rounds, T, R)."""
        if self._card is not None:
            self.rounds += rounds
            return self._card.advance(done + 1, rounds)[:, :, : self.replicas]
        from graphar.montecarlo.loops.tempering import temper

        blocks, m, size = self.places.lane.shape
        energies = np.zeros((rounds, size, blocks * m))
        if blocks:
            share_out(blocks, temper, self.chain.terms, self.ladder, done + 1, self.rows, self.places, energies)
        self.rounds += rounds
        return energies[:, :, : self.replicas]

    def forget(self) -> None:
        """Counts begin here; the lowest energy stays."""
        if self._card is not None:
            self._card.forget()
        for counts in self.places[2:9]:
            counts[:] = 0
        self.rounds = 0

    def spins(self) -> Tensor:
        """Configurations by β, int8, (T, R, N)."""
        self._fetch()
        blocks, m, size = self.places.lane.shape
        at = self.rows[np.arange(blocks)[:, None], :, self.places.lane.reshape(blocks, m * size)]
        found = at.reshape(blocks * m, size, self.chain.num_spins)[: self.replicas].transpose(1, 0, 2)
        return torch.from_numpy(np.ascontiguousarray(found.astype(np.int8)))

    def of_all(self, part: Tensor, dim: int = 0) -> Tensor:
        """What every process has of its own systems, of all of them along an axis."""
        return self.group.gather_rows(part, self.whole, self.per_block, dim)

    @property
    def best_energy(self) -> float:
        lowest = self.places.best_energy.flatten() if self._card is None else self._card.best_energy
        return float(lowest[: self.replicas].min(initial=np.inf))

    def _fetch(self) -> None:
        """Spins and places from where they are."""
        if self._card is not None:
            self.rows, self.places = self._card.read()

    def result(
        self, spins: Tensor, energy: Tensor, energies: Tensor, every: int, burn_in: int, watch: Any
    ) -> Tempering:
        self._fetch()
        places, n = self.places, self.chain.num_spins
        met = self.of_all(torch.from_numpy(places.best.reshape(-1, n)[: self.replicas].copy()))
        candidates = torch.cat([met, spins.reshape(-1, n)]) if watch.done else spins.reshape(-1, n)
        lowest = self.chain.graph.energy(candidates)
        counts = [torch.from_numpy(part.sum(0)).double() for part in places[3:9]]
        sums = self.group.sum(torch.cat(counts)).split([len(part) for part in counts])
        from_hot, from_cold, swapped, tried, flips, cluster_sites = sums
        blocks, m = self.blocks, self.per_block
        updates = max(1, self.rounds) * self.ladder.sweeps * n * blocks * m
        return Tempering(
            betas=torch.from_numpy(self.ladder.betas.copy()),
            spins=spins,
            energy=energy,
            energies=energies,
            every=every,
            swap_rate=swapped / tried.clamp(min=1),
            flow=from_hot / (from_hot + from_cold),
            trips=self.of_all(torch.from_numpy(places.trips.flatten()[: self.replicas].copy())),
            flipped=flips / updates,
            cluster_size=cluster_sites / (max(1, self.rounds) * blocks * (m // 2)) if self._clusters else None,
            best_spins=candidates[int(lowest.argmin())],
            best_energy=float(lowest.min()),
            sweeps=watch.done,
            burn_in=burn_in,
            seconds=watch.seconds,
            interrupted=watch.stopped,
        )
