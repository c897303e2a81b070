"""What an instance of a data set is made from: a family, a size, its options and a seed of its own."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphar._support.checks import check_count
from graphar.hamiltonians.ising import IsingGraph
from graphar.instances.complete import sherrington_kirkpatrick
from graphar.instances.couplings import FIELDS
from graphar.instances.lattices import grid, triangular
from graphar.instances.planted import random_chain, wishart_planted
from graphar.instances.random_graphs import erdos_renyi, random_regular

__all__ = ["Recipe", "instance_seed"]

LATTICES: dict[str, Callable[..., IsingGraph]] = {"grid": grid, "triangular": triangular}
FAMILIES: dict[str, Callable[..., IsingGraph]] = {
    **LATTICES,
    "random_regular": random_regular,
    "erdos_renyi": erdos_renyi,
    "sherrington_kirkpatrick": sherrington_kirkpatrick,
    "wishart_planted": wishart_planted,
    "random_chain": random_chain,
}
SPLITS = ("train", "validation", "test")


def instance_seed(seed: int, split: str, index: int) -> int:
    r"""Seed of one instance, different for every (seed, split, index).

    .. math:: 2^{34}\,\text{seed} + 2^{32} s + \text{index}, \qquad s = 1, 2, 3 \text{ for train, validation, test}

    The builders hash it into independent streams. It is never below :math:`2^{32}`, so that no instance of a data set
    is one that was built with a small seed.

    Args:
        seed: of the data set, at least 0.
        split: ``"train"``, ``"validation"`` or ``"test"``.
        index: number of the instance in its split, from 0 to 2³² − 1.

    Raises:
        ValueError: an argument out of range.

    >>> instance_seed(0, "train", 5) == 2**32 + 5
    True
    """
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(map(repr, SPLITS))}, got {split!r}")
    if check_count(index, "index", minimum=0) >= 2**32:
        raise ValueError(f"index must be below 2**32, got {index}")
    return (check_count(seed, "seed", minimum=0) << 34) + ((1 + SPLITS.index(split)) << 32) + int(index)


@dataclass(frozen=True)
class Recipe:
    """All that decides which graphs a data set holds; checked by :meth:`of`."""

    family: str
    sizes: tuple[Any, ...]
    num_graphs: int
    options: dict[str, Any]
    split: str
    seed: int

    @classmethod
    def of(cls, family: str, sizes: Any, num_graphs: int, options: dict[str, Any], split: str, seed: int) -> Recipe:
        if not isinstance(family, str) or family not in FAMILIES:
            raise ValueError(f"family must be one of {', '.join(map(repr, FAMILIES))}, got {family!r}")
        recipe = cls(
            family,
            _as_sizes(sizes, family),
            check_count(num_graphs, "num_graphs"),
            _with_defaults(family, options),
            split,
            check_count(seed, "seed", minimum=0),
        )
        instance_seed(seed, split, recipe.num_graphs - 1)
        return recipe

    def build(self, index: int) -> IsingGraph:
        """Instance ``index``: sizes take turns, so that more graphs leave the earlier ones as they are."""
        size = self.sizes[index % len(self.sizes)]
        graph = FAMILIES[self.family](size, seed=instance_seed(self.seed, self.split, index), **self.options)
        if "planted" in graph:
            del graph.planted  # graphs of one batch have the same attributes
        return graph

    def text(self, **more: Any) -> str:
        """The recipe and other settings as JSON, equal for equal settings alone."""
        return json.dumps({**vars(self), **more}, sort_keys=True)

    def file_name(self, **more: Any) -> str:
        """A name for the data set on disk, another for other settings."""
        digest = hashlib.sha256(self.text(**more).encode()).hexdigest()[:20]
        return f"{self.family}-{self.split}-{digest}.pt"


def _as_sizes(sizes: Any, family: str) -> tuple[Any, ...]:
    """One size or several, as the builder takes them: numbers of spins, or shapes of a lattice."""
    plain = _plain(sizes, "sizes")
    if family not in LATTICES:
        several = plain if isinstance(plain, tuple) else (plain,)
        checked: tuple[Any, ...] = tuple(check_count(size, "sizes") for size in several)
    elif not isinstance(plain, tuple):
        raise ValueError(f"sizes must be the shape of a lattice, or a sequence of shapes, got {sizes!r}")
    else:
        shapes = plain if plain and isinstance(plain[0], tuple) else (plain,) if plain else ()
        if not all(isinstance(shape, tuple) and shape for shape in shapes):
            raise ValueError(f"sizes must be the shape of a lattice, or a sequence of shapes, got {sizes!r}")
        checked = tuple(tuple(check_count(length, "sizes") for length in shape) for shape in shapes)
    if not checked:
        raise ValueError(f"sizes must hold at least one size, got {sizes!r}")
    return checked


def _with_defaults(family: str, options: dict[str, Any]) -> dict[str, Any]:
    """Every option of the builder, given or by default: what is written down must not hang on defaults."""
    _, *parameters = inspect.signature(FAMILIES[family]).parameters.values()
    defaults = {each.name: each.default for each in parameters if each.name != "seed"}
    unknown = sorted(options.keys() - defaults.keys())
    if unknown:
        raise ValueError(f"{unknown[0]} must be one of the options of {family}, {', '.join(defaults)}, got another")
    complete = {name: _plain(options.get(name, default), name) for name, default in defaults.items()}
    if family in LATTICES and complete["couplings"] not in FIELDS and complete["field"] not in FIELDS:
        raise ValueError(
            f"couplings or field must be one of {', '.join(map(repr, FIELDS))}, else all lattices of a size are equal, "
            f"got {complete['couplings']!r} and {complete['field']!r}"
        )
    return complete


def _plain(value: Any, name: str) -> Any:
    """Numbers, names and tuples of them: what can be written down and compared."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (Sequence, np.ndarray)):
        return tuple(_plain(each, name) for each in value)
    if value is inspect.Parameter.empty:
        raise ValueError(f"{name} must be given, got nothing")
    raise ValueError(f"{name} must be numbers, names or sequences of them, got {type(value).__name__}")
