"""Ladders of β: one acceptance everywhere, or replicas that get from end to end."""

from __future__ import annotations

import numpy as np
import pytest

import graphar as ga
from graphar.montecarlo.temperatures import by_flow

mc = ga.montecarlo


def test_exchanges_are_accepted_alike_everywhere() -> None:
    graph = ga.grid((8, 8), couplings="gaussian", seed=1)
    betas = mc.temperature_ladder(graph, 3.0, hottest=0.1, sweeps=400)
    assert (betas[0], betas[-1]) == (0.1, 3.0)
    rate = mc.parallel_tempering(graph, betas, 2000, seed=1, progress=False).swap_rate
    assert 0.4 < rate.min() < rate.max() < 0.75
    even = mc.parallel_tempering(graph, np.linspace(0.1, 3.0, len(betas)), 2000, seed=1, progress=False).swap_rate
    assert even.min() < rate.min() - 0.1


def test_as_many_as_asked_for() -> None:
    graph = ga.random_regular(32, degree=3, couplings="pm1", seed=1)
    for by in ("acceptance", "round trips"):
        betas = mc.temperature_ladder(graph, 2.0, by=by, count=9, sweeps=50)
        assert len(betas) == 9
        assert betas == sorted(set(betas))
        assert (betas[0], betas[-1]) == (0.0, 2.0)
        assert betas == mc.temperature_ladder(graph, 2.0, by=by, count=9, sweeps=50)


def test_feedback_puts_the_root_of_the_fall_into_each_step() -> None:
    flow = np.array([1.0, 0.9, 0.5, 0.0])
    found = by_flow([0.0, 1.0, 2.0, 3.0], flow)
    weight = np.sqrt([0.1, 0.4, 0.5])
    ends = np.concatenate([[0.0], np.cumsum(weight)])
    np.testing.assert_allclose(np.interp(found, [0, 1, 2, 3], ends), np.linspace(0, ends[-1], 4))
    assert by_flow([0.0, 1.0, 2.0, 3.0], np.array([1.0, np.nan, 0.5, 0.0])) == [0.0, 1.0, 2.0, 3.0]
    np.testing.assert_allclose(by_flow([0.0, 1.0, 4.0], np.array([1.0, 0.5, 0.0])), [0.0, 1.0, 4.0])


def test_feedback_makes_the_fall_more_even_at_a_transition() -> None:
    """A large ferromagnet holds replicas up at its critical point."""
    graph = ga.grid((16, 16), periodic=True, couplings="ferromagnet")
    steps = {}
    for by in ("acceptance", "round trips"):
        betas = mc.temperature_ladder(graph, 0.7, hottest=0.2, by=by, count=12, sweeps=200)
        flow = mc.parallel_tempering(graph, betas, 12_000, 4, seed=5, progress=False).flow.numpy()
        steps[by] = float((-np.diff(flow)).max())
    assert steps["round trips"] < steps["acceptance"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"hottest": 2.0}, "hottest must be below coldest, 2, got 2"),
        ({"by": "time"}, 'by must be "acceptance" or "round trips"'),
        ({"count": 2}, "count must be at least 3"),
        ({"hottest": -1.0}, "negative"),
    ],
)
def test_bad_arguments(given: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mc.temperature_ladder(ga.chain(8), 2.0, **given)
