"""Numbers near the ends of float64: every exact answer is finite, or a ValueError says what is too large."""

from __future__ import annotations

import builtins
import itertools
import math
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import graphar as ga
from graphar import IsingGraph
from graphar.exact import (
    curie_weiss,
    curie_weiss_limit,
    eliminate,
    enumerate,
    ground_state,
    planar,
    planar_ground_state,
)

FIELDS = [0.0, 1e-310, 1.0, 1e300]
SIZES = [0.0, 5e-324, 1e-310, 1e-160, 1.0, 1e155, 1e200, 1e289, 1e300, 1e308]
BETAS = [0.0, 5e-324, 1e-200, 1.0, 10.0, 1e160, 1e308]
SPINS = torch.tensor([[1, -1, 1, 1], [-1, -1, -1, 1]])


def graph(J: float, h: float = 0.0, offset: float = 0.0) -> IsingGraph:
    """A frustrated triangle with a tail."""
    return IsingGraph.from_edges([[0, 0, 1, 2], [1, 2, 2, 3]], [J, -0.7 * J, 0.9 * J, -J], h=h, offset=offset)


def by_enumeration(J: float, h: float, beta: float) -> list[Any]:
    exact = enumerate(graph(J, h, -J), beta)
    return [
        exact.log_partition,
        exact.energy,
        exact.entropy,
        exact.heat_capacity,
        exact.magnetisation,
        exact.correlations,
        exact.ground_energy,
        exact.degeneracy,
        exact.log_prob(SPINS),
        exact.conditional_logits(SPINS, [2, 0, 1, 3]),
        exact.sample(5, seed=0),
    ]


def by_elimination(J: float, h: float, beta: float) -> list[Any]:
    exact = eliminate(graph(J, h, J), [beta, 0.0])
    held = eliminate(graph(J, h, J), beta, fixed=[1, 0, 0, -1])
    return [
        exact.log_partition,
        exact.energy,
        exact.entropy,
        exact.magnetisation,
        exact.edge_correlations,
        exact.pair_correlations([[0], [3]]),
        exact.log_prob(SPINS.expand(2, 2, 4)),
        exact.conditional_logits(SPINS.expand(2, 2, 4)),
        *exact.sample_with_log_prob(5, seed=0),
        exact.ground_energy,
        exact.ground_entropy,
        exact.sample_ground_states(5, seed=0),
        held.log_partition,
        held.energy,
        held.edge_correlations,
    ]


def by_planar(J: float, h: float, beta: float) -> list[Any]:
    exact = planar(graph(J, h, J), beta)
    numbers = [exact.log_partition, exact.energy, exact.entropy, exact.edge_correlations]
    return [*numbers, exact.rounding_error, exact.energy_error, exact.correlation_error]


def of_curie_weiss(J: float, h: float, beta: float) -> list[Any]:
    exact = curie_weiss(7, beta, J, -h)
    numbers = [exact.log_partition, exact.energy, exact.entropy, exact.probabilities, exact.energies]
    return [*numbers, exact.magnetisation, exact.log_weights]


def of_its_limit(J: float, h: float, beta: float) -> list[Any]:
    exact = curie_weiss_limit(beta, J, -h)
    return [exact.log_partition_per_site, exact.energy_per_site, exact.entropy_per_site, exact.magnetisation_per_site]


def of_ground_states(J: float, h: float, beta: float) -> list[Any]:
    ground = ground_state(graph(J, h, beta))
    matched = planar_ground_state(graph(J, 0.0, beta))
    return [ground.energy, matched.energy, matched.gap]


SOLVERS = [by_enumeration, by_elimination, by_planar, of_curie_weiss, of_its_limit, of_ground_states]
REFUSALS = "at most 1e[+]290|must have no field|digits"


