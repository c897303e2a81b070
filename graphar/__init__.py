"""Spins on graphs: autoregressive networks by ordered sparse message passing."""

from graphar.hamiltonians import IsingGraph

__version__ = "0.1.0"

__all__ = ["IsingGraph"]
