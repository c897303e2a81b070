r"""Heads for the Curie–Weiss model: the same coupling between all spins.

    H(x) = −J̄ Σ_{i<j} x_i x_j − Σ_i h_i x_i,   J̄ = J/N

What has been drawn acts through M_i = Σ_{j<i} x_j alone, ξ_il = J̄ M_i for every l. So a sample takes O(N), with the
sum kept from spin to spin. I. Biazzo, `arXiv:2302.08347 <https://arxiv.org/abs/2302.08347>`_. On other graphs J̄ is the
mean of J_ij over all pairs of spins.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from graphar._support.checks import check_flag
from graphar.frontier import Frontier
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.heads.base import BoundHead, Head
from graphar.heads.inputs import SiteInputs, checkpointed_chunks
from graphar.heads.magnetisation import MagnetisationCoefficients, ReadsMagnetisation, mean_coupling
from graphar.ordering.reads import Reads

__all__ = ["CurieWeiss"]

RUNS = 16  # of ranks, whose tables are made with as many hidden units for each: more waste fewer


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

    That is 2N(N + 1) weights. On the Curie–Weiss graph the table is made anew for each batch, with some N³/3
    exponentials; elsewhere each sample takes 2N² of them.

    Reference: `arXiv:2302.08347 <https://arxiv.org/abs/2302.08347>`_.

    Args:
        trainable: whether to learn corrections, instead of being exact on one kind of graph.

    >>> import graphar as ga
    >>> graph = ga.curie_weiss(100, field=0.1)
    >>> round(ga.free_energy(ga.Autoregressive(graph, CurieWeiss).at(1.2), 100).ess, 3)
    100.0
    """

    learning_rate: ClassVar[float] = 1e-3

    trainable: bool = False

    def __post_init__(self) -> None:
        check_flag(self.trainable, "trainable")

    def settings(self) -> dict[str, Any]:
        return asdict(self)

    def check_graph(self, graph: IsingGraph | SpinHypergraph) -> None:
        """The spins to come act through one coupling of all pairs.

        Raises:
            ValueError: interactions of more than two spins.
        """
        mean_coupling(graph)

    def bind(self, frontier: Frontier, *, generator: torch.Generator, dtype: torch.dtype) -> BoundHead:
        """Exact or trainable module.

        Raises:
            ValueError: without ``trainable``, couplings that are not the same on all pairs of spins.
        """
        coupling = mean_coupling(frontier.graph)
        fault = _not_curie_weiss(frontier)
        if self.trainable:
            make = _TrainableUniform if fault is None else _Trainable
            return make(frontier.num_spins, coupling, dtype)
        if fault is not None:
            raise ValueError(fault)
        return _Exact(coupling)


