"""Recurrent heads: their memory by its definition, their cells against those of the papers and of torch, lattices."""

from __future__ import annotations

import itertools
from functools import cache
from typing import Any

import laws
import pytest
import torch
from kernels_agree import check_compiled
from noise import add_noise
from small_graphs import GRAPHS, ORDERINGS
from torch.nn.functional import elu

import graphar as ga
from graphar.heads import Recurrent

LATTICES = ("chain", "grid", "torus", "cube")


def slots_of(graph: ga.IsingGraph, order: ga.Ordering, head: Recurrent) -> list[list[list[int]]]:
    """Ranks heard, by layer and rank."""
    return ga.Autoregressive(graph, head, order).head.slots.tolist()


# Memory.


@pytest.mark.parametrize("order", ORDERINGS)
@pytest.mark.parametrize("graph", LATTICES)
def test_a_grid_hears_the_last_drawn_neighbour_on_each_axis(graph: str, order: str) -> None:
    ordering = ORDERINGS[order](GRAPHS[graph])
    place = GRAPHS[graph].pos[ordering.sites].long().tolist()
    rank = {tuple(at): r for r, at in enumerate(place)}
    (found,) = slots_of(GRAPHS[graph], ordering, Recurrent("grid", hidden=1))
    for r, at in enumerate(place):
        for axis in range(len(at)):
            near = [rank.get((*at[:axis], at[axis] + step, *at[axis + 1 :]), r) for step in (-1, 1)]
            assert found[r][axis] == max([j for j in near if j < r], default=-1)


def test_a_grid_hears_across_missing_sites() -> None:
    graph = ga.IsingGraph.from_edges([[0, 1], [1, 2]], 1.0, pos=[[0.0, 0.0], [0.0, 3.0], [5.0, 3.0]])
    assert slots_of(graph, ga.natural(graph), Recurrent("grid", hidden=1)) == [[[-1, -1], [-1, 0], [1, -1]]]


@pytest.mark.parametrize("order", ORDERINGS)
@pytest.mark.parametrize("graph", GRAPHS)
def test_a_graph_hears_the_last_drawn_of_neighbours_and_then_of_the_separator(graph: str, order: str) -> None:
    ordering = ORDERINGS[order](GRAPHS[graph])
    _, separators = laws.components_and_separators(ordering)
    ends = ordering.ranks[GRAPHS[graph].edge_index].T.tolist()
    (found,) = slots_of(GRAPHS[graph], ordering, Recurrent("graph", hidden=1, slots=2))
    for r, heard in enumerate(found):
        near = sorted({a for a, b in ends if b == r and a < r}, reverse=True)
        wanted = near + sorted(separators[r] - set(near), reverse=True) + [-1, -1]
        assert heard == wanted[:2]


def test_chains_hear_the_spin_before_and_dilated_ones_twice_as_far_in_each_layer() -> None:
    graph, order = GRAPHS["star"], ga.natural(GRAPHS["star"])
    assert slots_of(graph, order, Recurrent("chain", hidden=1, layers=2)) == 2 * [[[r - 1] for r in range(8)]]
    dilated = [[[r - reach if r >= reach else -1] for r in range(8)] for reach in (1, 2, 4)]
    assert slots_of(graph, order, Recurrent("dilated", hidden=1)) == dilated  # ⌈log2 8⌉ layers


@pytest.mark.parametrize("memory", ["chain", "grid", "dilated", "graph"])
@pytest.mark.parametrize("order", ["natural", "random", "nested_dissection"])
def test_levels_are_the_longest_paths(memory: str, order: str) -> None:
    graph = GRAPHS["grid"]
    model = ga.Autoregressive(graph, Recurrent(memory, hidden=1), ORDERINGS[order](graph))
    ends = model.ordering.ranks[graph.edge_index].T.tolist()
    waits = [{a for a, b in ends if b == r and a < r} for r in range(graph.num_spins)]
    for r, heard in itertools.product(range(graph.num_spins), model.head.slots):
        waits[r] |= {j for j in heard[r].tolist() if j >= 0}
    levels: list[int] = []
    for before in waits:
        levels.append(1 + max((levels[j] for j in before), default=-1))
    assert model.head.levels(model.frontier).tolist() == levels


