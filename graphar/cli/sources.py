"""What the command line calls a graph, an ordering, a head: the one table of names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from graphar import heads, instances, io, ordering
from graphar.hamiltonians import IsingGraph
from graphar.ordering import Ordering

__all__ = ["BUILDERS", "HEADS", "ORDERINGS", "open_graph", "source_name"]

BUILDERS: dict[str, Callable[..., IsingGraph]] = {
    "chain": instances.chain,
    "grid": instances.grid,
    "triangular": instances.triangular,
    "rrg": instances.random_regular,
    "erdos_renyi": instances.erdos_renyi,
    "complete": instances.complete,
    "sk": instances.sherrington_kirkpatrick,
    "curie_weiss": instances.curie_weiss,
}

ORDERINGS: dict[str, Callable[[IsingGraph, int], Ordering]] = {
    "natural": lambda graph, seed: ordering.natural(graph),
    "bfs": lambda graph, seed: ordering.bfs(graph),
    "rcm": lambda graph, seed: ordering.rcm(graph),
    "min_degree": lambda graph, seed: ordering.min_degree(graph),
    "min_fill": lambda graph, seed: ordering.min_fill(graph),
    "nested_dissection": lambda graph, seed: ordering.nested_dissection(graph, seed=seed),
    "random": lambda graph, seed: ordering.random_order(graph, seed=seed),
}

HEADS: dict[str, heads.Head] = {
    "linear": heads.Linear(),
    "linear_parents": heads.Linear("parents"),
    "mlp": heads.MLP(),
    "mlp_parents": heads.MLP(inputs="parents"),
    "sk_rs": heads.SherringtonKirkpatrick(0),
    "sk_1rsb": heads.SherringtonKirkpatrick(1),
    "sk_2rsb": heads.SherringtonKirkpatrick(2),
    "curie_weiss": heads.CurieWeiss(trainable=True),
    "curie_weiss_infinite": heads.CurieWeissInfinite(),
    "one_parameter": heads.OneParameter(),
    "single_layer": heads.SingleLayer(),
    "made": heads.MADE(),
    "message_passing": heads.MessagePassing(linear=True),
}


def open_graph(source: str, format: str | None = None, base: int | None = None) -> IsingGraph:
    """A graph from a file, or from a builder's name and arguments such as ``rrg:256,degree=3,seed=1``.

    >>> open_graph("grid:4x6,periodic=true,couplings=gaussian,seed=2")
    IsingGraph(24 spins, 48 couplings in [-2.21, 1.92], no field)
    """
    name, colon, arguments = source.partition(":")
    if colon and name in BUILDERS and not Path(source).exists():
        if format is not None or base is not None:
            raise ValueError(f"format and base are for files, got {source!r}, a builder")
        return _build(name, arguments)
    if colon and not Path(source).exists() and "/" not in source and format is None:
        raise ValueError(f"no file and no builder is called {source!r}; builders: {', '.join(BUILDERS)}")
    return io.read(source, format, **({} if base is None else {"base": base}))


def source_name(source: str) -> str:
    """A short name for a run folder."""
    name = Path(source).name
    while Path(name).suffix in (".gz", *(suffix for entry in io.FORMATS.values() for suffix in entry.suffixes)):
        name = Path(name).stem
    return "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in name)


def _build(name: str, arguments: str) -> IsingGraph:
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
    lengths = text.split("x")
    if len(lengths) > 1 and all(part.isdigit() for part in lengths):
        return tuple(int(part) for part in lengths)
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text
