"""Comparing architectures: errors against the truth, budgets, and what is kept when something goes wrong."""

from __future__ import annotations

import math
import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import graphar as ga
from graphar.comparison.compare import compare
from graphar.comparison.result import ESTIMATED, Comparison
from graphar.exact.automatic import cheapest_log_partition
from graphar.exact.curie_weiss import curie_weiss
from graphar.training import protocols
from graphar.training.objective import variational_step

BETA = [0.4, 0.8, 1.2]
SHORT: dict[str, Any] = {"steps": 8, "warmup": 4, "batch_size": 64, "progress": False}
GLASS = ga.sherrington_kirkpatrick(9, field=0.1, seed=3)
HEADS = {"exact": ga.heads.Exact, "linear": ga.heads.Linear, "one": ga.heads.OneParameter}


def test_errors_are_those_of_the_bound_against_enumeration() -> None:
    result = compare(GLASS, HEADS, beta=BETA, evaluate_samples=500, **SHORT)
    assert result.reference == "log Z by enumeration"
    for name, run in result.runs.items():
        errors, stderrs = result.errors(name)
        for error, stderr, record in zip(errors, stderrs, run.history, strict=True):
            exact = ga.exact.enumerate(GLASS, record.beta).free_energy
            assert error == pytest.approx((record.bound - exact) / abs(exact), abs=1e-12)
            assert stderr == pytest.approx(record.bound_stderr / abs(exact), rel=1e-9)
            assert error > -5 * stderr - 1e-6
            assert record.num_samples == 500
    assert np.abs(result.errors("exact")[0]).max() < 1e-6
    assert result.errors("one")[0][-1] > result.errors("linear")[0][-1] > 1e-5


def test_each_is_trained_as_annealing_would() -> None:
    result = compare(GLASS, HEADS, beta=BETA, learning_rate=0.01, clip_norm=1.0, seed=7, **SHORT)
    model = ga.Autoregressive(GLASS, ga.heads.Linear, seed=7)
    run = ga.anneal(model, BETA, learning_rate=0.01, clip_norm=1.0, seed=7, **SHORT)
    assert [record.bound for record in run.history] == [record.bound for record in result.runs["linear"].history]
    assert {name: run.step for name, run in result.runs.items()} == {"exact": 0, "linear": 28, "one": 28}
    trained = zip(result.models["linear"].parameters(), model.parameters(), strict=True)
    assert all(torch.equal(ours, theirs) for ours, theirs in trained)


def test_each_has_the_rate_of_its_head_unless_one_is_asked_for() -> None:
    heads = {"linear": ga.heads.Linear, "replicas": ga.heads.SherringtonKirkpatrick(0), "network": ga.heads.MLP(4)}
    own = compare(GLASS, heads, beta=[0.5], **SHORT)
    rates = {name: run.settings["learning_rate"] for name, run in own.runs.items()}
    assert rates == {"linear": 1e-2, "replicas": 3e-4, "network": 3e-3}
    assert all(f"'lr': {rates[name]}" in run.settings["optimizer"] for name, run in own.runs.items())
    one = compare(GLASS, heads, beta=[0.5], learning_rate=0.02, average=False, **SHORT)
    assert {run.settings["learning_rate"] for run in one.runs.values()} == {0.02}
    assert {run.settings["average"] for run in (*own.runs.values(), *one.runs.values())} == {True, False}


def test_records_are_plain_and_complete() -> None:
    result = compare(GLASS, {"one": ga.heads.OneParameter}, beta=BETA, **SHORT)
    assert [(record["name"], record["beta"], record["weights"]) for record in result.records] == [
        ("one", beta, 9) for beta in BETA
    ]
    assert [record["error"] for record in result.records] == result.errors("one")[0].tolist()
    assert [record["reference"] for record in result.records] == result.log_partition.tolist()
    assert {type(value) for record in result.records for value in record.values()} <= {str, int, float}
    assert {"bound", "ess", "best_energy", "seconds", "error_stderr"} <= set(result.records[0])


