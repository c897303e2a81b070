"""Heads: what turns the messages that reach a spin into its conditional."""

from graphar.heads.base import BoundHead, Head
from graphar.heads.exact import Exact
from graphar.heads.linear import Linear

__all__ = ["BoundHead", "Exact", "Head", "Linear"]
