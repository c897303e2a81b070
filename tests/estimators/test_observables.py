"""Averages with errors from chains, against enumeration."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from chains import heat_bath
from hypergraphs import HYPERGRAPHS
from small_graphs import GRAPHS, configurations, model_on

import graphar as ga

BETA = 0.5
ALL = {**{name: GRAPHS[name] for name in ("torus", "ring with field", "isolated spin", "cube")}}
ALL |= {f"hyper, {name}": HYPERGRAPHS[name] for name in ("orders 1 to 5", "triples")}


def truths(graph: Any, beta: float, field: float = 0.0) -> dict[str, float]:
    """Sums over all configurations."""
    x = configurations(graph.num_spins)
    magnetisation = x.sum(1)
    energy = graph.energy(x) - field * magnetisation
    p = torch.softmax(-beta * energy, 0)

    def mean(values: torch.Tensor) -> float:
        return float(p @ values)

    m2, m4, m1, ma = mean(magnetisation**2), mean(magnetisation**4), mean(magnetisation), mean(magnetisation.abs())
    return {
        "energy": mean(energy),
        "heat_capacity": beta**2 * (mean(energy**2) - mean(energy) ** 2),
        "magnetisation": m1,
        "abs_magnetisation": ma,
        "susceptibility": beta * (m2 - m1**2),
        "abs_susceptibility": beta * (m2 - ma**2),
        "binder": 1 - m4 / (3 * m2**2),
    }


@pytest.mark.parametrize(("at", "field"), [(None, 0.0), (0.65, 0.0), (None, 0.2), (0.4, -0.1)])
@pytest.mark.parametrize("graph", ALL)
def test_against_enumeration(graph: str, at: float | None, field: float) -> None:
    spins = ga.exact.enumerate(ALL[graph], BETA).sample(20_000, seed=0)
    found = ga.observables(ALL[graph], spins, BETA, at=at, field=field)
    for name, truth in truths(ALL[graph], at or BETA, field).items():
        estimate = getattr(found, name)
        assert abs(estimate.value - truth) < 4.5 * estimate.stderr, name
        assert estimate.stderr < 0.1 * max(abs(truth), 1.0), name
    assert found.beta == (at or BETA)


@pytest.mark.parametrize(("beta", "at", "field"), [(0.5, None, 0.0), (0.5, 0.6, 0.1)])
@pytest.mark.parametrize("chains", [1, 4])
def test_errors_know_the_autocorrelation(chains: int, beta: float, at: float | None, field: float) -> None:
    graph, repetitions = GRAPHS["torus"], 200
    start = ga.exact.enumerate(graph, beta).sample(repetitions * chains, seed=0)
    spins = heat_bath(graph, beta, start, 2000 // chains, seed=1).unflatten(0, (repetitions, chains))
    truth = truths(graph, at or beta, field)
    found = [ga.observables(graph, each, beta, at=at, field=field) for each in spins]
    assert np.mean([each.time for each in found]) > 1.3
    for name in truth:
        value, error = np.array([(getattr(each, name).value, getattr(each, name).stderr) for each in found]).T
        within = abs(value - truth[name]) / error
        assert 0.56 < (within < 1).mean() < 0.82, name
        assert (within < 2).mean() > 0.9, name


def test_weights_make_a_models_samples_those_of_boltzmann() -> None:
    q = model_on("ring with field", "messages", "natural").at(0.3)
    x, log_q = q.sample_with_log_prob(20_000, seed=0)
    log_w = -(log_q + 0.3 * q.graph.energy(x))
    found = ga.observables(q.graph, x, 0.3, log_weights=log_w.detach())
    for name, truth in truths(q.graph, 0.3).items():
        estimate = getattr(found, name)
        assert abs(estimate.value - truth) < 4.5 * estimate.stderr, name
    assert found.ess < 20_000
    # none where the logarithm is −∞
    half = torch.where(x[:, 0] > 0, 0.0, -math.inf)
    kept = ga.observables(q.graph, x, 0.3, log_weights=half).energy
    alone = ga.observables(q.graph, x[x[:, 0] > 0], 0.3).energy
    assert kept.value == pytest.approx(alone.value, abs=1e-10)
    assert kept.stderr == pytest.approx(alone.stderr, rel=0.05)


def test_reweighting_too_far_is_said_aloud() -> None:
    graph = GRAPHS["grid"]
    spins = ga.exact.enumerate(graph, 0.1).sample(1000, seed=0)
    with pytest.warns(UserWarning, match=r"are worth .* at beta = 3 after reweighting"):
        ga.observables(graph, spins, 0.1, at=3.0)


@pytest.mark.parametrize("connected", [False, True])
def test_correlations(connected: bool) -> None:
    graph = GRAPHS["ring with field"]
    exact = ga.exact.enumerate(graph, BETA)
    pairs = torch.tensor(list(itertools.combinations(range(8), 2))).T
    found = ga.correlations(exact.sample(20_000, seed=0), pairs, connected=connected)
    truth = exact.correlations
    if connected:
        truth = truth - exact.magnetisation[:, None] * exact.magnetisation
    apart = (found.value - truth[pairs[0], pairs[1]]).abs() / found.stderr
    assert float(apart.max()) < 4.5
    assert float(apart.square().mean()) == pytest.approx(1, abs=0.9)
    assert "28 pairs" in repr(found)


def second_moment(graph: ga.IsingGraph, correlations: torch.Tensor, lengths: list[int]) -> float:
    terms = []
    for axis, length in enumerate(lengths):
        if length > 2:
            k = 2 * math.pi / length
            r = graph.pos[:, axis].double()
            wave = torch.cos(k * (r[:, None] - r))
            terms.append(math.sqrt(float(correlations.sum() / (correlations * wave).sum()) - 1) / (2 * math.sin(k / 2)))
    return sum(terms) / len(terms)


@pytest.mark.parametrize("shape", [(8,), (3, 4), (2, 6)])
def test_correlation_lengths(shape: tuple[int, ...]) -> None:
    make = ga.grid if len(shape) > 1 else lambda shape, **options: ga.chain(shape[0], **options)
    graph = make(shape, periodic=True, couplings="ferromagnet")
    exact = ga.exact.enumerate(graph, 0.3)
    found = ga.correlation_length(graph, exact.sample(40_000, seed=0))
    truth = second_moment(graph, exact.correlations, list(shape))
    assert abs(found.value - truth) < 4 * found.stderr
    assert found.stderr < 0.1 * truth
    # the overlap's correlations are squares
    x = exact.sample(80_000, seed=1).reshape(2, 40_000, -1)
    twice = ga.correlation_length(graph, x, replicas=True)
    assert abs(twice.value - second_moment(graph, exact.correlations**2, list(shape))) < 4 * twice.stderr
    assert ga.correlation_length(graph, x, lengths=list(shape)) == ga.correlation_length(graph, x)


@pytest.mark.parametrize(
    "graph", [GRAPHS["torus"], GRAPHS["fields only"], HYPERGRAPHS["orders 1 to 5"]], ids=["pairs", "fields", "many"]
)
def test_overlaps(graph: Any) -> None:
    exact, n = ga.exact.enumerate(graph, BETA), graph.num_spins
    x = configurations(n)
    p = exact.log_prob(x).exp()
    q = x @ x.T / n
    both = p[:, None] * p
    found = ga.overlaps(graph, exact.sample(20_000, seed=0), exact.sample(20_000, seed=1))
    for estimate, values in ((found.mean, q), (found.abs_mean, q.abs()), (found.square, q**2)):
        assert abs(estimate.value - float((both * values).sum())) < 4 * estimate.stderr
    binder = 1 - float((both * q**4).sum()) / (3 * float((both * q**2).sum()) ** 2)
    assert abs(found.binder.value - binder) < 4 * found.binder.stderr
    truth = torch.stack([both[(q - level).abs() < 1e-9].sum() for level in found.levels])
    assert bool(((found.probability - truth).abs() < 4.5 * found.stderr + 1e-3).all())
    assert float(found.probability.sum()) == pytest.approx(1)
    coarse = ga.overlaps(graph, exact.sample(500, seed=0), exact.sample(500, seed=1), bins=3)
    assert coarse.levels.tolist() == pytest.approx([-2 / 3, 0, 2 / 3])
    assert float(coarse.probability.sum()) == pytest.approx(1)
    # interactions one by one
    if isinstance(graph, ga.SpinHypergraph):
        sites = [list(each) for each, _ in graph.listed()]
    else:
        sites = [list(each) for each in zip(*(part.tolist() for part in graph.undirected()[:2]), strict=True)]
    if not sites:
        assert math.isnan(found.link.value)
        return
    products = torch.stack([x[:, each].prod(1) for each in sites], 1)
    link = float((both * (products @ products.T / len(sites))).sum())
    assert abs(found.link.value - link) < 4 * found.link.stderr
    assert found.link.stderr < 0.02


def test_pairs_of_chains_are_taken_in_turn() -> None:
    graph = GRAPHS["torus"]
    x = ga.exact.enumerate(graph, BETA).sample(400, seed=0).reshape(4, 100, -1)
    chained, paired = ga.overlaps(graph, x), ga.overlaps(graph, x[0::2], x[1::2])
    assert chained.square == paired.square
    assert torch.equal(chained.probability, paired.probability)
    with pytest.raises(ValueError, match="even number of chains"):
        ga.overlaps(graph, x[:3])
    with pytest.raises(ValueError, match="even number of chains"):
        ga.correlation_length(graph, x[:3], replicas=True)
    with pytest.raises(ValueError, match="other must have the shape of spins"):
        ga.overlaps(graph, x, x[:, :50])
    with pytest.raises(ValueError, match="bins must be at least 1"):
        ga.overlaps(graph, x, bins=0)


def test_bad_arguments() -> None:
    graph = GRAPHS["torus"]
    x = ga.exact.enumerate(graph, BETA).sample(20, seed=0)
    for message, call in (
        ("spins must have shape", lambda: ga.observables(graph, x[:, 1:], BETA)),
        ("spins must hold at least 2 configurations", lambda: ga.observables(graph, x[0], BETA)),
        ("beta must be finite", lambda: ga.observables(graph, x, -1.0)),
        ("log_weights must have one number", lambda: ga.observables(graph, x, 0.5, log_weights=torch.zeros(19))),
        ("log_weights must be finite", lambda: ga.observables(graph, x, 0.5, log_weights=torch.full((20,), math.nan))),
        ("no weight at all", lambda: ga.observables(graph, x, 0.5, log_weights=torch.full((20,), -math.inf))),
        ("graph must be an IsingGraph or", lambda: ga.observables(3, x, 0.5)),
        ("pairs must be two rows", lambda: ga.correlations(x, [0, 1])),
        ("pairs must hold sites 0…8", lambda: ga.correlations(x, [[0], [9]])),
        ("graph must have places", lambda: ga.correlation_length(GRAPHS["random regular"], torch.ones(4, 10))),
        ("whole numbers", lambda: ga.correlation_length(GRAPHS["triangular"], x)),
        ("lengths must have one number", lambda: ga.correlation_length(graph, x, lengths=[3])),
        ("log_weights must be None", lambda: ga.correlation_length(graph, x, replicas=True, log_weights=[1.0])),
    ):
        with pytest.raises(ValueError, match=message):
            call()
