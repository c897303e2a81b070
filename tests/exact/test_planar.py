"""Planar graphs: the Kac-Ward determinant against enumeration and transfer matrices, matching against enumeration."""

from __future__ import annotations

import importlib.util
import math
import sys
from collections.abc import Callable, Iterator

import networkx as nx
import numpy as np
import pytest
import torch
from scipy.spatial import Delaunay
from scipy.special import ellipk
from torch_geometric.data import Batch

import graphar as ga
from graphar import IsingGraph
from graphar.exact import enumerate, ground_state, planar, planar_ground_state
from graphar.exact.planar.embedding import draw, find_crossing

needs_matching = pytest.mark.skipif(importlib.util.find_spec("pymatching") is None, reason="needs pymatching")

BETAS = [0.0, 0.3, 1.0, 3.0]


def couplings(count: int, kind: str, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=count) if kind == "gaussian" else rng.choice([-1.0, 1.0], size=count)


def ising(edges: list[tuple[int, int]], n: int, kind: str, seed: int, pos: np.ndarray | None = None) -> IsingGraph:
    ends = np.array(edges, dtype=np.int64).reshape(-1, 2).T
    return IsingGraph.from_edges(ends, couplings(len(edges), kind, seed), num_nodes=n, pos=pos, offset=0.7)


def delaunay(n: int, kind: str, seed: int, keep: float = 1.0) -> IsingGraph:
    """Triangulation of random points, or a random part of its edges: bridges, isolated sites, several components."""
    rng = np.random.default_rng(seed)
    pos = rng.random((n, 2))
    triangles = Delaunay(pos).simplices
    edges = {tuple(sorted(map(int, (t[a], t[b])))) for t in triangles for a, b in ((0, 1), (1, 2), (0, 2))}
    return ising([edge for edge in sorted(edges) if rng.random() < keep], n, kind, seed, pos)


def networkx_graph(graph: nx.Graph, seed: int) -> IsingGraph:
    plain = nx.convert_node_labels_to_integers(graph)
    return ising(list(plain.edges), len(plain), "gaussian", seed)


GRAPHS: dict[str, IsingGraph] = {
    "one spin": ising([], 1, "pm1", 0),
    "no edges": ising([], 3, "pm1", 0),
    "edge": ising([(0, 1)], 2, "gaussian", 1),
    "triangle": ising([(0, 1), (1, 2), (0, 2)], 3, "pm1", 5),
    "chain": ga.chain(9, couplings="gaussian", seed=2),
    "ring": ga.chain(9, periodic=True, couplings="gaussian", seed=2),
    "grid": ga.grid((3, 4), couplings="pm1", seed=3),
    "grid in float32": ga.grid((3, 4), couplings="pm1", seed=3).to(torch.float32),
    "triangular": ga.triangular((3, 4), couplings="gaussian", seed=4),
    "antiferromagnetic triangular": ga.triangular((3, 4), couplings=-1.0),
    "delaunay": delaunay(13, "gaussian", 5),
    "part of delaunay": delaunay(14, "pm1", 6, keep=0.5),
    "zero couplings": IsingGraph.from_edges([[0, 1, 2, 0, 0], [1, 2, 3, 3, 2]], [1.0, 0.0, -0.5, -1.0, 0.0]),
    "all couplings zero": ga.grid((3, 3), couplings=0.0),
    "wheel": networkx_graph(nx.wheel_graph(14), 7),
    "star": networkx_graph(nx.star_graph(13), 8),
    "tree": networkx_graph(nx.balanced_tree(2, 3), 9),
    "hub beside hub": networkx_graph(nx.complete_bipartite_graph(2, 12), 10),
    "icosahedron": networkx_graph(nx.icosahedral_graph(), 11),
    "two components": networkx_graph(nx.disjoint_union(nx.cycle_graph(5), nx.complete_graph(4)), 12),
    "ring within a ring": networkx_graph(nx.circular_ladder_graph(6), 13),
}


@pytest.fixture(params=list(GRAPHS))
def graph(request: pytest.FixtureRequest) -> IsingGraph:
    return GRAPHS[request.param]


