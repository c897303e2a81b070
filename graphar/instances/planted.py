"""Pairs of known ground states: the Wishart planted ensemble, the random chain of variational neural annealing."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphar._support.checks import check_flag, check_positive
from graphar.hamiltonians.ising import IsingGraph
from graphar.instances.couplings import check_memory, check_size, streams
from graphar.instances.lattices import chain

__all__ = ["random_chain", "wishart_planted"]


def wishart_planted(num_spins: int, alpha: float, *, seed: int = 0) -> IsingGraph:
    r"""Wishart planted ensemble: a complete graph whose ground states are ±t for a t planted at random.

    .. math:: J_{ij} = -\frac1N \sum_{\mu=1}^{M} w_{i\mu} w_{j\mu}, \quad w_\mu \sim \mathcal N(0, \Sigma), \quad
              \Sigma = \frac{N}{N-1} \Bigl(1 - \frac{t t^T}{N}\Bigr), \quad M = \mathrm{round}(\alpha N)

    As every w_μ is orthogonal to t, :math:`E(x) = |W^T x|^2 / 2N - \mathrm{tr}\, W W^T / 2N` is least at ±t, where the
    first term is 0. As α grows, the ground state is easy, hard and easy again to find. Reference: Hamze, Raymond,
    Pattison, Biswas and Katzgraber, `Phys. Rev. E 101, 052102 (2020) <https://doi.org/10.1103/PhysRevE.101.052102>`_.

    Args:
        num_spins: N, at least 2.
        alpha: ratio α > 0 of equations to spins, with M ≥ 1.
        seed: of the random numbers.

    Returns:
        A graph, t as its ``planted``.

    Raises:
        ValueError: fewer than two spins, α not positive or too small for one equation.

    >>> graph = wishart_planted(16, 0.5, seed=1)
    >>> graph
    IsingGraph(16 spins, 120 couplings in [-0.509, 0.414], no field)
    >>> bool((graph.flip_delta(graph.planted) > 0).all())
    True
    """
    n = check_size(num_spins)
    if n < 2:
        raise ValueError(f"num_spins must be at least 2, got {n}")
    equations = round(check_positive(alpha, "alpha") * n)
    if equations < 1:
        raise ValueError(f"alpha must leave at least one equation, alpha * num_spins ≥ 1/2, got {alpha} * {n}")
    check_memory(n, n * (n - 1) / 2, 8 * n * (n + 3 * equations))
    for_solution, for_couplings, _ = streams(seed)
    planted = 2.0 * for_solution.integers(0, 2, n) - 1.0
    z = for_couplings.standard_normal((n, equations))
    # the square root of Σ is √(N/(N−1)) times the projection across t, whose residue rounding leaves is taken out again
    w = z - np.outer(planted, planted @ z) / n
    w -= np.outer(planted, planted @ w) / n
    source, target = np.triu_indices(n, k=1)
    couplings = (-(w @ w.T) / (n - 1))[source, target]
    graph = IsingGraph.from_edges(np.stack([source, target]), couplings, num_nodes=n)
    graph.planted = planted.astype(np.int8)
    return graph


def random_chain(num_spins: int, *, periodic: Any = False, seed: int = 0) -> IsingGraph:
    r"""Random Ising chain of variational neural annealing: couplings uniform in [0, 1), so that ± all up are lowest.

    .. math:: H(x) = -\sum_i J_{i,i+1} x_i x_{i+1}, \qquad J_{i,i+1} \in [0, 1)

    Weak couplings are where domain walls stay. Couplings ±1 are ``ga.chain(couplings="pm1")``. Reference:
    Hibat-Allah, Inack, Wiersema, Melko and Carrasquilla, `Nat. Mach. Intell. 3, 952 (2021)
    <https://doi.org/10.1038/s42256-021-00401-3>`_.

    Args:
        num_spins: N.
        periodic: whether the last site is coupled to the first.
        seed: of the random numbers.

    Returns:
        A graph with ``pos``, all up as its ``planted``.

    >>> random_chain(1000, seed=0)
    IsingGraph(1000 spins, 999 couplings in [1.09e-05, 1], no field)
    """
    n, ring = check_size(num_spins), check_flag(periodic, "periodic")
    _, for_couplings, _ = streams(seed)
    count = n if ring and n > 2 else n - 1
    graph = chain(n, periodic=ring, couplings=for_couplings.random(count))
    graph.planted = np.ones(n, np.int8)
    return graph
