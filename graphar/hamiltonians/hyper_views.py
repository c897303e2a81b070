"""What a hypergraph of spins is in terms of pairs: its primal graph, its pairs alone, and pairs with further spins."""

from __future__ import annotations

import torch
from torch import Tensor

from graphar.hamiltonians._sites import SiteData
from graphar.hamiltonians.interactions import HyperParts, clique_ends
from graphar.hamiltonians.ising import IsingGraph
from graphar.hamiltonians.reduction import PairwiseReduction, reduce_to_pairs

__all__ = ["ViewsByPairs", "one_offset"]


class ViewsByPairs(SiteData):
    """Interactions of many sites, and graphs of pairs that are made of them."""

    @property
    def num_interactions(self) -> int:
        """A, interactions of two sites and more; fields are none."""
        return self.hyperedge_weight.shape[0]

    @property
    def orders(self) -> Tensor:
        """Number of sites |a| of each interaction, shape (A,)."""
        return torch.bincount(self.hyperedge_index[1], minlength=self.num_interactions)

    def members(self) -> tuple[Tensor, Tensor]:
        """Sites, one interaction after the other, rising in each; and the number of those of each interaction."""
        site, interaction = self.hyperedge_index
        key = interaction * max(1, self.num_spins) + site
        if bool((key[1:] < key[:-1]).any()):  # made sorted, but transforms may shuffle them
            site = site[key.argsort(stable=True)]
        return site, self.orders

    def listed(self) -> list[tuple[tuple[int, ...], float]]:
        """Sites and coupling of each interaction, in their order."""
        site, orders = self.members()
        return [
            (tuple(sites.tolist()), J)
            for sites, J in zip(site.cpu().split(orders.tolist()), self.hyperedge_weight.double().tolist(), strict=True)
        ]

    def to_ising(self) -> IsingGraph:
        """The same as an :class:`graphar.IsingGraph`, number by number, where all interactions are pairs.

        Raises:
            ValueError: an interaction of more sites; :meth:`to_pairwise` makes pairs of it, with further spins.
        """
        site, orders = self.members()
        if bool((orders > 2).any()):
            raise ValueError(
                f"interactions must be pairs for an IsingGraph, got one of {int(orders.max())} sites; to_pairwise() "
                "makes pairs of them with further spins"
            )
        made = IsingGraph.from_edges(
            site.reshape(-1, 2).T,
            self.hyperedge_weight,
            self.h,
            self.num_spins,
            labels=self.labels,
            offset=one_offset(self),
            pos=self.pos,
        )
        made.planted = self.planted
        return made

    def primal_graph(self) -> IsingGraph:
        """Graph on the same sites with an edge, J = 1, wherever two of them share an interaction.

        Interactions are cliques of it: orders, widths and separators of the hypergraph are those of this graph.

        Raises:
            ValueError: more than 2²⁸ pairs, counted once for each interaction.
        """
        ends = clique_ends(*self.members(), self.num_spins)
        return IsingGraph.from_edges(ends, 1.0, None, self.num_spins, labels=self.labels, pos=self.pos)

    def primal_edges(self) -> Tensor:
        """Both directions of every edge of :meth:`primal_graph`, sorted as an ``edge_index`` is, shape (2, 2E)."""
        low, high = clique_ends(*self.members(), self.num_spins)
        ends = torch.stack([torch.cat([low, high]), torch.cat([high, low])])
        return ends[:, (ends[0] * self.num_spins + ends[1]).argsort()]

    def skeleton(self) -> IsingGraph:
        """The pairs alone, with fields and offset, on the edges of :meth:`primal_graph`: J = 0 where they are no pair.

        What is left of the energy are the interactions of three sites and more.
        """
        site, orders = self.members()
        pairs = orders == 2
        ends = site[torch.repeat_interleave(pairs, orders)].reshape(-1, 2).T
        cliques = clique_ends(site[torch.repeat_interleave(~pairs, orders)], orders[~pairs], self.num_spins)
        J = self.hyperedge_weight
        return IsingGraph.from_edges(
            torch.cat([ends, cliques], dim=1),
            torch.cat([J[pairs], J.new_zeros(cliques.shape[1])]),
            self.h,
            self.num_spins,
            offset=one_offset(self),
            duplicates="sum",
        )

    def to_pairwise(self, penalty: float | None = None) -> PairwiseReduction:
        r"""The same energies by pairs alone: an :class:`graphar.IsingGraph` on these spins and ancillas.

        .. math:: E(x) = \min_z E'(x, z) \quad \text{for every } x,

        so that ground energies are equal and ground states of E′ restricted to x are those of E. A triple becomes a
        triangle and one ancilla w, as (u + v + t − 1 − 2w)²/4, least over w, is 0 where uvt = 1 and 1 where uvt = −1.
        An interaction of k sites becomes a chain z_1 = x_1 x_2, z_2 = z_1 x_3, … of k − 2 such triples, with 2k − 5
        ancillas. A link that is broken costs the penalty and turns the sign of the last product, which gains at most
        2|J|: no penalty p ≥ 2|J| is ever worth paying, so the minimum over z is −J Π x.

        Args:
            penalty: of a broken link, at least twice the largest |J| of four sites and more; by default 2|J| of each
                interaction, which is enough.

        Raises:
            ValueError: a penalty that is too small.

        >>> from graphar import SpinHypergraph
        >>> triple = SpinHypergraph.from_hyperedges([(0, 1, 2)])
        >>> reduced = triple.to_pairwise()
        >>> reduced.graph
        IsingGraph(4 spins, 6 couplings in [-1, 2], field in [-2, 1], offset 3)
        """
        site, orders = self.members()
        fields, offset = self.h, one_offset(self)
        parts = HyperParts(site, orders, self.hyperedge_weight, fields, self.num_spins, self.labels, offset)
        return reduce_to_pairs(parts, penalty)


def one_offset(graph: SiteData) -> float:
    """The offset of one graph; a ValueError for a batch."""
    if getattr(graph, "batch", None) is not None:
        raise ValueError(f"graph must be one graph, got a batch of {graph.num_graphs}")
    return float(graph.offset)
