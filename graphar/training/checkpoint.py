"""Models and runs on disk: plain tensors and numbers, written whole, read without executing anything."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from graphar import heads
from graphar._support.files import naming, read_state, write_state
from graphar._support.schema import each, like, number, one_of
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.io.site_names import from_json, to_json
from graphar.models.autoregressive import Autoregressive, check_model
from graphar.ordering import Ordering
from graphar.training.average import WeightAverage
from graphar.training.run import Run
from graphar.training.state import CHECKPOINT, FORMAT, RUN, STRUCTURE, check_course, load_optimizer

__all__ = ["label_text", "load", "read_checkpoint", "save", "write_checkpoint"]

SIZES = {"hidden", "depth", "width", "k", "layers", "slots"}  # of heads: what the number of weights grows with
PLENTY = 4096  # for one of these, where a file has few weights


def save(model: Autoregressive, path: str | PathLike[str]) -> None:
    """Write a model to a file: graph, order, head and weights; see :func:`load`.

    Args:
        model: the model.
        path: file to write, replaced whole or not at all.

    Raises:
        ValueError: it is no model, or a weight is not finite.
    """
    write_state(path, _model_state(model))


def load(path: str | PathLike[str], *, memory: float = 4e9) -> Autoregressive:
    """Model from a file written by :func:`save` or by :func:`graphar.anneal`.

    Args:
        path: the file.
        memory: bytes that the tables of the exact sites may take; what a file asks for beyond is refused.

    Raises:
        ValueError: it is not such a file, or damaged, or a field holds what no model has.

    >>> import graphar as ga, tempfile, pathlib
    >>> model = ga.Autoregressive(ga.chain(4))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "model.pt"
    ...     ga.save(model, path)
    ...     again = ga.load(path)
    >>> torch.equal(again.at(1.0).sample(9, seed=0), model.at(1.0).sample(9, seed=0))
    True
    """
    state = read_state(path, FORMAT, CHECKPOINT)
    with naming(Path(path)):
        with naming("graph"):
            graph = _graph(state["graph"])
        head = _head(state)
        ordering = Ordering(graph, state["ordering"]["sites"], state["ordering"]["name"])
        structure = {name: state[name] for name in ("frontier", "radius", "exact_width")}
        model = Autoregressive(graph, head, ordering, **structure, memory=memory, dtype=getattr(torch, state["dtype"]))
        like(dict(model.state_dict()))(state["weights"], "weights")
        each(one_of(*(name for name, _ in model.named_parameters())))(state["frozen"], "frozen")
    model.load_state_dict(state["weights"])
    model.trained_beta = state["trained_beta"]
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name not in state["frozen"])
    return model


def write_checkpoint(
    path: str | PathLike[str],
    model: Autoregressive,
    optimizer: Optimizer | None,
    run: Run,
    trained: list[Tensor] | None,
) -> None:
    """Write all that :func:`read_checkpoint` needs to go on as if nothing had happened.

    Random bits follow from the run's seed and from the numbers of steps and records so far. While the model holds a
    mean of weights, ``trained`` are those that training goes on from.

    Raises:
        ValueError: a weight is not finite; the file is as before.
    """
    state = _model_state(model)
    state["optimizer"] = None if optimizer is None else optimizer.state_dict()
    state["run"] = run.state()
    state["trained"] = trained
    write_state(path, state)


def read_checkpoint(
    path: str | PathLike[str],
    model: Autoregressive,
    optimizer: Optimizer | None,
    settings: dict[str, Any],
    mean: WeightAverage,
) -> Run:
    """Set model, optimiser and mean to a checkpoint's state and return its run.

    Raises:
        ValueError: the file is damaged, or was written for another model or other settings; the model is as before.
    """
    state = read_state(path, FORMAT, CHECKPOINT)
    with naming(Path(path)):
        if "run" not in state:
            raise ValueError("a model without a run, there is nothing to resume")
        RUN(state["run"], "run")
        run, own = Run.from_state(state["run"]), _model_state(model)
        for part in STRUCTURE:
            if not _equal(own[part], state[part]):
                raise ValueError(f"written for another model, its {part} differs")
        changed = [name for name in settings if not _equal(settings[name], run.settings[name])]
        if changed:
            was = ", ".join(f"{name}={run.settings[name]!r} (now {settings[name]!r})" for name in changed)
            raise ValueError(f"resume needs the settings of the run, which had {was}")
        check_course(run, model.graph)
        like(own["weights"])(state["weights"], "weights")
        mean.check(state.get("trained"), run.step)
        if run.step or run.history:
            number(above=0)(state["trained_beta"], "trained_beta")
        before, model.trained_beta = model.trained_beta, state["trained_beta"]  # what an optimiser may ask for
        try:
            load_optimizer(optimizer, state.get("optimizer"), run.step)
        except ValueError:
            model.trained_beta = before
            raise
    model.load_state_dict(state["weights"])
    mean.restore(state.get("trained"))
    run.interrupted = False
    return run


def label_text(model: Autoregressive) -> str | None:
    """The names of the sites as files keep them.

    Raises:
        ValueError: names that no file can keep.
    """
    return None if model.graph.labels is None else to_json(model.graph.labels)


def _model_state(model: Autoregressive) -> dict[str, Any]:
    graph = check_model(model).graph
    for name, value in model.state_dict().items():
        if not bool(torch.isfinite(value).all()):
            raise ValueError(f"weights must be finite, got NaN or inf in {name}")
    return {
        "format": FORMAT,
        "graph": {
            **_interactions(graph),
            "weights": graph.couplings,
            "h": graph.h,
            "offset": float(graph.offset),
            "pos": graph.pos,
            "labels": label_text(model),
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


def _interactions(graph: IsingGraph | SpinHypergraph) -> dict[str, Tensor]:
    if isinstance(graph, SpinHypergraph):
        return {"hyperedge_index": graph.hyperedge_index}
    return {"edge_index": torch.stack(graph.undirected()[:2])}


def _graph(parts: dict[str, Any]) -> IsingGraph | SpinHypergraph:
    """The graph of a file, of edges or of interactions."""
    kinds = [name for name in ("edge_index", "hyperedge_index") if name in parts]
    if len(kinds) != 1:
        raise ValueError(f"must hold one of edge_index and hyperedge_index, got {kinds or 'none'}")
    make = IsingGraph.from_edges if kinds == ["edge_index"] else SpinHypergraph.from_incidences
    return make(
        parts[kinds[0]],
        parts["weights"],
        parts["h"],
        parts["h"].numel(),
        offset=parts["offset"],
        pos=parts["pos"],
        labels=None if parts["labels"] is None else from_json(parts["labels"]),
    )


def _head(state: dict[str, Any]) -> heads.Head:
    """The head of a file; one with more units than its weights could ever be is refused before it is made."""
    name, settings = state["head"]["name"], state["head"]["settings"]
    most = max(PLENTY, sum(value.numel() for value in state["weights"].values()))
    for key in SIZES & settings.keys():
        if isinstance(settings[key], int) and settings[key] > most:
            raise ValueError(f"head.settings.{key} must fit the weights of the file, got {settings[key]}")
    cls = getattr(heads, name)
    if not (isinstance(cls, type) and issubclass(cls, heads.Head)) or cls is heads.Head:
        raise ValueError(f"head.name must be that of a head, got {name!r}")
    try:
        head = cls(**settings)
    except (TypeError, ValueError) as error:
        raise ValueError(f"head.settings must be those of {name}: {error}") from error
    if head.settings() != settings:
        raise ValueError(f"head.settings must be those of {name}, {head.settings()}, got {settings}")
    return head


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, Tensor) or isinstance(b, Tensor):
        return isinstance(a, Tensor) and isinstance(b, Tensor) and torch.equal(a, b)
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_equal(a[key], b[key]) for key in a)
    return type(a) is type(b) and bool(a == b)
