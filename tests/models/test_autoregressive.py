"""Models: what they are made of, what they keep, and what they refuse."""

from __future__ import annotations

import pytest
import torch
from short_runs import GRAPH

import graphar as ga
from graphar._support.seeds import hash_key


def test_models_refuse_what_they_cannot_be() -> None:
    with pytest.raises(ValueError, match="graph must be an IsingGraph"):
        ga.Autoregressive(torch.eye(3))
    with pytest.raises(ValueError, match="ordering must be of this graph"):
        ga.Autoregressive(GRAPH, ordering=ga.natural(ga.chain(16)))
    with pytest.raises(ValueError, match="head must be a head"):
        ga.Autoregressive(GRAPH, head="linear")
    from torch_geometric.data import Batch

    with pytest.raises(ValueError, match="one graph, got a batch of 2"):
        ga.Autoregressive(Batch.from_data_list([GRAPH, GRAPH]))
    broken = GRAPH.clone()
    broken.edge_weight[0] += 1
    with pytest.raises(ValueError, match="edge_weight must be equal in both directions"):
        ga.Autoregressive(broken)


def test_an_ordering_of_the_same_edges_serves_other_couplings() -> None:
    other = ga.random_regular(16, degree=3, couplings="gaussian", seed=1)
    model = ga.Autoregressive(other, ordering=ga.natural(GRAPH), dtype=torch.float64)
    x = model.at(0.5).sample(5, seed=0)
    expected = next(model.at(0.5).draw(5, hash_key(0, "samples"))).energy
    torch.testing.assert_close(other.energy(x), expected)


def test_moving_to_float64_takes_the_couplings_anew(tmp_path) -> None:
    graph = ga.random_regular(16, degree=3, couplings="gaussian", field="gaussian", seed=1)
    model = ga.Autoregressive(graph).double()
    again = ga.Autoregressive(graph, dtype=torch.float64)
    again.load_state_dict(model.state_dict())
    x, log_q = again.at(0.7).sample_with_log_prob(50, seed=0)
    with torch.no_grad():
        torch.testing.assert_close(model.at(0.7).log_prob(x), log_q, rtol=0, atol=1e-12)
    assert torch.equal(model.at(0.7).sample(50, seed=0), x)
    assert model.float().dtype == torch.float32
    with pytest.raises(ValueError, match=r"dtype must be torch\.float32 or torch\.float64, got torch\.float16"):
        model.half()
    for dtype in (torch.bfloat16, torch.int64, float):
        with pytest.raises(ValueError, match="dtype must be"):
            ga.Autoregressive(graph, dtype=dtype)


def test_a_model_keeps_the_graph_it_was_made_for() -> None:
    graph = ga.chain(6, couplings="ferromagnet")
    model = ga.Autoregressive(graph, ordering=ga.bfs)
    graph.edge_weight.mul_(2)
    assert float(model.graph.energy(torch.ones(6))) == -5
    with pytest.raises(ValueError, match=r"in the range of torch\.float32"):
        ga.Autoregressive(ga.chain(3, couplings=[1e39, 1.0]))
