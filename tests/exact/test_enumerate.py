"""Enumeration against a plain sum over configurations, derivatives of log Z, and its own samples."""

from __future__ import annotations

import dataclasses
import itertools
import math
import sys

import numpy as np
import pytest
import torch
from scipy import stats
from torch.nn.functional import logsigmoid
from torch_geometric.data import Batch

import graphar as ga
from graphar import IsingGraph
from graphar.exact import Enumeration, codes_from_spins, enumerate, spins_from_codes

GRAPHS = {
    "one spin": IsingGraph.from_edges([[], []], h=[0.7], offset=-3.0),
    "fields only": IsingGraph.from_edges([[], []], h=[0.5, -1.2, 0.0], offset=1.0),
    "antiferromagnetic pair": IsingGraph.from_edges([[0], [1]], -1.0),
    "isolated spin": IsingGraph.from_edges([[0, 3], [3, 2]], [1.3, -0.4], h=[0.1, 0.2, -0.3, 0.4], offset=0.5),
    "frustrated triangle": IsingGraph.from_edges([[0, 1, 2], [1, 2, 0]], -1.0, num_nodes=4),
    "complete": ga.sherrington_kirkpatrick(6, field=0.3, seed=1),
    "torus": ga.grid((3, 3), periodic=True, couplings="pm1", field="gaussian", seed=2),
}


@pytest.fixture(params=list(GRAPHS))
def graph(request: pytest.FixtureRequest) -> IsingGraph:
    return GRAPHS[request.param]


@pytest.fixture(params=[0.0, 0.4, 2.0])
def beta(request: pytest.FixtureRequest) -> float:
    return request.param


def all_spins(n: int) -> torch.Tensor:
    return spins_from_codes(torch.arange(2**n), n)


def changed(graph: IsingGraph, site: int, amount: float) -> IsingGraph:
    graph = graph.clone()
    graph.h[site] += amount
    return graph


# Against plain sums.


def test_against_a_plain_sum(graph: IsingGraph, beta: float) -> None:
    exact = enumerate(graph, beta)
    n, edges = graph.num_spins, list(zip(*(part.tolist() for part in graph.undirected()), strict=True))
    xs, energies = list(itertools.product([-1, 1], repeat=n)), []
    for x in xs:
        bonds = sum(J * x[i] * x[j] for i, j, J in edges)
        energies.append(graph.offset.item() - bonds - sum(h * s for h, s in zip(graph.h.tolist(), x, strict=True)))
    weights = [math.exp(-beta * energy) for energy in energies]
    Z = math.fsum(weights)
    P = np.array(weights) / Z
    mean = float(P @ energies)
    assert exact.log_partition == pytest.approx(math.log(Z), abs=1e-12)
    assert exact.energy == pytest.approx(mean, abs=1e-12)
    assert exact.energy_variance == pytest.approx(float(P @ (np.array(energies) - mean) ** 2), abs=1e-12)
    assert exact.entropy == pytest.approx(float(-P @ np.log(P)), abs=1e-12)
    np.testing.assert_allclose(exact.magnetisation, P @ xs, atol=1e-13)
    np.testing.assert_allclose(exact.correlations, np.einsum("b,bi,bj->ij", P, xs, xs), atol=1e-13)
    np.testing.assert_allclose(exact.log_prob(xs), np.log(P), atol=1e-12)
    assert exact.ground_energy == pytest.approx(min(energies), abs=1e-13)
    ground = {x for x, energy in zip(xs, energies, strict=True) if energy < min(energies) + 1e-9}
    assert {tuple(x) for x in exact.ground_states.tolist()} == ground
    assert exact.degeneracy == len(ground)


