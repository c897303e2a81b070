"""What a run is asked to do: checked once, kept in the run and in its checkpoint as plain numbers."""

from __future__ import annotations

from typing import Any

from torch.optim import Optimizer

from graphar._support.checks import check_count, check_flag, check_number, check_positive
from graphar._support.seeds import check_seed
from graphar.models.autoregressive import Autoregressive
from graphar.training.schedules import as_course

__all__ = ["check_settings", "describe_optimizer", "settings_of"]


def check_settings(
    *,
    beta: Any,
    steps: int,
    warmup: int,
    batch_size: int,
    seed: int,
    learning_rate: float | None,
    clip_norm: float | None,
    average: bool,
    evaluate_samples: int | None,
    transverse_field: Any = None,
    entropy: bool | None = None,
    ground_energy: float | None = None,
) -> dict[str, Any]:
    """The arguments of :func:`graphar.anneal` that resuming must find unchanged.

    Raises:
        ValueError: the first that breaks its rule.
    """
    batch_size = check_count(batch_size, "batch_size", 2)
    evaluated = batch_size if evaluate_samples is None else check_count(evaluate_samples, "evaluate_samples", 2)
    betas, fields, counts = as_course(beta, transverse_field, entropy)
    return {
        "schedule": list(betas),
        "transverse_field": None if fields is None else list(fields),
        "entropy": counts,
        "ground_energy": None if ground_energy is None else check_number(ground_energy, "ground_energy"),
        "steps": check_count(steps, "steps"),
        "warmup": check_count(warmup, "warmup", 0),
        "batch_size": batch_size,
        "seed": check_seed(seed),
        "learning_rate": None if learning_rate is None else check_positive(learning_rate, "learning_rate"),
        "clip_norm": None if clip_norm is None else check_positive(clip_norm, "clip_norm"),
        "average": check_flag(average, "average"),
        "evaluate_samples": evaluated,
    }


def settings_of(model: Autoregressive, options: dict[str, Any]) -> dict[str, Any]:
    """Those of a run, with what the model says where nothing is asked for."""
    rate, ground = options["learning_rate"], options["ground_energy"]
    rate = model.head_config.learning_rate if rate is None else rate
    return check_settings(
        **{**options, "learning_rate": rate, "ground_energy": _lowest_known(model) if ground is None else ground}
    )


def _lowest_known(model: Autoregressive) -> float | None:
    """Energy of the planted configuration, if there is one."""
    planted = model.graph.planted
    return None if planted is None else float(model.graph.energy(planted))


def describe_optimizer(optimizer: Optimizer) -> str:
    """Class and options of an optimiser, in words that compare."""
    options = [{key: group[key] for key in sorted(group) if key != "params"} for group in optimizer.param_groups]
    return f"{type(optimizer).__name__} {options}"