def test_heads_come_in_many_forms() -> None:
    ready = ga.Autoregressive(GLASS, ga.heads.CurieWeissInfinite)
    before = ready.head.weight.clone()
    heads = [ga.heads.MADE, ga.heads.MLP(4), (ga.heads.Linear, {"exact_width": 4}), ready]
    result = compare(GLASS, heads, beta=[0.5], **SHORT)
    assert list(result.runs) == ["MADE", repr(ga.heads.MLP(4)), "Linear, exact_width=4", repr(ready.head_config)]
    assert result.models["Linear, exact_width=4"].exact_width == 4
    assert result.models[repr(ready.head_config)] is ready
    assert not torch.equal(ready.head.weight, before)


def test_without_an_exact_value_the_best_estimate_is_the_reference() -> None:
    assert cheapest_log_partition(ga.sherrington_kirkpatrick(60), BETA) is None
    result = compare(GLASS, HEADS, beta=BETA, reference=None, **SHORT)
    assert result.log_partition is None
    assert "error relative to log Z by importance sampling with exact, " in repr(result)
    for at, (beta, reference) in enumerate(zip(BETA, result.references(), strict=True)):
        truth = ga.exact.enumerate(GLASS, beta).log_partition
        assert reference.log_partition.value == pytest.approx(truth, rel=1e-6)
        assert result.records[at]["reference"] == reference.log_partition.value
        assert result.records[at]["reference_from"] == reference.source
    figure = result.plot()
    assert "against the best estimate of these" in figure.axes[0].get_ylabel()


def record(log_z: float, log_z_error: float, bound: float, bound_error: float, ess: float = 900) -> ga.BetaRecord:
    """Numbers of a model at β = 2, bounds on log Z instead of F."""
    zero = dict.fromkeys(("spread", "energy", "energy_stderr", "entropy", "entropy_stderr", "gradient_norm"), 0.0)
    return ga.BetaRecord(
        beta=2.0, bound=-bound / 2, bound_stderr=bound_error / 2, log_partition=log_z, log_partition_stderr=log_z_error,
        ess=ess, num_samples=1000, best_energy=-20, step=1, seconds=1.0, **zero,
    )  # fmt: skip


def among(**records: ga.BetaRecord) -> Comparison:
    result = Comparison(GLASS, (2.0,), None, ESTIMATED)
    for name, one in records.items():
        result.runs[name] = ga.Run({"schedule": [2.0]}, [one], best_energy=-20.0, step=1)
        result.models[name] = ga.Autoregressive(GLASS)
    return result


@pytest.mark.parametrize(
    ("records", "value", "error", "source"),
    [
        # the smallest error, though another lies a little above
        ({"a": record(40.86, 0.005, 40.7, 0.01), "b": record(40.88, 0.02, 40.8, 0.02)}, 40.86, 0.005, "with a"),
        # a model that has lost states looks best, and lies below what another found by many errors
        ({"a": record(40.80, 5e-4, 40.8, 5e-4), "b": record(40.87, 0.01, 40.8, 0.02)}, 40.87, 0.01, "with b"),
        # or below a bound of one whose own estimate is unreliable, so that there is none left
        ({"a": record(40.80, 5e-4, 40.8, 5e-4), "b": record(41, 0.01, 40.85, 0.01, 9)}, 40.85, 0.01, "bound of b"),
        # no healthy ESS: of two bounds the one that surely is good, and not the one of a lucky draw
        ({"a": record(41, 0.1, 40.80, 0.01, 9), "b": record(41, 0.1, 40.9, 0.5, 3)}, 40.80, 0.01, "bound of a"),
    ],
)  # fmt: skip
def test_the_reference_is_what_can_be_trusted(records: dict, value: float, error: float, source: str) -> None:
    result = among(**records)
    (reference,) = result.references()
    assert (reference.log_partition.value, reference.log_partition.stderr) == pytest.approx((value, error))
    assert reference.source.endswith(source)
    assert f"error relative to {reference.source}, {reference.log_partition!r}" in result.table()
    for name, one in records.items():
        errors, stderrs = result.errors(name)
        assert errors[0] == pytest.approx((2 * one.bound + value) / value)
        assert stderrs[0] == pytest.approx(math.hypot(2 * one.bound_stderr, error) / value)


def test_an_estimated_reference_is_no_further_off_than_its_error() -> None:
    heads = {"linear": ga.heads.Linear, "mlp": ga.heads.MLP(8), "one": ga.heads.OneParameter}
    off = []
    for seed in range(12):
        options = SHORT | {"steps": 30, "learning_rate": 0.03, "evaluate_samples": 500}
        result = compare(GLASS, heads, beta=[0.4, 0.8], reference=None, seed=seed, **options)
        for beta, reference in zip(result.beta, result.references(), strict=True):
            truth = ga.exact.enumerate(GLASS, beta).log_partition
            off.append((reference.log_partition.value - truth) / reference.log_partition.stderr)
    assert np.abs(off).max() < 4
    assert abs(np.mean(off)) < 3.5 / len(off) ** 0.5  # neither above nor below on the whole