def test_signs_by_hand() -> None:
    beta = 0.6
    pair = enumerate(GRAPHS["antiferromagnetic pair"], beta)
    assert pair.correlations[0, 1].item() == pytest.approx(-math.tanh(beta), abs=1e-14)
    assert pair.log_partition == pytest.approx(math.log(4 * math.cosh(beta)), abs=1e-14)
    assert pair.ground_states.tolist() == [[1, -1], [-1, 1]]
    single = enumerate(GRAPHS["one spin"], beta)
    assert single.magnetisation.item() == pytest.approx(math.tanh(0.7 * beta), abs=1e-14)
    assert single.ground_energy == -3.7
    assert enumerate(GRAPHS["frustrated triangle"], beta).degeneracy == 12


def test_transfer_matrix_of_a_ring() -> None:
    n, beta, h = 12, 0.8, 0.35
    ring = ga.chain(n, periodic=True, couplings="ferromagnet", field=h)
    T = np.array([[math.exp(beta * (s * t + h * (s + t) / 2)) for t in (-1, 1)] for s in (-1, 1)])
    expected = math.log(np.trace(np.linalg.matrix_power(T, n)))
    assert enumerate(ring, beta).log_partition == pytest.approx(expected, abs=1e-12)


# Derivatives of log Z.


def test_energy_and_its_variance_are_derivatives_in_beta(graph: IsingGraph) -> None:
    beta, step = 0.7, 1e-4
    below, exact, above = (enumerate(graph, beta + shift) for shift in (-step, 0, step))
    assert exact.energy == pytest.approx(-(above.log_partition - below.log_partition) / (2 * step), abs=1e-6)
    assert exact.energy_variance == pytest.approx(-(above.energy - below.energy) / (2 * step), abs=1e-6)
    assert exact.heat_capacity == pytest.approx(beta**2 * exact.energy_variance, abs=1e-14)


def test_magnetisation_and_correlations_are_derivatives_in_the_field(graph: IsingGraph) -> None:
    beta, step = 0.7, 1e-4
    exact = enumerate(graph, beta)
    for i in range(graph.num_spins):
        below, above = (enumerate(changed(graph, i, shift), beta) for shift in (-step, step))
        slope = (above.log_partition - below.log_partition) / (2 * step * beta)
        assert exact.magnetisation[i].item() == pytest.approx(slope, abs=1e-7)
        connected = exact.correlations[i] - exact.magnetisation[i] * exact.magnetisation
        torch.testing.assert_close(
            connected, (above.magnetisation - below.magnetisation) / (2 * step * beta), atol=1e-7, rtol=0
        )


def test_thermodynamic_identity(graph: IsingGraph) -> None:
    exact = enumerate(graph, 1.3)
    assert exact.free_energy == pytest.approx(exact.energy - exact.entropy / 1.3, abs=1e-12)
    assert exact.free_energy == pytest.approx(-exact.log_partition / 1.3, abs=1e-12)


def test_infinite_temperature(graph: IsingGraph) -> None:
    exact = enumerate(graph, 0)
    n = graph.num_spins
    assert exact.log_partition == pytest.approx(n * math.log(2), abs=1e-14)
    assert exact.entropy == pytest.approx(n * math.log(2), abs=1e-14)
    torch.testing.assert_close(exact.correlations, torch.eye(n, dtype=torch.float64), atol=1e-14, rtol=0)
    with pytest.raises(ValueError, match="free_energy needs beta > 0"):
        _ = exact.free_energy


def test_zero_temperature_limit_stays_finite(graph: IsingGraph) -> None:
    exact = enumerate(graph, 1e4)
    assert exact.energy == pytest.approx(exact.ground_energy, abs=1e-9)
    assert exact.entropy == pytest.approx(math.log(exact.degeneracy), abs=1e-9)
    assert bool(torch.isfinite(exact.conditional_logits(exact.ground_states, range(graph.num_spins))).all())


# Conditionals.


