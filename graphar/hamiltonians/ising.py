"""Ising Hamiltonians as graphs.

    H(x) = −Σ_{(i,j)∈E} J_ij x_i x_j − Σ_i h_i x_i + offset,   x ∈ {−1, +1}^N,

every undirected edge counted once, J > 0 aligns. A Hamiltonian *is* a PyG graph: each coupling is stored
in both directions, so that message passing over ``edge_index`` gives the local fields Σ_j J_ij x_j, and
E(x) = −½ Σ_directed J x x − Σ h x + offset.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any, Self

import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.utils import scatter

from graphar._checks import as_float_tensor, as_tensor, check_count, check_spins
from graphar.hamiltonians._edges import as_sites, check_ends, describe_values, kind, merge
from graphar.hamiltonians._sparse import by_reader

__all__ = ["IsingGraph"]

MAX_SPINS = 2**31 - 1
_CHUNK = 2**17  # spins that energy and local fields take at once, so as to stay in cache


class IsingGraph(Data):
    r"""Couplings and fields of an Ising model as a :class:`torch_geometric.data.Data`.

    .. math:: H(x) = -\sum_{(i,j)\in E} J_{ij} x_i x_j - \sum_i h_i x_i + \text{offset}

    Made by :meth:`from_edges` and its siblings, the builders (:func:`graphar.grid`, …) and
    :func:`graphar.read`. Attributes: ``edge_index`` (2, 2E) with both directions, sorted; ``edge_weight``
    (2E,) the couplings J; ``h`` (N,) the fields; ``offset`` (1,); ``num_nodes`` N; ``pos`` (N, d) where the
    sites have places. Numbers are float64 unless asked otherwise. Batches (``Batch.from_data_list``) of
    graphs of any sizes keep every method, with one energy per graph.

    >>> import torch
    >>> graph = IsingGraph.from_edges([[0, 1], [1, 2]], [1.0, -1.0])
    >>> graph
    IsingGraph(3 spins, 2 couplings ±1, no field)
    >>> graph.energy(torch.tensor([1, 1, -1]))
    tensor(-2., dtype=torch.float64)
    """

    @classmethod
    def from_edges(
        cls,
        edge_index: Any,
        weights: Any = 1.0,
        h: Any = None,
        num_nodes: int | None = None,
        *,
        offset: float = 0.0,
        pos: Any = None,
        labels: Any = None,
        duplicates: str = "error",
        dtype: torch.dtype | None = None,
    ) -> Self:
        """Graph from undirected edges, each listed once in either direction.

        Args:
            edge_index: sites of the edges, shape (2, E).
            weights: couplings J, shape (E,), or one number for all; J > 0 aligns.
            h: fields, shape (N,), or one number for all; none by default.
            num_nodes: N; by default from ``h`` if it has a length, else the largest site plus one.
            offset: constant added to the energy.
            pos: places of the sites, shape (N, d).
            labels: names of the sites, N distinct hashables.
            duplicates: ``"error"`` refuses an edge listed twice, ``"sum"`` adds the couplings.
            dtype: floating type of the numbers; that of ``weights`` by default, float64 if they are not floating.

        Raises:
            ValueError: shapes that disagree, sites out of range, self-loops, duplicates, numbers not finite.
        """
        ends = as_sites(edge_index)
        weight = as_float_tensor(weights, "weights", dtype)
        dtype = weight.dtype
        if weight.dim() == 0:
            weight = weight.expand(ends.shape[1])
        if weight.shape != (ends.shape[1],):
            raise ValueError(f"weights must have shape ({ends.shape[1]},), one per edge, got {tuple(weight.shape)}")
        field = None if h is None else as_float_tensor(h, "h", dtype)
        if num_nodes is None:
            if field is not None and field.dim() == 1:
                num_nodes = field.shape[0]
            elif ends.shape[1]:
                num_nodes = int(ends.max()) + 1
            else:
                raise ValueError("num_nodes must be given when there are no edges and no fields")
        num_nodes = check_count(num_nodes, "num_nodes")
        if num_nodes > MAX_SPINS:
            raise ValueError(f"num_nodes must be at most {MAX_SPINS}, got {num_nodes}")
        if field is None:
            field = torch.zeros(num_nodes, dtype=dtype)
        elif field.dim() == 0:
            field = field.expand(num_nodes)
        if field.shape != (num_nodes,):
            raise ValueError(f"h must have shape ({num_nodes},), one per spin, got {tuple(field.shape)}")
        check_ends(ends, num_nodes)
        lower, upper = ends.min(dim=0).values, ends.max(dim=0).values
        key, order = torch.sort(lower * num_nodes + upper, stable=True)
        lower, upper, weight = lower[order], upper[order], weight[order]
        lower, upper, weight = merge(key, lower, upper, weight, duplicates)
        graph = cls()
        source, target = torch.cat([lower, upper]), torch.cat([upper, lower])
        order = torch.argsort(source * num_nodes + target)
        graph.edge_index = torch.stack([source[order], target[order]])
        graph.edge_weight = torch.cat([weight, weight])[order].contiguous()
        graph.h = field.clone(memory_format=torch.contiguous_format)
        graph.offset = as_float_tensor([float(offset)], "offset", dtype)
        graph.num_nodes = num_nodes
        if pos is not None:
            place = as_float_tensor(pos, "pos")
            if place.dim() != 2 or place.shape[0] != num_nodes:
                raise ValueError(f"pos must have shape ({num_nodes}, d), got {tuple(place.shape)}")
            graph.pos = place.clone()
        graph.labels = labels
        return graph

    # Conversions live in `convert`; these names are what users look for on the class.

    @classmethod
    def from_scipy(cls, J: Any, h: Any = None, **options: Any) -> Self:
        """Graph from a sparse coupling matrix; see :func:`graphar.hamiltonians.convert.from_scipy`."""
        from graphar.hamiltonians import convert

        return convert.from_scipy(cls, J, h, **options)

    @classmethod
    def from_dense(cls, J: Any, h: Any = None, **options: Any) -> Self:
        """Graph from a dense coupling matrix; see :func:`graphar.hamiltonians.convert.from_dense`."""
        from graphar.hamiltonians import convert

        return convert.from_dense(cls, J, h, **options)

    @classmethod
    def from_networkx(cls, graph: Any, **options: Any) -> Self:
        """Graph from networkx; see :func:`graphar.hamiltonians.convert.from_networkx`."""
        from graphar.hamiltonians import convert

        return convert.from_networkx(cls, graph, **options)

    @classmethod
    def from_qubo(cls, Q: Any, offset: float = 0.0, **options: Any) -> Self:
        """Graph from a QUBO, min xᵀQx over 0/1; see :func:`graphar.hamiltonians.convert.from_qubo`."""
        from graphar.hamiltonians import convert

        return convert.from_qubo(cls, Q, offset, **options)

    @classmethod
    def from_dimod(cls, bqm: Any) -> Self:
        """Graph from a dimod quadratic model; see :func:`graphar.hamiltonians.convert.from_dimod`."""
        from graphar.hamiltonians import convert

        return convert.from_dimod(cls, bqm)

    def to_scipy(self) -> Any:
        """Symmetric CSR matrix of couplings; see :func:`graphar.hamiltonians.convert.to_scipy`."""
        from graphar.hamiltonians import convert

        return convert.to_scipy(self)

    def to_dense(self) -> Tensor:
        """Symmetric (N, N) matrix of couplings, for small graphs and other people's code."""
        from graphar.hamiltonians import convert

        return convert.to_dense(self)

    def to_networkx(self) -> Any:
        """networkx graph with ``J`` on edges and ``h`` on nodes."""
        from graphar.hamiltonians import convert

        return convert.to_networkx(self)

    def to_qubo(self) -> Any:
        """Upper-triangular sparse Q and offset with xᵀQx + offset = H(2x − 1)."""
        from graphar.hamiltonians import convert

        return convert.to_qubo(self)

    def to_dimod(self) -> Any:
        """dimod BinaryQuadraticModel of spin type (extra ``dimod``)."""
        from graphar.hamiltonians import convert

        return convert.to_dimod(self)

    # Structure.

    @property
    def pos(self) -> Tensor | None:
        """Places of the sites, shape (N, d), or None; for pictures and planar methods, no part of a batch."""
        # Kept beside PyG's store: PyG cannot batch a graph with places and one without.
        return self.__dict__.get("_pos")

    @pos.setter
    def pos(self, places: Tensor | None) -> None:
        self.__dict__["_pos"] = places

    @property
    def labels(self) -> tuple[Hashable, ...] | None:
        """Names of the sites, N distinct hashables, or None where they are 0…N−1 themselves; no part of a batch."""
        return self.__dict__.get("_labels")

    @labels.setter
    def labels(self, labels: Any) -> None:
        names = None if labels is None else tuple(labels)
        if names is not None and len(set(names)) != self.num_spins:
            raise ValueError(f"labels must be {self.num_spins} distinct names, got {len(set(names))}")
        self.__dict__["_labels"] = names

    @property
    def num_spins(self) -> int:
        """N."""
        return int(self.num_nodes or 0)

    @property
    def num_couplings(self) -> int:
        """|E|, every undirected edge once."""
        return self.edge_index.shape[1] // 2

    @property
    def dtype(self) -> torch.dtype:
        """Floating type of couplings, fields and energies."""
        return self.edge_weight.dtype

    def undirected(self) -> tuple[Tensor, Tensor, Tensor]:
        """Sites i < j and couplings J_ij of every edge once, sorted by (i, j); each of shape (E,)."""
        source, target = self.edge_index
        once = source < target
        return source[once], target[once], self.edge_weight[once]

    def degree(self) -> Tensor:
        """Number of neighbours of each site, shape (N,)."""
        return torch.bincount(self.edge_index[0], minlength=self.num_spins)

    @property
    def has_field(self) -> bool:
        """Whether any h_i differs from zero."""
        return bool((self.h != 0).any())

    # Energies.

    def energy(self, spins: Any) -> Tensor:
        r"""Energy of spin configurations, in O(E · batch).

        .. math:: E(x) = -\sum_{(i,j)} J_{ij} x_i x_j - \sum_i h_i x_i + \text{offset}

        Args:
            spins: ±1, shape (..., N).

        Returns:
            Extensive energies of shape (...), in the graph's dtype; for a batch of B graphs, (..., B).
        """
        x = check_spins(spins, self.num_spins).to(self.edge_weight.device)
        couplings = by_reader(*self.undirected(), self.num_spins)  # J_ij at the first site of each edge
        member = getattr(self, "batch", None)
        out = []
        for rows in self._blocks(x):
            bonds = rows * (couplings @ rows)
            if member is None:  # whole numbers by themselves, so that they are the same in any batch
                out.append(-bonds.sum(0) - self.h @ rows + self.offset)
            else:
                graphs = int(self.num_graphs)  # of a PyG Batch
                bonds += rows * self.h[:, None]
                out.append(self.offset - scatter(bonds, member, dim=0, dim_size=graphs, reduce="sum").T)
        shape = x.shape[:-1] if member is None else (*x.shape[:-1], int(self.num_graphs))
        return torch.cat(out).reshape(shape) if out else x.new_zeros(shape, dtype=self.dtype)

    def local_fields(self, spins: Any) -> Tensor:
        r"""Field on every spin from its neighbours and its own h: :math:`\sum_j J_{ij} x_j + h_i`, (..., N)."""
        x = check_spins(spins, self.num_spins).to(self.edge_weight.device)
        couplings = by_reader(self.edge_index[0], self.edge_index[1], self.edge_weight, self.num_spins)
        fields = [(couplings @ rows + self.h[:, None]).T for rows in self._blocks(x)]
        return torch.cat(fields).reshape(x.shape) if fields else x.new_zeros(x.shape, dtype=self.dtype)

    def _blocks(self, spins: Tensor) -> Iterator[Tensor]:
        """Spins (N, b), b configurations at a time, so that those of a site are in one piece."""
        for block in spins.reshape(-1, self.num_spins).split(max(16, min(128, _CHUNK // max(1, self.num_spins)))):
            yield block.T.contiguous().to(self.dtype)

    def flip_delta(self, spins: Any) -> Tensor:
        r"""Energy change of flipping each spin alone: :math:`2 x_i (\sum_j J_{ij} x_j + h_i)`, shape (..., N)."""
        fields = self.local_fields(spins)
        return 2 * as_tensor(spins, "spins").to(fields) * fields

    # Housekeeping.

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Copy on another device and/or with another floating type, as for a torch module.

        A floating dtype changes couplings, fields, offset and places; site numbers stay integers.
        """
        device, dtype, non_blocking, _ = torch._C._nn._parse_to(*args, **kwargs)
        if dtype is not None and not dtype.is_floating_point:
            raise ValueError(f"dtype must be floating, got {dtype}")

        def move(tensor: Tensor) -> Tensor:
            kind = dtype if tensor.is_floating_point() else None
            return tensor.to(device=device, dtype=kind, non_blocking=non_blocking)

        moved = self.clone().apply(move)
        if self.pos is not None:
            moved.pos = move(self.pos)
        return moved

    def validate(self, raise_on_error: bool = True) -> bool:
        """Check every rule of the format; for graphs made by hand or changed in place.

        Raises:
            ValueError: the first broken rule, if ``raise_on_error``.
        """
        try:
            self._validate()
        except ValueError:
            if raise_on_error:
                raise
            return False
        return True

    def _validate(self) -> None:
        missing = [name for name in ("edge_index", "edge_weight", "h", "offset") if getattr(self, name, None) is None]
        if missing:
            raise ValueError(f"an IsingGraph needs edge_index, edge_weight, h and offset, got none of {missing}")
        n = self.num_spins
        ends = as_sites(self.edge_index)
        check_ends(ends, n)
        if self.edge_weight.shape != (ends.shape[1],) or not self.edge_weight.is_floating_point():
            raise ValueError(f"edge_weight must be floating, shape ({ends.shape[1]},), got {kind(self.edge_weight)}")
        if self.h.shape != (n,) or not self.h.is_floating_point():
            raise ValueError(f"h must be floating, shape ({n},), got {kind(self.h)}")
        for name in ("edge_weight", "h", "offset"):
            as_float_tensor(getattr(self, name), name)
        forward = ends[0] * n + ends[1]
        forward, order = torch.sort(forward)
        if bool((forward[1:] == forward[:-1]).any()):
            raise ValueError("edge_index must list each direction of an edge once, got a repeated column")
        backward, back_order = torch.sort(ends[1] * n + ends[0])
        if not torch.equal(forward, backward):
            raise ValueError("edge_index must hold both directions of every edge, got an edge in one direction only")
        if not torch.equal(self.edge_weight[order], self.edge_weight[back_order]):
            raise ValueError("edge_weight must be equal in both directions of an edge")

    def __repr__(self) -> str:
        if getattr(self, "edge_weight", None) is None:
            return f"{type(self).__name__}(empty)"
        graphs = f"{self.num_graphs} graphs, " if getattr(self, "batch", None) is not None else ""
        plural = "" if self.num_spins == 1 else "s"
        couplings = f"{self.num_couplings} coupling{'' if self.num_couplings == 1 else 's'}"
        parts = [f"{graphs}{self.num_spins} spin{plural}", couplings + describe_values(self.edge_weight)]
        parts.append("field" + describe_values(self.h) if self.has_field else "no field")
        if bool((self.offset != 0).any()) and not graphs:
            parts.append(f"offset {self.offset.item():g}")
        if self.dtype != torch.float64:
            parts.append(str(self.dtype).removeprefix("torch."))
        if self.edge_weight.device.type != "cpu":
            parts.append(str(self.edge_weight.device))
        return f"{type(self).__name__}({', '.join(parts)})"
