"""Ground states of planar graphs by matching, against enumeration and elimination."""

from __future__ import annotations

import importlib.util
import math

import numpy as np
import pytest
import torch
from planar_graphs import GRAPHS, couplings, needs_matching, random_graphs

import graphar as ga
from graphar import IsingGraph
from graphar.exact import enumerate, ground_state, planar, planar_ground_state


@pytest.fixture(params=list(GRAPHS))
def graph(request: pytest.FixtureRequest) -> IsingGraph:
    return GRAPHS[request.param]


@needs_matching
def test_ground_state_entropy() -> None:
    """log Z + βE₀ tends to the log of the number of ground states."""
    lattice = ga.triangular((3, 5), couplings=-1.0)
    exact, expected = planar(lattice, 15.0), enumerate(lattice, 15.0)
    assert exact.log_partition == pytest.approx(expected.log_partition, abs=1e-10)
    entropy = exact.log_partition + 15 * planar_ground_state(lattice).energy
    assert entropy == pytest.approx(math.log(expected.degeneracy), abs=1e-10)


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
