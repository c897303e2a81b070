"""Random graphs: regular, simple, uniform; the law of G(N, p)."""

from __future__ import annotations

from collections import Counter

import networkx as nx
import numpy as np
import pytest
import torch

from graphar.hamiltonians import IsingGraph
from graphar.instances import erdos_renyi, random_graphs, random_regular


def edges(graph: IsingGraph) -> tuple[tuple[int, int], ...]:
    i, j, _ = graph.undirected()
    return tuple(zip(i.tolist(), j.tolist(), strict=True))


# the last ones go through switching, or through the complement, or both
CASES = [(1, 0), (5, 0), (2, 1), (6, 2), (10, 3), (500, 3), (500, 4), (12, 11), (13, 8), (300, 12), (60, 29), (60, 30)]


@pytest.mark.parametrize(("n", "degree"), CASES)
@pytest.mark.parametrize("seed", [0, 1])
def test_regular_and_simple(n: int, degree: int, seed: int) -> None:
    graph = random_regular(n, degree, seed=seed)
    graph.validate()
    assert graph.num_spins == n
    assert graph.degree().tolist() == [degree] * n
    assert len(set(edges(graph))) == n * degree // 2


def test_the_cubic_graphs_on_six_sites_are_equally_likely() -> None:
    # 70 labelled graphs: 60 prisms (with triangles) and 10 K33 (without)
    drawn = Counter(edges(random_regular(6, 3, seed=seed)) for seed in range(1400))
    assert len(drawn) == 70
    chi_square = sum((count - 20) ** 2 / 20 for count in drawn.values())
    assert chi_square < 69 + 4 * np.sqrt(2 * 69)
    bipartite = sum(count for graph, count in drawn.items() if nx.is_bipartite(nx.Graph(graph)))
    assert bipartite / 1400 == pytest.approx(1 / 7, abs=4 * np.sqrt(6 / 49 / 1400))


def test_two_regular_graphs_through_the_complement_are_equally_likely() -> None:
    # complements of the 12 five-cycles on five sites are five-cycles; of degree 2 on six sites, degree 3
    drawn = Counter(edges(random_regular(5, 2, seed=seed)) for seed in range(600))
    assert len(drawn) == 12
    assert max(abs(count - 50) for count in drawn.values()) < 4 * np.sqrt(50)
    drawn = Counter(edges(random_regular(6, 4, seed=seed)) for seed in range(600))
    assert len(drawn) == 15
    assert max(abs(count - 40) for count in drawn.values()) < 4 * np.sqrt(40)


def test_switching_agrees_with_rejection(monkeypatch: pytest.MonkeyPatch) -> None:
    def triangles() -> np.ndarray:
        graphs = (nx.Graph(edges(random_regular(40, 4, seed=seed))) for seed in range(300))
        return np.array([sum(nx.triangles(graph).values()) / 3 for graph in graphs])

    exact = triangles()
    monkeypatch.setattr(random_graphs, "_REJECTION_WORK", 1.0)
    switched = triangles()
    error = np.sqrt((exact.var() + switched.var()) / 300)
    assert exact.mean() == pytest.approx(27 / 6, abs=4 * error + 0.5)  # (d − 1)³/6 for large N
    assert switched.mean() == pytest.approx(exact.mean(), abs=4 * error)


def test_large_regular_graph_has_one_giant_component() -> None:
    graph = random_regular(20_000, 3, seed=2)
    matrix = nx.Graph(edges(graph))
    assert max(map(len, nx.connected_components(matrix))) > 19_900


@pytest.mark.parametrize(
    ("n", "degree", "message"),
    [
        (5, 3, "degree must make"),
        (4, 4, "degree must be less"),
        (4, -1, "degree"),
        (4, 2.0, "degree"),
        (0, 0, "num_sp"),
    ],
)
def test_impossible_regular_graphs(n: int, degree: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        random_regular(n, degree)


def test_erdos_renyi_has_binomial_edges_and_degrees() -> None:
    n, mean = 3000, 4.0
    counts = np.array([erdos_renyi(n, mean, seed=seed).num_couplings for seed in range(50)])
    expected, spread = n * mean / 2, np.sqrt(n * mean / 2)
    assert counts.mean() == pytest.approx(expected, abs=4 * spread / np.sqrt(50))
    assert counts.std() == pytest.approx(spread, rel=0.4)
    degree = erdos_renyi(n, mean, seed=0).degree().double()
    assert degree.var().item() == pytest.approx(mean, rel=0.15)  # Poisson: variance = mean
    assert (degree == 0).double().mean().item() == pytest.approx(np.exp(-mean), abs=0.01)


def test_erdos_renyi_pairs_are_equally_likely() -> None:
    frequency = torch.zeros(6, 6, dtype=torch.float64)
    for seed in range(1500):
        i, j, _ = erdos_renyi(6, 2.0, seed=seed).undirected()
        frequency[i, j] += 1
    pairs = frequency[torch.ones(6, 6).triu(1).bool()] / 1500
    assert (pairs - 0.4).abs().max().item() < 4 * np.sqrt(0.24 / 1500)


@pytest.mark.parametrize(("n", "mean", "count"), [(1, 0, 0), (5, 0, 0), (2, 1, 1), (50, 49, 1225)])
def test_extreme_densities(n: int, mean: float, count: int) -> None:
    graph = erdos_renyi(n, mean)
    assert (graph.num_spins, graph.num_couplings) == (n, count)
    graph.validate()


@pytest.mark.parametrize("mean", [-0.1, 5.1, float("nan"), [1.0], "4"])
def test_bad_mean_degree(mean: object) -> None:
    with pytest.raises(ValueError, match="mean_degree"):
        erdos_renyi(6, mean)  # type: ignore[arg-type]
