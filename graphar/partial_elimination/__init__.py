"""The dial: sites whose conditionals are exact, a learned core, and what the ones leave to the other."""

from graphar.partial_elimination.order import core_first

__all__ = ["core_first"]
