"""Drawings of planar graphs: what crosses is named, what is drawn does not cross, and all drawings agree."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from planar_graphs import GRAPHS, delaunay, random_graphs

import graphar as ga
from graphar import IsingGraph
from graphar.exact import enumerate, planar
from graphar.exact.planar.embedding import draw, find_crossing


def test_drawings_agree() -> None:
    for graph in (ga.triangular((9, 8), couplings="gaussian", seed=1), delaunay(80, "pm1", 3, keep=0.8)):
        by_pos, by_networkx = (planar(graph, 0.7, embedding=name) for name in ("pos", "networkx"))
        assert by_pos.log_partition == pytest.approx(by_networkx.log_partition, rel=1e-13)
        torch.testing.assert_close(by_pos.edge_correlations, by_networkx.edge_correlations, atol=1e-11, rtol=0)
        turned = graph.clone()
        turned.pos = graph.pos @ torch.tensor([[0.6, 0.8], [-0.8, 0.6]], dtype=torch.float64)
        assert planar(turned, 0.7).log_partition == pytest.approx(by_pos.log_partition, rel=1e-13)


def test_cylinder_needs_another_drawing() -> None:
    cylinder = ga.grid((4, 4), periodic=(True, False), couplings="gaussian", seed=2)
    with pytest.raises(ValueError, match=r'graph\.pos must draw the graph without crossings.*embedding="networkx"'):
        planar(cylinder, 0.5)
    expected = enumerate(cylinder, 0.5).log_partition
    assert planar(cylinder, 0.5, embedding="networkx").log_partition == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("places", "edges", "fault"),
    [
        ([(0, 0), (1, 1), (0, 1), (1, 0)], [(0, 1), (2, 3)], "edges (0, 1) and (2, 3) that cross"),
        ([(0, 0), (4, 0), (1, -1), (2, 5), (9, 9)], [(0, 1), (2, 3)], "edges (2, 3) and (0, 1) that cross"),
        ([(0, 0), (2, 0), (1, 0)], [(0, 1)], "edge (0, 1) through site 2"),
        ([(0, 0), (2, 2), (1, 1), (0, 5)], [(0, 1), (2, 3)], "edge (0, 1) through site 2"),
        ([(0, 0), (0, 2), (0, 1), (1, 1)], [(0, 1), (2, 3)], "edge (0, 1) through site 2"),
        ([(0, 0), (1, 0), (2, 0)], [(0, 1), (0, 2)], "overlap"),
        ([(0, 0), (1, 0), (2, 0)], [(1, 2), (0, 2)], "edge (0, 2) through site 1"),
        ([(0, 0), (1, 0), (2, 0), (3, 0)], [(0, 2), (1, 3)], "edge (0, 2) through site 1"),
        ([(0, 0), (1, 0), (0, 0)], [(0, 1)], "sites 0 and 2 at one place"),
    ],
)
def test_crossings_are_named(places: list, edges: list, fault: str) -> None:
    pos, ends = np.array(places, dtype=float), np.array(edges).T
    for turn in np.linspace(0, 2 * math.pi, 5)[:-1]:  # multiples of a right angle are exact
        c, s = round(math.cos(turn)), round(math.sin(turn))
        found = find_crossing(pos @ np.array([[c, -s], [s, c]]), ends)
        assert found is not None
        if turn == 0:
            assert fault in found
    graph = IsingGraph.from_edges(ends, 1.0, num_nodes=len(places), pos=pos)
    with pytest.raises(ValueError, match="without crossings"):
        planar(graph, 1.0)


def test_crossings_of_random_segments() -> None:
    """Found if and only if a test of all pairs finds one."""

    def side(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> float:
        return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])

    rng, seen = np.random.default_rng(1), set()
    for _ in range(300):
        n = int(rng.integers(4, 9))
        pos = rng.random((n, 2))
        pairs = [(i, j) for i in range(n) for j in range(i)]
        edges = [pairs[k] for k in rng.choice(len(pairs), size=int(rng.integers(2, 5)), replace=False)]
        cross = any(
            side(pos[a], pos[b], pos[c]) * side(pos[a], pos[b], pos[d]) < 0
            and side(pos[c], pos[d], pos[a]) * side(pos[c], pos[d], pos[b]) < 0
            for k, (a, b) in zip(range(9), edges, strict=False)
            for c, d in edges[:k]
            if not {a, b} & {c, d}
        )
        assert (find_crossing(pos, np.array(edges).T) is not None) == cross
        seen.add(cross)
    assert seen == {True, False}


def test_drawings_do_not_cross() -> None:
    for graph in (*GRAPHS.values(), *random_graphs(), ga.triangular((30, 30)), delaunay(500, "pm1", 1)):
        ends = torch.stack(graph.undirected()[:2]).numpy()
        for embedding in ("auto", "networkx"):
            assert find_crossing(draw(graph, embedding), ends) is None