def random_graphs() -> Iterator[IsingGraph]:
    """120 triangulations, subgraphs of them, and random planar graphs without places."""
    for seed in range(40):
        kind = ("pm1", "gaussian")[seed % 2]
        n = 5 + seed % 9
        yield delaunay(n, kind, seed)
        yield delaunay(n, kind, 100 + seed, keep=0.7)
        part = delaunay(n, kind, 200 + seed, keep=0.9)
        part.pos = None
        yield part


def transfer_matrix(graph: IsingGraph, width: int, beta: float) -> float:
    """log Z of an open grid, spin after spin, with a table of the last row in logarithms."""
    J = {(i, j): beta * J for i, j, J in zip(*(part.tolist() for part in graph.undirected()), strict=True)}
    spin = np.array([-1.0, 1.0])
    table = np.zeros((2,) * width)
    for site in range(graph.num_spins):
        column = site % width
        if site >= width:
            down, up = np.moveaxis(table, column, 0)
            K = J[site - width, site]
            table = np.stack([np.logaddexp(down - K * s, up + K * s) for s in spin], axis=column)
        if column:
            left = spin.reshape([2 if axis == column - 1 else 1 for axis in range(width)])
            here = spin.reshape([2 if axis == column else 1 for axis in range(width)])
            table = table + J[site - 1, site] * left * here
    return float(table.max() + np.log(np.exp(table - table.max()).sum()))


# Against enumeration.


@pytest.mark.parametrize("beta", BETAS)
@pytest.mark.parametrize("embedding", ["auto", "networkx"])
def test_against_enumeration(graph: IsingGraph, beta: float, embedding: str) -> None:
    if beta > 1:
        pytest.importorskip("pymatching")
    exact, expected = planar(graph, beta, embedding=embedding), enumerate(graph, beta)
    lower, upper, _ = graph.undirected()
    assert exact.log_partition == pytest.approx(expected.log_partition, abs=1e-10)
    assert exact.energy == pytest.approx(expected.energy, abs=1e-9)
    assert exact.entropy == pytest.approx(expected.entropy, abs=1e-9)
    torch.testing.assert_close(exact.edge_correlations, expected.correlations[lower, upper], atol=1e-10, rtol=0)
    assert exact.rounding_error < 1e-8


@needs_matching
def test_random_graphs_against_enumeration() -> None:
    for number, graph in zip(range(120), random_graphs(), strict=True):
        beta = (0.2, 0.7, 1.5, 4.0)[number % 4]
        exact, expected = planar(graph, beta), enumerate(graph, beta)
        lower, upper, _ = graph.undirected()
        assert exact.log_partition == pytest.approx(expected.log_partition, abs=1e-10)
        torch.testing.assert_close(exact.edge_correlations, expected.correlations[lower, upper], atol=1e-10, rtol=0)


def test_signs_by_hand() -> None:
    beta = 0.6
    triangle = IsingGraph.from_edges([[0, 1, 0], [1, 2, 2]], -1.0)
    expected = 8 * math.cosh(beta) ** 3 * (1 - math.tanh(beta) ** 3)  # one loop of three negative bonds
    assert planar(triangle, beta).log_partition == pytest.approx(math.log(expected), abs=1e-14)
    pair = planar(IsingGraph.from_edges([[0], [1]], -1.0, offset=2.0), beta)
    assert pair.edge_correlations.item() == pytest.approx(-math.tanh(beta), abs=1e-15)
    assert pair.log_partition == pytest.approx(math.log(4 * math.cosh(beta)) - 2 * beta, abs=1e-14)
    assert pair.free_energy == pytest.approx(-pair.log_partition / beta, abs=1e-14)


# Larger graphs.


@needs_matching
@pytest.mark.parametrize(("width", "kind", "seed"), [(12, "pm1", 0), (12, "gaussian", 1), (16, "pm1", 2)])
def test_transfer_matrix_of_a_grid(width: int, kind: str, seed: int) -> None:
    grid = ga.grid((width, width), couplings=kind, seed=seed)
    for beta in (0.5, 1.0, 2.0, 3.0) if width < 16 else (1.0, 3.0):
        exact = planar(grid, beta)
        assert exact.log_partition == pytest.approx(transfer_matrix(grid, width, beta), rel=1e-12)


