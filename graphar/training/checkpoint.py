"""Models and runs on disk: plain tensors and numbers, written whole, read without executing anything."""

from __future__ import annotations

import math
from os import PathLike
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from graphar import heads
from graphar._files import read_state, write_state
from graphar.autoregressive import Autoregressive
from graphar.hamiltonians import IsingGraph
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


def load(path: str | PathLike[str]) -> Autoregressive:
    """Model from a file written by :func:`save` or by :func:`graphar.anneal`.

    Args:
        path: the file.

    Raises:
        ValueError: it is not such a file, or damaged.

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
        model = Autoregressive(graph, head, ordering, **structure, memory=math.inf, dtype=dtype)
        model.load_state_dict(state["weights"])
        model.trained_beta = state["trained_beta"]
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name not in state.get("frozen", ()))
    except (KeyError, TypeError, RuntimeError, AttributeError) as error:
        raise ValueError(f"{path}: not a whole graphar model ({type(error).__name__}: {error})") from error
    return model


def write_checkpoint(path: str | PathLike[str], model: Autoregressive, optimizer: Optimizer, run: Run) -> None:
    """Write all that :func:`read_checkpoint` needs to go on as if nothing had happened.

    Random bits follow from the run's seed and from the numbers of steps and records so far.
    """
    state = _model_state(model)
    state["optimizer"] = optimizer.state_dict()
    state["run"] = run.state()
    write_state(path, state)


def read_checkpoint(
    path: str | PathLike[str],
    model: Autoregressive,
    optimizer: Optimizer,
    settings: dict[str, Any],
) -> Run:
    """Set model and optimiser to a checkpoint's state and return its run.

    Raises:
        ValueError: the file is damaged, or was written for another model or other settings.
    """
    state = read_state(path, FORMAT)
    if "run" not in state:
        raise ValueError(f"{path}: a model without a run, there is nothing to resume")
    own = _model_state(model)
    for part in ("graph", "ordering", "head", "frontier", "radius", "exact_width", "dtype"):
        if not _equal(own[part], state.get(part)):
            raise ValueError(f"{path}: written for another model, its {part} differs")
    then = state["run"]["settings"]
    changed = [name for name in settings if settings[name] != then.get(name)]
    if changed:
        was = ", ".join(f"{name}={then.get(name)!r} (now {settings[name]!r})" for name in changed)
        raise ValueError(f"{path}: resume needs the settings of the run, which had {was}")
    try:
        model.load_state_dict(state["weights"])
        optimizer.load_state_dict(state["optimizer"])
        run = Run.from_state(state["run"])
    except (KeyError, TypeError, RuntimeError) as error:
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
    return bool(a == b)
