"""Runs that stop and go on: by callback, Ctrl-C or failure, and what cannot be resumed."""

from __future__ import annotations

import math
import os
import signal
from collections.abc import Iterator

import pytest
import torch
from short_runs import GRAPH, SHORT, fresh, same

import graphar as ga


@pytest.fixture
def default_sigint() -> Iterator[None]:
    """Ctrl-C as at a terminal, also where the tests run as a background job that ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("stop_after", [1, 2])
def test_resuming_equals_never_stopping(tmp_path, stop_after: int) -> None:
    betas = [0.2, 0.4, 0.6]
    whole_model, model = fresh(), fresh()
    whole = ga.anneal(whole_model, betas, **SHORT)
    path = tmp_path / "run.pt"
    part = ga.anneal(model, betas, callbacks=[lambda run: len(run.history) == stop_after], checkpoint=path, **SHORT)
    assert len(part.history) == stop_after
    again = ga.load(path)
    rest = ga.anneal(again, betas, checkpoint=path, resume=path, **SHORT)
    assert same(rest, whole)
    for a, b in zip(again.parameters(), whole_model.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.usefixtures("default_sigint")
def test_ctrl_c_ends_after_the_step_and_the_run_goes_on_identically(tmp_path) -> None:
    betas = [0.2, 0.4, 0.6]
    whole = ga.anneal(fresh(), betas, **SHORT)
    path = tmp_path / "run.pt"

    def press(run: ga.Run) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    part = ga.anneal(fresh(), betas, callbacks=[press], checkpoint=path, **SHORT)
    assert part.interrupted
    assert len(part.history) == 1
    assert "interrupted" in repr(part)
    assert math.isfinite(part.best_energy)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert same(ga.anneal(ga.load(path), betas, resume=path, **SHORT), whole)


@pytest.mark.usefixtures("default_sigint")
def test_a_second_ctrl_c_stops_at_once() -> None:
    def press_twice(run: ga.Run) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        ga.anneal(fresh(), [0.2, 0.4], callbacks=[press_twice], **SHORT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_cannot_be_resumed_says_why(tmp_path) -> None:
    path = tmp_path / "run.pt"
    ga.anneal(fresh(), [0.2, 0.4], checkpoint=path, **SHORT)
    with pytest.raises(ValueError, match=r"settings of the run, which had steps=6 \(now 7\)"):
        ga.anneal(fresh(), [0.2, 0.4], resume=path, **{**SHORT, "steps": 7})
    with pytest.raises(ValueError, match="its graph differs"):
        ga.anneal(ga.Autoregressive(ga.chain(16)), [0.2, 0.4], resume=path, **SHORT)
    with pytest.raises(ValueError, match="its ordering differs"):
        ga.anneal(fresh(ordering=ga.natural(GRAPH)), [0.2, 0.4], resume=path, **SHORT)
    ga.save(fresh(), tmp_path / "model.pt")
    with pytest.raises(ValueError, match="nothing to resume"):
        ga.anneal(fresh(), [0.2, 0.4], resume=tmp_path / "model.pt", **SHORT)
    data = path.read_bytes()
    for name, content in {
        "empty": b"",
        "cut": data[: len(data) // 2],
        "text": b"hello",
        "zip": b"PK\x03\x04" + b"0" * 99,
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match="not a file of format 'graphar checkpoint 3', or damaged"):
            ga.load(tmp_path / name)
    torch.save({"weights": torch.zeros(3)}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match="not a file of format"):
        ga.load(tmp_path / "other.pt")
    with pytest.raises(FileNotFoundError):
        ga.load(tmp_path / "none.pt")
    state = torch.load(path) | {"format": "graphar checkpoint 2"}
    torch.save(state, tmp_path / "old.pt")
    message = "not a file of format 'graphar checkpoint 3', but of 'graphar checkpoint 2', which another version of"
    with pytest.raises(ValueError, match=message):
        ga.load(tmp_path / "old.pt")
    with pytest.raises(ValueError, match=message):
        ga.anneal(fresh(), [0.2, 0.4], resume=tmp_path / "old.pt", **SHORT)


def test_a_checkpoint_holds_the_last_beta_when_a_callback_ends_the_run_or_fails(tmp_path) -> None:
    ga.anneal(fresh(), 0.3, callbacks=[lambda run: True], checkpoint=tmp_path / "ended.pt", **SHORT)
    assert ga.load(tmp_path / "ended.pt").trained_beta == 0.3

    def fail(run: ga.Run) -> None:
        raise RuntimeError("callback")

    with pytest.raises(RuntimeError, match="callback"):
        ga.anneal(fresh(), [0.3, 0.6], callbacks=[fail], checkpoint=tmp_path / "failed.pt", **SHORT)
    rest = ga.anneal(fresh(), [0.3, 0.6], resume=tmp_path / "failed.pt", **SHORT)
    assert same(rest, ga.anneal(fresh(), [0.3, 0.6], **SHORT))


def test_numbers_of_numpy_are_kept_as_plain_ones(tmp_path) -> None:
    import numpy as np

    options = {"steps": np.int64(6), "warmup": np.int64(4), "batch_size": np.int64(64), "progress": False}
    options |= {"learning_rate": np.float64(1e-3), "clip_norm": np.float32(1.0)}
    ga.anneal(fresh(), np.array([0.2, 0.4]), seed=np.int64(1), checkpoint=tmp_path / "run.pt", **options)
    assert ga.load(tmp_path / "run.pt").num_spins == 16


def test_another_optimiser_is_another_setting(tmp_path) -> None:
    def sgd(rate: float):
        return lambda parameters: torch.optim.SGD(parameters, lr=rate)

    ga.anneal(fresh(), [0.2, 0.4], optimizer=sgd(1e-3), checkpoint=tmp_path / "run.pt", **SHORT)
    with pytest.raises(ValueError, match=r"optimizer=.SGD .*0\.001.*0\.5"):
        ga.anneal(fresh(), [0.2, 0.4], optimizer=sgd(0.5), resume=tmp_path / "run.pt", **SHORT)
    with pytest.raises(ValueError, match="LBFGS, which needs the objective"):
        ga.anneal(fresh(), 0.2, optimizer=torch.optim.LBFGS, **SHORT)


def test_an_ignored_ctrl_c_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        run = ga.anneal(fresh(), [0.2, 0.4], callbacks=[lambda run: os.kill(os.getpid(), signal.SIGINT)], **SHORT)
        assert not run.interrupted
        assert len(run.history) == 2
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
