"""The time to a target: exponential waits, given up or not, and intervals that hold it as often as they say."""

from __future__ import annotations

import math

import numpy as np
import pytest

import graphar as ga


def test_intervals_hold_the_true_time_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    true = -math.log(0.01) * 3.0
    waits = rng.exponential(3.0, size=(600, 12))
    limit = 4.0
    held = 0
    for row in waits:
        found = ga.time_to_target(np.minimum(row, limit), row <= limit)
        held += found.lower <= true <= found.upper
    assert 0.93 <= held / len(waits) <= 0.99


def test_its_value_is_that_of_the_likeliest_rate() -> None:
    found = ga.time_to_target([1.0, 2.0, 5.0], [True, True, False], probability=0.5)
    assert found.seconds == pytest.approx(math.log(2) * 8 / 2)
    assert (found.reached, found.runs) == (2, 3)
    assert found.lower < found.seconds < found.upper


def test_without_a_success_there_is_a_lower_end_alone() -> None:
    found = ga.time_to_target([10.0, 10.0], [False, False], probability=1 - math.exp(-1), level=0.95)
    assert math.isinf(found.seconds)
    assert math.isinf(found.upper)
    assert found.lower == pytest.approx(20 / -math.log(0.025))


@pytest.mark.parametrize(
    ("seconds", "reached", "options", "said"),
    [
        ([], [], {}, "seconds must be positive"),
        ([1.0, -1.0], [True, True], {}, "seconds must be positive"),
        ([1.0, 2.0], [True], {}, "reached must be True or False"),
        ([1.0], [0.5], {}, "reached must be True or False"),
        ([1.0], [True], {"probability": 1.0}, "probability must be between"),
        ([1.0], [True], {"level": 0.0}, "level must be between"),
    ],
)
def test_refusals(seconds: list[float], reached: list[bool], options: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ga.time_to_target(seconds, reached, **options)