@pytest.mark.parametrize("form", [list, np.array, lambda values: lambda beta: values[BETA.index(beta)]])
def test_a_reference_may_be_given(form: Any) -> None:
    values = [curie_weiss(40, beta).log_partition for beta in BETA]
    result = compare(ga.curie_weiss(40), {"exact": ga.heads.CurieWeiss}, beta=BETA, reference=form(values), **SHORT)
    assert result.log_partition.tolist() == values
    assert np.abs(result.errors("exact")[0]).max() < 1e-6
    assert result.runs["exact"].step == 0


@pytest.mark.parametrize(
    ("graph", "label"),
    [
        (ga.curie_weiss(10, field=0.2, coupling=-0.7), "sum over M"),
        (ga.random_regular(12, degree=3, field="gaussian", seed=1), "enumeration"),
        (ga.chain(22, couplings="gaussian", seed=2), "elimination"),
        (ga.sherrington_kirkpatrick(21, seed=1), "elimination"),
    ],
)
def test_exact_references_agree_with_enumeration(graph: ga.IsingGraph, label: str) -> None:
    graph = graph.clone()
    graph.offset = graph.offset + 0.5
    betas = [0.3, 1.1]
    found = cheapest_log_partition(graph, betas)
    assert found is not None
    values, name = found
    assert label in name
    expected = [ga.exact.enumerate(graph, beta).log_partition for beta in betas]
    assert values.tolist() == pytest.approx(expected, rel=1e-12)


def test_wide_planar_graphs_have_their_determinant() -> None:
    graph = ga.grid((50, 50), couplings="ferromagnet")
    values, name = cheapest_log_partition(graph, [0.4])
    assert "Kac–Ward" in name
    assert values[0] == pytest.approx(ga.exact.planar(graph, 0.4).log_partition, rel=1e-12)


def test_seconds_are_a_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    # a clock of its own: each step takes a microsecond a weight, and now and then another process takes the machine
    clock, calls = [0.0], [0]

    def step(distribution: ga.Distribution, *arguments: Any, **options: Any) -> Any:
        calls[0] += 1
        clock[0] += 1e-6 * distribution.model.num_parameters + (1.0 if calls[0] == 6 else 0.0)
        return variational_step(distribution, *arguments, **options)

    module = sys.modules["graphar.training.anneal"]
    monkeypatch.setattr(module, "variational_step", step)
    monkeypatch.setattr(module.time, "perf_counter", lambda: clock[0])
    heads = {"linear": ga.heads.Linear, "network": ga.heads.MLP(32)}
    result = compare(ga.chain(60, couplings="pm1"), heads, beta=BETA, seconds=0.2, **SHORT)
    for name, run in result.runs.items():
        assert len(run.history) == 3
        assert run.step == round(0.2 / (1e-6 * result.models[name].num_parameters))
        assert run.seconds == pytest.approx(0.2, rel=0.05)
    least = compare(GLASS, {"linear": ga.heads.Linear}, beta=BETA, seconds=1e-9, **SHORT)
    assert least.runs["linear"].step == 3


def test_a_protocol_is_taken_as_it_is() -> None:
    start = {"start": ga.heads.CurieWeiss(trainable=True)}
    result = compare(ga.curie_weiss(5), start, **protocols.arnn(0.002), progress=False)
    assert result.beta == protocols.arnn()["beta"]
    assert result.runs["start"].step == 39 * 2 + 10
    assert np.abs(result.errors("start")[0]).max() < 1e-3