def test_conditionals_multiply_to_the_probability(graph: IsingGraph, beta: float) -> None:
    exact = enumerate(graph, beta)
    x = all_spins(graph.num_spins)
    for seed in range(3):
        sites = torch.randperm(graph.num_spins, generator=torch.Generator().manual_seed(seed))
        log_prob = logsigmoid(x * exact.conditional_logits(x, sites)).sum(dim=1)
        torch.testing.assert_close(log_prob, exact.log_prob(x), atol=1e-12, rtol=0)
        assert log_prob.exp().sum().item() == pytest.approx(1, abs=1e-12)


def test_conditionals_are_ratios_of_marginals() -> None:
    graph, sites = GRAPHS["torus"], [4, 0, 8, 2, 6, 1, 3, 5, 7]
    exact = enumerate(graph, 0.5)
    x = all_spins(9)
    P = exact.log_prob(x).exp()
    row = x[137]
    logits = exact.conditional_logits(row, sites)
    for rank, site in zip(range(9), sites, strict=True):
        past = (x[:, sites[:rank]] == row[sites[:rank]]).all(dim=1)
        plus, minus = (P[past & (x[:, site] == sign)].sum() for sign in (1, -1))
        assert logits[site].item() == pytest.approx(math.log(plus / minus), abs=1e-12)


def test_last_conditional_is_the_local_field(graph: IsingGraph) -> None:
    beta, n = 0.9, graph.num_spins
    x = all_spins(n).reshape(2, -1, n)
    logits = enumerate(graph, beta).conditional_logits(x, range(n))
    torch.testing.assert_close(logits[..., n - 1], 2 * beta * graph.local_fields(x)[..., n - 1], atol=1e-12, rtol=0)


@pytest.mark.parametrize("sites", [[0, 1, 1, 2], [0, 1, 2], [1, 2, 3, 4], [0.5, 1, 2, 3]])
def test_conditionals_need_a_permutation(sites: list[float]) -> None:
    with pytest.raises(ValueError, match="sites must be a permutation of 0…3"):
        enumerate(GRAPHS["isolated spin"], 1.0).conditional_logits([1, 1, 1, 1], sites)


# Samples.


def test_samples_follow_the_law() -> None:
    exact = enumerate(GRAPHS["isolated spin"], 0.8)
    count = 20_000
    x = exact.sample(count, seed=5)
    assert x.dtype == torch.int8
    observed = torch.bincount(codes_from_spins(x, 4), minlength=16)
    expected = count * exact.log_prob(all_spins(4)).exp()
    assert stats.chisquare(observed, expected).pvalue > 1e-3


def test_samples_are_fixed_by_their_seed() -> None:
    exact = enumerate(GRAPHS["torus"], 0.3)
    x = exact.sample(50, seed=1)
    assert torch.equal(x, exact.sample(50, seed=1))
    assert not torch.equal(x, exact.sample(50, seed=2))
    given = [exact.sample(50, generator=torch.Generator().manual_seed(1)) for _ in range(2)]
    assert torch.equal(*given)
    with pytest.raises(ValueError, match="either seed or generator"):
        exact.sample(50, seed=1, generator=torch.Generator())
    with pytest.raises(ValueError, match="num_samples must be at least 1"):
        exact.sample(0, seed=1)


def test_cold_samples_are_ground_states() -> None:
    exact = enumerate(GRAPHS["frustrated triangle"], 1e3)
    codes = codes_from_spins(exact.sample(2000, seed=3), 4)
    assert set(codes.tolist()) == set(codes_from_spins(exact.ground_states, 4).tolist())


# Codes, limits, refusals.


def test_site_zero_is_the_lowest_bit() -> None:
    x = all_spins(5)
    assert x[1].tolist() == [1, -1, -1, -1, -1]
    assert torch.equal(codes_from_spins(x, 5), torch.arange(32))
    assert codes_from_spins(x.reshape(4, 8, 5), 5).shape == (4, 8)
    graph = GRAPHS["complete"]
    exact = enumerate(graph, 1.0)
    torch.testing.assert_close(exact.gaps + exact.ground_energy, graph.energy(all_spins(6)), atol=1e-13, rtol=0)


