r"""Heads for the Curie–Weiss model: the same coupling between all spins.

    H(x) = −J̄ Σ_{i<j} x_i x_j − Σ_i h_i x_i,   J̄ = J/N

What has been drawn acts through M_i = Σ_{j<i} x_j alone, ξ_il = J̄ M_i for every l. So a sample takes O(N), with the
sum kept from spin to spin. I. Biazzo, `arXiv:2302.08347 <https://arxiv.org/abs/2302.08347>`_. On other graphs J̄ is the
mean of J_ij over all pairs of spins.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from graphar.frontier import Frontier
from graphar.hamiltonians import IsingGraph
from graphar.heads.base import BoundHead, Head, SiteInputs, check_scale, in_parts

__all__ = ["CurieWeiss", "CurieWeissInfinite", "OneParameter"]


@dataclass(frozen=True)
class CurieWeiss(Head):
    r"""Conditionals of the Curie–Weiss model at finite N: exact there, with nothing to train.

    With N_i = N − 1 − i spins to come, of total m = 2k − N_i, k = 0 … N_i,

    .. math:: \text{logit}_i = 2\beta (h_i + \xi_{ii}) + \rho_i^+ - \rho_i^-, \qquad
        \rho_i^\pm = \log \sum_k \binom{N_i}{k} \exp\Bigl[\tfrac{\beta \bar J}{2} (m^2 - N_i) + \beta h m
        + \beta m (\xi_{ii} \pm \bar J)\Bigr]

    The fields may differ from spin to spin: C(N_i, k) e^{βhm} is then the sum of e^{βΣhx} over the configurations of
    total m. On the Curie–Weiss graph ρ is a function of M_i, and a table for all N(N + 1)/2 values of (i, M_i)
    takes one backward sweep for each β. As a network it has a hidden unit for every k.

    With ``trainable``, exponents get weights of their own, zero at the start, on any graph:

    .. math:: \text{exponent}_{ik}^\pm \mathrel{+}= b_{ik}^\pm + w_{ik}^\pm \xi_{ii}

    That is 2N(N + 1) weights.

    Reference: `arXiv:2302.08347 <https://arxiv.org/abs/2302.08347>`_.

    Args:
        trainable: whether to learn corrections, instead of being exact on one kind of graph.

    >>> import graphar as ga
    >>> graph = ga.curie_weiss(100, field=0.1)
    >>> round(ga.free_energy(ga.Autoregressive(graph, CurieWeiss).at(1.2), 100).ess, 3)
    100.0
    """

    trainable: bool = False

    def settings(self) -> dict[str, Any]:
        return asdict(self)

    def bind(self, frontier: Frontier, *, generator: torch.Generator, dtype: torch.dtype) -> BoundHead:
        """Exact or trainable module.

        Raises:
            ValueError: without ``trainable``, couplings that are not the same on all pairs of spins.
        """
        coupling = _mean_coupling(frontier.graph)
        if self.trainable:
            return _Trainable(frontier.num_spins, coupling, dtype)
        _check_curie_weiss(frontier.graph)
        return _Exact(coupling)


class _Exact(BoundHead):
    reads = "magnetisation"

    def __init__(self, coupling: float) -> None:
        super().__init__()
        self.coupling = coupling
        self._made: tuple[float, Tensor, Tensor] | None = None

    def forward(self, inputs: SiteInputs) -> Tensor:
        assert inputs.magnetisation is not None
        if self._made is None or self._made[0] != inputs.beta or self._made[1] is not inputs.fields:
            table = _logits_by_magnetisation(inputs.beta, self.coupling, inputs.fields.cpu().double().numpy())
            self._made = inputs.beta, inputs.fields, torch.from_numpy(table).to(inputs.fields)
        rows = self._made[2][inputs.ranks]
        ups = (inputs.magnetisation + inputs.ranks[:, None]) / 2
        return rows.gather(1, ups.long())


def _logits_by_magnetisation(beta: float, coupling: float, field: np.ndarray) -> np.ndarray:
    """logit_i for M_i = 2u − i, u = 0 … i, zero above, (N, N).

    log Z_i(M), the log-sum over the spins from i on, is carried from the last spin to the first:
    Z_i(M) = Σ_x e^{βx(h_i + J̄M)} Z_{i+1}(M + x).
    """
    n = field.size
    table, rest = np.zeros((n, n)), np.zeros(n + 1)
    for i in range(n - 1, -1, -1):
        local = beta * (field[i] + coupling * (2 * np.arange(i + 1) - i))
        up, down = local + rest[1:], rest[:-1] - local
        table[i, : i + 1] = up - down
        rest = np.logaddexp(up, down)
    return table


class _Trainable(BoundHead):
    reads = "local"

    def __init__(self, num_spins: int, coupling: float, dtype: torch.dtype) -> None:
        super().__init__()
        self.coupling = coupling
        # hidden units by the number of spins to come, then k: those of N_i start at N_i (N_i + 1)/2
        units = num_spins * (num_spins + 1) // 2
        self.bias = nn.Parameter(torch.zeros(2, units, dtype=dtype))
        self.weight = nn.Parameter(torch.zeros(2, units, dtype=dtype))
        self._made: tuple[float, Tensor, Tensor] | None = None

    def forward(self, inputs: SiteInputs) -> Tensor:
        if self._made is None or self._made[0] != inputs.beta or self._made[1] is not inputs.fields:
            exponents = _exponents(inputs.beta, self.coupling, inputs.fields.cpu().double().numpy())
            self._made = inputs.beta, inputs.fields, torch.from_numpy(exponents).to(inputs.fields)
        numbers = 4 * inputs.ranks.numel() * inputs.fields.numel()
        return in_parts(self._logits, inputs, numbers)

    def _logits(self, inputs: SiteInputs) -> Tensor:
        assert self._made is not None
        base, ranks = self._made[2], inputs.ranks
        to_come = base.shape[1] - 1 - ranks[:, None]
        k = torch.arange(base.shape[1], device=ranks.device)
        unit = (to_come * (to_come + 1) // 2 + k).clamp(max=self.bias.shape[1] - 1)
        kept = k <= to_come
        slope = inputs.beta * (2 * k - to_come).to(base.dtype) + self.weight[:, unit]
        constant = torch.where(kept, base[:, ranks] + self.bias[:, unit], -torch.inf)
        local = inputs.local
        up, down = (torch.logsumexp(constant[s, :, :, None] + slope[s, :, :, None] * local[:, None], 1) for s in (0, 1))
        return 2 * inputs.beta * (inputs.field + local) + up - down


def _exponents(beta: float, coupling: float, field: np.ndarray) -> np.ndarray:
    """Constants of the exponents by sign, rank and k, (2, N, N); zero beyond k = N_i."""
    n = field.size
    exponents = np.zeros((2, n, n))
    weight = np.zeros(1)  # log Σ e^{βΣhx} over the spins to come, by the number of them that are up
    for i in range(n - 1, -1, -1):
        to_come = n - 1 - i
        m = 2 * np.arange(to_come + 1) - to_come
        pairs = weight + beta * coupling / 2 * (m.astype(float) ** 2 - to_come)
        exponents[0, i, : to_come + 1] = pairs + beta * coupling * m
        exponents[1, i, : to_come + 1] = pairs - beta * coupling * m
        last = np.full(1, -np.inf)
        weight = np.logaddexp(
            np.concatenate([last, weight + beta * field[i]]), np.concatenate([weight - beta * field[i], last])
        )
    return exponents


@dataclass(frozen=True)
class CurieWeissInfinite(Head):
    r"""Conditionals of the Curie–Weiss model as N → ∞, where one saddle point decides the sum over the later spins.

    .. math:: \text{logit}_i = 2\beta (h_i + \bar J M_i) + \omega_0 M_i + \omega_i\, \phi(h_i + \bar J M_i)

    φ is the sign, with φ(0) = 0, or tanh. The shared ω_0 and the ω_i start as normals of standard deviation
    ``scale``/N. N + 1 weights, or N without ``shared``.

    Reference: `arXiv:2302.08347 <https://arxiv.org/abs/2302.08347>`_.

    Args:
        activation: φ, ``"sign"`` or ``"tanh"``.
        shared: whether there is an ω_0.
        scale: size of the starting weights, times 1/N.

    Raises:
        ValueError: another activation, or ``scale`` negative or not finite.

    >>> import graphar as ga
    >>> ga.Autoregressive(ga.curie_weiss(50), CurieWeissInfinite).num_parameters
    51
    """

    activation: str = "sign"
    shared: bool = True
    scale: float = 1e-2

    def __post_init__(self) -> None:
        if self.activation not in ("sign", "tanh"):
            raise ValueError(f'activation must be "sign" or "tanh", got {self.activation!r}')
        check_scale(self.scale)

    def settings(self) -> dict[str, Any]:
        return asdict(self)

    def bind(self, frontier: Frontier, *, generator: torch.Generator, dtype: torch.dtype) -> BoundHead:
        n = frontier.num_spins
        start = self.scale / n * torch.randn(n + self.shared, generator=generator, dtype=dtype)
        activation = torch.sign if self.activation == "sign" else torch.tanh
        return _Infinite(start[:n], start[n:] if self.shared else None, activation, _mean_coupling(frontier.graph))


class _Infinite(BoundHead):
    reads = "magnetisation"

    def __init__(self, weight: Tensor, shared: Tensor | None, activation: Any, coupling: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight.clone())
        self.shared = None if shared is None else nn.Parameter(shared.clone())
        self.activation, self.coupling = activation, coupling

    def forward(self, inputs: SiteInputs) -> Tensor:
        assert inputs.magnetisation is not None
        local = inputs.field + self.coupling * inputs.magnetisation
        logits = 2 * inputs.beta * local + self.weight[inputs.ranks, None] * self.activation(local)
        return logits if self.shared is None else logits + self.shared * inputs.magnetisation


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


class _OneParameter(BoundHead):
    reads = "magnetisation"

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, inputs: SiteInputs) -> Tensor:
        assert inputs.magnetisation is not None
        return 2 * inputs.beta * inputs.field + self.weight[inputs.ranks, None] * inputs.magnetisation


def _mean_coupling(graph: IsingGraph) -> float:
    """J̄, the mean of J_ij over all pairs of spins."""
    n = graph.num_spins
    return float(graph.edge_weight.double().sum()) / (n * (n - 1)) if n > 1 else 0.0


def _check_curie_weiss(graph: IsingGraph) -> None:
    _, _, weights = graph.undirected()
    n, pairs = graph.num_spins, graph.num_spins * (graph.num_spins - 1) // 2
    if weights.numel() != pairs:
        raise ValueError(
            f"graph must couple every pair of its {n} spins for CurieWeiss(trainable=False), "
            f"got {weights.numel()} couplings instead of {pairs}"
        )
    # couplings of a core are J up to rounding
    if pairs and float(weights.max() - weights.min()) > 1e-12 * float(weights.abs().max()):
        raise ValueError(
            f"graph must have one coupling on all pairs for CurieWeiss(trainable=False), "
            f"got couplings from {float(weights.min()):g} to {float(weights.max()):g}"
        )
