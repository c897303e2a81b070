r"""Exact statistical mechanics by variable elimination: any graph of small treewidth, however long.

Spins are summed out one after the other, from the last rank of an ordering to the first; each leaves a table over
its separator, of 2^{|P(i)|} entries. So time and memory go as Σ_i 2^{|P(i)|}: linear in N on chains, ladders and
trees, 2^L for a planar grid of side L. Tables of all spins at one height of the elimination tree are made together.
From the tables follow log Z, the averages (its derivatives, in one pass back), perfect samples (the tables' log-odds
are the exact conditionals), and, with maxima for sums, ground states and their number.

R. Dechter, `Artificial Intelligence 113, 41 (1999) <https://doi.org/10.1016/S0004-3702(99)00059-4>`_.
"""

from __future__ import annotations

from typing import Any

from graphar._support.checks import as_float_tensor
from graphar.elimination.cost import OrderingLike
from graphar.exact.conditioning import check_fixed
from graphar.exact.elimination import Elimination
from graphar.exact.scale import check_scale
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.hamiltonians.kinds import check_hamiltonian

__all__ = ["eliminate"]


def eliminate(
    graph: IsingGraph | SpinHypergraph,
    beta: Any,
    ordering: OrderingLike | None = None,
    *,
    fixed: Any = None,
    memory: float = 2e9,
) -> Elimination:
    r"""Exact :math:`P(x) = e^{-\beta H(x)} / Z` of a graph of small treewidth, in float64.

    Args:
        graph: couplings, or interactions of any numbers of spins, and fields.
        beta: inverse temperature β ≥ 0, a number or a tensor of them.
        ordering: spins are summed out from its last rank to its first; an ordering, a function that makes one
            (:func:`graphar.rcm`, …), or by default the one of ours with the smallest predicted cost. Of a hypergraph,
            one of its ``primal_graph()``.
        fixed: spins that are held, shape (..., N): ±1, and 0 for those that stay free. Everything is then conditional
            on them, and log Z is that of the free spins given the others, whose energy is included. Spins held in
            every row are taken out of the graph, which makes it narrower.
        memory: bytes that the tables may take. Batches are split to fit.

    Returns:
        Partition functions, averages, samples and ground states, for every β and row of ``fixed``, whose shapes are
        broadcast together; see :class:`Elimination`.

    Raises:
        ValueError: tables larger than ``memory`` (the message says how large), a batch of several graphs, β negative
            or not finite, energies or β times them that leave float64, ``fixed`` with other entries than −1, 0, +1.

    >>> import graphar as ga
    >>> ladder = ga.grid((2, 1000), couplings="pm1", seed=1)
    >>> exact = eliminate(ladder, beta=[0.5, 1.0])
    >>> exact
    Elimination(2000 spins, min degree order, width 2, beta of shape (2,))
    >>> exact.entropy / 2000
    tensor([0.5295, 0.2914], dtype=torch.float64)
    >>> exact.sample(10, seed=1).shape
    torch.Size([2, 10, 2000])
    """
    check_hamiltonian(graph, alone=True)
    graph.validate()
    betas = as_float_tensor(beta, "beta").detach().double()
    if bool((betas < 0).any()):
        raise ValueError(f"beta must not be negative, got {betas.min().item()}")
    if not betas.numel():
        raise ValueError(f"beta must hold at least one number, got shape {tuple(betas.shape)}")
    check_scale(graph, betas.max().item())
    if not float(memory) > 0:
        raise ValueError(f"memory must be a positive number of bytes, got {memory}")
    held = None if fixed is None else check_fixed(fixed, graph.num_spins).to(graph.h.device)
    return Elimination(graph, betas.to(graph.h.device), ordering, held, float(memory))
