"""Energies and their local changes against double loops, batching, and every refusal."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch_geometric.data import Batch

from graphar import IsingGraph, random_regular

GRAPHS = {
    "one spin": IsingGraph.from_edges([[], []], h=[0.75], offset=-0.5),
    "fields only": IsingGraph.from_edges([[], []], h=[0.5, -1.25, 0.0], offset=1.0),
    "antiferromagnetic pair": IsingGraph.from_edges([[1], [0]], -1.0),
    "path with isolated spins": IsingGraph.from_edges([[1, 3], [3, 4]], [1.5, -0.25], h=0.125, num_nodes=6),
    "two components": IsingGraph.from_edges([[0, 1, 2, 3], [1, 2, 0, 4]], [1.0, -1.0, 0.5, 2.0], num_nodes=5),
    "complete": IsingGraph.from_edges(
        torch.combinations(torch.arange(5)).T, [0.5, -1, 2, 0.25, 1, -0.5, 3, -2, 1, 0.125], h=[1, 0, -1, 2, -0.5]
    ),
}


def configurations(n: int) -> Tensor:
    return torch.tensor(list(itertools.product([-1, 1], repeat=n)))


def naive_energy(graph: IsingGraph, x: list[int]) -> float:
    """−½ Σ_ij J_ij x_i x_j − Σ_i h_i x_i + offset by a double loop over a dense matrix."""
    n = graph.num_spins
    J = [[0.0] * n for _ in range(n)]
    for (i, j), weight in zip(graph.edge_index.T.tolist(), graph.edge_weight.tolist(), strict=True):
        J[i][j] = weight
    energy = graph.offset.item()
    for i in range(n):
        energy -= graph.h[i].item() * x[i]
        for j in range(n):
            energy -= 0.5 * J[i][j] * x[i] * x[j]
    return energy


@pytest.fixture(params=list(GRAPHS))
def graph(request: pytest.FixtureRequest) -> IsingGraph:
    return GRAPHS[request.param]


# Energies.


def test_signs_of_coupling_and_field() -> None:
    aligned, opposed = torch.tensor([1, 1]), torch.tensor([1, -1])
    ferromagnet = IsingGraph.from_edges([[0], [1]], 2.0)
    assert ferromagnet.energy(torch.stack([aligned, opposed])).tolist() == [-2, 2]
    field = IsingGraph.from_edges([[], []], h=[3.0, 0.0], offset=10.0)
    assert field.energy(torch.stack([aligned, -aligned])).tolist() == [7, 13]


def test_energy_is_the_double_loop(graph: IsingGraph) -> None:
    x = configurations(graph.num_spins)
    expected = torch.tensor([naive_energy(graph, row) for row in x.tolist()], dtype=torch.float64)
    assert torch.equal(graph.energy(x), expected)  # all numbers are dyadic


def test_local_fields_are_the_energy_between_both_signs(graph: IsingGraph) -> None:
    x = configurations(graph.num_spins)
    for i in range(graph.num_spins):
        up, down = x.clone(), x.clone()
        up[:, i], down[:, i] = 1, -1
        expected = (graph.energy(down) - graph.energy(up)) / 2
        assert torch.equal(graph.local_fields(x)[:, i], expected)


def test_flip_delta_is_the_energy_difference(graph: IsingGraph) -> None:
    x = configurations(graph.num_spins)
    for i in range(graph.num_spins):
        flipped = x.clone()
        flipped[:, i] *= -1
        assert torch.equal(graph.flip_delta(x)[:, i], graph.energy(flipped) - graph.energy(x))


@pytest.mark.parametrize("shape", [(), (1,), (0,), (2, 3), (2, 0, 3)])
def test_leading_shapes(graph: IsingGraph, shape: tuple[int, ...]) -> None:
    x = 2 * torch.randint(2, (*shape, graph.num_spins), generator=torch.Generator().manual_seed(0)) - 1
    assert graph.energy(x).shape == shape
    assert graph.local_fields(x).shape == graph.flip_delta(x).shape == x.shape


@pytest.mark.parametrize("dtype", [torch.int8, torch.int64, torch.float16, torch.float64])
def test_spins_of_any_signed_dtype(graph: IsingGraph, dtype: torch.dtype) -> None:
    x = configurations(graph.num_spins)
    assert torch.equal(graph.energy(x.to(dtype)), graph.energy(x))
    assert torch.equal(graph.flip_delta(x.to(dtype)), graph.flip_delta(x))
    assert torch.equal(graph.energy(x.numpy()[::-1]), graph.energy(x).flip(0))


def test_chunks_do_not_show(graph: IsingGraph, monkeypatch: pytest.MonkeyPatch) -> None:
    x = configurations(graph.num_spins)
    whole = graph.energy(x), graph.local_fields(x)
    monkeypatch.setattr("graphar.hamiltonians.ising._CHUNK", 8)
    assert torch.equal(graph.energy(x), whole[0])
    assert torch.equal(graph.local_fields(x), whole[1])


def test_relabelling_sites_relabels_spins(graph: IsingGraph) -> None:
    n = graph.num_spins
    new = torch.randperm(n, generator=torch.Generator().manual_seed(1))  # site i is called new[i]
    i, j, J = graph.undirected()
    h, x = torch.empty_like(graph.h), configurations(n)
    h[new] = graph.h
    renamed = IsingGraph.from_edges(torch.stack([new[j], new[i]]), J, h, n, offset=graph.offset.item())
    y = torch.empty_like(x)
    y[:, new] = x
    assert torch.allclose(renamed.energy(y), graph.energy(x), rtol=0, atol=1e-14)
    assert torch.allclose(renamed.local_fields(y)[:, new], graph.local_fields(x), rtol=0, atol=1e-14)


def test_direction_and_order_of_edges_do_not_matter() -> None:
    one = IsingGraph.from_edges([[0, 1, 2], [1, 2, 3]], [1.0, 2.0, 3.0])
    other = IsingGraph.from_edges([[3, 1, 2], [2, 0, 1]], [3.0, 1.0, 2.0])
    assert torch.equal(one.edge_index, other.edge_index)
    assert torch.equal(one.edge_weight, other.edge_weight)


def test_duplicates_can_be_summed() -> None:
    graph = IsingGraph.from_edges([[0, 1, 1], [1, 0, 2]], [1.0, 0.5, 2.0], duplicates="sum")
    assert graph.undirected()[2].tolist() == [1.5, 2.0]


@pytest.mark.parametrize("spins", [[0, 1, 1], [2, 1, 1], [1.0, 0.5, -1.0], [float("nan"), 1, 1]])
def test_entries_other_than_spins_are_refused(spins: list[float]) -> None:
    with pytest.raises(ValueError, match=r"spins must be -1 and \+1, got the entry"):
        GRAPHS["fields only"].energy(spins)


@pytest.mark.parametrize(
    ("spins", "message"),
    [
        (torch.ones(3, dtype=torch.uint8), "unsigned"),
        (torch.ones(3, dtype=torch.bool), "bool"),
        (torch.ones(3, dtype=torch.complex64), "complex"),
        (torch.ones(3).to(torch.float8_e5m2), "float8"),
        (torch.ones(3, device="meta"), "meta device"),
        (torch.ones(3).to_sparse(), "dense"),
        (np.ma.masked_equal([1, 1, -1], -1), "masked"),
        (torch.ones(4), r"shape \(\.\.\., 3\), got \(4,\)"),
        (torch.ones(()), r"shape \(\.\.\., 3\), got \(\)"),
        ("up, down, up", "real numbers"),
        ([[1, 1, 1], [1, 1]], "real numbers"),
    ],
)
def test_things_that_are_no_spins_are_refused(spins: Any, message: str) -> None:
    for method in (GRAPHS["fields only"].energy, GRAPHS["fields only"].local_fields):
        with pytest.raises(ValueError, match=message):
            method(spins)


# Batches.


def test_batch_gives_each_graph_its_own_energy() -> None:
    graphs = list(GRAPHS.values())
    batch = Batch.from_data_list(graphs)
    generator = torch.Generator().manual_seed(2)
    parts = [2 * torch.randint(2, (3, 4, graph.num_spins), generator=generator) - 1 for graph in graphs]
    x = torch.cat(parts, dim=-1)
    pairs = list(zip(graphs, parts, strict=True))
    assert torch.equal(batch.energy(x), torch.stack([graph.energy(part) for graph, part in pairs], dim=-1))
    assert torch.equal(batch.local_fields(x), torch.cat([graph.local_fields(part) for graph, part in pairs], dim=-1))
    assert torch.equal(batch.flip_delta(x), torch.cat([graph.flip_delta(part) for graph, part in pairs], dim=-1))
    assert batch.validate()
    assert batch.num_spins == sum(graph.num_spins for graph in graphs)


def test_batch_comes_apart_again() -> None:
    graphs = list(GRAPHS.values())
    for graph, back in zip(graphs, Batch.from_data_list(graphs).to_data_list(), strict=True):
        assert isinstance(back, IsingGraph)
        assert back.num_spins == graph.num_spins
        for name in ("edge_index", "edge_weight", "h", "offset"):
            assert torch.equal(back[name], graph[name])


def test_batch_of_one_keeps_the_axis() -> None:
    graph = GRAPHS["complete"]
    x = configurations(5)
    assert torch.equal(Batch.from_data_list([graph]).energy(x), graph.energy(x)[:, None])


def test_batch_changes_dtype() -> None:
    batch = Batch.from_data_list(list(GRAPHS.values())).to(torch.float32)
    x = torch.ones(batch.num_spins)
    assert batch.energy(x).dtype == torch.float32
    assert batch.energy(x).shape == (len(GRAPHS),)


# Structure and housekeeping.


def test_structure_of_isolated_spins(graph: IsingGraph) -> None:
    i, j, J = graph.undirected()
    assert len(i) == len(J) == graph.num_couplings
    assert bool((i < j).all())
    expected = [sum(site in pair for pair in zip(i.tolist(), j.tolist(), strict=True)) for site in range(len(graph.h))]
    assert graph.degree().tolist() == expected
    assert graph.validate()


def test_to_changes_numbers_and_leaves_the_original(graph: IsingGraph) -> None:
    graph = graph.clone()
    graph.pos = torch.zeros(graph.num_spins, 2, dtype=torch.float64)
    single = graph.to(torch.float32)
    assert type(single) is IsingGraph
    assert {getattr(single, name).dtype for name in ("edge_weight", "h", "offset", "pos")} == {torch.float32}
    assert single.edge_index.dtype == torch.int64
    assert graph.dtype == torch.float64
    assert single.to("cpu", torch.float64).energy(torch.ones(graph.num_spins)).dtype == torch.float64
    with pytest.raises(ValueError, match=r"dtype must be torch\.float32 or torch\.float64, got torch\.int32"):
        graph.to(torch.int32)


def test_numbers_are_float64_unless_told() -> None:
    pair = [[0], [1]]
    assert IsingGraph.from_edges(pair, [1]).dtype == torch.float64
    assert IsingGraph.from_edges(pair, np.ones(1, dtype=np.float32)).dtype == torch.float32
    graph = IsingGraph.from_edges(pair, [0.1], h=0.2, dtype=torch.float32)
    assert graph.edge_weight.dtype == graph.h.dtype == graph.offset.dtype == torch.float32


def test_arrays_of_the_caller_stay_apart() -> None:
    edges, weights, h = np.array([[0], [1]])[:, ::-1], torch.ones(1), torch.ones(2)
    graph = IsingGraph.from_edges(edges, weights, h)
    weights.fill_(7)
    h.fill_(7)
    assert graph.edge_weight.tolist() == [1, 1]
    assert graph.h.tolist() == [1, 1]


def test_read_only_arrays_are_taken() -> None:
    weights = np.broadcast_to(np.float64(2.0), (3,))  # not writable, stride 0
    assert IsingGraph.from_edges(np.array([[0, 1, 2], [1, 2, 3]]), weights).num_couplings == 3


@pytest.mark.parametrize(
    ("graph", "text"),
    [
        (IsingGraph.from_edges([[0], [1]], -1.0), "IsingGraph(2 spins, 1 coupling = -1, no field)"),
        (IsingGraph.from_edges([[0, 1], [1, 2]], [1, -1]), "IsingGraph(3 spins, 2 couplings ±1, no field)"),
        (GRAPHS["one spin"], "IsingGraph(1 spin, 0 couplings, field = 0.75, offset -0.5)"),
        (
            IsingGraph.from_edges([[0, 1], [1, 2]], [0.5, -0.25], h=[1, 0, 0], dtype=torch.float32),
            "IsingGraph(3 spins, 2 couplings in [-0.25, 0.5], field in [0, 1], float32)",
        ),
        (IsingGraph(), "IsingGraph(empty)"),
    ],
)
def test_repr(graph: IsingGraph, text: str) -> None:
    assert repr(graph) == text


def test_repr_of_a_batch_counts_graphs() -> None:
    batch = Batch.from_data_list([GRAPHS["one spin"], GRAPHS["complete"]])
    assert repr(batch) == "IsingGraphBatch(2 graphs, 6 spins, 10 couplings in [-2, 3], field in [-1, 2])"


# Refusals.

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weights": [NAN]}, r"weights must be finite, got nan at position \(0,\)"),
        ({"weights": [INF]}, "weights must be finite, got inf"),
        ({"weights": [1.0, 2.0]}, r"weights must have shape \(1,\), one per edge, got \(2,\)"),
        ({"weights": [[1.0]]}, r"weights must have shape \(1,\)"),
        ({"weights": ["J"]}, "weights must hold real numbers"),
        ({"weights": [1j]}, "weights must be a dense array of real numbers"),
        ({"weights": [1e300], "dtype": torch.float32}, "weights must be finite, got inf"),
        ({"dtype": torch.int64}, r"dtype must be torch\.float32 or torch\.float64, got torch\.int64"),
        ({"h": [0.0, NAN]}, r"h must be finite, got nan at position \(1,\)"),
        ({"h": [[0.0, 1.0]]}, r"h must have shape \(2,\), one per spin, got \(1, 2\)"),
        ({"h": [0.0, 1.0, 2.0], "num_nodes": 2}, r"h must have shape \(2,\), one per spin, got \(3,\)"),
        ({"offset": INF}, "offset must be finite"),
        ({"pos": [[0.0, 0.0]]}, r"pos must have shape \(2, d\), got \(1, 2\)"),
        ({"pos": [0.0, 0.0]}, r"pos must have shape \(2, d\), got \(2,\)"),
        ({"pos": [[0.0], [NAN]]}, "pos must be finite"),
        ({"num_nodes": 1}, r"edge_index must hold sites 0…0, got the edge \(0, 1\) in column 0"),
        ({"num_nodes": 0}, "num_nodes must be at least 1, got 0"),
        ({"num_nodes": -3}, "num_nodes must be at least 1, got -3"),
        ({"num_nodes": 2.0}, r"num_nodes must be an integer, got 2\.0"),
        ({"num_nodes": True}, "num_nodes must be an integer, got True"),
        ({"num_nodes": 10**12}, "num_nodes must be at most 2147483647, got 1000000000000"),
        ({"edge_index": [[0, 1], [1, 0]]}, r"got the edge \(0, 1\) twice"),
        ({"edge_index": [[0, 0], [1, 1]]}, r"got the edge \(0, 1\) twice"),
        ({"edge_index": [[0, 1], [1, 0]], "duplicates": "max"}, 'duplicates must be "error" or "sum"'),
        ({"edge_index": [[0, 2], [1, 2]]}, "edge_index must not hold self-loops, got site 2 in column 1"),
        ({"edge_index": [[-1], [1]]}, r"got the edge \(-1, 1\) in column 0"),
        ({"edge_index": [[0], [10**12]]}, "num_nodes must be at most 2147483647"),
        ({"edge_index": [[0], [10**30]]}, "edge_index must hold real numbers"),
        ({"edge_index": [[0.0], [1.0]]}, r"edge_index must hold integers, got torch\.float64"),
        ({"edge_index": [[False], [True]]}, r"edge_index must hold integers, got torch\.bool"),
        ({"edge_index": [0, 1]}, r"edge_index must have shape \(2, E\), got \(2,\)"),
        ({"edge_index": [[0], [1], [2]]}, r"edge_index must have shape \(2, E\), got \(3, 1\)"),
        ({"edge_index": [[], []]}, "num_nodes must be given when there are no edges and no fields"),
    ],
)
def test_from_edges_refuses(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        IsingGraph.from_edges(**({"edge_index": [[0], [1]]} | arguments))


def test_graphs_with_and_without_places_make_a_batch() -> None:
    placed = IsingGraph.from_edges([[0], [1]], 2.0, pos=[[0.0, 0.0], [1.0, 0.0]])
    plain = IsingGraph.from_edges([[0, 1], [1, 2]], -1.0)
    for graphs in ([placed, plain], [plain, placed]):
        batch = Batch.from_data_list(graphs)
        assert sorted(batch.energy(torch.ones(5)).tolist()) == [-2.0, 2.0]
        assert batch.pos is None
    assert placed.clone().pos.shape == (2, 2)
    assert copy.deepcopy(placed).pos.shape == (2, 2)
    assert placed.to(torch.float32).pos.shape == (2, 2)


def test_edges_in_any_order_have_the_same_energies() -> None:
    graph = random_regular(20, degree=3, couplings="gaussian", field="gaussian", seed=0)
    mixed = graph.clone()
    order = torch.randperm(graph.edge_index.shape[1], generator=torch.Generator().manual_seed(1))
    mixed.edge_index, mixed.edge_weight = graph.edge_index[:, order], graph.edge_weight[order]
    x = 2.0 * torch.randint(2, (300, 20), generator=torch.Generator().manual_seed(0)) - 1
    i, j, J = graph.undirected()
    expected = -(x[:, i] * x[:, j]).double() @ J - x.double() @ graph.h
    for each in (graph, mixed):
        torch.testing.assert_close(each.energy(x), expected, rtol=1e-12, atol=1e-12)
        pull = (each.local_fields(x) - each.h) @ torch.ones(20, dtype=torch.float64)
        torch.testing.assert_close(pull, x.double() @ torch.zeros(20).double().index_add(0, i, J).index_add(0, j, J))
