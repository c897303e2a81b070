"""Files that somebody changed: a ValueError that names file and field, or a model that is sound."""

from __future__ import annotations

import copy
import math
import random
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import graphar as ga
from graphar.heads import MessagePassing
from graphar.instances.dataset import _read, _write

GRAPH = ga.random_regular(10, degree=3, couplings="gaussian", field=0.1, seed=1)
SPINS = torch.ones(3, 10)
SHORT = {"beta": [0.4, 0.8], "steps": 2, "warmup": 1, "batch_size": 16, "evaluate_samples": 16, "progress": False}
DATA = ga.InstanceDataset("grid", sizes=(2, 4), num_graphs=2, couplings="gaussian", betas=0.5, seed=0)
TRAIN = ga.InstanceDataset("random_regular", sizes=8, num_graphs=2, degree=3, couplings="gaussian", seed=0)
PRETRAIN = {"steps": 4, "evaluate_every": 2, "graphs_per_step": 2, "batch_size": 8, "beta": (0.5, 1.0)}
MISSING, EXTRA, NOT_FINITE, ENDLESS, NEGATIVE = (
    "missing key", "additional key", "not finite", "one number, repeated", "-1 everywhere")  # fmt: skip
ODD = [None, -1, 10**30, math.nan, math.inf, "x", [], {}, torch.zeros(2, 3, 5), torch.ones(7, dtype=torch.int32),
       MISSING, EXTRA, NOT_FINITE, ENDLESS, NEGATIVE]  # fmt: skip
Path_ = tuple[Any, ...]


def linear() -> ga.Autoregressive:
    return ga.Autoregressive(GRAPH)


def dialled() -> ga.Autoregressive:
    return ga.Autoregressive(GRAPH, ga.heads.MLP(hidden=3, inputs="parents"), exact_width=2, radius=2)


def exact() -> ga.Autoregressive:
    return ga.Autoregressive(GRAPH, ga.heads.Exact)


def frozen() -> ga.Autoregressive:
    model = ga.Autoregressive(GRAPH, MessagePassing(radius=2, rounds=1, hidden=2, linear=True), ga.nested_dissection)
    for parameter in model.head.rule.parameters():
        parameter.requires_grad_(False)
    return model


