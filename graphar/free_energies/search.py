"""How the time is spent where nothing exact fits."""

from __future__ import annotations

import math
import warnings
from os import PathLike
from typing import Any

import torch

from graphar._support.processes import joined
from graphar.estimators.estimate import Estimate
from graphar.free_energies.checkpoint import read_rounds, write_rounds
from graphar.free_energies.clock import Clock
from graphar.free_energies.combine import combine
from graphar.free_energies.cooling import cool
from graphar.free_energies.models import Side, make
from graphar.free_energies.result import LogPartition, Opinion
from graphar.free_energies.tempering import Rounds
from graphar.hamiltonians import IsingGraph, SpinHypergraph

__all__ = ["Search"]

SETTLED = 0.1  # share of the time by which the ladder stands
COOLED = 0.25  # by which a population has been cooled down the ladder
FIRST = 0.42  # by which a first part of tempering ends, with models to follow
TRAINED = 0.65  # by which models are trained and taught
TEMPERED = 0.85  # by which replicas for the joins are there
JOINED = 0.97  # by which models and replicas are joined
LEAST_SECONDS = 3.0  # with less, tempering alone
SAVED = 0.99  # by which tempering ends where a file is to be written
SAVE_SECONDS = 60.0  # of work that a crash may lose
OFFERS = 16  # independent samples of a model, for each replica
ROUNDS = 12  # of tempering in all the time; each counts its round trips anew


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
        checkpoint: file for what tempering has measured.
        resume: such a file to go on from.
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
        checkpoint: str | PathLike[str] | None = None,
        resume: str | PathLike[str] | None = None,
    ) -> None:
        self.graph, self.targets, self.seed, self.clock, self.wanted = graph, targets, seed, clock, wanted
        self.models, self.full, self.progress = models, full, progress
        self.checkpoint, self._saved = checkpoint, 0.0
        self.rounds = Rounds(graph, targets, seed) if resume is None else read_rounds(resume, graph, targets, seed)
        self.rounds.check_reach(clock.limit)
        self.sides: list[Side] = []
        self.cooled: dict[int, Opinion] = {}
        self.before = 0  # rounds that taught a model

    def run(self) -> list[LogPartition]:
        """An answer for each target."""
        with self._bar() as bar, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of models that are poor: the answers say it
            self.rounds.settle(self.clock, SETTLED)
            if not self.rounds.settled and self.clock.limit >= LEAST_SECONDS and not self.clock.interrupted:
                self.cooled = cool(self.rounds, self.clock.until(COOLED), self.clock)
            if self.models and self.clock.limit >= LEAST_SECONDS and self._temper(FIRST, bar):
                self._learn()
                if self._temper(TEMPERED, bar):
                    self._join()
            self._temper(1.0 if self.checkpoint is None else SAVED, bar)
        self._save()
        return self.answers()

    def _save(self) -> None:
        if self.checkpoint is not None:
            if joined().first:
                write_rounds(self.checkpoint, self.rounds)
            self._saved = self.clock.seconds

    def _learn(self) -> None:
        """Train, teach by the replicas so far, and offer the replicas what the model draws."""
        clock, rounds = self.clock, self.rounds
        messages, annealed = make(self.graph, self.targets, self.seed, self.full)
        self.sides = [each for each in (messages, annealed) if each is not None]
        if annealed is None or clock.until(TRAINED) <= 0:
            return
        annealed.train(clock, 0.8 * clock.until(TRAINED))
        if not annealed.weights:
            return
        for k in reversed(range(len(self.targets))):
            if clock.interrupted or clock.until(TRAINED) <= 0:
                break
            annealed.teach(k, rounds.spins_at(k, 0.5), clock, clock.until(TRAINED) / (k + 2))
            q = annealed.at(k)
            if q is not None and clock.until(TRAINED) > 0:
                spins, log_q = q.sample_with_log_prob(OFFERS * rounds.replicas, seed=self.seed)
                rounds.offer(k, spins.to("cpu", torch.int8), log_q.cpu())
        self.before = len(rounds.kept)

    def _join(self) -> None:
        """Each model with replicas that did not teach it, the β of the largest error first and longest."""
        clock = self.clock
        errors = [self.rounds.say(k).log_partition.stderr for k in range(len(self.targets))]
        order = sorted(range(len(errors)), key=lambda k: -errors[k])
        for done, k in enumerate(order):
            weight = errors[k] / sum(errors[j] for j in order[done:])
            share = weight * clock.until(JOINED) / max(1, len(self.sides))
            for side in self.sides:
                if clock.interrupted or clock.until(JOINED) <= 0:
                    return
                side.join(k, self.rounds.spins_after(k, self.before), share)

    def _temper(self, share: float, bar: Any) -> bool:
        """Rounds of tempering until this share of the limit, at least one in all; whether to go on."""
        rounds, clock = self.rounds, self.clock
        each = clock.limit / ROUNDS
        while not rounds.energies or (clock.until(share) > 0 and not clock.interrupted):
            rounds.run(min(each, max(clock.until(share), 0.0)), clock)
            self._show(bar)
            if clock.seconds - self._saved > SAVE_SECONDS:
                self._save()
            if clock.interrupted and rounds.energies:
                return False
            if self.wanted and len(rounds.energies) >= 4 and self._largest() <= self.wanted:
                return False
        return not clock.interrupted

    def _largest(self) -> float:
        return max(each.log_partition.stderr for each in self.answers())

    def answers(self) -> list[LogPartition]:
        """As far as known."""
        return [self._answer(k) for k in range(len(self.targets))]

    def _answer(self, k: int) -> LogPartition:
        said = self.rounds.say(k)
        opinions = [Opinion("tempering from beta = 0", said.log_partition, remark=said.remark)]
        opinions += [each for side in self.sides if (each := side.opinion(k)) is not None]
        models = [each.log_partition for each in opinions[1:] if each.used]
        # models share the replicas that they are joined to: k of them count as one
        share = math.sqrt(max(1, len(models)))
        apart = [opinions[0].log_partition, *(_wider(each, share) for each in models)]
        if k in self.cooled:
            opinions.append(self.cooled[k])
            apart += [each.log_partition for each in opinions[-1:] if each.used]
        used = [each for each in opinions if each.used]
        log_z, between = combine(apart)
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
            disable=not (self.progress and joined().first),
            unit="s",
            desc="log Z",
            leave=None,
            delay=1.0,
            bar_format="{desc}: {n:.0f}/{total:.0f} s {bar} {postfix}",
        )

    def _show(self, bar: Any) -> None:
        if not bar.disable:
            bar.n = min(self.clock.shown, self.clock.limit)
            last = self.rounds.say(len(self.targets) - 1).log_partition
            bar.set_postfix_str(f"log Z {last!r}")


def _wider(estimate: Estimate, factor: float) -> Estimate:
    return Estimate(estimate.value, estimate.stderr * factor)
