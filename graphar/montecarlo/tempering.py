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
from torch import Tensor

from graphar._support.checks import check_count, check_flag, check_spins
from graphar._support.group import Group
from graphar._support.seeds import check_seed, hash_key
from graphar.exact.scale import check_scale
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.kernels.compiled.threads import share_out
from graphar.montecarlo.annealing import read_schedule
from graphar.montecarlo.base import MAX_STEPS, random_spins
from graphar.montecarlo.chains import TIMES
from graphar.montecarlo.shares import joined_by
from graphar.montecarlo.single_spin import HeatBath, SingleSpin, twice_beta
from graphar.montecarlo.tempered import Tempering
from graphar.montecarlo.watch import CHUNK, watched

__all__ = ["is_symmetric", "parallel_tempering"]

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
    systems = _Systems(chain, ladder, replicas, seed, every, with_clusters, spins, group)
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
    samples = systems.of_all(torch.stack(kept or [systems.spins()], dim=2), 1)
    energy = chain.graph.energy(samples)
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
    return replicas > 1 and isinstance(graph, IsingGraph) and float(graph.degree().double().mean()) <= _FEW_NEIGHBOURS


class _Systems:
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


def is_symmetric(graph: IsingGraph | SpinHypergraph) -> bool:
    """Whether H(−x) = H(x)."""
    odd = not isinstance(graph, IsingGraph) and bool((graph.orders % 2 == 1).any())
    return not (odd or graph.has_field)
