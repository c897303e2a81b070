"""Planar graphs without field: log Z by the Kac–Ward determinant, ground states by matching."""

from graphar.exact.planar.partition import Planar, map_of, planar

__all__ = ["Planar", "map_of", "planar"]
