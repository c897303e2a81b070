"""Lists of edges as Ising graphs, in the forms that people have them in: rows, dictionaries, tables."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data

from graphar._support.checks import as_float_tensor, as_tensor
from graphar.hamiltonians._parts import Parts, check_constant
from graphar.hamiltonians.labels import as_mapping, number

__all__ = ["COUPLING", "couplings_of", "from_edge_list"]

COUPLING = ("J", "weight")  # names of couplings elsewhere, the first that is there
_ENDS = (("i", "j"), ("source", "target"))
_Rows = tuple[list[Any], list[Any], Any]  # first ends, second ends, couplings (None: all 1)


def from_edge_list(edges: Any, h: Any, labels: Any, dtype: torch.dtype | None) -> Parts:
    """Edges, fields and labels from edges whose ends are sites or names."""
    first, second, weights = _read(edges)
    weights = 1.0 if weights is None else as_float_tensor(weights, "J of edges", dtype)
    h = as_mapping(h)
    extra = list(h) if isinstance(h, Mapping) else []
    sites, names = number(chain(chain.from_iterable(zip(first, second, strict=True)), extra), labels, "edges and h")
    return Parts(torch.as_tensor(sites[: 2 * len(first)].reshape(-1, 2).T), weights, h, labels=names)


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
    if edges.dtype.kind == "f" and np.abs(edges[:, :2]).max() > 2.0 ** (np.finfo(edges.dtype).nmant + 1):
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
