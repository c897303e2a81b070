"""Energies of all 2^N configurations, built by doubling.

With site k the codes 0…2^k − 1 become 0…2^{k+1} − 1, and the new half differs from the old one by the local field
f_k(x) = h_k + Σ_{j<k} J_jk x_j, itself built by doubling. That is O(2^N) additions in all, however many couplings there
are. Interactions of more sites are coefficients by the code of their sites, and one Walsh transform of O(N 2^N)
additions makes their sum of them.
"""

from __future__ import annotations

import torch
from torch import Tensor

from graphar.hamiltonians import IsingGraph, SpinHypergraph

__all__ = ["energies_by_code"]


def energies_by_code(graph: IsingGraph | SpinHypergraph) -> Tensor:
    """Energies without the offset, float64, in the order of the codes, shape (2^N,)."""
    if isinstance(graph, IsingGraph):
        return _energies_of_pairs(graph)
    energies = _energies_of_pairs(graph.skeleton())
    codes = [(sum(1 << site for site in sites), J) for sites, J in graph.listed() if len(sites) > 2]
    if codes:
        table = torch.zeros_like(energies)
        table[torch.tensor([code for code, _ in codes])] = torch.tensor([J for _, J in codes], dtype=torch.float64)
        energies -= _sum_products(table)
    return energies


def _energies_of_pairs(graph: IsingGraph) -> Tensor:
    n = graph.num_spins
    J = torch.zeros(n, n, dtype=torch.float64)
    ends = graph.edge_index.cpu()
    J[ends[0], ends[1]] = graph.edge_weight.detach().cpu().double()
    h = graph.h.detach().cpu().double()
    energies = torch.zeros(2**n, dtype=torch.float64)
    for k in range(n):
        local = h[k : k + 1]
        for coupling in J[k, :k]:
            local = torch.cat([local - coupling, local + coupling])
        half = 2**k
        torch.sub(energies[:half], local, out=energies[half : 2 * half])
        energies[:half] += local
    return energies


def _sum_products(table: Tensor) -> Tensor:
    """Σ_a c_a Π_{i∈a} x_i of every code, from the coefficients by the codes of a; in place."""
    half = 1
    while half < len(table):
        pairs = table.view(-1, 2, half)
        without, with_site = pairs[:, 0].clone(), pairs[:, 1]
        pairs[:, 0] -= with_site  # x = −1
        with_site += without
        half *= 2
    return table