@needs_matching
@pytest.mark.parametrize(
    "large",
    [
        ga.triangular((10, 12), couplings="gaussian", seed=1),
        delaunay(90, "gaussian", 2),
        delaunay(150, "pm1", 3, keep=0.8),
    ],
    ids=["triangular", "delaunay", "part of delaunay"],
)
def test_against_elimination(large: IsingGraph) -> None:
    betas = [0.5, 1.5, 3.0]
    expected = ga.exact.eliminate(large, betas)
    for beta, log_partition, correlations in zip(
        betas, expected.log_partition, expected.edge_correlations, strict=True
    ):
        exact = planar(large, beta)
        assert exact.log_partition == pytest.approx(log_partition.item(), rel=1e-11)
        torch.testing.assert_close(exact.edge_correlations, correlations, atol=1e-9, rtol=0)
    assert planar_ground_state(large).energy == pytest.approx(expected.ground_energy.item(), abs=1e-10)


@needs_matching
def test_low_temperature_of_a_long_strip() -> None:
    strip = ga.grid((40, 6), couplings="gaussian", seed=3)
    ground = planar_ground_state(strip)
    for beta in (5.0, 8.0):
        exact = planar(strip, beta)
        assert exact.log_partition == pytest.approx(transfer_matrix(strip, 6, beta), rel=1e-12)
        step = 1e-3
        slope = (transfer_matrix(strip, 6, beta + step) - transfer_matrix(strip, 6, beta - step)) / (2 * step)
        assert exact.energy == pytest.approx(-slope, rel=1e-8)
        assert ground.energy <= exact.energy


@needs_matching
def test_ground_state_entropy() -> None:
    """log Z + βE₀ tends to the log of the number of ground states."""
    lattice = ga.triangular((3, 5), couplings=-1.0)
    exact, expected = planar(lattice, 15.0), enumerate(lattice, 15.0)
    assert exact.log_partition == pytest.approx(expected.log_partition, abs=1e-10)
    entropy = exact.log_partition + 15 * planar_ground_state(lattice).energy
    assert entropy == pytest.approx(math.log(expected.degeneracy), abs=1e-10)


@pytest.mark.parametrize("kind", ["pm1", "gaussian"])
def test_energy_is_a_derivative_and_so_are_correlations(kind: str) -> None:
    grid = ga.triangular((12, 13), couplings=kind, seed=4)
    beta, step = 0.5, 1e-4
    exact = planar(grid, beta)
    slope = (planar(grid, beta + step).log_partition - planar(grid, beta - step).log_partition) / (2 * step)
    assert exact.energy == pytest.approx(-slope, rel=1e-7)
    lower, upper, J = grid.undirected()
    for edge in (0, 97, 300):
        log_z = []
        for sign in (1, -1):
            J_changed = J.clone()
            J_changed[edge] += sign * step
            changed = IsingGraph.from_edges(torch.stack([lower, upper]), J_changed, pos=grid.pos)
            log_z.append(planar(changed, beta).log_partition)
        slope = (log_z[0] - log_z[1]) / (2 * step * beta)
        assert exact.edge_correlations[edge].item() == pytest.approx(slope, abs=1e-7)


@pytest.mark.parametrize("beta", [0.3, 0.6])
def test_onsager(beta: float) -> None:
    """Energy a site of the infinite square lattice: what is left of open squares without their sides and corners."""
    small, middle, large = (planar(ga.grid((L, L), couplings="ferromagnet"), beta).energy for L in (38, 39, 40))
    modulus = 2 * math.sinh(2 * beta) / math.cosh(2 * beta) ** 2
    bracket = 1 + 2 / math.pi * (2 * math.tanh(2 * beta) ** 2 - 1) * ellipk(modulus**2)
    assert (large - 2 * middle + small) / 2 == pytest.approx(-bracket / math.tanh(2 * beta), abs=1e-7)


