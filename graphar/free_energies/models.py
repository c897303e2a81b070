"""Models beside tempering: what is normalised by itself, and joined to the replicas of one β alone."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from graphar._support.processes import joined
from graphar._support.seeds import hash_key
from graphar.estimators.bridge import FEW, SURE, Bennett, bridge
from graphar.estimators.losses import losses_of_samples, losses_of_spins
from graphar.free_energies.clock import Clock
from graphar.free_energies.result import Opinion
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.heads import MessagePassing
from graphar.models.autoregressive import Autoregressive
from graphar.training import anneal

__all__ = ["Annealed", "Messages", "Side"]

MEMORY_PER_SPIN = 2e4  # bytes of exact sites' tables, made in milliseconds
WIDTH_WITHOUT_EXACT = 6  # where exact methods are told to stay out of it
BATCH = 256
STAGES = 12  # β of the annealing, besides those asked for
LEAST_STEPS = 8  # at each of them; with time for fewer there is no training
TAUGHT_STEPS = 60
MOST_SAMPLES = 20_000
LEAST_SAMPLES = 64
RATE = 0.3  # of the head's own, for steps towards the replicas


class Side:
    """A model with its weights at each target, and what was joined at them."""

    name = "a model"

    def __init__(self, model: Autoregressive, targets: Sequence[float], seed: int) -> None:
        self.model, self.targets, self.seed = model, list(targets), seed
        self.bridges: dict[int, Bennett] = {}
        self.first = 0.0  # share of the rounds of tempering that the model was taught by

    def at(self, target: int) -> Any:
        """The model at a target; None where it was not trained for it."""
        return self.model.at(self.targets[target])

    def join(self, target: int, spins: Tensor, seconds: float) -> None:
        """Bennett's acceptance ratio with replicas (R, keep, N), within about so many seconds."""
        q = self.at(target)
        if q is None:
            return
        key = hash_key(self.seed, f"log partition, {self.name}", target)
        began = time.monotonic()
        with torch.no_grad():
            losses_of_samples(q, LEAST_SAMPLES, hash_key(key, "speed"))
            each = joined().of_first((time.monotonic() - began) / LEAST_SAMPLES)
            count = int(min(MOST_SAMPLES, 0.4 * (seconds - 2 * each * LEAST_SAMPLES) / max(each, 1e-9)))
            if count < LEAST_SAMPLES:
                return
            chains, keep, n = spins.shape
            stride = max(1, math.ceil(chains * keep / count))
            chosen = spins[:, stride - 1 :: stride] if keep // stride >= 2 else spins[:, -2:]
            loss_q, energy_q = losses_of_samples(q, count, key)
            loss_p, energy_p = losses_of_spins(q, chosen)
        self.bridges[target] = bridge(q.beta, n, loss_q, energy_q, loss_p, energy_p)

    def opinion(self, target: int) -> Opinion | None:
        """What the join says, and whether it may be used."""
        found = self.bridges.get(target)
        if found is None:
            return None
        remark = f"overlap {found.overlap:.2g}, {found.ess:.3g} samples in it, covers {100 * found.coverage:.3g} %"
        used = found.ess >= FEW and found.agreement <= SURE and math.isfinite(found.log_partition.stderr)
        if not used:
            why = "too few" if not found.ess >= FEW else f"sides differ by {found.agreement:.2g} standard errors"
            remark = f"{why}; {remark}"
        estimate = found.log_partition
        unseen = 1 / max(1.0, min(found.independent, found.ess))
        return Opinion(
            f"{self.name} joined to replicas",
            type(estimate)(estimate.value, math.hypot(estimate.stderr, unseen)),
            used,
            remark,
        )


class Messages(Side):
    """Belief propagation on undrawn spins, nothing to train: good at high temperature."""

    name = "messages without training"

    def __init__(self, graph: IsingGraph | SpinHypergraph, targets: Sequence[float], seed: int) -> None:
        super().__init__(Autoregressive(graph, MessagePassing()), targets, seed)


