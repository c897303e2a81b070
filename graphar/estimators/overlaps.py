"""Overlaps of replicas: P(q), its moments, and the link overlap, with errors that know autocorrelation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from graphar._support.checks import check_count
from graphar.estimators.autocorrelation import error_of_mean
from graphar.estimators.derived import check_chains, derived
from graphar.estimators.estimate import Estimate
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.hamiltonians.kinds import check_hamiltonian

__all__ = ["Overlaps", "overlaps"]


@dataclass(frozen=True, eq=False)
class Overlaps:
    """How alike replicas are; made by :func:`overlaps`.

    Attributes:
        mean: ⟨q⟩; zero without field, by symmetry, where chains mix.
        abs_mean: ⟨|q|⟩.
        square: ⟨q²⟩.
        binder: 1 − ⟨q⁴⟩ / 3⟨q²⟩².
        link: ⟨q_l⟩, NaN where nothing interacts.
        levels: values of q that P(q) is given at, or middles of its bins, shape (K,).
        probability: P(q) at each, which sum to 1, shape (K,).
        stderr: their standard errors, shape (K,).
    """

    mean: Estimate
    abs_mean: Estimate
    square: Estimate
    binder: Estimate
    link: Estimate
    levels: Tensor
    probability: Tensor
    stderr: Tensor

    def __repr__(self) -> str:
        rows = [("q", self.mean), ("|q|", self.abs_mean), ("q^2", self.square), ("Binder ratio", self.binder)]
        rows.append(("link overlap", self.link))
        head = f"overlaps, P(q) at {len(self.levels)} values"
        return "\n".join([head, *(f"  {name:<24}{value!r}" for name, value in rows)])


def overlaps(graph: IsingGraph | SpinHypergraph, spins: Any, other: Any = None, *, bins: int | None = None) -> Overlaps:
    r"""Overlap distribution P(q) and link overlap of pairs of replicas.

    .. math:: q = \frac1N \sum_i x_i^a x_i^b, \qquad q_l = \frac1{|E|} \sum_{(i,j) \in E} x_i^a x_j^a x_i^b x_j^b

    of configurations of two chains at the same time; of many-body interactions the products over their sites.

    Args:
        graph: the Hamiltonian.
        spins: samples, ±1, shape (chains, time, N): chains 0 and 1, 2 and 3, … are the pairs.
        other: replicas of their own to pair ``spins`` with, of the same shape, (time, N) too; they must be independent.
        bins: number of equal bins of q from −1 to 1; by default P(q) is given at each of the N + 1 values that q takes.

    Raises:
        ValueError: spins that are not ±1 of these shapes, an odd number of chains and no ``other``, or fewer than one
            bin.

    >>> import graphar as ga
    >>> graph = ga.grid((3, 3), couplings="pm1", seed=0)
    >>> exact = ga.exact.enumerate(graph, 0.0)
    >>> found = overlaps(graph, exact.sample(4000, seed=0), exact.sample(4000, seed=1))
    >>> abs(found.square.value - 1 / 9) < 5 * found.square.stderr
    True
    """
    check_hamiltonian(graph, alone=True)
    x = check_chains(spins, graph.num_spins)
    if other is None:
        if len(x) % 2:
            raise ValueError(f"spins must have an even number of chains, or other= be given, got {len(x)}")
        x, y = x[0::2], x[1::2]
    else:
        y = check_chains(other, graph.num_spins, "other")
        if y.shape != x.shape:
            raise ValueError(f"other must have the shape of spins, {tuple(x.shape)}, got {tuple(y.shape)}")
    n = graph.num_spins
    total = (x * y).sum(2, dtype=torch.int64)  # N q: n, n − 2, …
    q = (total.double() / n).numpy()
    if bins is None:
        which, levels = (total + n) // 2, torch.arange(n + 1, dtype=torch.float64) * 2 / n - 1
    else:
        count = check_count(bins, "bins")
        which = ((total + n) * count // (2 * n)).clamp(max=count - 1)  # whole numbers: no value between two bins
        levels = (torch.arange(count, dtype=torch.float64) + 0.5) * 2 / count - 1
    shares = [(which == level).double().numpy() for level in range(len(levels))]
    link = _link(graph, x * y)
    return Overlaps(
        mean=derived(lambda a: a, [q], None),
        abs_mean=derived(lambda a: a, [abs(q)], None),
        square=derived(lambda a: a, [q**2], None),
        binder=derived(lambda b, d: 1 - d / (3 * b**2), [q**2, q**4], None),
        link=Estimate(float("nan"), float("nan")) if link is None else derived(lambda a: a, [link.numpy()], None),
        levels=levels,
        probability=torch.tensor([float(share.mean()) for share in shares], dtype=torch.float64),
        stderr=torch.tensor([error_of_mean(share) for share in shares], dtype=torch.float64),
    )


def _link(graph: IsingGraph | SpinHypergraph, alike: Tensor) -> Tensor | None:
    """Mean over interactions of the product over their sites, (chains, time), of x^a x^b (chains, time, N)."""
    if isinstance(graph, IsingGraph):
        if not graph.num_couplings:
            return None
        i, j, _ = graph.undirected()
        return (alike[..., i.cpu()] * alike[..., j.cpu()]).double().mean(2)
    if not graph.num_interactions:
        return None
    site, interaction = graph.hyperedge_index.cpu()
    odd = torch.zeros(*alike.shape[:2], graph.num_interactions, dtype=torch.int32)
    odd.index_add_(2, interaction, (alike[..., site] < 0).to(torch.int32))
    return 1 - 2 * (odd % 2).double().mean(2)
