"""Graphs from lists of edges, in the forms that people have them in: rows, dictionaries, tables."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data

from graphar._support.checks import as_float_tensor, as_tensor
from graphar.hamiltonians._build import build, check_constant
from graphar.hamiltonians.labels import as_mapping, number

if TYPE_CHECKING:
    from graphar.hamiltonians.ising import IsingGraph

__all__ = ["COUPLING", "couplings_of", "from_edge_list"]

COUPLING = ("J", "weight")  # names of couplings elsewhere, the first that is there
_ENDS = (("i", "j"), ("source", "target"))
_Rows = tuple[list[Any], list[Any], Any]  # first ends, second ends, couplings (None: all 1)


def from_edge_list(
    cls: type[IsingGraph],
    edges: Any,
    h: Any = None,
    num_nodes: int | None = None,
    *,
    labels: Any = None,
    offset: float = 0.0,
    pos: Any = None,
    duplicates: str = "error",
    dtype: torch.dtype | None = None,
) -> IsingGraph:
    r"""Graph of :math:`H = -\sum_{(i,j)} J_{ij} x_i x_j - \sum_i h_i x_i` + offset from edges, one by one.

    Sites are named by numbers or by any hashable. If all names are whole numbers, they are the sites themselves,
    and N is the largest plus one. Else they all become ``labels``, in the order in which they first appear.

    Args:
        cls: class of the graph.
        edges: a list of ``(i, j)``, with J = 1, or of ``(i, j, J)``, as also networkx's ``edges(data=…)`` gives them; a
            dictionary ``{(i, j): J}``; an array of shape (E, 2) or (E, 3); or a table (a pandas DataFrame and the
            like) with columns ``i``, ``j``, ``J`` or ``source``, ``target``, ``weight`` (each coupling under either
            name), or of two or three columns in this order. J > 0 aligns.
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
    first, second, weights = _read(edges)
    weights = 1.0 if weights is None else as_float_tensor(weights, "J of edges", dtype)
    h = as_mapping(h)
    extra = list(h) if isinstance(h, Mapping) else []
    sites, names = number(chain(chain.from_iterable(zip(first, second, strict=True)), extra), labels, "edges and h")
    ends = torch.as_tensor(sites[: 2 * len(first)].reshape(-1, 2).T)
    return build(
        cls,
        ends,
        weights,
        h,
        num_nodes,
        labels=names,
        offset=offset,
        pos=pos,
        duplicates=duplicates,
        dtype=dtype,
        name="edges",
    )


def couplings_of(
    pairs: Sequence[tuple[Any, Any]],
    attributes: Sequence[Mapping[Any, Any]],
    coupling: str | Sequence[str] | None,
    rule: str,
) -> list[Any]:
    """Attribute of every edge that holds its coupling: the first name that any edge has; 1 for None."""
    if coupling is None:
        return [1.0] * len(pairs)
    names = _attribute_names(coupling)
    found = [name for name in names if any(name in each for each in attributes)]
    for pair, each in zip(pairs, attributes, strict=True):
        if not found or found[0] not in each:
            wanted = repr(found[0]) if found else " or ".join(map(repr, names))
            raise ValueError(f"{rule}, got {wanted}, which edge {pair!r} lacks; it has {sorted(map(str, each))}")
    return [each[found[0]] for each in attributes]


def _attribute_names(coupling: Any) -> tuple[Hashable, ...]:
    names = tuple(coupling) if isinstance(coupling, (list, tuple)) else (coupling,)
    try:
        hash(names)
    except TypeError as error:
        raise ValueError(f"coupling must be a name of an attribute, or several, or None, got {coupling!r}") from error
    return names


def _read(edges: Any) -> _Rows:
    _refuse_others(edges)
    if isinstance(edges, (Tensor, np.ndarray)):
        return _from_array(edges)
    if hasattr(edges, "columns") and hasattr(edges, "__getitem__"):
        return _from_table(edges)
    if isinstance(edges, Mapping):
        return _from_mapping(edges)
    try:
        return _from_rows(list(edges))
    except TypeError as error:
        raise ValueError(
            f"edges must be rows, a dictionary, an array or a table, got {type(edges)}: {error}"
        ) from error