class _Exact(ReadsMagnetisation):
    _made: tuple[float, Tensor, Tensor] | None = None

    def forward(self, inputs: SiteInputs) -> Tensor:
        assert inputs.magnetisation is not None
        ranks = inputs.ranks[:, None]
        ups = (inputs.magnetisation + ranks).long() // 2
        return self._table(inputs.beta, inputs.fields)[ranks * (ranks + 1) // 2 + ups]

    def coefficients(self, beta: float, field: Tensor) -> MagnetisationCoefficients:
        return MagnetisationCoefficients(field[:0], field[:0], field[:0], self._table(beta, field))

    def _table(self, beta: float, field: Tensor) -> Tensor:
        if self._made is None or self._made[0] != beta or self._made[1] is not field:
            table = _logits_by_magnetisation(beta, self.coupling, field.cpu().double().numpy())
            self._made = beta, field, torch.from_numpy(table).to(field)
        return self._made[2]


def _logits_by_magnetisation(beta: float, coupling: float, field: np.ndarray) -> np.ndarray:
    """logit_i for M_i = −i, −i + 2, …, i, one i after the other, (N(N + 1)/2,).

    log Z_i(M), the log-sum over the spins from i on, is carried from the last spin to the first:
    Z_i(M) = Σ_x e^{βx(h_i + J̄M)} Z_{i+1}(M + x).
    """
    n = field.size
    table, rest = np.empty(n * (n + 1) // 2), np.zeros(n + 1)
    for i in range(n - 1, -1, -1):
        local = beta * (field[i] + coupling * (2 * np.arange(i + 1) - i))
        up, down = local + rest[1:], rest[:-1] - local
        first = i * (i + 1) // 2
        table[first : first + i + 1] = up - down
        rest = np.logaddexp(up, down)
    return table


class _HiddenUnits(nn.Module):
    """Learned corrections of the exact network's hidden units, and the logits that they give."""

    def __init__(self, num_spins: int, coupling: float, dtype: torch.dtype) -> None:
        super().__init__()
        self.coupling = coupling
        # by the number of spins to come, then k: those of N_i start at N_i (N_i + 1)/2
        units = num_spins * (num_spins + 1) // 2
        self.bias = nn.Parameter(torch.zeros(2, units, dtype=dtype))
        self.weight = nn.Parameter(torch.zeros(2, units, dtype=dtype))
        self._made: tuple[float, Tensor, Tensor] | None = None

    def filters(self) -> dict[str, Tensor]:
        """Those of :meth:`graphar.heads.BoundHead.filters`: the hidden units of one sign and one spin."""
        counts = torch.arange(1, 1 + math.isqrt(2 * self.bias.shape[1]))
        spin = torch.repeat_interleave(counts)
        both = torch.stack([spin, spin + len(counts)])
        return {"units.bias": both, "units.weight": both}

    def forward(self, inputs: SiteInputs, units: int) -> Tensor:
        """Logits of spins with at most so many hidden units of a sign."""
        if self._made is None or self._made[0] != inputs.beta or self._made[1] is not inputs.fields:
            exponents = _exponents(inputs.beta, self.coupling, inputs.fields.cpu().double().numpy())
            self._made = inputs.beta, inputs.fields, torch.from_numpy(exponents).to(inputs.fields)
        return checkpointed_chunks(partial(self._logits, units=units), inputs, 4 * inputs.ranks.numel() * units)

    def _logits(self, inputs: SiteInputs, units: int) -> Tensor:
        assert self._made is not None
        base, ranks = self._made[2][:, inputs.ranks, :units], inputs.ranks
        to_come = inputs.fields.numel() - 1 - ranks[:, None]
        k = torch.arange(units, device=ranks.device)
        unit = (to_come * (to_come + 1) // 2 + k).clamp(max=self.bias.shape[1] - 1)
        kept = k <= to_come
        slope = inputs.beta * (2 * k - to_come).to(base.dtype) + self.weight[:, unit]
        constant = torch.where(kept, base + self.bias[:, unit], -torch.inf)
        local = inputs.local
        up, down = (torch.logsumexp(constant[s, :, :, None] + slope[s, :, :, None] * local[:, None], 1) for s in (0, 1))
        return 2 * inputs.beta * (inputs.field + local) + up - down


class _Trainable(BoundHead):
    """On any graph, where ξ_ii is a sum over neighbours."""

    reads = Reads.LOCAL

    def __init__(self, num_spins: int, coupling: float, dtype: torch.dtype) -> None:
        super().__init__()
        self.units = _HiddenUnits(num_spins, coupling, dtype)

    def forward(self, inputs: SiteInputs) -> Tensor:
        return self.units(inputs, inputs.fields.numel())

    def filters(self, frontier: Frontier) -> dict[str, Tensor]:
        return self.units.filters()


class _TrainableUniform(ReadsMagnetisation):
    """Where one coupling joins all pairs of spins, so that ξ_ii = J̄ M_i."""

    def __init__(self, num_spins: int, coupling: float, dtype: torch.dtype) -> None:
        super().__init__(coupling)
        self.units = _HiddenUnits(num_spins, coupling, dtype)

    def coefficients(self, beta: float, field: Tensor) -> MagnetisationCoefficients:
        table = []
        for ranks in torch.arange(field.numel()).split(max(1, field.numel() // RUNS)):
            ups, ends = torch.arange(int(ranks[-1]) + 1), ranks[:, None]
            M = (2 * ups - ends).to(field)
            inputs = SiteInputs(beta, ranks, field[ends], M, ranks, field, magnetisation=M)
            table.append(self._logits(inputs, field.numel() - int(ranks[0]))[ups <= ends])
        return MagnetisationCoefficients(field[:0], field[:0], field[:0], torch.cat(table))

    def forward(self, inputs: SiteInputs) -> Tensor:
        return self._logits(inputs, inputs.fields.numel())

    def filters(self, frontier: Frontier) -> dict[str, Tensor]:
        return self.units.filters()

    def _logits(self, inputs: SiteInputs, units: int) -> Tensor:
        assert inputs.magnetisation is not None
        local = self.coupling * inputs.magnetisation
        rows = torch.arange(len(local), device=local.device)
        return self.units(replace(inputs, arrivals=local, local_row=rows), units)


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


def _not_curie_weiss(frontier: Frontier) -> str | None:
    """What is wrong with a graph that is not the Curie–Weiss one."""
    graph, weights = frontier.graph, frontier.arrival_weight
    n, pairs = graph.num_spins, graph.num_spins * (graph.num_spins - 1) // 2
    if weights.numel() != pairs:
        return (
            f"graph must couple every pair of its {n} spins for CurieWeiss(trainable=False), "
            f"got {weights.numel()} couplings instead of {pairs}"
        )
    # couplings of a core are J up to rounding
    if pairs and float(weights.max() - weights.min()) > 1e-12 * float(weights.abs().max()):
        return (
            f"graph must have one coupling on all pairs for CurieWeiss(trainable=False), "
            f"got couplings from {float(weights.min()):g} to {float(weights.max()):g}"
        )
    return None
