r"""Ground states in a transverse field by Lanczos iteration on all 2^N configurations, N ≤ 20.

    H = H_cl − Σ_i Γ_i σ^x_i

No matrix is stored: H_cl is a vector in the order of the codes of :mod:`graphar.exact.enumerate`, and σ^x_i swaps
neighbouring runs of 2^i entries. The iteration is ARPACK's, through scipy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from graphar._support.checks import as_float_tensor
from graphar.exact.energies import energies_by_code
from graphar.exact.enumerate import spins_from_codes
from graphar.exact.scale import check_scale
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.hamiltonians.kinds import check_hamiltonian

__all__ = ["MAX_SPINS", "TransverseField", "check_transverse_field", "transverse_field"]

MAX_SPINS = 20
DENSE = 6  # spins up to which all eigenvalues are found: ARPACK wants fewer than there are


def check_transverse_field(value: Any, num_spins: int, name: str = "transverse_field") -> Tensor:
    """Γ_i ≥ 0 of every site, float64, (N,), from one number or one for each."""
    numbers = as_float_tensor(value, name, torch.float64).detach().cpu()
    if numbers.dim() > 1 or numbers.numel() not in (1, num_spins):
        raise ValueError(f"{name} must be one number or of shape ({num_spins},), got shape {tuple(numbers.shape)}")
    if bool((numbers < 0).any()):
        raise ValueError(f"{name} must not be negative, got {float(numbers.min()):g}")
    return numbers.reshape(-1).expand(num_spins).clone()


def transverse_field(graph: IsingGraph | SpinHypergraph, field: Any) -> TransverseField:
    r"""Ground state and gap of :math:`H = H_\text{cl} - \sum_i \Gamma_i \sigma^x_i` of at most 20 spins, in float64.

    Memory is some 40 times 2^N numbers; N = 20 takes a minute or so, N = 16 about a second.

    Args:
        graph: couplings, or interactions of any numbers of spins, and longitudinal fields.
        field: Γ ≥ 0, one number or one for each site, shape (N,).

    Returns:
        Energies, amplitudes and averages; see :class:`TransverseField`.

    Raises:
        ValueError: more than 20 spins, a batch of several graphs, Γ negative, not finite or of another shape, energies
            that leave float64.

    >>> import graphar
    >>> pair = graphar.IsingGraph.from_edges([[0], [1]], 1.0)
    >>> transverse_field(pair, 1.0)  # −√(J² + 4Γ²)
    TransverseField(2 spins, ground_energy=-2.236068, gap=1.236068)
    """
    check_hamiltonian(graph, alone=True)
    n = graph.num_spins
    if n > MAX_SPINS:
        raise ValueError(
            f"graph must have at most {MAX_SPINS} spins to be diagonalised, got {n}; graphar.exact.transverse_chain "
            "solves chains of any length"
        )
    gammas = check_transverse_field(field, n)
    check_scale(graph, 1.0)
    energies = energies_by_code(graph).numpy()
    values, state = _lowest(energies, gammas.numpy())
    amplitudes = torch.from_numpy(np.abs(state))  # no signs, by Perron and Frobenius; where Γ = 0, any will do
    return TransverseField(
        graph=graph,
        transverse_field=gammas,
        ground_energy=float(values[0]) + float(graph.offset),
        gap=float(values[1] - values[0]),
        amplitudes=amplitudes / amplitudes.norm(),
    )


@dataclass(frozen=True, eq=False)
class TransverseField:
    """The ground state of a small graph in a transverse field; made by :func:`transverse_field`.

    Energies are extensive, offset included; configurations are coded as in :mod:`graphar.exact.enumerate`.

    Attributes:
        graph: the graph.
        transverse_field: Γ_i, shape (N,).
        ground_energy: E_0.
        gap: E_1 − E_0; 0 where the ground state is degenerate.
        amplitudes: ψ(x) ≥ 0, float64, in the order of the codes, shape (2^N,); where the ground state is degenerate,
            one of many.
    """

    graph: IsingGraph | SpinHypergraph
    transverse_field: Tensor
    ground_energy: float
    gap: float
    amplitudes: Tensor = field(repr=False)

    @property
    def num_spins(self) -> int:
        """N."""
        return self.graph.num_spins

    @property
    def probabilities(self) -> Tensor:
        """|ψ(x)|², in the order of the codes, shape (2^N,)."""
        return self.amplitudes**2

    @cached_property
    def sigma_x(self) -> Tensor:
        """⟨σ^x_i⟩, shape (N,)."""
        found = []
        for site in range(self.num_spins):
            halves = self.amplitudes.view(-1, 2, 2**site)
            found.append(2 * float((halves[:, 0] * halves[:, 1]).sum()))
        return torch.tensor(found, dtype=torch.float64)

    @property
    def classical_energy(self) -> float:
        """⟨H_cl⟩ = E_0 + Σ_i Γ_i ⟨σ^x_i⟩."""
        return self.ground_energy + float(self.transverse_field @ self.sigma_x)

    @cached_property
    def magnetisation(self) -> Tensor:
        """⟨σ^z_i⟩, shape (N,)."""
        spins = spins_from_codes(torch.arange(len(self.amplitudes)), self.num_spins)
        return torch.stack([self.probabilities @ column.double() for column in spins.T])

    @property
    def entropy(self) -> float:
        """−Σ |ψ|² log |ψ|² in nats, of measurements along z."""
        return -float(torch.special.xlogy(self.probabilities, self.probabilities).sum())

    def __repr__(self) -> str:
        spins = f"{self.num_spins} spin{'' if self.num_spins == 1 else 's'}"
        return f"TransverseField({spins}, ground_energy={self.ground_energy:.6f}, gap={self.gap:.6f})"


def _lowest(energies: np.ndarray, gammas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two lowest eigenvalues and the lowest eigenvector."""
    size, n = energies.size, gammas.size

    def times(vector: np.ndarray) -> np.ndarray:
        vector = vector.reshape(-1)
        result = energies * vector
        for site in range(n):
            if gammas[site]:
                halves, to = vector.reshape(-1, 2, 2**site), result.reshape(-1, 2, 2**site)
                to -= gammas[site] * halves[:, ::-1]
        return result

    if n <= DENSE:
        values, vectors = np.linalg.eigh(np.stack([times(row) for row in np.eye(size)]))
        return values[:2], vectors[:, 0]
    if not gammas.any():
        order = np.argsort(energies, kind="stable")[:2]
        return energies[order], np.eye(1, size, order[0])[0]
    from scipy.sparse.linalg import LinearOperator, eigsh

    # in units that neither a large offset of energies nor their size changes; from a start that no symmetry rules out
    unit = math.ldexp(1.0, math.frexp(float(max(np.abs(energies).max(), gammas.sum())))[1])
    operator = LinearOperator((size, size), matvec=lambda vector: times(vector) / unit, dtype=np.float64)
    start = np.random.default_rng(0).random(size) + 0.5
    values, vectors = eigsh(operator, k=2, which="SA", v0=start, ncv=min(size, 32), tol=1e-13)
    order = np.argsort(values)
    return values[order] * unit, vectors[:, order[0]]
