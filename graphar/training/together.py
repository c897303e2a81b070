"""Many small models annealed as one: the same steps as of each by itself, launched once for all.

Every member has a loss, a baseline and random bits of its own, and Adam takes each weight by itself: what a member
learns is what it learns alone, whatever else is in the union.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from graphar._support.interrupt import StopFlag
from graphar._support.seeds import hash_key
from graphar.estimators.partition import evaluate_union
from graphar.kernels.compiled.threads import torch_alone
from graphar.models.autoregressive import Autoregressive
from graphar.models.union import Union, UnionSamples
from graphar.training.average import WeightAverage
from graphar.training.run import BetaRecord, Run
from graphar.training.settings import describe_optimizer
from graphar.training.steppers import make_stepper
from graphar.training.trace import TraceRows

__all__ = ["anneal_union"]


def anneal_union(
    models: Sequence[Autoregressive],
    settings: Sequence[dict[str, Any]],
    stop: StopFlag,
    tell: Callable[[int, str], Any],
) -> list[Run]:
    """A run of each model, by settings that differ in seeds and ground energies alone.

    Args:
        models: of one kind, see :func:`graphar.models.union.unions`.
        settings: of each.
        stop: asked before each step.
        tell: told of every step, by the number of models and what it was at.

    Raises:
        ValueError: an objective stops being finite.
    """
    union, common = Union(models), settings[0]
    weights = list(union.head.parameters())
    stepper = make_stepper(weights, None, common["learning_rate"])
    assert stepper is not None
    runs = [Run({**own, "optimizer": describe_optimizer(stepper)}) for own in settings]
    mean = WeightAverage(weights, common["warmup"], common["steps"], common["average"])
    rows: list[Tensor] = []
    schedule, warmup, steps = common["schedule"], common["warmup"], common["steps"]
    with torch.enable_grad(), _handed_back(union), mean, torch_alone():
        started = time.perf_counter()
        for step in range(warmup + steps * len(schedule)):
            if stop.requested:
                break
            beta = schedule[max(0, step - warmup) // steps]
            mean.hide()
            stepper.zero_grad(set_to_none=True)
            keys = [hash_key(own["seed"], "training", step) for own in settings]
            drawn = union.sample(beta, keys, common["batch_size"], differentiable=True)
            loss = drawn.log_prob.detach() + beta * drawn.energy
            centred = loss - loss.mean(1, keepdim=True)
            drawn.log_prob.backward(centred / (common["batch_size"] - 1))
            _check_finite(loss, weights, beta, step)
            stepper.step()
            _look(union, runs, drawn)
            rows.append(_row(drawn, loss, beta))
            mean.follow(step + 1)
            for model, run in zip(models, runs, strict=True):
                model.trained_beta, run.step = beta, step + 1
            tell(len(models), f"β {beta:.3g}")
            if step + 1 > warmup and (step + 1 - warmup) % steps == 0:
                each = (time.perf_counter() - started) / len(models)
                norms = union.gradient_norms()
                mean.show()
                _record(union, runs, beta, norms, each)
                started = time.perf_counter()
    table = torch.stack(rows, 1) if rows else torch.zeros(len(models), 0, 5, dtype=torch.float64)
    for member, (model, run) in enumerate(zip(models, runs, strict=True)):
        offset = float(model.graph.offset)
        run.rows = TraceRows(table[member] + torch.tensor([offset, 0.0, 0.0, offset, 0.0], dtype=torch.float64))
        run.interrupted = run.step < warmup + steps * len(schedule)
    return runs


@contextmanager
def _handed_back(union: Union) -> Iterator[None]:
    """Whatever ends the training, the models have what was learnt."""
    try:
        yield
    finally:
        union.hand_back()


def _check_finite(loss: Tensor, weights: list[torch.nn.Parameter], beta: float, step: int) -> None:
    bad = ~torch.isfinite(loss).all(1)
    gradients = [weight.grad.sum() for weight in weights if weight.grad is not None]
    if bool(bad.any()) or not math.isfinite(float(torch.stack(gradients).sum())):
        where = f"model {int(bad.nonzero()[0])} of a union, " if bool(bad.any()) else ""
        raise ValueError(f"beta F must stay finite, got NaN or inf at {where}beta = {beta:g}, step {step}")


def _row(drawn: UnionSamples, loss: Tensor, beta: float) -> Tensor:
    """What traces keep of a step, (members, columns), without the offsets."""
    energy, entropy = drawn.energy.mean(1), -drawn.log_prob.detach().mean(1)
    return torch.stack([energy, entropy, torch.zeros_like(energy), loss.mean(1) / beta, loss.var(1) / beta**2], 1)


def _look(union: Union, runs: list[Run], drawn: UnionSamples) -> None:
    """Remember the lowest energies of a batch, where they are the lowest so far."""
    sample = drawn.energy.argmin(1)
    found = union.energies(drawn.rows, sample).tolist()
    for member, (run, energy) in enumerate(zip(runs, found, strict=True)):
        if energy < run.best_energy:
            spins = union.configuration(drawn.rows, member, int(sample[member]))
            run.update_best(float(union.models[member].graph.energy(spins)), spins)


def _record(union: Union, runs: list[Run], beta: float, norms: list[float], seconds: float) -> None:
    keys = [hash_key(run.settings["seed"], "evaluation", len(run.history)) for run in runs]
    collapsed = []
    for member, result in enumerate(evaluate_union(union, beta, runs[0].settings["evaluate_samples"], keys)):
        run = runs[member]
        run.seconds_at_beta = seconds
        run.update_best(result.best_energy, result.best_spins)
        run.finish(BetaRecord.of(result, None, run, norms[member]))
        if run.history[-1].lies_above_met(True):
            collapsed.append(member)
    if collapsed:
        warnings.warn(
            f"at beta = {beta:g} the bounds of {len(collapsed)} of {len(runs)} models lie above the energy of a single "
            "configuration seen: training diverged or barely began; lower learning_rate or take more steps",
            stacklevel=4,
        )