def test_a_grid_row_by_row_has_the_levels_of_a_wave_front() -> None:
    graph = ga.grid((5, 7))
    levels = [
        int(ga.Autoregressive(graph, Recurrent("grid", hidden=1), order).head.levels(None).max()) + 1
        for order in (ga.natural, ga.zigzag)
    ]
    assert levels == [11, 35]


# Cells.


def test_the_grid_of_the_paper() -> None:
    """h = F([x; x'] T [h; h'] + b), one-hot x, T_0 + x T_1 + x' T_2 standing for the two parts of T."""
    graph, d = ga.grid((3, 3), couplings="gaussian", seed=0), 4
    model = with_noise(graph, Recurrent("grid", "tensor", hidden=d, shared=True, skip=False), ga.natural)
    head, generator = model.head, torch.Generator().manual_seed(1)
    T = head.recurrent[0, 0].detach()  # (1 + spins, states, d, d)
    parts = torch.randn(T.shape[1:], generator=generator, dtype=torch.float64)
    one_hot = torch.stack([T[0] / 2 + T[1], T[0] / 2 - T[1], T[0] / 2 + T[2], T[0] / 2 - T[2]])
    one_hot[:2] += parts  # any split of what both share
    one_hot[2:] -= parts
    w = head.features[0, 0].detach()
    x = 2.0 * torch.randint(0, 2, (9,), generator=generator).double() - 1
    states, logits = torch.zeros(4, 4, d, dtype=torch.float64), []
    spins = torch.zeros(4, 4, dtype=torch.float64)
    for r, c in itertools.product(range(3), range(3)):
        up, left = spins[r - 1, c], spins[r, c - 1]  # the last row and column stay zero
        seen = torch.stack([(1 + up) / 2, (1 - up) / 2, (1 + left) / 2, (1 - left) / 2])
        if r and c:
            z = torch.einsum("s,skio,ki->o", seen, one_hot, torch.stack([states[r - 1, c], states[r, c - 1]]))
        else:  # a spin that is not there is neither up nor down
            both = T[0] + up * T[1] + left * T[2]
            z = torch.einsum("kio,ki->o", both, torch.stack([states[r - 1, c], states[r, c - 1]]))
        states[r, c] = elu(z + w[0] + up * w[1] + left * w[2])
        logits.append(head.out[0] @ states[r, c] + head.constant[0])
        spins[r, c] = x[3 * r + c]
    torch.testing.assert_close(model.at(0.7).logits(x), torch.stack(logits), rtol=0, atol=1e-12)


def test_a_gru_along_a_chain_is_that_of_torch() -> None:
    d, graph = 5, ga.chain(6, couplings="gaussian", seed=0)
    model = with_noise(graph, Recurrent("chain", "gru", hidden=d, shared=True), ga.natural)
    head, cell = model.head, torch.nn.GRUCell(1, d, dtype=torch.float64)
    new, reset, keep = (head.features[0, 0, :, k * d : (k + 1) * d] for k in range(3))
    new_heard, reset_heard, keep_heard = head.recurrent[0, 0, 0, 0].chunk(3, 1)
    with torch.no_grad():  # torch's order is reset, keep, new
        cell.weight_ih.copy_(torch.cat([reset[1], keep[1], new[1]])[:, None])
        cell.bias_ih.copy_(torch.cat([reset[0], keep[0], new[0]]))
        cell.weight_hh.copy_(torch.cat([reset_heard, keep_heard, new_heard], 1).T)
        cell.bias_hh.zero_()
    x = torch.tensor([1.0, -1, -1, 1, -1, 1], dtype=torch.float64)
    J = graph.edge_weight[graph.edge_index[0] < graph.edge_index[1]]
    state, logits = torch.zeros(d, dtype=torch.float64), []
    for i in range(6):
        state = cell(x[i - 1 : i] if i else torch.zeros(1, dtype=torch.float64), state)
        local = J[i - 1] * x[i - 1] if i else 0.0
        logits.append(head.out[0] @ state + head.constant[0] + 2 * 0.7 * head.skip[0] * local)
    torch.testing.assert_close(model.at(0.7).logits(x), torch.stack(logits), rtol=0, atol=1e-12)


