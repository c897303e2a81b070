"""Hypergraphs of bad input: a ValueError that names the argument, the rule and what it got."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypergraphs import HYPERGRAPHS

from graphar import SpinHypergraph

DYADIC = [name for name in HYPERGRAPHS if name != "not dyadic"]


NAN = float("nan")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"hyperedges": [(0, 1, 1)]}, r"each site once in an interaction, got \(0, 1, 1\) at position 0"),
        ({"hyperedges": [("a", "a")], "labels": ["a"]}, r"each site once in an interaction, got \('a', 'a'\)"),
        ({"hyperedges": [(0, 1, 2), (2, 1, 0)]}, r"each interaction once, got \(0, 1, 2\) twice"),
        ({"hyperedges": [(0, 1), (2,)]}, r"at least two sites each .*got 1 at position 1"),
        ({"hyperedges": [()]}, "at least two sites each"),
        ({"hyperedges": [(0, 5)], "num_nodes": 3}, "must hold sites 0…2, got 5 at position 0"),
        ({"hyperedges": [(0, 1), (1, -1)]}, "from 0 to 2147483646, got -1"),
        ({"hyperedges": np.array([[0, -1]])}, "must hold sites 0…"),
        ({"hyperedges": [0, 1]}, "must be tuples of sites, got 0 at position 0"),
        ({"hyperedges": ["ab"]}, "must be tuples of sites, got 'ab'"),
        ({"hyperedges": "ab"}, "list of tuples of sites, got str"),
        ({"hyperedges": {(0, 1): 1.0}}, "list of tuples of sites, got dict"),
        ({"hyperedges": torch.ones(2, 3)}, "integers of shape"),
        ({"hyperedges": np.arange(3)}, "integers of shape"),
        ({"weights": [1.0, 2.0]}, r"weights must have shape \(1,\), one per interaction, got \(2,\)"),
        ({"weights": NAN}, "weights must be finite"),
        ({"weights": torch.ones(1, requires_grad=True)}, "weights must not require a gradient"),
        ({"h": [1.0]}, "must hold sites 0…0"),
        ({"h": {7: 1.0}, "num_nodes": 3}, "h must have sites 0…2 as keys, got 7"),
        ({"num_nodes": 0}, "num_nodes must be at least 1"),
        ({"duplicates": "max"}, 'duplicates must be "error" or "sum"'),
        ({"dtype": torch.float16}, "dtype must be"),
        ({"pos": [[0.0]]}, r"pos must have shape \(3, d\)"),
        ({"offset": NAN}, "offset must be finite"),
        ({"hyperedges": []}, "num_nodes must be given"),
        ({"weights": torch.ones(1, device="meta")}, "meta device"),
    ],
)
def test_from_hyperedges_refuses(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SpinHypergraph.from_hyperedges(**({"hyperedges": [(0, 1, 2)]} | arguments))


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ([(0, 1)], "terms must be a dictionary"),
        ({0: 1.0}, "terms must have tuples of sites as keys"),
        ({"ab": 1.0}, "terms must have tuples of sites as keys"),
        ({(0, 1): NAN}, "terms must be finite"),
        ({(0, 1): [1.0, 2.0]}, "one number per key"),
        ({(0, 1): 1.0, (1, 0): 1.0}, "each interaction once"),
        ({(0, 0, 1): 1.0}, "terms must hold each site once"),
        ({(): 1.0}, "num_nodes must be given"),
        ({(0, 0.5): 1.0}, "whole numbers"),
        ({(0, True): 1.0}, "got True or False"),
    ],
)
def test_from_dict_refuses(terms: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SpinHypergraph.from_dict(terms)


@pytest.mark.parametrize("spins", [[0, 1, 1], [1.0, 0.5, -1.0], torch.ones(4), torch.ones(3, dtype=torch.bool)])
def test_things_that_are_no_spins_are_refused(spins: Any) -> None:
    for method in (HYPERGRAPHS["triple"].energy, HYPERGRAPHS["triple"].local_fields):
        with pytest.raises(ValueError, match="spins must"):
            method(spins)


# Housekeeping.


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("hyperedge_index", None, r"got none of \['hyperedge_index'\]"),
        ("hyperedge_index", torch.tensor([[0, 1, 3], [0, 0, 0]]), "must hold sites 0…2, got 3 in column 2"),
        ("hyperedge_index", torch.tensor([[0, 1, 2], [0, 0, 1]]), "must hold interactions 0…0, got 1 in column 2"),
        ("hyperedge_index", torch.tensor([[0, 1, 1], [0, 0, 0]]), "each site of an interaction once"),
        ("hyperedge_index", torch.tensor([[0], [0]]), "at least two sites of each interaction, got 1 of 0"),
        ("hyperedge_index", torch.zeros(2, 3), "must be int64"),
        ("hyperedge_weight", torch.zeros(1), "h must have the dtype of hyperedge_weight"),
        ("hyperedge_weight", torch.tensor([NAN]).double(), "hyperedge_weight must be finite"),
        ("h", torch.zeros(2).double(), r"h must be floating, shape \(3,\)"),
        ("offset", torch.zeros(2).double(), r"offset must be floating, shape \(1,\)"),
        ("num_nodes", 2.5, "num_nodes must be an integer"),
        ("pos", torch.zeros(2, 1), r"pos must have shape \(3, d\)"),
    ],
)
def test_validate_finds_broken_rules(name: str, value: Any, message: str) -> None:
    graph = HYPERGRAPHS["triple"].clone()
    setattr(graph, name, value)
    with pytest.raises(ValueError, match=message):
        graph.validate()
    assert not graph.validate(raise_on_error=False)


def test_validate_finds_an_interaction_twice() -> None:
    graph = SpinHypergraph.from_hyperedges([(0, 1, 2), (1, 2, 3)])
    graph.hyperedge_index[0, 3:] = torch.tensor([2, 0, 1])
    with pytest.raises(ValueError, match="each interaction once"):
        graph.validate()
