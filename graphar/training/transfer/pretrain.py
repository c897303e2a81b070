r"""Training of weights that many graphs share, to serve graphs that were never seen.

A step takes a PyG batch of graphs, of any sizes and couplings, and a β for each. Together they are one graph, the
disjoint union with couplings β_g J and fields β_g h, on which messages are passed once for all. With L = log q + βE of
a sample on one graph, the variational objective follows

.. math:: \sum_g \frac{1}{σ_g (n - 1)} \sum_b (L_{gb} - \bar L_g) \nabla \log q_g(x_b),

the mean over samples being the baseline of each graph and σ_g the standard deviation of L, so that graphs which are far
from solved do not drown the others. Maximum likelihood, the forward Kullback–Leibler divergence, follows
−Σ_g ∇ log q_g(x)/N_g on samples x that are given.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from os import PathLike
from typing import Any

import torch
from torch_geometric.loader import DataLoader

from graphar._support.checks import check_beta, check_count, check_positive
from graphar._support.interrupt import finish_step_first
from graphar._support.processes import joined, naming_checkpoint
from graphar._support.seeds import check_seed, make_generator
from graphar.hamiltonians import IsingGraph
from graphar.heads import MessagePassing, MessageWeights
from graphar.heads.message_passing.rule import MessageRule
from graphar.ordering import Ordering, nested_dissection
from graphar.training.gradients import gradient_norm, sum_gradients
from graphar.training.transfer.checkpoint import digest, read, write
from graphar.training.transfer.many import HeldOut, Sampler, exact_samples, likelihood, variational
from graphar.training.transfer.result import Pretraining

__all__ = ["pretrain"]

SHARE = 0.02  # of the learning rate that is left at the last step


def pretrain(
    dataset: Sequence[IsingGraph],
    head: MessagePassing | None = None,
    *,
    validation: Sequence[IsingGraph] | None = None,
    beta: tuple[float, float] = (0.3, 2.0),
    steps: int = 1000,
    graphs_per_step: int = 8,
    batch_size: int = 64,
    objective: str = "variational",
    samples: Sampler = exact_samples,
    ordering: Callable[[IsingGraph], Ordering] = nested_dissection,
    learning_rate: float = 5e-3,
    clip_norm: float | None = 1.0,
    gradient_decay: float = 0.8,
    evaluate_every: int = 50,
    patience: int | None = None,
    seed: int = 0,
    checkpoint: str | PathLike[str] | None = None,
    resume: str | PathLike[str] | None = None,
    progress: bool = True,
) -> Pretraining:
    r"""Train the shared weights of message passing on many graphs at once.

    .. math:: \beta F_q = \langle \log q + \beta E \rangle_q \quad\text{or}\quad -\langle \log q \rangle_p

    Each step draws graphs from ``dataset`` and for each a β between the two given; the gradient of the first objective
    is divided by the spread of log q + βE on each graph. The learning rate falls linearly.
    Held-out graphs tell which weights are best, those returned. Ctrl-C ends the training after the step under way.

    Args:
        dataset: graphs, such as a :class:`graphar.InstanceDataset`.
        head: schedule and size of the network, ``MessagePassing(hidden=16, refresh="return")`` by default; with
            ``weights`` training goes on from these.
        validation: graphs held out, each at a β of its own, spread over the range; by default those of ``dataset``,
            which then tell of no others.
        beta: lowest and highest β.
        steps: optimisation steps.
        graphs_per_step: graphs in a step.
        batch_size: samples of each graph.
        objective: ``"variational"``, on the model's own samples, or ``"maximum_likelihood"``, on those of ``samples``.
        samples: from a graph, β, number and generator to Boltzmann samples; by elimination by default.
        ordering: the order of a graph's sites.
        learning_rate: of Adam at the first step.
        clip_norm: largest norm of the whole gradient.
        gradient_decay: part of the gradient by messages that goes back from each spin drawn to the ones before, 0 …
            1. At low temperature messages are so sensitive to those long before that the whole gradient, at 1, is
            noise.
        evaluate_every: steps between evaluations on held-out graphs.
        patience: evaluations without a lower free energy after which training stops early; never by default.
        seed: of the first weights, graphs, β and samples.
        checkpoint: file written after each evaluation, and when interrupted.
        resume: checkpoint to go on from; the result is the same as without the interruption.
        progress: whether to show a progress bar.

    Returns:
        The best weights, the head that has them, and how training went.

    Raises:
        ValueError: an argument breaks its rule, or the objective stops being finite.

    >>> import graphar as ga
    >>> graphs = ga.InstanceDataset("random_regular", sizes=(8, 10), num_graphs=4, degree=3, couplings="pm1")
    >>> result = pretrain(graphs, ga.heads.MessagePassing(radius=2, hidden=4), steps=2, progress=False)
    >>> ga.Autoregressive(ga.grid((3, 3)), result.head).num_parameters
    80
    """
    head = MessagePassing(hidden=16, refresh="return") if head is None else head
    _check(dataset, validation, head, objective)
    ends = tuple(beta) if isinstance(beta, Iterable) else ()
    if len(ends) != 2 or not 0 < check_beta(ends[0]) <= check_beta(ends[1]):
        raise ValueError(f"beta must be two rising positive numbers, got {beta}")
    low, high = (check_beta(value) for value in ends)
    if not isinstance(gradient_decay, (int, float)) or not 0 <= gradient_decay <= 1:
        raise ValueError(f"gradient_decay must be in 0 … 1, got {gradient_decay!r}")
    settings = {
        "head": head.settings(),
        "beta": [low, high],
        "steps": check_count(steps, "steps"),
        "graphs_per_step": check_count(graphs_per_step, "graphs_per_step"),
        "batch_size": check_count(batch_size, "batch_size", 2),
        "objective": objective,
        "learning_rate": check_positive(learning_rate, "learning_rate"),
        "clip_norm": None if clip_norm is None else check_positive(clip_norm, "clip_norm"),
        "gradient_decay": float(gradient_decay),
        "evaluate_every": check_count(evaluate_every, "evaluate_every"),
        "patience": None if patience is None else check_count(patience, "patience"),
        "seed": check_seed(seed),
        "num_graphs": len(dataset),
        "graphs": digest([dataset, dataset if validation is None else validation], head, ordering),
    }
    generator = make_generator(seed, None, "pretraining")
    rule = MessageRule(head.hidden, generator, torch.float32)
    rule.gradient_decay = float(gradient_decay)
    if isinstance(head.weights, MessageWeights):
        rule.load_state_dict(head.weights.tensors)
    optimizer = torch.optim.Adam(rule.parameters(), lr=float(learning_rate))
    held_out = HeldOut(dataset if validation is None else validation, low, high, head, ordering, batch_size, seed)
    choices = torch.randint(len(dataset), (steps, graphs_per_step), generator=generator)
    result, group = Pretraining(head, settings), joined()
    group.agree(**settings, resume=resume is not None, checkpoint=checkpoint is not None)  # what was written is there
    if resume is not None:
        read(resume, result, rule, optimizer, generator)
        group.agree(resume=[result.step, dict(rule.state_dict())])
    else:
        result.update_best(held_out.score(rule, 0), rule)
    # a generator of its own, as the loader draws from torch's default one even where it shuffles nothing
    batches = iter(DataLoader(dataset, batch_sampler=choices[result.step :].tolist(), generator=torch.Generator()))
    show = progress and group.first
    with naming_checkpoint(checkpoint), finish_step_first() as stop, _bar(steps, result.step, show) as bar:
        while result.step < steps and not stop.requested and not result.stopped_early:
            started = time.perf_counter()
            batch = next(batches)
            betas = low + (high - low) * torch.rand(graphs_per_step, generator=generator)
            for options in optimizer.param_groups:
                options["lr"] = learning_rate * max(1 - result.step / steps, SHARE)
            optimizer.zero_grad()
            if objective == "variational":
                variational(batch, betas, rule, head, ordering, batch_size, generator, group)
            else:
                likelihood(batch, betas, rule, head, ordering, batch_size, generator, samples, group)
            stop.requested = sum_gradients(group, list(rule.parameters()), stop.requested)
            norm = gradient_norm(list(rule.parameters()), math.inf if clip_norm is None else clip_norm)
            if not math.isfinite(norm):
                raise ValueError(f"the objective must stay finite, got a gradient of {norm} at step {result.step}")
            optimizer.step()
            result.step += 1
            result.seconds += time.perf_counter() - started
            bar.update()
            if result.step % evaluate_every == 0 or result.step == steps:
                result.update_best(held_out.score(rule, result.step), rule)
                bar.set_postfix_str(f"βF/N {result.history[-1].bound:.5f}  best {result.best:.5f}", refresh=False)
                if checkpoint is not None and group.first:
                    write(checkpoint, result, rule, optimizer, generator)
    result.interrupted = stop.requested and result.step < steps
    if result.interrupted and checkpoint is not None and group.first:
        write(checkpoint, result, rule, optimizer, generator)
    return result


def _check(dataset: Any, validation: Any, head: Any, objective: str) -> None:
    if not isinstance(head, MessagePassing) or not head.hidden or head.linear:
        raise ValueError(f"head must be MessagePassing with hidden units and no linear part, got {head!r}")
    if objective not in ("variational", "maximum_likelihood"):
        raise ValueError(f'objective must be "variational" or "maximum_likelihood", got {objective!r}')
    for name, graphs in (("dataset", dataset), ("validation", validation)):
        if graphs is None and name == "validation":
            continue
        if not hasattr(graphs, "__len__") or not len(graphs):
            raise ValueError(f"{name} must hold at least one IsingGraph, got {graphs!r}")
        for k in range(len(graphs)):
            if not isinstance(graphs[k], IsingGraph):
                raise ValueError(f"{name} must hold IsingGraphs alone, got {type(graphs[k]).__name__} at {k}")


def _bar(total: int, done: int, show: bool) -> Any:
    from tqdm.auto import tqdm

    return tqdm(total=total, initial=done, disable=not show, unit="step", desc="pretraining", dynamic_ncols=True)