def test_relabelling_and_gauge() -> None:
    graph = delaunay(60, "gaussian", 20)
    lower, upper, J = graph.undirected()
    beta, rng = 0.8, np.random.default_rng(0)
    new = torch.from_numpy(rng.permutation(60))
    place = torch.empty_like(graph.pos)
    place[new] = graph.pos
    relabelled = IsingGraph.from_edges(torch.stack([new[lower], new[upper]]), J, pos=place)
    x = torch.from_numpy(rng.choice([-1.0, 1.0], 60))
    gauged = IsingGraph.from_edges(torch.stack([lower, upper]), J * x[lower] * x[upper], pos=graph.pos)
    plain, offset = planar(graph, beta), beta * graph.offset.item()
    assert planar(relabelled, beta).log_partition - offset == pytest.approx(plain.log_partition, rel=1e-13)
    assert planar(gauged, beta).log_partition - offset == pytest.approx(plain.log_partition, rel=1e-13)
    torch.testing.assert_close(planar(gauged, beta).edge_correlations, plain.edge_correlations * x[lower] * x[upper])


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


# Crossings.


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


# Ground states.


@needs_matching
def test_ground_states_against_enumeration() -> None:
    for graph in random_graphs():
        ground, expected = planar_ground_state(graph), enumerate(graph, 1.0)
        assert ground.energy == pytest.approx(expected.ground_energy, abs=1e-12)
        assert graph.energy(ground.spins).item() == pytest.approx(ground.energy, abs=1e-12)
        assert ground.spins.dtype == torch.int8
        assert ground.method == "matching"


@needs_matching
def test_ground_states_of_every_graph(graph: IsingGraph) -> None:
    for embedding in ("auto", "networkx"):
        ground = planar_ground_state(graph, embedding=embedding)
        assert ground.energy == pytest.approx(enumerate(graph, 1.0).ground_energy, abs=1e-12)


@needs_matching
def test_ground_states_of_grids_against_elimination() -> None:
    for seed in range(6):
        grid = ga.grid((12, 12), couplings=("pm1", "gaussian")[seed % 2], seed=seed)
        expected = ga.exact.eliminate(grid, 1.0).ground_energy.item()
        assert planar_ground_state(grid).energy == pytest.approx(expected, abs=1e-11)


@needs_matching
def test_gap_bounds_what_rounding_costs() -> None:
    assert planar_ground_state(ga.grid((30, 30), couplings="pm1", seed=1)).gap == 0
    tenths = ga.grid((8, 8), couplings=0.1 * couplings(112, "pm1", 2))
    assert planar_ground_state(tenths).gap == 0
    gaussian = planar_ground_state(ga.grid((30, 30), couplings="gaussian", seed=1))
    assert 0 < gaussian.gap < 1e-3
    # Couplings that the integers cannot tell apart: the answer may be wrong by the gap, and no more.
    base = ga.triangular((4, 4), couplings="gaussian", seed=5)
    lower, upper, J = base.undirected()
    J[0] = 1e6
    coarse = IsingGraph.from_edges(torch.stack([lower, upper]), J, pos=base.pos)
    ground, lowest = planar_ground_state(coarse), enumerate(coarse, 1.0).ground_energy
    assert lowest - 1e-9 <= ground.energy <= lowest + ground.gap
    assert 0.01 < ground.gap < 2 * 1e6 / 2**24 * 33


@needs_matching
def test_ground_state_is_gauge_invariant() -> None:
    grid = ga.triangular((20, 20), couplings="gaussian", seed=6)
    lower, upper, J = grid.undirected()
    x = torch.from_numpy(np.random.default_rng(1).choice([-1.0, 1.0], 400))
    gauged = IsingGraph.from_edges(torch.stack([lower, upper]), J * x[lower] * x[upper], pos=grid.pos)
    one, other = planar_ground_state(grid), planar_ground_state(gauged)
    assert one.energy == pytest.approx(other.energy, rel=1e-12)
    same = one.spins * other.spins * x
    assert bool((same == same[0]).all())  # the couplings are generic: one ground state up to a global flip


@needs_matching
def test_planted_state_is_found() -> None:
    x = torch.from_numpy(np.random.default_rng(2).choice([-1, 1], 2500))
    ends = torch.stack(ga.grid((50, 50)).undirected()[:2])
    planted = IsingGraph.from_edges(ends, (x[ends[0]] * x[ends[1]]).double(), pos=ga.grid((50, 50)).pos)
    spins = planar_ground_state(planted).spins
    assert bool((spins * spins[0] == x * x[0]).all())


