"""Heads compared under one budget."""

from graphar.comparison.compare import compare
from graphar.comparison.result import Comparison

__all__ = ["Comparison", "compare"]