def _refuse_others(edges: Any) -> None:
    from scipy.sparse import issparse

    for maker, is_one in (
        ("the graph itself, or from_edges of its undirected()", isinstance(edges, Data)),
        ("from_networkx", hasattr(edges, "edges") and hasattr(edges, "nodes")),
        ("from_dimod", hasattr(edges, "vartype")),
        ("from_scipy", issparse(edges)),
    ):
        if is_one:
            raise ValueError(f"edges must be rows, a dictionary, an array or a table, got {type(edges)}: take {maker}")


def _from_array(edges: Any) -> _Rows:
    if isinstance(edges, Tensor):
        check_constant(edges=edges)
        if edges.layout != torch.strided:
            raise ValueError(f"edges must be a dense array, got {edges.layout}")
        edges = (as_float_tensor if edges.is_floating_point() else as_tensor)(edges, "edges").cpu().numpy()
    if not edges.size:
        return [], [], None
    if edges.ndim != 2 or edges.shape[1] not in (2, 3):
        remedy = "; IsingGraph.from_edges takes (2, E)" if edges.shape[:1] == (2,) else ""
        raise ValueError(f"edges must have shape (E, 2) or (E, 3), got {edges.shape}{remedy}")
    if np.ma.is_masked(edges) or edges.dtype.kind == "c":
        raise ValueError(f"edges must hold real numbers or names, got {edges.dtype} or masked entries")
    first, second = edges[:, 0].tolist(), edges[:, 1].tolist()
    if edges.dtype.kind == "f" and np.abs(edges[:, :2]).max() > 2 ** (np.finfo(edges.dtype).nmant + 1):
        raise ValueError(f"edges must name sites by whole numbers that {edges.dtype} holds, got larger ones")
    if edges.shape[1] == 2:
        return first, second, None
    return first, second, edges[:, 2].tolist() if edges.dtype.kind == "O" else edges[:, 2]


def _from_table(table: Any) -> _Rows:
    columns = list(table.columns)
    if len(set(columns)) != len(columns):
        raise ValueError(f"edges must have distinct columns, got {columns}")
    ends = next((pair for pair in _ENDS if set(pair) <= set(columns)), None)
    if ends is not None:
        coupling = next((name for name in COUPLING if name in columns), None)
        if coupling is None and len(columns) > 2:
            raise ValueError(f"edges must have their couplings in a column 'J' or 'weight', got columns {columns}")
        chosen = [*ends, *([] if coupling is None else [coupling])]
    elif len(columns) in (2, 3):
        chosen = columns
    else:
        raise ValueError(
            "edges must have columns i, j, J or source, target, weight, or two or three in this order, "
            f"got columns {columns}"
        )
    first, second, *rest = (list(table[name]) for name in chosen)
    return first, second, rest[0] if rest else None


def _from_mapping(edges: Mapping[Any, Any]) -> _Rows:
    for key in edges:
        if not isinstance(key, tuple) or len(key) != 2:
            raise ValueError(f"edges must have pairs of sites (i, j) as keys, got {key!r}; fields go to h={{site: h}}")
    first, second = [i for i, _ in edges], [j for _, j in edges]
    return first, second, _numbers(first, second, list(edges.values()))


def _from_rows(rows: list[Any]) -> _Rows:
    for k, row in enumerate(rows):
        if not isinstance(row, (tuple, list, np.ndarray, Tensor)) or len(row) not in (2, 3):
            raise ValueError(f"edges must be rows (i, j) or (i, j, J), got {row!r} at position {k}")
        if len(row) != len(rows[0]):
            raise ValueError(f"edges must all be (i, j) or all (i, j, J), got {rows[0]!r} and {row!r} at position {k}")
    first, second = [row[0] for row in rows], [row[1] for row in rows]
    if not rows or len(rows[0]) == 2:
        return first, second, None
    return first, second, _numbers(first, second, [row[2] for row in rows])


def _numbers(first: list[Any], second: list[Any], given: list[Any]) -> list[Any] | None:
    """Couplings, also where networkx gives the attributes of each edge; where no edge has any, none."""
    if not any(isinstance(each, Mapping) for each in given):
        return given
    if not all(isinstance(each, Mapping) for each in given):
        raise ValueError("edges must have dictionaries of attributes everywhere or nowhere, got both")
    if not any(given):
        return None
    rule = "edges must have their couplings in one attribute"
    return couplings_of(list(zip(first, second, strict=True)), given, COUPLING, rule)
