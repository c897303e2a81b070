"""What the state in a file must look like: declared field by field, checked before anything is made of it.

A check takes a value and its name, and complains of what breaks its rule: ``run.history[2].bound must be a finite
number, got 'x'``. Files of tensors can be shaped by anybody, and wrong shapes in an optimiser's state write past the
ends of arrays.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import fields
from reprlib import Repr
from typing import Any

import torch
from torch import Tensor

__all__ = [
    "FLOATING",
    "Check",
    "anything",
    "each",
    "flag",
    "integer",
    "like",
    "number",
    "one_of",
    "optional",
    "plain",
    "record",
    "records_of",
    "table",
    "tensor",
]

Check = Callable[[Any, str], None]
FLOATING = (torch.float64, torch.float32)
_SHORT = Repr()
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxother = 2, 60, 60


def number(above: float = -math.inf, least: float = -math.inf, finite: bool = True) -> Check:
    """A float, or an integer that is one; NaN never."""

    def holds(value: Any) -> bool:
        if type(value) is int and abs(value) <= 2**53:
            value = float(value)
        if type(value) is not float or not value >= least or not (value > above or above == -math.inf):
            return False
        return math.isfinite(value) or not finite

    rule = "a finite number" if finite else "a number"
    rule += f" above {above:g}" if above > -math.inf else f" of at least {least:g}" if least > -math.inf else ""
    return _rule(rule, holds)


def integer(least: int = 0, most: int = 2**63 - 1) -> Check:
    return _rule(f"an integer of {least} … {most}", lambda value: type(value) is int and least <= value <= most)


def one_of(*choices: Any) -> Check:
    """One of a few strings, or any string where none are given."""
    rule = f"one of {', '.join(map(repr, choices))}" if choices else "a string"
    return _rule(rule, lambda value: type(value) is str and (not choices or value in choices))


def flag(value: Any, name: str) -> None:
    _rule("True or False", lambda value: type(value) is bool)(value, name)


def plain(value: Any, name: str, depth: int = 3) -> None:
    """A number, a string, a flag or None, or a list or dictionary of them."""
    if depth and isinstance(value, (list, dict)):
        entries = value.items() if isinstance(value, dict) else enumerate(value)
        for key, entry in entries:
            plain(entry, f"{name}[{_SHORT.repr(key)}]", depth - 1)
    elif type(value) is int:
        integer(-(2**63))(value, name)
    elif type(value) is float:
        number()(value, name)
    elif value is not None and type(value) not in (bool, str):
        raise ValueError(f"{name} must be a number, a string, a flag or None, got {_shown(value)}")


def anything(value: Any, name: str) -> None:
    """No rule: what is checked elsewhere, or not used."""


def tensor(shape: tuple[int | None, ...] | None, *dtypes: torch.dtype, finite: bool = True) -> Check:
    """A dense tensor that owns all its numbers; ``None`` in the shape stands for any length, for the shape for any."""

    def holds(value: Any) -> bool:
        if type(value) is not Tensor or value.layout != torch.strided or value.device.type == "meta":
            return False
        if value.dtype not in dtypes or (shape is not None and value.dim() != len(shape)):
            return False
        # a stride of 0 makes gigabytes of a single number
        owned = value.numel() * value.element_size() <= value.untyped_storage().nbytes()
        fits = shape is None or all(length in (None, own) for length, own in zip(shape, value.shape, strict=True))
        return owned and fits and (not finite or not value.is_floating_point() or bool(torch.isfinite(value).all()))

    kind = "floating" if dtypes == FLOATING else " or ".join(str(dtype)[6:] for dtype in dtypes)
    size = "" if shape is None else f", shape ({', '.join('any' if n is None else str(n) for n in shape)})"
    return _rule(f"a tensor of {'finite ' * finite}numbers, {kind}{size}", holds)


def optional(check: Check) -> Check:
    def or_none(value: Any, name: str) -> None:
        if value is not None:
            check(value, name)

    return or_none


def each(check: Check) -> Check:
    """A list, all of whose entries pass."""

    def all_of(value: Any, name: str) -> None:
        _rule("a list", lambda value: type(value) is list)(value, name)
        for k, entry in enumerate(value):
            check(entry, f"{name}[{k}]")

    return all_of


def table(check: Check) -> Check:
    """A dictionary with strings for keys, all of whose entries pass."""

    def all_of(value: Any, name: str) -> None:
        _rule("a dictionary", lambda value: isinstance(value, dict) and all(type(key) is str for key in value))(
            value, name
        )
        for key, entry in value.items():
            check(entry, f"{name}.{key}")

    return all_of


def record(entries: Mapping[Any, Check], extra: Mapping[Any, Check] | None = None) -> Check:
    """A dictionary with these entries, perhaps some of ``extra``, and no others."""
    known = {**entries, **(extra or {})}

    def all_of(value: Any, name: str) -> None:
        _rule("a dictionary", lambda value: isinstance(value, dict))(value, name or "the state")
        prefix = f"{name}." if name else ""
        missing = [key for key in entries if key not in value]
        odd = [key for key in value if key not in known]
        if missing or odd:
            what = f"{prefix}{_SHORT.repr(odd[0])} is unknown" if odd else f"{prefix}{missing[0]} is missing"
            raise ValueError(what)
        for key, check in known.items():
            if key in value:
                check(value[key], f"{prefix}{key}")

    return all_of


def records_of(cls: Any) -> Check:
    """A list of what ``asdict`` makes of a dataclass of numbers."""
    kinds = {"int": integer(), "float": number(), "float | None": optional(number())}
    return each(record({field.name: kinds[str(field.type)] for field in fields(cls)}))


def like(pattern: Any) -> Check:
    """The same structure, types, shapes and lengths, with other numbers."""
    if isinstance(pattern, Tensor):
        return tensor(tuple(pattern.shape), pattern.dtype)
    if isinstance(pattern, dict):
        return record({key: like(value) for key, value in pattern.items()})
    if isinstance(pattern, (list, tuple)):
        parts = [like(entry) for entry in pattern]
        kind = type(pattern)

        def all_of(value: Any, name: str) -> None:
            rule = f"a {kind.__name__} of {len(parts)} entries"
            _rule(rule, lambda value: type(value) is kind and len(value) == len(parts))(value, name)
            for k, (part, entry) in enumerate(zip(parts, value, strict=True)):
                part(entry, f"{name}[{k}]")

        return all_of
    if isinstance(pattern, bool):
        return flag
    if isinstance(pattern, int):
        return integer(-(2**63))
    if isinstance(pattern, float):
        return number(finite=math.isfinite(pattern))
    return _rule(_SHORT.repr(pattern), lambda value: type(value) is type(pattern) and value == pattern)


def _rule(rule: str, holds: Callable[[Any], bool]) -> Check:
    def check(value: Any, name: str) -> None:
        if not holds(value):
            raise ValueError(f"{name} must be {rule}, got {_shown(value)}")

    return check


def _shown(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of {str(value.dtype)[6:]}, shape {tuple(value.shape)}"
    return _SHORT.repr(value)
