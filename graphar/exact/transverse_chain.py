r"""Ising chains in a transverse field, of any length, by free fermions.

    H = −Σ_i J_i σ^z_i σ^z_{i+1} − Σ_i Γ_i σ^x_i = Σ_k ε_k (2 n_k − 1),   ε_k the singular values of M

The matrix M has Γ_i on its diagonal and −J_i above it. On an open chain the 2^N signs give all levels. On a ring,
states of parity P = Π σ^x = ±1 have M with the corner P J_N, and of their fermions' levels those whose number of
excitations is even where det M and P have one sign, odd where not. E. Lieb, T. Schultz, D. Mattis, `Ann. Phys. 16, 407
(1961) <https://doi.org/10.1016/0003-4916(61)90115-4>`_; P. Pfeuty, `Ann. Phys. 57, 79 (1970)
<https://doi.org/10.1016/0003-4916(70)90270-8>`_.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from graphar._support.checks import check_beta
from graphar.exact.scale import check_scale
from graphar.exact.transverse import check_transverse_field
from graphar.hamiltonians import IsingGraph
from graphar.hamiltonians.kinds import check_ising

__all__ = ["TransverseChain", "transverse_chain"]


class _Sector(NamedTuple):
    """Fermions of one parity, or of both on an open chain (parity 0).

    Attributes:
        levels: ε_k, rising.
        parity: of spins, +1 or −1; 0 for both.
        agrees: whether det M has the sign of the parity, so that the sea itself is a state.
        sigma_x: ⟨σ^x⟩ in the lowest of its states, from ∂E/∂M = −U Vᵀ of M = U ε Vᵀ.
    """

    levels: np.ndarray
    parity: int
    agrees: bool
    sigma_x: np.ndarray


def transverse_chain(graph: IsingGraph, field: Any) -> TransverseChain:
    r"""Levels of :math:`H = H_\text{cl} - \sum_i \Gamma_i \sigma^x_i` on open chains and rings without other fields.

    Any couplings, any N, any site order; several chains in one graph are open to each other's sites. O(N³) time and
    N² memory of a chain: 2000 spins take some seconds.

    Reference: `Pfeuty 1970 <https://doi.org/10.1016/0003-4916(70)90270-8>`_.

    Args:
        graph: couplings along chains or rings, no longitudinal fields.
        field: Γ ≥ 0, one number or one for each site, shape (N,).

    Returns:
        Ground energy, gap and log Z; see :class:`TransverseChain`.

    Raises:
        ValueError: a graph that is no union of chains and rings, or has fields; a batch; Γ negative, not finite or of
            another shape.

    >>> import graphar as ga
    >>> transverse_chain(ga.chain(100, couplings="ferromagnet"), 1.0)  # 1 − 1/sin(π/402)
    TransverseChain(100 spins, ground_energy=-126.961877, gap=0.031259)
    """
    check_ising(graph, alone=True)
    if graph.has_field:
        raise ValueError(f"graph must have no longitudinal fields to be one of free fermions, got {graph!r}")
    gammas = check_transverse_field(field, graph.num_spins)
    check_scale(graph, 1.0)
    chains = _chains(graph)
    parts = tuple(_sectors(gammas[sites].numpy(), couplings) for sites, couplings in chains)
    return TransverseChain(graph, gammas, tuple(sites for sites, _ in chains), parts)


@dataclass(frozen=True, eq=False)
class TransverseChain:
    """Open chains and rings in a transverse field; made by :func:`transverse_chain`.

    Attributes:
        graph: the graph.
        transverse_field: Γ_i, shape (N,).
        sites: of each chain or ring, along it.
    """

    graph: IsingGraph
    transverse_field: Tensor
    sites: tuple[Tensor, ...] = field(repr=False)
    _parts: tuple[tuple[_Sector, ...], ...] = field(repr=False)

    @property
    def num_spins(self) -> int:
        """N."""
        return self.graph.num_spins

    @property
    def ground_energy(self) -> float:
        """E_0, extensive, offset included."""
        return float(self.graph.offset) + sum(_lowest(part)[0] for part in self._parts)

    @property
    def gap(self) -> float:
        """E_1 − E_0; 0 where the ground state is degenerate."""
        return float(min(low[1] - low[0] for low in map(_lowest, self._parts)))

    @property
    def sigma_x(self) -> Tensor:
        """⟨σ^x_i⟩ in the ground state, shape (N,); where it is degenerate, in one of them."""
        found = torch.empty(self.num_spins, dtype=torch.float64)
        for sites, part in zip(self.sites, self._parts, strict=True):
            found[sites] = torch.from_numpy(min(part, key=lambda sector: _levels(sector)[0]).sigma_x)
        return found

    @property
    def classical_energy(self) -> float:
        """⟨H_cl⟩ = E_0 + Σ_i Γ_i ⟨σ^x_i⟩."""
        return self.ground_energy + float(self.transverse_field @ self.sigma_x)

    def log_partition(self, beta: float) -> float:
        r""":math:`\log \operatorname{tr} e^{-\beta H}`.

        Raises:
            ValueError: β negative or not finite.
        """
        check_beta(beta)
        return sum(_log_partition(part, beta) for part in self._parts) - beta * float(self.graph.offset)

    def __repr__(self) -> str:
        spins = f"{self.num_spins} spin{'' if self.num_spins == 1 else 's'}"
        return f"TransverseChain({spins}, ground_energy={self.ground_energy:.6f}, gap={self.gap:.6f})"


def _chains(graph: IsingGraph) -> list[tuple[Tensor, np.ndarray]]:
    """Sites of every chain along it, and its couplings, as many as sites where it is a ring, one fewer if not."""
    i, j, J = (part.tolist() for part in graph.undirected())
    near: list[list[tuple[int, float]]] = [[] for _ in range(graph.num_spins)]
    for a, b, coupling in zip(i, j, J, strict=True):
        near[a].append((b, coupling))
        near[b].append((a, coupling))
    if max(map(len, near)) > 2:
        most = max(range(len(near)), key=lambda site: len(near[site]))
        raise ValueError(f"graph must be of chains and rings, got site {most} with {len(near[most])} neighbours")
    done = [False] * len(near)
    found = []
    for start in sorted(range(len(near)), key=lambda site: len(near[site]) == 2):  # rings are left for the end
        if done[start]:
            continue
        sites, couplings, here = [start], [], start
        done[start] = True
        while True:
            ahead = [(b, coupling) for b, coupling in near[here] if not done[b]]
            if not ahead:
                break
            here, coupling = ahead[0]
            done[here] = True
            sites.append(here)
            couplings.append(coupling)
        if len(sites) > 2 and len(near[start]) == 2:
            couplings += [coupling for b, coupling in near[here] if b == start]
        found.append((torch.tensor(sites), np.array(couplings)))
    return found


def _sectors(gammas: np.ndarray, couplings: np.ndarray) -> tuple[_Sector, ...]:
    n = gammas.size
    open_chain = np.diag(gammas) - np.diag(couplings[: n - 1], 1)
    if couplings.size < n or n == 1:
        return (_sector(open_chain, 0),)
    rings = []
    for parity in (1, -1):
        ring = open_chain.copy()
        ring[n - 1, 0] += parity * couplings[-1]
        rings.append(_sector(ring, parity))
    return tuple(rings)


def _sector(matrix: np.ndarray, parity: int) -> _Sector:
    u, levels, vt = np.linalg.svd(matrix)
    agrees = bool(np.linalg.det(u) * np.linalg.det(vt) * parity >= 0)
    sigma_x = (u * vt.T).sum(1)
    if not agrees:
        sigma_x -= 2 * u[:, -1] * vt[-1]
    return _Sector(levels[::-1], parity, agrees, sigma_x)


def _lowest(part: tuple[_Sector, ...]) -> list[float]:
    """The two lowest levels."""
    return sorted(level for sector in part for level in _levels(sector))[:2]


def _levels(sector: _Sector) -> tuple[float, float]:
    """The two lowest levels of a sector."""
    sea, low = -float(sector.levels.sum()), (2 * sector.levels[:2]).tolist()
    if sector.parity == 0:
        return sea, sea + low[0]
    return (sea, sea + sum(low)) if sector.agrees else (sea + low[0], sea + low[1])


def _log_partition(part: tuple[_Sector, ...], beta: float) -> float:
    """log Π 2 cosh βε; on a ring half the sum of it, and of ± Π 2 sinh βε, of both sectors."""
    terms, signs = [], []
    for levels, parity, agrees, _ in part:
        decay = np.exp(-2 * beta * levels)
        top = float((beta * levels).sum())
        terms.append(top + float(np.log1p(decay).sum()))
        signs.append(1.0)
        if parity:
            with np.errstate(divide="ignore"):
                terms.append(top + float(np.log1p(-decay).sum()))
            signs.append(1.0 if agrees else -1.0)
    if len(part) == 1:
        return terms[0]
    largest = max(terms)
    return largest + float(np.log(np.exp(np.array(terms) - largest) @ np.array(signs) / 2))
