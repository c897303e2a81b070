"""Names of sites: any distinct hashables, in the order of the sites.

Sites are numbered 0…N−1. Where other names come in (words, tuples, numbers of a database), a graph keeps them as
``labels``, so that answers, which are tensors over 0…N−1, find their way back.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse
from torch import Tensor

__all__ = ["MAX_SPINS", "as_labels", "as_mapping", "is_plain", "look_up", "number", "site_numbers"]

MAX_SPINS = 2**31 - 1


def as_labels(labels: Any) -> dict[Hashable, int]:
    """Site of each label, in the order of the sites; distinct hashables, numbers of numpy and torch as Python's own."""
    no_row = (str, bytes, dict, set, frozenset)
    if isinstance(labels, no_row) or not isinstance(labels, Iterable) or issparse(labels):
        raise ValueError(f"labels must be a sequence of distinct hashables, one per site, got {type(labels).__name__}")
    if isinstance(labels, (Tensor, np.ndarray)):
        if labels.ndim != 1 or (isinstance(labels, Tensor) and (labels.is_meta or labels.layout != torch.strided)):
            raise ValueError(f"labels must be hashable names in one row, got {type(labels)} of shape {labels.shape}")
        labels = labels.tolist()
    listed = list(labels)
    if {type(label) for label in listed} <= {int, str}:
        sites = dict(zip(listed, range(len(listed)), strict=True))
        if len(sites) == len(listed):
            return sites
    sites = {}
    for k, label in enumerate(listed):
        name = _plain(label)
        try:
            usable = name is not None and bool(name == name)  # a missing number (NaN) differs from itself
            first = sites.setdefault(name, k)
        except (TypeError, ValueError) as error:
            raise ValueError(f"labels must be hashable, got {label!r} at position {k}") from error
        if not usable:
            raise ValueError(f"labels must be names, got {label!r} at position {k}")
        if first != k:
            raise ValueError(f"labels must be distinct, got {label!r} at positions {first} and {k}")
    return sites


def is_plain(sites: Mapping[Hashable, int]) -> bool:
    """Whether the labels are the numbers 0…N−1 of the sites themselves."""
    return all(type(label) is int and label == k for label, k in sites.items())


def number(names: Iterable[Any], labels: Any, what: str) -> tuple[np.ndarray, list[Hashable] | None]:
    """Sites of names, and the labels of all sites, which are None where the names are site numbers.

    With ``labels``, every name must be one of them. Without, whole numbers are site numbers; if any name is
    something else, all are labels, in the order of their first appearance.
    """
    listed = _plain_all(names)
    if labels is not None:
        sites = as_labels(labels)
        return look_up(listed, sites, what), list(sites)
    numbers = site_numbers(listed, what)
    if numbers is not None:
        return numbers, None
    try:
        sites = as_labels(list(dict.fromkeys(listed)))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{what} must name sites by numbers or hashable labels: {error}") from error
    return look_up(listed, sites, what), list(sites)


def look_up(names: Iterable[Any], sites: Mapping[Hashable, int], what: str) -> np.ndarray:
    """Sites of labels, int64."""
    listed = _plain_all(names)
    try:
        return np.array([sites[name] for name in listed], dtype=np.int64)
    except (KeyError, TypeError) as error:
        wrong = next(name for name in listed if not _is_among(name, sites))
        some = ", ".join(repr(label) for label in list(sites)[:3]) + (", …" if len(sites) > 3 else "")
        raise ValueError(f"{what} must name sites by their labels ({some}), got {wrong!r}") from error


def _is_among(name: Any, sites: Mapping[Hashable, int]) -> bool:
    try:
        return name in sites
    except TypeError:  # not hashable
        return False


def site_numbers(names: Iterable[Any], what: str) -> np.ndarray | None:
    """Names that all are whole numbers, as int64; None if one is of another kind."""
    listed = _plain_all(names)
    kinds = {type(name) for name in listed}
    if bool in kinds:
        raise ValueError(f"{what} must name sites by numbers or labels, got True or False")
    if not kinds <= {int, float}:
        return None
    for name in listed if float in kinds else ():
        if not float(name).is_integer():
            raise ValueError(f"{what} must name sites by whole numbers, got {name}; labels= names them otherwise")
    for name in (min(listed, default=0), max(listed, default=0)):
        if not 0 <= name < MAX_SPINS:
            raise ValueError(
                f"{what} must name sites by numbers from 0 to {MAX_SPINS - 1}, got {int(name)}; "
                "labels= lists the sites where numbers are names"
            )
    return np.array(listed, dtype=np.int64)


def _plain_all(names: Iterable[Any]) -> list[Any]:
    listed = list(names)
    return listed if {type(name) for name in listed} <= {int, float, str, tuple} else [_plain(name) for name in listed]


def _plain(label: Any) -> Any:
    """Python's own number or word for one of numpy's or torch's, whose tensors hash by identity."""
    if isinstance(label, (np.bool_, np.integer, np.floating, np.str_)) or (
        isinstance(label, Tensor) and not label.dim()
    ):
        return label.item()
    return label


def as_mapping(h: Any) -> Any:
    """A series of pandas as what it is, values by name, or as values in order where its index only counts."""
    if isinstance(h, Mapping) or not (hasattr(h, "index") and hasattr(h, "to_dict")) or hasattr(h, "columns"):
        return h
    values = dict(h.to_dict())
    if len(values) != len(h):
        raise ValueError("h must have each site once in its index, got one twice")
    return list(values.values()) if list(values) == list(range(len(values))) else values