class Annealed(Side):
    """A model annealed to each target in turn, then taught by replicas."""

    name = "annealed model"

    def __init__(self, graph: IsingGraph | SpinHypergraph, targets: Sequence[float], seed: int, full: bool) -> None:
        memory = max(1e6, min(1e8, MEMORY_PER_SPIN * graph.num_spins))
        width: Any = "auto" if full else WIDTH_WITHOUT_EXACT
        try:
            model = Autoregressive(graph, exact_width=width, memory=memory, seed=seed % 2**31)
        except ValueError:  # tables that do not fit
            model = Autoregressive(graph, seed=seed % 2**31)
        super().__init__(model, targets, seed)
        self.weights: dict[int, dict[str, Tensor]] = {}

    def train(self, clock: Clock, seconds: float) -> None:
        """Anneal through all targets, as many steps at each β as there is time for."""
        model, clock_end = self.model, clock.seconds + seconds
        if not model.num_parameters:
            self.weights = {k: {} for k in range(len(self.targets))}
            return
        schedule = self._schedule()
        rate = self._seconds_per_step(schedule[0])
        steps = int((clock_end - clock.seconds) / (len(schedule) * rate)) - 1  # one for each β's record
        if steps < LEAST_STEPS:
            return

        def store(run: Any) -> bool:
            beta = run.history[-1].beta
            if beta in self.targets:
                self.weights[self.targets.index(beta)] = _copy(model)
            return bool(clock.seconds > clock_end)

        run = anneal(
            model,
            schedule,
            min(steps, 400),
            warmup=min(steps, 400),
            batch_size=BATCH,
            seed=self.seed,
            callbacks=[store],
            progress=False,
        )
        if run.interrupted:
            clock.stop()

    def _schedule(self) -> list[float]:
        last = self.targets[-1]
        even = [last * (k + 1) / STAGES for k in range(STAGES)]
        near = last / (4 * STAGES)
        return sorted({*self.targets, *(b for b in even if min(abs(b - t) for t in self.targets) > near)})

    def _seconds_per_step(self, beta: float) -> float:
        state = _copy(self.model)
        for steps in (1, 3):  # the first loads compiled loops
            began = time.monotonic()
            anneal(self.model, beta, steps, warmup=0, batch_size=BATCH, seed=self.seed, progress=False)
        self.model.load_state_dict(state)
        return joined().of_first(time.monotonic() - began) / 4  # the record is as much as a step

    def teach(self, target: int, spins: Tensor, clock: Clock, seconds: float) -> None:
        """Steps up the mean log q of replicas (R, keep, N), kept if other replicas' log q rises too."""
        q = self.at(target)
        if q is None or not self.model.num_parameters or spins.shape[1] < 4:
            return
        half = len(spins) // 2
        learnt, held = (part.reshape(-1, spins.shape[-1]) for part in (spins[:half], spins[half:]))
        before = _copy(self.model)
        generator = torch.Generator().manual_seed(hash_key(self.seed, "log partition, lessons", target) >> 1)
        rate = RATE * self.model.head_config.learning_rate
        stepper = torch.optim.Adam([p for p in self.model.parameters() if p.requires_grad], lr=rate)
        end = clock.seconds + seconds
        held = held[torch.randperm(len(held), generator=generator)[: 4 * BATCH]]
        with torch.no_grad():
            start = float(q.log_prob(held).mean())
        for _ in range(TAUGHT_STEPS):
            if clock.seconds >= end or clock.interrupted:
                break
            some = learnt[torch.randint(len(learnt), (BATCH,), generator=generator)]
            stepper.zero_grad(set_to_none=True)
            with torch.enable_grad():
                (-q.log_prob(some).mean()).backward()
            stepper.step()
        with torch.no_grad():
            better = float(q.log_prob(held).mean()) > start
        self.weights[target] = _copy(self.model) if better else before

    def at(self, target: int) -> Any:
        if target not in self.weights:
            return None
        if self.weights[target]:
            self.model.load_state_dict(self.weights[target])
        self.model.trained_beta = self.targets[target]
        return self.model.at(self.targets[target])


def _copy(model: Autoregressive) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def make(
    graph: IsingGraph | SpinHypergraph, targets: Sequence[float], seed: int, full: bool
) -> tuple[Messages | None, Annealed | None]:
    """Both models; none where the graph has too many couplings for it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dense = graph.couplings.numel() > MAX_COUPLINGS
        pairs = isinstance(graph, IsingGraph) and graph.couplings.numel() <= MAX_DEGREE * graph.num_spins
        messages = Messages(graph, targets, seed) if pairs and not dense else None
        return messages, None if dense else Annealed(graph, targets, seed, full)


MAX_COUPLINGS = 20_000
"""Beyond, training takes longer than there is any use for beside tempering."""

MAX_DEGREE = 4
"""Couplings a spin: beyond, messages without training say little and cost much."""
