"""Spins on graphs: autoregressive networks by ordered sparse message passing."""

from graphar import exact, heads
from graphar.autoregressive import Autoregressive, Distribution
from graphar.frontier import Frontier, build_frontier
from graphar.hamiltonians import IsingGraph
from graphar.instances import (
    chain,
    complete,
    curie_weiss,
    erdos_renyi,
    grid,
    random_regular,
    sherrington_kirkpatrick,
    triangular,
)
from graphar.ordering import (
    Ordering,
    bfs,
    given_order,
    min_degree,
    min_fill,
    natural,
    nested_dissection,
    random_order,
    rcm,
)

__version__ = "0.1.0"
