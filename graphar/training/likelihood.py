r"""Training on samples: forward KL, alone or mixed with the variational objective.

.. math:: (1 - v)\, \langle -\log q \rangle_p + v\, \langle \log q + \beta E \rangle_q
          = (1 - v)\, \text{KL}(p \| q) + v\, \text{KL}(q \| p) + \text{const}

The first part is maximum likelihood on samples of p: it falls where p has states that q lacks, which the second does
not see, as it looks at samples of q alone. With logits that are linear in the weights it is convex, so that it has one
minimum, where what each logit reads has the same correlations with x_i under q(x_i | x_<i) as in the samples.

M. Gabrié, G. M. Rotskoff, E. Vanden-Eijnden, `PNAS 119, e2109420119 (2022) <https://arxiv.org/abs/2105.12603>`_.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from graphar._support.checks import as_float_tensor, check_count, check_number, check_positive, check_spins
from graphar._support.group import Group
from graphar._support.interrupt import finish_step_first
from graphar._support.processes import joined
from graphar._support.seeds import check_seed, hash_key, make_generator
from graphar.kernels.compiled.threads import torch_alone
from graphar.models.agreement import agree_on_model
from graphar.models.autoregressive import Autoregressive, check_model
from graphar.models.distribution import Distribution
from graphar.training.fitted import Fit, FitRecord
from graphar.training.gradients import gradient_norm, sum_gradients
from graphar.training.objective import does_little, variational_step
from graphar.training.steppers import make_stepper

__all__ = ["fit", "likelihood_step"]

EVALUATIONS = 50  # of a run, unless it is told otherwise


def likelihood_step(q: Distribution, spins: Tensor, weights: Tensor) -> None:
    r"""Add the gradient of −Σ_b w_b log q(x_b) to the ``.grad`` of the model's weights.

    Where some sites are exact, only the learned ones have one.

    Args:
        q: the model at its β.
        spins: ±1, shape (batch, N).
        weights: w of each, float64, (batch,).
    """
    with torch.enable_grad(), torch_alone(does_little(q)):
        for x, share in zip(spins.split(q.chunk_size), weights.split(q.chunk_size), strict=True):
            log_q = q.core_log_prob(x.to(q.model.device))
            if log_q.requires_grad:
                (-(share.to(log_q.device) @ log_q)).backward()


def fit(
    model: Autoregressive,
    spins: Any,
    beta: float,
    *,
    weights: Any = None,
    variational: float = 0.0,
    steps: int = 1000,
    batch_size: int = 1024,
    validation: float = 0.1,
    evaluate_every: int | None = None,
    patience: int | None = 10,
    seed: int = 0,
    optimizer: Callable[[Iterable[nn.Parameter]], Optimizer] | None = None,
    learning_rate: float | None = None,
    clip_norm: float | None = None,
    progress: bool = True,
) -> Fit:
    r"""Teach a model samples of the Boltzmann distribution, by maximum likelihood.

    .. math:: (1 - v)\, \langle -\log q \rangle_p + v\, \langle \log q + \beta E \rangle_q

    The model is trained in place, going on from its weights. It learns the states that the samples have, also those
    that variational training has lost, and no others; :func:`graphar.bennett` then tells how much of them it covers.
    The learning rate falls linearly to zero. Ctrl-C ends the training after the step under way.

    Reference: `arXiv:2105.12603 <https://arxiv.org/abs/2105.12603>`_.

    Args:
        model: the model.
        spins: samples at ``beta``, ±1, shape (n, N) or (chains, time, N), as tempering and chains keep them.
        beta: inverse temperature β > 0 at which the model is to have them.
        weights: of the samples, not negative, shape of ``spins`` without N; equal by default.
        variational: share v of the variational objective, 0 ≤ v < 1, on samples of the model itself.
        steps: optimisation steps at most.
        batch_size: samples per step, at least 2, taken in turn from ``spins`` in an order that is drawn anew each time
            all have been taken.
        validation: share of the samples that is held out: whole chains where there are several. The model is left with
            the weights that were best on these. With 0 none are, and the last weights stay.
        evaluate_every: steps between evaluations; fifty in all by default.
        patience: evaluations without progress after which training stops early; None for never.
        seed: of what is held out, of batches, and of samples of the model.
        optimizer: from parameters to a torch optimiser; Adam by default.
        learning_rate: of Adam; by default the head's own.
        clip_norm: largest norm of the whole gradient; not clipped by default.
        progress: whether to show a progress bar.

    Returns:
        How training went.

    Raises:
        ValueError: an argument breaks its rule, or the objective stops being finite.

    >>> import graphar as ga
    >>> graph = ga.grid((3, 3), couplings="pm1", seed=1)
    >>> model = ga.Autoregressive(graph)
    >>> samples = ga.exact.enumerate(graph, 1.0).sample(4000, seed=0)
    >>> result = fit(model, samples, 1.0, steps=50, progress=False)
    >>> bool(result.best.log_likelihood > result.history[0].log_likelihood)
    True
    """
    check_model(model)
    now = check_positive(beta, "beta")
    x, w, held, held_w = _split(model, spins, weights, validation, seed)
    share = check_number(variational, "variational")
    if not 0 <= share < 1:
        raise ValueError(f"variational must be a share of 0 to less than 1, got {variational!r}")
    steps, batch = check_count(steps, "steps"), check_count(batch_size, "batch_size", 2)
    every = max(1, steps // EVALUATIONS) if evaluate_every is None else check_count(evaluate_every, "evaluate_every")
    rate = model.head_config.learning_rate if learning_rate is None else check_positive(learning_rate, "learning_rate")
    limit = math.inf if clip_norm is None else check_positive(clip_norm, "clip_norm")
    result = Fit(
        {
            "beta": now,
            "samples": len(x),
            "held_out": 0 if held is None else len(held),
            "variational": share,
            "steps": steps,
            "batch_size": batch,
            "evaluate_every": every,
            "patience": None if patience is None else check_count(patience, "patience"),
            "seed": check_seed(seed),
        }
    )
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    stepper = make_stepper(learned, optimizer, rate)
    rates = [] if stepper is None else [group["lr"] for group in stepper.param_groups]
    q, best = model.at(now), _copies(learned)
    seen, seen_w = (x, w) if held is None or held_w is None else (held, held_w)
    result.history.append(_evaluate(q, seen, seen_w, result))
    group = joined()
    agree_on_model(group, model, spins=x, weights_of_spins=w, held=held, learning_rate=rate, **result.settings)
    batches, started = _batches(len(x), batch, seed), time.perf_counter()
    with finish_step_first() as stop, _bar(steps, progress and stepper is not None and group.first) as bar:
        while stepper is not None and result.step < steps and not (stop.requested or result.stopped_early):
            for options, first in zip(stepper.param_groups, rates, strict=True):
                options["lr"] = first * (1 - result.step / steps)
            stepper.zero_grad(set_to_none=True)
            rows = next(batches)
            own = group.share(len(rows))
            mine = rows[own.start : own.stop]
            likelihood_step(q, x[mine], (1 - share) * w[mine] / len(rows))
            if share:
                _add_variational(q, batch, hash_key(seed, "fit, samples", result.step), share, learned, group)
            stop.requested = sum_gradients(group, learned, stop.requested)
            with torch_alone():  # so that the order of its sum is that of one thread
                norm = gradient_norm(learned, limit)
            if not math.isfinite(norm):
                raise ValueError(f"the objective must stay finite, got a gradient of {norm} at step {result.step}")
            model.trained_beta = now
            with torch_alone(does_little(q)):
                stepper.step()
            result.step += 1
            bar.update()
            if result.step % every == 0 or result.step == steps or stop.requested:
                result.history.append(_evaluate(q, seen, seen_w, result))
                bar.set_postfix_str(f"log q/N {result.history[-1].log_likelihood / model.num_spins:.5f}", refresh=False)
                if result.best is result.history[-1]:
                    best = _copies(learned)
                result.stopped_early = result.step < steps and _stuck(result)
    if held is not None:
        with torch.no_grad():
            for parameter, kept in zip(learned, best, strict=True):
                parameter.copy_(kept)
    model.trained_beta = now
    result.seconds = time.perf_counter() - started
    result.interrupted = stop.requested and result.step < steps
    return result


def _split(
    model: Autoregressive, spins: Any, weights: Any, validation: Any, seed: int
) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
    """Samples to learn from and samples held out, (n, N), int8, with weights of mean one each."""
    given = check_spins(spins, model.num_spins).detach().cpu().to(torch.int8)
    if given.dim() < 2 or not given.numel():
        raise ValueError(f"spins must have shape (n, {model.num_spins}) or more axes, got {tuple(given.shape)}")
    w = torch.ones(given.shape[:-1], dtype=torch.float64)
    if weights is not None:
        w = as_float_tensor(weights, "weights", torch.float64).detach().cpu()
        if w.shape != given.shape[:-1]:
            raise ValueError(f"weights must have shape {tuple(given.shape[:-1])}, got {tuple(w.shape)}")
        if bool((w < 0).any()) or not bool((w > 0).any()):
            raise ValueError(f"weights must not be negative and not all be zero, got {w.min().item()} among them")
    share = check_number(validation, "validation")
    if not 0 <= share < 1:
        raise ValueError(f"validation must be a share of 0 to less than 1, got {validation!r}")
    groups = given.flatten(0, -3) if given.dim() > 2 else given
    if given.dim() > 2 and len(groups) == 1:
        groups = groups[0]
    w = w.reshape(groups.shape[:-1])
    if share == 0:
        return groups.reshape(-1, model.num_spins), _normal(w), None, None
    if len(groups) < 2:
        raise ValueError("validation must be 0 where there is one sample alone")
    count = min(len(groups) - 1, max(1, round(share * len(groups))))
    order = torch.randperm(len(groups), generator=make_generator(seed, None, "fit, held out"))
    parts = order[count:], order[:count]
    for part in parts:
        if not bool((w[part] > 0).any()):
            raise ValueError("weights must be positive for more samples, got none among those held out or the others")
    x, held = (groups[part].reshape(-1, model.num_spins) for part in parts)
    return x, _normal(w[parts[0]]), held, _normal(w[parts[1]])


def _normal(weights: Tensor) -> Tensor:
    flat = weights.reshape(-1)
    return flat / flat.mean()


def _batches(count: int, size: int, seed: int) -> Iterator[Tensor]:
    """Rows of a batch, for ever: all of them in an order drawn anew, and so on."""
    generator, size = make_generator(seed, None, "fit, batches"), min(size, count)
    rest = torch.empty(0, dtype=torch.int64)
    while True:
        if len(rest) < size:
            rest = torch.cat([rest, torch.randperm(count, generator=generator)])
        yield rest[:size]
        rest = rest[size:]


def _add_variational(
    q: Distribution, batch: int, key: int, share: float, learned: list[nn.Parameter], group: Group
) -> None:
    """Add a share of the variational gradient, which its step adds whole."""
    before = [None if weight.grad is None else weight.grad.clone() for weight in learned]
    for weight in learned:
        weight.grad = None
    with torch.enable_grad():
        variational_step(q, batch, key, group=group)
    for weight, other in zip(learned, before, strict=True):
        own = torch.zeros_like(weight) if weight.grad is None else share * weight.grad
        weight.grad = own if other is None else own + other


@torch.no_grad()
def _evaluate(q: Distribution, spins: Tensor, weights: Tensor, result: Fit) -> FitRecord:
    share, bound = result.settings["variational"], math.nan
    log_q = q.log_prob(spins).cpu().double()
    with torch_alone():  # the order of long sums is that of one thread, whatever their number
        mean = float((weights * log_q).mean())
        objective = -mean
        if share:
            key = hash_key(result.settings["seed"], "fit, evaluation")
            loss = [part.log_prob + q.beta * part.energy for part in q.draw(result.settings["batch_size"], key)]
            bound = float(torch.cat(loss).mean()) + q.beta * float(q.graph.offset)
            objective = (1 - share) * objective + share * bound
    if not math.isfinite(objective):
        raise ValueError(f"the objective must stay finite, got {objective} at step {result.step}")
    return FitRecord(result.step, mean, bound, objective)


def _stuck(result: Fit) -> bool:
    """Whether the last evaluations told of no progress on what is held out."""
    patience = result.settings["patience"]
    if patience is None or not result.settings["held_out"]:
        return False
    return result.history.index(result.best) < len(result.history) - patience


def _copies(weights: list[nn.Parameter]) -> list[Tensor]:
    return [weight.detach().clone() for weight in weights]


def _bar(total: int, show: bool) -> Any:
    from tqdm.auto import tqdm

    return tqdm(total=total, disable=not show, unit="step", desc="fitting", leave=None, dynamic_ncols=True)
