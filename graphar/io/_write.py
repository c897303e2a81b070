"""Writing text: numbers that read back as themselves, and what a format cannot hold refused."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from graphar._support.files import atomic_write
from graphar.hamiltonians.ising import IsingGraph
from graphar.io._files import room

__all__ = ["listed", "number", "offset_of", "qubo_of", "refuse_constant", "refuse_field", "refuse_offset", "save_lines"]


def number(value: float) -> str:
    """Shortest decimal that reads back as the same float64, never with an exponent (several readers know none).

    >>> number(3.0), number(-0.1), number(1e-7)
    ('3', '-0.1', '0.0000001')
    """
    text = repr(value + 0.0)  # no negative zero
    if "e" in text:
        return np.format_float_positional(value, trim="-")
    return text.removesuffix(".0")


def listed(graph: IsingGraph, base: int) -> Iterator[tuple[int, int, float]]:
    """Every edge once with its coupling, the numbering of the sites starting at ``base``."""
    i, j, J = graph.undirected()
    return zip((i + base).tolist(), (j + base).tolist(), J.double().tolist(), strict=True)


def offset_of(graph: IsingGraph) -> float:
    """Constant of the energy."""
    return graph.offset.double().item()


def refuse_field(graph: IsingGraph, name: str) -> None:
    """Complain about a graph whose fields the format would lose."""
    if graph.has_field:
        site = int(graph.h.nonzero()[0])
        raise ValueError(f"graph must have no fields in the format {name!r}, got h = {graph.h[site].item()} at {site}")


def refuse_offset(offset: float, name: str, drop_offset: bool) -> None:
    """Complain about a constant that the format would lose, unless the caller lets it go."""
    if offset and not drop_offset:
        raise ValueError(
            f"graph must have no constant energy in the format {name!r} (drop_offset=True leaves it out), got {offset}"
        )


def qubo_of(graph: IsingGraph) -> tuple[list[int], list[int], list[float], float]:
    """Rows i ≤ j, columns and entries of the upper-triangular QUBO matrix, and its constant."""
    with np.errstate(over="ignore", invalid="ignore"):
        matrix, constant = graph.to_qubo()
    entries = matrix.tocoo()
    if not np.isfinite(entries.data).all() or not np.isfinite(constant):
        raise ValueError("graph must have couplings and fields whose sums are finite, got an overflow in its QUBO")
    return entries.row.tolist(), entries.col.tolist(), entries.data.tolist(), constant


def refuse_constant(constant: float, graph: IsingGraph, name: str, drop_offset: bool) -> None:
    """As :func:`refuse_offset` for the constant of a QUBO, a sum of the graph's numbers: its rounding passes."""
    terms = abs(offset_of(graph)) + float(graph.edge_weight.double().abs().sum() + graph.h.double().abs().sum())
    if abs(constant) > 8 * np.finfo(np.float64).eps * terms:
        refuse_offset(constant, name, drop_offset)


def save_lines(path: Path, lines: Iterable[str], num_spins: int) -> None:
    """Write a text file, gzip if its name ends in .gz; refuses what the readers would refuse."""
    data = "".join(f"{line}\n" for line in lines).encode()
    if num_spins > room(len(data)):
        raise ValueError(
            f"graph must have at most {room(len(data))} spins, which is what the {len(data)} bytes of text that "
            f"hold it may claim, got {num_spins}"
        )
    # no name and no time inside, so that equal graphs give equal files
    with atomic_write(path) as file:
        file.write(gzip.compress(data, mtime=0) if path.suffix.lower() == ".gz" else data)
