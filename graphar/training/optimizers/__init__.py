"""Optimisers of our own."""

from graphar.training.optimizers.natural_gradient import NaturalGradient

__all__ = ["NaturalGradient"]