def sgd(weights: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(weights, lr=1e-3, momentum=0.9)


def opened(path: Path) -> None:
    model = ga.load(path)
    with torch.no_grad():
        assert bool(torch.isfinite(model.at(0.7).log_prob(SPINS)).all())


def resumed(make: Callable[[], ga.Autoregressive], **options: Any) -> Callable[[Path], None]:
    def resume(path: Path) -> None:
        model = make()
        run = ga.anneal(model, **SHORT | options, resume=path)
        assert len(run.history) == 2
        assert math.isfinite(run.history[-1].bound)
        assert float(GRAPH.energy(run.best_spins)) == pytest.approx(run.best_energy)
        with torch.no_grad():
            assert bool(torch.isfinite(model.at(0.7).log_prob(SPINS)).all())

    return resume


def written(path: Path, make: Callable[[], ga.Autoregressive], **options: Any) -> None:
    ga.anneal(make(), **SHORT | options, checkpoint=path, callbacks=[lambda run: True])


def pretrained(path: Path, **options: Any) -> None:
    result = ga.pretrain(TRAIN, MessagePassing(radius=2, hidden=2), **PRETRAIN, progress=False, **options)
    assert math.isfinite(result.best)
    model = ga.Autoregressive(GRAPH, result.head, ga.nested_dissection)
    with torch.no_grad():
        assert bool(torch.isfinite(model.at(0.7).log_prob(SPINS)).all())


def opened_data(path: Path) -> None:
    graphs = _read(path, "two", (0.5,))
    assert [graph.num_spins for graph in graphs] == [8, 8]
    assert all(bool(torch.isfinite(graph.energy(torch.ones(8)))) for graph in graphs)


CASES: dict[str, tuple[Callable[[Path], None], Callable[[Path], None]]] = {
    "linear model": (lambda path: ga.save(linear(), path), opened),
    "model with a dial": (lambda path: ga.save(dialled(), path), opened),
    "exact model": (lambda path: ga.save(exact(), path), opened),
    "fine-tuned model": (lambda path: ga.save(frozen(), path), opened),
    "run of Adam": (lambda path: written(path, dialled), resumed(dialled)),
    "run of SGD": (lambda path: written(path, linear, optimizer=sgd), resumed(linear, optimizer=sgd)),
    "run with frozen weights": (lambda path: written(path, frozen), resumed(frozen)),
    "run with nothing to learn": (lambda path: written(path, exact), resumed(exact)),
    "pretraining": (lambda path: pretrained(path, checkpoint=path), lambda path: pretrained(path, resume=path)),
    "data set": (lambda path: _write(path, "two", list(DATA)), opened_data),
}


def places(state: Any, path: Path_ = ()) -> Iterator[Path_]:
    """Where every entry of a state is, containers included."""
    if path:
        yield path
    if isinstance(state, dict):
        for key, value in state.items():
            yield from places(value, (*path, key))
    elif isinstance(state, (list, tuple)):
        for k, value in enumerate(state):
            yield from places(value, (*path, k))


def tampered(state: Any, path: Path_, odd: Any) -> Any:
    """A copy with one entry replaced, removed, spoiled or, in a dictionary, joined by another."""
    if path:
        key, rest = path[0], path[1:]
        if not rest and odd is MISSING and not isinstance(state, tuple):
            return {k: v for k, v in state.items() if k != key} if isinstance(state, dict) else state[:key]
        if isinstance(state, dict):
            return {k: tampered(v, rest, odd) if k == key else v for k, v in state.items()}
        return type(state)(tampered(v, rest, odd) if k == key else v for k, v in enumerate(state))
    if odd is EXTRA and isinstance(state, dict):
        return {**state, "extra": 1}
    if isinstance(state, torch.Tensor) and odd is NOT_FINITE and state.is_floating_point():
        return torch.full_like(state, math.nan)
    if isinstance(state, torch.Tensor) and odd is NEGATIVE:
        return torch.full_like(state, -1)
    if isinstance(state, torch.Tensor) and odd is ENDLESS:
        return torch.ones(1, dtype=state.dtype).expand(10**9)
    return copy.deepcopy(odd)


@pytest.mark.parametrize("case", CASES)
def test_tampered_files_raise_a_value_error_or_give_what_is_sound(case: str, tmp_path: Path) -> None:
    make, use = CASES[case]
    path = tmp_path / "good.pt"
    make(path)
    state = torch.load(path, weights_only=True)
    use(path)
    choice, bad = random.Random(case), tmp_path / "bad.pt"
    found = list(places(state))
    picks = [(place, choice.choice(ODD)) for place in [*found, *choice.choices(found, k=20)]]
    refused = silent = 0
    for place, odd in picks:
        torch.save(tampered(state, place, odd), bad)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of few effective samples
                use(bad)
        except ValueError as error:
            refused += str(bad) in str(error)
            silent += str(bad) not in str(error)
        except Exception as error:
            raise AssertionError(f"{'.'.join(map(str, place))} = {odd!r}: {type(error).__name__}: {error}") from error
    assert silent == 0
    assert refused > 0.8 * len(picks)


@pytest.mark.parametrize(
    ("place", "odd", "message"),
    [
        (("weights", "head.bias"), NOT_FINITE, "weights.head.bias must be a tensor of finite numbers, floating, got"),
        (("weights", "head.bias"), torch.zeros(3), r"weights.head.bias must be .* float32, shape \(10\), got .*\(3,\)"),
        (("graph", "h"), ENDLESS, r"graph.h must be a tensor .* got a tensor of float64, shape \(1000000000,\)"),
        (("exact_width",), 10**30, "exact_width must be an integer of 0 … 9223372036854775807, got 10000000"),
        (("head", "settings", "scale"), "x", "head.settings must be those of Linear: scale must be finite"),
        (("head", "settings"), {}, "head.settings must be those of Linear"),
        (("head", "name"), "Head", "head.name must be that of a head, got 'Head'"),
        (("trained_beta",), -1, "trained_beta must be a finite number of at least 0, got -1"),
        (("frozen",), ["x"], r"frozen\[0\] must be one of 'head.weight', 'head.bias', got 'x'"),
        (("dtype",), MISSING, "dtype is missing"),
        (("graph",), EXTRA, "graph.'extra' is unknown"),
        (("optimizer", "state", 0, "exp_avg"), torch.zeros(1), r"optimizer.state.0.exp_avg must be .*got .*\(1,\)"),
        (("optimizer", "param_groups", 0, "lr"), "x", r"optimizer.param_groups\[0\].lr must be a finite number"),
        (("run", "history", 0, "bound"), math.nan, r"run.history\[0\].bound must be a finite number, got nan"),
        (("run", "history", 0, "beta"), 0.7, "run.history must follow the schedule"),
        (("run", "step"), 1, "run.step must be in 3 … 4 after 1 values of beta, got 1"),
        (("run", "best_energy"), -100.0, "run.best_energy must be that of run.best_spins"),
        (("optimizer", "state", 0, "exp_avg_sq"), NEGATIVE, "optimizer.state must lead to finite weights"),
        (("optimizer", "state", 0, "step"), NEGATIVE, "optimizer.state must lead to finite weights"),
    ],
)
def test_the_error_names_the_field_and_the_rule(place: Path_, odd: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    written(path, linear)
    torch.save(tampered(torch.load(path, weights_only=True), place, odd), path)
    model = linear()
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(ValueError, match=f"run.pt: {message}"):
        ga.load(path) if place[0] not in ("optimizer", "run") else ga.anneal(model, **SHORT, resume=path)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize(
    ("place", "odd", "message"),
    [
        (("generator",), torch.zeros(3), "generator must be a tensor of finite numbers, uint8"),
        (("generator",), NEGATIVE, "generator must be the state of a torch generator"),
        (("rule", "message_gates.bias"), NOT_FINITE, "rule.message_gates.bias must be a tensor of finite numbers"),
        (("result", "best_tensors", "message_gates.bias"), torch.zeros(3), "result.best_tensors.message_gates.bias"),
        (("result", "step"), 3, r"result.history must have an evaluation at steps 0, 2, … 3, got \[0, 2, 4\]"),
        (("result", "best"), -100.0, "result.best must be the lowest bound"),
        (("optimizer", "state", 0, "exp_avg"), torch.zeros(1), r"optimizer.state.0.exp_avg must be .*got .*\(1,\)"),
    ],
)
def test_so_it_does_of_a_pretraining(place: Path_, odd: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    pretrained(path, checkpoint=path)
    torch.save(tampered(torch.load(path, weights_only=True), place, odd), path)
    with pytest.raises(ValueError, match=f"run.pt: {message}"):
        pretrained(path, resume=path)


def test_tables_of_a_file_stay_within_memory(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    ga.save(ga.Autoregressive(ga.grid((32, 32), seed=0), exact_width=4), path)
    state = torch.load(path, weights_only=True)
    torch.save(state | {"exact_width": 34}, path)
    with pytest.raises(ValueError, match=r"model.pt: exact_width must leave tables of at most memory=4 GB, got 34"):
        ga.load(path)
    torch.save(state, path)
    with pytest.raises(ValueError, match="at most memory=1e-09 GB"):
        ga.load(path, memory=1.0)


def test_weights_that_are_not_finite_are_not_written(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    model = linear()
    ga.save(model, path)
    before = path.read_bytes()
    with torch.no_grad():
        model.head.bias[3] = math.inf
    with pytest.raises(ValueError, match=r"weights must be finite, got NaN or inf in head\.bias"):
        ga.save(model, path)
    assert path.read_bytes() == before
