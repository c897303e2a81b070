"""Widths of the dial: what fits in memory, what is refused, and what is said of them."""

from __future__ import annotations

import math
from typing import Any

import pytest
from dialled import BETA, on_all_graphs
from small_graphs import GRAPHS

import graphar as ga
from graphar.models.parts import NoExactSites
from graphar.partial_elimination.order import exact_ranks, predict_tables


@on_all_graphs
def test_the_orderings_own_width_is_full_and_one_less_is_not(graph: str) -> None:
    ising = GRAPHS[graph]
    width = ga.build_frontier(ga.min_degree(ising)).width
    if width:
        assert ga.Autoregressive(ising, ordering=ga.min_degree, exact_width=width).core.num_spins == 0
    if width > 1:
        assert ga.Autoregressive(ising, ordering=ga.min_degree, exact_width=width - 1).core.num_spins > 0


@pytest.mark.parametrize(
    "order", [None, ga.nested_dissection, ga.random_order], ids=["default", "dissection", "random"]
)
@pytest.mark.parametrize("memory", [3e3, 2e4, 122_136, 1e6, 1e9])
def test_auto_takes_what_fits_in_memory(order: Any, memory: float) -> None:
    graph = ga.grid((8, 8), couplings="pm1", seed=0)
    if order is ga.random_order:
        order = ga.random_order(graph, seed=0)
    model = ga.Autoregressive(graph, ordering=order, exact_width="auto", memory=memory)
    frontier = ga.build_frontier(model.ordering)
    exact = exact_ranks(frontier, model.exact_width)
    assert predict_tables(frontier, exact)[0] <= memory or model.exact_width == 0
    if order is not None:
        wider = (exact_ranks(frontier, width) for width in range(model.exact_width + 1, frontier.width + 1))
        more = next((mask for mask in wider if int(mask.sum()) > int(exact.sum()) * (model.exact_width > 0)), None)
        assert more is None or predict_tables(frontier, more)[0] > memory
    assert (model.core is None) == (model.exact_width == 0)
    if memory == 1e9 and order is None:
        assert model.core.num_spins == 0


def test_tables_that_do_not_fit_are_refused() -> None:
    graph = ga.sherrington_kirkpatrick(60, seed=0)
    for head, options in ((ga.heads.Linear, {"exact_width": 59}), (ga.heads.Exact, {})):
        with pytest.raises(ValueError, match=r"memory=1 GB.* needs .* GB and about .* s for each β"):
            ga.Autoregressive(graph, head, **options)
    with pytest.raises(ValueError, match="exact_width and radius must be left out where the head is Exact"):
        ga.Autoregressive(ga.grid((8, 8)), ga.heads.Exact, exact_width=3)
    for memory in (math.nan, -1, "1 GB"):
        with pytest.raises(ValueError, match="memory must be a positive number of bytes, got"):
            ga.Autoregressive(ga.grid((8, 8)), exact_width="auto", memory=memory)
    with pytest.raises(ValueError, match=r"exact_width must leave tables of at most memory=1e-05 GB, got 5, which"):
        ga.Autoregressive(ga.grid((8, 8)), exact_width=5, memory=1e4)


@pytest.mark.parametrize("width", [-1, True, False, "all", 1.5, 2.0, None, [2]])
def test_bad_widths(width: Any) -> None:
    with pytest.raises(ValueError, match="exact_width must be"):
        ga.Autoregressive(GRAPHS["grid"], exact_width=width)


def test_width_zero_learns_all_sites() -> None:
    model = ga.Autoregressive(GRAPHS["grid"], exact_width=0)
    assert model.core is None
    assert isinstance(model.at(BETA).exact_part, NoExactSites)
    assert model.ordering == ga.rcm(GRAPHS["grid"])
    assert model.head_config == ga.heads.Linear()


def test_describe_says_what_each_width_takes() -> None:
    text = ga.Autoregressive(ga.grid((6, 6)), exact_width=3).describe()
    rows = [line.split() for line in text.splitlines() if line.lstrip("> ").split()[:1] in (["0"], ["3"], ["6"])]
    assert [row[0] for row in rows] == ["0", ">", "6"]
    assert "Linear(inputs='parents'" in text
    for row in rows:
        numbers = [int(word) for word in row if word.isdigit()]
        assert numbers[1] + numbers[2] == 36
    assert "36 exact sites, 0 learned" in ga.Autoregressive(ga.grid((6, 6)), ga.heads.Exact).describe()
