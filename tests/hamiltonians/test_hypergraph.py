"""Energies of many-body spins against sums term by term, pairs against IsingGraph, batches."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from hypergraphs import HYPERGRAPHS, configurations, naive_energy, relabelled
from small_graphs import GRAPHS
from torch_geometric.data import Batch

from graphar import IsingGraph, SpinHypergraph

DYADIC = [name for name in HYPERGRAPHS if name != "not dyadic"]


@pytest.fixture(params=list(HYPERGRAPHS))
def graph(request: pytest.FixtureRequest) -> SpinHypergraph:
    return HYPERGRAPHS[request.param]


# Energies.


@pytest.mark.parametrize("name", DYADIC)
def test_energy_is_the_sum_of_terms(name: str) -> None:
    graph = HYPERGRAPHS[name]
    x = configurations(graph.num_spins)
    expected = torch.tensor([naive_energy(graph, row) for row in x.tolist()], dtype=torch.float64)
    assert torch.equal(graph.energy(x), expected)


def test_energy_without_exact_sums() -> None:
    graph = HYPERGRAPHS["not dyadic"]
    x = configurations(graph.num_spins)
    expected = torch.tensor([naive_energy(graph, row) for row in x.tolist()], dtype=torch.float64)
    torch.testing.assert_close(graph.energy(x), expected, rtol=0, atol=1e-13)


def test_flip_delta_and_local_fields_are_energy_differences(graph: SpinHypergraph) -> None:
    x = configurations(graph.num_spins)
    for i in range(graph.num_spins):
        flipped = x.clone()
        flipped[:, i] *= -1
        change = graph.energy(flipped) - graph.energy(x)
        torch.testing.assert_close(graph.flip_delta(x)[:, i], change, rtol=0, atol=1e-13)
        torch.testing.assert_close(graph.local_fields(x)[:, i], change / (2 * x[:, i]), rtol=0, atol=1e-13)


def test_local_fields_are_the_gradient(graph: SpinHypergraph) -> None:
    x = configurations(graph.num_spins)[:7].double().requires_grad_()
    (gradient,) = torch.autograd.grad(graph.energy(x).sum(), x)
    torch.testing.assert_close(-gradient, graph.local_fields(x.detach()), rtol=0, atol=1e-12)


def test_the_second_derivative_of_a_triple() -> None:
    x = torch.tensor([1.0, -1.0, 1.0], dtype=torch.float64)
    hessian = torch.autograd.functional.hessian(HYPERGRAPHS["triple"].energy, x)
    assert torch.equal(hessian, torch.tensor([[0.0, -2, 2], [-2, 0, -2], [2, -2, 0]], dtype=torch.float64))
    slope = torch.autograd.functional.jacobian(HYPERGRAPHS["triple"].local_fields, x)
    assert torch.equal(slope, -hessian)


@pytest.mark.parametrize("shape", [(), (1,), (0,), (2, 3), (2, 0, 3)])
def test_leading_shapes(graph: SpinHypergraph, shape: tuple[int, ...]) -> None:
    x = 2 * torch.randint(2, (*shape, graph.num_spins), generator=torch.Generator().manual_seed(0)) - 1
    assert graph.energy(x).shape == shape
    assert graph.local_fields(x).shape == graph.flip_delta(x).shape == x.shape


def test_blocks_do_not_show(graph: SpinHypergraph, monkeypatch: pytest.MonkeyPatch) -> None:
    x = configurations(graph.num_spins)
    whole = graph.energy(x), graph.local_fields(x)
    monkeypatch.setattr("graphar.hamiltonians.hypergraph._CHUNK", 8)
    assert torch.equal(graph.energy(x), whole[0])
    assert torch.equal(graph.local_fields(x), whole[1])


def test_relabelling_sites_relabels_spins(graph: SpinHypergraph) -> None:
    renamed, new = relabelled(graph)
    x = configurations(graph.num_spins)
    y = torch.empty_like(x)
    y[:, new] = x
    torch.testing.assert_close(renamed.energy(y), graph.energy(x), rtol=0, atol=1e-13)
    torch.testing.assert_close(renamed.local_fields(y)[:, new], graph.local_fields(x), rtol=0, atol=1e-13)


def test_incidences_in_any_order_have_the_same_energies(graph: SpinHypergraph) -> None:
    mixed, x = graph.clone(), configurations(graph.num_spins)
    rng = torch.Generator().manual_seed(1)
    name = torch.randperm(graph.num_interactions, generator=rng)  # interaction a is called name[a]
    mixed.hyperedge_weight = torch.empty_like(graph.hyperedge_weight)
    mixed.hyperedge_weight[name] = graph.hyperedge_weight
    site, interaction = graph.hyperedge_index
    mixed.hyperedge_index = torch.stack([site, name[interaction]])[:, torch.randperm(len(site), generator=rng)]
    assert mixed.validate()
    torch.testing.assert_close(mixed.energy(x), graph.energy(x), rtol=0, atol=1e-13)
    torch.testing.assert_close(mixed.local_fields(x), graph.local_fields(x), rtol=0, atol=1e-13)
    assert mixed.num_interactions == graph.num_interactions
    if graph.num_interactions:
        assert dict(mixed.listed()) == dict(graph.listed())


# Pairs.


@pytest.mark.parametrize("name", GRAPHS)
def test_pairs_have_the_numbers_of_an_ising_graph(name: str) -> None:
    graph = GRAPHS[name]
    same = SpinHypergraph.from_ising(graph)
    x = configurations(graph.num_spins)[:: max(1, 2**graph.num_spins // 300)]
    assert torch.equal(same.energy(x), graph.energy(x))
    assert torch.equal(same.local_fields(x), graph.local_fields(x))
    assert torch.equal(same.flip_delta(x), graph.flip_delta(x))
    assert torch.equal(same.energy(x.float()), graph.energy(x.float()))
    assert same.order == (2 if graph.num_couplings else int(graph.has_field))
    assert torch.equal(same.degree(), graph.degree())
    back = same.to_ising()
    for part in ("edge_index", "edge_weight", "h", "offset"):
        assert torch.equal(back[part], graph[part])
    assert (back.pos is None) == (graph.pos is None)
    assert torch.equal(same.to(torch.float32).energy(x), graph.to(torch.float32).energy(x))


def test_more_than_pairs_are_no_ising_graph() -> None:
    with pytest.raises(ValueError, match=r"must be pairs for an IsingGraph, got one of 3 sites; to_pairwise\(\)"):
        HYPERGRAPHS["triple"].to_ising()


def test_primal_graph_joins_what_shares_an_interaction(graph: SpinHypergraph) -> None:
    i, j, J = graph.primal_graph().undirected()
    expected = {(a, b) for sites, _ in graph.listed() for k, a in enumerate(sites) for b in sites[k + 1 :] if a != b}
    assert set(zip(i.tolist(), j.tolist(), strict=True)) == expected
    assert bool((J == 1).all())


def test_primal_graph_of_too_many_pairs_is_refused() -> None:
    long = SpinHypergraph.from_hyperedges(torch.arange(30_000)[None])
    assert long.energy(torch.ones(30_000)).item() == -1
    with pytest.raises(ValueError, match="at most 268435456 pairs of sites, got 449985000"):
        long.primal_graph()


# Batches.


def test_batch_gives_each_graph_its_own_energy() -> None:
    graphs = list(HYPERGRAPHS.values())
    batch = Batch.from_data_list(graphs)
    generator = torch.Generator().manual_seed(2)
    parts = [2 * torch.randint(2, (3, 4, graph.num_spins), generator=generator) - 1 for graph in graphs]
    x = torch.cat(parts, dim=-1)
    pairs = list(zip(graphs, parts, strict=True))
    expected = torch.stack([graph.energy(part) for graph, part in pairs], dim=-1)
    torch.testing.assert_close(batch.energy(x), expected, rtol=0, atol=1e-13)
    fields = torch.cat([graph.local_fields(part) for graph, part in pairs], dim=-1)
    torch.testing.assert_close(batch.local_fields(x), fields, rtol=0, atol=1e-13)
    assert batch.validate()
    assert batch.num_spins == sum(graph.num_spins for graph in graphs)
    assert batch.num_interactions == sum(graph.num_interactions for graph in graphs)
    assert batch.to(torch.float32).energy(torch.ones(batch.num_spins)).shape == (len(graphs),)
    assert repr(batch).startswith(f"SpinHypergraphBatch({len(graphs)} graphs, {batch.num_spins} spins, ")


def test_batch_comes_apart_again() -> None:
    graphs = list(HYPERGRAPHS.values())
    for graph, back in zip(graphs, Batch.from_data_list(graphs).to_data_list(), strict=True):
        assert isinstance(back, SpinHypergraph)
        assert back.num_spins == graph.num_spins
        for name in ("hyperedge_index", "hyperedge_weight", "h", "offset"):
            assert torch.equal(back[name], graph[name])


def test_batch_refuses_an_interaction_across_graphs() -> None:
    batch = Batch.from_data_list([HYPERGRAPHS["triple"], HYPERGRAPHS["triple"]])
    batch.hyperedge_index[0, 2] = 4
    with pytest.raises(ValueError, match="must keep to one graph of the batch, got interaction 0 across two"):
        batch.validate()
    with pytest.raises(ValueError, match="got a batch of 2"):
        batch.to_pairwise()


# Construction.


def test_interactions_stand_sorted_whatever_was_given() -> None:
    graph = SpinHypergraph.from_hyperedges([(3, 1, 0), (2, 0), (1, 0, 2), (1, 0)], [1.0, 2.0, 3.0, 4.0])
    assert graph.listed() == [((0, 1), 4.0), ((0, 2), 2.0), ((0, 1, 2), 3.0), ((0, 1, 3), 1.0)]
    assert graph.hyperedge_index.tolist() == [[0, 1, 0, 2, 0, 1, 2, 0, 1, 3], [0, 0, 1, 1, 2, 2, 2, 3, 3, 3]]
    assert graph.orders.tolist() == [2, 2, 3, 3]
    assert graph.degree().tolist() == [4, 3, 2, 1]


def test_arrays_are_taken_as_they_are() -> None:
    rows = np.array([[0, 1, 2], [3, 2, 1]])
    for each in (rows, torch.as_tensor(rows), rows.tolist()):
        assert SpinHypergraph.from_hyperedges(each, [1, -1]).listed() == [((0, 1, 2), 1.0), ((1, 2, 3), -1.0)]
    J = torch.ones(2)
    graph = SpinHypergraph.from_hyperedges(rows, J)
    J.fill_(7)
    assert graph.hyperedge_weight.tolist() == [1, 1]
    assert graph.dtype == torch.float32


def test_names_become_labels() -> None:
    graph = SpinHypergraph.from_hyperedges([("b", "a", (1, 2))], h={"a": 1.0})
    assert graph.labels == ("b", "a", (1, 2))
    assert graph.h.tolist() == [0, 1, 0]
    assert graph.to_dict() == {(): 0.0, ("b",): 0.0, ("a",): 1.0, ((1, 2),): 0.0, ("b", "a", (1, 2)): 1.0}
    given = SpinHypergraph.from_hyperedges([("b", "a")], labels=["a", "b", "c"])
    assert given.listed() == [((0, 1), 1.0)]
    assert given.num_spins == 3


def test_dictionaries_round_trip(graph: SpinHypergraph) -> None:
    back = SpinHypergraph.from_dict(graph.to_dict())
    for name in ("hyperedge_index", "hyperedge_weight", "h", "offset"):
        assert torch.equal(back[name], graph[name])


def test_from_dict_sorts_terms_by_order() -> None:
    graph = SpinHypergraph.from_dict({(): 1.5, (2,): -1.0, (0, 1): 2.0, (2, 0, 1): 3.0}, num_nodes=4)
    assert (graph.offset.item(), graph.h.tolist()) == (1.5, [0, 0, -1, 0])
    assert graph.listed() == [((0, 1), 2.0), ((0, 1, 2), 3.0)]
    both = SpinHypergraph.from_dict({(0, 1): 1.0, (1, 0): 2.0}, duplicates="sum")
    assert both.listed() == [((0, 1), 3.0)]


def test_good_ones_are_valid(graph: SpinHypergraph) -> None:
    assert graph.validate()
    assert copy.deepcopy(graph).validate()
    single = graph.to(torch.float32)
    assert type(single) is SpinHypergraph
    assert {single.h.dtype, single.hyperedge_weight.dtype, single.offset.dtype} == {torch.float32}


def test_subgraph_keeps_what_lies_within() -> None:
    graph = SpinHypergraph.from_hyperedges(
        [tuple("abc"), tuple("bcd"), tuple("cd"), tuple("ae")],
        [1.0, 2.0, 3.0, 4.0],
        h=[1, 2, 3, 4, 5],
    )
    part = graph.subgraph(torch.tensor([3, 1, 2]))
    assert part.listed() == [((0, 2), 3.0), ((0, 1, 2), 2.0)]
    assert part.labels == ("d", "b", "c")
    assert part.h.tolist() == [4, 2, 3]
    masked = graph.subgraph(torch.tensor([False, True, True, True, False]))
    assert masked.listed() == [((1, 2), 3.0), ((0, 1, 2), 2.0)]
    assert masked.labels == ("b", "c", "d")


@pytest.mark.parametrize(
    ("graph", "text"),
    [
        (HYPERGRAPHS["pair"], "SpinHypergraph(2 spins, 1 interaction of 2 spins = -1, no field)"),
        (HYPERGRAPHS["one spin"], "SpinHypergraph(1 spin, 0 interactions, field = 0.75, offset -0.5)"),
        (HYPERGRAPHS["nested"], "SpinHypergraph(5 spins, 3 interactions of 2 to 4 spins in [-1.5, 1], no field)"),
        (
            SpinHypergraph.from_hyperedges([("a", "b", "c")], torch.ones(1)),
            "SpinHypergraph(3 spins, 1 interaction of 3 spins = 1, no field, labels 'a'…'c', float32)",
        ),
        (SpinHypergraph(), "SpinHypergraph(empty)"),
    ],
)
def test_repr(graph: SpinHypergraph, text: str) -> None:
    assert repr(graph) == text


def test_order_of_nothing() -> None:
    assert HYPERGRAPHS["fields only"].order == 1
    assert SpinHypergraph.from_hyperedges([], [], num_nodes=2).order == 0
    assert HYPERGRAPHS["orders 1 to 5"].order == 5


def test_from_ising_keeps_places_and_names() -> None:
    graph = IsingGraph.from_edge_list([("a", "b", 1.0)], pos=[[0.0], [1.0]])
    same = SpinHypergraph.from_ising(graph)
    assert same.labels == ("a", "b")
    assert torch.equal(same.pos, graph.pos)
    assert same.to_ising().labels == ("a", "b")
