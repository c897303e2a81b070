"""What takes pairs alone refuses many-body spins and says what to do; no public function is left out."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

import graphar as ga

TRIPLE = ga.SpinHypergraph.from_hyperedges([(0, 1, 2), (1, 2, 3)], [1.0, -1.0])
PAIRS = ga.SpinHypergraph.from_hyperedges([(0, 1), (1, 2)], [1.0, -1.0])

REFUSING: dict[str, Callable[[ga.SpinHypergraph], Any]] = {
    "colouring": lambda graph: ga.colouring(graph, 2, 1.0, progress=False),
    "max_cut": lambda graph: ga.max_cut(graph, 1.0, progress=False),
    "max_independent_set": lambda graph: ga.max_independent_set(graph, time_limit=1.0, progress=False),
    "min_vertex_cover": lambda graph: ga.min_vertex_cover(graph, time_limit=1.0, progress=False),
    "exact.planar": lambda graph: ga.exact.planar(graph, 1.0),
    "exact.planar_ground_state": ga.exact.planar_ground_state,
    "exact.toroidal": lambda graph: ga.exact.toroidal(graph, 1.0),
    "exact.toroidal_ground_state": ga.exact.toroidal_ground_state,
    "exact.transverse_chain": lambda graph: ga.exact.transverse_chain(graph, 1.0),
    "montecarlo.SubgraphHeatBath": ga.montecarlo.SubgraphHeatBath,
    "montecarlo.SwendsenWang": ga.montecarlo.SwendsenWang,
    "montecarlo.Wolff": ga.montecarlo.Wolff,
    "pretrain": lambda graph: ga.pretrain([graph], steps=1),
    "problems.VertexCover": ga.problems.VertexCover,
    "problems.MaxCut": ga.problems.MaxCut,
    "problems.IndependentSet": ga.problems.IndependentSet,
    "problems.Colouring": lambda graph: ga.problems.Colouring(graph, 2),
}
# heads, or what trains one, whose formula needs pairs: a hypergraph of pairs is one
REFUSING_MORE: dict[str, Callable[[ga.SpinHypergraph], Any]] = {
    "fine_tune": lambda graph: ga.fine_tune(graph, beta=1.0, steps=1, batch_size=64, progress=False),
    "heads.CurieWeiss": lambda graph: ga.Autoregressive(graph, ga.heads.CurieWeiss(trainable=True)),
    "heads.CurieWeissInfinite": lambda graph: ga.Autoregressive(graph, ga.heads.CurieWeissInfinite),
    "heads.MessagePassing": lambda graph: ga.Autoregressive(graph, ga.heads.MessagePassing),
}
TAKING = {
    "Autoregressive",
    "Ordering",
    "bfs",
    "compare",
    "compare_samplers",
    "core_first",
    "correlation_length",
    "exact.eliminate",
    "exact.enumerate",
    "exact.ground_state",
    "exact.parities",
    "given_order",
    "min_degree",
    "min_fill",
    "natural",
    "nested_dissection",
    "random_order",
    "rcm",
    "load_samples",
    "log_partition",
    "mbar",
    "observables",
    "overlaps",
    "save_samples",
    "solve",
    "thermodynamic_integration",
    "exact.transverse_field",
    "montecarlo.HeatBath",
    "montecarlo.Metropolis",
    "montecarlo.Sampler",
    "montecarlo.heat_bath",
    "montecarlo.metropolis",
    "montecarlo.parallel_tempering",
    "montecarlo.population_annealing",
    "montecarlo.simulated_annealing",
    "montecarlo.temperature_ladder",
    "problems.LowestEnergy",
    "write",
    "zigzag",
}  # tested in their own places
MADE_BY_FUNCTIONS = {
    "Comparison",
    "SamplerComparison",
    "PairwiseReduction",
    "exact.Elimination",
    "exact.Enumeration",
    "exact.Parities",
    "exact.Planar",
    "exact.Toroidal",
    "exact.TransverseChain",
    "exact.TransverseField",
}


@pytest.mark.parametrize("graph", [TRIPLE, PAIRS], ids=["triples", "pairs"])
@pytest.mark.parametrize("name", REFUSING)
def test_refused(name: str, graph: ga.SpinHypergraph) -> None:
    way = r"IsingGraphs alone, got SpinHypergraph at 0|"
    way += r"to_pairwise\(\)" if graph is TRIPLE else r"to_ising\(\)"
    with pytest.raises(ValueError, match=way):
        REFUSING[name](graph)


@pytest.mark.parametrize("name", REFUSING_MORE)
def test_more_than_pairs_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"pairs alone for .*, got SpinHypergraph\(4 spins.*; to_pairwise\(\)"):
        REFUSING_MORE[name](TRIPLE)
    REFUSING_MORE[name](PAIRS)


def test_nothing_else_takes_a_graph() -> None:
    found = set()
    homes = {"": ga, "exact.": ga.exact, "montecarlo.": ga.montecarlo, "problems.": ga.problems}
    for prefix, home in homes.items():
        for name in home.__all__:
            each = getattr(home, name)
            if callable(each) and {"graph", "dataset"} & set(inspect.signature(each).parameters):
                found.add(prefix + name)
    assert found == set(REFUSING) | {"fine_tune"} | TAKING | MADE_BY_FUNCTIONS
