"""Several architectures on one graph, trained under the same budget, side by side."""

from __future__ import annotations

import copy
import math
import statistics
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from graphar._support.checks import as_float_tensor
from graphar.comparison.result import ESTIMATED, Comparison
from graphar.exact.automatic import Floats, cheapest_log_partition
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.hamiltonians.kinds import check_hamiltonian
from graphar.models.autoregressive import Autoregressive
from graphar.training import anneal, check_settings
from graphar.training.schedules import as_schedule

__all__ = ["compare"]

_TIMED, _TIMINGS = 4, 5  # steps that are timed together to make a number of them of seconds, and how often at least
_TIMED_SHARE = 0.02  # of the seconds are spent on timing, at least
_OF_TRAINING = {"steps", "warmup", "batch_size", "learning_rate", "clip_norm", "average", "optimizer"}


def compare(
    graph: IsingGraph | SpinHypergraph,
    heads: Mapping[str, Any] | Iterable[Any],
    *,
    beta: float | Iterable[float],
    steps: int = 200,
    warmup: int = 500,
    batch_size: int = 1024,
    seconds: float | None = None,
    evaluate_samples: int | None = None,
    optimizer: Callable[[Iterable[nn.Parameter]], Optimizer] | None = None,
    learning_rate: float | None = None,
    clip_norm: float | None = None,
    average: bool = True,
    seed: int = 0,
    reference: Any = "auto",
    progress: bool = True,
) -> Comparison:
    r"""Train several architectures on a graph, each with the same budget, and measure how far F_q is from F.

    .. math:: \text{error} = \frac{F_q - F}{|F|} = \frac{\langle \log q + \beta E \rangle_q + \log Z}{|\log Z|}

    Each is annealed along the same β with the same number of steps, or for about the same time. What has no weights
    is only evaluated. Ctrl-C ends the comparison and returns what there is.

    Args:
        graph: couplings and fields.
        heads: what is compared, by name: a head, a pair of a head and keyword arguments of
            :class:`graphar.Autoregressive`, or a model on this graph, which is trained in place. In a list, they are
            called by what they are. The arguments may have ``steps``, ``warmup``, ``batch_size``, ``learning_rate``,
            ``clip_norm``, ``average`` and ``optimizer`` of one's own among them.
        beta: schedule of inverse temperatures; there are results at all of them.
        steps, warmup, batch_size, optimizer, learning_rate, clip_norm, average, evaluate_samples: as for
            :func:`graphar.anneal`, so that ``**graphar.protocols.arnn()`` may be given.
        seconds: of training, for each. ``steps`` and ``warmup`` are then scaled, after timing a few steps at the first
            β, with at least a step at each β.
        seed: of starting weights and samples.
        reference: log Z, a number for each β, or a function of β. ``"auto"`` computes it where the graph is small,
            narrow, planar or Curie–Weiss. Where it does not, or for None, the best estimate of those compared takes its
            place, see :meth:`graphar.Comparison.references`.
        progress: whether to show progress bars.

    Raises:
        ValueError: nothing to compare, a head that does not fit the graph, settings that :func:`graphar.anneal`
            refuses, a reference of another length.

    Warns:
        UserWarning: the training of one fails, as when it diverges; it is left out.

    >>> import graphar as ga
    >>> heads = {"exact": ga.heads.CurieWeiss, "one weight": ga.heads.OneParameter}
    >>> result = compare(ga.curie_weiss(8), heads, beta=[0.5, 1.0], steps=5, warmup=0, batch_size=32, progress=False)
    >>> bool(abs(result.errors("exact")[0]).max() < 1e-6)
    True
    >>> [record["weights"] for record in result.records]
    [0, 0, 8, 8]
    """
    check_hamiltonian(graph, alone=True)
    asked: dict[str, Any] = {
        "beta": list(as_schedule(beta)),
        "steps": steps,
        "warmup": warmup,
        "batch_size": batch_size,
        "seed": seed,
        "learning_rate": learning_rate,
        "clip_norm": clip_norm,
        "average": average,
        "evaluate_samples": evaluate_samples,
    }
    settings = check_settings(**asked)
    if seconds is not None and not 0 < seconds < math.inf:
        raise ValueError(f"seconds must be positive, got {seconds}")
    entries = {name: _split(entry) for name, entry in _named(heads).items()}
    own = {name: anneals for name, (_, anneals) in entries.items()}
    for anneals in own.values():
        check_settings(**asked | {name: value for name, value in anneals.items() if name != "optimizer"})
    models = {name: _model(graph, name, entry, seed) for name, (entry, _) in entries.items()}
    log_partition, label = _reference(graph, settings["schedule"], reference)
    result = Comparison(graph, tuple(settings["schedule"]), log_partition, label)
    options = {
        name: settings[name]
        for name in ("batch_size", "seed", "learning_rate", "clip_norm", "average", "evaluate_samples")
    }
    options |= {"optimizer": optimizer, "steps": steps, "warmup": warmup}
    try:
        for name, model in _bar(models, progress):
            try:
                chosen = options | own[name]
                if seconds is not None and any(weight.requires_grad for weight in model.parameters()):
                    chosen |= _counts(model, settings, seconds, chosen)
                run = anneal(model, result.beta, progress=progress, **chosen)
            except ValueError as error:  # what the others found is worth keeping
                warnings.warn(f"{name} is left out: {error}", stacklevel=2)
                continue
            if run.history:
                result.runs[name], result.models[name] = run, model
            if run.interrupted:
                result.interrupted = True
                break
    except KeyboardInterrupt:
        if not result.runs:
            raise
        result.interrupted = True
    return result


