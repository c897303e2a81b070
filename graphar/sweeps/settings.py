"""What tasks are told: plain settings, their product, and the name that each combination has on disk."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping, Set
from itertools import product
from numbers import Integral, Real
from typing import Any

__all__ = ["expand", "name_of", "plain", "text_of"]

MAX_SLUG = 80  # characters of a folder's name, before its hash
DEPTH = 8  # of lists and mappings within each other


def plain(value: Any, name: str, depth: int = DEPTH) -> Any:
    """A number, a string, True, False, None, or lists and mappings of them, as JSON has them; arrays become lists.

    Raises:
        ValueError: it is something else, or too deep.
    """
    if value is None or isinstance(value, str | bool):
        return str(value) if isinstance(value, str) else value
    if hasattr(value, "tolist"):  # of numpy and torch: arrays, and numbers of theirs
        value = value.tolist()
        if isinstance(value, bool | str):
            return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    if depth and isinstance(value, Mapping):
        if any(not isinstance(key, str) for key in value):
            raise ValueError(f"{name} must have strings for keys, got {next(k for k in value if type(k) is not str)!r}")
        return {str(key): plain(entry, f"{name}[{key!r}]", depth - 1) for key, entry in value.items()}
    if depth and isinstance(value, list | tuple | range):
        return [plain(entry, f"{name}[{k}]", depth - 1) for k, entry in enumerate(value)]
    rule = "a number, a string, a flag, None, or lists and mappings of them"
    raise ValueError(f"{name} must be {rule}, got {type(value).__name__}")


def expand(settings: Any) -> list[dict[str, Any]]:
    """The settings of each task: all combinations of a mapping's values, or a list of mappings as it is.

    Values that are sequences are gone through, the last name fastest; a setting that is itself a list is written as a
    list of one list.

    Raises:
        ValueError: there are none, one is there twice, or one is not plain or not finite.

    >>> expand({"size": 8, "seed": range(2)})
    [{'size': 8, 'seed': 0}, {'size': 8, 'seed': 1}]
    """
    if isinstance(settings, Mapping):
        axes = {name: _choices(value, f"settings[{name!r}]") for name, value in settings.items()}
        every: list[Any] = [dict(zip(axes, choice, strict=True)) for choice in product(*axes.values())]
        where = "settings"
    elif isinstance(settings, Iterable) and not isinstance(settings, str | bytes | Set):
        every, where = list(settings), "settings[{}]"
    else:
        raise ValueError(
            f"settings must be a mapping of names to values, or a list of such, got {type(settings).__name__}"
        )
    if not every:
        raise ValueError("settings must give at least one task, got none")
    found: list[dict[str, Any]] = []
    for k, one in enumerate(every):
        if not isinstance(one, Mapping):
            raise ValueError(f"{where.format(k)} must be a mapping of names to values, got {type(one).__name__}")
        found.append(plain(one, where.format(k)))
        _check_finite(found[-1], where.format(k))
    texts: set[str] = set()
    for each in found:
        text = text_of(each)
        if text in texts:
            raise ValueError(f"settings must differ from task to task, got twice {text}")
        texts.add(text)
    return found


def text_of(settings: Mapping[str, Any]) -> str:
    """The same text for the same settings, in whatever order they are given."""
    return json.dumps(settings, sort_keys=True, ensure_ascii=False)


def name_of(settings: Mapping[str, Any]) -> str:
    """The folder of a task: what one can read of its settings, and a hash of all of them.

    >>> name_of({"seed": 3, "instance": "rrg:64,degree=3"})
    'instance_rrg_64_degree_3-seed_3-8bdf4755e6a4'
    """
    words = (f"{name}_{_short(value)}" for name, value in sorted(settings.items()))
    slug = re.sub(r"[^A-Za-z0-9.+_-]+", "_", "-".join(words))[:MAX_SLUG].strip("._-")
    return f"{slug or 'task'}-{hashlib.blake2b(text_of(settings).encode(), digest_size=6).hexdigest()}"


def _short(value: Any) -> str:
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False).replace(" ", "")
    return value.rsplit("/", 1)[-1] if isinstance(value, str) else str(value)


def _choices(value: Any, name: str) -> list[Any]:
    if isinstance(value, Set):
        raise ValueError(f"{name} must have an order, such as a list has, got a {type(value).__name__}")
    if isinstance(value, str | bytes | Mapping):
        return [value]
    alone = not isinstance(value, Iterable) or getattr(value, "ndim", None) == 0
    choices = [value] if alone else list(value)
    if not choices:
        raise ValueError(f"{name} must hold at least one value, got none")
    return choices


def _check_finite(value: Any, name: str) -> None:
    """A NaN is equal to nothing, so that no restart would know it again."""
    if isinstance(value, dict | list):
        for key, entry in value.items() if isinstance(value, dict) else enumerate(value):
            _check_finite(entry, f"{name}[{key!r}]")
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name} must be finite, got {value}")
