"""Models with the dial turned up, on every small graph, at every width, in two orders."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from small_graphs import GRAPHS

import graphar as ga

__all__ = ["BETA", "at_all_widths", "enumerated", "in_all_orders", "model_on", "on_all_graphs"]

BETA = 0.7
ORDERS = {"core first": None, "random": lambda graph: ga.random_order(graph, seed=1)}
on_all_graphs = pytest.mark.parametrize("graph", GRAPHS)
at_all_widths = pytest.mark.parametrize("width", [1, 2, 3, "full"])
in_all_orders = pytest.mark.parametrize("order", ORDERS)


@cache
def model_on(graph: str, width: int | str, order: str = "core first") -> ga.Autoregressive:
    """A float64 model with weights of order one on the core; shared, so not to be changed."""
    exact_width = GRAPHS[graph].num_spins if width == "full" else int(width)
    head, options = ga.heads.Linear(scale=2.0), {"exact_width": exact_width, "seed": 3, "dtype": torch.float64}
    return ga.Autoregressive(GRAPHS[graph], head, ORDERS[order], **options)


@cache
def enumerated(graph: str) -> ga.exact.Enumeration:
    return ga.exact.enumerate(GRAPHS[graph], BETA)
