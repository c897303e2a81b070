"""An Ising graph from, and as, what other libraries hold.

The convention of every foreign side is stated where it is read. Everything leaves as float64 (to_dense
excepted) and each pair loses nothing but rounding, which only the QUBO pair and 0/1 dimod models have: there
a field is a sum of couplings. Couplings of 0 that are listed stay edges; a zero of a dense matrix is no edge.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from graphar._checks import as_float_tensor
from graphar.hamiltonians._entries import Entries, dense_entries, dict_entries, is_dense, sparse_entries

if TYPE_CHECKING:
    from graphar.hamiltonians.ising import IsingGraph

    Graph = TypeVar("Graph", bound=IsingGraph)

__all__ = [
    "from_dense",
    "from_dimod",
    "from_networkx",
    "from_qubo",
    "from_scipy",
    "to_dense",
    "to_dimod",
    "to_networkx",
    "to_qubo",
    "to_scipy",
]

# Matrices of couplings.


def from_scipy(
    cls: type[Graph], J: Any, h: Any = None, *, offset: float = 0.0, pos: Any = None, dtype: torch.dtype | None = None
) -> Graph:
    r"""Graph of :math:`H = -\sum_{i<j} J_{ij} x_i x_j - \sum_i h_i x_i` + offset from a sparse matrix J.

    Args:
        cls: class of the graph.
        J: scipy sparse (N, N), either symmetric, J_ij standing at both places for *one* edge of coupling
            J_ij, or strictly triangular, each edge once. Stored zeros are edges of coupling 0, repeated
            entries add up.
        h: fields, shape (N,), or one number for all; none by default.
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
    return _from_matrix(cls, sparse_entries(J, "J"), h, offset=offset, pos=pos, dtype=dtype)


def from_dense(
    cls: type[Graph], J: Any, h: Any = None, *, offset: float = 0.0, pos: Any = None, dtype: torch.dtype | None = None
) -> Graph:
    """Graph from a dense matrix J, symmetric or strictly triangular; zeros are no edges. Else as :func:`from_scipy`."""
    return _from_matrix(cls, dense_entries(J, "J"), h, offset=offset, pos=pos, dtype=dtype)


def to_scipy(graph: IsingGraph) -> Any:
    """Symmetric ``csr_array`` of shape (N, N) with J_ij at (i, j) and (j, i), so −½ xᵀJx is the coupling energy."""
    from scipy.sparse import coo_array

    rows, columns = graph.edge_index.cpu().numpy()
    shape = (graph.num_spins, graph.num_spins)
    return coo_array((_float64(graph.edge_weight), (rows, columns)), shape=shape).tocsr()


def to_dense(graph: IsingGraph) -> Tensor:
    """Symmetric (N, N) tensor of couplings, in the graph's dtype and on its device."""
    J = graph.edge_weight.new_zeros(graph.num_spins, graph.num_spins)
    J[graph.edge_index[0], graph.edge_index[1]] = graph.edge_weight
    return J


# networkx.


def from_networkx(
    cls: type[Graph], graph: Any, *, coupling: str | None = "J", field: str = "h", dtype: torch.dtype | None = None
) -> Graph:
    r"""Graph of :math:`H = -\sum_{(i,j)} J_{ij} x_i x_j - \sum_i h_i x_i` from an undirected networkx graph.

    Site k is the k-th of ``graph.nodes``, whatever hashable it is. ``graph.graph["offset"]`` is the constant
    of the energy, and the node attribute ``pos`` gives the places if every node has it.

    Args:
        cls: class of the graph.
        graph: ``networkx.Graph``; directed graphs, multigraphs and self-loops are refused.
        coupling: edge attribute holding J, which every edge must have; None for J = 1 on every edge.
        field: node attribute holding h; nodes without it have no field.
        dtype: floating type of the graph, float64 by default.

    >>> import networkx as nx
    >>> from graphar import IsingGraph
    >>> IsingGraph.from_networkx(nx.petersen_graph(), coupling=None)
    IsingGraph(10 spins, 15 couplings = 1, no field)
    """
    if not callable(getattr(graph, "is_directed", None)) or graph.is_directed() or graph.is_multigraph():
        raise ValueError(f"graph must be an undirected networkx.Graph without parallel edges, got {type(graph)}")
    site = {node: k for k, node in enumerate(graph.nodes)}
    ends, weights = [], []
    for u, v, attributes in graph.edges(data=True):
        if u == v:
            raise ValueError(f"graph must not hold self-loops, got one at node {u!r}")
        if coupling is not None and coupling not in attributes:
            raise ValueError(
                f"coupling must be an attribute of every edge (None takes J = 1 everywhere), "
                f"got {coupling!r}, which edge {(u, v)!r} lacks; it has {sorted(map(str, attributes))}"
            )
        ends.append((site[u], site[v]))
        weights.append(1.0 if coupling is None else attributes[coupling])
    pos = [attributes.get("pos") for _, attributes in graph.nodes(data=True)]
    return cls.from_edges(
        np.array(ends, dtype=np.int64).reshape(-1, 2).T,
        as_float_tensor(weights, "coupling", dtype),
        [attributes.get(field, 0.0) for _, attributes in graph.nodes(data=True)],
        num_nodes=len(site),
        offset=graph.graph.get("offset", 0.0),
        pos=None if any(place is None for place in pos) else pos,
        dtype=dtype,
    )


