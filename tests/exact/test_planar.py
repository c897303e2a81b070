"""Planar graphs: the Kac-Ward determinant against enumeration, transfer matrices, elimination and closed forms."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable

import numpy as np
import pytest
import torch
from planar_graphs import GRAPHS, delaunay, ising, needs_matching, random_graphs
from scipy.special import ellipk
from torch_geometric.data import Batch

import graphar as ga
from graphar import IsingGraph
from graphar.exact import enumerate, planar, planar_ground_state

BETAS = [0.0, 0.3, 1.0, 3.0]


@pytest.fixture(params=list(GRAPHS))
def graph(request: pytest.FixtureRequest) -> IsingGraph:
    return GRAPHS[request.param]


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