def test_the_table_and_the_picture(tmp_path: Path) -> None:
    result = compare(GLASS, HEADS, beta=BETA, **SHORT)
    head, columns, *rows = result.table().splitlines()
    assert "9 spins" in head
    assert "beta = 1.2, error relative to log Z by enumeration" in head
    assert columns.split() == ["weights", "steps", "seconds", "F", "bound", "error", "largest", "ESS", "best", "E"]
    assert [row.split()[0] for row in rows] == list(HEADS)
    assert len({len(row) for row in [columns, *rows]}) == 1
    assert repr(result) == result.table()
    assert "beta = 0.8" in result.table(0.75)
    with pytest.raises(ValueError, match="beta must be finite, got nan"):
        result.table(float("nan"))
    largest = np.abs(result.errors("one")[0]).max()
    assert f"{largest:.1e}" in rows[2]
    figure = result.plot(tmp_path / "errors.png")
    assert (tmp_path / "errors.png").stat().st_size > 1000
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == list(HEADS)
    with pytest.raises(ValueError, match=r'against must be "beta", "seconds" or "weights", got'):
        result.draw(figure.axes[0], "time")
    compare(GLASS, HEADS, beta=[0.5], reference=None, **SHORT).plot(tmp_path / "bounds.png")


def test_what_diverges_is_left_out_and_the_others_stay() -> None:
    broken = ga.Autoregressive(GLASS)
    with torch.no_grad():
        broken.head.bias.fill_(math.nan)
    heads = {"one": ga.heads.OneParameter, "broken": broken, "linear": ga.heads.Linear}
    with pytest.warns(UserWarning, match="broken is left out: .*finite"):
        result = compare(GLASS, heads, beta=BETA, **SHORT)
    assert list(result.runs) == ["one", "linear"]


def test_ctrl_c_keeps_what_is_done() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    taken = []

    def interrupting(parameters: Any) -> torch.optim.Optimizer:
        class Interrupting(torch.optim.SGD):
            def step(self, closure: Any = None) -> None:
                taken.append(1)
                if len(taken) == 28 + 15:
                    os.kill(os.getpid(), signal.SIGINT)

        return Interrupting(parameters, 0.1)

    try:
        heads = {"one": ga.heads.OneParameter, "linear": ga.heads.Linear, "never": ga.heads.MADE}
        result = compare(GLASS, heads, beta=BETA, optimizer=interrupting, **SHORT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert list(result.runs) == ["one", "linear"]
    assert [len(run.history) for run in result.runs.values()] == [3, 1]
    assert len(result.errors("linear")[0]) == 1
    assert "linear (until beta = 0.4)" in repr(result)
    assert len(result.records) == 4
    result.plot()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"heads": {}}, "heads must hold at least one, got none"),
        ({"heads": [ga.heads.MADE, ga.heads.MADE]}, "heads must differ or have names"),
        ({"heads": {"cw": ga.heads.CurieWeiss}}, r"heads\['cw'\] does not fit: graph must have one coupling"),
        ({"heads": {"a": 3}}, r"heads\['a'\] does not fit: head must be a head or its class, got 3"),
        ({"heads": {"a": (ga.heads.Linear, {"width": 3})}}, r"heads\['a'\] does not fit: .*width"),
        ({"heads": {"a": ga.Autoregressive(ga.chain(9))}}, r"heads\['a'\] must be a model on this graph, got one on"),
        ({"beta": []}, "beta must hold at least one value"),
        ({"steps": 0}, "steps must be at least 1, got 0"),
        ({"seconds": 0}, "seconds must be positive, got 0"),
        ({"reference": [1.0, 2.0]}, r"reference must hold 3 numbers, one for each beta, got \(2,\)"),
        ({"reference": "best"}, "reference must be \"auto\", None, a function or log Z for each beta, got 'best'"),
    ],
)
def test_refused_arguments(change: dict[str, Any], message: str) -> None:
    arguments = {"heads": {"linear": ga.heads.Linear}, "beta": BETA, **SHORT, **change}
    with pytest.raises(ValueError, match=message):
        compare(GLASS, **arguments)


def test_a_head_may_have_training_of_its_own() -> None:
    heads = {"slow": (ga.heads.Linear, {"ordering": ga.natural, "steps": 7}), "fast": ga.heads.Linear}
    result = compare(GLASS, heads, beta=BETA, reference=None, **SHORT)
    assert result.runs["slow"].settings["steps"] == 7
    assert result.runs["fast"].settings["steps"] == SHORT["steps"] != 7
    assert result.models["slow"].ordering.name == "natural"
    assert not result.interrupted
    with pytest.raises(ValueError, match="steps must be at least 1, got -1"):
        compare(GLASS, {"bad": (ga.heads.Linear, {"steps": -1})}, beta=BETA, **SHORT)
