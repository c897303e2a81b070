"""Lists of models: seeds that count up, and which models take their steps together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphar._support.files import naming
from graphar._support.interrupt import finish_step_first
from graphar._support.seeds import choose_first_seed
from graphar.models.autoregressive import check_model
from graphar.models.union import unions
from graphar.training.run import Run, step_bar
from graphar.training.settings import check_settings, settings_of
from graphar.training.together import anneal_union

__all__ = ["anneal_many"]


def anneal_many(
    models: list[Any],
    options: dict[str, Any],
    rest: dict[str, Any],
    paths: tuple[Any, Any],
    progress: bool,
    anneal: Callable[..., Run],
) -> tuple[Run, ...]:
    """A run of each model: those that can be one model are, the others take their turns.

    Args:
        models: that are trained in place.
        options: arguments that settings are made of, the same for all but for the seed, which counts up.
        rest: optimizer and callbacks, with which models are not joined.
        paths: checkpoint and resume, which are refused.
        progress: whether to show a bar.
        anneal: what trains a single model.
    """
    for name, path in zip(("checkpoint", "resume"), paths, strict=True):
        if path is not None:
            raise ValueError(f"{name} must be None for a list of models, got {path}: keep each by graphar.save")
    first = choose_first_seed(options["seed"], None, "training", len(models))
    settings = []
    for member, model in enumerate(models):
        with naming(f"model[{member}]"):
            settings.append(settings_of(check_model(model), {**options, "seed": first + member}))
    if len({id(model) for model in models}) < len(models):
        raise ValueError("model must hold every model once, as each is trained in place, got one of them twice")
    if not models:
        check_settings(**options)
    together = (
        rest["optimizer"] is None
        and not rest["callbacks"]
        and options["transverse_field"] is None
        and options["clip_norm"] is None
        and options["entropy"] in (None, True)
    )
    samples = options["batch_size"]
    groups = (
        unions(models, samples, lambda k: settings[k]["learning_rate"])
        if together
        else ([k] for k in range(len(models)))
    )
    found: dict[int, Run] = {}
    total = sum(own["warmup"] + own["steps"] * len(own["schedule"]) for own in settings)
    with finish_step_first() as stop, step_bar(total, 0, progress) as bar:

        def tell(count: int, text: str) -> None:
            bar.set_postfix_str(text, refresh=False)
            bar.update(count)

        for members in groups:
            chosen, own = [models[k] for k in members], [settings[k] for k in members]
            if stop.requested:
                runs = [Run({**each, "optimizer": "none"}, interrupted=True) for each in own]
            elif len(members) > 1:
                runs = anneal_union(chosen, own, stop, tell)
            else:
                runs = [anneal(chosen[0], **{**options, **rest, "seed": own[0]["seed"], "progress": False})]
                bar.update(runs[0].step)
                stop.requested |= runs[0].interrupted
            found |= zip(members, runs, strict=True)
    return tuple(found[k] for k in range(len(models)))
