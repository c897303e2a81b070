"""Models: graph, order and head; a distribution at each β."""

from graphar.models.autoregressive import Autoregressive
from graphar.models.distribution import Distribution

__all__ = ["Autoregressive", "Distribution"]