def test_chunks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = GRAPHS["torus"]
    whole = enumerate(graph, 0.7)
    monkeypatch.setattr(sys.modules[enumerate.__module__], "_CHUNK", 64)
    parts = enumerate(graph, 0.7)
    assert parts.log_partition == pytest.approx(whole.log_partition, abs=1e-13)
    assert parts.energy_variance == pytest.approx(whole.energy_variance, abs=1e-12)
    torch.testing.assert_close(parts.correlations, whole.correlations, atol=1e-14, rtol=0)


def test_ground_states_are_capped_and_still_counted() -> None:
    free = enumerate(IsingGraph.from_edges([[], []], num_nodes=17), 1.0)
    assert free.degeneracy == 2**17
    assert free.ground_states.shape == (2**16, 17)


def test_rounding_does_not_split_ground_states() -> None:
    weights = [0.1, 0.2, -0.3]  # 0.1 + 0.2 differs from 0.3 in float64
    graph = IsingGraph.from_edges([[0, 0, 0], [1, 1, 1]], weights, h=[0.1, 0.1], duplicates="sum")
    assert graph.undirected()[2].item() != 0
    assert enumerate(graph, 1.0).degeneracy == 1
    tied = IsingGraph.from_edges([[0], [1]], 0.0, h=[0.1 + 0.2 - 0.3, 1.0])
    assert enumerate(tied, 1.0).degeneracy == 2


def test_single_precision_graphs_are_enumerated_in_double() -> None:
    graph = GRAPHS["complete"].to(torch.float32)
    exact, same = enumerate(graph, 0.5), enumerate(graph.to(torch.float64), 0.5)
    assert exact.gaps.dtype == torch.float64
    assert exact.log_partition == same.log_partition


def test_a_large_offset_costs_no_precision() -> None:
    graph = GRAPHS["complete"].clone()
    plain = enumerate(graph, 0.5)
    graph.offset = torch.tensor([1e15], dtype=torch.float64)
    shifted = enumerate(graph, 0.5)
    assert torch.equal(shifted.gaps, plain.gaps)
    assert shifted.entropy == plain.entropy


def test_twenty_spins() -> None:
    ring = ga.chain(20, periodic=True, couplings="ferromagnet")
    exact = enumerate(ring, 0.9)
    expected = 20 * math.log(2 * math.cosh(0.9)) + math.log1p(math.tanh(0.9) ** 20)
    assert exact.log_partition == pytest.approx(expected, abs=1e-11)
    t = math.tanh(0.9)
    assert exact.correlations[0, 13].item() == pytest.approx((t**13 + t**7) / (1 + t**20), abs=1e-12)


def test_result_is_frozen_and_prints_what_it_is() -> None:
    exact = enumerate(GRAPHS["antiferromagnetic pair"], 0.5)
    assert isinstance(exact, Enumeration)
    assert repr(exact) == "Enumeration(2 spins, beta=0.5, log_partition=1.506409)"
    with pytest.raises(dataclasses.FrozenInstanceError):
        exact.beta = 1.0  # type: ignore[misc]


def test_refusals() -> None:
    with pytest.raises(ValueError, match="at most 24 spins to be enumerated, got 25"):
        enumerate(ga.chain(25), 1.0)
    with pytest.raises(ValueError, match="beta must be finite and not negative, got -1"):
        enumerate(GRAPHS["complete"], -1.0)
    with pytest.raises(ValueError, match="batch of 2"):
        enumerate(Batch.from_data_list([GRAPHS["complete"], GRAPHS["torus"]]), 1.0)
    with pytest.raises(ValueError, match=r"graph must have Σ\|J\| .* of at most 1e\+290, got inf: energies overflow"):
        enumerate(IsingGraph.from_edges([[0, 1], [1, 2]], 1e308), 1.0)
    with pytest.raises(ValueError, match="at most 63"):
        codes_from_spins(torch.ones(64), 64)
