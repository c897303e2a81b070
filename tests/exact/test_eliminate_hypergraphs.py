"""Elimination of many-body spins against enumeration: any order, spins held, ground states; pairs digit by digit."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypergraphs import HYPERGRAPHS, configurations, relabelled
from small_graphs import GRAPHS

import graphar as ga
from graphar import SpinHypergraph
from graphar.elimination.cost import predict
from graphar.exact import codes_from_spins, eliminate, enumerate, ground_state

ORDERINGS = {
    "natural": ga.natural,
    "rcm": ga.rcm,
    "min_fill": ga.min_fill,
    "nested_dissection": ga.nested_dissection,
    "random": lambda graph: ga.random_order(graph, seed=1),
}


@pytest.fixture(params=list(HYPERGRAPHS))
def graph(request: pytest.FixtureRequest) -> SpinHypergraph:
    return HYPERGRAPHS[request.param]


def correlations(graph: SpinHypergraph, beta: float) -> list[float]:
    x = configurations(graph.num_spins).double()
    weights = torch.softmax(-beta * graph.energy(x), 0)
    return [(weights @ x[:, list(sites)].prod(1)).item() for sites, _ in graph.listed()]


@pytest.mark.parametrize("beta", [0.7, 3.0])
def test_equals_enumeration(graph: SpinHypergraph, beta: float) -> None:
    exact, truth = eliminate(graph, beta), enumerate(graph, beta)
    i, j, _ = graph.primal_graph().undirected()
    assert exact.log_partition.item() == pytest.approx(truth.log_partition, abs=1e-10)
    assert exact.energy.item() == pytest.approx(truth.energy, abs=1e-10)
    assert exact.entropy.item() == pytest.approx(truth.entropy, abs=1e-10)
    torch.testing.assert_close(exact.magnetisation, truth.magnetisation, atol=1e-10, rtol=0)
    torch.testing.assert_close(exact.edge_correlations, truth.correlations[i, j], atol=1e-10, rtol=0)
    assert exact.interaction_correlations.tolist() == pytest.approx(correlations(graph, beta), abs=1e-10)
    spins = configurations(graph.num_spins)[::7]
    torch.testing.assert_close(exact.log_prob(spins), truth.log_prob(spins), atol=1e-10, rtol=0)
    pairs = torch.tensor([[0, graph.num_spins - 1], [graph.num_spins - 1, 0]])
    expected = truth.correlations[pairs[0], pairs[1]]
    torch.testing.assert_close(exact.pair_correlations(pairs), expected, atol=1e-10, rtol=0)


def test_ground_states_equal_enumeration(graph: SpinHypergraph) -> None:
    exact, truth = eliminate(graph, 1.0), enumerate(graph, 1.0)
    assert exact.ground_energy.item() == pytest.approx(truth.ground_energy, abs=1e-10)
    assert graph.energy(exact.ground_state).item() == pytest.approx(truth.ground_energy, abs=1e-10)
    assert exact.degeneracy == truth.degeneracy
    assert exact.ground_entropy.item() == pytest.approx(math.log(truth.degeneracy), abs=1e-12)
    drawn = exact.sample_ground_states(200, seed=1)
    lowest = set(codes_from_spins(truth.ground_states, graph.num_spins).tolist())
    assert set(codes_from_spins(drawn, graph.num_spins).tolist()) <= lowest
    proven = ground_state(graph)
    assert (proven.method, proven.gap) == ("elimination", 0.0)
    assert proven.energy == pytest.approx(truth.ground_energy, abs=1e-10)


@pytest.mark.parametrize("ordering", ORDERINGS)
def test_any_ordering(graph: SpinHypergraph, ordering: str) -> None:
    truth = enumerate(graph, 0.8)
    exact = eliminate(graph, 0.8, ORDERINGS[ordering])
    order = ORDERINGS[ordering](graph.primal_graph())
    assert exact.ordering == order
    assert eliminate(graph, 0.8, order).log_partition == exact.log_partition
    assert exact.log_partition.item() == pytest.approx(truth.log_partition, abs=1e-12)
    spins = truth.sample(5, seed=1)
    logits = exact.conditional_logits(spins)
    torch.testing.assert_close(logits, truth.conditional_logits(spins, order.sites), atol=1e-11, rtol=0)


def test_relabelled(graph: SpinHypergraph) -> None:
    renamed, new = relabelled(graph, seed=5)
    one, other = eliminate(graph, 1.1), eliminate(renamed, 1.1)
    assert other.log_partition.item() == pytest.approx(one.log_partition.item(), abs=1e-12)
    torch.testing.assert_close(other.magnetisation[new], one.magnetisation, atol=1e-12, rtol=0)
    assert other.degeneracy == one.degeneracy


def test_samples_have_the_probabilities_they_state(graph: SpinHypergraph) -> None:
    exact = eliminate(graph, 0.6)
    spins, log_prob = exact.sample_with_log_prob(4000, seed=2)
    torch.testing.assert_close(log_prob, exact.log_prob(spins), atol=1e-10, rtol=0)
    variance = 1 - exact.magnetisation**2
    error = (spins.double().mean(0) - exact.magnetisation).abs()
    assert bool((error <= 5 * (variance / 4000).sqrt() + 1e-12).all())


@pytest.mark.parametrize("kind", ["one row", "same sites", "other sites"])
def test_spins_held(graph: SpinHypergraph, kind: str) -> None:
    n, beta = graph.num_spins, 0.9
    rng = torch.Generator().manual_seed(3)
    held = torch.randint(-1, 2, (4, n), generator=rng)
    if kind == "one row":
        held = held[0]
    elif kind == "same sites":
        held = (2 * torch.randint(2, (4, n), generator=rng) - 1) * (held[0] != 0)
    exact = eliminate(graph, beta, fixed=held)
    x = configurations(n)
    energies = graph.energy(x)
    for k in range(held.numel() // n):
        row = held.reshape(-1, n)[k]
        agree = ((x == row) | (row == 0)).all(1)
        log_weights = torch.where(agree, -beta * energies, -torch.inf)
        p = torch.softmax(log_weights, 0)
        assert exact.log_partition.reshape(-1)[k].item() == pytest.approx(log_weights.logsumexp(0).item(), abs=1e-10)
        assert exact.energy.reshape(-1)[k].item() == pytest.approx((p @ energies).item(), abs=1e-10)
        mean = exact.magnetisation.reshape(-1, n)[k]
        torch.testing.assert_close(mean, p @ x.double(), atol=1e-10, rtol=0)
        expected = [(p @ x[:, list(sites)].double().prod(1)).item() for sites, _ in graph.listed()]
        found = exact.interaction_correlations.reshape(held.numel() // n, -1 if graph.num_interactions else 0)[k]
        assert found.tolist() == pytest.approx(expected, abs=1e-10)
        lowest = energies[agree].min().item()
        assert exact.ground_energy.reshape(-1)[k].item() == pytest.approx(lowest, abs=1e-10)
        assert exact.degeneracy.reshape(-1)[k] == (energies[agree] <= lowest + 1e-9).sum()
        assert bool(((exact.ground_state.reshape(-1, n)[k] == row) | (row == 0)).all())


def test_batches_of_beta_are_each_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = HYPERGRAPHS["orders 1 to 5, dense"]
    betas = [0.0, 0.3, 1.0, 2.0]
    many = eliminate(graph, betas)
    monkeypatch.setattr("graphar.elimination.terms.MAX_GROUP", 4)
    small = eliminate(graph, betas)
    expected = [enumerate(graph, beta).log_partition for beta in betas]
    assert many.log_partition.tolist() == pytest.approx(expected, abs=1e-12)
    torch.testing.assert_close(small.log_partition, many.log_partition, atol=1e-12, rtol=0)
    correlated = many.interaction_correlations
    torch.testing.assert_close(small.interaction_correlations, correlated, atol=1e-12, rtol=0)


@pytest.mark.parametrize("name", GRAPHS)
def test_pairs_have_the_numbers_of_an_ising_graph(name: str) -> None:
    graph = GRAPHS[name]
    one, other = eliminate(graph, 0.9), eliminate(SpinHypergraph.from_ising(graph), 0.9)
    assert torch.equal(one.log_partition, other.log_partition)
    assert torch.equal(one.energy, other.energy)
    assert torch.equal(one.magnetisation, other.magnetisation)
    assert torch.equal(one.interaction_correlations, other.interaction_correlations)
    assert torch.equal(one.sample(20, seed=1), other.sample(20, seed=1))
    assert torch.equal(one.ground_energy, other.ground_energy)
    assert torch.equal(one.ground_state, other.ground_state)
    assert torch.equal(one.degeneracy, other.degeneracy)


def test_a_long_strip_of_triples() -> None:
    n, J = 3000, 0.8
    strip = SpinHypergraph.from_hyperedges([(k, k + 1, k + 2) for k in range(n - 2)], J)
    exact = eliminate(strip, 1.0)  # independent products: Z = 2^N cosh(βJ)^A
    assert exact.width == 2
    expected = n * math.log(2) + (n - 2) * math.log(math.cosh(J))
    assert exact.log_partition.item() == pytest.approx(expected, rel=1e-13)
    assert exact.energy.item() == pytest.approx(-(n - 2) * J * math.tanh(J), rel=1e-12)
    assert exact.degeneracy == 4
    assert exact.sample(3, seed=0).shape == (3, n)


def test_too_wide_is_refused() -> None:
    with pytest.raises(ValueError, match="too wide to be eliminated"):
        eliminate(SpinHypergraph.from_hyperedges([tuple(range(60))]), 1.0)


def test_larger_interactions_are_part_of_the_predicted_time() -> None:
    """Sixteen interactions of four spins at each window of seventeen: half of the time goes into them."""
    rng = np.random.default_rng(0)
    sets = {tuple(sorted((i + rng.choice(17, 4, replace=False)).tolist())) for i in range(43) for _ in range(16)}
    graph = ga.SpinHypergraph.from_hyperedges(sorted(sets), 1.0, num_nodes=60)
    with_terms, without = (predict(ga.build_frontier(ga.natural(each))) for each in (graph, graph.primal_graph()))
    assert with_terms[0] == without[0]
    assert 1.3 * without[1] < with_terms[1] < 3 * without[1]