@pytest.mark.parametrize("solve", SOLVERS)
def test_finite_or_refused(solve: Callable[[float, float, float], list[Any]]) -> None:
    if solve is of_ground_states:
        pytest.importorskip("pymatching")
    seen = Counter()
    for J, h, beta in itertools.product(SIZES, FIELDS, BETAS):
        try:
            numbers = solve(J, h, beta)
        except ValueError as refusal:
            if not re.search(REFUSALS, str(refusal)):
                raise
            seen["refused"] += 1
            continue
        for place, number in builtins.enumerate(numbers):
            assert bool(torch.isfinite(torch.as_tensor(number, dtype=torch.float64)).all()), (J, h, beta, place)
        seen["answered"] += 1
    assert min(seen["refused"], seen["answered"]) > 20


@pytest.mark.parametrize("solve", [eliminate, enumerate, planar])
def test_what_is_too_large_is_named(solve: Callable[..., Any]) -> None:
    pair = IsingGraph.from_edges([[0], [1]], 1e285)
    assert float(solve(pair, 1e5).log_partition) == 1e290
    with pytest.raises(ValueError, match=r"beta must leave β times Σ\|J\| .*, got beta=1e\+06 times 1e\+285"):
        solve(pair, 1e6)
    with pytest.raises(ValueError, match=r"graph must have Σ\|J\| .* at most 1e\+290, got 2e\+308|got inf"):
        solve(IsingGraph.from_edges([[0, 1], [1, 2]], 1e308), 0.0)
    with pytest.raises(ValueError, match=r"at most 1e[+]290, got 1e[+]300"):
        solve(IsingGraph.from_edges([[0], [1]], 1.0, offset=-1e300), 0.0)
    with pytest.raises(ValueError, match=r"free_energy must be below 1\.8e308"):
        _ = solve(pair, 5e-324).free_energy


def test_energies_far_apart() -> None:
    """The gaps are of 1e300 and more; log Z is that of the ground states, and nothing spreads."""
    far = IsingGraph.from_edges([[0, 1, 0], [1, 2, 2]], [-1e200, -1e200, -1e200])
    for beta in (1.0, 1e85):
        counted, summed = enumerate(far, beta), eliminate(far, beta)
        assert counted.log_partition == pytest.approx(beta * 1e200, rel=1e-15)
        assert summed.log_partition.item() == pytest.approx(beta * 1e200, rel=1e-15)
        assert counted.entropy == pytest.approx(math.log(6), rel=1e-15)
        assert counted.energy_variance == counted.heat_capacity == 0
        assert summed.degeneracy.item() == counted.degeneracy == 6
    hot = enumerate(far, 1e-200)
    effective_couplings = enumerate(IsingGraph.from_edges([[0, 1, 0], [1, 2, 2]], -1.0), 1.0)
    assert hot.heat_capacity == pytest.approx(effective_couplings.heat_capacity, rel=1e-12)
    with pytest.raises(ValueError, match=r"energy_variance must be below 1\.8e308"):
        _ = hot.energy_variance
    with pytest.raises(ValueError, match=r"energy_variance must be below 1\.8e308"):
        _ = curie_weiss(3, 1e-200, 1e200).energy_variance


def test_smallest_couplings_are_matched() -> None:
    """Couplings without all their digits, in no common unit."""
    pytest.importorskip("pymatching")
    J = np.array([3.0, -7.13, 5.77, 2.21]) * 1e-320
    tiny = IsingGraph.from_edges([[0, 1, 0, 2], [1, 2, 2, 3]], J)
    assert planar_ground_state(tiny).energy == pytest.approx(enumerate(tiny, 1.0).ground_energy, abs=0)


def test_probabilities_of_single_precision_graphs_add_up() -> None:
    """Energies of float32 couplings are summed in float64, as the partition function is."""
    single = ga.random_regular(8, degree=3, couplings="gaussian", seed=1).to(torch.float32)
    exact = eliminate(single, 30.0)
    every = ga.exact.spins_from_codes(torch.arange(2**8), 8)
    assert exact.log_prob(every).exp().sum().item() == pytest.approx(1, abs=1e-10)
    largest = IsingGraph.from_edges([[0, 1, 0], [1, 2, 2]], 2e38, dtype=torch.float32)
    assert bool(torch.isfinite(eliminate(largest, 1.0).log_prob([1, 1, 1])))
