"""What ``planar`` says of its own rounding: every answer within its stated error, or refused."""

from __future__ import annotations

import importlib.util
import math
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
import torch
from scipy.spatial import Delaunay

import graphar as ga
from graphar import IsingGraph
from graphar.exact import eliminate, enumerate, planar
from graphar.exact.ground_state import map_of
from graphar.exact.planar import expansions
from graphar.exact.planar.kac_ward import KacWard

Expected = tuple[float, float, torch.Tensor]  # log Z, energy and correlations along the edges
needs_matching = pytest.mark.skipif(importlib.util.find_spec("pymatching") is None, reason="needs pymatching")


@pytest.fixture
def determinants_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small graphs are treated as wide ones are: nothing is eliminated."""
    monkeypatch.setattr(expansions, "_SECONDS", 0.0)


def frustrated() -> IsingGraph:
    """Eight spins whose two orders of summation lose the same: 6 nats at β = 15."""
    edges = [(0, 1), (0, 3), (0, 6), (1, 2), (1, 4), (1, 7), (3, 4), (3, 5), (3, 7)]
    return IsingGraph.from_edges(np.array(edges).T, [2.0, -2, 1, -3, -3, 1, -3, 2, -2])


def triangulation(n: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    triangles = Delaunay(rng.random((n, 2))).simplices
    return sorted({tuple(sorted((int(t[a]), int(t[b])))) for t in triangles for a, b in ((0, 1), (1, 2), (0, 2))})


def grid(n: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    width = int(rng.integers(2, 8))
    plain = nx.grid_2d_graph(max(2, n // width), width)
    return list(nx.convert_node_labels_to_integers(plain, ordering="sorted").edges)


def cactus(n: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Rings and edges that share single sites."""
    edges, count = [], 1
    while count < n:
        ring = [int(rng.integers(count)), *range(count, min(n, count + int(rng.integers(1, 6))))]
        edges += list(pairwise(ring)) + ([(ring[0], ring[-1])] if len(ring) > 2 else [])
        count = ring[-1] + 1
    return edges


FAMILIES = {"triangulation": triangulation, "grid": grid, "cactus": cactus}
COUPLINGS = {
    "gaussian": lambda count, rng: rng.normal(size=count),
    "pm1": lambda count, rng: rng.choice([-1.0, 1.0], size=count),
    "integers": lambda count, rng: rng.integers(-3, 4, size=count).astype(float),
}


