"""How hypergraphs of spins are made from what others have, and given back as that."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Self

import torch
from torch import Tensor

from graphar._support.checks import as_float_tensor, check_count
from graphar.hamiltonians import hubo, polynomials
from graphar.hamiltonians.edges import as_sites
from graphar.hamiltonians.hyper_views import ViewsByPairs, one_offset
from graphar.hamiltonians.interactions import HyperParts, check_hyper_parts, from_dictionary, from_list
from graphar.hamiltonians.ising import IsingGraph

__all__ = ["HyperConvertible"]


class HyperConvertible(ViewsByPairs):
    """Interactions of many sites, fields and an offset, from and to other forms."""

    @classmethod
    def from_hyperedges(
        cls,
        hyperedges: Any,
        weights: Any = 1.0,
        h: Any = None,
        num_nodes: int | None = None,
        *,
        labels: Any = None,
        offset: float = 0.0,
        pos: Any = None,
        duplicates: str = "error",
        dtype: torch.dtype | None = None,
    ) -> Self:
        r"""Hypergraph of :math:`E = -\sum_a J_a \prod_{i \in a} x_i - \sum_i h_i x_i` + offset.

        Sites are named by numbers or by any hashable. If all names are whole numbers, they are the sites themselves,
        and N is the largest plus one. Else they all become ``labels``, in the order in which they first appear.

        Args:
            hyperedges: a list of tuples of two sites and more, of any lengths, ``[(0, 1, 2), (1, 3)]``; or an array
                of site numbers of shape (A, k). A site twice in one interaction is refused.
            weights: couplings J, shape (A,), or one number for all; products of the sign of their J are favoured.
            h: fields, shape (N,), or ``{site: h}`` and 0 elsewhere, or one number for all; none by default.
            num_nodes: N; by default from ``labels`` or ``h`` if they have a length, else the largest site plus one.
            labels: names of all sites, in their order; the interactions and the keys of ``h`` are then among them.
            offset: constant added to the energy.
            pos: places of the sites, shape (N, d).
            duplicates: ``"error"`` refuses a set of sites listed twice, ``"sum"`` adds the couplings.
            dtype: floating type of the numbers; that of ``weights`` by default, float64 if they are not floating.

        Raises:
            ValueError: entries that are no interactions, names that are no sites, repeated sites, duplicates, numbers
                that are not finite or require a gradient.

        >>> from graphar import SpinHypergraph
        >>> SpinHypergraph.from_hyperedges([("a", "b", "c"), ("b", "d")], [1.0, -1.0], h={"d": 0.5})
        SpinHypergraph(4 spins, 2 interactions of 2 to 3 spins ±1, field in [0, 0.5], labels 'a'…'d')
        """
        sites, orders, names = from_list(hyperedges, labels)
        return cls._made_from(HyperParts(sites, orders, weights, h, num_nodes, names, offset, pos), duplicates, dtype)

    @classmethod
    def from_incidences(
        cls,
        hyperedge_index: Any,
        weights: Any,
        h: Any = None,
        num_nodes: int | None = None,
        *,
        labels: Any = None,
        offset: float = 0.0,
        pos: Any = None,
        duplicates: str = "error",
        dtype: torch.dtype | None = None,
    ) -> Self:
        """Hypergraph from pairs of a site and an interaction, as PyG lists them.

        Args:
            hyperedge_index: sites over interactions 0…A−1, in any order, shape (2, incidences).
            weights: couplings J, shape (A,).
            h, num_nodes, labels, offset, pos, duplicates, dtype: as for :meth:`from_hyperedges`; N as there.

        >>> from graphar import SpinHypergraph
        >>> SpinHypergraph.from_incidences([[0, 1, 2, 0, 3], [0, 0, 0, 1, 1]], [1.0, 2.0]).listed()
        [((0, 3), 2.0), ((0, 1, 2), 1.0)]
        """
        site, interaction = as_sites(hyperedge_index, "hyperedge_index")
        couplings = as_float_tensor(weights, "weights")
        if couplings.dim() != 1:
            raise ValueError(f"weights must have shape (A,), one per interaction, got {tuple(couplings.shape)}")
        outside = (interaction < 0) | (interaction >= len(couplings))
        if bool(outside.any()):
            at = int(outside.nonzero()[0])
            raise ValueError(
                f"hyperedge_index must hold interactions 0…{len(couplings) - 1}, one for each J, "
                f"got {int(interaction[at])} in column {at}"
            )
        orders = torch.bincount(interaction, minlength=len(couplings))
        sites = site[interaction.argsort(stable=True)]
        parts = HyperParts(sites, orders, weights, h, num_nodes, labels, offset, pos)
        return cls._made_from(parts, duplicates, dtype, "hyperedge_index")

    @classmethod
    def from_dict(
        cls,
        terms: Any,
        num_nodes: int | None = None,
        *,
        labels: Any = None,
        pos: Any = None,
        duplicates: str = "error",
        dtype: torch.dtype | None = None,
    ) -> Self:
        """Hypergraph from ``{(i, j, k): J, (i,): h, (): offset}``, in the signs of the energy above.

        Args:
            terms: numbers by tuples of sites, which numbers or any hashables name as in :meth:`from_hyperedges`; a
                tuple of one site is a field, the empty one the offset, which alone counts with a plus.
            num_nodes, labels, pos, duplicates, dtype: as there. Fields named once are never duplicates.

        >>> from graphar import SpinHypergraph
        >>> SpinHypergraph.from_dict({("a", "b", "c"): 1.0, ("a",): 0.5, (): 2.0}).energy([1, 1, 1])
        tensor(0.5000, dtype=torch.float64)
        """
        parts, h = from_dictionary(terms, labels, dtype)
        if num_nodes is not None and len(h) < check_count(num_nodes, "num_nodes"):
            h = torch.cat([h, h.new_zeros(num_nodes - len(h))])
        fields = h if len(h) else None
        return cls._made_from(parts._replace(fields=fields, num_nodes=num_nodes, pos=pos), duplicates, dtype, "terms")

    @classmethod
    def from_ising(cls, graph: IsingGraph) -> Self:
        """The same energies, places and names; couplings are the interactions of two sites."""
        i, j, J = graph.undirected()
        made = cls._made_of(
            torch.stack([i, j], dim=1).flatten(),
            torch.full_like(i, 2),
            J,
            h=graph.h,
            num_nodes=graph.num_spins,
            offset=one_offset(graph),
            labels=graph.labels,
            pos=graph.pos,
        )
        made.planted = graph.planted
        return made

    @classmethod
    def from_hubo(
        cls,
        terms: Any,
        offset: float = 0.0,
        num_nodes: int | None = None,
        *,
        labels: Any = None,
        dtype: torch.dtype | None = None,
    ) -> Self:
        r"""Hypergraph of a polynomial over b ∈ {0, 1}^N, minimise Σ_a c_a Π_{i∈a} b_i + offset, by b = (1 + x)/2.

        .. math:: c \prod_{i \in a} b_i = c\, 2^{-|a|} \sum_{s \subseteq a} \prod_{i \in s} x_i

        An interaction of k sites becomes 2^k of them. The same convention as :meth:`graphar.IsingGraph.from_qubo`.

        Args:
            terms: ``{(i, j, k): c}`` of any lengths. A site twice in a key counts once, as b² = b, so that a QUBO
                with its diagonal (i, i) is one; keys of the same sites add.
            offset: constant added to the polynomial.
            num_nodes: N, where sites are numbers; by default the largest plus one.
            labels: names of all sites, in their order.
            dtype: floating type, float64 by default.

        Raises:
            ValueError: keys that are no tuples of sites, numbers not finite, more than 2²⁴ terms in spins.

        >>> from graphar import SpinHypergraph
        >>> SpinHypergraph.from_hubo({("a", "b", "c"): 8.0})
        SpinHypergraph(3 spins, 4 interactions of 2 to 3 spins = -1, field = -1, offset 1, labels 'a'…'c')
        """
        return cls._made_from(hubo.from_hubo(terms, offset, num_nodes, labels, dtype), "sum", dtype, "terms")

    @classmethod
    def from_dimod(cls, polynomial: Any) -> Self:
        """Hypergraph from a dimod ``BinaryPolynomial``, +Σ c Π s: the signs change; over 0/1 as :meth:`from_hubo`.

        Site k is the k-th variable in sorted order, as the polynomial keeps none; variables other than 0…N−1 become
        ``labels``.

        >>> import dimod
        >>> from graphar import SpinHypergraph
        >>> SpinHypergraph.from_dimod(dimod.BinaryPolynomial({"abc": -1.0, "a": 0.5}, "SPIN"))
        SpinHypergraph(3 spins, 1 interaction of 3 spins = 1, field in [-0.5, 0], labels 'a'…'c')
        """
        return cls._made_from(polynomials.from_dimod(polynomial), "sum", name="polynomial")

    def to_dict(self) -> dict[tuple[Hashable, ...], float]:
        """``{(): offset, (i,): h, (i, j, k): J}`` of labels, or of sites 0…N−1; :meth:`from_dict` takes it back.

        The fields of all sites are there, zeros too, so that none is lost and their order stays.
        """
        name = range(self.num_spins) if self.labels is None else self.labels
        terms: dict[tuple[Hashable, ...], float] = {(): float(self.offset.double().sum())}
        terms |= {(name[site],): h for site, h in enumerate(self.h.double().tolist())}
        for sites, J in self.listed():
            terms[tuple(name[site] for site in sites)] = J
        return terms

    def to_hubo(self) -> tuple[dict[tuple[Hashable, ...], float], float]:
        r"""Polynomial ``{(i, j, k): c}`` of labels or sites, and a constant, of the same values for x = 2b − 1.

        .. math:: -J \prod_{i \in a} (2 b_i - 1) = -J \sum_{s \subseteq a} 2^{|s|} (-1)^{|a| - |s|} \prod_{i \in s} b_i

        Linear terms come first and are there for all sites. An interaction of k sites becomes 2^k terms.

        Raises:
            ValueError: more than 2²⁴ terms.

        >>> from graphar import SpinHypergraph
        >>> SpinHypergraph.from_hyperedges([(0, 1)], [0.25]).to_hubo()
        ({(0,): 0.5, (1,): 0.5, (0, 1): -1.0}, -0.25)
        """
        name = range(self.num_spins) if self.labels is None else self.labels
        return hubo.to_hubo(self.listed(), self.h.double().tolist(), float(self.offset.double().sum()), name)

    def to_dimod(self) -> Any:
        """dimod ``BinaryPolynomial`` of spin type on the labels, or 0…N−1, with the same energies."""
        return polynomials.to_dimod(self.to_dict())

    @classmethod
    def _made_of(
        cls,
        sites: Tensor,
        orders: Tensor,
        couplings: Any,
        *,
        h: Any = None,
        num_nodes: int | None = None,
        offset: Any = 0.0,
        labels: Any = None,
        pos: Any = None,
    ) -> Self:
        """From sites of all interactions, one after the other, and how many each has."""
        return cls._made_from(HyperParts(sites, orders, couplings, h, num_nodes, labels, offset, pos))

    @classmethod
    def _made_from(
        cls,
        parts: HyperParts,
        duplicates: str = "error",
        dtype: torch.dtype | None = None,
        name: str = "interactions",
    ) -> Self:
        parts = check_hyper_parts(parts, duplicates, dtype, name)
        graph = cls()
        graph.hyperedge_index = torch.stack([parts.sites, torch.repeat_interleave(parts.orders)])
        graph.hyperedge_weight = parts.couplings
        graph.h = parts.fields
        graph.offset = parts.offset
        graph.num_nodes = parts.num_nodes
        graph.labels = parts.labels
        if parts.pos is not None:
            graph.pos = parts.pos
        return graph
