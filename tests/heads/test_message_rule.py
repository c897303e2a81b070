"""The rule of messages: belief propagation, stable at any size, blind to units, gauge, names and other graphs."""

from __future__ import annotations

import pytest
import torch
from laws import relabelled
from message_models import (
    BETA,
    SCHEDULES,
    SHARED,
    model_of,
    random_tree,
    with_all_kernels,
)
from small_graphs import GRAPHS, ORDERINGS, configurations
from torch import Tensor
from torch_geometric.data import Batch

import graphar as ga
from graphar.heads.message_passing.rule import MessageRule, belief_message
from graphar.training.transfer.many import disjoint_union


@pytest.mark.parametrize("schedule", SHARED)
def test_units_of_energy_do_not_matter(schedule: str) -> None:
    graph = GRAPHS["random regular"]
    i, j, J = graph.undirected()
    twice = ga.IsingGraph.from_edges(torch.stack([i, j]), 2 * J, 2 * graph.h)
    model, other = (model_of(g, SCHEDULES[schedule], ga.natural) for g in (graph, twice))
    x = configurations(10)
    torch.testing.assert_close(model.at(2 * BETA).log_prob(x), other.at(BETA).log_prob(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("schedule", SHARED)
@with_all_kernels
def test_a_batch_of_five_graphs_gives_what_each_gives(schedule: str, kernel: str) -> None:
    names = ["two components", "tree", "torus", "random regular", "complete"]
    betas = torch.tensor([0.3, 0.5, 0.7, 1.1, 1.3])
    models = [model_of(GRAPHS[name], SCHEDULES[schedule], ga.natural, kernel=kernel) for name in names]
    spins = [model.at(0).sample(40, seed=k) for k, model in enumerate(models)]
    bare = [
        ga.IsingGraph.from_edges(torch.stack([i, j]), J, graph.h)
        for graph in (GRAPHS[name] for name in names)
        for i, j, J in [graph.undirected()]
    ]
    together = model_of(
        disjoint_union(Batch.from_data_list(bare), betas), SCHEDULES[schedule], ga.natural, kernel=kernel
    )
    x = torch.cat(spins, dim=1)
    alone = [model.at(beta).logits(x) for model, beta, x in zip(models, betas.tolist(), spins, strict=True)]
    torch.testing.assert_close(together.at(1.0).logits(x), torch.cat(alone, dim=1), rtol=1e-6, atol=1e-6)
    densities = [model.at(beta).log_prob(x) for model, beta, x in zip(models, betas.tolist(), spins, strict=True)]
    torch.testing.assert_close(together.at(1.0).log_prob(x), sum(densities), rtol=1e-6, atol=1e-6)


def test_the_rule_is_a_flooding_round_of_belief_propagation_on_any_graph() -> None:
    graph = random_tree(12, 5)
    rule = MessageRule(0, torch.Generator(), torch.float64)
    sender, receiver = graph.edge_index
    back = torch.argsort(receiver * 12 + sender)  # edges are sorted by (sender, receiver)
    messages = torch.zeros(graph.num_edges, 1, dtype=torch.float64)
    every = torch.arange(graph.num_edges)
    for _ in range(12):
        answers = rule(graph.h[:, None], graph.edge_index, graph.edge_weight, messages, messages[back], every)
        messages = answers[back]
    total = graph.h[:, None].index_add(0, receiver, messages)
    assert torch.allclose(total.tanh()[:, 0], ga.exact.enumerate(graph, 1.0).magnetisation, atol=1e-12)


@pytest.mark.parametrize("schedule", SHARED)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
@with_all_kernels
def test_relabelling_gauge_and_union_change_nothing(
    schedule: str, dtype: torch.dtype, tolerance: float, kernel: str
) -> None:
    head, graph, other = SCHEDULES[schedule], GRAPHS["random regular"], GRAPHS["triangular"]
    n, m = graph.num_spins, other.num_spins
    options = {"kernel": kernel, "dtype": dtype}
    model, second = (model_of(g, head, ORDERINGS["random"], **options) for g in (graph, other))
    generator = torch.Generator().manual_seed(0)
    x, y = model.at(0).sample(40, seed=1), second.at(0).sample(40, seed=2)
    log_q, log_r = model.at(BETA).log_prob(x), second.at(BETA).log_prob(y)

    def equal(twin: ga.Autoregressive, spins: Tensor, expected: Tensor) -> None:
        torch.testing.assert_close(twin.at(BETA).log_prob(spins), expected, rtol=tolerance, atol=tolerance)

    new_name = torch.randperm(n, generator=generator)
    twin = relabelled(graph, new_name)
    renamed = torch.empty_like(x)
    renamed[:, new_name] = x
    order = ga.given_order(twin, new_name[model.ordering.sites])
    equal(model_of(twin, head, order, **options), renamed, log_q)

    sign = torch.randint(0, 2, (n,), generator=generator).double() * 2 - 1
    i, j, J = graph.undirected()
    twin = ga.IsingGraph.from_edges(torch.stack([i, j]), J * sign[i] * sign[j], graph.h * sign)
    equal(model_of(twin, head, ga.given_order(twin, model.ordering.sites), **options), x * sign, log_q)

    first, last, K = other.undirected()
    edges = torch.cat([torch.stack([i, j]), torch.stack([first, last]) + n], dim=1)
    twin = ga.IsingGraph.from_edges(edges, torch.cat([J, K]), torch.cat([graph.h, other.h]))
    turns = torch.randperm(n + m, generator=generator) < n  # whose turn it is, the one's or the other's
    sites = torch.empty(n + m, dtype=torch.int64)
    sites[turns], sites[~turns] = model.ordering.sites, second.ordering.sites + n
    equal(model_of(twin, head, ga.given_order(twin, sites), **options), torch.cat([x, y], 1), log_q + log_r)


def test_the_message_is_right_where_cosh_overflows() -> None:
    a = torch.tensor([[-800.0], [-1.0], [0.0], [1e-9], [0.5], [3.0], [800.0]], dtype=torch.float64)
    b = torch.tensor([-900.0, -2.0, -1e-9, 0.0, 0.1, 5.0, 790.0], dtype=torch.float64)
    u = belief_message(a, b)
    small = (a.abs() < 5) & (b.abs() < 6)
    expected = torch.atanh(torch.tanh(a) * torch.tanh(b))
    torch.testing.assert_close(u[small], expected[small], rtol=1e-9, atol=1e-15)
    large = (a.abs() > 100) & (b.abs() > 100)
    torch.testing.assert_close(u[large], (torch.sign(a * b) * torch.minimum(a.abs(), b.abs()))[large])
    assert torch.equal(belief_message(-a, b), -u)
