"""Sums over groups of rows, by torch-scatter and by torch: the same numbers and gradients, by the way that is meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch_geometric.typing
from small_graphs import GRAPHS
from torch import Tensor
from torch_geometric.data import Batch

import graphar as ga
from graphar._support.segments import NARROW, Segments
from graphar.heads.message_passing.rule import MessageRule
from graphar.training.transfer.many import by_graph, disjoint_union

INSTALLED = torch_geometric.typing.WITH_TORCH_SCATTER
needs_torch_scatter = pytest.mark.skipif(not INSTALLED, reason="needs torch-scatter")
HEAD = ga.heads.MessagePassing(3, 2, "return", hidden=4)


@pytest.fixture(params=["torch", pytest.param("torch-scatter", marks=needs_torch_scatter)])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(torch_geometric.typing, "WITH_TORCH_SCATTER", request.param == "torch-scatter")
    return str(request.param)


@pytest.fixture
def sums(monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """What torch-scatter is asked to sum."""
    import torch_scatter

    own, asked = torch_scatter.segment_csr, []

    def spy(values: Tensor, *arguments: Any, **options: Any) -> Tensor:
        asked.append(values)
        return own(values, *arguments, **options)

    monkeypatch.setattr(torch_scatter, "segment_csr", spy)
    return asked


def random_spins(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return 2 * torch.randint(2, shape, generator=torch.Generator().manual_seed(0)).to(dtype) - 1


def batch_of(dtype: torch.dtype = torch.float64) -> Batch:
    names = ("random regular", "one spin", "torus", "fields only", "grid")
    return Batch.from_data_list([GRAPHS[name].to(dtype) for name in names])


def batch_energy(dtype: torch.dtype) -> tuple[Tensor, ...]:
    batch = batch_of(dtype)
    return energies_and_forces(batch, random_spins(12, batch.num_nodes, dtype=dtype))


def energies_of_a_thousand(dtype: torch.dtype) -> tuple[Tensor, ...]:
    batch = Batch.from_data_list([GRAPHS["tree"].to(dtype)] * 1000)
    return energies_and_forces(batch, random_spins(40, batch.num_nodes, dtype=dtype))


def energies_and_forces(batch: Batch, spins: Tensor) -> tuple[Tensor, ...]:
    energy = batch.energy(spins.requires_grad_())
    return energy, *torch.autograd.grad((energy**2).sum(), spins)


def summed_duplicates(dtype: torch.dtype) -> tuple[Tensor, ...]:
    edges = torch.randint(0, 9, (2, 400), generator=torch.Generator().manual_seed(1))
    edges = edges[:, edges[0] != edges[1]]
    couplings = torch.linspace(-1, 2, edges.shape[1], dtype=dtype)
    return (ga.IsingGraph.from_edges(edges, couplings, duplicates="sum").edge_weight,)


def gradients(log_prob: Tensor, head: torch.nn.Module) -> tuple[Tensor, ...]:
    weights = [weight for weight in head.parameters() if weight.requires_grad]
    return log_prob, *torch.autograd.grad((log_prob**2).sum(), weights, materialize_grads=True)


def reference_kernel(head: Any) -> Callable[[torch.dtype], tuple[Tensor, ...]]:
    def numbers(dtype: torch.dtype) -> tuple[Tensor, ...]:
        graph = GRAPHS["random regular"]
        model = ga.Autoregressive(graph, head, ga.natural, dtype=dtype, kernel="reference", seed=0)
        return gradients(model.at(0.7).log_prob(random_spins(6, graph.num_spins, dtype=dtype)), model.head)

    return numbers


def pretraining(dtype: torch.dtype) -> tuple[Tensor, ...]:
    batch = Batch.from_data_list([GRAPHS["random regular"], GRAPHS["torus"]])
    union = disjoint_union(batch, torch.tensor([0.5, 0.8]))
    model = ga.Autoregressive(union, HEAD, ga.natural, dtype=dtype, seed=0)
    return gradients(by_graph(model, random_spins(10, union.num_spins, dtype=dtype), batch), model.head)


PATHS = {
    "energies of a batch": batch_energy,
    "energies of a thousand graphs": energies_of_a_thousand,
    "couplings listed twice": summed_duplicates,
    "reference kernel, message passing": reference_kernel(HEAD),
    "reference kernel, Sherrington-Kirkpatrick": reference_kernel(ga.heads.SherringtonKirkpatrick(1, scale=1.0)),
    "log q of each graph in pretraining": pretraining,
}
every_path = pytest.mark.parametrize("path", PATHS.values(), ids=PATHS.keys())


@needs_torch_scatter
@every_path
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_where_it_is_installed_torch_scatter_sums(
    path: Callable[[torch.dtype], tuple[Tensor, ...]],
    dtype: torch.dtype,
    sums: list[Tensor],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    by_scatter = path(dtype)
    assert sums
    sums.clear()
    monkeypatch.setattr(torch_geometric.typing, "WITH_TORCH_SCATTER", False)
    by_torch = path(dtype)
    assert not sums
    accuracy = 1e-12 if dtype == torch.float64 else 1e-4
    for a, b in zip(by_scatter, by_torch, strict=True):
        torch.testing.assert_close(a, b, rtol=accuracy, atol=accuracy)


@needs_torch_scatter
@pytest.mark.parametrize(("width", "expected"), [(NARROW, 1), (NARROW + 1, 0)])
def test_wide_rows_are_summed_by_torch_on_a_cpu(width: int, expected: int, sums: list[Tensor]) -> None:
    values = torch.randn(5, width, generator=torch.Generator().manual_seed(0))
    summed = Segments(torch.tensor([0, 0, 2, 2, 2]), 3).sum(values)
    torch.testing.assert_close(summed, torch.stack([values[:2].sum(0), 0 * values[0], values[2:].sum(0)]))
    assert len(sums) == expected


@every_path
def test_sums_do_not_change_from_call_to_call(path: Callable[[torch.dtype], tuple[Tensor, ...]], way: str) -> None:
    assert all(torch.equal(a, b) for a, b in zip(path(torch.float32), path(torch.float32), strict=True))


@pytest.mark.parametrize("shape", [(), (3,), (2, 4)])
@pytest.mark.parametrize("shuffled", [False, True])
def test_sums_of_rows(shape: tuple[int, ...], shuffled: bool, way: str) -> None:
    group = torch.tensor([0, 0, 0, 2, 3, 3, 6])  # 1, 4, 5 and 7 are empty
    values = torch.randn(7, *shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    if shuffled:
        group = group[torch.randperm(7, generator=torch.Generator().manual_seed(1))]
    summed = Segments(group, 8).sum(values)
    expected = torch.stack([values[group == k].sum(0) for k in range(8)])
    torch.testing.assert_close(summed, expected, rtol=1e-14, atol=1e-14)
    if not shuffled:
        ptr = torch.tensor([0, 3, 3, 4, 6, 6, 6, 7, 7])
        assert torch.equal(Segments(group, 8).ptr, ptr)
        assert torch.equal(Segments.from_ptr(ptr, 7).sum(values), summed)


def test_nothing_sums_to_zero(way: str) -> None:
    assert torch.equal(Segments(torch.zeros(0, dtype=torch.int64), 3).sum(torch.zeros(0, 2)), torch.zeros(3, 2))
    assert Segments(torch.zeros(0, dtype=torch.int64), 0).sum(torch.zeros(0, 2)).shape == (0, 2)


@pytest.mark.parametrize("group", [[0, 0, 2, 2, 2], [2, 0, 2, 0, 1]])
def test_first_and_second_derivatives(group: list[int], way: str) -> None:
    sites = Segments(torch.tensor(group), 4)
    values = torch.randn(5, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64, requires_grad=True)

    def cubes(values: Tensor) -> Tensor:
        return sites.sum(values) ** 3

    assert torch.autograd.gradcheck(cubes, values)
    assert torch.autograd.gradgradcheck(cubes, values)


def test_a_graph_has_its_energy_in_any_batch(way: str) -> None:
    batch = batch_of()
    spins = random_spins(20, batch.num_nodes)
    parts = spins.split([graph.num_spins for graph in batch.to_data_list()], dim=1)
    alone = [graph.energy(x) for graph, x in zip(batch.to_data_list(), parts, strict=True)]
    torch.testing.assert_close(batch.energy(spins), torch.stack(alone, dim=1), rtol=1e-13, atol=1e-13)


def test_a_batch_whose_sites_are_mixed_keeps_its_energies(way: str) -> None:
    batch = batch_of()
    spins = random_spins(20, batch.num_nodes)
    expected = batch.energy(spins)
    old = torch.randperm(batch.num_nodes, generator=torch.Generator().manual_seed(2))  # site k was old[k]
    batch.edge_index = old.argsort()[batch.edge_index]
    batch.h, batch.batch = batch.h[old], batch.batch[old]
    torch.testing.assert_close(batch.energy(spins[:, old]), expected, rtol=1e-13, atol=1e-13)


def test_messages_reach_spins_in_any_order_of_edges(way: str) -> None:
    graph = GRAPHS["torus"]
    rule = MessageRule(3, torch.Generator().manual_seed(0), torch.float64)
    messages = torch.randn(graph.num_edges, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    every, field = torch.arange(graph.num_edges), graph.h[:, None]
    answers = rule(field, graph.edge_index, graph.edge_weight, messages, messages, every)
    order = graph.edge_index[1].argsort(stable=True)
    edges, coupling = graph.edge_index[:, order], graph.edge_weight[order]
    known = Segments(edges[1], graph.num_spins)
    again = rule(field, edges, coupling, messages[order], messages[order], every, known)
    torch.testing.assert_close(again, answers[order], rtol=1e-13, atol=1e-13)
