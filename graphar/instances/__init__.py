"""Builders of Ising instances: lattices, random graphs, fully connected and many-body models.

A seed fixes three independent streams of random numbers, for the graph, its couplings and its fields: the
same seed gives the same graph whatever the kind of couplings. An array of couplings is read, and couplings
are drawn, in the order of :meth:`graphar.IsingGraph.undirected`: edges i < j sorted by (i, j).
"""

from graphar.instances.complete import complete, curie_weiss, sherrington_kirkpatrick
from graphar.instances.dataset import InstanceDataset, instance_seed
from graphar.instances.lattices import chain, grid, triangular
from graphar.instances.many_body import newman_moore, random_hypergraph, xorsat
from graphar.instances.planted import random_chain, wishart_planted
from graphar.instances.random_graphs import erdos_renyi, random_regular

__all__ = [
    "InstanceDataset",
    "chain",
    "complete",
    "curie_weiss",
    "erdos_renyi",
    "grid",
    "instance_seed",
    "newman_moore",
    "random_chain",
    "random_hypergraph",
    "random_regular",
    "sherrington_kirkpatrick",
    "triangular",
    "wishart_planted",
    "xorsat",
]
