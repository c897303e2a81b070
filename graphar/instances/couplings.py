"""Couplings and fields of an instance: named distributions, one number, or the user's own array."""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np

from graphar._support.checks import check_count
from graphar.hamiltonians.ising import MAX_SPINS, IsingGraph

__all__ = ["COUPLINGS", "FIELDS", "as_numbers", "assemble", "check_memory", "check_size", "draw", "streams"]

COUPLINGS = ("pm1", "gaussian", "uniform", "ferromagnet")
FIELDS = ("pm1", "gaussian", "uniform")
_BYTES_PER_SPIN, _BYTES_PER_COUPLING = 60, 240  # while an instance is made, as measured


def streams(seed: int) -> tuple[np.random.Generator, np.random.Generator, np.random.Generator]:
    """Independent generators for the graph, the couplings and the fields of one seed."""
    children = np.random.SeedSequence(check_count(seed, "seed", minimum=0)).spawn(3)
    graph, couplings, fields = (np.random.Generator(np.random.PCG64(child)) for child in children)
    return graph, couplings, fields


def check_size(value: Any, name: str = "num_spins") -> int:
    """A number of spins that an instance can have."""
    size = check_count(value, name)
    if size > MAX_SPINS:
        raise ValueError(f"{name} must be at most {MAX_SPINS}, got {size}")
    return size


def check_memory(num_spins: int, num_couplings: float, more: float = 0) -> None:
    """Refuse an instance that takes more bytes to make than the machine has; ``more`` are those of the builder."""
    needed = _BYTES_PER_SPIN * num_spins + _BYTES_PER_COUPLING * num_couplings + more
    if needed > (there := _memory()):
        raise ValueError(
            f"an instance must fit in memory, {there:.3g} bytes here, got {num_spins} spins with "
            f"{num_couplings:.3g} couplings, which take {needed:.3g} bytes to make"
        )


def _memory() -> float:
    """Bytes of memory, infinite where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError):
        return math.inf


def draw(kind: str, size: int, generator: np.random.Generator, name: str, kinds: tuple[str, ...]) -> np.ndarray:
    """Independent numbers of one kind, shape (size,).

    ``"pm1"``: ±1 with equal probability; ``"gaussian"``: mean 0, variance 1; ``"uniform"``: in [−1, 1];
    ``"ferromagnet"``: +1.
    """
    if kind not in kinds:
        raise ValueError(f"{name} must be a number, an array or one of {', '.join(map(repr, kinds))}, got {kind!r}")
    if kind == "pm1":
        return 2.0 * generator.integers(0, 2, size) - 1.0
    if kind == "gaussian":
        return generator.standard_normal(size)
    if kind == "uniform":
        return generator.uniform(-1.0, 1.0, size)
    return np.ones(size)


def assemble(
    source: np.ndarray,
    target: np.ndarray,
    num_spins: int,
    couplings: Any,
    field: Any,
    seed: int,
    *,
    scale: float = 1.0,
    pos: np.ndarray | None = None,
) -> IsingGraph:
    """Instance on the given edges; an edge that appears twice, in either direction, is one coupling.

    Args:
        source, target: ends of the edges, shape (E,) each, in any order.
        couplings: a name of :func:`draw`, a number, or an array in the order of ``IsingGraph.undirected()``.
        field: none, a name, a number, or an array of shape (N,).
        scale: factor on the couplings.
    """
    key = np.sort(np.minimum(source, target) * num_spins + np.maximum(source, target))
    once = np.ones(key.size, np.bool_)
    once[1:] = key[1:] != key[:-1]
    key = key[once]
    _, for_couplings, for_fields = streams(seed)
    if isinstance(couplings, str):
        couplings = draw(couplings, key.size, for_couplings, "couplings", COUPLINGS)
    if isinstance(field, str):
        field = draw(field, num_spins, for_fields, "field", FIELDS)
    couplings, field = as_numbers(couplings, key.size, "couplings"), as_numbers(field, num_spins, "field")
    edges = np.stack([key // num_spins, key % num_spins])
    return IsingGraph.from_edges(edges, scale * couplings, field, num_spins, pos=pos)


def as_numbers(values: Any, size: int, name: str) -> Any:
    """None for no field; else one number, or an array of shape (size,)."""
    if values is None and name == "field":
        return None
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must hold real numbers, got {type(values).__name__}") from error
    if array.shape not in ((), (size,)):
        raise ValueError(f"{name} must be one number or have shape ({size},), got {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got {array[~np.isfinite(array)].flat[0]}")
    return array
