"""Orders in which the sites of a graph are sampled: the choice that decides what every later step costs."""

from graphar.ordering.base import Ordering
from graphar.ordering.dissection import nested_dissection
from graphar.ordering.greedy import min_degree, min_fill
from graphar.ordering.sweeps import bfs, given_order, natural, random_order, rcm, zigzag

__all__ = [
    "Ordering",
    "bfs",
    "given_order",
    "min_degree",
    "min_fill",
    "natural",
    "nested_dissection",
    "random_order",
    "rcm",
    "zigzag",
]
