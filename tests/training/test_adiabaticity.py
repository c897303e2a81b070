"""Schedules at constant thermodynamic speed, from what a run lost at each change."""

from __future__ import annotations

import pytest
import torch
from short_runs import SHORT, fresh

import graphar as ga
from graphar.training.trace import TraceRows


def made(beta: list[float], gamma: list[float] | None, excess: list[float], batch_size: int = 10**12) -> ga.Run:
    """A run of four steps at each value, which lost so many nats at each change."""
    settings = {
        "schedule": beta,
        "transverse_field": gamma,
        "entropy": True,
        "steps": 4,
        "warmup": 3,
        "batch_size": batch_size,
        "ground_energy": None,
    }
    run = ga.Run(settings, history=[None] * len(beta), rows=TraceRows())
    for _ in range(3):
        run.rows.append(0, 0, 0, -7.0, 1.0)
    for b, more in zip(beta, [0.0, *excess], strict=True):
        for objective in (-5 + more / b, -5 + more / (2 * b), -5.0, -5.0):
            run.rows.append(0, 0, 0, objective, 1.0)
    return run


def test_excess_is_the_drop_at_each_value() -> None:
    found = ga.adiabaticity(made([0.5, 1.0, 2.0], None, [0.3, 0.1]))
    torch.testing.assert_close(found.excess, torch.tensor([0.3, 0.1], dtype=torch.float64), rtol=0, atol=1e-12)
    assert repr(found) == "Adiabaticity(2 changes cost 0.4 ± 3e-06 nats, largest 0.3 at β 1)"


def test_values_move_as_one_over_the_root_of_the_metric() -> None:
    beta = torch.linspace(0.1, 2.0, 400, dtype=torch.float64)
    middle = (beta[1:] + beta[:-1]) / 2
    excess = 1e-2 * middle**2 * beta.diff() ** 2 * 400**2  # g = λ²: length grows as λ², here
    found = ga.adiabaticity(made(beta.tolist(), None, excess.tolist())).schedule(9)
    expected = torch.linspace(0.1**2, 2.0**2, 9, dtype=torch.float64).sqrt()
    torch.testing.assert_close(torch.tensor(found["beta"], dtype=torch.float64), expected, rtol=2e-3, atol=0)
    assert found["entropy"] is True
    assert "transverse_field" not in found


def test_beta_and_field_move_together() -> None:
    run = made([1.0, 2.0, 3.0], [2.0, 1.0, 0.0], [0.09, 0.01])
    found = ga.adiabaticity(run).schedule(5)
    assert found["beta"] == pytest.approx((1.0, 4 / 3, 5 / 3, 2.0, 3.0))
    assert found["transverse_field"] == pytest.approx((2.0, 5 / 3, 4 / 3, 1.0, 0.0))


def test_noise_counts_as_its_error() -> None:
    found = ga.adiabaticity(made([1.0, 2.0, 3.0], None, [-0.5, 0.0], batch_size=100))
    assert bool((found.length.diff() > 0).all())
    error = (1.5 / 100) ** 0.5  # of the first batch, and of two later ones
    steps = [(2 * error) ** 0.5, (3 * error) ** 0.5]
    assert found.length.tolist() == pytest.approx([0, steps[0], sum(steps)])
    assert found.schedule()["beta"][1] == pytest.approx(2 + (sum(steps) / 2 - steps[0]) / steps[1])


def test_a_run_on_the_measured_schedule_loses_less_at_its_worst_change() -> None:
    graph = ga.grid((4, 4), couplings="ferromagnet")
    options = {"steps": 30, "warmup": 200, "batch_size": 1000, "progress": False}
    even = ga.anneal(ga.Autoregressive(graph), ga.linear(0.05, 2.05, 9), **options)
    measured = ga.adiabaticity(even)
    again = ga.anneal(ga.Autoregressive(graph), **measured.schedule(9), **options)
    assert float(ga.adiabaticity(again).excess.max()) < 0.7 * float(measured.excess.max())


def test_a_run_of_a_transverse_field_goes_on_its_own_schedule() -> None:
    run = ga.anneal(fresh(), transverse_field=ga.linear(2.0, 0.5, 4), **SHORT)
    course = ga.adiabaticity(run).schedule(3)
    again = ga.anneal(fresh(), **course, **SHORT)
    assert again.settings["entropy"] is False
    assert again.settings["transverse_field"][0] == 2.0
    assert again.settings["transverse_field"][-1] == 0.5


@pytest.mark.parametrize("wrong", [None, "few", "short"])
def test_what_is_refused(wrong: str | None) -> None:
    if wrong is None:
        with pytest.raises(ValueError, match=r"run must be a Run, as .* returns, got NoneType"):
            ga.adiabaticity(None)
        return
    betas, steps = ([0.5], 6) if wrong == "few" else ([0.5, 1.0], 1)
    run = ga.anneal(fresh(), betas, **SHORT | {"steps": steps})
    with pytest.raises(ValueError, match="run must have trained at two values or more, two steps each, got"):
        ga.adiabaticity(run)
    with pytest.raises(ValueError, match="num must be at least 2, got 1"):
        ga.adiabaticity(made([1.0, 2.0], None, [0.1])).schedule(1)