def test_choice_of_method() -> None:
    with_field = ga.grid((4, 4), couplings="gaussian", field=0.3, seed=1)
    torus = ga.grid((4, 4), periodic=True, couplings="gaussian", seed=1)
    cylinder = ga.grid((4, 4), periodic=(True, False), couplings="gaussian", seed=1)
    open_grid = ga.grid((4, 4), couplings="gaussian", seed=1)
    has_matching = importlib.util.find_spec("pymatching") is not None
    for graph, flat in ((with_field, False), (torus, False), (cylinder, True), (open_grid, True)):
        ground = ground_state(graph)
        assert ground.method == ("matching" if flat and has_matching else "elimination")
        assert ground.energy == pytest.approx(enumerate(graph, 1.0).ground_energy, abs=1e-12)
        assert graph.energy(ground.spins).item() == pytest.approx(ground.energy, abs=1e-12)


# Errors.


@pytest.mark.parametrize("solve", [lambda graph, **options: planar(graph, 1.0, **options), planar_ground_state])
def test_errors(solve: Callable[..., object]) -> None:
    grid = ga.grid((3, 3))
    with pytest.raises(ValueError, match=r"graph must have no field.*eliminate"):
        solve(ga.grid((3, 3), field=0.1))
    with pytest.raises(ValueError, match="graph must be planar"):
        solve(ga.complete(5))
    with pytest.raises(
        ValueError, match=r"must draw the graph without crossings, got edges \(0, 3\) and \(0, 6\) that overlap"
    ):
        solve(ga.grid((3, 3), periodic=True))
    with pytest.raises(ValueError, match=r"graph must be planar.*K3,3"):
        solve(ga.grid((3, 3), periodic=True), embedding="networkx")
    with pytest.raises(ValueError, match="embedding must be"):
        solve(grid, embedding="spring")
    with pytest.raises(ValueError, match=r"graph.pos must have shape \(5, 2\) to be an embedding, got \(5, 1\)"):
        solve(ga.chain(5), embedding="pos")
    with pytest.raises(ValueError, match="got None"):
        solve(ising([(0, 1)], 2, "pm1", 0), embedding="pos")
    with pytest.raises(ValueError, match="graph must be one graph"):
        solve(Batch.from_data_list([grid, grid]))


def test_temperatures_refused() -> None:
    with pytest.raises(ValueError, match="beta must be finite and not negative"):
        planar(ga.grid((3, 3)), -1.0)
    with pytest.raises(ValueError, match="free_energy needs beta > 0"):
        _ = planar(ga.grid((3, 3)), 0.0).free_energy
    assert repr(planar(ga.grid((2, 2), couplings=1.0), 0.5)) == "Planar(4 spins, beta=0.5, log_partition=3.297642)"


@needs_matching
def test_rounding_is_noticed() -> None:
    with pytest.raises(ValueError, match="beta must leave nine digits to rounding"):
        planar(ga.grid((30, 30), couplings="pm1", seed=1), 30.0)
    small = ga.grid((4, 4), couplings="gaussian", seed=1)
    assert planar(small, 1e5).log_partition == pytest.approx(enumerate(small, 1e5).log_partition, rel=1e-14)
    with pytest.raises(ValueError, match="beta must leave four digits of the correlations to rounding"):
        _ = planar(small, 1e15).edge_correlations


def test_without_pymatching(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymatching", None)
    frustrated = ga.grid((30, 30), couplings="gaussian", seed=1)
    assert math.isfinite(planar(frustrated, 0.5).log_partition)
    with pytest.raises(ImportError, match=r"graphar-arnn\[planar\]"):
        planar(frustrated, 4.0)
    with pytest.raises(ImportError, match=r"graphar-arnn\[planar\]"):
        planar_ground_state(frustrated)
    ferromagnet = ga.grid((6, 6), couplings="ferromagnet")  # nothing to match
    assert planar(ferromagnet, 50.0).log_partition == pytest.approx(50 * 60 + math.log(2), abs=1e-9)
    assert planar_ground_state(ferromagnet).energy == -60
