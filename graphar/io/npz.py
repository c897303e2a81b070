"""scipy ``.npz``: the sparse matrix J of ``scipy.sparse.save_npz``, with H(x) = −Σ_{i<j} J_ij x_i x_j.

Formats csr, csc and coo. A strictly upper or strictly lower triangular matrix lists each edge once; a symmetric
one holds J_ij at both places of one edge of coupling J_ij, and anything else is refused. What a matrix cannot
hold stands beside it in arrays of our own, written only where there is something to say: ``h`` (N,) the fields,
``offset`` the constant, ``pos`` (N, d) the places, ``labels`` the names of the sites as one JSON list.
``scipy.sparse.load_npz`` passes over them.

Nothing is unpickled. Before an array is expanded, its own header, the size that the archive states and the other
arrays must agree, and arrays of indices may expand by the same factor as gzip text.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import torch

from graphar._support.files import atomic_write, naming
from graphar.hamiltonians.ising import IsingGraph
from graphar.io._arrays import Arrays, open_arrays
from graphar.io._files import room
from graphar.io._write import offset_of
from graphar.io.site_names import from_json, shown, to_json

__all__ = ["read", "write"]

_INDICES = {"csr": ("indices", "indptr"), "csc": ("indices", "indptr"), "coo": ("row", "col")}


def read(path: Path) -> IsingGraph:
    """Read a coupling matrix, with fields, offset and places where the archive has them."""
    with naming(path):
        return _graph(_arrays(path))


def write(graph: IsingGraph, path: Path) -> None:
    """Write the strictly upper triangle of J as csr, and whatever else the graph has; nothing is lost."""
    i, j, J = (part.cpu().numpy() for part in graph.undirected())
    n = graph.num_spins
    index = np.int32 if max(n, len(J)) < 2**31 else np.int64
    arrays: dict[str, Any] = {
        "indices": j.astype(index),
        "indptr": np.searchsorted(i, np.arange(n + 1)).astype(index),
        "format": b"csr",
        "shape": np.array([n, n]),
        "data": J.astype(np.float64),
        "_is_array": True,
    }
    if graph.has_field:
        arrays["h"] = graph.h.double().cpu().numpy()
    if offset_of(graph):
        arrays["offset"] = offset_of(graph)
    if graph.pos is not None:
        arrays["pos"] = graph.pos.double().cpu().numpy()
    if graph.labels is not None:
        arrays["labels"] = to_json(graph.labels).encode()
    buffer = io.BytesIO()
    # an indptr of isolated spins alone would shrink beyond what the reader lets expand
    save = np.savez if len(J) < n // 16 else np.savez_compressed
    save(buffer, **arrays)
    with atomic_write(path) as file:
        file.write(buffer.getvalue())


def _graph(arrays: dict[str, np.ndarray]) -> IsingGraph:
    from scipy.sparse import coo_array

    n, kind = int(arrays["shape"][0]), _kind(arrays)
    first, second = (arrays[name].astype(np.int64) for name in _INDICES[kind])
    if kind == "coo":
        rows, columns = first, second
    else:
        if second[0] != 0 or second[-1] != len(first) or (np.diff(second) < 0).any():
            raise ValueError(f"indptr must rise from 0 to the number of entries, {len(first)}, got another array")
        major = np.repeat(np.arange(n), np.diff(second))
        rows, columns = (major, first) if kind == "csr" else (first, major)
    if len(rows) and (min(rows.min(), columns.min()) < 0 or max(rows.max(), columns.max()) >= n):
        raise ValueError(f"indices must be 0…{n - 1}, got others")
    key = np.sort(rows * n + columns)
    if (key[1:] == key[:-1]).any():
        where = divmod(int(key[1:][key[1:] == key[:-1]][0]), n)
        raise ValueError(f"every entry must be listed once, got {where} twice")
    J = coo_array((arrays["data"].astype(np.float64), (rows, columns)), shape=(n, n))
    offset = arrays["offset"].item() if "offset" in arrays else 0.0
    graph = IsingGraph.from_scipy(J, arrays.get("h"), offset=offset, pos=arrays.get("pos"), dtype=torch.float64)
    if "labels" in arrays:
        graph.labels = from_json(arrays["labels"].item())
    return graph


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a save_npz archive, none of them larger than the archive can vouch for."""
    with open_arrays(path, "scipy.sparse.save_npz") as arrays:
        return _checked(arrays)


def _checked(arrays: Arrays) -> dict[str, np.ndarray]:
    arrays.load("format", "SU", ())
    kind = _kind(arrays.found)
    if kind not in _INDICES:
        raise ValueError(f"format must be csr, csc or coo (tocsr() converts), got {shown(kind)}")
    n, columns = (int(size) for size in arrays.load("shape", "iu", (2,)))
    if n != columns or n < 1:
        raise ValueError(f"the matrix must be square, got the shape ({n}, {columns})")
    first, second = _INDICES[kind]
    arrays.load(first, "iu", None)
    arrays.load(second, "iu", arrays.shapes[first] if kind == "coo" else (n + 1,))
    if len(arrays.shapes[first]) != 1:
        raise ValueError(f"{first} must have one axis, got {shown(arrays.shapes[first])}")
    limit = room(arrays.found[first].nbytes + arrays.found[second].nbytes)
    if n > limit:
        raise ValueError(f"at most {limit} spins can be claimed by indices of this size, got {n}")
    arrays.load("data", "biuf", arrays.shapes[first], bounded=False)  # by the indices
    if "h" in arrays:
        arrays.load("h", "iuf", (n,), bounded=False)  # by n
    if "offset" in arrays:
        arrays.load("offset", "iuf", ())
    if "pos" in arrays:
        arrays.load("pos", "iuf", None)
    if "labels" in arrays:
        arrays.load("labels", "S", ())
    return arrays.found


def _kind(arrays: dict[str, np.ndarray]) -> str:
    kind = arrays["format"].item()
    return kind.decode("ascii", "replace") if isinstance(kind, bytes) else kind
