"""Graphs on a torus: four Pfaffians against enumeration, elimination and Kaufman's formula."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from planar_graphs import needs_matching

import graphar as ga
from graphar import IsingGraph
from graphar.exact.planar.matching import lowest_bonds
from graphar.exact.planar.toroidal import around_infinity, around_lowest_bonds
from graphar.exact.planar.torus import draw_on_torus, winding_of_bonds

BETAS = [0.0, 0.3, 1.0, 2.5]


def triangular_torus(kind: str, seed: int) -> IsingGraph:
    """4 × 3 sites with a diagonal in each square, at places that are no lattice's."""
    rng = np.random.default_rng(seed)
    site = np.arange(12).reshape(4, 3)
    ends = [(site, np.roll(site, -1, k)) for k in (0, 1)] + [(site, np.roll(site, (-1, -1), (0, 1)))]
    edges = np.array([[a.ravel(), b.ravel()] for a, b in ends]).transpose(1, 0, 2).reshape(2, -1)
    pos = np.stack(np.divmod(np.arange(12), 3), 1) * [0.25, 1 / 3] + rng.uniform(-0.03, 0.03, (12, 2))
    J = rng.normal(size=36) if kind == "gaussian" else rng.choice([-1.0, 1.0], 36)
    return IsingGraph.from_edges(edges, J, num_nodes=12, pos=pos, offset=-0.4)


def torus(shape: tuple[int, int], kind: object, seed: int = 0) -> IsingGraph:
    return ga.grid(shape, periodic=True, couplings=kind, seed=seed)


GRAPHS = {
    "ferromagnet": torus((3, 4), "ferromagnet"),
    "antiferromagnet": torus((3, 3), -1.0),
    **{f"±1, {seed}": torus((3, 4), "pm1", seed) for seed in range(6)},
    **{f"Gaussian, {seed}": torus((4, 3), "gaussian", seed) for seed in range(4)},
    "long": torus((3, 5), "pm1", 7),
}
TRIANGULAR = {f"triangular {kind}": triangular_torus(kind, seed) for seed, kind in enumerate(("gaussian", "pm1"))}


@needs_matching
@pytest.mark.parametrize("name", [*GRAPHS, *TRIANGULAR])
def test_against_enumeration(name: str) -> None:
    graph = {**GRAPHS, **TRIANGULAR}[name]
    period = (1.0, 1.0) if name in TRIANGULAR else None
    lower, upper, _ = graph.undirected()
    for beta in BETAS:
        exact, expected = ga.exact.toroidal(graph, beta, period=period), ga.exact.enumerate(graph, beta)
        assert exact.log_partition == pytest.approx(expected.log_partition, abs=1e-9)
        assert abs(exact.log_partition - expected.log_partition) <= exact.rounding_error + 1e-13
        assert exact.energy == pytest.approx(expected.energy, abs=1e-7)
        torch.testing.assert_close(exact.edge_correlations, expected.correlations[lower, upper], atol=1e-8, rtol=0)


@needs_matching
def test_both_expansions() -> None:
    windings = set()
    for graph in GRAPHS.values():
        drawn, J, n = draw_on_torus(graph, None), graph.undirected()[2].numpy(), graph.num_spins
        for beta in (0.3, 1.2):
            exact = ga.exact.enumerate(graph, beta)
            lower, upper, _ = graph.undirected()
            for found in (around_infinity(drawn, beta * J, n), around_lowest_bonds(drawn, beta, J, n)):
                assert found is not None
                assert found.log_partition == pytest.approx(exact.log_partition, abs=1e-8)
                assert abs(found.log_partition - exact.log_partition) <= found.error
                values, errors = found.correlations()
                off = np.abs(values - exact.correlations[lower, upper].numpy()).max()
                assert off <= min(errors.max(), 1e-5)
        windings.add(winding_of_bonds(drawn, lowest_bonds(drawn.drawn, J)[0], n))
    assert len(windings) == 4  # every way in which the cheapest bonds may wind is met


@needs_matching
@pytest.mark.parametrize(("shape", "kind"), [((10, 10), "pm1"), ((8, 14), "gaussian")])
def test_against_elimination(shape: tuple[int, int], kind: str) -> None:
    graph = torus(shape, kind, 1)
    betas = [0.5, 1.0, 3.0]
    expected = ga.exact.eliminate(graph, betas)
    for k, beta in enumerate(betas):
        exact = ga.exact.toroidal(graph, beta)
        assert exact.log_partition == pytest.approx(expected.log_partition[k].item(), rel=1e-12)
        assert exact.energy == pytest.approx(expected.energy[k].item(), rel=1e-9)


