"""Which modes a model has lost, against enumeration."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypergraphs import HYPERGRAPHS
from small_graphs import GRAPHS, configurations, model_on

import graphar as ga
from graphar.estimators.lost_modes import LOWEST_MET, LostModes, is_even, lost_modes

BETA = 0.7


def ferromagnet(half: bool) -> ga.Distribution:
    """A trained ferromagnet, all of whose samples point up, or both ways."""
    model = ga.Autoregressive(ga.grid((4, 4), couplings="ferromagnet"), dtype=torch.float64)
    if half:
        with torch.no_grad():
            model.head.bias[0] = 40.0
    ga.anneal(model, [1.0], steps=80, warmup=0, batch_size=128, learning_rate=0.02, progress=False)
    return model.at(1.0)


@pytest.mark.parametrize("graph", GRAPHS)
def test_a_perfect_model_has_lost_nothing(graph: str) -> None:
    q = ga.Autoregressive(GRAPHS[graph], ga.heads.Exact).at(BETA)
    exact = ga.exact.enumerate(GRAPHS[graph], BETA)
    report = lost_modes(q, 2000, seed=1)
    assert report.ground_energy == pytest.approx(exact.ground_energy, abs=1e-12)
    assert report.complete
    assert report.num_ground_states == len(report.ground_states) == exact.degeneracy
    assert report.num_lost == 0
    assert report.num_effective == pytest.approx(exact.degeneracy, rel=1e-9)
    torch.testing.assert_close(report.log_q, torch.full_like(report.log_q, report.log_p), rtol=0, atol=1e-9)
    weight = exact.degeneracy * math.exp(report.log_p)
    assert abs(report.ground_weight.value - weight) < 5 * (weight * (1 - weight) / 2000) ** 0.5 + 1e-12
    assert abs(report.entropy.value - exact.entropy) < 5 * report.entropy.stderr + 1e-9
    assert abs(report.energy.value - exact.energy) < 5 * report.energy.stderr + 1e-9
    assert report.exact_entropy == pytest.approx(exact.entropy, abs=1e-10)
    assert report.bound is not None
    assert report.bound.gap.value == pytest.approx(0, abs=1e-9)
    if report.asymmetry is not None:
        assert abs(report.asymmetry.value) < 1e-9


@pytest.mark.parametrize("graph", ["chain", "grid", "cube", "complete", "triangular"])
def test_numbers_are_those_of_enumeration(graph: str) -> None:
    q = model_on(graph, "messages", "rcm").at(BETA)
    x = configurations(q.graph.num_spins)
    with torch.no_grad():
        log_q, log_flipped = q.log_prob(x), q.log_prob(-x)
    both = torch.logaddexp(log_q, log_flipped) - math.log(2)
    divergence = float(log_q.exp() @ (log_q - both))
    lowest = q.graph.energy(x) <= q.graph.energy(x).min() + 1e-9
    report = lost_modes(q, 20_000, seed=2)
    assert 1e-3 < divergence < math.log(2)
    assert report.asymmetry is not None
    assert abs(report.asymmetry.value - divergence) < 5 * report.asymmetry.stderr
    assert abs(report.entropy.value + float(log_q.exp() @ log_q)) < 5 * report.entropy.stderr
    assert abs(report.energy.value - float(log_q.exp() @ q.graph.energy(x))) < 5 * report.energy.stderr
    weight = float(log_q[lowest].exp().sum())
    assert abs(report.ground_weight.value - weight) < 5 * (weight * (1 - weight) / 20_000) ** 0.5
    torch.testing.assert_close(report.log_q.sort().values, log_q[lowest].sort().values, rtol=0, atol=1e-12)
    torch.testing.assert_close(report.log_q, q.log_prob(report.ground_states).detach())
    assert int(report.counts.sum()) == round(report.ground_weight.value * 20_000)
    shares = log_q[lowest].exp()
    assert report.num_effective == pytest.approx(float(shares.sum() ** 2 / (shares**2).sum()))


def test_a_lost_half_is_counted_and_nothing_else_is() -> None:
    half = lost_modes(ferromagnet(half=True), 2000)
    assert (half.num_found, half.num_ground_states, half.num_lost) == (1, 2, 1)
    assert half.asymmetry is not None
    assert half.asymmetry.value == pytest.approx(math.log(2), abs=1e-9)
    assert half.exact_entropy is not None
    assert half.entropy.value < half.exact_entropy - 0.5
    assert half.bound is not None
    assert half.bound.gap.value > 10
    whole = lost_modes(ferromagnet(half=False), 2000)
    assert (whole.num_found, whole.num_lost) == (2, 0)
    assert whole.asymmetry is not None
    assert whole.asymmetry.value < 0.1


def test_samples_are_those_of_the_model_in_chunks_too(monkeypatch: pytest.MonkeyPatch) -> None:
    q = model_on("grid", "messages", "rcm").at(BETA)
    whole = lost_modes(q, 300, seed=5)
    monkeypatch.setattr("graphar.models.distribution._HELD", 1)
    parts = lost_modes(q, 300, seed=5)
    assert torch.equal(whole.counts, parts.counts)
    assert whole.entropy.value == pytest.approx(parts.entropy.value, abs=1e-12)
    drawn = lost_modes(q, 300, generator=torch.Generator().manual_seed(5))
    again = lost_modes(q, 300, generator=torch.Generator().manual_seed(5))
    assert repr(drawn) == repr(again) != repr(whole)


def test_where_nothing_exact_is_known_the_lowest_met_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphar.exact.known.MAX_SPINS_ENUMERATED", 0)
    monkeypatch.setattr("graphar.exact.known.SECONDS", 0.0)
    graph = ga.random_regular(12, degree=3, couplings="pm1", seed=0)
    exact = ga.exact.enumerate(graph, 1.0)
    q = ga.Autoregressive(graph).at(1.0)
    report = lost_modes(q, 4000)
    assert report.sources == (LOWEST_MET,)
    assert report.ground_energy == exact.ground_energy
    assert (report.num_ground_states, report.num_lost, report.log_p, report.bound) == (None, None, None, None)
    assert report.num_found == len(report.ground_states) == exact.degeneracy
    assert "of an unknown number" in repr(report)
    assert lost_modes(q, 4000, ground_energy=exact.ground_energy).sources == ("what was given",)
    above = lost_modes(q, 4000, ground_energy=exact.ground_energy + 4)
    assert (above.ground_energy, above.sources) == (exact.ground_energy, (LOWEST_MET,))
    below = lost_modes(q, 4000, ground_energy=exact.ground_energy - 4)
    assert (below.num_found, below.ground_weight.value, below.num_effective) == (0, 0.0, 0.0)
    assert below.sources == ("what was given",)
    assert "0 of an unknown number" in repr(below)
    bound = lost_modes(q, 4000, spins=exact.sample(500, seed=0)).bound
    assert bound is not None
    assert bound.num_reference == 500


def test_it_reads_well_and_leaves_no_gradient() -> None:
    q = ferromagnet(half=True)
    report = lost_modes(q, 1000)
    assert isinstance(report, LostModes)
    text = repr(report)
    assert text.startswith("beta = 1, 16 spins, 1000 samples of q\n")
    assert "ground energy           -24, by enumeration" in text
    assert "ground states found     1 of 2, 1 lost" in text
    assert "KL(q‖p) + KL(p‖q)" in text
    lines = report.table().splitlines()
    assert lines[0].split() == ["drawn", "q", "p"]
    assert [int(line.split()[0]) for line in lines[1:]] == sorted(report.counts.tolist(), reverse=True)
    assert report.table(rows=1).splitlines()[-1].strip() == "and 1 more"
    assert all(parameter.grad is None or not parameter.grad.requires_grad for parameter in q.model.parameters())


def test_which_graphs_do_not_tell_x_from_minus_x() -> None:
    for graph in [*GRAPHS.values(), *HYPERGRAPHS.values()]:
        x = configurations(graph.num_spins)
        assert is_even(graph) == torch.allclose(graph.energy(x), graph.energy(-x), atol=1e-12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_samples": 1}, "num_samples must be at least 2, got 1"),
        ({"ground_energy": -25.0}, "ground_energy must be at least the exact one, -24, got -25"),
        ({"ground_energy": math.nan}, "ground_energy must be finite"),
        ({"seed": 1, "generator": torch.Generator()}, "either seed or generator"),
        ({"spins": torch.ones(3, 4)}, r"spins must have shape \(\.\.\., 16\)"),
    ],
)
def test_bad_arguments(options: dict[str, Any], message: str) -> None:
    q = ga.Autoregressive(ga.grid((4, 4), couplings="ferromagnet")).at(1.0)
    with pytest.raises(ValueError, match=message):
        lost_modes(q, **{"num_samples": 100, **options})


def test_bad_models() -> None:
    model = ga.Autoregressive(ga.chain(4))
    with pytest.raises(ValueError, match="q must be a model at its inverse temperature"):
        lost_modes(model)
    with pytest.raises(ValueError, match="beta must be positive"):
        lost_modes(model.at(0))
    with torch.no_grad():
        model.head.bias[0] = math.nan
    with pytest.raises(ValueError, match="log q must be finite"):
        lost_modes(model.at(1.0))
