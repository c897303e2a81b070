"""Correlations of spins, and the length that they reach on a lattice, with errors that know autocorrelation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from graphar._support.checks import as_tensor, check_flag, check_positive
from graphar.estimators.derived import check_chains, check_weights, derived
from graphar.estimators.estimate import Estimate
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.hamiltonians.kinds import check_hamiltonian

__all__ = ["Correlations", "correlation_length", "correlations"]


@dataclass(frozen=True, eq=False)
class Correlations:
    """⟨x_i x_j⟩ of pairs of sites; made by :func:`correlations`.

    Attributes:
        pairs: sites i and j, shape (2, P).
        value: ⟨x_i x_j⟩, or ⟨x_i x_j⟩ − ⟨x_i⟩⟨x_j⟩ where connected ones were asked for, shape (P,).
        stderr: their standard errors, shape (P,).
    """

    pairs: Tensor
    value: Tensor
    stderr: Tensor

    def __repr__(self) -> str:
        largest = float(self.stderr.max()) if len(self.stderr) else 0.0
        return f"Correlations({self.pairs.shape[1]} pairs, errors up to {largest:.2g})"


def correlations(spins: Any, pairs: Any, *, connected: bool = False, log_weights: Any = None) -> Correlations:
    r"""Correlations of pairs of spins from samples.

    .. math:: C_{ij} = \langle x_i x_j \rangle \quad \text{or} \quad
        \langle x_i x_j \rangle - \langle x_i \rangle \langle x_j \rangle

    Args:
        spins: samples, ±1, shape (time, N) or (chains, time, N).
        pairs: sites i and j of each pair, shape (2, P), such as ``graph.undirected()[:2]`` stacked.
        connected: whether to take the product of the means off.
        log_weights: log of the weight of each configuration, equal ones by default.

    Raises:
        ValueError: fewer than 2 configurations, pairs that are no two rows of sites, or weights of another shape.

    >>> import torch
    >>> spins = torch.tensor([[1, 1], [-1, -1], [1, 1], [1, -1]])
    >>> correlations(spins, [[0], [1]]).value
    tensor([0.5000], dtype=torch.float64)
    """
    given = as_tensor(spins, "spins")
    n = given.shape[-1] if given.dim() else 0
    x = check_chains(given, n)
    ends = as_tensor(pairs, "pairs").cpu()
    if ends.dim() != 2 or ends.shape[0] != 2 or ends.is_floating_point() or ends.dtype == torch.bool:
        raise ValueError(f"pairs must be two rows of sites, shape (2, P), got {ends.dtype}, {tuple(ends.shape)}")
    if ends.numel() and (int(ends.min()) < 0 or int(ends.max()) >= n):
        raise ValueError(f"pairs must hold sites 0…{n - 1}, got {int(ends.min())} … {int(ends.max())}")
    weight = check_weights(log_weights, (x.shape[0], x.shape[1]))
    found = []
    for i, j in ends.T.tolist():
        a, b = x[..., i].double().numpy(), x[..., j].double().numpy()
        if check_flag(connected, "connected"):
            found.append(derived(lambda ab, a, b: ab - a * b, [a * b, a, b], weight))
        else:
            found.append(derived(lambda ab: ab, [a * b], weight))
    values = torch.tensor([[each.value, each.stderr] for each in found], dtype=torch.float64).reshape(-1, 2)
    return Correlations(ends, values[:, 0], values[:, 1])


def correlation_length(
    graph: IsingGraph | SpinHypergraph,
    spins: Any,
    *,
    lengths: Sequence[float] | None = None,
    replicas: bool = False,
    log_weights: Any = None,
) -> Estimate:
    r"""Second-moment correlation length on a lattice, in its units.

    .. math:: \xi = \frac{1}{2 \sin(k/2)} \sqrt{\frac{S(0)}{S(k)} - 1}, \quad
        S(k) = \frac1N \Big\langle \Big| \sum_j x_j e^{i k r_j} \Big|^2 \Big\rangle, \quad k = \frac{2\pi}{L}

    along each axis, the mean of all axes longer than 2. With ``replicas`` that of the overlap of pairs of chains,
    x_j^a x_j^b in the place of x_j, which spin glasses have. It is meant for lattices that are periodic, above the
    transition or at it: in an ordered phase it measures the size.

    Reference: `Cooper, Freedman and Preston 1982 <https://doi.org/10.1016/0550-3213(82)90240-1>`_.

    Args:
        graph: a Hamiltonian with places ``pos`` of the sites.
        spins: samples, ±1, shape (time, N) or (chains, time, N); with ``replicas`` an even number of chains.
        lengths: periods L of the lattice along each axis; by default places are whole numbers, and L their extent + 1.
        replicas: whether to take overlaps of chains 0 and 1, 2 and 3, ….
        log_weights: log of the weight of each configuration, equal ones by default; not with ``replicas``.

    Returns:
        ξ; 0 with an infinite error where S(k) is not below S(0), within noise.

    Raises:
        ValueError: a graph without places or with places off a lattice and no lengths, or spins as above that are none.

    >>> import graphar as ga
    >>> ring = ga.chain(12, periodic=True, couplings="ferromagnet")
    >>> found = correlation_length(ring, ga.exact.enumerate(ring, 0.5).sample(20000, seed=0))
    >>> abs(found.value - 1.175) < 5 * found.stderr  # sinh 1, of an infinite ring too
    True
    """
    check_hamiltonian(graph, alone=True)
    x = check_chains(spins, graph.num_spins)
    place, periods = _lattice(graph, lengths)
    if check_flag(replicas, "replicas"):
        if log_weights is not None:
            raise ValueError("log_weights must be None with replicas, whose samples come in pairs, got some")
        if len(x) % 2:
            raise ValueError(f"spins must have an even number of chains with replicas=True, got {len(x)}")
        x = x[0::2] * x[1::2]
    weight = check_weights(log_weights, (x.shape[0], x.shape[1]))
    factors, waves = [], [np.ones(graph.num_spins)]
    for axis, period in enumerate(periods):
        if period > 2:
            k = 2 * math.pi / period
            factors.append(1 / (2 * math.sin(k / 2)))
            waves += [np.cos(k * place[:, axis]), np.sin(k * place[:, axis])]
    if not factors:
        raise ValueError(f"graph must be longer than 2 along one axis, got the lengths {periods}")
    parts = (x.double() @ torch.from_numpy(np.stack(waves, 1))).numpy() ** 2 / graph.num_spins
    series = [parts[..., 0], *(parts[..., k] + parts[..., k + 1] for k in range(1, len(waves), 2))]

    def length(zero: Tensor, *others: Tensor) -> Tensor:
        terms = [factor * (zero / other - 1).clamp(min=0).sqrt() for factor, other in zip(factors, others, strict=True)]
        return torch.stack(terms).mean()

    return derived(length, series, weight)


def _lattice(graph: IsingGraph | SpinHypergraph, lengths: Sequence[float] | None) -> tuple[np.ndarray, list[float]]:
    if graph.pos is None:
        raise ValueError(f"graph must have places of its sites, graph.pos, got {graph!r} without")
    place = graph.pos.double().cpu().numpy()
    if lengths is not None:
        if len(lengths) != place.shape[1]:
            raise ValueError(f"lengths must have one number for each of {place.shape[1]} axes, got {lengths!r}")
        return place, [check_positive(length, "lengths") for length in lengths]
    if abs(place - place.round()).max() > 1e-9:
        raise ValueError("graph must have places that are whole numbers, or lengths= be given, got others")
    return place, (place.max(0) - place.min(0) + 1).tolist()