@pytest.mark.parametrize("beta", [0.2, 0.44, math.log(1 + math.sqrt(2)) / 2, 0.6])
def test_kaufman(beta: float) -> None:
    """The uniform ferromagnet of Kaufman, Phys. Rev. 76, 1232 (1949), at and around its critical point."""
    rows, columns = 12, 10
    K = beta
    dual = -0.5 * math.log(math.tanh(K))

    def gamma(k: int) -> float:
        if k == 0:
            return 2 * (K - dual)
        return math.acosh(math.cosh(2 * K) * math.cosh(2 * dual) - math.cos(math.pi * k / columns))

    odd, even = ([gamma(2 * r + s) for r in range(columns)] for s in (1, 0))
    half = rows / 2
    parts = [
        math.prod(2 * math.cosh(half * g) for g in odd),
        math.prod(2 * math.sinh(half * g) for g in odd),
        math.prod(2 * math.cosh(half * g) for g in even),
        math.prod(2 * math.sinh(half * g) for g in even),
    ]
    expected = -math.log(2) + rows * columns / 2 * math.log(2 * math.sinh(2 * K)) + math.log(sum(parts))
    graph = torus((rows, columns), "ferromagnet")
    assert ga.exact.toroidal(graph, beta).log_partition == pytest.approx(expected, rel=1e-12)


@needs_matching
def test_ground_states() -> None:
    proven = 0
    for seed in range(24):
        graph = torus((5, 6), ("pm1", "gaussian")[seed % 2], seed)
        lowest = ga.exact.eliminate(graph, 1.0).ground_energy.item()
        drawn = draw_on_torus(graph, None)
        bonds, _ = lowest_bonds(drawn.drawn, graph.undirected()[2].numpy())
        if winding_of_bonds(drawn, bonds, 30) != (0, 0):
            with pytest.raises(ValueError, match="some that wind"):
                ga.exact.toroidal_ground_state(graph)
            assert ga.exact.ground_state(graph).method == "elimination"
            continue
        proven += 1
        found = ga.exact.toroidal_ground_state(graph)
        assert found.energy == pytest.approx(lowest, abs=1e-12)
        assert graph.energy(found.spins).item() == found.energy
    assert 4 <= proven <= 20


def test_front_door_of_exact_values() -> None:
    from graphar.exact.automatic import cheapest_log_partition

    graph = torus((24, 24), "ferromagnet")
    found = cheapest_log_partition(graph, [0.3])
    assert found is not None
    assert found[1] == "log Z by Kac–Ward Pfaffians"
    assert found[0][0] == ga.exact.toroidal(graph, 0.3).log_partition


def test_refusals() -> None:
    with pytest.raises(ValueError, match="no field"):
        ga.exact.toroidal(ga.grid((4, 4), periodic=True, field=0.1), 1.0)
    with pytest.raises(ValueError, match=r"graph\.pos must have shape \(6, 2\)"):
        ga.exact.toroidal(ga.chain(6), 1.0)
    with pytest.raises(ValueError, match="discs"):  # an open grid winds around neither period
        ga.exact.toroidal(ga.grid((4, 4)), 1.0)
    with pytest.raises(ValueError, match="discs"):
        ga.exact.toroidal(ga.grid((4, 4), periodic=(True, False)), 1.0)
    with pytest.raises(ValueError, match="half"):
        ga.exact.toroidal(torus((4, 4), 1.0), 1.0, period=(2.0, 4.0))
    with pytest.raises(ValueError, match="two positive numbers"):
        ga.exact.toroidal(torus((4, 4), 1.0), 1.0, period=(4.0, -4.0))
    graph = torus((4, 4), 1.0)
    crossed = IsingGraph.from_edges(
        torch.cat([torch.stack(graph.undirected()[:2]), torch.tensor([[0, 1], [5, 4]])], 1), 1.0, pos=graph.pos
    )
    with pytest.raises(ValueError, match=r"cross|discs"):
        ga.exact.toroidal(crossed, 1.0)
    with pytest.raises(ValueError, match="beta"):
        ga.exact.toroidal(graph, -1.0)
