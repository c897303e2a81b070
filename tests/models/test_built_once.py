"""A model makes each order and each frontier once: on a large graph they are what its constructor takes."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csgraph

import graphar as ga
from graphar.heads.registry import HEADS
from graphar.ordering import dissection
from graphar.ordering.compiled import min_degree

GRAPH = ga.random_regular(120, degree=3, couplings="pm1", seed=0)
Counts = Counter[tuple[Any, ...]]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Counts:
    """How often each order of a graph and each frontier of an order is made."""
    made: Counts = Counter()
    start = ga.Frontier.__init__

    def build(self: ga.Frontier, ordering: ga.Ordering, *more: Any) -> None:
        made["frontier", ordering.graph.edge_index.numpy().tobytes(), ordering.sites.numpy().tobytes(), *more] += 1
        start(self, ordering, *more)

    monkeypatch.setattr(ga.Frontier, "__init__", build)
    for module, name in ((min_degree, "peel_trees"), (csgraph, "reverse_cuthill_mckee"), (dissection, "_dissect")):
        _count_calls(made, module, name, monkeypatch)
    return made


def _count_calls(made: Counts, module: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    function = getattr(module, name)

    def counted(*arguments: Any, **more: Any) -> Any:
        made[name, *map(_content, arguments)] += 1
        return function(*arguments, **more)

    monkeypatch.setattr(module, name, counted)


def _content(argument: Any) -> Any:
    """Something to compare an argument by: its numbers, if it is an array or a sparse matrix."""
    arrays = [argument.indptr, argument.indices] if hasattr(argument, "indptr") else [argument]
    plain = [part if isinstance(part, (np.ndarray, int, float)) else type(part).__name__ for part in arrays]
    return tuple(part.tobytes() if isinstance(part, np.ndarray) else part for part in plain)


@pytest.mark.parametrize("head", ["linear", "mlp", "message_passing", "exact"])
@pytest.mark.parametrize("options", [{}, {"exact_width": 4}, {"exact_width": "auto"}], ids=str)
def test_orders_and_frontiers_are_made_once(head: str, options: dict[str, Any], made: Counts) -> None:
    ga.Autoregressive(GRAPH, HEADS[head], **({} if head == "exact" else options))
    assert {key[0] for key in made} > {"frontier"}
    assert {key[0]: count for key, count in made.items() if count > 1} == {}


@pytest.mark.parametrize("ordering", [None, ga.rcm])
def test_so_are_those_of_a_graph_without_narrow_sites(ordering: Any, made: Counts) -> None:
    model = ga.Autoregressive(ga.sherrington_kirkpatrick(40, seed=0), ordering=ordering, exact_width="auto")
    assert model.exact_width == 0
    assert {key[0]: count for key, count in made.items() if count > 1} == {}
