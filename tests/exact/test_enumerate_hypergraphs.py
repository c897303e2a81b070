"""Many-body spins by all configurations: energies, plain sums, and pairs as IsingGraph has them, digit by digit."""

from __future__ import annotations

import math

import pytest
import torch
from hypergraphs import HYPERGRAPHS, relabelled
from small_graphs import GRAPHS
from torch_geometric.data import Batch

from graphar import SpinHypergraph
from graphar.exact import codes_from_spins, enumerate, spins_from_codes


@pytest.fixture(params=list(HYPERGRAPHS))
def graph(request: pytest.FixtureRequest) -> SpinHypergraph:
    return HYPERGRAPHS[request.param]


def test_energies_stand_by_code(graph: SpinHypergraph) -> None:
    exact = enumerate(graph, 0.7)
    spins = spins_from_codes(torch.arange(2**graph.num_spins), graph.num_spins)
    torch.testing.assert_close(exact.gaps + exact.ground_energy, graph.energy(spins), rtol=0, atol=1e-12)
    weights = (-0.7 * graph.energy(spins)).exp()
    assert exact.log_partition == pytest.approx(math.log(weights.sum().item()), abs=1e-12)
    mean = (weights @ spins.double()) / weights.sum()
    torch.testing.assert_close(exact.magnetisation, mean, rtol=0, atol=1e-12)
    lowest = spins[graph.energy(spins) <= exact.ground_energy + 1e-9]
    assert torch.equal(exact.ground_states, lowest)
    assert exact.degeneracy == len(lowest)


def test_relabelling_changes_nothing(graph: SpinHypergraph) -> None:
    renamed, new = relabelled(graph, seed=3)
    one, other = enumerate(graph, 1.3), enumerate(renamed, 1.3)
    assert other.log_partition == pytest.approx(one.log_partition, abs=1e-12)
    torch.testing.assert_close(other.magnetisation[new], one.magnetisation, rtol=0, atol=1e-12)
    drawn = other.sample(20, seed=1)
    torch.testing.assert_close(other.log_prob(drawn), one.log_prob(drawn[:, new]), rtol=0, atol=1e-11)
    assert len(codes_from_spins(drawn, graph.num_spins)) == 20


@pytest.mark.parametrize("name", GRAPHS)
def test_pairs_have_the_numbers_of_an_ising_graph(name: str) -> None:
    one, other = enumerate(GRAPHS[name], 0.9), enumerate(SpinHypergraph.from_ising(GRAPHS[name]), 0.9)
    assert torch.equal(one.gaps, other.gaps)
    assert one.log_partition == other.log_partition
    assert one.ground_energy == other.ground_energy
    assert torch.equal(one.correlations, other.correlations)


def test_refusals() -> None:
    triple = HYPERGRAPHS["triple"]
    with pytest.raises(ValueError, match="at most 24 spins to be enumerated, got 25"):
        enumerate(SpinHypergraph.from_hyperedges([(0, 1, 24)]), 1.0)
    with pytest.raises(ValueError, match="batch of 2"):
        enumerate(Batch.from_data_list([triple, triple]), 1.0)
    with pytest.raises(ValueError, match="must be an IsingGraph or a SpinHypergraph, got str"):
        enumerate("triple", 1.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="energies overflow"):
        enumerate(SpinHypergraph.from_hyperedges([(0, 1, 2)], 1e300), 1.0)
