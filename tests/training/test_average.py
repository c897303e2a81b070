"""The mean of the weights over the second half of the steps at each β: what it is, and that training is the same."""

import itertools
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import graphar as ga
from graphar._support.seeds import hash_key
from graphar.estimators.partition import evaluate

GRAPH = ga.random_regular(16, degree=3, couplings="pm1", field=0.1, seed=1)
BETAS = [0.4, 0.8, 1.2]
SHORT: dict[str, Any] = {"steps": 5, "warmup": 3, "batch_size": 64, "learning_rate": 0.02, "progress": False}


def fresh() -> ga.Autoregressive:
    return ga.Autoregressive(GRAPH)


def weights(model: ga.Autoregressive) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in model.parameters()]


def equal(one: list[Tensor], other: list[Tensor]) -> bool:
    return all(itertools.starmap(torch.equal, zip(one, other, strict=True)))


def numbers(run: ga.Run) -> list[dict[str, Any]]:
    return [{name: value for name, value in vars(record).items() if name != "seconds"} for record in run.history]


class Watched(torch.optim.Adam):
    """Adam that keeps the weights after each of its steps; after some of them, it presses Ctrl-C."""

    def __init__(self, parameters: Any, seen: list[list[Tensor]], press: int | None) -> None:
        super().__init__(parameters, lr=0.02)
        self.seen, self.press = seen, press

    def step(self, closure: Any = None) -> None:
        super().step(closure)
        self.seen.append([weight.detach().clone() for weight in self.param_groups[0]["params"]])
        if len(self.seen) == self.press:
            os.kill(os.getpid(), signal.SIGINT)


def watched(press: int | None = None, **options: Any) -> tuple[ga.Autoregressive, ga.Run, list[list[Tensor]]]:
    seen: list[list[Tensor]] = []
    model = fresh()
    settings = {**SHORT, "optimizer": lambda parameters: Watched(parameters, seen, press), **options}
    return model, ga.anneal(model, BETAS, **settings), seen