def to_networkx(graph: IsingGraph) -> Any:
    """``networkx.Graph`` on 0…N−1: ``J`` on edges, ``h`` (and ``pos``) on nodes, ``offset`` on the graph."""
    import networkx as nx

    i, j, J = graph.undirected()
    result = nx.Graph(offset=_offset(graph))
    result.add_nodes_from((k, {"h": field}) for k, field in enumerate(graph.h.tolist()))
    if graph.pos is not None:
        nx.set_node_attributes(result, {k: tuple(place) for k, place in enumerate(graph.pos.tolist())}, "pos")
    result.add_edges_from((a, b, {"J": c}) for a, b, c in zip(i.tolist(), j.tolist(), J.tolist(), strict=True))
    return result


# QUBO.


def from_qubo(
    cls: type[Graph],
    Q: Any,
    offset: float = 0.0,
    num_nodes: int | None = None,
    *,
    dtype: torch.dtype | None = None,
) -> Graph:
    r"""Graph of a QUBO, minimise xᵀQx + offset over x ∈ {0, 1}^N, through x = (1 + s)/2.

    .. math:: J_{ij} = -\tfrac14 q_{ij}, \quad h_i = -\tfrac12 Q_{ii} - \tfrac14 \sum_j q_{ij}, \quad
              q_{ij} = Q_{ij} + Q_{ji}

    Args:
        cls: class of the graph.
        Q: (N, N) dense, scipy sparse, or a dict ``{(i, j): Q_ij}``. The entries (i, j) and (j, i) add, so
            that triangular and symmetric Q both mean what xᵀQx says; the diagonal is the linear part.
        offset: constant added to xᵀQx.
        num_nodes: N, for a dict; by default its largest index plus one.
        dtype: floating type of the graph; that of Q by default.

    Raises:
        ValueError: Q is not square or not finite, keys that are not pairs of sites below N.

    >>> from graphar import IsingGraph
    >>> graph = IsingGraph.from_qubo({(0, 0): -1.0, (1, 1): -1.0, (0, 1): 2.0})  # exactly one of the two
    >>> graph.energy([[-1, -1], [-1, 1], [1, 1]])
    tensor([ 0., -1.,  0.], dtype=torch.float64)
    """
    if isinstance(Q, Mapping):
        size, rows, columns, values = dict_entries(Q, num_nodes)
    else:
        size, rows, columns, values = dense_entries(Q, "Q") if is_dense(Q) else sparse_entries(Q, "Q")
        if num_nodes not in (None, size):
            raise ValueError(f"num_nodes must be the size of Q, {size}, got {num_nodes}")
    diagonal = rows == columns
    linear = values.new_zeros(size).index_add_(0, rows[diagonal], values[diagonal])
    pairs = torch.stack([rows[~diagonal], columns[~diagonal]])
    return _from_binary(cls, linear, pairs, values[~diagonal], offset, dtype)


def to_qubo(graph: IsingGraph) -> tuple[Any, float]:
    r"""Upper-triangular ``csr_array`` Q and a constant with xᵀQx + constant = H(2x − 1) for x ∈ {0, 1}^N.

    .. math:: Q_{ij} = -4 J_{ij}, \quad Q_{ii} = 2 \sum_j J_{ij} - 2 h_i, \quad
              \text{constant} = \text{offset} - \sum_{(i,j)} J_{ij} + \sum_i h_i
    """
    from scipy.sparse import coo_array

    n = graph.num_spins
    lower, upper, couplings = graph.undirected()
    i, j, J, h = lower.cpu().numpy(), upper.cpu().numpy(), _float64(couplings), _float64(graph.h)
    linear = 2 * (np.bincount(i, J, n) + np.bincount(j, J, n) - h)
    sites = np.flatnonzero(linear)
    rows, columns = np.concatenate([i, sites]), np.concatenate([j, sites])
    Q = coo_array((np.concatenate([-4 * J, linear[sites]]), (rows, columns)), shape=(n, n)).tocsr()
    return Q, float(_offset(graph) - J.sum() + h.sum())


