"""ga.log_partition against exact answers, by exact methods and without them."""

from __future__ import annotations

import math
import time

import pytest
import torch
from interrupting import ctrl_c

import graphar as ga

FAMILIES = {
    "random regular": lambda: ga.random_regular(48, degree=3, couplings="pm1", seed=1),
    "open grid": lambda: ga.grid((6, 6), couplings="gaussian", seed=2),
    "Sherrington-Kirkpatrick": lambda: ga.sherrington_kirkpatrick(16, seed=3),
    "fields": lambda: ga.IsingGraph.from_edges([[0, 1, 2, 3], [1, 2, 3, 0]], [1.0, -1.0, 0.5, 1.0], h=[0.3, -1, 0, 2]),
    "triples": lambda: ga.random_hypergraph(18, order=3, degree=3, couplings="pm1", seed=4),
}
BETAS = [0.5, 2.0]


@pytest.mark.parametrize("name", FAMILIES)
def test_sampled_answers_are_within_their_errors(name: str) -> None:
    graph = FAMILIES[name]()
    exact = ga.log_partition(graph, BETAS)
    for seconds in (2, 20):  # more where compiling, or other work, takes the first
        found = ga.log_partition(graph, BETAS, time_limit=seconds, exact=False, progress=False)
        if found[-1].log_partition.stderr < 1.0:
            break
    for right, each in zip(exact, found, strict=True):
        assert right.exact
        assert not each.exact
        for what in ("log_partition", "energy", "entropy", "free_energy"):
            value, estimate = getattr(right, what).value, getattr(each, what)
            assert abs(estimate.value - value) < 4.5 * estimate.stderr, (what, each, right)
        assert each.log_partition.stderr < 1.0, each


def test_exact_answers() -> None:
    graph = ga.grid((4, 4), couplings="gaussian", seed=0)
    right = ga.exact.enumerate(graph, 0.7)
    found = ga.log_partition(graph, 0.7)
    assert found.method.startswith("exact")
    assert math.isclose(found.log_partition.value, right.log_partition, rel_tol=1e-12)
    assert math.isclose(found.energy.value, right.energy, rel_tol=1e-10)
    assert math.isclose(found.entropy.value, right.entropy, rel_tol=1e-9)


def test_answers_come_in_the_order_asked_for() -> None:
    graph = ga.sherrington_kirkpatrick(12, seed=0)
    for exact in (True, False):
        found = ga.log_partition(graph, [1.0, 0.0, 0.3, 1.0], time_limit=1, exact=exact, progress=False)
        assert [each.beta for each in found] == [1.0, 0.0, 0.3, 1.0]
        assert found[1].log_partition.value == pytest.approx(12 * math.log(2))
        with pytest.raises(ValueError, match="beta must be positive"):
            _ = found[1].free_energy


def test_models_join_and_agree() -> None:
    graph = ga.grid((6, 6), couplings="gaussian", seed=2)
    right = ga.log_partition(graph, [0.3, 1.0])
    for seconds in (5, 30):  # more where other work, or compiling, takes the first
        found = ga.log_partition(graph, [0.3, 1.0], time_limit=seconds, exact=False, progress=False)
        used = {opinion.method.split(" joined")[0] for each in found for opinion in each.opinions if opinion.used}
        if len(used) > 2:
            break
    assert {"annealed model", "messages without training"} <= used, found
    for each, known in zip(found, right, strict=True):
        for opinion in each.opinions:
            if opinion.used:
                error = opinion.log_partition
                assert abs(error.value - known.log_partition.value) < 4.5 * error.stderr, (opinion, known)


def test_the_limit_is_kept() -> None:
    graph = ga.random_regular(100, degree=4, couplings="gaussian", seed=0)
    ga.log_partition(graph, 1.0, time_limit=1, exact=False, progress=False)  # loads compiled loops
    began = time.monotonic()
    found = ga.log_partition(graph, [0.5, 1.0], time_limit=2, exact=False, progress=False)
    assert 1.8 < found[0].seconds <= time.monotonic() - began < 2.0 + 5.0


