"""Couplings and fields: distributions, order, seeds, normalisations."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
import pytest
import torch

from graphar.hamiltonians import IsingGraph
from graphar.instances import (
    chain,
    complete,
    curie_weiss,
    erdos_renyi,
    grid,
    random_regular,
    sherrington_kirkpatrick,
    triangular,
)

BUILDERS: dict[str, Callable[..., IsingGraph]] = {
    "chain": lambda **options: chain(12, **options),
    "grid": lambda **options: grid((3, 4), periodic=(True, False), **options),
    "triangular": lambda **options: triangular((3, 4), **options),
    "random_regular": lambda **options: random_regular(12, 3, **options),
    "erdos_renyi": lambda **options: erdos_renyi(12, 3.0, **options),
    "complete": lambda **options: complete(12, **options),
}
builders = pytest.mark.parametrize("build", BUILDERS.values(), ids=BUILDERS)


def couplings_of(graph: IsingGraph) -> np.ndarray:
    return graph.undirected()[2].numpy()


@pytest.mark.parametrize(
    ("kind", "moments"),
    [("pm1", (0, 1, 0, 1)), ("gaussian", (0, 1, 0, 3)), ("uniform", (0, 1 / 3, 0, 1 / 5)), ("ferromagnet", (1,) * 4)],
)
def test_moments(kind: str, moments: tuple[float, ...]) -> None:
    graph = chain(200_001, couplings=kind, field=None if kind == "ferromagnet" else kind, seed=5)
    samples = [couplings_of(graph)] + ([graph.h.numpy()] if graph.has_field else [])
    for values in samples:
        for power, expected in enumerate(moments, start=1):
            # standard errors are below sqrt(96/200000) = 0.022, for the fourth moment of the Gaussian
            assert np.mean(values**power) == pytest.approx(expected, abs=0.06 if power == 4 else 0.02)
    if len(samples) == 2:
        assert abs(np.mean(samples[0] * samples[1][1:])) < 0.02
    if kind == "uniform":
        assert np.abs(samples[0]).max() <= 1
        assert np.abs(samples[0]).max() > 0.999


@builders
def test_an_array_is_read_in_the_order_of_undirected(build: Callable[..., IsingGraph]) -> None:
    values = np.arange(1.0, build().num_couplings + 1)
    graph = build(couplings=values, field=np.arange(12.0))
    assert np.array_equal(couplings_of(graph), values)
    assert graph.h.tolist() == list(range(12))
    assert graph.dtype == torch.float64
    assert torch.equal(build(couplings=torch.from_numpy(values)).edge_weight, graph.edge_weight)


@builders
def test_seeds_fix_graph_couplings_and_fields_apart(build: Callable[..., IsingGraph]) -> None:
    graph = build(couplings="gaussian", field="gaussian", seed=3)
    again = build(couplings="gaussian", field="gaussian", seed=3)
    for name in ("edge_index", "edge_weight", "h"):
        assert torch.equal(graph[name], again[name])
    for kind in ("pm1", "uniform", "ferromagnet", -0.5):
        assert torch.equal(build(couplings=kind, seed=3).edge_index, graph.edge_index)
    assert torch.equal(build(couplings="gaussian", seed=3).edge_weight, graph.edge_weight)
    assert torch.equal(build(couplings="pm1", field="gaussian", seed=3).h, graph.h)
    other = build(couplings="gaussian", field="gaussian", seed=4)
    assert not torch.equal(other.h, graph.h)
    assert not np.array_equal(couplings_of(other), couplings_of(graph))


def test_default_seed_is_zero() -> None:
    assert torch.equal(random_regular(20).edge_index, random_regular(20, seed=0).edge_index)


@builders
def test_numbers(build: Callable[..., IsingGraph]) -> None:
    graph = build(couplings=-0.5, field=2)
    assert set(couplings_of(graph)) == {-0.5}
    assert set(graph.h.tolist()) == {2.0}
    assert not build().has_field
    graph.validate()


GOLDEN = {
    "chain": "c31ccb5e5f69",
    "grid": "5e638dbf92a1",
    "triangular": "383077ae505f",
    "random_regular": "3cf6c85bdad3",
    "erdos_renyi": "02c24a04630b",
    "complete": "ed9b68894ed9",
}


@builders
def test_instances_of_a_seed_never_change(build: Callable[..., IsingGraph], request: pytest.FixtureRequest) -> None:
    graph = build(couplings="gaussian", field="uniform", seed=7)
    rounded = [np.round(1e9 * values) for values in (couplings_of(graph), graph.h.numpy())]
    parts = [graph.edge_index.numpy(), *rounded]
    digest = hashlib.sha256(b"".join(part.astype("<i8").tobytes() for part in parts)).hexdigest()
    assert digest[:12] == GOLDEN[request.node.callspec.id]


def test_complete_models_and_their_normalisation() -> None:
    n = 200
    assert complete(n).num_couplings == n * (n - 1) // 2
    assert set(complete(n).degree().tolist()) == {n - 1}
    gaussian = sherrington_kirkpatrick(n, seed=1)
    assert np.var(couplings_of(gaussian)) * n == pytest.approx(1, abs=0.05)
    assert np.allclose(couplings_of(gaussian) * np.sqrt(n), couplings_of(complete(n, couplings="gaussian", seed=1)))
    assert np.allclose(np.abs(couplings_of(sherrington_kirkpatrick(n, couplings="pm1"))), 1 / np.sqrt(n))
    assert set(sherrington_kirkpatrick(n, field=0.5).h.tolist()) == {0.5}
    spins = torch.from_numpy(1 - 2 * (np.arange(n) < 30))
    magnetisation = n - 60
    energy = -1.5 / n * (magnetisation**2 - n) / 2 - 0.25 * magnetisation
    assert curie_weiss(n, coupling=1.5, field=0.25).energy(spins).item() == pytest.approx(energy, rel=1e-12)


@pytest.mark.parametrize("build", [complete, curie_weiss, sherrington_kirkpatrick, chain])
def test_one_spin(build: Callable[..., IsingGraph]) -> None:
    graph = build(1, field=0.5)
    assert (graph.num_spins, graph.num_couplings) == (1, 0)
    assert graph.energy(torch.tensor([[1], [-1]])).tolist() == [-0.5, 0.5]


@builders
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"couplings": "gauss"}, "couplings must be .*'gauss'"),
        ({"couplings": None}, "couplings"),
        ({"couplings": [1.0, 2.0]}, "couplings .*shape"),
        ({"couplings": float("nan")}, "couplings must be finite"),
        ({"couplings": object()}, "couplings must hold real numbers"),
        ({"field": "ferromagnet"}, "field must be"),
        ({"field": [1.0, 2.0]}, "field .*shape"),
        ({"field": float("inf")}, "field must be finite"),
        ({"seed": -1}, "seed"),
        ({"seed": None}, "seed"),
        ({"seed": 1.5}, "seed"),
    ],
)
def test_bad_arguments(build: Callable[..., IsingGraph], options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(**options)


def test_bad_arguments_of_the_complete_models() -> None:
    with pytest.raises(ValueError, match="couplings must be"):
        sherrington_kirkpatrick(5, couplings="uniform")
    with pytest.raises(ValueError, match="couplings must be"):
        sherrington_kirkpatrick(5, couplings=1.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="coupling must be one number"):
        curie_weiss(5, coupling=[1.0, 2.0])  # type: ignore[arg-type]
    for build in (complete, curie_weiss, sherrington_kirkpatrick):
        with pytest.raises(ValueError, match="num_spins"):
            build(0)
