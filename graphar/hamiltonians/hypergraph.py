"""Spins with interactions of any number of sites, as hypergraphs.

    E(x) = −Σ_a J_a Π_{i∈a} x_i − Σ_i h_i x_i + offset,   x ∈ {−1, +1}^N,

every interaction a a set of two sites or more, listed once. A Hamiltonian *is* a PyG graph: ``hyperedge_index`` lists
its incidences, pairs (site, interaction), as PyG's hypergraph layers take them, and ``hyperedge_weight`` the couplings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Self

import torch
from torch import Tensor

from graphar._support.checks import as_tensor, check_spins
from graphar._support.segments import Segments, pointers
from graphar.hamiltonians._hyper_rules import check_hypergraph, lacking
from graphar.hamiltonians._parts import check_constant
from graphar.hamiltonians.edges import describe_values
from graphar.hamiltonians.hyper_conversions import HyperConvertible
from graphar.hamiltonians.interactions import by_order
from graphar.hamiltonians.sparse import csr, csr_matrix

__all__ = ["SpinHypergraph"]

_CHUNK = 2**17  # spins, and factors of products, that energies take at once, so as to stay in cache


class SpinHypergraph(HyperConvertible):
    r"""Interactions and fields of many-body spins as a :class:`torch_geometric.data.Data`.

    .. math:: E(x) = -\sum_a J_a \prod_{i \in a} x_i - \sum_i h_i x_i + \text{offset}

    Made by :meth:`from_hyperedges`, :meth:`from_dict` and their siblings, and by builders such as
    :func:`graphar.newman_moore`. Attributes: ``hyperedge_index`` (2, Σ_a |a|), sites over interactions, sorted by
    interaction and site; ``hyperedge_weight`` (A,) the couplings J; ``h`` (N,) the fields; ``offset`` (1,);
    ``num_nodes`` N; ``pos`` (N, d), ``labels`` and ``planted`` (N,) where there are any. Interactions stand by rising
    order, those of one order by their sites. Numbers are float64 unless asked otherwise. Batches
    (``Batch.from_data_list``) of hypergraphs of any sizes keep every method, with one energy per hypergraph.

    What takes an :class:`graphar.IsingGraph` alone refuses a hypergraph: :meth:`to_ising` where all interactions are
    pairs, and :meth:`to_pairwise` elsewhere, make one of it.

    >>> import torch
    >>> graph = SpinHypergraph.from_hyperedges([(0, 1, 2), (1, 3)], [1.0, -0.5])
    >>> graph
    SpinHypergraph(4 spins, 2 interactions of 2 to 3 spins in [-0.5, 1], no field)
    >>> graph.energy(torch.tensor([1, -1, -1, 1]))
    tensor(-1.5000, dtype=torch.float64)
    """

    # Structure.

    @property
    def order(self) -> int:
        """Largest number of sites of an interaction; 1 where there are fields alone, 0 where there is nothing."""
        return int(self.orders.max()) if self.num_interactions else int(self.has_field)

    @property
    def couplings(self) -> Tensor:
        """J of every interaction, shape (A,)."""
        return self.hyperedge_weight

    @property
    def dtype(self) -> torch.dtype:
        """Floating type of couplings, fields and energies."""
        return self.hyperedge_weight.dtype

    def degree(self) -> Tensor:
        """Number of interactions of each site, shape (N,)."""
        return torch.bincount(self.hyperedge_index[0], minlength=self.num_spins)

    # Energies.

    def energy(self, spins: Any) -> Tensor:
        r"""Energy of spin configurations, in O(Σ_a |a| · batch).

        .. math:: E(x) = -\sum_a J_a \prod_{i \in a} x_i - \sum_i h_i x_i + \text{offset}

        Args:
            spins: ±1, shape (..., N).

        Returns:
            Extensive energies of shape (...), in the graph's dtype; for a batch of B hypergraphs, (..., B). They are
            differentiable in the spins, where the sum above stands for all real x; couplings are constants.
        """
        x = self._spins(spins)
        member = getattr(self, "batch", None)
        graphs = None if member is None else Segments(member, int(self.num_graphs))  # of each graph of a PyG Batch
        pairs, groups = self._groups()
        n = self.num_spins
        # J_a at the first site of each interaction; pairs as in IsingGraph, so that their numbers are the same
        couplings = csr_matrix(*pairs, n)
        spread = [(sites, _gather(sites[:, 0], J, n)) for sites, J in groups]
        out = []
        for rows in self._blocks(x, groups):
            pull = couplings @ rows
            for sites, matrix in spread:
                product = rows[sites[:, 1]]
                for column in range(2, sites.shape[1]):
                    product = product * rows[sites[:, column]]
                pull = pull + matrix @ product
            bonds = rows * pull
            if graphs is None:  # whole numbers by themselves, so that they are the same in any batch
                out.append(-bonds.sum(0) - self.h @ rows + self.offset)
            else:
                bonds = bonds + rows * self.h[:, None]
                out.append(self.offset - graphs.sum(bonds).T)
        shape = x.shape[:-1] if member is None else (*x.shape[:-1], int(self.num_graphs))
        return torch.cat(out).reshape(shape) if out else x.new_zeros(shape, dtype=self.dtype)

    def frozen_energy(self) -> Callable[[Any], Tensor]:
        """:meth:`energy`, as of an :class:`~graphar.IsingGraph`."""
        return self.energy

    def local_fields(self, spins: Any) -> Tensor:
        r"""Field on every spin from all others, (..., N): :math:`-\partial E/\partial x_i`.

        .. math:: f_i(x) = \sum_{a \ni i} J_a \prod_{j \in a, j \ne i} x_j + h_i
        """
        x = self._spins(spins)
        (i, j, J), groups = self._groups()
        n = self.num_spins
        couplings = _both_directions(i, j, J, n)
        spread = [(sites, [_gather(column, J, n) for column in sites.T]) for sites, J in groups]
        fields = []
        for rows in self._blocks(x, groups):
            field = couplings @ rows
            for sites, matrices in spread:
                for matrix, product in zip(matrices, _products_of_others(rows, sites), strict=True):
                    field = field + matrix @ product
            fields.append((field + self.h[:, None]).T)
        return torch.cat(fields).reshape(x.shape) if fields else x.new_zeros(x.shape, dtype=self.dtype)

    def flip_delta(self, spins: Any) -> Tensor:
        r"""Energy change of flipping each spin alone: :math:`2 x_i f_i(x)`, shape (..., N)."""
        fields = self.local_fields(spins)
        return 2 * as_tensor(spins, "spins").to(fields) * fields

    def _spins(self, spins: Any) -> Tensor:
        check_constant(hyperedge_weight=self.hyperedge_weight, h=self.h, offset=self.offset)
        return check_spins(spins, self.num_spins).to(self.hyperedge_weight.device)

    def _groups(self) -> tuple[tuple[Tensor, Tensor, Tensor], list[tuple[Tensor, Tensor]]]:
        """Sites i < j and couplings of the pairs, sorted; and sites (A_k, k) and couplings of each higher order."""
        if (ends := self._pairs_as_made()) is not None:
            return (ends[:, 0], ends[:, 1], self.hyperedge_weight), []
        site, orders = self.members()
        ends, J = site.new_empty(0, 2), self.hyperedge_weight[:0]
        groups = []
        for k, which, where in by_order(orders):
            sites, couplings = site[where], self.hyperedge_weight[which]
            if k > 2:
                groups.append((sites, couplings))
                continue
            ends, J = sites, couplings
            key = ends[:, 0] * self.num_spins + ends[:, 1]
            if bool((key[1:] < key[:-1]).any()):  # made sorted, but transforms may shuffle them
                order = key.argsort(stable=True)
                ends, J = ends[order], J[order]
        return (ends[:, 0], ends[:, 1], J), groups

    def _pairs_as_made(self) -> Tensor | None:
        """Sites of the interactions, (A, 2), where all are pairs and stand sorted: nothing is left to do then."""
        site, interaction = self.hyperedge_index
        count = self.num_interactions
        if len(site) != 2 * count or not torch.equal(interaction[::2], torch.arange(count, device=site.device)):
            return None
        ends = site.view(-1, 2)
        key = ends[:, 0] * self.num_spins + ends[:, 1]
        sorted_so = (key[1:] > key[:-1]).all() & (ends[:, 0] < ends[:, 1]).all()
        return ends if bool(sorted_so) and torch.equal(interaction[1::2], interaction[::2]) else None

    def _blocks(self, spins: Tensor, groups: list[tuple[Tensor, Tensor]]) -> Iterator[Tensor]:
        """Spins (N, b), b configurations at a time, so that those of a site are in one piece."""
        size = max(1, self.num_spins, sum(sites.numel() for sites, _ in groups) // 4)
        for block in spins.reshape(-1, self.num_spins).split(max(16, min(128, _CHUNK // size))):
            yield block.T.contiguous().to(self.dtype)

    # Housekeeping.

    def validate(self, raise_on_error: bool = True) -> bool:
        """Check every rule of the format; for hypergraphs made by hand or changed in place.

        Raises:
            ValueError: the first broken rule, if ``raise_on_error``.
        """
        try:
            check_hypergraph(self)
        except ValueError:
            if raise_on_error:
                raise
            return False
        return True

    def subgraph(self, subset: Tensor) -> Self:
        """Spins of a subset of the sites, by numbers or a mask, and the interactions that lie within it."""
        kept = subset.nonzero().flatten() if subset.dtype == torch.bool else subset
        place = self.hyperedge_index.new_full((self.num_spins,), -1)
        place[kept] = torch.arange(len(kept), device=place.device)
        site, orders = self.members()
        sites = place[site]
        of = torch.repeat_interleave(orders)
        inside = Segments(of, len(orders)).sum((sites < 0).to(self.dtype)) == 0
        labels = self.labels
        return type(self)._made_of(
            sites[inside[of]],
            orders[inside],
            self.hyperedge_weight[inside],
            h=self.h[kept],
            num_nodes=len(kept),
            offset=self.offset.item(),
            labels=None if labels is None else [labels[k] for k in kept.tolist()],
            pos=None if self.pos is None else self.pos[kept],
        )

    def __inc__(self, key: str, value: Any, *args: Any, **kwargs: Any) -> Any:
        """By how much numbers grow in a batch: sites by N, interactions by A."""
        if key == "hyperedge_index":
            return torch.tensor([[self.num_spins], [self.num_interactions]])
        return super().__inc__(key, value, *args, **kwargs)

    def __repr__(self) -> str:
        if getattr(self, "hyperedge_weight", None) is None:
            return f"{type(self).__name__}(empty)"
        if lacking(self):
            return f"{type(self).__name__}(without {', '.join(lacking(self))})"
        graphs = f"{self.num_graphs} graphs, " if getattr(self, "batch", None) is not None else ""
        parts = [f"{graphs}{self.num_spins} spin{'' if self.num_spins == 1 else 's'}"]
        size = f" of {_span(self.orders)} spins" if self.num_interactions else ""
        plural = "" if self.num_interactions == 1 else "s"
        parts.append(f"{self.num_interactions} interaction{plural}{size}{describe_values(self.hyperedge_weight)}")
        parts += self._described(self.hyperedge_weight)
        return f"{type(self).__name__}({', '.join(parts)})"


def _span(orders: Tensor) -> str:
    low, high = int(orders.min()), int(orders.max())
    return f"{low}" if low == high else f"{low} to {high}"


def _both_directions(i: Tensor, j: Tensor, J: Tensor, num_spins: int) -> Tensor:
    """Matrix of sorted pairs i < j read by both sites, columns rising: those below a site's own number come first."""
    below, above = pointers(j, num_spins), pointers(i, num_spins)
    order = j.argsort(stable=True)
    count = torch.arange(len(i), device=i.device)
    low, high = count + above[j[order]], count + below[i + 1]  # those before, of earlier readers or of this one
    column, weight = i.new_empty(2 * len(i)), J.new_empty(2 * len(i))
    column[low], column[high] = i[order], j
    weight[low], weight[high] = J[order], J
    return csr(below + above, column, weight, num_spins)


def _gather(site: Tensor, J: Tensor, num_spins: int) -> Tensor:
    """Matrix (N, A) that adds J_a times a row of interactions to one site of each."""
    order = site.argsort(stable=True)
    return csr(pointers(site, num_spins), order, J[order], len(site))


def _products_of_others(rows: Tensor, sites: Tensor) -> Iterator[Tensor]:
    """Π of the spins of each interaction but the first, but the second, …; (A_k, b) each."""
    width = sites.shape[1]
    after = [rows[sites[:, -1]]]
    for column in range(width - 2, 0, -1):
        after.append(rows[sites[:, column]] * after[-1])
    yield after.pop()
    before = rows[sites[:, 0]]
    for column in range(1, width - 1):
        yield before * after.pop()
        before = before * rows[sites[:, column]]
    yield before
