"""Exact sites: conditionals of enumeration; at full width the Boltzmann distribution, and Biazzo's dense network."""

from __future__ import annotations

import pytest
import torch
from dialled import BETA, at_all_widths, enumerated, in_all_orders, model_on, on_all_graphs
from laws import samples_carry_their_density
from small_graphs import configurations
from torch import Tensor

import graphar as ga


@on_all_graphs
@at_all_widths
@in_all_orders
@torch.no_grad()
def test_exact_sites_have_the_conditionals_of_enumeration(graph: str, width: int | str, order: str) -> None:
    model = model_on(graph, width, order)
    spins = model.at(BETA).sample(30, seed=0)
    exact = model.ordering.sites[model.core.exact_ranks]
    ours = model.at(BETA).logits(spins)[:, exact]
    theirs = enumerated(graph).conditional_logits(spins, model.ordering.sites)[:, exact]
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)


@on_all_graphs
@in_all_orders
def test_full_width_is_the_boltzmann_distribution(graph: str, order: str) -> None:
    model, exact = model_on(graph, "full", order), enumerated(graph)
    assert model.num_parameters == model.core.num_spins == 0
    log_q = model.at(BETA).log_prob(configurations(model.num_spins))
    torch.testing.assert_close(log_q, exact.log_prob(configurations(model.num_spins)), rtol=0, atol=1e-10)
    samples_carry_their_density(model)
    result = ga.free_energy(model.at(BETA), 50, seed=0)
    assert result.spread < 1e-10
    assert result.ess == pytest.approx(50, rel=1e-10)
    assert result.log_partition.value == pytest.approx(exact.log_partition, abs=1e-10)
    assert result.bound.value == pytest.approx(exact.free_energy, abs=1e-10)


def test_many_exact_sites_have_the_density_of_elimination() -> None:
    graph = ga.grid((2, 700), couplings="gaussian", field="gaussian", seed=0)
    spins, log_q = ga.Autoregressive(graph, ga.heads.Exact).at(2.0).sample_with_log_prob(70, seed=0)
    torch.testing.assert_close(log_q, ga.exact.eliminate(graph, 2.0).log_prob(spins), rtol=1e-9, atol=0)


def dense_network(J: Tensor, h: Tensor, beta: float, spins: Tensor) -> Tensor:
    """Biazzo's exact network, spin by spin in natural order (arXiv:2302.08347): logits (batch, N).

    The first layer has the couplings as weights: ξ_il = Σ_{j<i} J_jl x_j for l ≥ i. Every configuration c of the later
    spins has a hidden unit, of weights βc_l and biases b_c^± = β(±Σ_l J_il c_l + Σ_l h_l c_l + Σ_{l<m} J_lm c_l c_m)
    for the two signs of x_i. The logit is a skip 2β(h_i + ξ_ii) and the difference of the units' log-sum-exps.
    """
    n, logits = len(h), []
    for i in range(n):
        xi = spins[:, :i] @ J[:i, i:]
        c = configurations(n - 1 - i) if i < n - 1 else torch.zeros(1, 0, dtype=torch.float64)
        inner = c @ h[i + 1 :] + ((c @ J[i + 1 :, i + 1 :]) * c).sum(1) / 2
        plus, minus = beta * (inner + c @ J[i, i + 1 :]), beta * (inner - c @ J[i, i + 1 :])
        hidden = xi[:, 1:] @ (beta * c).T
        rho = torch.logsumexp(hidden + plus, 1) - torch.logsumexp(hidden + minus, 1)
        logits.append(2 * beta * (h[i] + xi[:, 0]) + rho)
    return torch.stack(logits, 1)


@pytest.mark.parametrize("n", [1, 2, 3, 6, 9, 12])
@pytest.mark.parametrize("beta", [0.4, 2.0])
def test_on_complete_graphs_it_is_the_dense_exact_network(n: int, beta: float) -> None:
    generator = torch.Generator().manual_seed(n)
    J = torch.randn(n, n, generator=generator, dtype=torch.float64).triu(1)
    J, h = J + J.T, torch.randn(n, generator=generator, dtype=torch.float64)
    spins = torch.randint(0, 2, (200, n), generator=generator, dtype=torch.float64) * 2 - 1
    for sites in (torch.arange(n), torch.randperm(n, generator=generator)):
        graph = ga.IsingGraph.from_dense(J, h)
        model = ga.Autoregressive(graph, ga.heads.Exact, ga.given_order(graph, sites), dtype=torch.float64)
        wanted = dense_network(J[sites][:, sites], h[sites], beta, spins[:, sites])
        torch.testing.assert_close(model.at(beta).logits(spins)[:, sites], wanted, rtol=0, atol=1e-10)
