"""Elimination on graphs that no enumeration reaches: transfer matrices, trees, chains, ladders."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

import graphar as ga
from graphar import IsingGraph
from graphar.exact import eliminate, enumerate


def transfer_matrix(graph: IsingGraph, rows: int, columns: int, beta: float) -> float:
    """log Z of a grid, row by row; bonds along a row may close it, those between rows may not."""
    bond = {(i, j): J for i, j, J in zip(*(part.tolist() for part in graph.undirected()), strict=True)}
    x = np.array(list(itertools.product([-1, 1], repeat=columns)))
    log_vector = np.zeros(2**columns)
    for r in range(rows):
        if r > 0:
            table = log_vector.reshape((2,) * columns)
            for c in range(columns):
                J = beta * bond[(r - 1) * columns + c, r * columns + c]
                down, up = np.take(table, 0, c), np.take(table, 1, c)
                table = np.stack([np.logaddexp(down + J, up - J), np.logaddexp(down - J, up + J)], axis=c)
            log_vector = table.reshape(-1)
        sites = range(r * columns, (r + 1) * columns)
        energy = -x @ graph.h.numpy()[r * columns : (r + 1) * columns]
        for a, b in itertools.combinations(sites, 2):
            energy -= bond.get((a, b), 0.0) * x[:, a - r * columns] * x[:, b - r * columns]
        log_vector = log_vector - beta * energy
    return float(np.logaddexp.reduce(log_vector))


@pytest.mark.parametrize("periodic", [False, (False, True)])
@pytest.mark.parametrize("beta", [0.4, 2.0])
def test_grid_equals_the_transfer_matrix(periodic: bool | tuple[bool, bool], beta: float) -> None:
    graph = ga.grid((12, 12), periodic=periodic, couplings="pm1", field="gaussian", seed=6)
    exact = eliminate(graph, beta)
    assert exact.log_partition.item() == pytest.approx(transfer_matrix(graph, 12, 12, beta), abs=1e-9)


def test_free_ferromagnetic_tree_in_closed_form() -> None:
    n, beta = 3000, 0.7
    parents = [(k * 7919 % k, k) for k in range(1, n)]
    tree = IsingGraph.from_edges(torch.tensor(parents).T, 1.0)
    exact = eliminate(tree, beta)
    assert exact.log_partition.item() == pytest.approx(n * math.log(2) + (n - 1) * math.log(math.cosh(beta)))
    torch.testing.assert_close(exact.edge_correlations, torch.full((n - 1,), math.tanh(beta), dtype=torch.float64))
    assert exact.degeneracy == 2


def test_a_long_chain() -> None:
    n, beta = 30_000, 0.9
    chain = ga.chain(n, couplings="gaussian", seed=7)
    exact = eliminate(chain, beta)
    J = chain.undirected()[2]
    assert exact.log_partition.item() == pytest.approx(n * math.log(2) + (beta * J).cosh().log().sum().item())
    torch.testing.assert_close(exact.edge_correlations, (beta * J).tanh(), atol=1e-10, rtol=0)
    assert exact.ground_energy.item() == pytest.approx(-J.abs().sum().item())
    assert exact.degeneracy == 2


def test_a_long_ladder_and_more_ground_states_than_float64_holds() -> None:
    ladder = ga.grid((2, 500), couplings="pm1", field=0.1, seed=8)
    by_row = ga.given_order(ladder, torch.arange(1000).view(2, 500).T.flatten())
    exact, deep = eliminate(ladder, 1.0), eliminate(ladder, 1.0, by_row)
    assert exact.log_partition.item() == pytest.approx(deep.log_partition.item(), rel=1e-13)
    assert exact.ground_energy.item() == pytest.approx(deep.ground_energy.item(), rel=1e-13)
    # a spin on a bond of no strength at each of 2,000 sites of a chain: free, and a part of the same component
    chain = torch.arange(2000)
    bonds = torch.cat([torch.stack([chain[:-1], chain[1:]]), torch.stack([chain, chain + 2000])], 1)
    J = torch.cat([torch.ones(1999), torch.zeros(2000)])
    free = eliminate(IsingGraph.from_edges(bonds, J), 1.0, ga.min_degree)
    assert free.ground_entropy.item() == pytest.approx(2001 * math.log(2))
    assert free.degeneracy == math.inf


def test_couplings_of_any_size() -> None:
    graph = IsingGraph.from_edges([[0, 1, 2], [1, 2, 0]], [1e6, -1e6, 1e6], h=[0.0, 0.0, 1.0])
    exact, truth = eliminate(graph, 5.0), enumerate(graph, 5.0)
    assert exact.log_partition.item() == pytest.approx(truth.log_partition, rel=1e-14)
    torch.testing.assert_close(exact.magnetisation, truth.magnetisation)
    single = eliminate(graph.to(torch.float32), 5.0)
    assert single.log_partition.dtype == torch.float64
    assert torch.equal(single.log_partition, exact.log_partition)
