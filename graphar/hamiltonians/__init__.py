"""Hamiltonians as graphs, and their conversions."""

from graphar.hamiltonians.ising import IsingGraph

__all__ = ["IsingGraph"]
