"""Ising Hamiltonians as graphs.

    H(x) = −Σ_{(i,j)∈E} J_ij x_i x_j − Σ_i h_i x_i + offset,   x ∈ {−1, +1}^N,

every undirected edge counted once, J > 0 aligns. A Hamiltonian *is* a PyG graph: each coupling is stored
in both directions, so that message passing over ``edge_index`` gives the local fields Σ_j J_ij x_j, and
E(x) = −½ Σ_directed J x x − Σ h x + offset.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from graphar._support.checks import as_tensor, check_spins
from graphar._support.segments import Segments
from graphar.hamiltonians._parts import check_constant
from graphar.hamiltonians._rules import check_graph, lacking
from graphar.hamiltonians.conversions import Convertible
from graphar.hamiltonians.edges import describe_values
from graphar.hamiltonians.labels import MAX_SPINS
from graphar.hamiltonians.sparse import csr_matrix

__all__ = ["MAX_SPINS", "IsingGraph"]

_CHUNK = 2**17  # spins that energy and local fields take at once, so as to stay in cache


class IsingGraph(Convertible):
    r"""Couplings and fields of an Ising model as a :class:`torch_geometric.data.Data`.

    .. math:: H(x) = -\sum_{(i,j)\in E} J_{ij} x_i x_j - \sum_i h_i x_i + \text{offset}

    Made by :meth:`from_edges`, :meth:`from_edge_list` and their siblings, the builders (:func:`graphar.grid`, …)
    and :func:`graphar.read`. Attributes: ``edge_index`` (2, 2E) with both directions, sorted; ``edge_weight``
    (2E,) the couplings J; ``h`` (N,) the fields; ``offset`` (1,); ``num_nodes`` N; ``pos`` (N, d) where the
    sites have places; ``labels`` where they have names. Numbers are float64 unless asked otherwise. Batches
    (``Batch.from_data_list``) of graphs of any sizes keep every method, with one energy per graph.

    >>> import torch
    >>> graph = IsingGraph.from_edges([[0, 1], [1, 2]], [1.0, -1.0])
    >>> graph
    IsingGraph(3 spins, 2 couplings ±1, no field)
    >>> graph.energy(torch.tensor([1, 1, -1]))
    tensor(-2., dtype=torch.float64)
    """

    # Structure.

    @property
    def num_couplings(self) -> int:
        """|E|, every undirected edge once."""
        return self.edge_index.shape[1] // 2

    @property
    def couplings(self) -> Tensor:
        """J of every undirected edge once, in the order of :meth:`undirected`, shape (E,)."""
        return self.undirected()[2]

    @property
    def dtype(self) -> torch.dtype:
        """Floating type of couplings, fields and energies."""
        return self.edge_weight.dtype

    def degree(self) -> Tensor:
        """Number of neighbours of each site, shape (N,)."""
        return torch.bincount(self.edge_index[0], minlength=self.num_spins)

    # Energies.

    def energy(self, spins: Any) -> Tensor:
        r"""Energy of spin configurations, in O(E · batch).

        .. math:: E(x) = -\sum_{(i,j)} J_{ij} x_i x_j - \sum_i h_i x_i + \text{offset}

        Args:
            spins: ±1, shape (..., N).

        Returns:
            Extensive energies of shape (...), in the graph's dtype; for a batch of B graphs, (..., B). They are
            differentiable in the spins, where the sum above stands for all real x; couplings are constants.
        """
        return self._energy(spins, csr_matrix(*self.undirected(), self.num_spins))

    def frozen_energy(self) -> Callable[[Any], Tensor]:
        """:meth:`energy` of the couplings as they are now, for many calls: what they have in common is made once."""
        couplings = csr_matrix(*self.undirected(), self.num_spins)
        return lambda spins: self._energy(spins, couplings)

    def _energy(self, spins: Any, couplings: Tensor) -> Tensor:
        """By a matrix with J_ij at the first site of each edge."""
        x = self._spins(spins)
        member = getattr(self, "batch", None)
        sites = None if member is None else Segments(member, int(self.num_graphs))  # of each graph of a PyG Batch
        out = []
        for rows in self._blocks(x):
            bonds = rows * (couplings @ rows)
            if sites is None:  # whole numbers by themselves, so that they are the same in any batch
                out.append(-bonds.sum(0) - self.h @ rows + self.offset)
            else:
                bonds += rows * self.h[:, None]
                out.append(self.offset - sites.sum(bonds).T)
        shape = x.shape[:-1] if member is None else (*x.shape[:-1], int(self.num_graphs))
        return torch.cat(out).reshape(shape) if out else x.new_zeros(shape, dtype=self.dtype)

    def local_fields(self, spins: Any) -> Tensor:
        r"""Field on every spin from its neighbours and its own h: :math:`\sum_j J_{ij} x_j + h_i`, (..., N)."""
        x = self._spins(spins)
        couplings = csr_matrix(self.edge_index[0], self.edge_index[1], self.edge_weight, self.num_spins)
        fields = [(couplings @ rows + self.h[:, None]).T for rows in self._blocks(x)]
        return torch.cat(fields).reshape(x.shape) if fields else x.new_zeros(x.shape, dtype=self.dtype)

    def _spins(self, spins: Any) -> Tensor:
        check_constant(edge_weight=self.edge_weight, h=self.h, offset=self.offset)
        return check_spins(spins, self.num_spins).to(self.edge_weight.device)

    def _blocks(self, spins: Tensor) -> Iterator[Tensor]:
        """Spins (N, b), b configurations at a time, so that those of a site are in one piece."""
        for block in spins.reshape(-1, self.num_spins).split(max(16, min(128, _CHUNK // max(1, self.num_spins)))):
            yield block.T.contiguous().to(self.dtype)

    def flip_delta(self, spins: Any) -> Tensor:
        r"""Energy change of flipping each spin alone: :math:`2 x_i (\sum_j J_{ij} x_j + h_i)`, shape (..., N)."""
        fields = self.local_fields(spins)
        return 2 * as_tensor(spins, "spins").to(fields) * fields

    # Housekeeping.

    def validate(self, raise_on_error: bool = True) -> bool:
        """Check every rule of the format; for graphs made by hand or changed in place.

        Raises:
            ValueError: the first broken rule, if ``raise_on_error``.
        """
        try:
            check_graph(self)
        except ValueError:
            if raise_on_error:
                raise
            return False
        return True

    def __repr__(self) -> str:
        if getattr(self, "edge_weight", None) is None:
            return f"{type(self).__name__}(empty)"
        if lacking(self):
            return f"{type(self).__name__}(without {', '.join(lacking(self))})"
        graphs = f"{self.num_graphs} graphs, " if getattr(self, "batch", None) is not None else ""
        plural = "" if self.num_spins == 1 else "s"
        couplings = f"{self.num_couplings} coupling{'' if self.num_couplings == 1 else 's'}"
        parts = [f"{graphs}{self.num_spins} spin{plural}", couplings + describe_values(self.edge_weight)]
        parts += self._described(self.edge_weight)
        return f"{type(self).__name__}({', '.join(parts)})"
