"""Variational neural annealing: train at each β or Γ in turn, each starting from the weights of the one before.

M. Hibat-Allah et al., `Nat. Mach. Intell. 3, 952 (2021) <https://arxiv.org/abs/2101.10154>`_; the protocol for
sparse models is that of `arXiv:2402.16579 <https://arxiv.org/abs/2402.16579>`_.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from os import PathLike
from typing import Any, overload

import numpy as np
import torch
from torch import nn
from torch.optim import Optimizer

from graphar._support.interrupt import finish_step_first
from graphar._support.processes import joined, naming_checkpoint
from graphar._support.seeds import hash_key
from graphar.estimators.partition import evaluate
from graphar.estimators.quantum import evaluate_quantum
from graphar.exact.transverse import check_transverse_field
from graphar.kernels.compiled.threads import torch_alone
from graphar.models.agreement import agree_on_model
from graphar.models.autoregressive import Autoregressive, check_model
from graphar.training.average import WeightAverage
from graphar.training.checkpoint import label_text, read_checkpoint, write_checkpoint
from graphar.training.gradients import gradient_norm, sum_gradients
from graphar.training.many import anneal_many
from graphar.training.objective import Objective, does_little, trace_row, variational_step
from graphar.training.run import BetaRecord, Run, step_bar, warn_of_collapse
from graphar.training.settings import describe_optimizer, settings_of
from graphar.training.steppers import make_stepper

__all__ = ["anneal"]

SAVE_SECONDS = 60.0  # how much work a crash may lose, apart from what each finished β saves


@overload
def anneal(
    model: Autoregressive,
    beta: float | Iterable[float] | None = ...,
    steps: int = ...,
    *,
    transverse_field: float | Iterable[float] | None = ...,
    entropy: bool | None = ...,
    warmup: int = ...,
    batch_size: int = ...,
    seed: int = ...,
    optimizer: Callable[[Iterable[nn.Parameter]], Optimizer] | None = ...,
    learning_rate: float | None = ...,
    clip_norm: float | None = ...,
    average: bool = ...,
    evaluate_samples: int | None = ...,
    ground_energy: float | None = ...,
    callbacks: Sequence[Callable[[Run], Any]] = ...,
    checkpoint: str | PathLike[str] | None = ...,
    resume: str | PathLike[str] | None = ...,
    progress: bool = ...,
) -> Run: ...
@overload
def anneal(
    model: Sequence[Autoregressive],
    beta: float | Iterable[float] | None = ...,
    steps: int = ...,
    *,
    transverse_field: float | Iterable[float] | None = ...,
    entropy: bool | None = ...,
    warmup: int = ...,
    batch_size: int = ...,
    seed: int = ...,
    optimizer: Callable[[Iterable[nn.Parameter]], Optimizer] | None = ...,
    learning_rate: float | None = ...,
    clip_norm: float | None = ...,
    average: bool = ...,
    evaluate_samples: int | None = ...,
    ground_energy: float | None = ...,
    callbacks: Sequence[Callable[[Run], Any]] = ...,
    checkpoint: None = ...,
    resume: None = ...,
    progress: bool = ...,
) -> tuple[Run, ...]: ...
def anneal(
    model: Any,
    beta: float | Iterable[float] | None = None,
    steps: int = 200,
    *,
    transverse_field: float | Iterable[float] | None = None,
    entropy: bool | None = None,
    warmup: int = 500,
    batch_size: int = 1024,
    seed: int = 0,
    optimizer: Callable[[Iterable[nn.Parameter]], Optimizer] | None = None,
    learning_rate: float | None = None,
    clip_norm: float | None = None,
    average: bool = True,
    evaluate_samples: int | None = None,
    ground_energy: float | None = None,
    callbacks: Sequence[Callable[[Run], Any]] = (),
    checkpoint: str | PathLike[str] | None = None,
    resume: str | PathLike[str] | None = None,
    progress: bool = True,
) -> Any:
    r"""Minimise the variational free energy of a model along a schedule of β, or of a transverse field, or of both.

    .. math:: \beta F_q = \langle \log q + \beta E \rangle_q \ge \beta F

    With a transverse field Γ the model stands for the wave function ψ = √q, and E for the local energy of
    :math:`H = H_\text{cl} - \Gamma \sum_i \sigma^x_i`,

    .. math:: E_\text{loc}(x) = H_\text{cl}(x) - \Gamma \sum_i \sqrt{q(x^i) / q(x)}, \qquad
        \langle E_\text{loc} \rangle_q = \langle \psi | H | \psi \rangle \ge E_0

    ``beta`` alone is classical annealing (VCA); ``transverse_field`` alone quantum annealing (VQA), which minimises
    ⟨H⟩; both together regularised quantum annealing (RVQA), which minimises ⟨H⟩ − S/β; :mod:`graphar.protocols` has
    them as keyword arguments.

    The model is trained in place; one with nothing to learn is evaluated at every β. Ctrl-C ends the run after the step
    under way and returns all there is; a second one stops at once.

    References: `arXiv:2101.10154 <https://arxiv.org/abs/2101.10154>`_,
    `arXiv:2402.16579 <https://arxiv.org/abs/2402.16579>`_.

    Args:
        model: the model; or a list of models, of which number k is trained by seed + k as it would be alone. Small ones
            with :class:`~graphar.heads.Linear`, :class:`~graphar.heads.MLP` or
            :class:`~graphar.heads.SherringtonKirkpatrick` heads that learn all sites take their steps together, where
            ``optimizer``, ``clip_norm``, ``transverse_field``, ``entropy`` and ``callbacks`` are the default ones:
            with batches of 256 nine times as fast as one after the other, which is how all others are taken.
        beta: schedule, such as ``ga.linear(0.05, 3.0, 60)``; every value positive. Without it there is no temperature,
            and heads work at β = 1.
        steps: optimisation steps at each β.
        transverse_field: schedule of Γ ≥ 0, such as ``ga.linear(2.0, 0.0, 40)``, of as many values as ``beta`` where
            both have several.
        entropy: whether the entropy counts; by default where ``beta`` is given. Without it β merely scales what heads
            read, and gradients.
        warmup: steps at the first β before its own.
        batch_size: samples per step, at least 2.
        seed: of all samples drawn.
        optimizer: from parameters to a torch optimiser, such as ``lambda p: torch.optim.SGD(p, 0.1)``; Adam by default.
        learning_rate: of the default optimiser; by default the head's own, :attr:`graphar.heads.Head.learning_rate`.
        clip_norm: largest norm of the whole gradient; not clipped by default.
        average: whether a β's record, and the model when the run ends, take the mean of the weights over the second
            half of the steps at that β. Training goes on from the weights themselves and is the same either way.
        evaluate_samples: fresh samples after each β for the record's numbers; ``batch_size`` by default.
        ground_energy: lowest energy of H_cl, for records of the residual energy; by default that of ``graph.planted``.
        callbacks: called with the run after each β, once its checkpoint is written; one that returns True, and not
            merely something that counts as true, ends the run.
        checkpoint: file written after each β, about every minute, and when interrupted; of a single model.
        resume: checkpoint to go on from; the result is the same as without the interruption.
        progress: whether to show a progress bar.

    Returns:
        The run: a record for each β, the lowest energy met, and its spins; of a list of models, a tuple of runs.

    Raises:
        ValueError: an argument breaks its rule, the checkpoint belongs to another model or other settings, or the
            objective stops being finite (the checkpoint on disk, if any, is the last sound one).

    Warns:
        UserWarning: the bound lies above an energy that was met, which only a failed training does.

    >>> import graphar as ga
    >>> model = ga.Autoregressive(ga.chain(8, couplings="ferromagnet"))
    >>> run = anneal(model, [0.5, 1.0], steps=5, warmup=0, batch_size=32, progress=False)
    >>> [record.beta for record in run.history], run.best_energy
    ([0.5, 1.0], -7.0)
    >>> run = anneal(model, transverse_field=[1.0, 0.5], steps=5, warmup=0, batch_size=32, progress=False)
    >>> [record.transverse_field for record in run.history], run.trace
    ([1.0, 0.5], Trace(10 steps))
    """
    options: dict[str, Any] = {
        "beta": beta,
        "steps": steps,
        "warmup": warmup,
        "batch_size": batch_size,
        "seed": seed,
        "learning_rate": learning_rate,
        "clip_norm": clip_norm,
        "average": average,
        "evaluate_samples": evaluate_samples,
        "transverse_field": transverse_field,
        "entropy": entropy,
        "ground_energy": ground_energy,
    }
    if isinstance(model, (list, tuple)):
        rest = {"optimizer": optimizer, "callbacks": callbacks}
        return anneal_many(list(model), options, rest, (checkpoint, resume), progress, anneal)
    check_model(model)
    settings = settings_of(model, options)
    schedule, limit = settings["schedule"], settings["clip_norm"] or math.inf
    fields = settings["transverse_field"] or [0.0] * len(schedule)
    weights = [parameter for parameter in model.parameters() if parameter.requires_grad]
    stepper = make_stepper(weights, optimizer, settings["learning_rate"])
    settings["optimizer"] = "none" if stepper is None else describe_optimizer(stepper)
    if checkpoint is not None:
        label_text(model)  # names that no file can keep are refused before a step is done
    run = Run(settings)
    mean = WeightAverage(weights, settings["warmup"], settings["steps"], settings["average"])
    group, energy_of = joined(), model.graph.frozen_energy()
    if resume is not None:
        group.agree(resume=True)  # the file of a run before is written when process 0 has come here
        run = read_checkpoint(resume, model, stepper, settings, mean)
    agree_on_model(group, model, **settings, resume=[resume is not None, run.step, len(run.history)])

    def save() -> None:
        mean.show()
        if checkpoint is not None and group.first:
            write_checkpoint(checkpoint, model, stepper, run, mean.trained)

    def finish(now: float, norm: float) -> bool:
        """Record a β that is done, and save; whether a callback ends the run. The model holds the mean from here on."""
        mean.show()
        key = hash_key(settings["seed"], "evaluation", len(run.history))
        evaluation = evaluate(model.at(now), settings["evaluate_samples"], key, group)
        quantum = None
        if settings["transverse_field"] is not None:
            field = check_transverse_field(fields[len(run.history)], model.num_spins)
            quantum = evaluate_quantum(model.at(now), field, settings["evaluate_samples"], key, group)
        run.update_best(evaluation.best_energy, evaluation.best_spins)
        run.finish(BetaRecord.of(evaluation, quantum, run, norm))
        save()
        warn_of_collapse(run.history[-1], settings["entropy"])
        answers = [callback(run) for callback in callbacks]
        return group.any(any(isinstance(answer, bool | np.bool_) and bool(answer) for answer in answers))

    total = warmup + steps * len(schedule) if stepper is not None else 0
    saved, show = time.monotonic(), progress and group.first
    with (
        naming_checkpoint(checkpoint),
        torch.enable_grad(),
        finish_step_first() as stop,
        step_bar(total, run.step, show) as bar,
        mean,
    ):
        while stepper is not None and run.step < total and not stop.requested:
            stage = _stage(run.step, warmup, steps)
            now, objective = schedule[stage], Objective(fields[stage], settings["entropy"])
            started = time.perf_counter()
            mean.hide()
            stepper.zero_grad(set_to_none=True)
            q = model.at(now)
            key = hash_key(settings["seed"], "training", run.step)
            result = variational_step(q, batch_size, key, objective, group)
            stop.requested = sum_gradients(group, weights, stop.requested)
            with torch_alone():  # so that the order of its sum is that of one thread
                norm = gradient_norm(weights, limit)
            if not (math.isfinite(norm) and bool(torch.isfinite(result.loss).all())):
                raise ValueError(f"beta F must stay finite, got NaN or inf at beta = {now:g}, step {run.step}")
            model.trained_beta = now  # what an optimiser may ask for
            with torch_alone(does_little(q)):
                stepper.step()
                run.update_best(float(energy_of(result.best_spins)), result.best_spins)
                row = trace_row(result, now, float(model.graph.offset))
                run.rows.append(*row)
                run.step += 1
                mean.follow(run.step)
            run.seconds_at_beta += time.perf_counter() - started
            text = f"{row[3] / model.num_spins:.6f}  best {run.best_energy:g}"
            if settings["transverse_field"] is not None:
                text = f"Γ {objective.transverse_field:.3g}  {'(⟨H⟩ − TS)' if objective.entropy else '⟨H⟩'}/N {text}"
            else:
                text = f"β {now:.3g}  {'F' if objective.entropy else 'E'}/N {text}"
            bar.set_postfix_str(text, refresh=False)
            bar.update()
            stage_done = run.step == total or _stage(run.step, warmup, steps) != _stage(run.step - 1, warmup, steps)
            if stage_done and finish(now, norm):
                break
            if stage_done or time.monotonic() - saved > SAVE_SECONDS:
                if not stage_done:
                    save()
                saved = time.monotonic()
        if stepper is None:  # nothing to learn: every β is evaluated as it is
            for now in schedule[len(run.history) :]:
                model.trained_beta = now
                if group.any(stop.requested) or finish(now, 0.0):
                    break
    done = run.step >= total and (stepper is not None or len(run.history) == len(schedule))
    run.interrupted = stop.requested and not done
    if run.interrupted:
        save()
    return run


def _stage(step: int, warmup: int, steps: int) -> int:
    """Index of the β that a step belongs to; the warm-up belongs to the first."""
    return max(0, step - warmup) // steps