def test_a_wanted_error_ends_it() -> None:
    graph = ga.random_regular(48, degree=3, couplings="pm1", seed=1)
    found = ga.log_partition(graph, 0.5, time_limit=60, exact=False, error=0.1, progress=False)
    assert found.seconds < 40
    assert found.log_partition.stderr <= 0.1


def test_ctrl_c_leaves_the_best_so_far() -> None:
    graph = ga.random_regular(48, degree=3, couplings="pm1", seed=1)
    right = ga.log_partition(graph, 1.0).log_partition.value
    with ctrl_c(1.5):
        found = ga.log_partition(graph, 1.0, time_limit=60, exact=False, models=False, progress=False)
    assert found.interrupted
    assert found.seconds < 20
    assert "interrupted" in repr(found)
    assert abs(found.log_partition.value - right) < 5 * found.log_partition.stderr


@pytest.mark.parametrize("beta", [-0.1, math.nan, math.inf, "warm", [], [0.5, -1.0], None])
def test_bad_beta(beta: object) -> None:
    with pytest.raises(ValueError, match="beta"):
        ga.log_partition(ga.chain(4), beta)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("time_limit", 0),
        ("time_limit", -1),
        ("time_limit", math.nan),
        ("error", 0),
        ("seed", -1),
        ("exact", 1),
        ("models", "no"),
    ],
)
def test_bad_arguments(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=name):
        ga.log_partition(ga.chain(4), 1.0, **{name: value})  # type: ignore[call-overload]


def test_no_graph_and_numbers_too_large() -> None:
    with pytest.raises(ValueError, match="graph must be"):
        ga.log_partition([1, 2], 1.0)  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="beta must leave"):
        ga.log_partition(ga.chain(4), 1e300)


@pytest.mark.parametrize("exact", [True, False])
def test_spins_without_couplings(exact: bool) -> None:
    graph = ga.IsingGraph.from_edges(torch.empty(2, 0, dtype=torch.long), [], h=[0.5, -2.0, 0.0])
    found = ga.log_partition(graph, 1.5, exact=exact)
    right = ga.exact.enumerate(graph, 1.5)
    assert found.exact
    assert found.log_partition.value == pytest.approx(right.log_partition, rel=1e-12)
    assert found.energy.value == pytest.approx(right.energy, rel=1e-12)


def test_huge_beta() -> None:
    graph = ga.random_regular(20, degree=3, couplings="pm1", seed=1)
    lowest = ga.exact.ground_state(graph)
    found = ga.log_partition(graph, 1e6, time_limit=1, exact=False, progress=False)
    # the ladder that a busy machine leaves time for may mix in a little of the rung above
    assert abs(found.energy.value - lowest.energy) < max(5 * found.energy.stderr, 1e-2)
    entropy = math.log(ga.exact.enumerate(graph, 1.0).degeneracy)
    assert abs(found.entropy.value - entropy) < 5 * found.entropy.stderr


def test_graphs_too_large_are_refused_at_once() -> None:
    graph = ga.random_regular(100_000, degree=3, couplings="pm1", seed=0)
    began = time.monotonic()
    with pytest.raises(ValueError, match=r"time_limit must be at least .* seconds for 100000 spins"):
        ga.log_partition(graph, 1.0, time_limit=5)
    assert time.monotonic() - began < 5
    graph = ga.grid((700, 700), couplings="pm1", seed=0)
    with pytest.raises(ValueError, match="graph is too large for tempering to beta = 30"):
        ga.log_partition(graph, 30.0, time_limit=1e5)


def test_exact_methods_that_would_not_end_in_time_stay_out_of_it() -> None:
    graph = ga.grid((24, 24), periodic=True, couplings="pm1", seed=0)
    began = time.monotonic()
    found = ga.log_partition(graph, [0.3, 0.5, 1.0], time_limit=2, progress=False)
    assert not found[0].exact
    assert time.monotonic() - began < 2.0 + 8.0  # elimination alone takes minutes