def test_the_dilated_network_of_the_paper() -> None:
    """h^l_n = F(W^l_n [h^l_{n − 2^(l−1)}; h^{l−1}_n] + b^l_n), the spin heard directly in the first layer alone."""
    n, d = 8, 3
    graph = ga.sherrington_kirkpatrick(n, seed=0)
    model = with_noise(graph, Recurrent("dilated", "vanilla", hidden=d, skip=False, activation="tanh"), ga.natural)
    head = model.head
    with torch.no_grad():
        head.features[:, 1:, 1] = 0
    x = torch.tensor([1.0, -1, -1, 1, -1, 1, 1, -1], dtype=torch.float64)
    states, logits = torch.zeros(4, n, d, dtype=torch.float64), []
    for i in range(n):
        for layer, reach in enumerate((1, 2, 4)):
            z = head.features[i, layer, 0].clone()
            if i >= reach:
                z += states[layer, i - reach] @ head.recurrent[i, layer, 0, 0]
            if layer:
                z += states[layer - 1, i] @ head.below[i, layer - 1]
            elif i:
                z += x[i - 1] * head.features[i, 0, 1]
            states[layer, i] = torch.tanh(z)
        logits.append(head.out[i] @ states[2, i] + head.constant[i])
    torch.testing.assert_close(model.at(0.7).logits(x), torch.stack(logits), rtol=0, atol=1e-12)


def test_untrained_it_is_the_skip() -> None:
    graph = GRAPHS["random regular"]
    q = ga.Autoregressive(graph, Recurrent(scale=0.0), ga.natural, dtype=torch.float64).at(0.4)
    x = q.sample(5, seed=0)
    J = graph.to_dense()
    local = x @ J.triu()  # of the spins before, in natural order
    torch.testing.assert_close(q.logits(x), 0.8 * (local + graph.h), rtol=0, atol=1e-12)


@pytest.mark.parametrize("cell", ["vanilla", "gru", "tensor"])
def test_shared_weights_serve_another_graph(cell: str) -> None:
    """With couplings as features: what they say of a graph depends on its couplings, and on no number of sites."""
    head = Recurrent("graph", cell, hidden=3, shared=True, couplings=True)
    small = with_noise(GRAPHS["grid"], head, ga.rcm)
    large = ga.Autoregressive(ga.random_regular(40, degree=3, seed=0), head, dtype=torch.float64)
    large.load_state_dict(small.state_dict())
    twice = ga.IsingGraph.from_edges(large.graph.undirected()[:2], 2 * large.graph.undirected()[2])
    other = ga.Autoregressive(twice, head, large.ordering, dtype=torch.float64)
    other.load_state_dict(small.state_dict())
    x = large.at(0.4).sample(5, seed=0)
    torch.testing.assert_close(other.at(0.2).logits(x), large.at(0.4).logits(x), rtol=0, atol=1e-12)
    assert not torch.equal(other.at(0.4).logits(x), large.at(0.4).logits(x))


# Lattices, under all laws: graphs without places have no grid, so that the laws of all heads leave it out.


def with_noise(graph: ga.IsingGraph, head: Recurrent, order: Any, width: int = 0) -> ga.Autoregressive:
    model = ga.Autoregressive(graph, head, order, exact_width=width, seed=3, dtype=torch.float64)
    add_noise(model, 0.3, seed=4)
    return model


GRIDS = (
    Recurrent("grid", "tensor", 6),
    Recurrent("grid", "gru", 4, shared=True, couplings=True),
    Recurrent("grid", "vanilla", 3, layers=2),
)
CASES = [(0, "grid", "rcm", 0), (1, "torus", "natural", 0), (2, "cube", "random", 0), (0, "chain", "rcm", 0)]
CASES += [(0, "torus", "own", 4), (1, "grid", "own", 2)]


