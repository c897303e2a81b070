"""The names at the root of the package, in one place; loading them loads torch."""

from graphar import exact, heads
from graphar.comparison.compare import compare
from graphar.comparison.result import Comparison
from graphar.estimators import Estimate, FreeEnergy, TwoSidedBound, free_energy, two_sided_bound
from graphar.frontier import Frontier, build_frontier
from graphar.hamiltonians import IsingGraph, PairwiseReduction, SpinHypergraph
from graphar.instances import (
    InstanceDataset,
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
from graphar.models.autoregressive import Autoregressive
from graphar.models.distribution import Distribution
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
from graphar.partial_elimination import core_first
from graphar.training import (
    BetaRecord,
    NaturalGradient,
    Pretraining,
    Run,
    anneal,
    fine_tune,
    geometric,
    linear,
    load,
    pretrain,
    protocols,
    save,
)

__all__ = [
    "Autoregressive",
    "BetaRecord",
    "Comparison",
    "Distribution",
    "Estimate",
    "FreeEnergy",
    "Frontier",
    "InstanceDataset",
    "IsingGraph",
    "NaturalGradient",
    "Ordering",
    "PairwiseReduction",
    "Pretraining",
    "Run",
    "SpinHypergraph",
    "TwoSidedBound",
    "anneal",
    "bfs",
    "build_frontier",
    "chain",
    "compare",
    "complete",
    "core_first",
    "curie_weiss",
    "erdos_renyi",
    "exact",
    "fine_tune",
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
    "pretrain",
    "protocols",
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
