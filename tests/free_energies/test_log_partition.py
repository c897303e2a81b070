"""ga.log_partition against exact answers, by exact methods and without them."""

from __future__ import annotations

import math

import pytest

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
    found = ga.log_partition(graph, BETAS, time_limit=2, exact=False, progress=False)
    for right, each in zip(exact, found, strict=True):
        assert right.exact
        assert not each.exact
        for what in ("log_partition", "energy", "entropy", "free_energy"):
            value, estimate = getattr(right, what).value, getattr(each, what)
            assert abs(estimate.value - value) < 4.5 * estimate.stderr, (what, each, right)
        assert each.log_partition.stderr < 0.2, each


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
