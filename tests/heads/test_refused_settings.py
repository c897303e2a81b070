"""Settings of heads that are not of their kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import graphar as ga

HEADS = ga.heads
FLAGS: list[tuple[Callable[..., Any], str]] = [
    (HEADS.Linear, "bias"),
    (HEADS.MLP, "bias"),
    (HEADS.MADE, "bias"),
    (HEADS.MADE, "z2"),
    (HEADS.SingleLayer, "bias"),
    (HEADS.CurieWeiss, "trainable"),
    (HEADS.CurieWeissInfinite, "shared"),
    (HEADS.MessagePassing, "linear"),
    (HEADS.Recurrent, "shared"),
    (HEADS.Recurrent, "couplings"),
    (HEADS.Recurrent, "skip"),
]


@pytest.mark.parametrize(("head", "name"), FLAGS)
@pytest.mark.parametrize("value", ["no", 2, 1, None])
def test_a_flag_is_true_or_false(head: Callable[..., Any], name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"{name} must be True or False, got {value!r}"):
        head(**{name: value})


@pytest.mark.parametrize(
    "head", [HEADS.Linear, HEADS.MLP, HEADS.SingleLayer, HEADS.OneParameter, HEADS.CurieWeissInfinite, HEADS.Recurrent]
)
@pytest.mark.parametrize("value", ["a", None, [1.0], float("nan"), float("inf"), -1.0])
def test_a_scale_is_a_size(head: Callable[..., Any], value: object) -> None:
    with pytest.raises(ValueError, match="scale must be finite and not negative, got"):
        head(scale=value)


@pytest.mark.parametrize("value", ["relu", ["silu"], None])
def test_an_activation_is_named(value: object) -> None:
    with pytest.raises(ValueError, match="activation must be one of silu, gelu, tanh, got"):
        HEADS.MLP(activation=value)
