"""Frontiers of hypergraphs are what their definition says: sets, messages, readers, and those within a radius."""

from __future__ import annotations

import math

import pytest
import torch
from hypergraphs import HYPERGRAPHS
from laws import components_and_separators
from small_graphs import ORDERINGS

import graphar as ga
from graphar.frontier import Frontier, build_frontier
from graphar.ordering.structure import Structure

CASES = [(graph, order) for k, graph in enumerate(HYPERGRAPHS) for order in list(ORDERINGS)[k % 2 :: 2]]
with_orders = pytest.mark.parametrize(("graph", "order"), CASES)


def _interactions(ordering: ga.Ordering) -> list[tuple[frozenset[int], float]]:
    """Ranks and coupling of each."""
    return [(frozenset(ordering.ranks[list(sites)].tolist()), J) for sites, J in ordering.graph.listed()]


def _sets(frontier: Frontier) -> list[frozenset[int]]:
    sets = frontier.residual
    parts = zip(sets.anchor.tolist(), sets.further_ptr[:-1].tolist(), sets.further_ptr[1:].tolist(), strict=True)
    return [frozenset([anchor, *sets.further[start:stop].tolist()]) for anchor, start, stop in parts]


def _cut(interactions: list[tuple[frozenset[int], float]], i: int) -> set[frozenset[int]]:
    """What is left of interactions that some rank < i is in."""
    left = {frozenset(rank for rank in a if rank >= i) for a, _ in interactions if min(a) < i}
    return left - {frozenset()}


def _distances(near: list[set[int]], i: int) -> dict[int, int]:
    """Steps from i through ranks ≥ i."""
    steps, new = {i: 0}, {i}
    while new:
        new = {b for a in new for b in near[a] if b >= i} - steps.keys()
        steps |= dict.fromkeys(new, max(steps.values()) + 1)
    return steps


@with_orders
def test_sets_and_messages(graph: str, order: str) -> None:
    frontier = build_frontier(ORDERINGS[order](HYPERGRAPHS[graph]))
    interactions, sets, n = _interactions(frontier.ordering), _sets(frontier), frontier.num_spins
    components, separators = components_and_separators(frontier.ordering)
    assert len(set(sets)) == len(sets)
    assert [sets[k] for k in frontier.set_of_spin.tolist()] == [frozenset([i]) for i in range(n)]
    assert frontier.num_arrivals <= sum(len(a) - 1 for a, _ in interactions)

    x = 1.0 - 2.0 * torch.randint(0, 2, (n,), generator=torch.Generator().manual_seed(0)).double()
    arrivals = torch.zeros(frontier.num_arrivals + 1, dtype=torch.float64)
    for here in frontier.arrivals_by_size():  # each by its own recursion
        for k in here.tolist():
            start = int(frontier.arrival_ptr[frontier.arrival_target[k]])
            factor = -1 if frontier.arrival_factor is None else int(frontier.arrival_factor[k])
            strength = frontier.arrival_weight[k] + arrivals[factor]
            arrivals[k] = (arrivals[k - 1] if k > start else 0.0) + strength * x[frontier.arrival_source[k]]

    for i in range(n):
        pairs = slice(*frontier.pair_ptr[i : i + 2].tolist())
        read = [sets[k] for k in frontier.pair_set[pairs].tolist()]
        assert set(read) == {R for R in _cut(interactions, i) if components[i] >= R}
        assert len(set(read)) == len(read)
        assert frontier.pair_spin[pairs].tolist() == [min(R) for R in read]
        assert frontier.pair_is_local[pairs].tolist() == [{i} == R for R in read]
        parents = slice(*frontier.parents_ptr[i : i + 2].tolist())
        assert frontier.parents_spin[parents].tolist() == sorted(separators[i])
        for R, k in zip(read, frontier.pair_arrival[pairs].tolist(), strict=True):
            xi = sum(
                J * math.prod(x[j].item() for j in a if j < i)
                for a, J in interactions
                if min(a) < i and {j for j in a if j >= i} == R
            )
            assert abs(arrivals[k].item() - xi) < 1e-12
        local = int(frontier.local_arrival[i])
        assert (local >= 0) == any(max(a) == i for a, _ in interactions)


@with_orders
def test_radius(graph: str, order: str) -> None:
    ordering = ORDERINGS[order](HYPERGRAPHS[graph])
    for radius in (0, 1, 2, 9):
        frontier = build_frontier(ordering, radius=radius)
        interactions, sets = _interactions(frontier.ordering), _sets(frontier)
        edges = frontier.ordering.ranks[frontier.graph.primal_edges()].T.tolist()
        near = [{b for a, b in edges if a == i} for i in range(frontier.num_spins)]
        assert frontier.num_pairs == len(frontier.pair_set)
        for i in range(frontier.num_spins):
            steps = _distances(near, i)
            expected = {R for R in _cut(interactions, i) if all(steps.get(rank, radius + 1) <= radius for rank in R)}
            read = {sets[k] for k in frontier.pair_set[slice(*frontier.pair_ptr[i : i + 2].tolist())].tolist()}
            assert read == expected
            senders = {j for a, _ in interactions if {k for k in a if k >= i} in expected for j in a if j < i}
            parents = slice(*frontier.parents_ptr[i : i + 2].tolist())
            assert frontier.parents_spin[parents].tolist() == sorted(senders)


@with_orders
def test_pairs_are_counted_before_they_are_made(graph: str, order: str) -> None:
    ordering = ORDERINGS[order](HYPERGRAPHS[graph])
    for kind in ("component", "all"):
        counted, made = Structure(HYPERGRAPHS[graph], ordering.ranks, kind), build_frontier(ordering, kind)
        assert counted.num_pairs == len(made.pair_set)
    interactions, sets = _interactions(ordering), _sets(made)
    for i in range(len(ordering)):
        pairs = slice(*made.pair_ptr[i : i + 2].tolist())
        read = {sets[k] for k in made.pair_set[pairs].tolist()}
        assert read == _cut(interactions, i)


def test_orders_are_those_of_the_primal_graph() -> None:
    for graph in HYPERGRAPHS.values():
        for make in ORDERINGS.values():
            assert make(graph) == make(graph.primal_graph())
    triples = ga.random_hypergraph(300, 3, degree=3, seed=1)
    ours, theirs = (build_frontier(ga.min_degree(graph)) for graph in (triples, triples.primal_graph()))
    assert torch.equal(ours.parent, theirs.parent)
    assert torch.equal(ours.parents_spin, theirs.parents_spin)


def test_pairs_within_a_radius_grow_with_the_number_of_spins() -> None:
    small, large = (
        build_frontier(ga.natural(ga.random_hypergraph(n, 3, degree=3, seed=0)), radius=1) for n in (3_000, 30_000)
    )
    for name in ("num_pairs", "num_arrivals"):
        assert abs(getattr(large, name) / getattr(small, name) - 10) < 0.3
