r"""The exact head: every conditional by variable elimination.

With ρ_i the log-odds that the later spins add to 2β(h_i + ξ_ii),

    ρ_i = log Z(rest of C(i) | x_i = +1, ξ) − log Z(rest | x_i = −1, ξ).

On a complete graph this is Biazzo's network: couplings as the first layer, a hidden unit for every configuration of
the later spins, log-sum-exp, and a difference. I. Biazzo, `arXiv:2302.08347 <https://arxiv.org/abs/2302.08347>`_.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from graphar.frontier import Frontier
from graphar.heads.base import BoundHead, Head

__all__ = ["Exact"]


@dataclass(frozen=True)
class Exact(Head):
    r"""Exact conditionals on any graph that is narrow enough: perfect samples, log q = −βH − log Z.

    .. math:: \text{logit}_i = 2\beta(h_i + \xi_{ii}) + \log\frac{Z_{> i}(x_i = +1)}{Z_{> i}(x_i = -1)}

    The exact ARNN of `arXiv:2302.08347 <https://arxiv.org/abs/2302.08347>`_, by tables over separators instead of
    2^(N−i−1) hidden units. A model with it has no weights and holds at every β; it is the end of the dial
    ``exact_width``.

    >>> import graphar as ga
    >>> graph = ga.grid((4, 4), couplings="pm1", seed=0)
    >>> round(ga.free_energy(ga.Autoregressive(graph, Exact).at(1.0), 100).ess, 6)
    100.0
    """

    def settings(self) -> dict[str, Any]:
        return {}

    def bind(self, frontier: Frontier, *, generator: torch.Generator, dtype: torch.dtype) -> BoundHead:
        raise ValueError("head must learn something where sites are left to it, got Exact")
