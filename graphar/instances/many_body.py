"""Many-body models: Newman–Moore, p-spin models on random hypergraphs, XORSAT with a planted solution."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphar._support.checks import as_float_tensor, check_count, check_number
from graphar.hamiltonians.hypergraph import SpinHypergraph
from graphar.instances.couplings import COUPLINGS, FIELDS, as_numbers, check_memory, check_size, draw, streams
from graphar.instances.random_interactions import random_sets, regular_sets

__all__ = ["newman_moore", "random_hypergraph", "xorsat"]


def newman_moore(length: int, *, coupling: float = 1.0) -> SpinHypergraph:
    r"""Newman–Moore model: every downward triangle of a periodic triangular lattice of L × L sites is one interaction.

    .. math:: E(x) = \frac{J}{2} \sum_{\triangledown} x_i x_j x_k

    of the sites (r, c), (r, c+1) and (r+1, c), whose energies are those of the model's papers: a triangle of product +1
    is a defect, which costs J, and the ground states, of product −1 everywhere, have energy −J L²/2. In the signs of
    :class:`graphar.SpinHypergraph` every interaction is therefore −J/2. The all-down state is one of the ground states,
    and the only one where L is a power of 2; :func:`graphar.exact.parities` counts them for any L. Reference: Newman
    and Moore, `Phys. Rev. E 60, 5068 (1999) <https://doi.org/10.1103/PhysRevE.60.5068>`_.

    Args:
        length: L, at least 2; N = L² sites, numbered row by row.
        coupling: J.

    Returns:
        A hypergraph with ``pos`` of shape (N, 2), and the all-down state ``planted`` for J > 0.

    Raises:
        ValueError: a length below 2, a coupling that is not one finite number.

    >>> newman_moore(4)
    SpinHypergraph(16 spins, 16 interactions of 3 spins = -0.5, no field)
    """
    length = check_count(length, "length", 2)
    J = check_number(coupling, "coupling")
    n = check_size(length * length, "length squared")
    check_memory(n, 3 * n)
    site = np.arange(n).reshape(length, length)
    triangles = np.stack([site, np.roll(site, -1, axis=1), np.roll(site, -1, axis=0)], axis=-1).reshape(-1, 3)
    row, column = np.divmod(np.arange(n), length)
    pos = np.stack([row * np.sqrt(0.75), column + 0.5 * row], axis=1)
    graph = SpinHypergraph.from_hyperedges(triangles, -J / 2, num_nodes=n, pos=pos)
    if J > 0:
        graph.planted = -np.ones(n, np.int8)
    return graph


def random_hypergraph(
    num_spins: int,
    order: int = 3,
    degree: int | None = None,
    *,
    mean_degree: float | None = None,
    couplings: Any = "pm1",
    field: Any = None,
    seed: int = 0,
) -> SpinHypergraph:
    r"""p-spin model on a random hypergraph: interactions of p sites, each site in d of them, or in c on average.

    .. math:: E(x) = -\sum_a J_a \prod_{i \in a} x_i - \sum_i h_i x_i, \qquad |a| = p

    With ``degree``, places of d of each site are dealt out at random to A = Nd/p interactions, and those that would
    hold a site twice, or the sites of another one, are dealt again with a random partner; all hypergraphs are equally
    likely up to corrections of order 1/N. With ``mean_degree``, every set of p sites is there with equal probability
    (and A is Poisson where there are more than 2⁶² sets). Couplings are not scaled with p, d or N.

    Args:
        num_spins: N.
        order: p, from 2 to N.
        degree: d, at least 0, with N·d a multiple of p.
        mean_degree: c ≥ 0, in its stead.
        couplings, field, seed: as for :func:`graphar.grid`; couplings in the order of the hypergraph's interactions.

    Raises:
        ValueError: neither or both of ``degree`` and ``mean_degree``, or such that there is no such hypergraph; others
            as for :func:`graphar.grid`.

    >>> random_hypergraph(12, 3, 3, couplings="gaussian", seed=1).degree().unique()
    tensor([3])
    >>> random_hypergraph(100, 4, mean_degree=0.0)
    SpinHypergraph(100 spins, 0 interactions, no field)
    """
    n, order = check_size(num_spins), _check_order(order, num_spins)
    if (degree is None) == (mean_degree is None):
        raise ValueError(f"degree or mean_degree must be given, not both, got {degree} and {mean_degree}")
    for_sets, for_couplings, for_fields = streams(seed)
    if degree is not None:
        sets = regular_sets(n, order, _check_degree(degree, n, order), for_sets)
    else:
        mean = as_float_tensor(mean_degree, "mean_degree")
        most = math.comb(n - 1, order - 1)
        if mean.dim() != 0 or not 0 <= float(mean) <= most:
            raise ValueError(f"mean_degree must be a number from 0 to all sets of a site, {most}, got {mean_degree!r}")
        check_memory(n, float(mean) * n)
        sets = random_sets(n, order, float(mean) / most, for_sets)
    if isinstance(couplings, str):
        couplings = draw(couplings, len(sets), for_couplings, "couplings", COUPLINGS)
    if isinstance(field, str):
        field = draw(field, n, for_fields, "field", FIELDS)
    J, h = as_numbers(couplings, len(sets), "couplings"), as_numbers(field, n, "field")
    return SpinHypergraph.from_hyperedges(_sorted(sets), J, h, n)


def xorsat(num_spins: int, order: int = 3, degree: int = 3, *, seed: int = 0) -> SpinHypergraph:
    r"""XORSAT with a planted solution: parities of p spins, each site in d of them, all satisfied by t.

    .. math:: E(x) = -\sum_a J_a \prod_{i \in a} x_i, \qquad J_a = \prod_{i \in a} t_i = \pm 1

    so that the ground energy is −A = −Nd/p. Linear algebra over GF(2) solves it (:func:`graphar.exact.parities`); local
    search, for p = d = 3 above all, meets exponentially many states on its way.
    References: Ricci-Tersenghi, Weigt and Zecchina, `Phys. Rev. E 63, 026702 (2001)
    <https://doi.org/10.1103/PhysRevE.63.026702>`_; Hen, `Phys. Rev. Appl. 12, 011003 (2019)
    <https://doi.org/10.1103/PhysRevApplied.12.011003>`_.

    Args:
        num_spins: N.
        order: p.
        degree: d, with N·d a multiple of p.
        seed: of the random numbers.

    Returns:
        A hypergraph, the solution t as its ``planted``.

    Raises:
        ValueError: as for :func:`random_hypergraph`.

    >>> graph = xorsat(30, seed=1)
    >>> graph.energy(graph.planted)
    tensor(-30., dtype=torch.float64)
    """
    n, order = check_size(num_spins), _check_order(order, num_spins)
    for_sets, for_solution, _ = streams(seed)
    sets = _sorted(regular_sets(n, order, _check_degree(degree, n, order), for_sets))
    planted = (2 * for_solution.integers(0, 2, n) - 1).astype(np.int8)
    graph = SpinHypergraph.from_hyperedges(sets, planted[sets].prod(axis=1, dtype=np.float64), num_nodes=n)
    graph.planted = planted
    return graph


def _check_order(order: Any, num_spins: int) -> int:
    order = check_count(order, "order", 2)
    if order > num_spins:
        raise ValueError(f"order must be at most num_spins = {num_spins}, got {order}")
    return order


def _check_degree(degree: Any, n: int, order: int) -> int:
    degree = check_count(degree, "degree", 0)
    if n * degree % order:
        raise ValueError(f"degree must make num_spins * degree a multiple of order = {order}, got {n} * {degree}")
    check_memory(n, n * degree)
    return degree


def _sorted(sets: np.ndarray) -> np.ndarray:
    """In the order in which the hypergraph lists interactions, so that couplings of an array are its own."""
    return sets[np.lexsort(sets.T[::-1])]
