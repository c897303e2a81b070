"""The noun: ranks, equality, immutability, and what is no permutation."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from ordering_graphs import (
    GRAPHS,
    ising,
)

from graphar.ordering import (
    Ordering,
    given_order,
    natural,
    random_order,
)


def test_ranks_invert_sites() -> None:
    order = Ordering(GRAPHS["grid"], np.random.default_rng(0).permutation(126), "mine")
    assert order.sites.dtype == order.ranks.dtype == torch.int64
    assert order.ranks[order.sites].tolist() == order.sites[order.ranks].tolist() == list(range(126))
    assert len(order) == 126
    assert "126 sites" in repr(order)
    assert "mine" in repr(order)


def test_equality_is_by_sites() -> None:
    graph = GRAPHS["path"]
    order = given_order(graph, torch.arange(30, dtype=torch.int32))
    assert order == natural(graph)
    assert hash(order) == hash(natural(graph))
    assert order != random_order(graph, seed=0)
    assert order != list(range(30))
    assert copy.deepcopy(order) == order


def test_orderings_are_immutable() -> None:
    sites = torch.arange(30)
    order = given_order(GRAPHS["path"], sites)
    sites[0] = 7
    assert order == natural(GRAPHS["path"])
    with pytest.raises(AttributeError):
        order.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("sites", "message"),
    [
        ([0, 1, 1, 3], "site 1 repeated and site 2 missing"),
        ([0, 1, 2, 4], r"0…3, got site 4 at rank 3"),
        ([0, -1, 2, 3], "got site -1 at rank 1"),
        ([0, 1, 2], r"shape \(4,\).*got \(3,\)"),
        ([[0, 1], [2, 3]], r"got \(2, 2\)"),
        ([0.0, 1.0, 2.0, 3.0], "sites must hold integers"),
    ],
)
def test_sites_must_be_a_permutation(sites: list, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        given_order(ising([(0, 1)], 4), sites)
