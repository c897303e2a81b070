"""Tempering in rounds, each going on where the one before stood, and what all rounds together say of log Z."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from graphar._support.seeds import hash_key
from graphar.estimators.autocorrelation import error_of_mean, gelman_rubin
from graphar.estimators.estimate import Estimate
from graphar.exact.scale import scale
from graphar.free_energies.clock import Clock
from graphar.free_energies.result import Said
from graphar.free_energies.steps import Steps, along, drift
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.montecarlo.ladder import deviation, first_ladder, ladder
from graphar.montecarlo.tempered import Tempering
from graphar.montecarlo.tempering import parallel_tempering

__all__ = ["Rounds"]

REPLICAS = 8
"""Systems that know nothing of each other: how far they are apart shows slow modes."""

PILOT_RUNGS = 24
MAX_RUNGS = 192
SPIN_BYTES = 2e9
"""For all replicas at all rungs, 4 bytes a spin and copies of them."""

MAX_NUMBERS = 2**23
"""Energies that an estimate looks at; more are thinned."""

BURN_IN = 0.25
"""Share of the rounds that is left out at the start."""

SWEEPS_TO_SPACE = 64
"""From this many on their energies make a ladder that is better than the first."""

LOW_SWAPS = 0.2
"""Share of accepted exchanges below which a ladder is made anew, as long as few rounds are done."""

EARLY = 3
MOST_RESPACED = 3

APART = 1.1
"""R̂ from which systems have not mixed."""

LONGEST_STEP = 2.5
"""Of ℓ between rungs: 8 % of the exchanges are accepted, and samples barely reweight from one to the next."""

COLD = 4.0
"""Times the mean |J|, β beyond which energies are those of the ground state but for a few spins."""

LOW_OVERLAP = 0.02
"""Of samples at two rungs, below which their error is not to be trusted."""

LOOKS = 4
"""Times at which energies were looked at, below which the answer may be anywhere between that of β = 0 and this one."""

LEAST_SWEEPS = 200
UPDATES_PER_SECOND = 2e8
"""Of spins, with loops on one core."""

DRIFT = 2.0
"""Standard errors between the halves of the rounds beyond which the first is left out as burn-in too."""

HALVINGS = 3
KEPT_SPINS = 2**26
KEPT = 96
"""Configurations of a replica in a round: the floor of an error is one over all of them."""


class Rounds:
    """Systems of replicas at a ladder of β.

    Args:
        graph: the Hamiltonian.
        targets: β > 0 asked for, rising.
        seed: of all random bits.
    """

    def __init__(self, graph: IsingGraph | SpinHypergraph, targets: list[float], seed: int) -> None:
        self.graph, self.targets, self.seed = graph, targets, seed
        n = graph.num_spins
        self.replicas = REPLICAS if n * REPLICAS * MAX_RUNGS * 12 <= SPIN_BYTES else 4
        self.largest = int(max(8 + len(targets), min(MAX_RUNGS, SPIN_BYTES / (12 * n * self.replicas))))
        self.betas = first_ladder(graph, targets, min(PILOT_RUNGS, self.largest))
        self.spins: Tensor | None = None  # of the last round, (T, R, N)
        self.energies: list[np.ndarray] = []  # of each round, (T, R, times)
        self.trips: list[int] = []
        self.kept: list[Tensor] = []  # of each round at the targets, (targets, R, keep, N)
        self.count = self.sweeps = 0
        self.seconds_per_sweep = math.inf
        self.best_energy = math.inf
        self.steps: Steps | None = None
        self.respaced = 0  # times that a ladder of whole rounds was given up
        self.moved = np.zeros(0)  # by what longer burn-in has changed log Z of each rung
        self.settled = 0  # rounds at the start that need no burn-in, being those of an earlier run

    def check_reach(self, seconds: float) -> None:
        """A ValueError where memory or time does not allow a ladder whose rungs overlap."""
        # ∫σ_E dβ is at most σ_E(0) β and, by Schwarz' inequality, √(β (E(0) − E(β)))
        beta, n, total = self.targets[-1], self.graph.num_spins, scale(self.graph)
        terms = self.graph.couplings.numel() + int((self.graph.h != 0).sum())
        warm = min(beta, COLD * terms / total)
        rungs = max(8.0, min(deviation(self.graph) * warm, math.sqrt(warm * total)) / 2)
        if rungs > LONGEST_STEP * self.largest:
            raise ValueError(
                f"graph is too large for tempering to beta = {beta:g}: {n} spins need about {rungs:.0f} temperatures, "
                f"with room for {self.largest}; ask for smaller beta, or train a model and use graphar.free_energy"
            )
        least = LEAST_SWEEPS * n * self.replicas * min(rungs, self.largest) / UPDATES_PER_SECOND
        if least > seconds / 2:
            raise ValueError(
                f"time_limit must be at least {2 * least:.0f} seconds for {n} spins to beta = {beta:g}, got {seconds:g}"
            )

    def settle(self, clock: Clock, share: float) -> None:
        """Find the speed, the ladder, and configurations that have forgotten where they began."""
        if self.settled:
            self._round(16, clock)
            return
        self._round(2, clock)  # loads compiled loops
        sweeps, spaced, result = 8, False, None
        while not clock.interrupted:
            result = self._round(sweeps, clock)
            if result is None or clock.until(share) <= 0:
                break
            if sweeps >= SWEEPS_TO_SPACE:
                self._respace(result)
                spaced = True
            affordable = int(clock.until(share) / 3 / self.seconds_per_sweep)
            if affordable < sweeps:
                break
            sweeps = max(sweeps + 1, min(4 * sweeps, affordable))
        if result is not None and not spaced:
            self._respace(result)
        self._forget()

    def _forget(self) -> None:
        """What was measured up to now was to settle."""
        self.energies, self.kept, self.trips, self.sweeps = [], [], [], 0

    def _respace(self, result: Tempering) -> None:
        """A better ladder by the energies of the last round; each rung begins with the spins of the nearest one."""
        assert self.spins is not None
        found = ladder(self.betas, result.mean_energy.tolist(), self.targets, self.largest)
        nearest = np.abs(np.subtract.outer(np.array(found), np.array(self.betas))).argmin(1)
        self.betas, self.spins = found, self.spins[torch.from_numpy(nearest)].clone()
        self.seconds_per_sweep *= len(found) / len(result.betas)

    def run(self, seconds: float, clock: Clock) -> bool:
        """A round of about so many seconds; whether it was whole."""
        result = self._round(max(2, min(100_000, int(seconds / self.seconds_per_sweep))), clock)
        if result is None or result.interrupted:
            return False
        early = len(self.energies) <= EARLY and self.respaced < MOST_RESPACED and not self.settled
        if early and float(result.swap_rate.min()) < LOW_SWAPS:
            self._respace(result)  # energies of the first looks were not yet those of equilibrium
            self._forget()
            self.respaced += 1
        return True

    def _round(self, sweeps: int, clock: Clock) -> Tempering | None:
        """Some sweeps more; None where nothing was measured."""
        size, n = len(self.betas), self.graph.num_spins
        room = KEPT_SPINS // (size * self.replicas * n)
        limit = max(clock.left, 0.05)
        began = clock.seconds
        result = parallel_tempering(
            self.graph,
            self.betas,
            sweeps,
            self.replicas,
            hash_key(self.seed, "log partition, tempering", self.count) >> 1,
            burn_in=0,
            keep=max(1, min(sweeps // 4, KEPT, room)),
            spins=self.spins,
            time_limit=limit,
            progress=False,
        )
        if result.interrupted and result.seconds < limit:
            clock.stop()
        self.count += 1
        self.spins = result.spins[:, :, -1].clone()
        self.best_energy = min(self.best_energy, result.best_energy)
        if not result.sweeps:
            return None
        self.seconds_per_sweep = (clock.seconds - began) / result.sweeps
        self.sweeps += result.sweeps
        if result.energies.shape[2] > 1:
            self.energies.append(result.energies.numpy())
            self.trips.append(int(result.trips.sum()))
            at = [self.betas.index(beta) for beta in self.targets]
            self.kept.append(result.spins[at].clone())
            self.steps = None
        return result

    @property
    def after_burn_in(self) -> int:
        """Index of the first round that counts."""
        return 0 if self.settled else min(math.ceil(BURN_IN * len(self.energies)), len(self.energies) - 1)

    def spins_at(self, target: int, first: float) -> Tensor:
        """Kept configurations of all rounds so far but a first share, (R, keep, N)."""
        return self.spins_after(target, int(first * len(self.kept)))

    def spins_after(self, target: int, first: int) -> Tensor:
        """Kept configurations from a round on, (R, keep, N)."""
        return torch.cat([part[target] for part in self.kept[min(first, len(self.kept) - 1) :]], dim=1)

    def offer(self, target: int, spins: Tensor, log_q: Tensor) -> float:
        """Independent samples of a model as moves at a target, by Metropolis and Hastings; the share that is taken.

        A replica x becomes x' with probability min(1, w'/w), w = exp(−βE)/q.
        """
        assert self.spins is not None
        rung = self.betas.index(self.targets[target])
        generator = np.random.default_rng(hash_key(self.seed, "log partition, offers", self.count))
        log_w = -self.betas[rung] * self.graph.energy(spins).double().numpy() - log_q.double().numpy()
        current = self.spins[rung].clone()
        taken = 0
        now = log_w[: self.replicas]
        each = (len(spins) - self.replicas) // self.replicas
        for replica in range(self.replicas):
            for k in range(each):
                other = self.replicas + replica * each + k
                if math.log(generator.random() + 1e-300) < log_w[other] - now[replica]:
                    current[replica], now[replica] = spins[other], log_w[other]
                    taken += 1
        self.spins[rung] = current
        return taken / max(1, each * self.replicas)

    def _settled_steps(self, first: int) -> Steps:
        """From rung to rung, by what is left where log Z of the last target has stopped to drift."""
        energy = np.concatenate(self.energies[first:], axis=2)
        energy = energy[:, :, :: -(-energy.size // MAX_NUMBERS)]
        last = self.betas.index(self.targets[-1])
        self.moved, before = np.zeros(len(self.betas)), None
        for _ in range(HALVINGS):
            steps = Steps(np.array(self.betas), energy)
            sums = np.concatenate([[0.0], np.cumsum(steps.difference)])
            before = sums if before is None else before
            self.moved = sums - before
            linear = steps.to(last)[1]
            if energy.shape[2] < 8 or abs(drift(linear)) < DRIFT * 2 * error_of_mean(linear):
                break
            energy = energy[:, :, energy.shape[2] // 2 :]
        return steps

    def say(self, target: int) -> Said:
        """What all rounds after the burn-in say of one target."""
        first = self.after_burn_in
        if self.steps is None:
            self.steps = self._settled_steps(first)
        steps, beta = self.steps, self.targets[target]
        rung = self.betas.index(beta)
        difference, linear = steps.to(rung)
        energy = steps.energy[rung]
        mean = float(energy.mean())
        log_z = self.graph.num_spins * math.log(2) + difference
        error, independent = along(linear)
        energy_error, of_energy = along(energy)
        entropy_error, _ = along(beta * (energy - mean) + linear)
        trips = sum(self.trips[first:]) / 2
        # replicas walk from rung to rung at random: back from a rung at half the way they are in a quarter of the time
        back = trips * ((len(self.betas) - 1) / rung) ** 2
        if back < self.replicas:  # not every system has been there and back: what has moved may have as far to go
            error, entropy_error = (math.hypot(each, self.moved[rung]) for each in (error, entropy_error))
        independent = max(float(self.replicas), min(independent, of_energy, back))
        rhat = gelman_rubin(energy) if energy.shape[1] >= LOOKS else math.nan
        if energy.shape[1] < LOOKS:  # nothing says that they have forgotten where they began
            error, entropy_error = (math.hypot(each, difference) for each in (error, entropy_error))
        if rhat > APART:  # all are of one valley each: as good as one system
            error = max(error, float(linear.mean(1).std(ddof=1)))
            entropy_error = max(entropy_error, error, float((beta * energy + linear).mean(1).std(ddof=1)))
            energy_error = max(energy_error, float(energy.mean(1).std(ddof=1)))
        # states of weight P are missed with probability e^(−nP): 1/n is what n samples do not know
        unseen = 1 / independent
        overlap = float(steps.overlap[:rung].min())
        remark = f"{len(self.betas)} rungs, {trips:.0f} round trips, overlap {overlap:.2g} or more, R̂ {rhat:.3f}"
        if overlap < LOW_OVERLAP:
            error = entropy_error = math.inf
        spread = float(energy.std()) / independent
        return Said(
            Estimate(log_z, math.hypot(error, unseen)),
            Estimate(mean, math.hypot(energy_error, spread)),
            Estimate(beta * mean + log_z, math.hypot(entropy_error, unseen, beta * spread)),
            independent,
            rhat,
            remark,
        )
