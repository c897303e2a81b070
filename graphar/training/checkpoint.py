"""Models and runs on disk: plain tensors and numbers, written whole, read without executing anything."""

from __future__ import annotations

import math
from os import PathLike
from typing import Any

import torch
from torch import Tensor
from torch.optim import Adam, Optimizer

from graphar import heads
from graphar._support.checks import as_float_tensor, check_beta
from graphar._support.files import read_state, write_state
from graphar.hamiltonians import IsingGraph
from graphar.models.autoregressive import Autoregressive
from graphar.ordering import Ordering
from graphar.training.run import Run

__all__ = ["load", "read_checkpoint", "save", "write_checkpoint"]

FORMAT = "graphar checkpoint 3"


def save(model: Autoregressive, path: str | PathLike[str]) -> None:
    """Write a model to a file: graph, order, head and weights; see :func:`load`.

    Args:
        model: the model.
        path: file to write, replaced whole or not at all.
    """
    write_state(path, _model_state(model))


def load(path: str | PathLike[str], *, memory: float = 4e9) -> Autoregressive:
    """Model from a file written by :func:`save` or by :func:`graphar.anneal`.

    Args:
        path: the file.
        memory: bytes that the tables of the exact sites may take; what a file asks for beyond is refused.

    Raises:
        ValueError: it is not such a file, or damaged, or holds numbers that no model has.

    >>> import graphar as ga, tempfile, pathlib
    >>> model = ga.Autoregressive(ga.chain(4))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "model.pt"
    ...     ga.save(model, path)
    ...     again = ga.load(path)
    >>> torch.equal(again.at(1.0).sample(9, seed=0), model.at(1.0).sample(9, seed=0))
    True
    """
    state = read_state(path, FORMAT)
    try:
        parts = state["graph"]
        graph = IsingGraph.from_edges(
            parts["edge_index"],
            parts["weights"],
            parts["h"],
            int(parts["h"].numel()),
            offset=parts["offset"],
            pos=parts["pos"],
        )
        head = _head_class(state["head"]["name"])(**state["head"]["settings"])
        ordering = Ordering(graph, state["ordering"]["sites"], state["ordering"]["name"])
        dtype = {"float32": torch.float32, "float64": torch.float64}[state["dtype"]]
        structure = {name: state[name] for name in ("frontier", "radius", "exact_width")}
        model = Autoregressive(graph, head, ordering, **structure, memory=memory, dtype=dtype)
        _load_weights(model, state["weights"])
        beta = state["trained_beta"]
        model.trained_beta = None if beta is None else check_beta(beta)
        frozen = state["frozen"]
        if not isinstance(frozen, list) or not {*frozen} <= {name for name, _ in model.named_parameters()}:
            raise ValueError(f"frozen must be a list of the model's weights, got {frozen!r}")
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name not in frozen)
    except Exception as error:  # whatever stands in a file: what it breaks is the file's fault
        raise ValueError(f"{path}: not a whole graphar model ({type(error).__name__}: {error})") from error
    return model


def _load_weights(model: Autoregressive, weights: dict[str, Tensor]) -> None:
    """Set weights, all of which must be finite."""
    for name, weight in weights.items():
        as_float_tensor(weight, name)
    model.load_state_dict(weights)


def _load_optimizer(optimizer: Optimizer, state: dict[str, Any]) -> None:
    """Set an optimiser's state, which must be one that it can step from."""
    own = optimizer.state_dict()["param_groups"]
    for group, fresh in zip(state["param_groups"], own, strict=True):
        kinds = {name: type(value) for name, value in group.items()}
        if kinds != {name: type(value) for name, value in fresh.items()} or group["params"] != fresh["params"]:
            raise ValueError(f"param_groups must be those of the optimiser, got {group!r}")
        for name, value in group.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"{name} of the optimiser must be finite, got {value}")
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    for index, parts in state["state"].items():
        if isinstance(optimizer, Adam) and not {"step", "exp_avg", "exp_avg_sq"} <= parts.keys():
            raise ValueError(f"state of weight {index} must be that of Adam, got {sorted(parts)}")
        for name, part in parts.items():
            tensor = as_float_tensor(part, name)
            if isinstance(optimizer, Adam) and tensor.shape != (() if name == "step" else weights[index].shape):
                raise ValueError(f"{name} of weight {index} must have the shape of it, got {tuple(tensor.shape)}")
    optimizer.load_state_dict(state)


