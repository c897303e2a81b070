"""Which format is which: :data:`FORMATS`, and reading and writing by name or suffix."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphar.hamiltonians.hypergraph import SpinHypergraph
from graphar.hamiltonians.ising import IsingGraph
from graphar.hamiltonians.kinds import check_hamiltonian
from graphar.io import cnf, coo, dimacs, edge_list, interactions, npz, pairs, qplib, qubo, spin_glass_server
from graphar.io._files import as_path, plainly

__all__ = ["FORMATS", "Format", "examine", "read", "resolve", "write"]


@dataclass(frozen=True)
class Format:
    """A file format: its name, its suffixes, its convention in one line, its reader and its writer.

    ``examine`` is a reader that also says what it took for granted, and is told whether the caller named the format.
    ``many`` says that it holds interactions of any numbers of spins, and reads and writes them as a hypergraph.
    ``base`` is what its files call the first site, where they always call it the same. ``write`` is None where the
    format is read alone, as it holds something else than a Hamiltonian.
    """

    name: str
    suffixes: tuple[str, ...]
    convention: str
    read: Callable[..., IsingGraph | SpinHypergraph]
    write: Callable[..., None] | None
    examine: Callable[..., tuple[IsingGraph, list[str]]] | None = None
    many: bool = False
    base: int = 0


FORMATS: dict[str, Format] = {
    entry.name: entry
    for entry in (
        Format(
            "edge_list",
            (".edges", ".edgelist", ".txt", ".csv", ".tsv", ".dat"),
            "'i j J', 'i h', or 'i j' (J = 1); sites number or word; H = -sum J s s - sum h s + offset, J > 0 aligns",
            edge_list.read,
            edge_list.write,
            edge_list.examine,
        ),
        Format(
            "gset",
            (".gset", ".rudy", ".rud"),
            "'n m', 'i j w'; 1-based max-cut weights, J = -w, cut = (sum w - H)/2",
            pairs.read_gset,
            pairs.write_gset,
            base=1,
        ),
        Format(
            "mc",
            (".mc",),
            "'n m', 'i j w'; 1-based max-cut weights, J = -w, cut = (sum w - H)/2",
            pairs.read_mc,
            pairs.write_mc,
            base=1,
        ),
        Format("sg", (".sg", ".gsg"), "'n m', 'i j J'; 1-based, J > 0 aligns", pairs.read_sg, pairs.write_sg, base=1),
        Format(
            "bq",
            (".bq",),
            "'n m', 'i j q'; 1-based, min x'Qx over 0/1, Q as listed",
            qubo.read_bq,
            qubo.write_bq,
            base=1,
        ),
        Format(
            "biqmac",
            (".sparse",),
            "'n m', 'i j q'; 1-based, min x'Qx over 0/1, symmetric Q, off-diagonals count twice",
            qubo.read_biqmac,
            qubo.write_biqmac,
            base=1,
        ),
        Format(
            "spin_glass_server",
            (),
            "'type:', 'size:', 'name:', 'i j J'; 1-based, H = -sum J s s",
            spin_glass_server.read,
            spin_glass_server.write,
            base=1,
        ),
        Format(
            "coo",
            (".coo",),
            "dimod COO, '# vartype=SPIN|BINARY', 'i i h', 'i j J'; 0-based, H = +sum h s + sum J s s",
            coo.read,
            coo.write,
        ),
        Format(
            "npz",
            (".npz",),
            "scipy sparse J, triangular or symmetric, H = -sum_(i<j) J s s; arrays h, offset, pos, labels",
            npz.read,
            npz.write,
        ),
        Format(
            "qplib",
            (".qplib",),
            "QPLIB, binary without constraints; 1-based, min or max x'Qx/2 + b'x + c over 0/1, lower triangle",
            qplib.read,
            qplib.write,
            base=1,
        ),
        Format(
            "interactions",
            (".interactions",),
            "'J i j k ...' of any number of sites, 'h i'; 0-based, H = -sum J s...s - sum h s + offset",
            interactions.read,
            interactions.write,
            many=True,
        ),
        Format(
            "dimacs",
            (".col", ".clq", ".dimacs"),
            "'p edge n m', 'e i j' or 'e i j w'; 1-based graph as its max-cut, J = -w, cut = (sum w - H)/2",
            dimacs.read,
            dimacs.write,
            base=1,
        ),
        Format(
            "cnf",
            (".cnf", ".wcnf"),
            "DIMACS clauses, 'p cnf n m', '1 -3 0', or weighted; H = weight of the false ones, true is +1; read alone",
            cnf.read,
            None,
            many=True,
            base=1,
        ),
    )
}


def read(path: str | os.PathLike[str], format: str | None = None, **options: Any) -> IsingGraph | SpinHypergraph:
    """Read a Hamiltonian from a file, in the conventions of :data:`FORMATS`; text may be gzip.

    Args:
        path: the file.
        format: name of the format; by default the one whose suffix the file has (``.gz`` aside).
        options: those of the format's reader, such as ``base=1`` for an edge list.

    Returns:
        The graph, in float64, an :class:`graphar.IsingGraph`, or a :class:`graphar.SpinHypergraph` from the format
        ``"interactions"``; its sites numbered from 0 in the order of the file's own numbers, or of the first
        appearance of the words that name them, which are then its ``labels``.

    Raises:
        FileNotFoundError: there is no such file.
        PermissionError: it may not be read.
        ValueError: the format is unknown, or the file breaks it or could be in another one; names the file, the line
            and the rule.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "triangle.mc").write_text("3 3\\n1 2 1\\n2 3 1\\n1 3 1\\n")
    ...     read(Path(folder, "triangle.mc"))
    IsingGraph(3 spins, 3 couplings = -1, no field)
    """
    return examine(path, format, **options)[0]


def examine(
    path: str | os.PathLike[str], format: str | None = None, **options: Any
) -> tuple[IsingGraph | SpinHypergraph, Format, list[str]]:
    """As :func:`read`, with the format and what was taken for granted in reading it, in words."""
    path, entry = resolve(path, format)
    options = _checked(options, entry.read, entry.name)
    with plainly(path):
        if entry.examine is None:
            return entry.read(path, **options), entry, []
        graph, remarks = entry.examine(path, told=format is not None, **options)
        return graph, entry, remarks


def write(
    graph: IsingGraph | SpinHypergraph, path: str | os.PathLike[str], format: str | None = None, **options: Any
) -> None:
    """Write a Hamiltonian to a file, whole or not at all; text is gzip if the name ends in ``.gz``.

    What the format cannot hold is refused, never lost: fields and constants in max-cut files, for example. The
    numbers written read back as the same float64. The places of the sites and their labels are no part of the
    Hamiltonian: ``.npz`` keeps both, edge lists and ``.interactions`` keep labels, and other formats, which hold
    numbers alone, neither. Interactions of more than two spins go to ``.interactions``; a hypergraph of pairs to any.

    Args:
        graph: the Hamiltonian, no batch of several.
        path: the file; one that exists is replaced.
        format: name of the format; by default the one whose suffix the file has (``.gz`` aside).
        options: those of the format's writer, such as ``base=1`` for an edge list.

    Raises:
        FileNotFoundError: there is no folder to write it in.
        PermissionError: it may not be written there.
        ValueError: the format is unknown or cannot hold the graph.
    """
    path, entry = resolve(path, format)
    check_hamiltonian(graph, alone=True)
    graph.validate()
    if entry.write is None:
        raise ValueError(f"format must be one that holds Hamiltonians, got {entry.name!r}, which is read alone")
    held = _as_held(graph, entry)
    with plainly(path):
        entry.write(held, path, **_checked(options, entry.write, entry.name))


def _as_held(graph: IsingGraph | SpinHypergraph, entry: Format) -> IsingGraph | SpinHypergraph:
    """The graph as the format takes it."""
    if entry.many:
        return SpinHypergraph.from_ising(graph) if isinstance(graph, IsingGraph) else graph
    if isinstance(graph, IsingGraph):
        return graph
    if graph.order > 2:
        many = ", ".join(repr(each.name) for each in FORMATS.values() if each.many and each.write)
        raise ValueError(
            f"graph must have interactions of at most two spins in the format {entry.name!r}, got one of "
            f"{graph.order}; {many} holds any, and to_pairwise() makes pairs of them"
        )
    return graph.to_ising()


def resolve(path: Any, format: str | None = None) -> tuple[Path, Format]:
    """The file, and its format by name or suffix."""
    path = as_path(path)
    packed = path.suffix.lower() == ".gz"
    suffix = (path.with_suffix("") if packed else path).suffix.lower()
    if format is None:
        known = [entry for entry in FORMATS.values() if suffix in entry.suffixes]
        if not known:
            suffixes = ", ".join(f"{suffix} {entry.name}" for entry in FORMATS.values() for suffix in entry.suffixes)
            raise ValueError(
                f"format must be told where the suffix does not ({suffixes}), one of {', '.join(FORMATS)}; "
                f"got {str(path)!r}"
            )
        entry = known[0]
    elif format in FORMATS:
        entry = FORMATS[format]
    else:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}, got {format!r}")
    if packed and entry.name == "npz":
        raise ValueError(f"path must not end in .gz for the format 'npz', which is compressed, got {str(path)!r}")
    return path, entry


def _checked(options: dict[str, Any], function: Callable[..., Any], name: str) -> dict[str, Any]:
    parameters = inspect.signature(function).parameters.values()
    allowed = [parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]
    for option in options:
        if option not in allowed:
            raise ValueError(f"options of the format {name!r} must be among {allowed}, got {option!r}")
    return options
