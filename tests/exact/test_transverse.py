"""Ground states in a transverse field: Lanczos, free fermions and dense matrices agree, and with what is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypergraphs import HYPERGRAPHS
from small_graphs import GRAPHS

import graphar as ga
from graphar.exact import transverse_chain, transverse_field
from graphar.exact.energies import energies_by_code


def fields(n: int, seed: int) -> torch.Tensor:
    return 2 * torch.rand(n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def matrix(graph, field: torch.Tensor) -> np.ndarray:
    """H by its definition, dense."""
    H = np.diag(energies_by_code(graph).numpy() + float(graph.offset))
    codes = np.arange(len(H))
    for site, gamma in enumerate(field.tolist()):
        H[codes, codes ^ (1 << site)] -= gamma
    return H


@pytest.mark.parametrize("graph", [*GRAPHS.values(), *HYPERGRAPHS.values()], ids=[*GRAPHS, *HYPERGRAPHS])
def test_lanczos_is_the_dense_matrix(graph) -> None:
    if graph.num_spins > 10:
        graph = ga.grid((3, 3), couplings="gaussian", field="gaussian", seed=1)
    field = fields(graph.num_spins, 3)
    exact = transverse_field(graph, field)
    values, vectors = np.linalg.eigh(matrix(graph, field))
    assert abs(exact.ground_energy - values[0]) < 1e-10 * max(1, abs(values[0]))
    assert abs(exact.gap - (values[1] - values[0])) < 1e-8
    np.testing.assert_allclose(exact.amplitudes.numpy(), np.abs(vectors[:, 0]), atol=1e-7)
    assert abs(float(exact.probabilities.sum()) - 1) < 1e-12
    energy = float(exact.probabilities @ energies_by_code(graph)) + float(graph.offset)
    assert abs(exact.classical_energy - energy) < 1e-8
    spins = ga.exact.spins_from_codes(torch.arange(2**graph.num_spins), graph.num_spins).double()
    torch.testing.assert_close(exact.magnetisation, exact.probabilities @ spins, rtol=0, atol=1e-12)
    slopes = [
        (np.linalg.eigvalsh(matrix(graph, field - step))[0] - np.linalg.eigvalsh(matrix(graph, field + step))[0]) / 2e-5
        for step in 1e-5 * torch.eye(graph.num_spins, dtype=torch.float64)
    ]
    np.testing.assert_allclose(exact.sigma_x.numpy(), slopes, atol=1e-5)  # Hellmann and Feynman


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("couplings", ["gaussian", "pm1", "ferromagnet"])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6, 7, 10])
def test_fermions_are_spins(n: int, couplings: str, periodic: bool) -> None:
    graph = ga.chain(n, couplings=couplings, periodic=periodic and n > 2, seed=n)
    graph.offset = torch.tensor(0.25, dtype=torch.float64)
    for seed in range(3):
        field = fields(n, seed) if seed else torch.full((n,), 0.8, dtype=torch.float64)
        exact, fermions = transverse_field(graph, field), transverse_chain(graph, field)
        assert abs(exact.ground_energy - fermions.ground_energy) < 1e-10
        assert abs(exact.gap - fermions.gap) < 1e-9
        if exact.gap > 1e-3:
            torch.testing.assert_close(fermions.sigma_x, exact.sigma_x, rtol=0, atol=1e-6)
        assert fermions.classical_energy == fermions.ground_energy + float(field @ fermions.sigma_x)
        if n <= 7:
            levels = torch.from_numpy(np.linalg.eigvalsh(matrix(graph, field)))
            for beta in (0.0, 0.4, 3.0):
                expected = float(torch.logsumexp(-beta * levels, 0))
                assert abs(fermions.log_partition(beta) - expected) < 1e-9


def test_chains_side_by_side_in_any_order_of_sites() -> None:
    ends = [[4, 0, 2, 7, 3, 5], [0, 2, 7, 4, 5, 1]]  # a ring 4 0 2 7, a chain 3 5 1, a spin 6
    graph = ga.IsingGraph.from_edges(ends, [0.3, -1.2, 0.8, 1.1, 0.5, -0.9], num_nodes=8)
    field = fields(8, 5)
    exact, fermions = transverse_field(graph, field), transverse_chain(graph, field)
    assert abs(exact.ground_energy - fermions.ground_energy) < 1e-10
    assert abs(exact.gap - fermions.gap) < 1e-9
    torch.testing.assert_close(fermions.sigma_x, exact.sigma_x, rtol=0, atol=1e-6)


@pytest.mark.parametrize("n", [2, 9, 100, 501])
def test_the_critical_chain(n: int) -> None:
    chain = transverse_chain(ga.chain(n, couplings="ferromagnet"), 1.0)
    assert abs(chain.ground_energy - (1 - 1 / math.sin(math.pi / (4 * n + 2)))) < 1e-10 * n
    if n > 2:
        ring = transverse_chain(ga.chain(n, couplings="ferromagnet", periodic=True), 1.0)
        assert abs(ring.ground_energy + 2 / math.sin(math.pi / (2 * n))) < 1e-10 * n
        assert abs(ring.gap - 2 * math.tan(math.pi / (4 * n))) < 1e-10 * n


def test_without_a_transverse_field_it_is_classical() -> None:
    graph = ga.grid((3, 3), couplings="gaussian", field=0.1, seed=2)
    exact = transverse_field(graph, 0)
    assert exact.ground_energy == pytest.approx(ga.exact.enumerate(graph, 1.0).ground_energy, abs=1e-12)
    assert float(exact.sigma_x.abs().max()) == 0


def test_large_energies_keep_their_digits() -> None:
    graph = ga.grid((3, 3), couplings="gaussian", seed=2)
    i, j, couplings = graph.undirected()
    large = ga.IsingGraph.from_edges(torch.stack([i, j]), 1e8 * couplings, num_nodes=9)
    ratio = transverse_field(large, 1e8).ground_energy / transverse_field(graph, 1.0).ground_energy
    assert abs(ratio / 1e8 - 1) < 1e-12


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: transverse_field(ga.chain(21), 1.0), "graph must have at most 20 spins to be diagonalised, got 21"),
        (lambda: transverse_field(ga.chain(4), -1.0), "transverse_field must not be negative, got -1"),
        (lambda: transverse_field(ga.chain(4), [1.0, 2.0]), r"one number or of shape \(4,\), got shape \(2,\)"),
        (lambda: transverse_field(ga.chain(4), math.nan), "transverse_field must be finite"),
        (lambda: transverse_chain(ga.grid((2, 3)), 1.0), "graph must be of chains and rings, got site 1 with 3"),
        (lambda: transverse_chain(ga.chain(4, field=0.1), 1.0), "graph must have no longitudinal fields"),
        (lambda: transverse_chain(ga.chain(4), 1.0).log_partition(-1.0), "beta must be finite and not negative"),
    ],
)
def test_what_is_refused(make, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
