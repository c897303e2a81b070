"""Planes of the objective, against enumeration and against the objective at moved weights."""

from __future__ import annotations

import copy
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_graphs import configurations, model_on

import graphar as ga

BETA = 0.7


def directions_of(model: ga.Autoregressive, seed: int = 0) -> list[dict[str, torch.Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    shapes = {name: weight.shape for name, weight in model.named_parameters()}
    return [
        {name: 0.3 * torch.randn(shape, generator=generator, dtype=torch.float64) for name, shape in shapes.items()}
        for _ in range(2)
    ]


def objective(model: ga.Autoregressive, beta: float) -> float:
    """βF_q by enumeration."""
    x = configurations(model.num_spins)
    with torch.no_grad():
        log_q = model.at(beta).log_prob(x)
    return float(log_q.exp() @ (log_q + beta * model.graph.energy(x)))


@pytest.mark.parametrize("graph", ["isolated spin", "torus", "random regular"])
@pytest.mark.parametrize("width", [0, 2])
def test_values_are_those_of_the_moved_model(graph: str, width: int) -> None:
    model = ga.Autoregressive(model_on(graph, "messages", "rcm").graph, exact_width=width, dtype=torch.float64)
    if not model.num_parameters:
        pytest.skip("nothing to learn")
    ways = directions_of(model)
    plane = ga.landscape(model.at(BETA), num=3, span=0.8, directions=ways, progress=False)
    assert plane.x.tolist() == plane.y.tolist() == [-0.8, 0.0, 0.8]
    assert plane.num_samples == 0
    assert not plane.stderr.any()
    assert not plane.rise_stderr.any()
    for i, x in enumerate(plane.x):
        for j, y in enumerate(plane.y):
            moved = copy.deepcopy(model)
            with torch.no_grad():
                for name, weight in moved.named_parameters():
                    weight.add_(x * ways[0][name] + y * ways[1][name])
            assert plane.values[i, j] == pytest.approx(objective(moved, BETA), abs=1e-10)
    assert plane.centre == plane.values[1, 1] == pytest.approx(objective(model, BETA), abs=1e-10)
    exact = ga.exact.enumerate(model.graph, BETA)
    assert plane.values.min() >= -exact.log_partition - 1e-9


@pytest.mark.parametrize("width", [0, 2])
def test_samples_agree_with_enumeration_and_share_their_noise(width: int) -> None:
    graph = model_on("torus", "messages", "rcm").graph
    model = ga.Autoregressive(graph, exact_width=width, dtype=torch.float64)
    ga.anneal(model, [BETA], steps=30, warmup=0, batch_size=128, progress=False)
    options: dict[str, Any] = {"num": 7, "span": 1.0, "progress": False, "seed": 3}
    exact = ga.landscape(model.at(BETA), **options)
    drawn = ga.landscape(model.at(BETA), num_samples=4000, **options)
    assert exact.num_samples == 0
    assert drawn.num_samples == 4000
    assert (np.abs(drawn.values - exact.values) < 5 * drawn.stderr + 1e-9).all()
    assert (np.abs(drawn.rise - exact.rise) < 5 * drawn.rise_stderr + 1e-9).all()
    assert drawn.rise_stderr[3, 3] == drawn.rise[3, 3] == 0
    close = ga.landscape(model.at(BETA), num=3, span=0.01, num_samples=4000, progress=False)
    assert close.rise_stderr[0, 0] < 0.3 * close.stderr[0, 0]
    again = ga.landscape(model.at(BETA), num_samples=4000, **options)
    assert (again.values == drawn.values).all()
    assert exact.lowest == (0.0, 0.0)


def test_the_model_is_not_touched() -> None:
    model = ga.Autoregressive(ga.grid((3, 4), couplings="pm1", seed=0))
    ga.anneal(model, [0.5], steps=3, warmup=0, batch_size=32, progress=False)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    grads = [None if weight.grad is None else weight.grad.clone() for weight in model.parameters()]
    state = torch.get_rng_state()
    ga.landscape(model.at(0.5), num=3, progress=False)
    ga.hessian_eigenvalues(model.at(0.5), 1, 100, progress=False)
    for name, weight in model.state_dict().items():
        assert torch.equal(weight, before[name])
    for weight, grad in zip(model.parameters(), grads, strict=True):
        assert grad is None or torch.equal(weight.grad, grad)
    assert torch.equal(torch.get_rng_state(), state)
    assert model.dtype == torch.float32


def test_frozen_weights_stay() -> None:
    model = ga.Autoregressive(ga.grid((3, 3), couplings="pm1", seed=0), dtype=torch.float64)
    model.head.bias.requires_grad_(False)
    ways = [{"head.weight": torch.ones_like(model.head.weight)}] * 2
    plane = ga.landscape(model.at(0.5), num=3, directions=ways, progress=False)
    assert plane.values[0, 2] == plane.values[2, 0] == pytest.approx(plane.centre, abs=1e-12)
    with pytest.raises(ValueError, match=r"directions must have the tensors head\.weight, got head\.bias"):
        ga.landscape(model.at(0.5), directions=[{"head.bias": model.head.bias}] * 2, progress=False)


def test_of_a_checkpoint(tmp_path: Path) -> None:
    model = ga.Autoregressive(ga.grid((3, 3), couplings="pm1", seed=0))
    ga.anneal(model, [0.5], steps=4, warmup=0, batch_size=32, checkpoint=tmp_path / "run.pt", progress=False)
    ga.save(model, tmp_path / "model.pt")
    planes = [
        ga.landscape(each.at(0.5), num=3, progress=False)
        for each in (model, ga.load(tmp_path / "run.pt"), ga.load(tmp_path / "model.pt"))
    ]
    assert (planes[0].values == planes[1].values).all()
    assert (planes[0].values == planes[2].values).all()


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_ctrl_c_leaves_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    from graphar.landscapes.objective import Objective

    calls, at = [], Objective.at

    def interrupted(self: Objective, *steps: Any) -> Any:
        calls.append(steps)
        if len(calls) == 6:
            os.kill(os.getpid(), signal.SIGINT)
        return at(self, *steps)

    monkeypatch.setattr(Objective, "at", interrupted)
    plane = ga.landscape(ga.Autoregressive(ga.chain(6)).at(0.5), num=5, progress=False)
    assert not plane.complete
    done = np.isfinite(plane.values)
    assert int(done.sum()) == 5
    assert done[1:4, 2].all()
    assert done[2, 1:4].all()
    assert "5 points done" in repr(plane)
    plane.plot()


def test_files(tmp_path: Path) -> None:
    plane = ga.landscape(ga.Autoregressive(ga.chain(6)).at(0.5), num=3, num_samples=50, progress=False)
    path = tmp_path / "plane.npz"
    plane.save(path)
    again = ga.Landscape.load(path)
    assert repr(again) == repr(plane)
    for name, part in vars(plane).items():
        assert np.array_equal(getattr(again, name), part), name
    data = path.read_bytes()
    for damaged in (b"", b"hello", data[: len(data) // 2], data[:-30]):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"plane\.npz: not a file of format 'graphar landscape 1'"):
            ga.Landscape.load(path)
    parts = {"format": np.array("graphar landscape 1"), **vars(plane)}
    for change, message in (
        ({"values": plane.values[:2]}, "values must have shape"),
        ({"beta": np.array("warm")}, "beta must have shape"),
        ({"num_spins": 0}, "num_spins"),
        ({"x": plane.x * np.nan}, "x must be finite"),
        ({"more": 1.0}, "not a file of format"),
        ({"format": np.array("graphar landscape 9")}, "not a file of format"),
        ({"stderr": np.array([{}, {}], dtype=object)}, "not a file of format"),
    ):
        np.savez(path, **{**parts, **change})
        with pytest.raises(ValueError, match=message):
            ga.Landscape.load(path)
    with pytest.raises(FileNotFoundError):
        ga.Landscape.load(tmp_path / "none.npz")


def test_it_reads_well_and_is_drawn(tmp_path: Path) -> None:
    plane = ga.landscape(ga.Autoregressive(ga.chain(6)).at(0.5), num=5, progress=False)
    text = repr(plane)
    assert text.startswith("Landscape(6 spins, beta=0.5, 5×5 points, exact, βF_q=-")
    plane.plot(tmp_path / "plane.png")
    assert (tmp_path / "plane.png").read_bytes().startswith(b"\x89PNG")
    drawn = ga.landscape(ga.Autoregressive(ga.chain(6)).at(0.5), num=5, num_samples=20, progress=False)
    assert "20 samples a point" in repr(drawn)
    flat = ga.landscape(model_without_slope().at(0.5), num=3, directions=[zero_way()] * 2, progress=False)
    flat.plot()


def model_without_slope() -> ga.Autoregressive:
    return ga.Autoregressive(ga.chain(4, couplings="ferromagnet"), dtype=torch.float64)


def zero_way() -> dict[str, torch.Tensor]:
    return {name: torch.zeros_like(weight) for name, weight in model_without_slope().named_parameters()}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num": 4}, "num must be odd"),
        ({"num": 1}, "num must be at least 3, got 1"),
        ({"num": 2001}, "num must be odd and at most 1001"),
        ({"span": 0}, "span must be positive"),
        ({"num_samples": 1}, "num_samples must be at least 2"),
        ({"seed": -1}, "seed must be at least 0"),
        ({"progress": 1}, "progress must be True or False"),
        ({"directions": 1}, "directions must be two"),
        ({"directions": [{}]}, "directions must be two"),
        ({"directions": [{}, {}]}, "directions must have the tensors head.weight, head.bias, got "),
        (
            {"directions": [{"head.weight": torch.ones(2), "head.bias": torch.ones(6)}] * 2},
            r"directions\['head.weight'\] must have shape",
        ),
        (
            {"directions": [{"head.weight": torch.ones(2) * torch.nan, "head.bias": torch.ones(6)}] * 2},
            r"directions\['head.weight'\] must be finite",
        ),
    ],
)
def test_bad_arguments(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ga.landscape(ga.Autoregressive(ga.chain(6)).at(0.5), **{"progress": False, **options})


def test_bad_models() -> None:
    model = ga.Autoregressive(ga.chain(4))
    for function in (ga.landscape, ga.hessian_eigenvalues):
        with pytest.raises(ValueError, match="q must be a model at its inverse temperature"):
            function(model, progress=False)
        with pytest.raises(ValueError, match="q must have weights to be trained, got a model with none"):
            function(ga.Autoregressive(ga.chain(4), ga.heads.Exact).at(1.0), progress=False)
    with torch.no_grad():
        model.head.bias[0] = torch.nan
    with pytest.raises(ValueError, match="weights must be finite"):
        ga.landscape(model.at(1.0), progress=False)