# dimod.


def from_dimod(cls: type[Graph], bqm: Any) -> Graph:
    """Graph from a dimod quadratic model, +Σ h s + Σ J s s + offset: the signs of J and h change.

    0/1 models are turned into spins by x = (1 + s)/2. Site k is the k-th of ``bqm.variables``.

    >>> import dimod
    >>> from graphar import IsingGraph
    >>> IsingGraph.from_dimod(dimod.BinaryQuadraticModel({"a": 0.5}, {"ab": -1.0}, "SPIN"))
    IsingGraph(2 spins, 1 coupling = 1, field in [-0.5, 0])
    """
    dimod = _import_dimod()
    if not isinstance(bqm, dimod.BinaryQuadraticModel):
        raise ValueError(f"bqm must be a dimod.BinaryQuadraticModel, got {type(bqm)}")
    linear, (i, j, quadratic), constant = bqm.to_numpy_vectors(variable_order=list(bqm.variables))
    pairs, constant = np.stack([i, j]), float(constant)
    linear, quadratic = as_float_tensor(linear, "bqm.linear"), as_float_tensor(quadratic, "bqm.quadratic")
    if bqm.vartype is dimod.BINARY:
        return _from_binary(cls, linear, torch.as_tensor(pairs).long(), quadratic, constant, torch.float64)
    return cls.from_edges(pairs, 0.0 - quadratic, 0.0 - linear, len(linear), offset=constant, dtype=torch.float64)


def to_dimod(graph: IsingGraph) -> Any:
    """dimod ``BinaryQuadraticModel`` of spin type on the labels 0…N−1, with the same energies."""
    dimod = _import_dimod()
    i, j, J = graph.undirected()
    quadratic = (i.cpu().numpy(), j.cpu().numpy(), 0.0 - _float64(J))
    linear = 0.0 - _float64(graph.h)
    return dimod.BinaryQuadraticModel.from_numpy_vectors(linear, quadratic, _offset(graph), dimod.SPIN)


def _import_dimod() -> ModuleType:
    try:
        import dimod
    except ImportError as error:
        raise ImportError('dimod models need dimod: pip install "graphar-arnn[dimod]"') from error
    return dimod


# Shared parts.


def _from_matrix(cls: type[Graph], entries: Entries, h: Any, **options: Any) -> Graph:
    n, rows, columns, values = entries
    loops = (rows == columns) & (values != 0)
    if bool(loops.any()):
        at = int(loops.nonzero()[0])
        raise ValueError(f"J must have a zero diagonal, got {values[at].item()} at {(int(rows[at]), int(rows[at]))}")
    upper, lower = rows < columns, rows > columns
    keys = [rows[upper] * n + columns[upper], columns[lower] * n + rows[lower]]
    edges = torch.cat(keys).unique()  # sorted
    halves = [values.new_zeros(edges.numel()) for _ in keys]
    for half, key, side in zip(halves, keys, (upper, lower), strict=True):
        half[torch.searchsorted(edges, key)] = values[side]
    above, below = halves
    if bool(upper.any()) and bool(lower.any()) and not torch.equal(above, below):
        at = int((above != below).nonzero()[0])
        i, j = divmod(int(edges[at]), n)
        raise ValueError(
            f"J must be symmetric or strictly triangular, got {above[at].item()} at {(i, j)} "
            f"and {below[at].item()} at {(j, i)}"
        )
    couplings = above if bool(upper.any()) else below
    return cls.from_edges(torch.stack([edges // n, edges % n]), couplings, h, num_nodes=n, **options)


def _from_binary(
    cls: type[Graph], linear: Tensor, pairs: Tensor, quadratic: Tensor, offset: float, dtype: torch.dtype | None
) -> Graph:
    """Graph of Σ linear x + Σ quadratic x x + offset over 0/1; pairs listed twice add."""
    dtype = dtype or linear.dtype
    linear, quarter = linear.double() / 2, quadratic.double() / 4
    field = linear.index_add(0, pairs[0], quarter).index_add(0, pairs[1], quarter)
    constant = float(offset) + (linear.sum() + quarter.sum()).item()
    # 0 − y, not −y: no negative zeros
    return cls.from_edges(pairs, 0.0 - quarter, 0.0 - field, len(field), offset=constant, duplicates="sum", dtype=dtype)


def _float64(values: Tensor) -> Any:
    return values.detach().cpu().double().numpy()


def _offset(graph: IsingGraph) -> float:
    return float(graph.offset.double().sum())
