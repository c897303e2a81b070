"""From weights that serve every graph to a model of one: linear corrections on top of messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from os import PathLike
from typing import Any

from graphar._support.checks import check_count
from graphar.hamiltonians import IsingGraph
from graphar.heads import Head, MessagePassing, MessageWeights
from graphar.models.autoregressive import Autoregressive
from graphar.ordering import Ordering, nested_dissection
from graphar.training.anneal import anneal
from graphar.training.run import Run

__all__ = ["fine_tune"]


def fine_tune(
    graph: IsingGraph,
    head: MessagePassing | MessageWeights | str | PathLike[str] | None = None,
    *,
    beta: float | Iterable[float],
    steps: int = 400,
    ordering: Ordering | Callable[[IsingGraph], Ordering] = nested_dissection,
    linear_radius: int | None = None,
    exact_width: int = 0,
    shared: bool = False,
    learning_rate: float = 1e-2,
    batch_size: int = 256,
    seed: int = 0,
    **options: Any,
) -> tuple[Autoregressive, Run]:
    r"""Add a linear head to message passing, and train it on one graph, from zero corrections on.

    .. math:: \text{logit}_i = \text{logit}_i^\text{messages} + \sum_{l \in F(i)} w_{il}\, \xi_{il} + b_i

    Messages hold at every β, so that training may begin near the β that is wanted. Deep in a glass, a short anneal of
    some ten values from half of it on keeps modes that training at the last β alone loses.

    Args:
        graph: couplings and fields.
        head: message passing, weights for it by name, file or training, or None for belief propagation.
        beta: inverse temperature, or a schedule.
        steps: optimisation steps at each β.
        ordering: sampling order.
        linear_radius: largest distance from a spin to those of its frontier that the linear part reads.
        exact_width: sites of separators up to this are exact, see :class:`graphar.Autoregressive`.
        shared: whether the shared weights are trained as well.
        learning_rate, batch_size, options: of :func:`graphar.anneal`, without warm-up.
        seed: of first weights and samples.

    Returns:
        The model and its run.

    Raises:
        ValueError: ``head`` is no message passing, or what :func:`graphar.anneal` refuses.

    >>> import graphar as ga
    >>> graph = ga.random_regular(32, degree=3, couplings="pm1", seed=0)
    >>> model, run = fine_tune(graph, beta=1.0, steps=20, progress=False)
    >>> model.head_config.linear, len(run.history)
    (True, 1)
    """
    if isinstance(head, Head | type) and not isinstance(head, MessagePassing):
        raise ValueError(f"head must be MessagePassing(...) or weights for it, got {head!r}")
    config = head if isinstance(head, MessagePassing) else MessagePassing(weights=head)
    model = Autoregressive(
        graph,
        replace(config, linear=True),
        ordering,
        radius=linear_radius,
        exact_width=check_count(exact_width, "exact_width", 0),
        seed=seed,
    )
    if model.head is not None and not shared:
        for parameter in model.head.get_submodule("rule").parameters():
            parameter.requires_grad_(False)
    options = {"warmup": 0} | options
    run = anneal(model, beta, steps, learning_rate=learning_rate, batch_size=batch_size, seed=seed, **options)
    return model, run
