"""Lattices: counts, neighbours and places against formulas, networkx and each other."""

from __future__ import annotations

from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
import torch

from graphar.hamiltonians import IsingGraph
from graphar.instances import chain, grid, triangular


def edges(graph: IsingGraph) -> set[tuple[int, int]]:
    i, j, _ = graph.undirected()
    return set(zip(i.tolist(), j.tolist(), strict=True))


@pytest.mark.parametrize("n", [1, 2, 3, 10])
@pytest.mark.parametrize("periodic", [False, True])
def test_chain_is_the_path_or_the_ring(n: int, periodic: bool) -> None:
    expected = set(pairwise(range(n)))
    if periodic and n > 2:
        expected.add((0, n - 1))
    graph = chain(n, periodic=periodic)
    assert edges(graph) == expected
    assert graph.pos.tolist() == [[float(i)] for i in range(n)]


@pytest.mark.parametrize(
    ("shape", "periodic"),
    [
        ((5,), (True,)),
        ((4, 6), (False, False)),
        ((4, 6), (True, False)),
        ((4, 6), (False, True)),
        ((3, 3), (True, True)),
        ((2, 2), (True, True)),
        ((2, 5), (True, True)),
        ((1, 4), (False, True)),
        ((1, 1), (False, False)),
        ((3, 4, 5), (True, False, True)),
        ((2, 3, 2, 4), (True, True, False, False)),
    ],
)
def test_grid_is_the_one_of_networkx_with_sites_row_by_row(shape: tuple[int, ...], periodic: tuple[bool, ...]) -> None:
    graph = grid(shape, periodic=periodic)
    graph.validate()
    # networkx takes the axes in reverse and leaves a one-dimensional node bare
    lattice = nx.grid_graph(dim=shape[::-1], periodic=periodic[::-1])
    lattice.remove_edges_from(list(nx.selfloop_edges(lattice)))

    def number(node: object) -> int:
        return int(np.ravel_multi_index(tuple(np.atleast_1d(np.array(node))), shape))

    expected = {(min(a, b), max(a, b)) for a, b in ((number(u), number(v)) for u, v in lattice.edges)}
    assert graph.num_spins == lattice.number_of_nodes()
    assert edges(graph) == expected
    places = np.ravel_multi_index(tuple(graph.pos.numpy().astype(int).T), shape)
    assert places.tolist() == list(range(graph.num_spins))


def test_grid_counts() -> None:
    open_, closed = grid((7, 5, 4)), grid((7, 5, 4), periodic=True)
    assert open_.num_couplings == 6 * 5 * 4 + 7 * 4 * 4 + 7 * 5 * 3
    assert closed.num_couplings == 3 * 140
    assert set(closed.degree().tolist()) == {6}
    assert edges(open_) < edges(closed)


def test_a_periodic_axis_of_length_two_has_one_coupling_a_pair() -> None:
    assert edges(grid((2, 2), periodic=True)) == {(0, 1), (2, 3), (0, 2), (1, 3)}
    ferromagnet = grid((2, 2, 2), periodic=True, couplings="ferromagnet")
    assert ferromagnet.energy(torch.ones(8)).item() == -12.0
    assert torch.equal(ferromagnet.edge_index, grid((2, 2, 2), couplings="ferromagnet").edge_index)


def test_open_bonds_have_length_one() -> None:
    for graph in (grid((4, 5)), grid((3, 2, 4)), triangular((4, 6))):
        i, j, _ = graph.undirected()
        lengths = (graph.pos[i] - graph.pos[j]).norm(dim=1)
        assert torch.allclose(lengths, torch.ones_like(lengths))


def test_energies_of_the_ferromagnet_and_of_the_checkerboard() -> None:
    graph = grid((4, 6), periodic=True, couplings="ferromagnet", field=0.25)
    up = torch.ones(24)
    row, column = np.unravel_index(np.arange(24), (4, 6))
    checkerboard = torch.from_numpy(1 - 2 * ((row + column) % 2))
    assert graph.energy(up).item() == -48.0 - 6.0
    assert graph.energy(-up).item() == -48.0 + 6.0
    assert graph.energy(checkerboard).item() == 48.0


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 5), (4, 1), (2, 2), (5, 7)])
def test_triangular_counts_and_planarity(rows: int, columns: int) -> None:
    graph = triangular((rows, columns))
    assert graph.num_spins == rows * columns
    assert graph.num_couplings == 3 * rows * columns - 2 * rows - 2 * columns + 1
    lattice = nx.Graph(edges(graph))
    lattice.add_nodes_from(range(graph.num_spins))
    assert nx.check_planarity(lattice)[0]
    assert nx.is_connected(lattice)
    assert sum(nx.triangles(lattice).values()) // 3 == 2 * (rows - 1) * (columns - 1)
    if min(rows, columns) > 2:
        assert int(graph.degree().max()) == 6


def test_triangular_antiferromagnet_is_frustrated() -> None:
    graph = triangular((3, 3), couplings=-1.0)
    states = 1 - 2 * ((torch.arange(512)[:, None] >> torch.arange(9)) & 1)
    # each of the 8 triangles breaks a bond, and a bond is in at most two of them
    assert graph.energy(states).min().item() >= -16 + 2 * 4


def test_every_pair_of_neighbours_is_at_distance_one_in_the_triangular_lattice() -> None:
    graph = triangular((4, 5))
    near = torch.cdist(graph.pos, graph.pos) < 1.001
    expected = {(int(i), int(j)) for i, j in near.triu(1).nonzero()}
    assert edges(graph) == expected


@pytest.mark.parametrize("shape", [(), 4, "44", (0, 3), (2.0, 3), (True, 3), (3, -1), (2**16, 2**16)])
def test_bad_shapes(shape: object) -> None:
    with pytest.raises(ValueError, match="shape"):
        grid(shape)  # type: ignore[arg-type]


@pytest.mark.parametrize("periodic", [(True,), (True, False, True), 1, "yes", (1, 0), None])
def test_bad_periodic(periodic: object) -> None:
    with pytest.raises(ValueError, match="periodic"):
        grid((3, 3), periodic=periodic)  # type: ignore[arg-type]


def test_bad_triangular_and_chain() -> None:
    with pytest.raises(ValueError, match=r"shape must be \(rows, columns\)"):
        triangular((3, 3, 3))
    with pytest.raises(ValueError, match="num_spins"):
        chain(0)