@pytest.fixture
def default_sigint() -> Iterator[None]:
    """Ctrl-C as at a terminal, also where the tests run as a background job that ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("steps", [1, 2, 5, 6])
def test_records_and_model_have_the_mean_of_the_later_half(steps: int) -> None:
    shown: list[list[Tensor]] = []
    model = fresh()
    seen: list[list[Tensor]] = []
    options = {**SHORT, "steps": steps, "optimizer": lambda parameters: Watched(parameters, seen, None)}
    run = ga.anneal(model, BETAS, **options, callbacks=[lambda run: shown.append(weights(model))])
    for number, beta in enumerate(BETAS):
        end = SHORT["warmup"] + steps * (number + 1)
        counted = seen[end - (steps - steps // 2) : end]
        assert len(counted) == -(-steps // 2)
        again = fresh()
        for ours, *theirs in zip(shown[number], *counted, strict=True):
            torch.testing.assert_close(ours, torch.stack(theirs).mean(0), rtol=1e-5, atol=1e-7)
        for parameter, weight in zip(again.parameters(), shown[number], strict=True):
            parameter.data.copy_(weight)
        key = hash_key(0, "evaluation", number)
        assert run.history[number].bound == evaluate(again.at(beta), SHORT["batch_size"], key).bound.value
    assert equal(weights(model), shown[-1])
    assert steps <= 2 or not equal(weights(model), seen[-1])


def test_the_mean_of_a_walk_by_hand() -> None:
    # one spin in a field and a gradient that is set: b goes 0, 1, 2, …, each step one up
    class Up(torch.optim.SGD):
        def step(self, closure: Any = None) -> None:
            with torch.no_grad():
                for weight in self.param_groups[0]["params"]:
                    weight.add_(1.0)

    model = ga.Autoregressive(ga.chain(1, field=0.5), ga.heads.Linear(scale=0), dtype=torch.float64)
    at_each = []
    ga.anneal(
        model, [0.5, 1.0], steps=4, warmup=1, batch_size=8, optimizer=lambda parameters: Up(parameters, 1.0),
        callbacks=[lambda run: at_each.append(float(model.head.bias.detach()))], progress=False,
    )  # fmt: skip
    assert at_each == [4.5, 8.5]  # means of 4, 5 and of 8, 9
    assert float(model.head.bias.detach()) == 8.5


def test_training_is_the_same_with_and_without() -> None:
    with_mean, run, seen = watched()
    without, other, plain = watched(average=False)
    assert all(itertools.starmap(equal, zip(seen, plain, strict=True)))
    assert equal(weights(without), plain[-1])
    assert not equal(weights(with_mean), plain[-1])
    assert (run.settings["average"], other.settings["average"]) == (True, False)
    with pytest.raises(ValueError, match="average must be True or False, got 1"):
        ga.anneal(fresh(), BETAS, **SHORT, average=1)


@pytest.mark.usefixtures("default_sigint")
@pytest.mark.parametrize(
    "press", [2, 3, 4, 5, 6, 8, 9, 11, 13, 17]
)  # in the warm-up, in either half, at the end of a β
def test_interrupted_anywhere_it_goes_on_to_the_same_end(press: int, tmp_path: Path) -> None:
    whole_model, whole, seen = watched()
    path = tmp_path / "run.pt"
    model, part, _ = watched(press, checkpoint=path)
    assert (part.interrupted, part.step) == (True, press)
    done = 0 if press <= 3 else (press - 4) % 5 + 1
    counted = seen[press - max(1, done - 2) : press]  # of five steps the first two do not count
    for ours, *theirs in zip(weights(model), *counted, strict=True):
        torch.testing.assert_close(ours, torch.stack(theirs).mean(0), rtol=1e-5, atol=1e-7)
    again = ga.load(path)
    assert equal(weights(again), weights(model))
    rest = ga.anneal(again, BETAS, resume=path, optimizer=lambda parameters: Watched(parameters, [], None), **SHORT)
    assert numbers(rest) == numbers(whole)
    assert equal(weights(again), weights(whole_model))


def test_saving_after_every_step_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["graphar.training.anneal"], "SAVE_SECONDS", -1.0)
    model, run, seen = watched()
    saving, other, same = watched(checkpoint=tmp_path / "run.pt")
    assert all(itertools.starmap(equal, zip(seen, same, strict=True)))
    assert numbers(run) == numbers(other)
    assert equal(weights(model), weights(saving))
    assert equal(weights(ga.load(tmp_path / "run.pt")), weights(model))


def test_a_run_that_a_callback_or_an_error_ends_leaves_the_mean(tmp_path: Path) -> None:
    shown: list[list[Tensor]] = []
    model = fresh()
    ga.anneal(model, BETAS, **SHORT, callbacks=[lambda run: shown.append(weights(model)), lambda run: True])
    assert equal(weights(model), shown[0])

    def fail(run: ga.Run) -> None:
        raise RuntimeError("callback")

    path = tmp_path / "run.pt"
    with pytest.raises(RuntimeError, match="callback"):
        ga.anneal(model := fresh(), BETAS, **SHORT, callbacks=[fail], checkpoint=path)
    assert equal(weights(model), shown[0])
    finished = fresh()
    run = ga.anneal(finished, BETAS, **SHORT, resume=path, checkpoint=path)
    assert len(run.history) == 3
    again = fresh()
    assert numbers(ga.anneal(again, BETAS, **SHORT, resume=path)) == numbers(run)  # nothing left to do
    assert equal(weights(again), weights(finished))


@pytest.mark.parametrize(
    "trained",
    [None, 3, [], [torch.zeros(2)], [torch.zeros(2), torch.zeros(2)], "float64", "nan", "extra"],
    ids=str,
)
def test_a_file_without_its_trained_weights_is_refused(trained: Any, tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    ga.anneal(fresh(), BETAS, **SHORT, checkpoint=path, callbacks=[lambda run: True])
    state = torch.load(path)
    changes = {
        "float64": [part.double() for part in state["trained"]],
        "nan": [part * float("nan") for part in state["trained"]],
        "extra": [*state["trained"], torch.zeros(1)],
    }
    torch.save(state | {"trained": changes[trained] if isinstance(trained, str) else trained}, path)
    with pytest.raises(ValueError, match=r"run\.pt: trained"):
        ga.anneal(fresh(), BETAS, **SHORT, resume=path)
    ga.load(path)  # a model all the same


def test_the_rate_is_the_heads_own_unless_one_is_given() -> None:
    class Slow(ga.heads.Linear):
        learning_rate = 1e-5

    short = {name: value for name, value in SHORT.items() if name != "learning_rate"}
    slow, default, given = ga.Autoregressive(GRAPH, Slow()), fresh(), ga.Autoregressive(GRAPH, Slow())
    runs = [ga.anneal(slow, BETAS, **short), ga.anneal(default, BETAS, **short), ga.anneal(given, BETAS, **SHORT)]
    assert [run.settings["learning_rate"] for run in runs] == [1e-5, ga.heads.Linear.learning_rate, 0.02]
    moved = [
        max(float((a - b).abs().max()) for a, b in zip(weights(model), weights(fresh()), strict=True))
        for model in (slow, default, given)
    ]
    assert 1e-5 < moved[0] < 2e-4 < moved[1] < moved[2]  # Adam's steps, 18 of them, are of the size of the rate
