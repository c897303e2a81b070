"""How the time is spent where nothing exact fits."""

from __future__ import annotations

import math
from typing import Any

from graphar.estimators.estimate import Estimate
from graphar.free_energies.clock import Clock
from graphar.free_energies.combine import combine
from graphar.free_energies.result import LogPartition, Opinion
from graphar.free_energies.tempering import Rounds
from graphar.hamiltonians import IsingGraph, SpinHypergraph

__all__ = ["Search"]

SETTLED = 0.12  # share of the time by which the ladder stands
FIRST = 0.35  # by which a first part of tempering ends, with models to follow
ROUNDS = 40  # of tempering, in all of its time


class Search:
    """Tempering and models until the time is over.

    Args:
        graph: the Hamiltonian.
        targets: β > 0, rising.
        seed: of all random bits.
        clock: the limit.
        wanted: standard error of log Z that is enough.
        models: whether models are used.
        full: whether models may have all the exact sites that fit.
        progress: whether to show a bar.
    """

    def __init__(
        self,
        graph: IsingGraph | SpinHypergraph,
        targets: list[float],
        seed: int,
        clock: Clock,
        wanted: float,
        models: bool,
        full: bool,
        progress: bool,
    ) -> None:
        self.graph, self.targets, self.seed, self.clock, self.wanted = graph, targets, seed, clock, wanted
        self.models, self.full, self.progress = models, full, progress
        self.rounds = Rounds(graph, targets, seed)

    def run(self) -> list[LogPartition]:
        """An answer for each target."""
        with self._bar() as bar:
            self.rounds.settle(self.clock, SETTLED)
            self._temper(1.0, bar)
        return self.answers()

    def _temper(self, share: float, bar: Any) -> None:
        """Rounds of tempering until this share of the limit; at least one in all."""
        rounds, clock = self.rounds, self.clock
        each = clock.limit / ROUNDS
        while not rounds.energies or (clock.until(share) > 0 and not clock.interrupted):
            rounds.run(min(each, max(clock.until(share), 0.0)), clock)
            self._show(bar)
            if clock.interrupted and rounds.energies:
                break
            if self.wanted and len(rounds.energies) >= 8 and self._largest() <= self.wanted:
                break

    def _largest(self) -> float:
        return max(each.log_partition.stderr for each in self.answers())

    def answers(self) -> list[LogPartition]:
        """As far as known."""
        return [self._answer(k) for k in range(len(self.targets))]

    def _answer(self, k: int) -> LogPartition:
        said = self.rounds.say(k)
        opinions = [Opinion("tempering from beta = 0", said.log_partition, remark=said.remark)]
        used = [each for each in opinions if each.used]
        log_z, between = combine([each.log_partition for each in used])
        beta = self.targets[k]
        entropy = said.entropy
        if len(used) > 1:
            value = beta * said.energy.value + log_z.value
            entropy = Estimate(value, math.hypot(beta * said.energy.stderr, log_z.stderr))
        return LogPartition(
            beta,
            self.graph.num_spins,
            log_z,
            said.energy,
            entropy,
            " + ".join(each.method for each in used),
            tuple(opinions),
            between,
            self.clock.seconds,
            self.clock.interrupted,
        )

    def _bar(self) -> Any:
        from tqdm.auto import tqdm

        return tqdm(
            total=round(self.clock.limit, 1),
            disable=not self.progress,
            unit="s",
            desc="log Z",
            leave=None,
            delay=1.0,
            bar_format="{desc}: {n:.0f}/{total:.0f} s {bar} {postfix}",
        )

    def _show(self, bar: Any) -> None:
        if not bar.disable:
            bar.n = min(self.clock.seconds, self.clock.limit)
            last = self.rounds.say(len(self.targets) - 1).log_partition
            bar.set_postfix_str(f"log Z {last!r}")
