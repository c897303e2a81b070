r"""Heads that read how many spins point up so far, and little else: the limit of Curie–Weiss, and a single weight.

I. Biazzo, `arXiv:2302.08347 <https://arxiv.org/abs/2302.08347>`_; :mod:`graphar.heads.curie_weiss` has finite N.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from graphar._support.checks import check_flag
from graphar.frontier import Frontier
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.heads.base import BoundHead, Head, check_scale
from graphar.heads.inputs import SiteInputs
from graphar.heads.magnetisation import MagnetisationCoefficients, ReadsMagnetisation, mean_coupling

__all__ = ["CurieWeissInfinite", "OneParameter"]


@dataclass(frozen=True)
class CurieWeissInfinite(Head):
    r"""Conditionals of the Curie–Weiss model as N → ∞, where one saddle point decides the sum over the later spins.

    .. math:: \text{logit}_i = 2\beta (h_i + \bar J M_i) + \omega_0 M_i + \omega_i\, \phi(h_i + \bar J M_i)

    φ is the sign, with φ(0) = 0, or tanh. The shared ω_0 and the ω_i start as normals of standard deviation
    ``scale``/N. N + 1 weights, or N without ``shared``.

    At finite N and β N J̄ ≈ 1 the two saddle points ± m are too close for the sign: at N = 100 its best weights leave
    F a relative error of 2.4e-3, at N = 200 of 1.8e-3. ``"gain"`` is φ_i = tanh γ_i(h_i + J̄ M_i) with N more weights
    γ_i, which start at 1/(|J̄| √N), the reach of M_i there, and go to the sign as they grow: at N = 200 they leave less
    than 1e-4.

    With ``start_beta``, the ω_i start around the saddle point

    .. math:: \omega_i = 2\beta \bar J (N - 1 - i) |m|, \qquad m = \tanh \beta (N \bar J m + \bar h)

    with h̄ the mean field, and F is close to exact at that β before any training.

    Reference: `arXiv:2302.08347 <https://arxiv.org/abs/2302.08347>`_.

    Args:
        activation: φ, ``"sign"``, ``"tanh"`` or ``"gain"``.
        shared: whether there is an ω_0.
        scale: size of the random starting weights, times 1/N.
        start_beta: β whose saddle point the ω_i start at, for the sign alone; by default at none.

    Raises:
        ValueError: another activation, ``scale`` or ``start_beta`` negative or not finite, a ``start_beta`` for
            another activation than the sign.

    >>> import graphar as ga
    >>> graph = ga.curie_weiss(200)
    >>> ga.Autoregressive(graph, CurieWeissInfinite).num_parameters
    201
    >>> started = ga.Autoregressive(graph, CurieWeissInfinite(start_beta=2.0))
    >>> ga.free_energy(started.at(2.0), 1000).ess > 900
    True
    """

    activation: str = "sign"
    shared: bool = True
    scale: float = 1e-2
    start_beta: float | None = None

    def __post_init__(self) -> None:
        if self.activation not in ("sign", "tanh", "gain"):
            raise ValueError(f'activation must be "sign", "tanh" or "gain", got {self.activation!r}')
        check_flag(self.shared, "shared")
        check_scale(self.scale)
        if self.start_beta is not None:
            if self.activation != "sign":
                raise ValueError(f'start_beta must be None where activation is not "sign", got {self.start_beta}')
            if not math.isfinite(self.start_beta) or self.start_beta < 0:
                raise ValueError(f"start_beta must be finite and not negative, got {self.start_beta}")

    def settings(self) -> dict[str, Any]:
        return asdict(self)

    def check_graph(self, graph: IsingGraph | SpinHypergraph) -> None:
        """The spins to come act through one coupling of all pairs.

        Raises:
            ValueError: interactions of more than two spins.
        """
        mean_coupling(graph)

    def bind(self, frontier: Frontier, *, generator: torch.Generator, dtype: torch.dtype) -> BoundHead:
        n = frontier.num_spins
        start = self.scale / n * torch.randn(n + self.shared, generator=generator, dtype=dtype)
        coupling = mean_coupling(frontier.graph)
        if self.start_beta is not None:
            start[:n] += _saddle_point(n, self.start_beta, coupling, float(frontier.graph.h.double().mean()))
        weight, shared = start[:n], start[n:] if self.shared else None
        if self.activation == "gain":
            return _WithGain(weight, shared, coupling)
        return _Infinite(weight, shared, coupling, self.activation == "tanh")


def _saddle_point(n: int, beta: float, coupling: float, field: float) -> Tensor:
    """2βJ̄ N_i |m|, N_i = N − 1 − i spins being left at rank i: what they add to logit_i where all align, (N,)."""
    from graphar.exact.curie_weiss import curie_weiss_limit

    m = abs(curie_weiss_limit(beta, n * coupling, field).magnetisation_per_site)
    return 2 * beta * coupling * m * torch.arange(n - 1, -1, -1, dtype=torch.float64)


class _Infinite(ReadsMagnetisation):
    def __init__(self, weight: Tensor, shared: Tensor | None, coupling: float, tanh: bool) -> None:
        super().__init__(coupling, tanh)
        self.weight = nn.Parameter(weight.clone())
        self.shared = None if shared is None else nn.Parameter(shared.clone())

    def forward(self, inputs: SiteInputs) -> Tensor:
        assert inputs.magnetisation is not None
        local = inputs.field + self.coupling * inputs.magnetisation
        logits = 2 * inputs.beta * local + self.weight[inputs.ranks, None] * self._phi(inputs.ranks, local)
        return logits if self.shared is None else logits + self.shared * inputs.magnetisation

    def _phi(self, ranks: Tensor, local: Tensor) -> Tensor:
        return torch.tanh(local) if self.tanh else torch.sign(local)

    def coefficients(self, beta: float, field: Tensor) -> MagnetisationCoefficients:
        slope = torch.full_like(field, 2 * beta * self.coupling)
        slope = slope if self.shared is None else slope + self.shared
        return MagnetisationCoefficients(slope, self.weight, field[:0], field[:0])


class _WithGain(_Infinite):
    def __init__(self, weight: Tensor, shared: Tensor | None, coupling: float) -> None:
        super().__init__(weight, shared, coupling, True)
        reach = abs(coupling) * math.sqrt(len(weight)) or 1.0
        self.log_gain = nn.Parameter(torch.full_like(weight, -math.log(reach)))

    def _phi(self, ranks: Tensor, local: Tensor) -> Tensor:
        return torch.tanh(self.log_gain[ranks, None].exp() * local)

    def coefficients(self, beta: float, field: Tensor) -> MagnetisationCoefficients:
        return super().coefficients(beta, field)._replace(gain=self.log_gain.exp())


@dataclass(frozen=True)
class OneParameter(Head):
    r"""One weight for each spin, on the sum of the spins before it.

    .. math:: \text{logit}_i = 2\beta h_i + \omega_i M_i, \qquad M_i = \sum_{j<i} x_j

    N weights, which start as normals of standard deviation ``scale``/N. The simplest network of
    `arXiv:2302.08347 <https://arxiv.org/abs/2302.08347>`_.

    Args:
        scale: size of the starting weights, times 1/N.

    Raises:
        ValueError: ``scale`` is negative or not finite.

    >>> import graphar as ga
    >>> ga.Autoregressive(ga.curie_weiss(50), OneParameter).num_parameters
    50
    """

    scale: float = 1.0

    def __post_init__(self) -> None:
        check_scale(self.scale)

    def settings(self) -> dict[str, Any]:
        return asdict(self)

    def bind(self, frontier: Frontier, *, generator: torch.Generator, dtype: torch.dtype) -> BoundHead:
        n = frontier.num_spins
        return _OneParameter(self.scale / n * torch.randn(n, generator=generator, dtype=dtype))


class _OneParameter(ReadsMagnetisation):
    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, inputs: SiteInputs) -> Tensor:
        assert inputs.magnetisation is not None
        return 2 * inputs.beta * inputs.field + self.weight[inputs.ranks, None] * inputs.magnetisation

    def coefficients(self, beta: float, field: Tensor) -> MagnetisationCoefficients:
        return MagnetisationCoefficients(self.weight, field[:0], field[:0], field[:0])
