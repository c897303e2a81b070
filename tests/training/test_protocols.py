"""The papers' protocols: their numbers, and that annealing takes them."""

from __future__ import annotations

import pytest

import graphar as ga
from graphar.training import protocols


def test_the_numbers_are_those_of_the_public_codes() -> None:
    arnn, twobo = protocols.arnn(), protocols.twobo()
    assert arnn.pop("beta") == pytest.approx([0.1 + 0.05 * k for k in range(39)])
    assert arnn == {
        "steps": 1000,
        "warmup": 5000,
        "batch_size": 2000,
        "learning_rate": 1e-3,
        "average": False,
        "evaluate_samples": 40_000,
    }
    assert twobo.pop("beta") == pytest.approx([0.05 * k for k in range(1, 61)])
    assert twobo == {
        "steps": 200,
        "warmup": 500,
        "batch_size": 1024,
        "learning_rate": 1e-3,
        "average": False,
        "evaluate_samples": 1024,
    }


@pytest.mark.parametrize("protocol", [protocols.arnn, protocols.twobo])
def test_a_fraction_keeps_the_schedule_and_annealing_takes_it(protocol) -> None:
    full, short = protocol(), protocol(1e-9, seed=5)
    assert short["beta"] == full["beta"]
    counted = {"steps": 1, "warmup": 0, "batch_size": 2, "evaluate_samples": 2}
    assert {name: short[name] for name in counted} == counted
    run = ga.anneal(ga.Autoregressive(ga.chain(3)), **protocol(1e-9, batch_size=50, seed=5), progress=False)
    assert run.settings["schedule"] == list(full["beta"])
    assert run.step == len(full["beta"])
    assert (run.settings["batch_size"], run.settings["seed"], run.settings["learning_rate"]) == (50, 5, 1e-3)


def test_changes_are_taken_as_they_are() -> None:
    assert protocols.twobo(0.5, steps=7)["steps"] == 7
    assert protocols.twobo(0.5)["steps"] == 100
    assert protocols.twobo(0.5) == protocols.twobo(0.5)


@pytest.mark.parametrize("fraction", [0, -1, float("nan"), float("inf")])
def test_refused_fractions(fraction: float) -> None:
    for protocol in (protocols.arnn, protocols.twobo):
        with pytest.raises(ValueError, match="fraction must be positive, got"):
            protocol(fraction)


def test_variational_neural_annealing_is_that_of_its_public_code() -> None:
    common = {"steps": 5, "warmup": 1000, "batch_size": 50, "learning_rate": 1e-3, "average": False}
    vca, vqa, rvqa, cqo = protocols.vca(), protocols.vqa(), protocols.rvqa(), protocols.cqo()
    assert [1 / beta for beta in vca.pop("beta")] == pytest.approx([2 * (1 - k / 500) for k in range(500)])
    assert vqa.pop("transverse_field") == pytest.approx([2 * (1 - k / 500) for k in range(501)])
    assert [1 / beta for beta in rvqa.pop("beta")] == pytest.approx([2 * (1 - k / 500) for k in range(500)])
    assert rvqa.pop("transverse_field") == pytest.approx([2 * (1 - k / 500) for k in range(500)])
    assert cqo == {**common, "entropy": False, "steps": 2500}
    assert vca == vqa == rvqa == common


@pytest.mark.parametrize("name", ["vca", "vqa", "rvqa", "cqo"])
def test_annealing_takes_the_four_protocols(name: str) -> None:
    settings = getattr(protocols, name)(3, warmup=5, steps=4)
    run = ga.anneal(ga.Autoregressive(ga.random_chain(6, seed=0)), **settings, progress=False)
    quantum, entropy = name in ("vqa", "rvqa"), name in ("vca", "rvqa")
    assert (run.settings["transverse_field"] is not None) == quantum
    assert run.settings["entropy"] == entropy
    assert run.history[-1].residual_energy >= -1e-6


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: protocols.vca(0), "num must be at least 1"),
        (lambda: protocols.vca(3, temperature=0), "temperature must be positive"),
        (lambda: protocols.vqa(3, field=-1), "field must be finite and not negative"),
        (lambda: protocols.cqo(1.5), "num must be an integer"),
    ],
)
def test_refused_courses(make, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
