"""How Ising graphs are made from what others have: each form has a file that turns it into plain :class:`Parts`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import torch

from graphar.hamiltonians import dimod_models, edge_lists, matrices, networkx_graphs, qubo
from graphar.hamiltonians._parts import Parts, check_parts
from graphar.hamiltonians.edge_lists import COUPLING
from graphar.hamiltonians.edges import as_edge_index
from graphar.hamiltonians.exports import Exports

__all__ = ["Convertible"]


class Convertible(Exports):
    """A graph with couplings, fields and an offset, from and to other forms."""

    @classmethod
    def from_edges(
        cls,
        edge_index: Any,
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
        """Graph from undirected edges, each listed once in either direction.

        Edges are columns, as in PyG: ``[[0, 1], [2, 3]]`` joins 0 with 2 and 1 with 3. :meth:`from_edge_list` takes
        them one by one, ``[(0, 1), (2, 3)]``, with couplings and with names of sites.

        Args:
            edge_index: sites of the edges, shape (2, E): all first ends, then all second ends.
            weights: couplings J, shape (E,), or one number for all; J > 0 aligns.
            h: fields, shape (N,), or ``{site: h}`` (``{label: h}`` with labels) and 0 elsewhere, or one number for
                all; none by default.
            num_nodes: N; by default from ``labels`` or ``h`` if they have a length, else the largest site plus one.
            labels: names of the sites, N distinct hashables, kept as ``graph.labels``.
            offset: constant added to the energy.
            pos: places of the sites, shape (N, d).
            duplicates: ``"error"`` refuses an edge listed twice, ``"sum"`` adds the couplings.
            dtype: floating type of the numbers; that of ``weights`` by default, float64 if they are not floating.

        Raises:
            ValueError: shapes or devices that disagree, sites out of range, self-loops, duplicates, numbers that are
                not finite or require a gradient, two tuples of two, which may be two edges or all ends of two.
        """
        ends = as_edge_index(edge_index)
        return cls._made(Parts(ends, weights, h, num_nodes, labels, offset, pos), duplicates, dtype)

    @classmethod
    def from_edge_list(
        cls,
        edges: Any,
        h: Any = None,
        num_nodes: int | None = None,
        *,
        labels: Any = None,
        offset: float = 0.0,
        pos: Any = None,
        duplicates: str = "error",
        dtype: torch.dtype | None = None,
    ) -> Self:
        r"""Graph of :math:`H = -\sum_{(i,j)} J_{ij} x_i x_j - \sum_i h_i x_i` + offset from edges, one by one.

        Sites are named by numbers or by any hashable. If all names are whole numbers, they are the sites themselves,
        and N is the largest plus one. Else they all become ``labels``, in the order in which they first appear.

        Args:
            edges: a list of ``(i, j)``, with J = 1, or of ``(i, j, J)``, as also networkx's ``edges(data=…)`` gives
                them; a dictionary ``{(i, j): J}``; an array of shape (E, 2) or (E, 3); or a table (a pandas DataFrame
                and the like) with columns ``i``, ``j``, ``J`` or ``source``, ``target``, ``weight`` (each coupling
                under either name), or of two or three columns in this order. J > 0 aligns.
            h: fields, ``{site: h}``, the others 0; or shape (N,) in the order of the sites; or one number for all.
            num_nodes: N, where sites are numbers.
            labels: names of all sites, in their order; ``edges`` and the keys of ``h`` are then among them.
            offset: constant added to the energy.
            pos: places of the sites, shape (N, d).
            duplicates: ``"error"`` refuses an edge listed twice, ``"sum"`` adds the couplings.
            dtype: floating type of the graph; that of an array by default, else float64.

        Raises:
            ValueError: entries that are no edges, names that are no sites, self-loops, duplicates, numbers not finite.

        >>> from graphar import IsingGraph
        >>> graph = IsingGraph.from_edge_list([("Ann", "Bob", 1.0), ("Bob", "Eve", -2.0)], h={"Eve": 0.5})
        >>> graph
        IsingGraph(3 spins, 2 couplings in [-2, 1], field in [0, 0.5], labels 'Ann'…'Eve')
        >>> graph.by_label([1, 1, -1])
        {'Ann': 1, 'Bob': 1, 'Eve': -1}
        >>> IsingGraph.from_edge_list([(0, 1), (2, 3)]).undirected()[:2]
        (tensor([0, 2]), tensor([1, 3]))
        """
        parts = edge_lists.from_edge_list(edges, h, labels, dtype)
        return cls._made(parts._replace(num_nodes=num_nodes, offset=offset, pos=pos), duplicates, dtype, "edges")

    @classmethod
    def from_scipy(
        cls,
        J: Any,
        h: Any = None,
        *,
        labels: Any = None,
        offset: float = 0.0,
        pos: Any = None,
        dtype: torch.dtype | None = None,
    ) -> Self:
        r"""Graph of :math:`H = -\sum_{i<j} J_{ij} x_i x_j - \sum_i h_i x_i` + offset from a sparse matrix J.

        Args:
            J: scipy sparse (N, N), either symmetric, J_ij standing at both places for *one* edge of coupling
                J_ij, or strictly triangular, each edge once. Stored zeros are edges of coupling 0, repeated
                entries add up.
            h: fields, shape (N,), or ``{site: h}``, or one number for all; none by default.
            labels: names of the rows, N distinct hashables.
            offset: constant added to the energy.
            pos: places of the sites, shape (N, d).
            dtype: floating type of the graph; that of J by default.

        Raises:
            ValueError: J is not square, has a diagonal, or is neither symmetric nor triangular.

        >>> from scipy.sparse import csr_array
        >>> from graphar import IsingGraph
        >>> IsingGraph.from_scipy(csr_array([[0.0, 2.0], [2.0, 0.0]]))
        IsingGraph(2 spins, 1 coupling = 2, no field)
        """
        ends, couplings, n = matrices.symmetric_edges(matrices.sparse_entries(J, "J"))
        return cls._made(Parts(ends, couplings, h, n, labels, offset, pos), dtype=dtype)

    @classmethod
    def from_dense(
        cls,
        J: Any,
        h: Any = None,
        *,
        labels: Any = None,
        offset: float = 0.0,
        pos: Any = None,
        dtype: torch.dtype | None = None,
    ) -> Self:
        """Graph from a dense J, symmetric or strictly triangular; zeros are no edges. Else as :meth:`from_scipy`."""
        ends, couplings, n = matrices.symmetric_edges(matrices.dense_entries(J, "J"))
        return cls._made(Parts(ends, couplings, h, n, labels, offset, pos), dtype=dtype)

    @classmethod
    def from_networkx(
        cls,
        graph: Any,
        *,
        coupling: str | Sequence[str] | None = COUPLING,
        field: str = "h",
        dtype: torch.dtype | None = None,
    ) -> Self:
        r"""Graph of :math:`H = -\sum_{(i,j)} J_{ij} x_i x_j - \sum_i h_i x_i` from an undirected networkx graph.

        Site k is the k-th of ``graph.nodes``, which are kept as ``labels`` if they are not 0…N−1 in this order.
        ``graph.graph["offset"]`` is the constant of the energy, and the node attribute ``pos`` gives the places if
        every node has it.

        Args:
            graph: ``networkx.Graph``; directed graphs, multigraphs and self-loops are refused.
            coupling: edge attribute holding J, which every edge must have; of several names, the first that any edge
                has; None for J = 1 on every edge. By default ``J``, else ``weight``.
            field: node attribute holding h; nodes without it have no field.
            dtype: floating type of the graph, float64 by default.

        >>> import networkx as nx
        >>> from graphar import IsingGraph
        >>> IsingGraph.from_networkx(nx.petersen_graph(), coupling=None)
        IsingGraph(10 spins, 15 couplings = 1, no field)
        """
        return cls._made(networkx_graphs.from_networkx(graph, coupling, field, dtype), dtype=dtype)

    @classmethod
    def from_qubo(
        cls,
        Q: Any,
        offset: float = 0.0,
        num_nodes: int | None = None,
        *,
        labels: Any = None,
        dtype: torch.dtype | None = None,
    ) -> Self:
        r"""Graph of a QUBO, minimise xᵀQx + offset over x ∈ {0, 1}^N, through x = (1 + s)/2.

        .. math:: J_{ij} = -\tfrac14 q_{ij}, \quad h_i = -\tfrac12 Q_{ii} - \tfrac14 \sum_j q_{ij}, \quad
                  q_{ij} = Q_{ij} + Q_{ji}

        Args:
            Q: (N, N) dense, scipy sparse, or a dict ``{(i, j): Q_ij}``. The entries (i, j) and (j, i) add, so
                that triangular and symmetric Q both mean what xᵀQx says; the diagonal is the linear part. Keys of
                a dict that all are whole numbers are sites; else they become ``labels``, in the order in which
                they first appear.
            offset: constant added to xᵀQx.
            num_nodes: N, for a dict; by default its largest site plus one.
            labels: names of all sites, in their order, which the keys of a dict are then among.
            dtype: floating type of the graph; that of Q by default.

        Raises:
            ValueError: Q is not square or not finite, keys that are not pairs of sites.

        >>> from graphar import IsingGraph
        >>> graph = IsingGraph.from_qubo({(0, 0): -1.0, (1, 1): -1.0, (0, 1): 2.0})  # exactly one of the two
        >>> graph.energy([[-1, -1], [-1, 1], [1, 1]])
        tensor([ 0., -1.,  0.], dtype=torch.float64)
        """
        return cls._made(qubo.from_qubo(Q, offset, num_nodes, labels, dtype), "sum", name="Q")

    @classmethod
    def from_dimod(cls, bqm: Any) -> Self:
        """Graph from a dimod quadratic model, +Σ h s + Σ J s s + offset: the signs of J and h change.

        0/1 models are turned into spins by x = (1 + s)/2. Site k is the k-th of ``bqm.variables``,
        which are kept as ``labels`` if they are not 0…N−1 in this order.

        >>> import dimod
        >>> from graphar import IsingGraph
        >>> IsingGraph.from_dimod(dimod.BinaryQuadraticModel({"a": 0.5}, {"ab": -1.0}, "SPIN"))
        IsingGraph(2 spins, 1 coupling = 1, field in [-0.5, 0], labels 'a'…'b')
        """
        return cls._made(dimod_models.from_dimod(bqm))

    @classmethod
    def _made(
        cls, parts: Parts, duplicates: str = "error", dtype: torch.dtype | None = None, name: str = "edge_index"
    ) -> Self:
        parts = check_parts(parts, duplicates, dtype, name)
        graph = cls()
        (lower, upper), n = parts.ends, len(parts.fields)
        source, target = torch.cat([lower, upper]), torch.cat([upper, lower])
        order = torch.argsort(source * n + target)
        graph.edge_index = torch.stack([source[order], target[order]])
        graph.edge_weight = parts.couplings.repeat(2)[order].contiguous()
        graph.h = parts.fields
        graph.offset = parts.offset
        graph.num_nodes = n
        graph.labels = parts.labels
        if parts.pos is not None:
            graph.pos = parts.pos
        return graph