def _named(heads: Mapping[str, Any] | Iterable[Any]) -> dict[str, Any]:
    if isinstance(heads, Mapping):
        named = dict(heads)
    else:
        entries = list(heads) if isinstance(heads, Iterable) else [heads]
        named = {_name(entry): entry for entry in entries}
        if len(named) < len(entries):
            raise ValueError(f"heads must differ or have names, got {[_name(entry) for entry in entries]}")
    if not named:
        raise ValueError("heads must hold at least one, got none")
    return named


def _name(entry: Any) -> str:
    if isinstance(entry, tuple) and len(entry) == 2:
        return ", ".join([_name(entry[0]), *(f"{name}={value}" for name, value in dict(entry[1]).items())])
    if isinstance(entry, Autoregressive):
        return repr(entry.head_config)
    return entry.__name__ if isinstance(entry, type) else repr(entry)


def _split(entry: Any) -> tuple[Any, dict[str, Any]]:
    """The entry without settings of its own for training, and these."""
    if not (isinstance(entry, tuple) and len(entry) == 2):
        return entry, {}
    options = dict(entry[1])
    return (entry[0], options), {name: options.pop(name) for name in _OF_TRAINING & options.keys()}


def _model(graph: IsingGraph | SpinHypergraph, name: str, entry: Any, seed: int) -> Autoregressive:
    if isinstance(entry, Autoregressive):
        own = entry.graph
        numbers = ("hyperedge_index", "hyperedge_weight", "edge_index", "edge_weight", "h", "offset")
        same = type(own) is type(graph) and own.num_spins == graph.num_spins
        same = same and all(torch.equal(own[key], graph[key]) for key in numbers if key in graph)
        if not same:
            raise ValueError(f"heads[{name!r}] must be a model on this graph, got one on {own!r}")
        return entry
    head, options = entry if isinstance(entry, tuple) and len(entry) == 2 else (entry, {})
    try:
        return Autoregressive(graph, head, **{"seed": seed, **options})
    except (TypeError, ValueError) as error:
        raise ValueError(f"heads[{name!r}] does not fit: {error}") from error


def _reference(graph: IsingGraph | SpinHypergraph, beta: list[float], given: Any) -> tuple[Floats | None, str]:
    """log Z at each β, and where it is from."""
    if isinstance(given, str):
        if given != "auto":
            raise ValueError(f'reference must be "auto", None, a function or log Z for each beta, got {given!r}')
        found = cheapest_log_partition(graph, beta)
        if found is not None:
            return found
    elif given is not None:
        values = as_float_tensor([given(b) for b in beta] if callable(given) else given, "reference").double()
        if values.numel() != len(beta) or values.dim() > 1:
            raise ValueError(f"reference must hold {len(beta)} numbers, one for each beta, got {tuple(values.shape)}")
        return values.reshape(-1).numpy(), "log Z given"
    return None, ESTIMATED


def _counts(model: Autoregressive, settings: dict[str, Any], seconds: float, options: dict[str, Any]) -> dict[str, Any]:
    """Steps and warm-up that take about so many seconds, in the ratio of the settings."""
    weights, schedule = copy.deepcopy(model.state_dict()), settings["schedule"]
    times: list[float] = []
    spent = 0.0
    while len(times) < 1 + _TIMINGS or spent < _TIMED_SHARE * seconds:
        timed = anneal(model, schedule[0], progress=False, **options | {"steps": _TIMED, "warmup": 0})
        if timed.interrupted:
            raise KeyboardInterrupt
        times.append(timed.seconds / timed.step)
        spent += timed.seconds
    model.load_state_dict(weights)
    total = seconds / statistics.median(times[1:])  # the first compiles; a median, as other processes may interrupt
    share = total / (options["warmup"] + options["steps"] * len(schedule))
    steps = max(1, int(share * options["steps"]))
    return {"steps": steps, "warmup": max(0, round(total) - steps * len(schedule)) if options["warmup"] else 0}


def _bar(models: dict[str, Autoregressive], show: bool) -> Iterable[tuple[str, Autoregressive]]:
    from tqdm.auto import tqdm

    with tqdm(models.items(), disable=not show, unit="model", leave=None, dynamic_ncols=True) as bar:
        for name, model in bar:
            bar.set_description(name)
            yield name, model
