"""Reductions and bounds of hypergraphs: ground energies are kept, no energy is below a bound."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypergraphs import HYPERGRAPHS, configurations

import graphar as ga
from graphar.solvers.bounds import lower_bound
from graphar.solvers.reductions import components, reduce


def hypergraphs(count: int) -> Iterator[ga.SpinHypergraph]:
    """Small ones of 3 to 9 sites: sparse and dense, with integers and without, with fields and without."""
    for seed in range(count):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(3, 10))
        sites = {tuple(sorted(rng.choice(n, k, replace=False).tolist())) for k in rng.integers(2, min(n, 5) + 1, 2 * n)}
        kept = sorted(sites)[: int(rng.integers(1, len(sites) + 1))]
        J, h = rng.normal(size=len(kept)), rng.normal(size=n) * rng.integers(0, 3)
        if seed % 2:
            J, h = rng.integers(-2, 3, len(kept)) / 2.0, rng.integers(-1, 2, n) * float(rng.integers(0, 2))
        yield ga.SpinHypergraph.from_hyperedges(kept, J, h, n, offset=0.25 * (seed % 4))


def lowest(graph: ga.SpinHypergraph | ga.IsingGraph) -> float:
    return float(graph.energy(configurations(graph.num_spins)).min())


def check_reduction(graph: ga.SpinHypergraph) -> None:
    smaller = reduce(graph)
    smaller.graph.validate()
    left = configurations(smaller.graph.num_spins).to(torch.int8)
    restored = smaller.restore(left)
    torch.testing.assert_close(graph.energy(restored), smaller.graph.energy(left), rtol=0, atol=1e-12)
    assert torch.equal(restored[:, smaller.sites], left)
    assert abs(lowest(graph) - lowest(smaller.graph)) <= smaller.rounding + 1e-13 * (1 + abs(lowest(graph)))
    assert graph.num_spins - smaller.graph.num_spins == sum(smaller.removed.values())


def test_reductions_keep_the_ground_energy() -> None:
    for graph in (*HYPERGRAPHS.values(), *hypergraphs(100)):
        check_reduction(graph)


def test_dyadic_numbers_stay_exact() -> None:
    for name in ("orders 1 to 5", "quadruples", "chain of triples"):
        graph = HYPERGRAPHS[name]
        smaller = reduce(graph)
        left = configurations(smaller.graph.num_spins).to(torch.int8)
        assert smaller.rounding == 0
        assert torch.equal(graph.energy(smaller.restore(left)), smaller.graph.energy(left))


def test_forests_of_interactions_vanish_and_labels_stay() -> None:
    rng = np.random.default_rng(0)
    tree = [(0, 1, 2), (2, 3, 4, 5), (5, 6, 7), (2, 8, 9), (9, 10, 11)]
    graph = ga.SpinHypergraph.from_hyperedges(tree, rng.normal(size=5), rng.normal(size=12) / 2)
    smaller = reduce(graph)
    assert smaller.graph.num_spins == 1
    ground = smaller.restore(torch.where(smaller.graph.h >= 0, 1, -1))
    assert graph.energy(ground).item() == pytest.approx(lowest(graph), abs=1e-12)
    named = HYPERGRAPHS["orders 1 to 5"].clone()
    named.labels = tuple("abcdefghi")
    left = reduce(named)
    assert left.graph.labels == tuple("abcdefghi"[site] for site in left.sites.tolist())


def test_components_add_up() -> None:
    for graph in (*HYPERGRAPHS.values(), *hypergraphs(20)):
        parts = components(graph)
        x = configurations(graph.num_spins).to(torch.int8)
        energies = sum(part.energy(x[:, where]) for part, where in zip(parts.graphs, parts.sites, strict=True))
        torch.testing.assert_close(energies + graph.offset, graph.energy(x))
        assert torch.equal(parts.join([x[:, where] for where in parts.sites]), x)
        assert all(len(components(part).graphs) == 1 for part in parts.graphs)


def test_no_energy_is_below_a_bound_and_most_bounds_are_met() -> None:
    met, better, gaps, trivial = 0, 0, [], []
    lower_bound(HYPERGRAPHS["orders 1 to 5, dense"])  # loads the solver of linear programs
    graphs = [*HYPERGRAPHS.values(), *hypergraphs(100)]
    for graph in graphs:
        least, plain = lowest(graph), lower_bound(graph, method="trivial").value
        found = lower_bound(graph, time_limit=2)
        size = 1e-12 * (1 + abs(least))
        assert plain <= found.value <= least + size
        met += found.value >= least - size
        better += found.value > plain + size
        gaps.append(least - found.value)
        trivial.append(least - plain)
    assert met >= 0.9 * len(graphs)
    assert better >= 0.4 * len(graphs)
    assert sum(gaps) <= 0.1 * sum(trivial)


def test_a_bound_proves_a_plaquette_glass_that_cannot_be_satisfied() -> None:
    """Four products of spins around each site of a torus of ±1: dependent, so that some parity is broken."""
    size, rng = 4, np.random.default_rng(1)
    plaquettes = [
        tuple(size * ((i + a) % size) + (j + b) % size for a in (0, 1) for b in (0, 1))
        for i in range(size)
        for j in range(size)
    ]
    graph = ga.SpinHypergraph.from_hyperedges(plaquettes, rng.choice([-1.0, 1.0], size**2))
    least = ga.exact.enumerate(graph, 1.0).ground_energy
    assert least > -(size**2)
    assert lower_bound(graph, method="trivial").value == -(size**2)
    assert -(size**2) < lower_bound(graph).value <= least
