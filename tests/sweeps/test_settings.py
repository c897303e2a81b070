"""Products of settings, names of folders, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch

from graphar.sweeps.settings import expand, name_of, plain


def test_all_combinations_the_last_fastest() -> None:
    found = expand({"a": ["x", "y"], "b": range(2), "c": 1.5, "d": [[1, 2]]})
    assert [(one["a"], one["b"]) for one in found] == [("x", 0), ("x", 1), ("y", 0), ("y", 1)]
    assert all(one["c"] == 1.5 and one["d"] == [1, 2] for one in found)
    assert expand([{"a": 1}, {"b": (2, 3)}]) == [{"a": 1}, {"b": [2, 3]}]


def test_arrays_become_what_json_has() -> None:
    given = {
        "a": np.arange(2),
        "b": torch.tensor([0.5]),
        "c": np.float32(0.25),
        "d": np.array(3),
        "e": [np.bool_(True)],
    }
    found = expand(given)
    assert json.loads(json.dumps(found)) == found
    assert found[1] == {"a": 1, "b": 0.5, "c": 0.25, "d": 3, "e": True}
    assert [type(value) for value in found[1].values()] == [int, float, float, int, bool]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (3, "must be a mapping of names to values, or a list of such, got int"),
        ({"a": []}, r"settings\['a'\] must hold at least one value, got none"),
        ([], "at least one task"),
        ({"a": {1, 2}}, "must have an order"),
        ({"a": [1, 1]}, "must differ from task to task"),
        ({"a": object()}, r"settings\['a'\] must be a number, a string"),
        ({"a": float("nan")}, "must be finite, got nan"),
        ([{"a": 1}, 2], r"settings\[1\] must be a mapping"),
        ([{1: 2}], "strings for keys"),
    ],
)
def test_refused(settings: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        expand(settings)


def test_endless_nesting_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(ValueError, match="lists and mappings"):
        plain(loop, "result")


def test_names_are_safe_readable_and_of_the_settings_alone() -> None:
    one = {"instance": "../../data/x y.edges", "seed": 3}
    assert name_of(one) == name_of(dict(reversed(one.items())))
    assert name_of(one).startswith("instance_x_y.edges-seed_3-")
    assert len({name_of({"a": value}) for value in (1, 1.0, "1", True, None, [1])}) == 6
    for odd in ({"a": "/" * 300}, {"..": ".."}, {"ξ": "σ"}, {}, {"a": "x" * 1000}):
        name = name_of(odd)
        assert "/" not in name
        assert not name.startswith(".")
        assert len(name) < 120