def write_checkpoint(path: str | PathLike[str], model: Autoregressive, optimizer: Optimizer | None, run: Run) -> None:
    """Write all that :func:`read_checkpoint` needs to go on as if nothing had happened.

    Random bits follow from the run's seed and from the numbers of steps and records so far.
    """
    state = _model_state(model)
    state["optimizer"] = None if optimizer is None else optimizer.state_dict()
    state["run"] = run.state()
    write_state(path, state)


def read_checkpoint(
    path: str | PathLike[str],
    model: Autoregressive,
    optimizer: Optimizer | None,
    settings: dict[str, Any],
) -> Run:
    """Set model and optimiser to a checkpoint's state and return its run.

    Raises:
        ValueError: the file is damaged, or was written for another model or other settings.
    """
    state = read_state(path, FORMAT)
    if not isinstance(state.get("run"), dict) or not isinstance(state["run"].get("settings"), dict):
        raise ValueError(f"{path}: a model without a run, there is nothing to resume")
    own = _model_state(model)
    for part in ("graph", "ordering", "head", "frontier", "radius", "exact_width", "dtype"):
        if not _equal(own[part], state.get(part)):
            raise ValueError(f"{path}: written for another model, its {part} differs")
    then = state["run"]["settings"]
    changed = [name for name in settings if not _equal(settings[name], then.get(name))]
    if changed:
        was = ", ".join(f"{name}={then.get(name)!r} (now {settings[name]!r})" for name in changed)
        raise ValueError(f"{path}: resume needs the settings of the run, which had {was}")
    try:
        _load_weights(model, state["weights"])
        if optimizer is not None:
            _load_optimizer(optimizer, state["optimizer"])
        run = Run.from_state(state["run"])
        run.check(model.num_spins)
    except Exception as error:  # as in `load`
        raise ValueError(f"{path}: damaged checkpoint ({type(error).__name__}: {error})") from error
    run.interrupted = False
    return run


def _model_state(model: Autoregressive) -> dict[str, Any]:
    i, j, weights = model.graph.undirected()
    return {
        "format": FORMAT,
        "graph": {
            "edge_index": torch.stack([i, j]),
            "weights": weights,
            "h": model.graph.h,
            "offset": float(model.graph.offset),
            "pos": model.graph.pos,
        },
        "ordering": {"sites": model.ordering.sites, "name": model.ordering.name},
        "head": {"name": type(model.head_config).__name__, "settings": model.head_config.settings()},
        "frontier": model.frontier.kind,
        "radius": model.frontier.radius,
        "exact_width": model.exact_width,
        "dtype": str(model.dtype).removeprefix("torch."),
        "weights": dict(model.state_dict()),
        "frozen": [name for name, parameter in model.named_parameters() if not parameter.requires_grad],
        "trained_beta": model.trained_beta,
    }


def _head_class(name: str) -> type[heads.Head]:
    cls = getattr(heads, name, None) if name in heads.__all__ else None
    if not (isinstance(cls, type) and issubclass(cls, heads.Head)):
        raise KeyError(f"no head named {name!r}")
    return cls


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, Tensor) or isinstance(b, Tensor):
        return isinstance(a, Tensor) and isinstance(b, Tensor) and torch.equal(a, b)
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_equal(a[key], b[key]) for key in a)
    return type(a) is type(b) and bool(a == b)