def random_graphs(count: int) -> Iterator[tuple[str, IsingGraph, float]]:
    """Planar graphs of 4 to 60 spins, with a part of their edges, and β = 0.1 … 20."""
    for seed in range(count):
        rng = np.random.default_rng(seed)
        n, beta = round(4 * 15 ** rng.random()), 0.1 * 200 ** rng.random()
        make, draw = (list(kinds.values())[seed // k % 3] for kinds, k in ((FAMILIES, 1), (COUPLINGS, 3)))
        edges = make(n, rng)
        keep = rng.random(len(edges)) <= rng.choice([1.0, rng.uniform(0.4, 1)])
        keep[0] = True
        ends = np.array(edges)[keep].T
        graph = IsingGraph.from_edges(ends, draw(ends.shape[1], rng), num_nodes=int(ends.max()) + 1)
        yield list(COUPLINGS)[seed // 3 % 3], graph, beta


def truth(graph: IsingGraph, beta: float) -> Expected:
    """log Z, energy and correlations along the edges, by other means than ``planar``."""
    if graph.num_spins <= 12:
        exact = enumerate(graph, beta)
        lower, upper, _ = graph.undirected()
        return exact.log_partition, exact.energy, exact.correlations[lower, upper]
    found = eliminate(graph, beta, ga.rcm)
    return found.log_partition.item(), found.energy.item(), found.edge_correlations


def outcome(graph: IsingGraph, beta: float, expected: Expected | None = None) -> str:
    """ "log Z refused", "averages refused" or "answered"; what is answered is within its error."""
    log_partition, energy, correlations = truth(graph, beta) if expected is None else expected
    try:
        found = planar(graph, beta)
    except ValueError as refusal:
        if "beta must leave nine digits to rounding" not in str(refusal):
            raise
        return "log Z refused"
    scale = graph.num_spins + beta * graph.undirected()[2].abs().sum().item()
    assert abs(found.log_partition - log_partition) <= found.rounding_error <= 1e-9 * scale
    try:
        assert abs(found.energy - energy) <= found.energy_error
        difference = (found.edge_correlations - correlations).abs().max().item()
    except ValueError as refusal:
        if "digits of the" not in str(refusal):
            raise
        return "averages refused"
    assert difference <= found.correlation_error <= 1e-4
    return "answered"


@pytest.mark.parametrize("beta", [3.0, 5.0, 8.0, 15.0, 40.0])
def test_two_orders_that_lose_the_same(beta: float) -> None:
    assert outcome(frustrated(), beta) == "answered"


@needs_matching
@pytest.mark.usefixtures("determinants_alone")
def test_determinants_that_lose_everything_are_refused() -> None:
    assert outcome(frustrated(), 3.0) == "answered"
    assert outcome(frustrated(), 15.0) == "log Z refused"


def test_random_graphs() -> None:
    assert {outcome(graph, beta) for _, graph, beta in random_graphs(450)} == {"answered"}


@needs_matching
@pytest.mark.usefixtures("determinants_alone")
def test_random_graphs_by_determinants_alone() -> None:
    seen = Counter(outcome(graph, beta) for _, graph, beta in random_graphs(450))
    assert seen["answered"] > 400
    assert seen["log Z refused"] > 0


@needs_matching
@pytest.mark.parametrize("shared", [0, 1])
def test_a_small_frustrated_part_of_a_wide_graph(shared: int) -> None:
    """It is seen through the calm of the rest. Where parts share one site at most, log Z is a sum."""
    seen = []
    for beta in (1.0, 2.0, 3.0, 5.0, 15.0):
        calm, part = ga.grid((24, 24), couplings=0.2 / beta), frustrated()
        first = calm.num_spins - shared
        pairs = torch.cat([torch.stack(calm.undirected()[:2]), torch.stack(part.undirected()[:2]) + first], 1)
        both = IsingGraph.from_edges(pairs, torch.cat([calm.undirected()[2], part.undirected()[2]]))
        rest, (log_partition, energy, correlations) = planar(calm, beta), truth(part, beta)
        assert rest.correlation_error < 1e-9
        expected = (
            rest.log_partition + log_partition - shared * math.log(2),
            rest.energy + energy,
            torch.cat([rest.edge_correlations, correlations]),
        )
        seen.append(outcome(both, beta, expected))
    assert seen[:2] == ["answered", "answered"]
    assert seen[-1] == "log Z refused"


@needs_matching
def test_errors_of_a_cold_grid() -> None:
    """Too wide for elimination: errors rise as it cools, the energy's before that of log Z, until it is refused."""
    lattice = ga.grid((40, 40), couplings="pm1", seed=1)
    fine, cold = planar(lattice, 2.0), planar(lattice, 5.0)
    assert fine.correlation_error < 1e-6
    assert fine.energy_error < 1e-4
    assert 100 * fine.rounding_error < cold.rounding_error < 1e-4
    assert cold.rounding_error < cold.energy_error
    with pytest.raises(ValueError, match="beta must leave nine digits to rounding"):
        planar(lattice, 20.0)
    step = 1e-3
    slope = (planar(lattice, 2 + step).log_partition - planar(lattice, 2 - step).log_partition) / (2 * step)
    assert fine.energy == pytest.approx(-slope, rel=1e-6)


def test_jitter_is_seeded_and_small_where_nothing_is_lost() -> None:
    lattice = ga.grid((12, 12), couplings="pm1", seed=1)
    kac_ward = KacWard.around_sites(map_of(lattice, "auto"))
    t = np.tanh(0.3 * lattice.undirected()[2].numpy())
    plain, *disturbed = (kac_ward.log_det(t, jitter).value for jitter in (None, 0, 1))
    assert disturbed[0] == kac_ward.log_det(t, 0).value
    for value in disturbed:
        assert 0 < abs(value - plain) < 1e-11
    assert np.abs(kac_ward.slope(t, 0) - kac_ward.slope(t)).max() < 1e-11
