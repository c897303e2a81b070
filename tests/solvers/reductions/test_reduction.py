"""A reduction keeps the ground energy, and every configuration of what is left has its energy on the whole."""

from __future__ import annotations

import pytest
import torch
from small_graphs import GRAPHS, configurations
from solver_graphs import FAMILIES, graphs_of

import graphar as ga
from graphar.solvers.reductions import components, reduce


def check_reduction(graph: ga.IsingGraph, **options: object) -> None:
    smaller = reduce(graph, **options)  # type: ignore[arg-type]
    smaller.graph.validate()
    left = configurations(smaller.graph.num_spins).to(torch.int8)
    restored = smaller.restore(left)
    energies = smaller.graph.energy(left)
    torch.testing.assert_close(graph.energy(restored), energies, rtol=0, atol=1e-12)
    assert torch.equal(restored[:, smaller.sites], left)
    lowest = graph.energy(configurations(graph.num_spins)).min().item()
    assert abs(lowest - energies.min().item()) <= smaller.rounding + 1e-13 * (1 + abs(lowest))
    assert graph.num_spins - smaller.graph.num_spins == sum(smaller.removed.values())


@pytest.mark.parametrize("max_degree", [0, 1, 2, 3])
@pytest.mark.parametrize("family", FAMILIES)
def test_energies_are_kept(family: str, max_degree: int) -> None:
    for graph in graphs_of(family, 12, largest=10):
        check_reduction(graph, max_degree=max_degree)


@pytest.mark.parametrize("name", GRAPHS)
def test_energies_are_kept_on_graphs_of_the_laws(name: str) -> None:
    check_reduction(GRAPHS[name])


def test_integers_stay_exact() -> None:
    for graph in graphs_of("sparse with integers", 20):
        smaller = reduce(graph)
        assert smaller.rounding == 0
        left = configurations(smaller.graph.num_spins).to(torch.int8)
        assert torch.equal(graph.energy(smaller.restore(left)), smaller.graph.energy(left))


@pytest.mark.parametrize(
    "graph",
    [
        ga.chain(200, couplings="gaussian", field="gaussian", seed=1),
        ga.grid((2, 100), couplings="pm1", field="gaussian", seed=2),
        ga.grid((2, 100), couplings="gaussian", seed=3),
        ga.IsingGraph.from_edges([[0] * 50, list(range(1, 51))], [1.0] * 50, h=[0.5] * 51),
        ga.IsingGraph.from_edges([[], []], [], h=[1.0, -2.0, 0.0]),
    ],
    ids=["chain", "ladder", "ladder without field", "star", "fields alone"],
)
def test_narrow_graphs_vanish(graph: ga.IsingGraph) -> None:
    smaller = reduce(graph)
    assert smaller.graph.num_spins == 1
    ground = smaller.restore(torch.where(smaller.graph.h >= 0, 1, -1))
    energy = graph.energy(ground).item()
    assert energy == pytest.approx(ga.exact.eliminate(graph, 1.0).ground_energy.item(), abs=1e-10)


def test_a_strong_coupling_contracts_its_ends() -> None:
    graph = ga.complete(8, couplings=0.1)
    graph.edge_weight[(graph.edge_index == 0).any(0) & (graph.edge_index == 5).any(0)] = -7.0
    smaller = reduce(graph, max_degree=0)
    assert smaller.removed["contracted"] >= 1
    restored = smaller.restore(torch.ones(smaller.graph.num_spins))
    assert restored[0] == -restored[5]


def test_a_strong_field_fixes_its_spin() -> None:
    graph = ga.complete(6, couplings=-1.0)
    graph.h[2] = -5.0  # as much as all neighbours: a tie
    smaller = reduce(graph, max_degree=0)
    assert smaller.removed["fixed"] >= 1
    assert smaller.restore(torch.ones(smaller.graph.num_spins))[2] == -1


def test_labels_stay_with_their_sites_and_shapes_are_kept() -> None:
    graph = ga.IsingGraph.from_edges(
        ga.complete(5).edge_index[:, ga.complete(5).edge_index[0] < ga.complete(5).edge_index[1]],
        [1.0, -1.0] * 5,
        labels=list("abcde"),
    )
    smaller = reduce(graph)
    assert smaller.graph.labels == tuple("abcde"[site] for site in smaller.sites.tolist())
    assert smaller.restore(torch.ones(2, 3, smaller.graph.num_spins)).shape == (2, 3, 5)


def test_wide_hubs_take_linear_time() -> None:
    n = 200_000  # a hub on every site of a path: read once a step, this would take hours
    path = torch.arange(1, n)
    ends = torch.cat([torch.stack([path[:-1], path[1:]]), torch.stack([torch.zeros_like(path), path])], dim=1)
    graph = ga.IsingGraph.from_edges(ends, torch.randn(ends.shape[1], generator=torch.Generator().manual_seed(0)))
    smaller = reduce(graph)
    assert smaller.graph.num_spins == 1
    assert "folded" in repr(smaller)


def test_what_is_refused() -> None:
    for function in (reduce, components):
        with pytest.raises(ValueError, match="graph must be an IsingGraph or a SpinHypergraph"):
            function(torch.eye(3))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="max_degree must be at most 3, where folds leave pairs, got 4"):
        reduce(ga.chain(4), max_degree=4)
    with pytest.raises(ValueError, match="spins must have shape"):
        reduce(ga.complete(6, couplings="gaussian", seed=0), max_degree=0).restore(torch.ones(2))
    with pytest.raises(ValueError, match="spins must be of 1 parts, got 2"):
        components(ga.chain(4)).join([torch.ones(4), torch.ones(4)])


@pytest.mark.parametrize("name", GRAPHS)
def test_components_add_up(name: str) -> None:
    graph = GRAPHS[name]
    parts = components(graph)
    assert sum(part.num_spins for part in parts.graphs) == graph.num_spins
    x = configurations(graph.num_spins).to(torch.int8)
    energies = sum(part.energy(x[:, where]) for part, where in zip(parts.graphs, parts.sites, strict=True))
    torch.testing.assert_close(energies + graph.offset, graph.energy(x))
    assert torch.equal(parts.join([x[:, where] for where in parts.sites]), x)
    for part in parts.graphs:
        assert len(components(part).graphs) == 1


def test_roof_duality_keeps_energies() -> None:
    pytest.importorskip("dwave.preprocessing")
    fixed = 0
    for family in ("gaussian grid with fields", "pm1 complete with fields", "sparse with integers"):
        for graph in graphs_of(family, 10, largest=10):
            check_reduction(graph, roof_duality=True, max_degree=0)
            fixed += reduce(graph, roof_duality=True, max_degree=0).removed.get("fixed by roof duality", 0)
    assert fixed > 0


def test_roof_duality_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "dwave.preprocessing.lower_bounds", None)
    with pytest.raises(ImportError, match=r"graphar-arnn\[preprocessing\]"):
        reduce(ga.complete(8, couplings="gaussian", field="gaussian", seed=3), max_degree=0, roof_duality=True)
