"""Samples of elimination: Boltzmann ones, ground states, and those with spins that are held."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from elimination_graphs import ALL, SOME
from scipy import stats
from small_graphs import GRAPHS

import graphar as ga
from graphar.exact import codes_from_spins, eliminate, enumerate, spins_from_codes


@pytest.mark.parametrize("name", SOME)
def test_held_spins_equal_a_restricted_sum(name: str) -> None:
    graph = ALL[name]
    n, beta = graph.num_spins, 0.9
    generator = torch.Generator().manual_seed(7)
    fixed = torch.randint(-1, 2, (6, n), generator=generator)
    fixed[:, : n // 3] = torch.where(fixed[:, : n // 3] == 0, 1, fixed[:, : n // 3])  # held in every row
    exact = eliminate(graph, beta, fixed=fixed)
    spins = spins_from_codes(torch.arange(2**n), n)
    energy = graph.energy(spins)
    x = spins.double()
    i, j, _ = graph.undirected()
    for b, row in enumerate_rows(fixed):
        allowed = ((row == 0) | (row == spins)).all(-1)
        log_weight = -beta * energy[allowed]
        log_partition = torch.logsumexp(log_weight, 0)
        P = (log_weight - log_partition).exp()
        assert exact.log_partition[b].item() == pytest.approx(log_partition.item(), abs=1e-10)
        assert exact.energy[b].item() == pytest.approx((P @ energy[allowed]).item(), abs=1e-10)
        torch.testing.assert_close(exact.magnetisation[b], P @ x[allowed], atol=1e-10, rtol=0)
        torch.testing.assert_close(exact.edge_correlations[b], P @ (x[:, i] * x[:, j])[allowed], atol=1e-10, rtol=0)
        torch.testing.assert_close(
            exact.pair_correlations([[0, n - 1], [n - 1, 0]])[b],
            (P @ (x[:, 0] * x[:, n - 1])[allowed]).expand(2),
            atol=1e-10,
            rtol=0,
        )
        lowest = energy[allowed].min()
        assert exact.ground_energy[b].item() == pytest.approx(lowest.item(), abs=1e-10)
        assert exact.degeneracy[b] == (energy[allowed] < lowest + 1e-9).sum()
        assert graph.energy(exact.ground_state[b]).item() == pytest.approx(lowest.item(), abs=1e-10)
        assert bool(((row == 0) | (row == exact.ground_state[b])).all())
    samples, log_prob = exact.sample_with_log_prob(20, seed=3)
    assert bool(((fixed[:, None] == 0) | (fixed[:, None] == samples)).all())
    torch.testing.assert_close(log_prob, exact.log_prob(samples), atol=1e-10, rtol=0)
    if bool((fixed != 0).any()):
        assert exact.log_prob(-samples).isneginf().any()


def enumerate_rows(rows: torch.Tensor) -> list[tuple[int, torch.Tensor]]:
    return list(zip(range(len(rows)), rows, strict=True))


def test_holding_spins_makes_a_wide_graph_narrow() -> None:
    graph = ga.sherrington_kirkpatrick(60, field=0.1, seed=1)
    fixed = torch.ones(60, dtype=torch.int64)
    fixed[::6] = 0
    with pytest.raises(ValueError, match="width 59"):
        eliminate(graph, 1.0)
    exact = eliminate(graph, 1.0, fixed=fixed)
    assert exact.width == 9
    spins = fixed.repeat(2**10, 1)
    spins[:, ::6] = spins_from_codes(torch.arange(2**10), 10).long()
    assert exact.log_partition.item() == pytest.approx(torch.logsumexp(-graph.energy(spins), 0).item(), abs=1e-10)


@pytest.mark.parametrize("name", ["torus", "random regular", "star", "two components"])
def test_samples_follow_the_distribution(name: str) -> None:
    graph, count = GRAPHS[name], 40_000
    exact, truth = eliminate(graph, 0.6), enumerate(graph, 0.6)
    x, log_prob = exact.sample_with_log_prob(count, seed=5)
    assert x.dtype == torch.int8
    torch.testing.assert_close(log_prob, truth.log_prob(x), atol=1e-11, rtol=0)
    P = truth.log_prob(spins_from_codes(torch.arange(2**graph.num_spins), graph.num_spins)).exp().numpy()
    seen = np.bincount(codes_from_spins(x, graph.num_spins).numpy(), minlength=len(P))
    common = count * P >= 5
    observed = [*seen[common], seen[~common].sum()]
    expected = [*(count * P[common]), count * P[~common].sum()]
    keep = slice(None) if expected[-1] > 5 else slice(-1)
    chi2 = ((np.array(observed) - expected) ** 2 / np.maximum(expected, 1e-300))[keep].sum()
    assert 1e-4 < stats.chi2.sf(chi2, common.sum() - (keep != slice(None))) < 1 - 1e-4


def test_ground_states_are_drawn_alike() -> None:
    graph, count = ga.grid((3, 4), couplings="pm1", seed=6), 20_000
    exact, truth = eliminate(graph, 1.0), enumerate(graph, 1.0)
    assert truth.degeneracy > 4
    codes, seen = codes_from_spins(exact.sample_ground_states(count, seed=2), 12).unique(return_counts=True)
    assert torch.equal(codes, codes_from_spins(truth.ground_states, 12))
    assert 1e-4 < stats.chisquare(seen.numpy()).pvalue < 1 - 1e-4


def test_seeds() -> None:
    exact = eliminate(GRAPHS["torus"], 0.5)
    assert torch.equal(exact.sample(50, seed=1), exact.sample(50, seed=1))
    assert not torch.equal(exact.sample(50, seed=1), exact.sample(50, seed=2))
    assert torch.equal(exact.sample(50, seed=1)[:9], exact.sample(9, seed=1))
    state = torch.random.get_rng_state()
    exact.sample(3, generator=torch.Generator().manual_seed(1))
    assert torch.equal(state, torch.random.get_rng_state())


def test_ten_thousand_samples_of_a_grid() -> None:
    graph = ga.grid((12, 12), couplings="pm1", seed=9)
    exact = eliminate(graph, 1.0)
    x, log_prob = exact.sample_with_log_prob(10_000, seed=1)
    torch.testing.assert_close(log_prob, exact.log_prob(x), atol=1e-9, rtol=0)
    i, j, _ = graph.undirected()
    seen = (x[:, i] * x[:, j]).double().mean(0)
    spread = ((1 - exact.edge_correlations**2) / 10_000).sqrt()
    assert float(((seen - exact.edge_correlations) / spread).abs().max()) < 5
