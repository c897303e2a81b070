"""Models without a weight to train are evaluated at every β, and their runs are saved and resumed like others."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import graphar as ga
from graphar.cli import main

BETAS = [0.5, 1.0, 2.0]


def exact_model() -> ga.Autoregressive:
    return ga.Autoregressive(ga.sherrington_kirkpatrick(8, seed=0), exact_width="auto")


def test_every_beta_is_recorded_with_its_exact_value(tmp_path: Path) -> None:
    model = exact_model()
    assert not list(model.parameters())
    run = ga.anneal(model, BETAS, batch_size=64, checkpoint=tmp_path / "run.pt", progress=False)
    assert [record.beta for record in run.history] == BETAS
    assert run.step == 0
    assert not run.interrupted
    assert model.trained_beta == BETAS[-1]
    for record in run.history:
        assert record.log_partition == pytest.approx(ga.exact.enumerate(model.graph, record.beta).log_partition, 1e-6)
    again = ga.anneal(exact_model(), BETAS, batch_size=64, resume=tmp_path / "run.pt", progress=False)
    assert again.history == run.history


def test_an_interrupted_evaluation_goes_on(tmp_path: Path) -> None:
    options: Any = {"batch_size": 64, "progress": False}
    whole = ga.anneal(exact_model(), BETAS, **options)
    path = tmp_path / "run.pt"
    first = ga.anneal(exact_model(), BETAS, checkpoint=path, callbacks=[lambda run: len(run.history) == 2], **options)
    assert len(first.history) == 2
    assert ga.anneal(exact_model(), BETAS, resume=path, **options).history == whole.history


@pytest.mark.parametrize("source", ["chain:1", "sk:12,seed=1"])
def test_the_command_line_prints_it(source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    arguments = [source, "--exact-width", "auto", "--beta", "0.5", "1", "2", "--samples", "100", "--quiet"]
    assert main(["anneal", *arguments, "--out", str(out)]) == 0
    assert "log Z" in capsys.readouterr().out
    assert len((out / "metrics.jsonl").read_text().splitlines()) == 2
    assert main(["anneal", "--resume", str(out), "--quiet"]) == 0


def test_a_start_that_failed_leaves_a_folder_that_can_be_used(tmp_path: Path) -> None:
    out = tmp_path / "run"
    out.mkdir()
    (out / "settings.json").write_text("{}")
    arguments = ["chain:4", "--beta", "0.5", "1", "1", "--steps", "2", "--warmup", "0", "--batch-size", "8", "--quiet"]
    assert main(["anneal", *arguments, "--samples", "10", "--out", str(out)]) == 0
    assert main(["anneal", *arguments, "--samples", "10", "--out", str(out)]) == 2


@pytest.mark.parametrize("answer", [1, 1.0, torch.ones(3), np.ones(2), "yes", None, False])
def test_only_true_ends_a_run(answer: Any) -> None:
    model = ga.Autoregressive(ga.chain(4))
    run = ga.anneal(model, [0.5, 1.0], steps=1, warmup=0, batch_size=8, callbacks=[lambda run: answer], progress=False)
    assert len(run.history) == 2


@pytest.mark.parametrize("answer", [True, np.bool_(True)])
def test_true_ends_a_run_after_all_callbacks(answer: Any) -> None:
    seen = []
    run = ga.anneal(
        ga.Autoregressive(ga.chain(4)),
        [0.5, 1.0],
        steps=1,
        warmup=0,
        batch_size=8,
        callbacks=[lambda run: answer, lambda run: seen.append(run.step)],
        progress=False,
    )
    assert len(run.history) == 1
    assert seen == [1]


@pytest.mark.parametrize("beta", [torch.tensor(0.5), np.array(0.5), np.float64(0.5), torch.tensor([0.5]), 0.5])
def test_one_beta_however_it_is_held(beta: Any) -> None:
    run = ga.anneal(ga.Autoregressive(ga.chain(4)), beta, steps=1, warmup=0, batch_size=8, progress=False)
    assert [record.beta for record in run.history] == [0.5]
