"""Graphs and orders by what one writes in a shell or a file of settings: builders with arguments, names of orders."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from graphar import instances, io, ordering
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.io.text import is_real
from graphar.ordering import Ordering

__all__ = ["BUILDERS", "ORDERINGS", "examine", "is_builder", "open_graph", "source_name"]

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_SHAPE = re.compile(r"[0-9]{1,18}(x[0-9]{1,18})+")

BUILDERS: dict[str, Callable[..., IsingGraph | SpinHypergraph]] = {
    "chain": instances.chain,
    "grid": instances.grid,
    "triangular": instances.triangular,
    "rrg": instances.random_regular,
    "erdos_renyi": instances.erdos_renyi,
    "wishart": instances.wishart_planted,
    "random_chain": instances.random_chain,
    "complete": instances.complete,
    "sk": instances.sherrington_kirkpatrick,
    "curie_weiss": instances.curie_weiss,
    "newman_moore": instances.newman_moore,
    "pspin": instances.random_hypergraph,
    "xorsat": instances.xorsat,
}

ORDERINGS: dict[str, Callable[[IsingGraph | SpinHypergraph, int], Ordering]] = {
    "natural": lambda graph, seed: ordering.natural(graph),
    "bfs": lambda graph, seed: ordering.bfs(graph),
    "rcm": lambda graph, seed: ordering.rcm(graph),
    "min_degree": lambda graph, seed: ordering.min_degree(graph),
    "min_fill": lambda graph, seed: ordering.min_fill(graph),
    "nested_dissection": lambda graph, seed: ordering.nested_dissection(graph, seed=seed),
    "random": lambda graph, seed: ordering.random_order(graph, seed=seed),
}


def open_graph(source: str, format: str | None = None, base: int | None = None) -> IsingGraph | SpinHypergraph:
    """A graph from a file, or from a builder's name and arguments such as ``rrg:256,degree=3,seed=1``.

    >>> open_graph("grid:4x6,periodic=true,couplings=gaussian,seed=2")
    IsingGraph(24 spins, 48 couplings in [-2.21, 1.92], no field)
    """
    return examine(source, format, base)[0]


def examine(
    source: str, format: str | None = None, base: int | None = None
) -> tuple[IsingGraph | SpinHypergraph, list[str]]:
    """As :func:`open_graph`, with the convention of a file and what was taken for granted in reading it, in words."""
    name, colon, arguments = source.partition(":")
    if is_builder(source):
        if format is not None or base is not None:
            raise ValueError(f"format and base are for files, got {source!r}, a builder")
        return _build(name, arguments), []
    if colon and not _is_there(source) and "/" not in source and format is None:
        raise ValueError(f"no file and no builder is called {source!r}; builders: {', '.join(BUILDERS)}")
    graph, entry, remarks = io.examine(source, format, **({} if base is None else {"base": base}))
    return graph, [f"format: {entry.name}: {entry.convention}", *remarks]


def is_builder(source: str) -> bool:
    """Whether it names a builder and no file."""
    name, colon, _ = source.partition(":")
    return bool(colon) and name in BUILDERS and not _is_there(source)


def source_name(source: str) -> str:
    """A short name for a run folder."""
    name = Path(source).name
    while Path(name).suffix in (".gz", *(suffix for entry in io.FORMATS.values() for suffix in entry.suffixes)):
        name = Path(name).stem
    return "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in name)


def _is_there(source: str) -> bool:
    try:
        return Path(source).exists()
    except (OSError, ValueError):  # a name that no file can have
        return False


def _build(name: str, arguments: str) -> IsingGraph | SpinHypergraph:
    positional: list[Any] = []
    keywords: dict[str, Any] = {}
    for argument in filter(None, arguments.split(",")):
        key, equals, value = argument.partition("=")
        if equals:
            keywords[key.strip()] = _value(value.strip())
        else:
            positional.append(_value(argument.strip()))
    try:
        return BUILDERS[name](*positional, **keywords)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: {error} (write grid:16x16,periodic=true,seed=1 or rrg:256,degree=3)") from error


def _value(text: str) -> Any:
    """A number, a truth value, a shape such as 16x16, or the word itself."""
    if _SHAPE.fullmatch(text):
        return tuple(int(part) for part in text.split("x"))
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if is_real(text) else text
