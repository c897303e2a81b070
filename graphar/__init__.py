"""Spins on graphs: autoregressive networks by ordered sparse message passing.

A Hamiltonian is a PyG graph; an ordering turns it into a DAG with an elimination tree; messages flow once along
that DAG; a head turns the messages that reach a spin into its conditional.
"""

from graphar import exact, heads
from graphar.autoregressive import Autoregressive
from graphar.core import core_first
from graphar.distribution import Distribution
from graphar.estimators import Estimate, FreeEnergy, TwoSidedBound, free_energy, two_sided_bound
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
from graphar.io import read, write
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
from graphar.training import BetaRecord, NaturalGradient, Run, anneal, geometric, linear, load, save

__version__ = "0.1.0"

__all__ = [
    "Autoregressive",
    "BetaRecord",
    "Distribution",
    "Estimate",
    "FreeEnergy",
    "Frontier",
    "IsingGraph",
    "NaturalGradient",
    "Ordering",
    "Run",
    "TwoSidedBound",
    "anneal",
    "bfs",
    "build_frontier",
    "chain",
    "complete",
    "core_first",
    "curie_weiss",
    "erdos_renyi",
    "exact",
    "free_energy",
    "geometric",
    "given_order",
    "grid",
    "heads",
    "linear",
    "load",
    "min_degree",
    "min_fill",
    "natural",
    "nested_dissection",
    "random_order",
    "random_regular",
    "rcm",
    "read",
    "save",
    "sherrington_kirkpatrick",
    "triangular",
    "two_sided_bound",
    "write",
]
