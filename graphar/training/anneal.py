"""Variational neural annealing: train at each β in turn, each starting from the weights of the one before.

M. Hibat-Allah et al., `Nat. Mach. Intell. 3, 952 (2021) <https://arxiv.org/abs/2101.10154>`_; the protocol for
sparse models is that of `arXiv:2402.16579 <https://arxiv.org/abs/2402.16579>`_.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from os import PathLike
from typing import Any

import torch
from torch import nn
from torch.optim import Adam, Optimizer

from graphar._checks import check_count
from graphar._random import make_generator
from graphar.autoregressive import Autoregressive
from graphar.estimators.partition import evaluate
from graphar.training._interrupt import finish_step_first
from graphar.training.checkpoint import read_checkpoint, write_checkpoint
from graphar.training.objective import variational_step
from graphar.training.run import BetaRecord, Run
from graphar.training.schedules import as_schedule

__all__ = ["anneal"]

SAVE_SECONDS = 60.0  # how much work a crash may lose, apart from what each finished β saves


def anneal(
    model: Autoregressive,
    beta: float | Iterable[float],
    steps: int = 200,
    *,
    warmup: int = 500,
    batch_size: int = 1024,
    seed: int = 0,
    optimizer: Callable[[Iterable[nn.Parameter]], Optimizer] | None = None,
    learning_rate: float = 1e-3,
    clip_norm: float | None = None,
    evaluate_samples: int | None = None,
    callbacks: Sequence[Callable[[Run], Any]] = (),
    checkpoint: str | PathLike[str] | None = None,
    resume: str | PathLike[str] | None = None,
    progress: bool = True,
) -> Run:
    r"""Minimise the variational free energy of a model along a schedule of β.

    .. math:: \beta F_q = \langle \log q + \beta E \rangle_q \ge \beta F

    The model is trained in place. Ctrl-C ends the run after the step under way and returns all there is; a
    second one stops at once.

    References: `arXiv:2101.10154 <https://arxiv.org/abs/2101.10154>`_,
    `arXiv:2402.16579 <https://arxiv.org/abs/2402.16579>`_.

    Args:
        model: the model.
        beta: schedule, such as ``ga.linear(0.05, 3.0, 60)``; every value positive.
        steps: optimisation steps at each β.
        warmup: steps at the first β before its own.
        batch_size: samples per step, at least 2.
        seed: of all samples drawn.
        optimizer: from parameters to a torch optimiser, such as ``lambda p: torch.optim.SGD(p, 0.1)``; Adam by default.
        learning_rate: of the default optimiser.
        clip_norm: largest norm of the whole gradient; not clipped by default.
        evaluate_samples: fresh samples after each β for the record's numbers; ``batch_size`` by default.
        callbacks: called with the run after each β; one that returns True ends the run.
        checkpoint: file written after each β, about every minute, and when interrupted.
        resume: checkpoint to go on from; the result is the same as without the interruption.
        progress: whether to show a progress bar.

    Returns:
        The run: a record for each β, the lowest energy met, and its spins.

    Raises:
        ValueError: an argument breaks its rule, the checkpoint belongs to another model or other settings, or the
            objective stops being finite (the checkpoint on disk, if any, is the last sound one).

    >>> import graphar as ga
    >>> model = ga.Autoregressive(ga.chain(8, couplings="ferromagnet"))
    >>> run = anneal(model, [0.5, 1.0], steps=5, warmup=0, batch_size=32, progress=False)
    >>> [record.beta for record in run.history], run.best_energy
    ([0.5, 1.0], -7.0)
    """
    schedule = as_schedule(beta)
    check_count(steps, "steps")
    check_count(warmup, "warmup", 0)
    check_count(batch_size, "batch_size", 2)
    if not learning_rate > 0:
        raise ValueError(f"learning_rate must be positive, got {learning_rate}")
    if clip_norm is not None and not clip_norm > 0:
        raise ValueError(f"clip_norm must be positive, got {clip_norm}")
    evaluated = check_count(evaluate_samples or batch_size, "evaluate_samples", 2)
    weights = [parameter for parameter in model.parameters() if parameter.requires_grad]
    stepper = Adam(weights, lr=learning_rate) if optimizer is None else optimizer(weights)
    generator = make_generator(seed, None)
    settings = {
        "schedule": list(schedule),
        "steps": steps,
        "warmup": warmup,
        "batch_size": batch_size,
        "seed": seed,
        "learning_rate": learning_rate,
        "clip_norm": clip_norm,
        "evaluate_samples": evaluated,
        "optimizer": type(stepper).__name__,
    }
    run = Run(settings)
    if resume is not None:
        run = read_checkpoint(resume, model, stepper, generator, settings)

    def save() -> None:
        if checkpoint is not None:
            write_checkpoint(checkpoint, model, stepper, generator, run)

    total = warmup + steps * len(schedule)
    saved = time.monotonic()
    with finish_step_first() as stop, _bar(total, run.step, progress) as bar:
        while run.step < total and not stop.requested:
            now = schedule[_stage(run.step, warmup, steps)]
            q = model.at(now)
            started = time.perf_counter()
            stepper.zero_grad(set_to_none=True)
            result = variational_step(q, batch_size, generator)
            if not bool(torch.isfinite(result.loss).all()):
                raise ValueError(f"beta F is not finite at beta = {now:g}, step {run.step}; lower learning_rate")
            limit = math.inf if clip_norm is None else clip_norm
            norm = float(nn.utils.clip_grad_norm_(weights, limit, error_if_nonfinite=True))
            stepper.step()
            run.saw(float(model.graph.energy(result.best_spins)), result.best_spins)
            run.step += 1
            run.seconds_at_beta += time.perf_counter() - started
            bound = float(result.loss.mean()) / now + float(model.graph.offset)
            bar.set_postfix_str(
                f"β {now:.3g}  F/N {bound / model.num_spins:.6f}  best {run.best_energy:g}", refresh=False
            )
            bar.update()
            stage_done = run.step == total or _stage(run.step, warmup, steps) != _stage(run.step - 1, warmup, steps)
            if stage_done and run.step >= warmup + steps:
                record = BetaRecord.of(evaluate(q, evaluated, generator), run, norm)
                run.finish(record)
                if any(callback(run) is True for callback in callbacks):
                    break
            if stage_done or time.monotonic() - saved > SAVE_SECONDS:
                save()
                saved = time.monotonic()
    run.interrupted = stop.requested
    if run.step < total:
        save()
    return run


def _stage(step: int, warmup: int, steps: int) -> int:
    """Index of the β that a step belongs to; the warm-up belongs to the first."""
    return max(0, step - warmup) // steps


def _bar(total: int, done: int, show: bool) -> Any:
    from tqdm.auto import tqdm

    return tqdm(total=total, initial=done, disable=not show, unit="step", desc="annealing", dynamic_ncols=True)