@cache
def model_of(head: int, graph: str, order: str, width: int) -> ga.Autoregressive:
    return with_noise(GRAPHS[graph], GRIDS[head], ORDERINGS.get(order), width)


@pytest.mark.parametrize(("head", "graph", "order", "width"), CASES)
@pytest.mark.parametrize("law", laws.LAWS)
def test_law(law: str, head: int, graph: str, order: str, width: int) -> None:
    laws.LAWS[law](model_of(head, graph, order, width))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("head", GRIDS, ids=repr)
def test_compiled_is_the_reference(head: Recurrent, dtype: torch.dtype) -> None:
    graph = ga.grid((3, 4, 3), couplings="gaussian", field="gaussian", seed=1)
    check_compiled(graph, head, dtype)
    check_compiled(graph, head, dtype, ordering=ga.random_order(graph, seed=1))


def test_more_samples_than_blocks_taken_together() -> None:
    """Sums over many blocks, by a thread or two: all of it is the reference's."""
    graph = ga.grid((4, 4), couplings="gaussian", seed=0)
    found = []
    for kernel, threads in (("reference", 1), ("auto", 1), ("auto", 2)):
        model = ga.Autoregressive(graph, Recurrent("grid", hidden=5, shared=True), kernel=kernel, dtype=torch.float64)
        try:
            torch.set_num_threads(threads)
            x = 2.0 * torch.randint(0, 2, (1500, 16), generator=torch.Generator().manual_seed(0)).double() - 1
            (model.at(0.5).log_prob(x) @ torch.linspace(-1, 1, 1500, dtype=torch.float64)).backward()
        finally:
            torch.set_num_threads(1)
        found.append([weight.grad for weight in model.parameters() if weight.numel()])
    for one, other, again in zip(*found, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-10, atol=1e-9)
        assert torch.equal(other, again)


# What is refused.


@pytest.mark.parametrize(
    ("settings", "rule"),
    [
        ({"memory": "tree"}, "memory must be one of chain, grid, dilated, graph, got 'tree'"),
        ({"memory": None}, "memory must be one of"),
        ({"cell": "lstm"}, "cell must be one of vanilla, gru, tensor, got 'lstm'"),
        ({"hidden": 0}, "hidden must be at least 1, got 0"),
        ({"layers": 0}, "layers must be at least 1, got 0"),
        ({"slots": 0}, "slots must be at least 1, got 0"),
        ({"slots": 2, "memory": "chain"}, 'slots must be left out but for memory="graph", got 2'),
        ({"slots": 7}, "slots must be at most 6 for the tensor cell, got 7"),
        ({"activation": "relu"}, "activation must be one of elu, tanh, got 'relu'"),
    ],
)
def test_settings_of_another_kind_are_refused(settings: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        Recurrent(**settings)


@pytest.mark.parametrize(
    ("graph", "got"),
    [
        (ga.random_regular(10, degree=3, seed=0), "none"),
        (ga.triangular((3, 3)), r"\[0.8660254"),
        (ga.IsingGraph.from_edges([[0], [1]], 1.0, pos=[[1.0, 2.0], [1.0, 2.0]]), r"2 sites at \[1, 2\]"),
    ],
)
def test_a_grid_needs_a_lattice(graph: ga.IsingGraph, got: str) -> None:
    rule = f"graph must have pos with the integer coordinates of a lattice, one site at each, got {got}"
    for make in (ga.zigzag, lambda graph: ga.Autoregressive(graph, Recurrent("grid"), ga.natural)):
        with pytest.raises(ValueError, match=rule):
            make(graph)


def test_states_far_from_zero_stay_finite() -> None:
    """Squashed cells bound what they pass on, and the others are as finite as their weights are small."""
    graph = ga.grid((8, 8), couplings="pm1", seed=0)
    for head in (Recurrent("grid", "gru", 8), Recurrent("grid", activation="tanh")):
        model = ga.Autoregressive(graph, head)
        with torch.no_grad():
            for weight in model.parameters():
                weight.mul_(30)
            q = model.at(1.0)
            assert bool(torch.isfinite(q.sample_with_log_prob(64, seed=0)[1]).all())
