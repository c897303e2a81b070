"""Hamiltonians as graphs, and their conversions."""

from graphar.hamiltonians.hypergraph import SpinHypergraph
from graphar.hamiltonians.ising import IsingGraph
from graphar.hamiltonians.reduction import PairwiseReduction

__all__ = ["IsingGraph", "PairwiseReduction", "SpinHypergraph"]
